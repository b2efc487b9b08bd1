// @ts-nocheck
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AzureOpenAIClient,
  createClient,
  responseInfo,
  type AzureOpenAIClientOptions,
  type ProviderSpec,
} from 'keelson';
import { atEnd, failureOf, json, KEY, messages, readBody, serve } from '../../client/support.js';

const VARIABLES = [
  'AZURE_OPENAI_API_KEY',
  'AZURE_OPENAI_BASE_URL',
  'AZURE_OPENAI_ENDPOINT',
  'OPENAI_API_VERSION',
];
const saved = { ...process.env };
beforeEach(() => {
  for (const name of VARIABLES) delete process.env[name];
});
afterEach(() => {
  process.env = { ...saved };
});

const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'gpt-4o-2024-11-20',
  prompt_filter_results: [
    { prompt_index: 0, content_filter_results: { hate: { filtered: false, severity: 'safe' } } },
  ],
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'Hello', refusal: null },
      finish_reason: 'stop',
      content_filter_results: { hate: { filtered: false, severity: 'safe' } },
    },
  ],
  usage: { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 },
};

interface Reply {
  status?: number;
  headers?: Record<string, string>;
  /** A text is a stream, anything else JSON. */
  body?: unknown;
}

/** A resource that answers as is said; where it is, and what it is sent. */
async function openResource({ status = 200, headers = {}, body = completion }: Reply = {}) {
  const sent: { url: string; key: unknown; authorization: unknown; body: any }[] = [];
  const address = await serve(async (request, response) => {
    const { 'api-key': key, authorization } = request.headers;
    const asked = await readBody(request);
    sent.push({ url: request.url ?? '', key, authorization, body: asked });
    if (request.url?.includes('/embeddings')) {
      return json(response, 200, { data: [{ index: 0, embedding: [1, 2] }], usage: { prompt_tokens: 1 } });
    }
    if (typeof body !== 'string') return json(response, status, body, headers);
    response.writeHead(status, { 'content-type': 'text/event-stream', ...headers });
    response.end(body);
  });
  return { endpoint: address.replace(/\/v1$/, ''), sent };
}

function openClient(options: AzureOpenAIClientOptions): AzureOpenAIClient {
  const client = new AzureOpenAIClient({ apiKey: KEY, model: 'my gpt', embeddingModel: 'ada', ...options });
  atEnd(() => client.close({ abort: true }));
  return client;
}

describe('the address of a call', () => {
  const DATED = '2024-10-21';
  it.each<
    [string, (endpoint: string) => AzureOpenAIClientOptions, chat: string, embeddings: string, model?: string]
  >([
    ['v1', (endpoint) => ({ endpoint }), '/openai/v1/chat/completions', '/openai/v1/embeddings'],
    [
      'v1 with previews',
      (endpoint) => ({ endpoint: `${endpoint}/`, apiVersion: 'preview' }),
      '/openai/v1/chat/completions?api-version=preview',
      '/openai/v1/embeddings?api-version=preview',
    ],
    [
      'v1 by an endpoint that names it',
      (endpoint) => ({ endpoint: `${endpoint}/openai/v1/` }),
      '/openai/v1/chat/completions',
      '/openai/v1/embeddings',
    ],
    [
      'v1 by a whole address',
      (endpoint) => ({ baseURL: `${endpoint}/gateway/v1` }),
      '/gateway/v1/chat/completions',
      '/gateway/v1/embeddings',
    ],
    [
      'v1 with a deployment',
      (endpoint) => ({ endpoint, deployment: 'mine' }),
      '/openai/v1/chat/completions',
      '/openai/v1/embeddings',
      'mine',
    ],
    [
      'a dated version',
      (endpoint) => ({ endpoint, apiVersion: DATED }),
      `/openai/deployments/my%20gpt/chat/completions?api-version=${DATED}`,
      `/openai/deployments/ada/embeddings?api-version=${DATED}`,
    ],
    [
      'a dated version and a deployment',
      (endpoint) => ({ endpoint: `${endpoint}/openai`, apiVersion: `${DATED}-preview`, deployment: 'mine' }),
      `/openai/deployments/mine/chat/completions?api-version=${DATED}-preview`,
      `/openai/deployments/ada/embeddings?api-version=${DATED}-preview`,
      'mine',
    ],
    [
      'a dated version behind a gateway',
      (endpoint) => ({ baseURL: `${endpoint}/gateway`, apiVersion: DATED, query: { team: 'blue' } }),
      `/gateway/deployments/my%20gpt/chat/completions?api-version=${DATED}&team=blue`,
      `/gateway/deployments/ada/embeddings?api-version=${DATED}&team=blue`,
    ],
    [
      'an address that names the deployment',
      (endpoint) => ({ baseURL: `${endpoint}/openai/deployments/fixed`, apiVersion: DATED }),
      `/openai/deployments/fixed/chat/completions?api-version=${DATED}`,
      `/openai/deployments/fixed/embeddings?api-version=${DATED}`,
    ],
  ])('is that of the resource: %s', async (_, optionsFor, chat, embeddings, model = 'my gpt') => {
    const { endpoint, sent } = await openResource();
    const client = openClient(optionsFor(endpoint));
    await client.chatCompletion(messages, { temperature: 0 });
    await client.embeddings('x');
    expect(sent.map(({ url }) => url)).toEqual([chat, embeddings]);
    expect(sent[0]?.body).toEqual({ model, messages, temperature: 0 });
    expect(sent[1]?.body).toEqual({ model: 'ada', input: ['x'], encoding_format: 'base64' });
  });

  it('may come from the environment, and the deployment from a model string', async () => {
    const { endpoint, sent } = await openResource();
    process.env['AZURE_OPENAI_ENDPOINT'] = endpoint;
    process.env['OPENAI_API_VERSION'] = DATED;
    process.env['AZURE_OPENAI_API_KEY'] = 'key-of-azure';
    const client = createClient('azure/mine');
    atEnd(() => client.close({ abort: true }));
    await client.chatCompletion(messages);
    expect(sent[0]).toMatchObject({
      url: `/openai/deployments/mine/chat/completions?api-version=${DATED}`,
      key: 'key-of-azure',
    });
    // The environment's version is meant for resources of the older kind.
    expect(openClient({ baseURL: 'https://a.example/openai/v1' }).baseURL).toBe(
      'https://a.example/openai/v1',
    );
    await openClient({ baseURL: `${endpoint}/openai/v1` }).chatCompletion(messages);
    expect(sent[1]?.url).toBe('/openai/v1/chat/completions');
  });

  it('names the deployment of a call by its model', async () => {
    const { endpoint, sent } = await openResource();
    await openClient({ endpoint, apiVersion: DATED }).chatCompletion(messages, { model: 'other' });
    expect(sent[0]?.url).toContain('/deployments/other/');
  });

  it('carries the version to every endpoint', async () => {
    const { endpoint, sent } = await openResource();
    await openClient({ endpoint, apiVersion: DATED }).request('/models');
    expect(sent[0]?.url).toBe(`/openai/models?api-version=${DATED}`);
  });
});

