// @ts-nocheck
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  OpenAICompatibleClient,
  OverloadedError,
  QuotaExceededError,
  responseInfo,
  UnsupportedOperationError,
  type ChatCompletion,
  type ChatCompletionChunk,
  type ChatEvents,
  type ChatInput,
  type ClientOptions,
  type EmbeddingInput,
  type EmbeddingResponse,
  type ErrorResponse,
  type ProviderRequest,
} from 'keelson';
import { atEnd, failureOf, json, KEY, messages, readBody, serve } from './support.js';

interface Spoken {
  says: string;
  used: { in: number; out: number };
}

/** A provider of another format, which uses every hook. */
class OwlClient extends OpenAICompatibleClient {
  static override readonly provider = {
    name: 'owl',
    baseURL: 'https://owl.example',
    authHeader: 'x-owl-key',
    models: { chat: 'eagle-owl', embedding: 'barn-owl' },
    errors: { asleep: OverloadedError, no_mice: QuotaExceededError },
  };

  protected override chatRequest({ messages: said, params, model, stream }: ChatInput): ProviderRequest {
    if (params.audio) throw this.unsupported('spoken answers');
    if (params.seed !== undefined) this.dropField('seed', 'owls take no seed.');
    const path = `/models/${model}:${stream ? 'hoots' : 'hoot'}`;
    return { path, query: { tree: 7 }, headers: { 'x-version': '3' }, body: { said: said.length } };
  }
  protected override chatResult(answer: unknown): ChatCompletion {
    const { says, used } = answer as Spoken;
    const message = { role: 'assistant', content: says, refusal: null } as const;
    return {
      id: 'owl-1',
      object: 'chat.completion',
      created: 0,
      model: 'eagle-owl',
      choices: [{ index: 0, message, finish_reason: 'stop', logprobs: null }],
      usage: { prompt_tokens: used.in, completion_tokens: used.out, total_tokens: used.in + used.out },
    };
  }
  protected override chatEvents(): ChatEvents {
    let id = '';
    return {
      translate(payload, { event }) {
        const { name, says, end } = payload as { name?: string; says?: string; end?: boolean };
        if (event === 'perched') id = name ?? '';
        if (says === undefined && !end) return undefined;
        const delta = says === undefined ? {} : { content: says };
        const choices = [{ index: 0, delta, finish_reason: end ? ('stop' as const) : null }];
        return { id, object: 'chat.completion.chunk', created: 0, model: '', choices } as ChatCompletionChunk;
      },
      isDone: ({ event }) => event === 'flown',
    };
  }
  protected override embeddingRequest({ inputs, model }: EmbeddingInput): ProviderRequest {
    return { path: `/models/${model}:nest`, body: { nests: inputs } };
  }
  protected override embeddingResult(answer: unknown, { model }: EmbeddingInput): EmbeddingResponse {
    const { eggs } = answer as { eggs: number[][] };
    const data = eggs.map((embedding, index) => ({ object: 'embedding' as const, index, embedding }));
    return { object: 'list', data, model, usage: { prompt_tokens: 5, total_tokens: 5 } };
  }
  protected override embeddingLimits() {
    return { inputs: 2, tokens: 1000 };
  }
  protected override readRateLimit(headers: unknown) {
    const left = (headers as Record<string, string>)['x-mice-left'];
    return left === undefined ? undefined : { requests: { remaining: Number(left) } };
  }
  protected override readUsage(answer: unknown) {
    const { used } = answer as Partial<Spoken>;
    return used ? { inputTokens: used.in, outputTokens: used.out } : super.readUsage(answer);
  }
  protected override readError(response: ErrorResponse) {
    const { body } = response;
    const cry = (body as { cry?: string } | undefined)?.cry;
    return super.readError({ ...response, body: cry === undefined ? body : { error: { code: cry } } });
  }
}

function openOwl(baseURL: string, options: ClientOptions = {}): OwlClient {
  const client = new OwlClient({ apiKey: KEY, baseURL, retry: false, ...options });
  atEnd(() => client.close({ abort: true }));
  return client;
}

