import { describe, expect, test } from '@jest/globals';
import { Limiter } from 'keelson';
import { argumentsAsData, optionsAsData } from '../../src/sync/data.js';

const messageOf = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as Error).message;
  }
  throw new Error('It was accepted.');
};

describe('options of a client', () => {
  test.each<[object, string]>([
    [{ apiKey: () => 'x' }, 'the option `apiKey` is a function'],
    [{ logger: { debug: () => 0 } }, 'the option `logger.debug` is a function'],
    [{ tokenizer: () => 3 }, 'the option `tokenizer` is a function'],
    [{ retry: { retryOn: () => true } }, 'the option `retry.retryOn` is a function'],
    [
      { rateLimit: new Limiter({ requestsPerMinute: 1 }) },
      'the option `rateLimit` is an object of the class Limiter',
    ],
    [
      { http: { signal: new AbortController().signal } },
      'the option `http.signal` is an object of the class AbortSignal',
    ],
    [{ model: Symbol('x') }, 'the option `model` is a symbol'],
  ])('are refused by name where they cannot go into a worker: %#', (options, part) => {
    const message = messageOf(() => optionsAsData(options, 'new X()'));
    expect(message).toContain(`new X(): ${part}, which cannot go into the worker`);
    expect(message).toContain('createSyncClient');
  });

  test('are taken as they are otherwise', () => {
    const options = { apiKey: null, retry: { maxRetries: 2 }, headers: { a: 'b' }, logBodies: undefined };
    expect(optionsAsData(options, 'new X()')).toEqual(options);
  });

  test('must not be a function themselves', () => {
    expect(messageOf(() => optionsAsData(() => ({}), 'new X()'))).toContain(
      'new X(): the options are a function',
    );
  });
});

describe('arguments of a call', () => {
  test('are what JSON would have of them, but dates and bytes stay', () => {
    class Message {
      readonly role = 'user';
      constructor(readonly content: string) {}
      get length(): number {
        return this.content.length;
      }
    }
    const date = new Date(0);
    const bytes = new Uint8Array([1, 2]);
    const map = new Map([[1, 2]]);
    const given = [
      [new Message('Hi')],
      { url: new URL('https://x.example/a'), date, bytes, map, none: undefined },
    ];
    expect(argumentsAsData(given, 'f()')).toEqual({
      args: [
        [{ role: 'user', content: 'Hi' }],
        { url: 'https://x.example/a', date, bytes, map, none: undefined },
      ],
      signal: undefined,
      at: -1,
    });
  });

  test('give up the signal of their options', () => {
    const { signal } = new AbortController();
    const given = ['text', {}, { timeoutMs: 5, signal }];
    expect(argumentsAsData(given, 'f()')).toEqual({
      args: ['text', {}, { timeoutMs: 5, signal: undefined }],
      signal,
      at: 2,
    });
    expect(given[2]).toEqual({ timeoutMs: 5, signal });
  });

  test('are refused where they are no data', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const refused = (...given: unknown[]) => messageOf(() => argumentsAsData(given, 'f()'));
    expect(refused(1, () => 1)).toBe('f(): argument 2 is a function, which cannot go into the worker.');
    expect(refused({ a: [{ b: Symbol('x') }] })).toBe(
      'f(): `a.0.b` of argument 1 is a symbol, which cannot go into the worker.',
    );
    expect(refused(new AbortController().signal)).toContain(
      'argument 1 is an object of the class AbortSignal',
    );
    expect(refused(circle)).toContain('a circle');
  });
});
