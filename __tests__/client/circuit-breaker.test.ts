import { describe, expect, it } from '@jest/globals';
import { Breaker, CircuitBreaker, RouterClient, snapshotOf } from 'keelson';
import { failureOf, messages, openClient, openServer } from './support.js';

describe('CircuitBreaker in the policies of a client', () => {
  it('is one for all methods that ask the same model', async () => {
    const server = await openServer();
    const policies = [CircuitBreaker({ minimumCalls: 2 })];
    const client = openClient(server.baseURL, { model: 'm', policies, retry: false });
    server.fault({ status: 500, times: 2 });
    await failureOf(client.chatCompletion(messages));
    await failureOf(client.streamChatCompletion(messages).finalText());
    const host = new URL(server.baseURL).host;
    for (const refused of [
      await failureOf(client.chatCompletion(messages)),
      await failureOf(client.streamChatCompletion(messages).finalText()),
      await failureOf(client.request('/chat/completions', { body: { model: 'm', messages } })),
    ]) {
      expect(refused).toMatchObject({
        name: 'CircuitOpenError',
        provider: 'openai',
        circuit: { key: `${host}/m`, state: 'open' },
      });
    }
    expect(server.requests).toHaveLength(2);
    // Another model, and another client.
    expect(await client.embeddings('text', { model: 'e' })).toHaveLength(1536);
    expect(await client.chatCompletion(messages, { model: 'other' })).toBeDefined();
    expect(await openClient(server.baseURL, { model: 'm', policies }).chatCompletion(messages)).toBeDefined();
    expect(snapshotOf(client, 'embedBatch')).toMatchObject([
      {
        kind: 'CircuitBreaker',
        snapshot: {
          [`${host}/m`]: { state: 'open' },
          [`${host}/e`]: { state: 'closed', calls: 1 },
          [`${host}/other`]: { state: 'closed', calls: 1 },
        },
      },
    ]);
  });

  it('counts every attempt, and a retry that meets the open circuit is the last', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL, {
      policies: [CircuitBreaker({ minimumCalls: 2 })],
      retry: { maxRetries: 5, baseDelayMs: 0 },
    });
    server.fault({ status: 503, times: Infinity, headers: { 'retry-after-ms': '5' } });
    expect(await failureOf(client.chatCompletion(messages))).toMatchObject({
      code: 'circuit_open',
      attempts: [{ statusCode: 503 }, { statusCode: 503 }],
    });
  });

  it('is shared by clients that are given the same breaker', async () => {
    const server = await openServer();
    const breaker = new Breaker();
    const open = () => openClient(server.baseURL, { policies: [CircuitBreaker(breaker)] });
    breaker.isolate();
    expect(await failureOf(open().chatCompletion(messages))).toMatchObject({ code: 'circuit_open' });
    breaker.close();
    expect(await open().chatCompletion(messages)).toBeDefined();
  });

  it('lets a router go on elsewhere', async () => {
    const [bad, good] = [await openServer(), await openServer()];
    const breaker = new Breaker();
    breaker.open();
    const router = new RouterClient({
      routes: [
        { name: 'bad', client: openClient(bad.baseURL, { policies: [CircuitBreaker(breaker)] }) },
        { name: 'good', client: openClient(good.baseURL), order: 1 },
      ],
    });
    expect(await router.chatCompletion(messages)).toBeDefined();
    expect([bad.requests.length, good.requests.length]).toEqual([0, 1]);
  });

  it('is in the log as an operator wants to see it', async () => {
    const server = await openServer();
    const lines: string[] = [];
    const at = (level: string) => (_fields: object, message: string) =>
      void lines.push(`${level}: ${message}`);
    const logger = { debug: () => undefined, info: at('info'), warn: at('warn'), error: () => undefined };
    const breaker = new Breaker({ key: () => 'it', openMs: 20, halfOpenCalls: 1 });
    const client = openClient(server.baseURL, { policies: [CircuitBreaker(breaker)], logger });
    const changes: (() => void)[] = [
      () => breaker.open({ key: 'it', forMs: 5_000 }),
      () => breaker.isolate(),
      () => breaker.close(),
    ];
    for (const change of changes) {
      change();
      await client.chatCompletion(messages).catch(() => undefined);
    }
    const what = 'OpenAIClient.chatCompletion(): the circuit of it';
    expect(lines).toEqual([
      `warn: ${what} is open for 5000 ms`,
      `warn: ${what} is isolated`,
      `info: ${what} is closed`,
    ]);
    lines.length = 0;
    breaker.open({ forMs: 0.001 });
    await client.chatCompletion(messages);
    expect(lines).toEqual([
      `warn: ${what} is open for 0 ms`,
      `info: ${what} is half-open: trial calls decide`,
      `info: ${what} is closed`,
    ]);
  });
});