describe('who calls', () => {
  const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwcyJ9.c2lnbmF0dXJl';
  it.each<[string, AzureOpenAIClientOptions, object]>([
    ['a key', { apiKey: KEY }, { key: KEY, authorization: undefined }],
    ['a key that a function gives', { apiKey: () => KEY }, { key: KEY, authorization: undefined }],
    [
      'a token as the key',
      { apiKey: async () => TOKEN },
      { key: undefined, authorization: `Bearer ${TOKEN}` },
    ],
    [
      'a token of a provider, whatever it looks like',
      { apiKey: undefined, azureADTokenProvider: async () => 'opaque' },
      { key: undefined, authorization: 'Bearer opaque' },
    ],
  ])('is shown by %s', async (_, options, expected) => {
    const { endpoint, sent } = await openResource();
    process.env['AZURE_OPENAI_API_KEY'] = 'not this one';
    await openClient({ endpoint, ...options }).chatCompletion(messages);
    expect(sent[0]).toMatchObject(expected);
  });

  it('is asked anew for each attempt, and shown to nobody', async () => {
    let asked = 0;
    const { endpoint, sent } = await openResource({
      status: 500,
      body: { error: { message: 'token-2 is bad' } },
    });
    const client = openClient({
      endpoint,
      apiKey: undefined,
      azureADTokenProvider: () => `token-${++asked}`,
      retry: { maxRetries: 1, baseDelayMs: 0 },
    });
    const error = await failureOf(client.chatCompletion(messages));
    expect(sent.map(({ authorization }) => authorization)).toEqual(['Bearer token-1', 'Bearer token-2']);
    expect(error.message).not.toContain('token-2');
  });
});

