// @ts-nocheck
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import {
  APIError,
  AbortError,
  AuthenticationError,
  ConnectionError,
  policiesOf,
  OpenAIClient,
  QuotaExceededError,
  RateLimitError,
  ResponseFormatError,
  responseInfo,
  TimeoutError,
} from 'keelson';
import { failureOf, json, KEY, messages, openClient, openServer, serve } from './support.js';

describe('chatCompletion()', () => {
  it('sends model, messages and any further field, and returns the answer in OpenAI’s shape', async () => {
    const server = await openServer({ reply: 'Good day.' });
    const reply = await openClient(server.baseURL).chatCompletion(
      messages,
      { model: 'gpt-x', temperature: 0.2, max_tokens: 50, made_up_field: { a: 1 } },
      { headers: { 'x-trace': 't1' }, extraBody: { another: true } },
    );
    expect(reply.choices[0]?.message.content).toBe('Good day.');
    const [request] = server.requests;
    expect(request?.path).toBe('/v1/chat/completions');
    expect(request?.headers['x-trace']).toBe('t1');
    expect(request?.body).toEqual({
      model: 'gpt-x',
      messages,
      temperature: 0.2,
      max_tokens: 50,
      made_up_field: { a: 1 },
      another: true,
    });
  });

  it('uses the client’s model where none is named', async () => {
    const server = await openServer();
    await openClient(server.baseURL).chatCompletion(messages);
    await openClient(server.baseURL, { model: 'mine' }).chatCompletion(messages);
    expect(server.requests.map(({ body }) => (body as { model: string }).model)).toEqual([
      'gpt-4o-mini',
      'mine',
    ]);
  });

  it('keeps the client’s model where the params name none in so many words', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL);
    await client.chatCompletion(messages, { model: undefined });
    await client.streamChatCompletion(messages, { model: undefined }).finalText();
    await client.embeddings('x', { model: undefined });
    expect(server.requests.map(({ body }) => (body as { model: string }).model)).toEqual([
      'gpt-4o-mini',
      'gpt-4o-mini',
      'text-embedding-3-small',
    ]);
  });

  it('lets a header of the user’s take the place of the key’s', async () => {
    const seen: unknown[] = [];
    const baseURL = await serve((request, response) => {
      seen.push(request.headers.authorization);
      json(response, 200, { choices: [] });
    });
    await openClient(baseURL, { headers: { Authorization: 'Gateway abc' } }).chatCompletion(messages);
    await openClient(baseURL).chatCompletion(messages, {}, { headers: { authorization: 'Gateway def' } });
    expect(seen).toEqual(['Gateway abc', 'Gateway def']);
  });

  it('sends auth, organization, project, headers and query of the client', async () => {
    let seen: { headers?: any; url?: string | undefined } = {};
    const baseURL = await serve((request, response) => {
      seen = { headers: request.headers, url: request.url };
      json(response, 200, { choices: [] });
    });
    const client = openClient(baseURL, {
      organization: 'org-1',
      project: 'proj-1',
      headers: { 'x-team': 'blue' },
      query: { 'api-version': '2024' },
    });
    await client.chatCompletion(messages);
    expect(seen.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'openai-organization': 'org-1',
      'openai-project': 'proj-1',
      'x-team': 'blue',
    });
    expect(seen.headers['user-agent']).toMatch(/^keelson\/\d/);
    expect(seen.url).toBe('/v1/chat/completions?api-version=2024');
  });

  it('asks a key function anew for each attempt', async () => {
    const seen: unknown[] = [];
    const baseURL = await serve((request, response) => {
      seen.push(request.headers.authorization);
      json(response, seen.length < 3 ? 500 : 200, { choices: [] });
    });
    let n = 0;
    await openClient(baseURL, { apiKey: async () => `key-number-${++n}` }).chatCompletion(messages);
    expect(seen).toEqual(['Bearer key-number-1', 'Bearer key-number-2', 'Bearer key-number-3']);
  });

  it.each([
    ['throws', () => Promise.reject(new Error('vault is down')), /`apiKey` function failed/],
    ['returns nothing', () => undefined as never, /returned is undefined/],
    ['returns a line break', () => 'abc\n', /line break/],
  ])('is an AuthenticationError when the key function %s', async (_, apiKey, message) => {
    const server = await openServer();
    const error = await failureOf(openClient(server.baseURL, { apiKey }).chatCompletion(messages));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.message).toMatch(message);
    expect(server.requests).toHaveLength(0);
  });

  it.each<[string, unknown[], RegExp]>([
    ['messages that are no array', ['hi'], /chatCompletion\(\): `messages` is 'hi': give an array/],
    ['no messages', [[]], /`messages` is empty/],
    ['a message without a role', [[{ content: 'x' }]], /`messages\[0\]` has no role/],
    ['NaN', [messages, { temperature: NaN }], /`temperature` is NaN/],
    ['an infinite number', [messages, { top_p: Infinity }], /`top_p` is Infinity/],
    ['negative max_tokens', [messages, { max_tokens: -5 }], /`max_tokens` is -5/],
    ['an empty model', [messages, { model: '' }], /`model` is ''/],
    [
      'a call option among the params',
      [messages, { timeoutMs: 5 }],
      /`timeoutMs` in `params` is a call option/,
    ],
    ['messages among the params', [messages, { messages: [] }], /`messages` in `params`/],
    ['stream among the params', [messages, { stream: true }], /streamChatCompletion/],
    ['an unknown call option', [messages, {}, { retries: 1 }], /'retries' is no call option/],
    ['negative maxRetries', [messages, {}, { maxRetries: -1 }], /`maxRetries` is -1/],
    ['a timeout of NaN', [messages, {}, { timeoutMs: NaN }], /`timeoutMs` is NaN/],
    ['a signal that is none', [messages, {}, { signal: {} }], /`signal` must be an AbortSignal/],
    ['params that are no object', [messages, 'gpt'], /`params` is 'gpt'/],
    ['call options that are no object', [messages, {}, 5], /call options must be an object/],
  ])('refuses %s before anything is sent', async (_, args, message) => {
    const server = await openServer();
    const client = openClient(server.baseURL, { rateLimit: { requestsPerMinute: 10 } });
    const error = await failureOf(
      (client.chatCompletion as (...all: unknown[]) => Promise<unknown>).apply(client, args),
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(message);
    expect(server.requests).toHaveLength(0);
    expect(client.limiter?.snapshot()['default']?.requests?.available ?? 10).toBe(10);
  });

  it('runs the policies in the canonical order', () => {
    expect(policiesOf(OpenAIClient, 'chatCompletion').map(({ place }) => place)).toEqual([
      'Timeout(total)',
      'RetryWithBackoff',
      'admission',
      'Timeout(attempt)',
      'HandleApiErrors',
    ]);
  });
});

