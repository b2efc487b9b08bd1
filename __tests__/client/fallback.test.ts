import { describe, expect, it } from '@jest/globals';
import {
  AnthropicClient,
  AuthenticationError,
  BaseLLMClient,
  Fallback,
  NotFoundError,
  OpenAIClient,
  OverloadedError,
  responseInfo,
  snapshotOf,
  StreamError,
  type CallOptions,
  type ChatCompletion,
  type ChatMessage,
  type ChatParams,
  type OpenAIClientOptions,
} from 'keelson';
import { useVirtualTime, type TestServer } from 'keelson/testing';
import { atEnd, failureOf, messages, openClient, openServer, serve, textOf } from './support.js';

const noRetry: OpenAIClientOptions = { retry: { maxRetries: 0 } };
const modelsAsked = (server: TestServer) =>
  server.requests.map(({ body }) => (body as { model?: string } | undefined)?.model);

/** A server that is down until it is reset. */
async function openDown(): Promise<TestServer> {
  const server = await openServer();
  server.fault({ status: 503, times: Infinity });
  return server;
}

describe('another model', () => {
  it('answers a chat, whether or not the call names one', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL, {
      ...noRetry,
      model: 'large',
      policies: [Fallback({ model: 'small' })],
    });
    server.fault([{ status: 503 }]);
    const reply = await client.chatCompletion(messages);
    expect(reply.model).toBe('small');
    server.fault([{ status: 503 }]);
    await client.chatCompletion(messages, { model: 'larger', temperature: 0 }, { extraBody: { seed: 1 } });
    expect(modelsAsked(server)).toEqual(['large', 'small', 'larger', 'small']);
    expect(server.requests[3]?.body).toMatchObject({ model: 'small', temperature: 0, seed: 1, messages });
    expect(snapshotOf(client, 'chatCompletion')).toContainEqual({
      kind: 'Fallback',
      snapshot: { calls: 2, failed: 0, targets: { 'model small': { tried: 2, answered: 2 } } },
    });
  });

  it('tells all attempts, and the usage of the answer', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL, {
      retry: { baseDelayMs: 0, maxRetries: 1 },
      policies: [Fallback({ model: 'small' })],
    });
    server.fault([{ status: 503, times: 2 }]);
    const reply = await client.chatCompletion(messages);
    const info = responseInfo(reply);
    expect(info?.attempts.map(({ code }) => code)).toEqual(['overloaded', 'overloaded', 'ok']);
    expect(info?.usage?.outputTokens).toBe(reply.usage?.completion_tokens);
    expect(info?.requestId).toBe(info?.attempts[2]?.requestId);
    expect(info?.requestId).toBeDefined();
  });

  it('is not asked when it is the one that has failed', async () => {
    const server = await openDown();
    const client = openClient(server.baseURL, { ...noRetry, policies: [Fallback({ model: 'small' })] });
    expect(await failureOf(client.chatCompletion(messages, { model: 'small' }))).toBeInstanceOf(
      OverloadedError,
    );
    expect(server.requests).toHaveLength(1);
  });

  it('streams, until the first content', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL, { ...noRetry, policies: [Fallback({ model: 'small' })] });
    server.fault([{ status: 503 }]);
    const stream = client.streamChatCompletion(messages, { model: 'large' });
    const completion = await stream.finalCompletion();
    expect(completion.model).toBe('small');
    expect(completion.choices[0]?.message.content).not.toBe('');
    expect(responseInfo(completion)?.attempts.map(({ code }) => code)).toEqual(['overloaded', 'ok']);
    expect(responseInfo(completion)?.usage?.outputTokens).toBe(completion.usage?.completion_tokens);
    server.fault([{ errorEvent: { message: 'broken', type: 'server_error' }, after: 3 }]);
    const broken = client.streamChatCompletion(messages, { model: 'large' });
    await failureOf(textOf(broken));
    expect(modelsAsked(server)).toEqual(['large', 'small', 'large']);
  });

  it('streams when the first one fails before it has said anything', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL, { ...noRetry, policies: [Fallback({ model: 'small' })] });
    server.fault([{ errorEvent: { message: 'busy', type: 'overloaded_error' }, after: 1 }]);
    expect(await textOf(client.streamChatCompletion(messages, { model: 'large' }))).not.toBe('');
    expect(modelsAsked(server)).toEqual(['large', 'small']);
  });

  it('is put into the body of request(), where that has a model', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL, { ...noRetry, policies: [Fallback({ model: 'small' })] });
    server.fault([{ status: 503 }]);
    const body = { model: 'large', messages };
    const reply = await client.request<ChatCompletion>('/chat/completions', { body });
    expect(reply.model).toBe('small');
    expect(body.model).toBe('large');
    server.fault([{ status: 503 }]);
    expect(await failureOf(client.request('/models'))).toBeInstanceOf(OverloadedError);
    expect(server.requests).toHaveLength(3);
  });

  it('never answers for vectors: those of different models cannot be compared', async () => {
    const server = await openDown();
    const client = openClient(server.baseURL, { ...noRetry, policies: [Fallback({ model: 'small' })] });
    expect(await failureOf(client.embeddings('text'))).toBeInstanceOf(OverloadedError);
    expect(server.requests).toHaveLength(1);
  });

  it('sends a generated idempotency key of its own', async () => {
    class Keyed extends OpenAIClient {
      static override readonly provider = { ...OpenAIClient.provider, idempotencyHeader: 'Idempotency-Key' };
    }
    const server = await openServer();
    server.fault([{ status: 503, times: 2 }]);
    const client = new Keyed({
      apiKey: 'sk-keyed',
      baseURL: server.baseURL,
      retry: { maxRetries: 1, baseDelayMs: 0 },
      policies: [Fallback({ model: 'small' })],
    });
    atEnd(() => client.close());
    await client.chatCompletion(messages);
    const [first, second, third] = server.requests.map(({ headers }) => headers['idempotency-key']);
    expect(first).toBeDefined();
    expect(second).toBe(first);
    expect(third).not.toBe(first);
    expect(third).toBeDefined();
  });
});