describe('options that cannot be', () => {
  it.each<[AzureOpenAIClientOptions, RegExp]>([
    [{}, /`endpoint` is missing: give the address of your resource/],
    [{ endpoint: 'my-resource' }, /is no http or https URL/],
    [{ endpoint: 'https://a.example', azureADTokenProvider: 'x' as never }, /is no function/],
    [{ endpoint: 'https://a.example', azureADTokenProvider: () => 'x' }, /both given/],
    [
      { endpoint: 'https://a.example', baseURL: 'https://b.example' },
      /`endpoint` and `baseURL` are both given/,
    ],
    [{ endpoint: 'https://a.example', deployment: '' }, /`deployment` is ''/],
    [
      { baseURL: 'https://a.example/openai/v1', apiVersion: '2024-10-21' },
      /ends with \/v1, which has no dated versions/,
    ],
    [{ endpoint: 'https://a.example', apiversion: 'x' } as never, /no option `apiversion`. Use `apiVersion`/],
  ])('are refused: %j', (options, message) => {
    const make = () => new AzureOpenAIClient({ apiKey: KEY, ...options });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it('are a missing key', () => {
    expect(() => new AzureOpenAIClient({ endpoint: 'https://a.example' })).toThrow(/AZURE_OPENAI_API_KEY/);
  });

  it('do not come from Azure’s environment for another provider', () => {
    process.env['AZURE_OPENAI_ENDPOINT'] = 'https://a.example';
    process.env['OPENAI_API_VERSION'] = '2024-10-21';
    class Mine extends AzureOpenAIClient {
      static override readonly provider: ProviderSpec = { name: 'mine', baseURL: 'https://mine.example/v1' };
    }
    expect(new Mine({ apiKey: KEY }).baseURL).toBe('https://mine.example/v1');
  });
});

describe('what Azure adds to OpenAI’s answers', () => {
  const event = (choices: object[], rest: object = {}): string =>
    `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'gpt-4o', choices, ...rest })}\n\n`;
  const filtered = { content_filter_results: { hate: { filtered: false, severity: 'safe' } } };

  it('is kept, in one body and in a stream', async () => {
    const plain = await openResource();
    const reply = await openClient({ endpoint: plain.endpoint }).chatCompletion(messages);
    expect(reply).toMatchObject({
      prompt_filter_results: completion.prompt_filter_results,
      choices: [filtered],
    });
    const body = [
      event([], { id: '', model: '', created: 0, prompt_filter_results: completion.prompt_filter_results }),
      event([{ index: 0, delta: { role: 'assistant', content: 'Hel' }, finish_reason: null, ...filtered }]),
      event([{ index: 0, delta: { content: 'lo' }, finish_reason: 'stop' }]),
      // Of the asynchronous filter, without a delta.
      event([{ index: 0, finish_reason: null, content_filter_offsets: { start_offset: 0 }, ...filtered }]),
      event([], { usage: completion.usage }),
      'data: [DONE]\n\n',
    ].join('');
    const streaming = await openResource({ body });
    const whole = await openClient({ endpoint: streaming.endpoint })
      .streamChatCompletion(messages)
      .finalCompletion();
    expect(whole).toMatchObject({
      id: 'c1',
      model: 'gpt-4o',
      prompt_filter_results: completion.prompt_filter_results,
      usage: completion.usage,
      choices: [{ message: { content: 'Hello' }, finish_reason: 'stop', ...filtered }],
    });
    expect(streaming.sent[0]?.body).toMatchObject({ stream: true, stream_options: { include_usage: true } });
  });

  it('may be limits, in seconds and as what is not known', async () => {
    const { endpoint } = await openResource({
      headers: {
        'apim-request-id': 'a1',
        'x-ratelimit-remaining-requests': '-1',
        'x-ratelimit-remaining-tokens': '900',
        'x-ratelimit-reset-tokens': '12',
      },
    });
    const reply = await openClient({ endpoint }).chatCompletion(messages);
    const { requestId, rateLimit } = responseInfo(reply) ?? {};
    expect(requestId).toBe('a1');
    expect(rateLimit?.tokens).toMatchObject({ remaining: 900, resetMs: 12_000 });
    expect(rateLimit?.requests).toBeUndefined();
  });

  it.each<[string, number, object, object]>([
    [
      'the content filter',
      400,
      {
        message: 'The response was filtered',
        type: null,
        param: 'prompt',
        code: 'content_filter',
        status: 400,
        innererror: {
          code: 'ResponsibleAIPolicyViolation',
          content_filter_result: { hate: { filtered: true } },
        },
      },
      {
        name: 'BadRequestError',
        type: 'content_filter',
        retryable: false,
        response: { error: { innererror: { code: 'ResponsibleAIPolicyViolation' } } },
      },
    ],
    [
      'a rate limit',
      429,
      {
        code: '429',
        message:
          'Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 6 seconds.',
      },
      { name: 'RateLimitError', retryable: true, retryAfterMs: 6000 },
    ],
    [
      'a deployment that there is not',
      404,
      { code: 'DeploymentNotFound', message: 'The API deployment for this resource does not exist.' },
      { name: 'NotFoundError', type: 'DeploymentNotFound' },
    ],
    [
      'a wrong key',
      401,
      { code: '401', message: 'Access denied due to invalid subscription key or wrong API endpoint.' },
      { name: 'AuthenticationError' },
    ],
  ])('may be a failure: %s', async (_, status, error, expected) => {
    const { endpoint } = await openResource({ status, body: { error } });
    const failure = await failureOf(openClient({ endpoint, retry: false }).chatCompletion(messages));
    expect(failure).toMatchObject({ provider: 'azure', statusCode: status, ...expected });
  });
});
