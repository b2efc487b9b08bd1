import { describe, expect, test } from '@jest/globals';
import * as keelson from 'keelson';
import { APIError, ConflictError, LLMError, RateLimitError, type LLMErrorInit } from 'keelson';
import { packThrown, unpackThrown } from '../../src/sync/errors.js';
import { ERROR_TABLE } from '../../decorators/errors/table.js';

/** As between two threads: what is no data would not come through. */
const sent = (thrown: unknown): any => unpackThrown(structuredClone(packThrown(thrown)));

const init: LLMErrorInit = {
  code: 'some_code',
  retryable: true,
  retryAfterMs: 12,
  statusCode: 418,
  requestId: 'req_1',
  provider: 'harbour',
  type: 'kettle',
  param: 'tea',
  response: { error: { message: 'no coffee' } },
  rateLimit: { requests: { limit: 3, remaining: 1, resetMs: 20 } },
  attempts: [{ name: 'RateLimitError', code: 'rate_limit', statusCode: 429, waitMs: 1, durationMs: 2 }],
  cause: new TypeError('a cause', { cause: new RangeError('of a cause') }),
};

describe('an error on its way from the worker', () => {
  test.each(Object.keys(ERROR_TABLE))('%s stays what it is, with all its fields and causes', (name) => {
    const Class = keelson[name as 'RateLimitError'];
    const isAPI = (Class as object) === APIError || Class.prototype instanceof APIError;
    const original = isAPI
      ? new (Class as unknown as typeof APIError)('It failed.', 418, undefined, init)
      : new Class('It failed.', { ...init, ...(name === 'RateLimitError' && { origin: 'client' }) });
    const error = sent(original);
    expect(error).toBeInstanceOf(Class);
    expect(error).toBeInstanceOf(Error);
    expect(Object.prototype.toString.call(error)).toBe('[object Error]');
    expect(Object.entries(error)).toEqual(Object.entries(original));
    expect([error.name, error.message, error.constructor]).toEqual([name, 'It failed.', Class]);
    expect(JSON.stringify(error)).toBe(JSON.stringify(original));
    expect(error.cause).toBeInstanceOf(TypeError);
    expect([error.cause.message, error.cause.cause.message]).toEqual(['a cause', 'of a cause']);
    expect(error.cause.cause).toBeInstanceOf(RangeError);
    expect(Object.keys(error)).not.toContain('cause');
  });

  test('of a class of the user is one of the nearest class here, under its own name', () => {
    class TiredError extends RateLimitError {
      yawns = 3;
    }
    const error = sent(new TiredError('I am tired.'));
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).not.toBeInstanceOf(ConflictError);
    expect(error).toMatchObject({ name: 'TiredError', yawns: 3, code: 'rate_limit' });
    expect(Object.keys(error)).not.toContain('name');
  });

  test('is not taken for one of ours by its name', () => {
    class ConflictErrorOfOthers extends Error {}
    Object.defineProperty(ConflictErrorOfOthers.prototype, 'name', { value: 'ConflictError' });
    const error = sent(new ConflictErrorOfOthers('theirs'));
    expect(error).not.toBeInstanceOf(LLMError);
    expect([error.constructor, error.name]).toEqual([Error, 'ConflictError']);
  });

  test('keeps its stack, with that of this thread below', () => {
    const original = new Error('here');
    const { stack } = sent(original);
    expect(stack.startsWith(`${original.stack}\n`)).toBe(true);
    expect(stack.slice(original.stack!.length)).toContain(__filename);
  });

  test('of the platform is one of the platform', () => {
    const aborted = sent(new DOMException('away', 'AbortError'));
    expect(aborted).toBeInstanceOf(DOMException);
    expect([aborted.name, aborted.message, aborted.code]).toEqual(['AbortError', 'away', 20]);
    const several = sent(new AggregateError([new TypeError('one'), 'two'], 'several'));
    expect(several).toBeInstanceOf(AggregateError);
    expect(several.errors[0]).toBeInstanceOf(TypeError);
    expect(several.errors[1]).toBe('two');
  });

  test('may hold what is no data: it comes as far as it is data', () => {
    const cause = { key: 'value', call: () => 1 };
    expect(
      sent(Object.assign(new Error('odd'), { cause, socket: { close: () => 1, port: 3 } })),
    ).toMatchObject({
      cause: { key: 'value' },
      socket: { port: 3 },
    });
  });

  test('may be its own cause', () => {
    const circle: Error = new Error('round');
    circle.cause = circle;
    expect(sent(circle).cause.cause.message).toBe('round');
  });

  test.each(['a text', 7, null, undefined])('may be %p, which is no error', (thrown) => {
    expect(sent(thrown)).toBe(thrown);
  });
});