describe('a provider of another format', () => {
  it('has its own paths, headers, bodies and answers', async () => {
    const seen: unknown[] = [];
    const baseURL = await serve(async (request, response) => {
      const { 'x-owl-key': key, 'x-version': version, authorization } = request.headers;
      seen.push([request.url, key, version, authorization, await readBody(request)]);
      json(response, 200, { says: 'Whoo', used: { in: 3, out: 2 } }, { 'x-mice-left': '4' });
    });
    const client = openOwl(baseURL);
    const reply = await client.chatCompletion(messages, {}, { extraBody: { beak: true } });
    expect(seen).toEqual([
      ['/v1/models/eagle-owl:hoot?tree=7', KEY, '3', undefined, { said: 1, beak: true }],
    ]);
    expect(reply.choices[0]?.message.content).toBe('Whoo');
    expect(responseInfo(reply)).toMatchObject({
      usage: { inputTokens: 3, outputTokens: 2 },
      rateLimit: { requests: { remaining: 4 } },
    });
    const raw = await client.request<Spoken>('/models/tawny:hoot', { body: {} });
    expect(raw.says).toBe('Whoo');
    expect(responseInfo(raw)?.usage).toEqual({ inputTokens: 3, outputTokens: 2 });
  });

  it('has its own events, and state for each stream', async () => {
    const baseURL = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: perched\ndata: {"name":"o1"}\n\ndata: {"says":"Whoo"}\n\n');
      response.end(
        'data: {"says":"oo"}\n\ndata: {"end":true}\n\nevent: flown\ndata: {}\n\ndata: not read\n\n',
      );
    });
    const completion = await openOwl(baseURL).streamChatCompletion(messages).finalCompletion();
    expect(completion).toMatchObject({ id: 'o1', choices: [{ message: { content: 'Whoooo' } }] });
  });

  it('may stream JSON lines', async () => {
    class BarnOwl extends OwlClient {
      protected override chatEvents(): ChatEvents {
        const { translate } = super.chatEvents();
        return { format: 'ndjson', ...(translate && { translate }) };
      }
    }
    let accepted: string | undefined;
    let body = '{"says":"Scree"}\n{"says":"ch"}\n{"end":true}';
    const baseURL = await serve((request, response) => {
      accepted = request.headers.accept;
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.end(body);
    });
    const client = new BarnOwl({ apiKey: KEY, baseURL, retry: false });
    atEnd(() => client.close({ abort: true }));
    expect(await client.streamChatCompletion(messages).finalText()).toBe('Screech');
    expect(accepted).toBe('application/x-ndjson');
    body = '{"says":"Scree"}\n{"error":"out of mice"}\n';
    const error = await failureOf(client.streamChatCompletion(messages).finalText());
    expect(error).toMatchObject({ name: 'StreamError', provider: 'owl' });
    expect(error.message).toMatch(/out of mice/);
    body = '{"says":"Scree"}\n';
    expect(await failureOf(client.streamChatCompletion(messages).finalText())).toMatchObject({
      name: 'IncompleteStreamError',
    });
  });

  it('has its own embeddings and limits of a request', async () => {
    const sizes: number[] = [];
    const baseURL = await serve(async (request, response) => {
      const { nests } = await readBody(request);
      sizes.push(nests.length);
      json(response, 200, { eggs: nests.map((text: string) => [text.length]) });
    });
    const vectors = await openOwl(baseURL).embeddings(['a', 'bb', 'ccc']);
    expect(vectors).toEqual([[1], [2], [3]]);
    expect(sizes.sort()).toEqual([1, 2]);
    expect(responseInfo(vectors)?.usage).toEqual({ inputTokens: 10 });
  });

  it.each<[string, number, object, object]>([
    ['of an error status', 429, { cry: 'no_mice' }, { name: 'QuotaExceededError', retryable: false }],
    ['before the status', 500, { error: { type: 'asleep' } }, { name: 'OverloadedError', statusCode: 500 }],
    ['inside a 200', 200, { error: { code: 'asleep' } }, { name: 'OverloadedError', retryable: true }],
    [
      'as the finish reason of a failed answer',
      200,
      { choices: [{ index: 0, message: {}, finish_reason: 'asleep' }] },
      { name: 'OverloadedError' },
    ],
    [
      'of a choice',
      200,
      { choices: [{ index: 0, error: { message: 'Owl is asleep', code: 'asleep' } }] },
      { name: 'OverloadedError' },
    ],
  ])('says in its own words what an error is: %s', async (_, status, body, expected) => {
    const baseURL = await serve((__, response) =>
      json(response, status, body, { 'x-mice-left': '0', 'x-request-id': 'r1' }),
    );
    const error = await failureOf(openOwl(baseURL).chatCompletion(messages));
    expect(error).toMatchObject({ provider: 'owl', requestId: 'r1', ...expected });
    expect(error.rateLimit).toEqual({ requests: { remaining: 0 } });
  });

  it('retries a stream that failed by its finish reason before any content, and maps a later one', async () => {
    const bodies = [
      'data: {"choices":[{"index":0,"delta":{},"finish_reason":"asleep"}]}\n\n',
      'data: {"choices":[{"index":0,"delta":{"content":"Wh"}}]}\n\ndata: {"choices":[{"index":0,"delta":{},"finish_reason":"asleep"}]}\n\n',
    ];
    class Plain extends OpenAICompatibleClient {
      static override readonly provider = OwlClient.provider;
    }
    const baseURL = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(bodies.shift());
    });
    const client = new Plain({ apiKey: KEY, baseURL, retry: { baseDelayMs: 0 } });
    atEnd(() => client.close({ abort: true }));
    const error = await failureOf(client.streamChatCompletion(messages).finalText());
    expect(error).toBeInstanceOf(OverloadedError);
    expect(error.attempts).toHaveLength(2);
    expect(bodies).toEqual([]);
  });
});

