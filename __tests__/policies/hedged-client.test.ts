import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Hedged, OpenAIClient, policiesOf, responseInfo, snapshotOf, type ClientOptions } from 'keelson';
import { startTestServer, useVirtualTime, type TestServer, type VirtualTime } from 'keelson/testing';

let time: VirtualTime;
let server: TestServer;
beforeEach(async () => {
  time = useVirtualTime();
  server = await startTestServer({ reply: 'one two three' });
});
afterEach(async () => {
  await server.close();
  expect(time.pendingTimers).toBe(0);
  time.restore();
});

const messages = [{ role: 'user' as const, content: 'Hello' }];
const hedge = Hedged({ delayMs: 100, maxExtraRatio: 1 });

async function withClient(
  options: ClientOptions,
  use: (client: OpenAIClient) => Promise<void>,
): Promise<void> {
  const client = new OpenAIClient({
    apiKey: 'sk-test-abcdefghijklmnop',
    baseURL: server.baseURL,
    policies: [hedge],
    ...options,
  });
  await use(client);
  await client.close();
}

describe('a client that hedges', () => {
  it('has the answer of the second request when the first is slow, and closes that one', () =>
    withClient({ rateLimit: { requestsPerMinute: 1e-6, requestBurst: 10 } }, async (client) => {
      server.fault({ delayMs: 5000 });
      const reply = await time.settle(client.chatCompletion(messages));
      expect(time.now).toBe(100);
      expect(reply.choices[0]?.message.content).toBe('one two three');
      expect(server.requests).toHaveLength(2);
      expect(responseInfo(reply)).toMatchObject({
        requestId: 'req_00000002',
        attempts: [{ code: 'ok', requestId: 'req_00000002' }, { code: 'aborted' }],
      });
      expect(client.limiter?.snapshot()['default']?.requests?.available).toBeCloseTo(8, 3);
      // The server sees the connection of the first one close, and forgets its delay.
      await time.advance(0);
      expect(time.pendingTimers).toBe(0);
    }));

  it('streams from the second request when the first says nothing', () =>
    withClient({}, async (client) => {
      server.fault({ stall: 1 });
      const stream = client.streamChatCompletion(messages);
      expect(await time.settle(stream.finalText())).toBe('one two three');
      expect(time.now).toBe(100);
      expect(server.requests).toHaveLength(2);
    }));

  it('asks at once for vectors again that a server failed to give', () =>
    withClient({}, async (client) => {
      server.fault({ status: 503, path: '/embeddings' });
      const vectors = await time.settle(client.embeddings(['a', 'b']));
      expect(vectors).toHaveLength(2);
      expect(time.now).toBe(0);
    }));

  it('waits as long as a server asks instead of asking again', () =>
    withClient({}, async (client) => {
      server.fault({ status: 429, headers: { 'retry-after-ms': '700' } });
      await time.settle(client.chatCompletion(messages));
      expect(time.now).toBeGreaterThanOrEqual(700);
      expect(server.requests).toHaveLength(2);
    }));

  it('learns how long each model takes', () =>
    withClient({ policies: [Hedged()] }, async (client) => {
      server.fault({ delayMs: 30, times: 20 });
      for (let i = 0; i < 20; i++) {
        await time.settle(client.chatCompletion(messages, { model: i < 10 ? 'small' : 'large' }));
      }
      expect(snapshotOf(client, 'chatCompletion').find(({ kind }) => kind === 'Hedged')?.snapshot).toEqual({
        started: 0,
        won: 0,
        skipped: 0,
        models: { small: { samples: 10, p95Ms: 30 }, large: { samples: 10, p95Ms: 30 } },
      });
    }));

  it('stands on every method of the client, and writes what it does into the log', () => {
    const lines: string[] = [];
    const line = (_fields: object, message: string) => lines.push(message.replace(/\d+ ms/, '… ms'));
    const logger = { debug: () => undefined, info: line, warn: line, error: line };
    return withClient({ logger }, async (client) => {
      for (const method of ['chatCompletion', 'chatCompletionEvents', 'embedBatch', 'request']) {
        expect(policiesOf(client, method).map(({ kind }) => kind)).toContain('Hedged');
      }
      server.fault({ delayMs: 5000, times: 3 });
      await time.settle(client.chatCompletion(messages, {}, { maxRetries: 0 }).catch(() => undefined));
      await time.settle(client.chatCompletion(messages));
      expect(lines).toEqual([
        'OpenAIClient.chatCompletion(): another attempt was begun after … ms',
        'OpenAIClient.chatCompletion(): another attempt was begun after … ms',
        'OpenAIClient.chatCompletion(): the further attempt has answered first after … ms',
      ]);
    });
  });
});