describe('failures of chatCompletion()', () => {
  it('survives resets and server errors, and tells every attempt', async () => {
    const server = await openServer();
    server.fault([
      { reset: 'before-headers' },
      { status: 500 },
      { status: 429, headers: { 'retry-after-ms': '1' } },
    ]);
    const reply = await openClient(server.baseURL).chatCompletion(messages);
    expect(responseInfo(reply)?.attempts.map(({ code }) => code)).toEqual([
      'connection',
      'server_error',
      'rate_limit',
      'ok',
    ]);
  });

  it('gives up after maxRetries with the last error', async () => {
    const server = await openServer();
    server.fault({ status: 503, times: Infinity });
    const error = await failureOf(openClient(server.baseURL).chatCompletion(messages, {}, { maxRetries: 2 }));
    expect(error).toMatchObject({ name: 'OverloadedError', statusCode: 503, provider: 'openai' });
    expect(error.attempts).toHaveLength(3);
    expect(server.requests).toHaveLength(3);
  });

  it.each<[number, unknown, string]>([
    [400, { error: { message: 'bad', type: 'invalid_request_error' } }, 'BadRequestError'],
    [401, { error: { message: 'no', code: 'invalid_api_key' } }, 'AuthenticationError'],
    [403, { error: { message: 'no' } }, 'PermissionDeniedError'],
    [404, { error: { message: 'no', code: 'model_not_found' } }, 'NotFoundError'],
    [422, { error: { message: 'no' } }, 'UnprocessableEntityError'],
    [429, { error: { message: 'pay', code: 'insufficient_quota' } }, 'QuotaExceededError'],
    [400, { error: { message: 'long', code: 'context_length_exceeded' } }, 'ContextLengthError'],
  ])('does not retry a %i', async (status, body, name) => {
    const server = await openServer();
    server.fault({ status, body });
    const error = await failureOf(openClient(server.baseURL).chatCompletion(messages));
    expect(error.name).toBe(name);
    expect(error.statusCode).toBe(status);
    expect(error.requestId).toMatch(/^req_/);
    expect(error.response).toEqual(body);
    expect(server.requests).toHaveLength(1);
  });

  it('keeps the classic order of catches working', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL, { retry: false });
    server.fault([
      { status: 401 },
      { status: 429 },
      { status: 500 },
      { status: 429, body: { error: { code: 'insufficient_quota' } } },
    ]);
    const [auth, limit, api, quota] = [
      await failureOf(client.chatCompletion(messages)),
      await failureOf(client.chatCompletion(messages)),
      await failureOf(client.chatCompletion(messages)),
      await failureOf(client.chatCompletion(messages)),
    ];
    expect(auth).toBeInstanceOf(AuthenticationError);
    expect(auth).not.toBeInstanceOf(APIError);
    expect(limit).toBeInstanceOf(RateLimitError);
    expect(limit).not.toBeInstanceOf(APIError);
    expect(api).toBeInstanceOf(APIError);
    expect(quota).toBeInstanceOf(QuotaExceededError);
    expect(quota).toBeInstanceOf(RateLimitError);
  });

  it.each<[string, string, string, RegExp]>([
    [
      'an error object',
      'application/json',
      '{"error":{"message":"upstream broke","code":502}}',
      /upstream broke/,
    ],
    ['an error text', 'application/json', '{"error":"upstream broke"}', /upstream broke/],
    [
      'a page of a proxy',
      'text/html',
      '<html><title>Sign in</title></html>',
      /text\/html where JSON was expected/,
    ],
    ['JSON that was cut off', 'application/json', '{"choices":[{"mess', /JSON that cannot be read/],
  ])('treats a 200 with %s as a failure', async (_, contentType, body, message) => {
    const server = await openServer();
    server.fault({ contentType, body });
    const error = await failureOf(openClient(server.baseURL, { retry: false }).chatCompletion(messages));
    expect(error.message).toMatch(message);
    expect(['APIError', 'InternalServerError', 'ResponseFormatError']).toContain(error.name);
  });

  it.each(['', 'null', '"text"', '[]', '{}', '5'])(
    'is a ResponseFormatError when a 200 holds %j',
    async (body) => {
      const server = await openServer();
      server.fault({ contentType: 'application/json', body });
      const error = await failureOf(openClient(server.baseURL).chatCompletion(messages));
      expect(error).toBeInstanceOf(ResponseFormatError);
      expect(server.requests).toHaveLength(1);
    },
  );

  it('never follows a redirect with the key', async () => {
    let reached = false;
    const elsewhere = await serve((_, response) => {
      reached = true;
      json(response, 200, {});
    });
    const baseURL = await serve((_, response) => {
      response.writeHead(307, { location: elsewhere });
      response.end();
    });
    const error = await failureOf(openClient(baseURL).chatCompletion(messages));
    expect(error).toBeInstanceOf(APIError);
    expect(error.statusCode).toBe(307);
    expect(reached).toBe(false);
  });

  it('is a ConnectionError when nobody listens, and says so', async () => {
    const error = await failureOf(
      openClient('http://127.0.0.1:9/v1', { retry: false }).chatCompletion(messages),
    );
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toMatch(/ECONNREFUSED/);
  });

  it('shows the key nowhere, even when the server echoes it', async () => {
    const server = await openServer();
    server.fault([
      { status: 401, body: { error: { message: `Incorrect API key provided: ${KEY}`, key: KEY } } },
      { contentType: 'text/html', body: `<p>${KEY}</p>` },
      { contentType: 'application/json', body: `{"error":{"message":"${KEY}"}}` },
      { reset: 'in-body' },
    ]);
    const client = openClient(server.baseURL, { retry: false });
    for (let i = 0; i < 4; i++) {
      const error = await failureOf(client.chatCompletion(messages));
      for (const text of [
        inspect(error, { depth: 10, showHidden: true }),
        JSON.stringify(error),
        String(error.stack),
      ]) {
        expect(text).not.toContain(KEY);
      }
    }
    expect(inspect(client, { depth: 3 })).not.toContain(KEY);
    expect(JSON.stringify(Object.keys(client))).not.toContain(KEY);
  });

  it('ends at once when the caller aborts', async () => {
    const server = await openServer();
    server.fault({ stall: 'headers' });
    const controller = new AbortController();
    const client = openClient(server.baseURL);
    const pending = failureOf(client.chatCompletion(messages, {}, { signal: controller.signal }));
    while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const reason = new Error('user left');
    controller.abort(reason);
    const error = await pending;
    expect(error).toBeInstanceOf(AbortError);
    expect(error.cause).toBe(reason);
  });

  it.each([
    ['timeoutMs of the call', {}, { timeoutMs: 30 }, 'timeout_total'],
    [
      'attemptMs of the client',
      { timeouts: { attemptMs: 30 }, retry: false as const },
      {},
      'timeout_attempt',
    ],
  ])('keeps %s while the server stalls', async (_, clientOptions, callOptions, code) => {
    const server = await openServer();
    server.fault({ stall: 'body', times: Infinity });
    const error = await failureOf(
      openClient(server.baseURL, clientOptions).chatCompletion(messages, {}, callOptions),
    );
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.code).toBe(code);
  });
});