describe('what a provider does not have', () => {
  it('is an UnsupportedOperationError that costs nothing', async () => {
    const client = openOwl('http://127.0.0.1:9', {
      rateLimit: { requestsPerMinute: 1e-6, requestBurst: 1 },
      retry: { baseDelayMs: 0 },
    });
    const params = { audio: { format: 'mp3', voice: 'ash' } };
    const error = await failureOf(client.chatCompletion(messages, params));
    expect(error).toBeInstanceOf(UnsupportedOperationError);
    expect(error).toMatchObject({ provider: 'owl', message: 'owl has no spoken answers.' });
    expect(error.attempts).toHaveLength(1);
    expect(client.limiter?.snapshot()['default']?.requests?.available).toBeCloseTo(1, 3);
    const streamed = await failureOf(client.streamChatCompletion(messages, params).finalText());
    expect(streamed).toBeInstanceOf(UnsupportedOperationError);
  });

  it('may be the embeddings', async () => {
    class Deaf extends OpenAICompatibleClient {
      static override readonly provider = { name: 'deaf', needsApiKey: false, hasEmbeddings: false };
    }
    const client = new Deaf({ baseURL: 'http://127.0.0.1:9', embeddingModel: 'm' });
    expect(await failureOf(client.embeddings('x'))).toMatchObject({
      name: 'UnsupportedOperationError',
      message: 'deaf has no embeddings.',
    });
  });
});

describe('a field that is not sent', () => {
  const answering = (): Promise<string> =>
    serve((_, response) => json(response, 200, { says: 'Whoo', used: { in: 1, out: 1 } }));
  const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  afterEach(() => {
    warnings.mockClear();
  });

  it('is told once a client and field, by an event and the logger', async () => {
    const lines: string[] = [];
    const write = (_: object, message: string): number => lines.push(message);
    const logger = { debug: () => 0, info: () => 0, warn: write, error: write };
    const baseURL = await answering();
    for (const client of [openOwl(baseURL, { logger }), openOwl(baseURL, { logger })]) {
      const events: unknown[] = [];
      client.on('warning', ({ code, subject, method }) => events.push([code, subject, method]));
      await client.chatCompletion(messages, { seed: 1 });
      await client.chatCompletion(messages, { seed: 2 });
      expect(events).toEqual([['field_dropped', 'seed', 'chatCompletion']]);
    }
    expect(lines).toEqual(Array(2).fill('owl: `seed` was not sent: owls take no seed.'));
    expect(warnings).not.toHaveBeenCalled();
  });

  it('is told once a process without a logger', async () => {
    const baseURL = await answering();
    for (const client of [openOwl(baseURL), openOwl(baseURL)])
      await client.chatCompletion(messages, { seed: 1 });
    expect(warnings.mock.calls).toEqual([['owl: `seed` was not sent: owls take no seed.', 'KeelsonWarning']]);
  });
});

describe('a provider described by data', () => {
  it('may have other paths and names of params', async () => {
    class Gull extends OpenAICompatibleClient {
      static override readonly provider = {
        name: 'gull',
        models: { chat: 'g', embedding: 'e' },
        paths: { chat: '/chat', embeddings: '/embed' },
        paramNames: { seed: 'random_seed', max_completion_tokens: 'max_tokens' },
        streamUsage: false,
        embeddingFormat: 'float' as const,
      };
    }
    const seen: unknown[] = [];
    const baseURL = await serve(async (request, response) => {
      const body = await readBody(request);
      seen.push([request.url, body]);
      if (body['input']) return json(response, 200, { data: [{ index: 0, embedding: [1] }] });
      if (!body['stream']) return json(response, 200, { choices: [] });
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n');
    });
    const client = new Gull({ apiKey: KEY, baseURL });
    atEnd(() => client.close({ abort: true }));
    await client.chatCompletion(messages, { seed: 1, max_completion_tokens: 5, max_tokens: 6 });
    await client.streamChatCompletion(messages).finalCompletion();
    await client.embeddings('x');
    expect(seen).toEqual([
      ['/v1/chat', { model: 'g', messages, random_seed: 1, max_tokens: 6 }],
      ['/v1/chat', { model: 'g', messages, stream: true }],
      ['/v1/embed', { model: 'e', input: ['x'], encoding_format: 'float' }],
    ]);
  });
});
