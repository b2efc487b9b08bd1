import { describe, expect, it } from '@jest/globals';
import {
  AnthropicClient,
  Cache,
  Cached,
  OpenAIClient,
  policyHost,
  responseInfo,
  RouterClient,
  type AnthropicClientOptions,
  type CallFacts,
  type OpenAIClientOptions,
} from 'keelson';
import { JsonStore } from '../support/cached.js';
import { settled } from '../support/virtual-runtime.js';
import { atEnd, KEY, messages, openClient, openServer, textOf } from './support.js';

const ttlMs = 60_000;

describe('a client with a cache', () => {
  it('asks once for equal chats, streams and embeddings', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL, { policies: [Cached({ ttlMs })] });
    const chats = [await client.chatCompletion(messages), await client.chatCompletion(messages)];
    expect(chats[1]).toEqual(chats[0]);
    expect(server.requests).toHaveLength(1);
    const streams = [0, 1].map(() => client.streamChatCompletion(messages));
    const completions = [await streams[0]!.finalCompletion(), await streams[1]!.finalCompletion()];
    expect(completions[1]).toEqual(completions[0]);
    expect(await textOf(client.streamChatCompletion(messages))).toBe(
      completions[0]!.choices[0]!.message.content,
    );
    expect(server.requests).toHaveLength(2);
    const vectors = [await client.embeddings('text'), await client.embeddings('text')];
    expect(vectors[1]).toEqual(vectors[0]);
    expect(server.requests).toHaveLength(3);
  });

  it('tells of each result whether it came from the cache, and charges no usage for it', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL, { policies: [Cached({ ttlMs })] });
    const facts: CallFacts[] = [];
    client.on('success', (event) => facts.push(event.facts));
    const asks = [
      () => client.chatCompletion(messages),
      () => client.streamChatCompletion(messages).finalCompletion(),
      () => client.embeddings('text'),
    ];
    for (const ask of asks) {
      const made = responseInfo(await ask());
      expect(made?.usage?.inputTokens).toBeGreaterThan(0);
      expect(made).not.toHaveProperty('fromCache');
      expect(responseInfo(await ask())).toEqual({ fromCache: true, attempts: [] });
    }
    expect(facts.map(({ fromCache, usage }) => [fromCache, usage === undefined])).toEqual(
      asks.flatMap(() => [
        [undefined, false],
        [true, true],
      ]),
    );
    const [, mixed] = [
      await client.embeddings(['text', 'other']),
      await client.embeddings(['text', 'other']),
    ];
    expect(responseInfo(mixed)?.fromCache).toBe(true);
  });

  it('sends request() on, since nobody knows what a path does, unless it is told to keep it', async () => {
    const server = await openServer();
    const body = { model: 'm', messages };
    const client = openClient(server.baseURL, { policies: [Cached({ ttlMs })] });
    for (let i = 0; i < 2; i++) await client.request('/chat/completions', { body });
    expect(server.requests).toHaveLength(2);
    const told = openClient(server.baseURL, { policies: [Cached({ ttlMs, when: () => true })] });
    for (let i = 0; i < 2; i++) await told.request('/chat/completions', { body });
    expect(server.requests).toHaveLength(3);
    await told.request('/chat/completions', { body: { ...body, seed: 1 } });
    expect(server.requests).toHaveLength(4);
  });

  it('keeps no failure', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL, { policies: [Cached({ ttlMs })], retry: false });
    server.fault({ status: 400 });
    await expect(client.chatCompletion(messages)).rejects.toThrow();
    await client.chatCompletion(messages);
    expect(server.requests).toHaveLength(2);
  });

  it('writes a line for what the cache does', async () => {
    const server = await openServer();
    const lines: string[] = [];
    const log = (level: string) => (_fields: object, message: string) =>
      void lines.push(`${level} ${message}`);
    const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
    const store = { get: () => Promise.reject(new Error('down')), set: () => true, delete: () => true };
    const client = openClient(server.baseURL, { logger, policies: [Cached({ ttlMs, store })] });
    await client.chatCompletion(messages);
    expect(lines).toContain(
      'warn The store of the cache of chatCompletion() failed, and the call goes on without it: down',
    );
    expect(lines).toContain('debug OpenAIClient.chatCompletion(): cache miss');
  });
});