describe('another client', () => {
  it('answers with its own address, key and policies', async () => {
    const [down, up] = [await openDown(), await openServer({ apiKeys: ['sk-of-the-backup'] })];
    const backup = openClient(up.baseURL, { apiKey: 'sk-of-the-backup', model: 'other' });
    const client = openClient(down.baseURL, {
      retry: { maxRetries: 2, baseDelayMs: 0 },
      policies: [Fallback({ client: backup })],
    });
    up.fault([{ status: 503 }]);
    const failure = await failureOf(client.chatCompletion(messages));
    // The retries are used up: the backup has one attempt.
    expect(failure.attempts).toHaveLength(4);
    const reply = await client.chatCompletion(messages, {}, { maxRetries: 0 });
    expect(reply.model).toBe('other');
    const info = responseInfo(reply);
    expect(info?.attempts.map(({ code }) => code)).toEqual(['overloaded', 'ok']);
    expect(info?.usage?.outputTokens).toBe(reply.usage?.completion_tokens);
    expect(info?.requestId).toBe(info?.attempts[1]?.requestId);
  });

  it('of another provider streams, with a model of its own', async () => {
    const down = await openDown();
    const baseURL = await serve((_request, response) => {
      const events = [
        {
          type: 'message_start',
          message: { id: 'msg_1', model: 'claude', usage: { input_tokens: 7, output_tokens: 0 } },
        },
        { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
        { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Bonjour' } },
        { type: 'content_block_stop', index: 0 },
        { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 3 } },
        { type: 'message_stop' },
      ];
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(
        events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''),
      );
    });
    const backup = new AnthropicClient({ apiKey: 'sk-ant-0123456789', baseURL });
    atEnd(() => backup.close());
    const client = openClient(down.baseURL, {
      ...noRetry,
      policies: [Fallback({ client: backup, model: 'claude' })],
    });
    const completion = await client.streamChatCompletion(messages, { model: 'large' }).finalCompletion();
    expect(completion.choices[0]?.message.content).toBe('Bonjour');
    const info = responseInfo(completion);
    expect(info?.attempts.map(({ code }) => code)).toEqual(['overloaded', 'ok']);
    expect(info?.usage).toMatchObject({ inputTokens: 7, outputTokens: 3 });
  });

  it('may be one that has only the public method of a stream', async () => {
    const [down, up] = [await openDown(), await openServer()];
    const inner = openClient(up.baseURL);
    const backup = {
      streamChatCompletion: (given: ChatMessage[], params?: ChatParams, options?: CallOptions) =>
        inner.streamChatCompletion(given, params, options),
    };
    const client = openClient(down.baseURL, { ...noRetry, policies: [Fallback({ client: backup })] });
    expect(await textOf(client.streamChatCompletion(messages))).not.toBe('');
    expect(up.requests).toHaveLength(1);
  });

  it('gives vectors of the same model only', async () => {
    const [down, up] = [await openDown(), await openServer()];
    const make = (embeddingModel: string) =>
      openClient(down.baseURL, {
        ...noRetry,
        embeddingModel: 'vectors-1',
        policies: [Fallback({ client: openClient(up.baseURL, { embeddingModel }) })],
      });
    expect(await make('vectors-1').embeddings('text')).toHaveLength(1536);
    expect(await make('vectors-2').embeddings(['a', 'b'], { model: 'vectors-3' })).toHaveLength(2);
    expect(await failureOf(make('vectors-2').embeddings('text'))).toBeInstanceOf(OverloadedError);
    expect(modelsAsked(up)).toEqual(['vectors-1', 'vectors-3']);
    const info = responseInfo(await make('vectors-1').embeddings('text'));
    expect(info?.attempts.map(({ code }) => code)).toEqual(['overloaded', 'ok']);
    expect(info?.usage?.inputTokens).toBeGreaterThan(0);
  });

  it('may have this one as its own fallback', async () => {
    const [a, b] = [await openDown(), await openDown()];
    const clients: OpenAIClient[] = [];
    const make = (baseURL: string, other: number) =>
      clients.push(
        openClient(baseURL, { ...noRetry, policies: [Fallback({ client: () => clients[other] })] }),
      );
    make(a.baseURL, 1);
    make(b.baseURL, 0);
    const failure = await failureOf(clients[0]!.chatCompletion(messages));
    expect(failure.attempts).toHaveLength(2);
    expect([a.requests.length, b.requests.length]).toEqual([1, 1]);
    b.reset();
    await clients[0]!.chatCompletion(messages);
  });

  it('that is closed fails as it would by itself, with every attempt told', async () => {
    const down = await openDown();
    const backup = new OpenAIClient({ apiKey: 'sk-closed', baseURL: down.baseURL });
    await backup.close();
    const client = openClient(down.baseURL, { ...noRetry, policies: [Fallback({ client: backup })] });
    expect(await failureOf(client.chatCompletion(messages))).toMatchObject({
      code: 'client_closed',
      attempts: [{ code: 'overloaded' }],
    });
  });

  it('is left when the caller leaves', async () => {
    const down = await openDown();
    let left!: () => void;
    const closed = new Promise<void>((resolve) => (left = resolve));
    let asked!: () => void;
    const arrived = new Promise<void>((resolve) => (asked = resolve));
    const baseURL = await serve((_request, response) => {
      response.on('close', () => left());
      asked();
    });
    const client = openClient(down.baseURL, {
      ...noRetry,
      policies: [Fallback({ client: openClient(baseURL) })],
    });
    const controller = new AbortController();
    const failure = failureOf(client.chatCompletion(messages, {}, { signal: controller.signal }));
    await arrived;
    controller.abort('left');
    expect(await failure).toMatchObject({ name: 'AbortError', cause: 'left' });
    await closed;
  });
});

