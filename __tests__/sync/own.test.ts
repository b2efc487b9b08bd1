import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pathToFileURL } from 'node:url';
import { LLMError, RateLimitError } from 'keelson';
import { createSyncClient, type SyncClient } from 'keelson/sync';
import type { OwnClient } from './own-clients.js';
import { failureOf, forOneTest, messages, ownClients, server, useServer } from './support.js';

useServer();

const open = (options: object = {}): SyncClient<OwnClient> =>
  createSyncClient<typeof OwnClient>(pathToFileURL(ownClients), 'OwnClient', {
    apiKey: 'sk-test-1234567890',
    baseURL: server.baseURL,
    ...options,
  });
let client: SyncClient<OwnClient>;
beforeAll(() => {
  client = open();
});
afterAll(() => client.close());

describe('a client of the user', () => {
  test('runs its decorated methods, with what it overrides', async () => {
    await server.fault({ status: 503, times: 2 });
    expect(client.chatCompletion(messages).id).toMatch(/^own-/);
    const requests = await server.requests();
    expect(requests.map(({ body }) => (body as { user?: string }).user)).toEqual(['own', 'own', 'own']);
  });

  test('has the methods that it adds', () => {
    expect(client.lookup('word')).toBe('word 3');
    expect([...client.count(3)]).toEqual([1, 2, 3]);
    for (const number of client.count(3)) if (number === 2) break;
    expect([...client.count(1)]).toEqual([1]);
  });

  test('has no final result of a stream that is none of a completion', () => {
    const stream = client.count(1) as unknown as { finalText(): string };
    expect(failureOf(() => stream.finalText())).toBeInstanceOf(TypeError);
  });

  test('throws its own errors as those of the nearest class, and whatever else it throws', () => {
    const error = failureOf(() => client.tired());
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ name: 'Tired', yawns: 3, retryAfterMs: 5 });
    expect(error.cause).toBeInstanceOf(TypeError);
    expect(failureOf(() => client.plain())).toBe('a text');
  });

  test('says so when there is no such method', () => {
    const error = failureOf(() => (client as unknown as { lokup(): void }).lokup());
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe(
      "the blocking client 'OwnClient' has no method 'lokup'. Did you mean 'lookup'?",
    );
  });

  test('says so when a result cannot leave the worker, or an argument cannot enter it', () => {
    expect(failureOf(() => client.giveFunction()).message).toMatch(
      /^giveFunction\(\) gave something that cannot leave the worker: /,
    );
    const map = new Map([['f', () => 1]]);
    const error = failureOf(() => client.inspect(map));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain('inspect(): an argument cannot go into the worker');
    expect(client.inspect({ a: 1 })).toBe('{"a":1}');
  });

  test('is no promise, and has no other method that tools look for', async () => {
    expect(await (client as unknown as Promise<unknown>)).toBe(client);
    expect((client as { toJSON?: unknown }).toJSON).toBeUndefined();
  });

  test('is closed like any other', () => {
    const closed = open();
    closed.close();
    expect(failureOf(() => closed.lookup('x')).code).toBe('client_closed');
  });
});

describe('a worker that dies', () => {
  test('while a call waits is an error that says what of, and the next call starts a new one', () => {
    const own = forOneTest(open());
    const stream = own.count(3);
    const iterator = stream[Symbol.iterator]();
    expect(iterator.next().value).toBe(1);
    const error = failureOf(() => own.explode());
    expect(error).toBeInstanceOf(LLMError);
    expect([error.code, error.retryable]).toEqual(['worker_ended', false]);
    expect(error.message).toContain('The next call starts a new one.');
    expect(error.cause).toBeInstanceOf(RangeError);
    expect(error.cause.message).toBe('out of the blue');
    expect(failureOf(() => iterator.next()).code).toBe('worker_ended');
    expect(own.lookup('again')).toBe('again 3');
    expect(failureOf(() => own.exit()).code).toBe('worker_ended');
    expect(own.inspect(1)).toBe('1');
  });
});

describe('a module', () => {
  test('may export a client that is ready, with functions among its options', () => {
    const ready = forOneTest(createSyncClient(ownClients, 'ready'));
    const error = failureOf(() => ready.chatCompletion(messages, {}, { maxRetries: 0 }));
    expect(error.code).toBe('connection');
    const refused = forOneTest(createSyncClient(ownClients, 'ready', { model: 'x' }));
    expect(failureOf(() => refused.request('/x')).message).toContain("'ready' is a client that is ready");
  });

  test('may export a class by default', () => {
    const own = forOneTest(createSyncClient<typeof OwnClient>(ownClients, undefined, { apiKey: 'any-key' }));
    expect(own.inspect(2)).toBe('2');
  });

  test('that has no such export is an error that lists those it has', () => {
    for (const name of ['missing', 'nothing']) {
      const none = forOneTest(createSyncClient(ownClients, name));
      expect(failureOf(() => none.request('/x')).message).toMatch(
        new RegExp(`exports no class or client '${name}'. It exports: .*OwnClient`),
      );
    }
  });

  test('must be a file that is there', () => {
    expect(failureOf(() => createSyncClient('./own-clients.js')).message).toBe(
      "createSyncClient(): the module is './own-clients.js': give new URL('./my-client.js', import.meta.url), or an absolute path.",
    );
    expect(failureOf(() => createSyncClient('/nowhere/x.js')).message).toContain(
      'there is no file /nowhere/x.js',
    );
    expect(
      failureOf(() => createSyncClient(ownClients, 'OwnClient', { apiKey: () => 'x' } as never)).message,
    ).toContain('createSyncClient(): the option `apiKey` is a function');
  });

  test('that cannot be loaded is an error with the reason', () => {
    const broken = forOneTest(createSyncClient(__filename.replace('own.test.ts', 'client.test.ts')));
    const error = failureOf(() => broken.request('/x'));
    expect(error).toBeInstanceOf(LLMError);
    expect(error.message).toMatch(/client\.test\.ts cannot be loaded: /);
  });
});
