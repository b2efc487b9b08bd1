// @ts-nocheck
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startTestServer, useVirtualTime } from 'keelson/testing';
import type { TestServer, VirtualTime } from 'keelson/testing';
import { goDuration } from '../../src/testing/server-limits.js';
import { HELLO, chat, send } from './support.js';

let server: TestServer;
let time: VirtualTime;
beforeEach(() => {
  time = useVirtualTime();
});
afterEach(async () => {
  time.restore();
  await server.close();
});

const limitHeaders = (headers: Headers, kind: string): (string | null)[] =>
  ['limit', 'remaining', 'reset'].map((name) => headers.get(`x-ratelimit-${name}-${kind}`));

test('requests: a minute of them at once, then one as each refills', async () => {
  server = await startTestServer({ rateLimit: { requestsPerMinute: 3 } });
  const first = await chat(server);
  expect(limitHeaders(first.headers, 'requests')).toEqual(['3', '2', '20s']);
  expect(limitHeaders(first.headers, 'tokens')).toEqual([null, null, null]);
  await chat(server);
  await chat(server);
  const refused = await chat(server);
  expect(refused.status).toBe(429);
  expect(refused.json.error).toEqual({
    message: expect.stringContaining('try again in 20s'),
    type: 'requests',
    param: null,
    code: 'rate_limit_exceeded',
  });
  expect(refused.headers.get('retry-after')).toBe('20');
  expect(refused.headers.get('retry-after-ms')).toBe('20000');
  expect(limitHeaders(refused.headers, 'requests')).toEqual(['3', '0', '1m0s']);
  await time.advance(19_999);
  expect((await chat(server)).headers.get('retry-after-ms')).toBe('1');
  await time.advance(1);
  expect((await chat(server)).status).toBe(200);
  expect((await chat(server)).status).toBe(429);
});

test('tokens: what the usage says is what is taken', async () => {
  // 8 for the request, 12 for the reply.
  server = await startTestServer({ reply: 'x'.repeat(48), rateLimit: { tokensPerMinute: 50 } });
  const first = await chat(server);
  expect(first.json.usage.total_tokens).toBe(20);
  expect(limitHeaders(first.headers, 'tokens')).toEqual(['50', '30', '24s']);
  await chat(server);
  const refused = await chat(server);
  expect([refused.status, refused.json.error.type]).toEqual([429, 'tokens']);
  expect(refused.headers.get('retry-after-ms')).toBe('12000');
  await time.advance(12_000);
  expect((await chat(server)).headers.get('x-ratelimit-remaining-tokens')).toBe('0');
});

test('a request larger than the whole limit is told so, without a wait', async () => {
  server = await startTestServer({ rateLimit: { tokensPerMinute: 5 } });
  const { status, json, headers } = await chat(server);
  expect([status, json.error.code]).toEqual([429, 'rate_limit_exceeded']);
  expect(json.error.message).toContain('too large');
  expect(headers.get('retry-after')).toBeNull();
});

test('both dimensions are taken together or not at all, and refused requests cost nothing', async () => {
  server = await startTestServer({
    reply: 'x'.repeat(48),
    rateLimit: { requestsPerMinute: 10, tokensPerMinute: 20 },
  });
  await chat(server);
  for (let index = 0; index < 5; index += 1) expect((await chat(server)).status).toBe(429);
  await time.advance(60_000);
  expect((await chat(server)).headers.get('x-ratelimit-remaining-requests')).toBe('9');
});

test('each key has limits of its own; embeddings count; reset fills them', async () => {
  server = await startTestServer({ rateLimit: { requestsPerMinute: 1 } });
  const as = (key: string): Promise<number> =>
    send(server, '/chat/completions', HELLO, { authorization: `Bearer ${key}` }).then(
      (reply) => reply.status,
    );
  expect(await as('a')).toBe(200);
  expect(await as('a')).toBe(429);
  expect(await as('b')).toBe(200);
  const embeddings = { model: 'text-embedding-3-small', input: 'x' };
  expect((await send(server, '/embeddings', embeddings, { authorization: 'Bearer b' })).status).toBe(429);
  expect((await send(server, '/models', undefined, { authorization: 'Bearer b' })).status).toBe(200);
  server.reset();
  expect(await as('a')).toBe(200);
});

test('invalid requests are not charged', async () => {
  server = await startTestServer({ rateLimit: { requestsPerMinute: 1 } });
  expect((await chat(server, { messages: [] })).status).toBe(400);
  expect((await chat(server)).status).toBe(200);
});

describe('goDuration', () => {
  test.each([
    [0, '0s'],
    [12, '12ms'],
    [1000, '1s'],
    [1500, '1.5s'],
    [86_400, '1m26.4s'],
    [360_000, '6m0s'],
    [3_600_250, '1h0m0.25s'],
  ])('%i ms is %s', (ms, text) => expect(goDuration(ms)).toBe(text));
});