describe('what surrounds a call', () => {
  it('reports usage, request id and rate limits of a result', async () => {
    const server = await openServer({ rateLimit: { requestsPerMinute: 60, tokensPerMinute: 1000 } });
    const info = responseInfo(await openClient(server.baseURL).chatCompletion(messages, { max_tokens: 5 }));
    expect(info?.requestId).toMatch(/^req_/);
    expect(info?.usage?.outputTokens).toBe(5);
    expect(info?.rateLimit?.requests?.limit).toBe(60);
    expect(responseInfo({})).toBeUndefined();
  });

  it('settles the limiter to the tokens that were used', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL, { rateLimit: { tokensPerMinute: 1e-6, tokenBurst: 10_000 } });
    const reply = await client.chatCompletion(messages, { max_tokens: 500 });
    const available = client.limiter?.snapshot()['default']?.tokens?.available;
    expect(available).toBeCloseTo(10_000 - (reply.usage?.total_tokens ?? 0), 3);
  });

  it('charges nothing for a call that never left', async () => {
    const client = openClient('http://127.0.0.1:9/v1', {
      retry: false,
      rateLimit: { tokensPerMinute: 1e-6, tokenBurst: 10_000, requestsPerMinute: 1e-6, requestBurst: 5 },
    });
    await failureOf(client.chatCompletion(messages, { max_tokens: 500 }));
    const { requests, tokens } = client.limiter?.snapshot()['default'] ?? {};
    expect(requests?.available).toBeCloseTo(5, 3);
    expect(tokens?.available).toBeCloseTo(10_000, 3);
  });

  it('sends one idempotency key for all attempts of a call, and none unasked', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL);
    server.fault({ status: 500 });
    await client.chatCompletion(messages, {}, { idempotencyKey: 'order-7' });
    await client.chatCompletion(messages);
    expect(server.requests.map(({ headers }) => headers['idempotency-key'])).toEqual([
      'order-7',
      'order-7',
      undefined,
    ]);

    class Declared extends OpenAIClient {
      static override readonly provider = { ...OpenAIClient.provider, idempotencyHeader: 'X-Once' };
    }
    const declared = new Declared({ apiKey: KEY, baseURL: server.baseURL, retry: { baseDelayMs: 0 } });
    server.reset();
    server.fault({ status: 500 });
    await declared.chatCompletion(messages);
    await declared.chatCompletion(messages);
    const [first, second, third] = server.requests.map(({ headers }) => headers['x-once']);
    expect(first).toBeTruthy();
    expect(second).toBe(first);
    expect(third).not.toBe(first);
    await declared.close();
  });

  it('lets request() reach any other endpoint under the same policies', async () => {
    const server = await openServer({ models: ['a', 'b'] });
    server.fault({ status: 500 });
    const client = openClient(server.baseURL);
    const { data } = await client.request<{ data: { id: string }[] }>('/models');
    expect(data.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(policiesOf(client, 'request').map(({ kind }) => kind)).toEqual(
      policiesOf(client, 'chatCompletion').map(({ kind }) => kind),
    );
  });

  it('honours interceptors and adapters that users put on client.http', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL);
    client.http.interceptors.request.use((config) => {
      config.headers.set('x-mine', 'yes');
      return config;
    });
    await client.chatCompletion(messages);
    expect(server.requests[0]?.headers['x-mine']).toBe('yes');
    client.http.defaults.adapter = async (config) => ({
      data: JSON.stringify({ choices: [{ message: { content: 'mine' } }] }),
      status: 200,
      statusText: 'OK',
      headers: {},
      config,
    });
    expect((await client.chatCompletion(messages)).choices[0]?.message.content).toBe('mine');
  });
});