describe('clients that share a cache', () => {
  const own: OpenAIClientOptions = { model: 'm' };
  /** How many of the two clients' equal calls reach the server. */
  async function asked(a: OpenAIClientOptions, b: OpenAIClientOptions): Promise<number> {
    const server = await openServer();
    const policies = [Cached(new Cache({ ttlMs }))];
    for (const options of [a, b]) {
      await openClient(server.baseURL, { ...own, policies, ...options }).chatCompletion(messages);
    }
    return server.requests.length;
  }
  const key = () => KEY;
  it.each<[string, OpenAIClientOptions, OpenAIClientOptions]>([
    ['nothing', {}, {}],
    ['timeouts', { timeouts: { attemptMs: 5000 } }, {}],
    ['a user agent', { headers: { 'User-Agent': 'a' } }, { headers: { 'user-agent': 'b' } }],
    ['where the model is named', { model: 'm' }, { model: 'm', headers: {} }],
    ['nothing, with the same function for a key', { apiKey: key }, { apiKey: key }],
  ])('share answers where they differ by %s', async (_what, a, b) => {
    expect(await asked(a, b)).toBe(1);
  });

  it.each<[string, OpenAIClientOptions, OpenAIClientOptions]>([
    ['key', { apiKey: 'sk-one' }, { apiKey: 'sk-two' }],
    ['function for the key', { apiKey: () => KEY }, { apiKey: () => KEY }],
    ['organization', { organization: 'org-a' }, { organization: 'org-b' }],
    ['project', { project: 'a' }, { project: 'b' }],
    ['header', { headers: { 'x-team': 'a' } }, { headers: { 'x-team': 'b' } }],
    ['header of axios', { http: { headers: { 'x-team': 'a' } } }, { http: { headers: { 'x-team': 'b' } } }],
    ['query', { query: { v: '1' } }, { query: { v: '2' } }],
    ['query of axios', { http: { params: { v: '1' } } }, { http: { params: { v: '2' } } }],
    ['model', { model: 'm' }, { model: 'n' }],
  ])('share nothing where they differ by %s', async (_what, a, b) => {
    expect(await asked(a, b)).toBe(2);
  });

  it('are told apart by the options of their class', () => {
    const accountWith = (options: AnthropicClientOptions): string | undefined =>
      new AnthropicClient({ apiKey: KEY, ...options })[policyHost].account?.();
    const account = accountWith({ maxTokens: 5 });
    expect(account).toMatch(/^[0-9a-f]{64}$/);
    expect(accountWith({ maxTokens: 5 })).toBe(account);
    expect(accountWith({ maxTokens: 6 })).not.toBe(account);
    expect(accountWith({ maxTokens: 5, betas: ['b'] })).not.toBe(account);
  });

  it('show no key in the store', async () => {
    const server = await openServer();
    const store = new JsonStore();
    const client = openClient(server.baseURL, { policies: [Cached({ ttlMs, store })] });
    await client.chatCompletion(messages, {}, { headers: { 'x-secret': KEY } });
    await settled();
    expect(store.kept.size).toBe(1);
    expect(JSON.stringify([...store.kept])).not.toContain(KEY);
  });

  it('may be routers: their routes tell them apart', async () => {
    const server = await openServer();
    const policies = [Cached(new Cache({ ttlMs }))];
    const openRouter = (model: string): RouterClient => {
      const client = new OpenAIClient({ apiKey: KEY, baseURL: server.baseURL });
      const router = new RouterClient({ routes: [{ client, model }], policies });
      atEnd(() => router.close({ abort: true }));
      return router;
    };
    for (const model of ['m', 'm', 'n']) await openRouter(model).chatCompletion(messages);
    expect(server.requests).toHaveLength(2);
  });
});