describe('a client', () => {
  it('leaves the connection of the attempt that took too long', async () => {
    const time = useVirtualTime();
    atEnd(() => time.restore());
    let left!: () => void;
    const closed = new Promise<void>((resolve) => (left = resolve));
    let asked!: () => void;
    const arrived = new Promise<void>((resolve) => (asked = resolve));
    const baseURL = await serve((_request, response) => {
      response.on('close', () => left());
      asked();
    });
    const client = openClient(baseURL, {
      ...noRetry,
      timeouts: { attemptMs: 1000 },
      policies: [Fallback({ value: { choices: [] } })],
    });
    const reply = client.chatCompletion(messages);
    await arrived;
    await time.advance(1000);
    expect(await reply).toEqual({ choices: [] });
    await closed;
    expect(responseInfo(await reply)?.attempts.map(({ code }) => code)).toEqual(['timeout_attempt']);
    expect(responseInfo(await reply)?.usage).toBeUndefined();
  });

  it('logs each fallback as a warning', async () => {
    const down = await openDown();
    const lines: string[] = [];
    const silent = () => undefined;
    const logger = {
      debug: silent,
      info: silent,
      error: silent,
      warn: (_: object, line: string) => lines.push(line),
    };
    const client = openClient(down.baseURL, { ...noRetry, logger, policies: [Fallback({ value: {} })] });
    await client.chatCompletion(messages);
    expect(lines[lines.length - 1]).toMatch(
      /^OpenAIClient\.chatCompletion\(\): failed, a value is tried in its place: 503/,
    );
  });

  it('falls back from what it is told to', async () => {
    const server = await openServer({ models: ['small'] });
    const client = openClient(server.baseURL, {
      policies: [Fallback({ model: 'small', on: NotFoundError })],
    });
    expect((await client.chatCompletion(messages, { model: 'retired' })).model).toBe('small');
    server.fault({ status: 401 });
    expect(await failureOf(client.chatCompletion(messages))).toBeInstanceOf(AuthenticationError);
  });

  it('has fallbacks above methods of its own as well', async () => {
    class Assistant extends OpenAIClient {
      @Fallback({ to: [{ model: 'small' }, { method: 'canned' }] })
      override async chatCompletion(
        given: readonly ChatMessage[],
        params: ChatParams = {},
        options: CallOptions = {},
      ): Promise<ChatCompletion> {
        return super.chatCompletion(given, params, options);
      }
      async canned(given: readonly ChatMessage[], params?: ChatParams): Promise<ChatCompletion> {
        return { canned: given.length, model: params?.model } as unknown as ChatCompletion;
      }
    }
    const server = await openServer();
    server.fault([{ status: 503, times: 2 }]);
    const client = new Assistant({ apiKey: 'sk-own', baseURL: server.baseURL, ...noRetry });
    atEnd(() => client.close());
    expect(await client.chatCompletion(messages, { model: 'large' })).toEqual({ canned: 1, model: 'large' });
    expect(modelsAsked(server)).toEqual(['large', 'small']);
  });

  it('of another kind says by itself where its model is', async () => {
    class Other extends BaseLLMClient {
      static override readonly provider = {
        name: 'other',
        baseURL: 'http://127.0.0.1:9',
        needsApiKey: false,
      };
      models: (string | undefined)[] = [];
      override async chatCompletion(): Promise<ChatCompletion> {
        throw new StreamError('unused');
      }
      override streamChatCompletion(): never {
        throw new StreamError('unused');
      }
      override async embeddings(): Promise<any> {
        throw new StreamError('unused');
      }
      @Fallback({ model: 'small' })
      async complete(_prompt: string, params: { model?: string } = {}): Promise<string> {
        this.models.push(params.model);
        if (params.model !== 'small') throw new OverloadedError('busy', 503);
        return 'ok';
      }
    }
    const other = new Other({});
    atEnd(() => other.close());
    expect(await other.complete('hi', { model: 'large' })).toBe('ok');
    expect(other.models).toEqual(['large', 'small']);
    // Without a model in the call there is nothing to be replaced.
    expect(await failureOf(other.complete('hi'))).toBeInstanceOf(OverloadedError);
  });

  it('names no key in what a fallback tells', async () => {
    const down = await openDown();
    const told: unknown[] = [];
    const key = 'sk-very-secret-0123456789';
    const client = openClient(down.baseURL, {
      ...noRetry,
      apiKey: key,
      policies: [Fallback({ value: () => Promise.reject(new Error(`no luck with ${key}`)) })],
    });
    client.on('fallback', (event) => told.push(event));
    const failure = await failureOf(client.chatCompletion(messages));
    expect(failure).toMatchObject({ name: 'LLMError', code: 'unexpected' });
    expect(told).toHaveLength(1);
    expect(JSON.stringify([told, failure.message, String(failure.stack)])).not.toContain(key);
  });
});
