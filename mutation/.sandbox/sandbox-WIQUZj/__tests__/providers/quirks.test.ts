// @ts-nocheck
import { describe, expect, it, jest } from '@jest/globals';
import {
  DeepSeekClient,
  GeminiCompatibleClient,
  GroqClient,
  LlamaCppClient,
  MistralClient,
  MoonshotClient,
  OllamaCompatibleClient,
  OpenRouterClient,
  QwenClient,
  responseInfo,
  TogetherClient,
  VLLMClient,
  XAIClient,
  ZhipuClient,
  type BaseLLMClient,
  type ClientOptions,
} from 'keelson';
import { atEnd, failureOf, json, KEY, messages, readBody, serve } from '../client/support.js';

type Class = new (options: ClientOptions) => BaseLLMClient;

/** A client of a server that answers as is said; what it was sent is kept. */
async function open(
  Class: Class,
  body: unknown,
  { status = 200, headers = {}, options = {} }: { status?: number; headers?: object; options?: object } = {},
): Promise<{ client: BaseLLMClient; sent: any[] }> {
  const sent: unknown[] = [];
  const baseURL = await serve(async (request, response) => {
    const asked = await readBody(request);
    sent.push(asked);
    if (asked['stream'] && status === 200) {
      response.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
      response.end(body);
    } else json(response, status, body, headers);
  });
  const client = new Class({
    apiKey: KEY,
    baseURL,
    model: 'm',
    embeddingModel: 'e',
    retry: false,
    ...options,
  });
  atEnd(() => client.close({ abort: true }));
  return { client, sent };
}

const events = (...payloads: unknown[]): string =>
  [...payloads.map((payload) => JSON.stringify(payload)), '[DONE]']
    .map((data) => `data: ${data}\n\n`)
    .join('');
const chunk = (delta: object, rest: object = {}, finish: string | null = null): object => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: finish }],
  ...rest,
});
const completion = (message: object, rest: object = {}, finish = 'stop'): object => ({
  id: 'c1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: finish }],
  ...rest,
});
const usage = { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 };

describe('reasoning', () => {
  it.each<[string, Class, object, object]>([
    ['reasoning_content', DeepSeekClient, { content: 'a', reasoning_content: 'hm' }, {}],
    ['reasoning', GroqClient, { content: 'a', reasoning: 'hm' }, { reasoning: 'hm' }],
    ['reasoning', OpenRouterClient, { content: 'a', reasoning: 'hm' }, { reasoning: 'hm' }],
    ['reasoning', VLLMClient, { content: 'a', reasoning: 'hm' }, { reasoning: 'hm' }],
    [
      'a list of parts',
      MistralClient,
      {
        content: [
          { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
          { type: 'text', text: 'a' },
        ],
      },
      {},
    ],
  ])('comes as reasoning_content where it is %s', async (_, Class, message, kept) => {
    const expected = { content: 'a', reasoning_content: 'hm', ...kept };
    const plain = await open(Class, completion(message));
    expect((await plain.client.chatCompletion(messages)).choices[0]?.message).toMatchObject(expected);
    const streamed = await open(Class, events(chunk(message), chunk({}, {}, 'stop')));
    const deltas: object[] = [];
    const stream = streamed.client.streamChatCompletion(messages);
    for await (const { choices } of stream) for (const { delta } of choices) deltas.push(delta);
    expect(deltas[0]).toMatchObject(expected);
    expect((await stream.finalCompletion()).choices[0]?.message).toMatchObject(expected);
  });

  it('keeps parts of other kinds beside the text', async () => {
    const reference = { type: 'reference', reference_ids: [1] };
    const { client } = await open(
      MistralClient,
      completion({ content: [{ type: 'text', text: 'a' }, reference] }),
    );
    expect((await client.chatCompletion(messages)).choices[0]?.message).toMatchObject({
      content: 'a',
      content_parts: [reference],
    });
  });

  it('goes back to Mistral as it came, without what Mistral refuses', async () => {
    const content = [
      { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
      { type: 'text', text: 'a' },
    ];
    const { client, sent } = await open(MistralClient, completion({ content, tool_calls: null }));
    const { message } = (await client.chatCompletion(messages)).choices[0]!;
    const earlier = { ...message, refusal: null, annotations: [] };
    await client.chatCompletion([...messages, earlier]);
    expect(sent[1].messages[1]).toEqual({ role: 'assistant', content, tool_calls: null });
  });

  it('stays out of what goes back to Groq, which refuses it, with a warning', async () => {
    const { client, sent } = await open(
      GroqClient,
      completion({ content: 'a', reasoning: 'hm', refusal: null }),
      {
        options: { logger: { debug: () => 0, info: () => 0, warn: () => 0, error: () => 0 } },
      },
    );
    const dropped: string[] = [];
    client.on('warning', ({ subject }) => dropped.push(subject));
    const { message } = (await client.chatCompletion(messages)).choices[0]!;
    await client.chatCompletion([...messages, message]);
    expect(sent[1].messages[1]).toEqual({ role: 'assistant', content: 'a' });
    expect(dropped).toEqual(['messages[].reasoning', 'messages[].reasoning_content']);
  });

  it('goes back to the others as the message holds it', async () => {
    const { client, sent } = await open(DeepSeekClient, completion({ content: 'a', reasoning_content: '' }));
    const { message } = (await client.chatCompletion(messages)).choices[0]!;
    await client.chatCompletion([...messages, message]);
    expect(sent[1].messages[1]).toEqual({ role: 'assistant', content: 'a', reasoning_content: '' });
  });
});

describe('a repeated piece of reasoning', () => {
  it('of xAI, sent while the model thinks unseen, is kept once; words that come twice stay', async () => {
    const pieces = ['Thinking... ', 'Thinking... ', 'Thinking... ', 'no ', 'no ', 'Thinking... '];
    const citations = ['https://keel.example'];
    const { client } = await open(
      XAIClient,
      events(
        ...pieces.map((reasoning_content) => chunk({ reasoning_content })),
        chunk({ content: 'a' }, { citations }, 'stop'),
      ),
    );
    const result = await client.streamChatCompletion(messages).finalCompletion();
    expect(result.choices[0]?.message.reasoning_content).toBe('Thinking... no no Thinking... ');
    expect(result).toMatchObject({ citations });
  });
});

describe('usage', () => {
  it.each<[string, Class, object]>([
    ['in x_groq of the last chunk', GroqClient, chunk({}, { x_groq: { id: 'req_1', usage } }, 'stop')],
    [
      'on the last choice',
      MoonshotClient,
      { ...chunk({}), choices: [{ index: 0, delta: {}, finish_reason: 'stop', usage }] },
    ],
    ['on the last chunk, unasked', MistralClient, chunk({ content: '' }, { usage }, 'stop')],
    ['on a chunk without choices', TogetherClient, { ...chunk({}), choices: [], usage }],
  ])('%s is the usage of the stream', async (_, Class, last) => {
    const { client } = await open(Class, events(chunk({ content: 'a' }), chunk({}, {}, 'stop'), last));
    const result = await client.streamChatCompletion(messages).finalCompletion();
    expect(result.usage).toEqual(usage);
    expect(responseInfo(result)?.usage).toEqual({ inputTokens: 9, outputTokens: 4 });
  });

  it.each<[string, Class, object, object]>([
    [
      'prompt_cache_hit_tokens',
      DeepSeekClient,
      { ...usage, prompt_cache_hit_tokens: 6, prompt_cache_miss_tokens: 3 },
      { inputTokens: 9, outputTokens: 4, cachedInputTokens: 6 },
    ],
    [
      'cached_tokens beside the others',
      MoonshotClient,
      { ...usage, cached_tokens: 5 },
      { inputTokens: 9, outputTokens: 4, cachedInputTokens: 5 },
    ],
    [
      'cached_tokens among the details',
      QwenClient,
      { ...usage, prompt_tokens_details: { cached_tokens: 5, cache_type: 'ephemeral' } },
      { inputTokens: 9, outputTokens: 4, cachedInputTokens: 5 },
    ],
    [
      'reasoning beside the output',
      XAIClient,
      { ...usage, total_tokens: 113, completion_tokens_details: { reasoning_tokens: 100 } },
      { inputTokens: 9, outputTokens: 104 },
    ],
    [
      'reasoning within the output',
      QwenClient,
      { ...usage, completion_tokens_details: { reasoning_tokens: 3 } },
      { inputTokens: 9, outputTokens: 4 },
    ],
  ])('counts %s', async (_, Class, given, expected) => {
    const plain = await open(Class, completion({ content: 'a' }, { usage: given }));
    const result = await plain.client.chatCompletion(messages);
    expect(responseInfo(result)?.usage).toEqual(expected);
    expect(result.usage).toMatchObject({ prompt_tokens: 9 });
    const streamed = await open(Class, events(chunk({ content: 'a' }, { usage: given }, 'stop')));
    const whole = await streamed.client.streamChatCompletion(messages).finalCompletion();
    expect(responseInfo(whole)?.usage).toEqual(expected);
  });

  it('is asked for in a stream, except of Mistral, which refuses to be', async () => {
    const body = events(chunk({ content: 'a' }, {}, 'stop'));
    for (const [Class, asked] of [
      [GroqClient, { include_usage: true }],
      [MistralClient, undefined],
    ] as const) {
      const { client, sent } = await open(Class, body);
      await client.streamChatCompletion(messages).finalText();
      expect(sent[0].stream_options).toEqual(asked);
    }
  });
});

describe('an error', () => {
  it.each<[Class, number, unknown, object]>([
    [
      DeepSeekClient,
      402,
      {
        error: {
          message: 'Insufficient Balance',
          type: 'unknown_error',
          param: null,
          code: 'invalid_request_error',
        },
      },
      { name: 'QuotaExceededError' },
    ],
    [
      DeepSeekClient,
      422,
      { error: { message: 'Invalid temperature', type: 'invalid_request_error' } },
      { name: 'UnprocessableEntityError' },
    ],
    [
      DeepSeekClient,
      503,
      { error: { message: 'Server overloaded' } },
      { name: 'OverloadedError', retryable: true },
    ],
    [
      QwenClient,
      400,
      { error: { code: 'Arrearage', message: 'Access denied', type: 'Arrearage' } },
      { name: 'QuotaExceededError' },
    ],
    [
      QwenClient,
      401,
      {
        error: {
          code: 'invalid_api_key',
          message: 'Incorrect API key provided.',
          type: 'invalid_request_error',
        },
        request_id: 'q1',
      },
      { name: 'AuthenticationError', requestId: 'q1' },
    ],
    [
      QwenClient,
      429,
      {
        error: {
          code: 'limit_requests',
          message: 'You exceeded your current requests list.',
          type: 'limit_requests',
        },
      },
      { name: 'RateLimitError', retryable: true },
    ],
    [
      MoonshotClient,
      429,
      { error: { type: 'exceeded_current_quota_error', message: 'Your account is suspended' } },
      { name: 'QuotaExceededError', retryable: false },
    ],
    [
      MoonshotClient,
      429,
      { error: { type: 'engine_overloaded_error', message: 'The engine is currently overloaded' } },
      { name: 'OverloadedError', retryable: true },
    ],
    [
      MoonshotClient,
      429,
      {
        error: { type: 'rate_limit_reached_error', message: 'max RPM: 3, please try again after 1 seconds' },
      },
      { name: 'RateLimitError', retryAfterMs: 1000 },
    ],
    [
      ZhipuClient,
      429,
      { error: { code: '1302', message: 'High concurrency usage of this API' } },
      { name: 'RateLimitError', retryable: true },
    ],
    [
      ZhipuClient,
      429,
      { error: { code: '1305', message: 'The service may be temporarily overloaded' } },
      { name: 'OverloadedError', retryable: true },
    ],
    [
      ZhipuClient,
      429,
      { error: { code: '1113', message: 'Insufficient balance or no resource package' } },
      { name: 'QuotaExceededError', retryable: false },
    ],
    [
      ZhipuClient,
      429,
      {
        error: {
          code: '1308',
          message: 'Usage limit reached for 5 hour. Your limit will reset at 2026-09-09 05:38:28',
        },
      },
      { name: 'QuotaExceededError', retryable: false },
    ],
    [
      ZhipuClient,
      400,
      { error: { code: 1261, message: 'Prompt exceeds max length' } },
      { name: 'ContextLengthError' },
    ],
    [
      GroqClient,
      498,
      { error: { message: 'Flex tier capacity exceeded', type: 'capacity_exceeded' } },
      { name: 'OverloadedError', retryable: true },
    ],
    [
      GroqClient,
      429,
      {
        error: {
          message: 'Rate limit reached for model `m`. Please try again in 5.289s.',
          type: 'tokens',
          code: 'rate_limit_exceeded',
        },
      },
      { name: 'RateLimitError', retryAfterMs: 5289 },
    ],
    [
      MistralClient,
      401,
      { message: 'Unauthorized', request_id: 'r9' },
      { name: 'AuthenticationError', requestId: 'r9' },
    ],
    [
      MistralClient,
      400,
      { object: 'error', message: 'Invalid model: m', type: 'invalid_model', param: null, code: '1500' },
      { name: 'BadRequestError', type: 'invalid_model', message: '400 Invalid model: m' },
    ],
    [
      MistralClient,
      422,
      {
        object: 'error',
        message: {
          detail: [{ type: 'extra_forbidden', loc: ['body', 'x'], msg: 'Extra inputs are not permitted' }],
        },
        type: 'invalid_request_error',
        param: null,
        code: null,
      },
      { name: 'UnprocessableEntityError', message: '422 body.x: Extra inputs are not permitted' },
    ],
    [
      MistralClient,
      422,
      { detail: [{ loc: ['body', 'model'], msg: 'Field required', type: 'missing' }] },
      { name: 'UnprocessableEntityError', message: '422 body.model: Field required' },
    ],
    [
      XAIClient,
      400,
      { code: 'Client specified an invalid argument', error: 'Incorrect API key provided: xa***99.' },
      { name: 'AuthenticationError' },
    ],
    [
      XAIClient,
      403,
      {
        code: 'The caller does not have permission',
        error: 'Your team has either used all available credits or reached its monthly spending limit.',
      },
      { name: 'QuotaExceededError' },
    ],
    [XAIClient, 404, { error: 'The model m does not exist' }, { name: 'NotFoundError' }],
    [
      XAIClient,
      200,
      { code: 'Some resource has been exhausted', error: 'Rate limited' },
      { name: 'RateLimitError', retryable: true },
    ],
    [
      OpenRouterClient,
      402,
      { error: { code: 402, message: 'Insufficient credits' }, user_id: 'u' },
      { name: 'QuotaExceededError' },
    ],
    [
      OpenRouterClient,
      502,
      {
        error: {
          code: 502,
          message: 'Provider returned error',
          metadata: { provider_name: 'X', raw: '{"error":{"message":"boom"}}' },
        },
      },
      { name: 'InternalServerError', message: '502 Provider returned error: boom' },
    ],
    [
      OpenRouterClient,
      200,
      { error: { code: 502, message: 'Upstream failed' } },
      { name: 'InternalServerError', retryable: true },
    ],
    [
      OpenRouterClient,
      200,
      {
        id: 'g',
        choices: [
          { finish_reason: 'error', error: { code: 429, message: 'Slow down' }, message: { content: '' } },
        ],
      },
      { name: 'RateLimitError', retryable: true },
    ],
    [
      GeminiCompatibleClient,
      400,
      [{ error: { code: 400, message: 'Unknown name "x": Cannot find field.', status: 'INVALID_ARGUMENT' } }],
      { name: 'BadRequestError', message: '400 Unknown name "x": Cannot find field.' },
    ],
    [
      GeminiCompatibleClient,
      400,
      [
        {
          error: {
            code: 400,
            message: 'API key not valid. Please pass a valid API key.',
            status: 'INVALID_ARGUMENT',
            details: [{ reason: 'API_KEY_INVALID' }],
          },
        },
      ],
      { name: 'AuthenticationError' },
    ],
    [
      GeminiCompatibleClient,
      429,
      [
        {
          error: {
            code: 429,
            message: 'You exceeded your current quota',
            status: 'RESOURCE_EXHAUSTED',
            details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '37s' }],
          },
        },
      ],
      { name: 'RateLimitError', retryAfterMs: 37_000 },
    ],
    [
      LlamaCppClient,
      400,
      {
        error: {
          code: 400,
          message: 'the request exceeds the available context size',
          type: 'exceed_context_size_error',
          n_prompt_tokens: 9,
          n_ctx: 8,
        },
      },
      { name: 'ContextLengthError' },
    ],
    [
      LlamaCppClient,
      503,
      { error: { code: 503, message: 'Loading model', type: 'unavailable_error' } },
      { name: 'OverloadedError', retryable: true },
    ],
    [
      OllamaCompatibleClient,
      404,
      {
        error: {
          message: 'model "m" not found, try pulling it first',
          type: 'api_error',
          param: null,
          code: null,
        },
      },
      { name: 'NotFoundError' },
    ],
    [
      VLLMClient,
      400,
      {
        object: 'error',
        message: "This model's maximum context length is 8 tokens.",
        type: 'BadRequestError',
        param: null,
        code: 400,
      },
      { name: 'ContextLengthError' },
    ],
    [
      TogetherClient,
      503,
      { error: { message: 'The server is overloaded', type: 'server_error' } },
      { name: 'OverloadedError', retryable: true },
    ],
  ])('%p %i %j', async (Class, status, body, expected) => {
    const { client } = await open(Class, body, { status });
    const error = await failureOf(client.chatCompletion(messages));
    expect({ ...error, name: error.name, message: error.message }).toMatchObject({
      provider: client['provider' as never]['name'],
      ...expected,
    });
  });

  it.each<[string, Class, string]>([
    [
      'an answer that lacked resources',
      DeepSeekClient,
      events(chunk({ content: 'a' }), chunk({}, {}, 'insufficient_system_resource')),
    ],
    [
      'an answer cut by the network',
      ZhipuClient,
      events(chunk({ content: 'a' }), chunk({}, {}, 'network_error')),
    ],
    [
      'a failure upstream',
      OpenRouterClient,
      events(chunk({ content: 'a' }), {
        ...chunk({ content: '' }, {}, 'error'),
        error: { code: 502, message: 'gone' },
      }),
    ],
    [
      'a list with an error',
      GeminiCompatibleClient,
      `${events(chunk({ content: 'a' })).replace('data: [DONE]\n\n', '')}data: [{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]\n\n`,
    ],
  ])('ends a stream: %s', async (_, Class, body) => {
    const { client } = await open(Class, body);
    let text = '';
    const error = await failureOf(
      (async () => {
        for await (const { choices } of client.streamChatCompletion(messages))
          text += choices[0]?.delta.content;
      })(),
    );
    expect(text).toBe('a');
    expect(error.name).toMatch(/^(OverloadedError|InternalServerError)$/);
  });
});

describe("OpenRouter's 404", () => {
  it.each<[string, object, boolean]>([
    ['of the provider behind, without a word of it, may pass', { provider_name: 'X', raw: '' }, true],
    ['that the provider behind explains is final', { provider_name: 'X', raw: 'no such model' }, false],
    ['of its own is final', {}, false],
  ])('%s', async (_, metadata, retryable) => {
    const error = { code: 404, message: 'Provider returned error', metadata };
    const { client } = await open(OpenRouterClient, { error }, { status: 404 });
    expect(await failureOf(client.chatCompletion(messages))).toMatchObject({
      name: 'NotFoundError',
      retryable,
    });
  });
});

describe('limits', () => {
  it.each<[string, Class, object, object]>([
    [
      'Groq, with spans',
      GroqClient,
      {
        'x-ratelimit-limit-requests': '14400',
        'x-ratelimit-remaining-requests': '14399',
        'x-ratelimit-reset-requests': '1m26.4s',
        'x-ratelimit-limit-tokens': '6000',
        'x-ratelimit-remaining-tokens': '5990',
        'x-ratelimit-reset-tokens': '80ms',
      },
      {
        requests: { limit: 14_400, remaining: 14_399, resetMs: 86_400 },
        tokens: { limit: 6000, remaining: 5990, resetMs: 80 },
      },
    ],
    [
      'Mistral, by size',
      MistralClient,
      {
        'ratelimitbysize-limit': '500000',
        'ratelimitbysize-remaining': '499900',
        'ratelimitbysize-reset': '21',
        'ratelimitbysize-query-cost': '100',
      },
      { tokens: { limit: 500_000, remaining: 499_900, resetMs: 21_000 } },
    ],
    [
      'xAI',
      XAIClient,
      { 'x-ratelimit-limit-requests': '480', 'x-ratelimit-remaining-requests': '479' },
      { requests: { limit: 480, remaining: 479 } },
    ],
  ])('are read from the headers: %s', async (_, Class, headers, expected) => {
    const { client } = await open(Class, completion({ content: 'a' }), { headers });
    expect(responseInfo(await client.chatCompletion(messages))?.rateLimit).toMatchObject(expected);
  });

  it('are read from the body of OpenRouter, where they stand as headers', async () => {
    const headers = {
      'X-RateLimit-Limit': '20',
      'X-RateLimit-Remaining': '0',
      'X-RateLimit-Reset': String(Date.now() + 3_600_000),
    };
    const error = { code: 429, message: 'Rate limit exceeded: free-models-per-min.', metadata: { headers } };
    const { client } = await open(OpenRouterClient, { error, user_id: 'u' }, { status: 429 });
    const failure = await failureOf(client.chatCompletion(messages));
    expect(failure.rateLimit.requests).toMatchObject({ limit: 20, remaining: 0 });
    expect(failure.retryAfterMs).toBeGreaterThan(3_500_000);
  });
});

describe('the wire', () => {
  it('may hold blank lines and comments while a server is busy', async () => {
    const body = JSON.stringify(completion({ content: 'a' }));
    const plain = await open(DeepSeekClient, `\n\n\n${body}`);
    expect((await plain.client.chatCompletion(messages)).choices[0]?.message.content).toBe('a');
    for (const [Class, comment] of [
      [DeepSeekClient, ': keep-alive'],
      [OpenRouterClient, ': OPENROUTER PROCESSING'],
    ] as const) {
      const { client } = await open(
        Class,
        `${comment}\n\n${comment}\n\n${events(chunk({ content: 'a' }, {}, 'stop'))}`,
      );
      expect(await client.streamChatCompletion(messages).finalText()).toBe('a');
    }
  });

  it('has params under the names that Mistral knows', async () => {
    const { client, sent } = await open(MistralClient, completion({ content: 'a' }));
    await client.chatCompletion(messages, { seed: 7, max_completion_tokens: 5, safe_prompt: true });
    expect(sent[0]).toEqual({ model: 'm', messages, random_seed: 7, max_tokens: 5, safe_prompt: true });
  });

  it('holds the first delta of llama.cpp, whose content is null, and its timings', async () => {
    const timings = { prompt_n: 3, predicted_per_second: 9.5 };
    const { client } = await open(
      LlamaCppClient,
      events(
        chunk({ role: 'assistant', content: null }),
        chunk({ content: 'a' }),
        chunk({}, { timings }, 'stop'),
      ),
    );
    const result = await client.streamChatCompletion(messages).finalCompletion();
    expect(result).toMatchObject({ timings, choices: [{ message: { content: 'a' } }] });
  });

  it("keeps the signature of Gemini's thoughts on a tool call, so that it goes back", async () => {
    const extra_content = { google: { thought_signature: 'c2ln' } };
    const call = { id: 'f1', type: 'function', function: { name: 'now', arguments: '{}' }, extra_content };
    const { client, sent } = await open(
      GeminiCompatibleClient,
      events(chunk({ tool_calls: [{ index: 0, ...call }] }), chunk({}, {}, 'tool_calls')),
    );
    const { message } = (await client.streamChatCompletion(messages).finalCompletion()).choices[0]!;
    expect(message.tool_calls).toEqual([call]);
    const result = { role: 'tool' as const, tool_call_id: 'f1', content: '12:00' };
    await client.streamChatCompletion([...messages, message, result]).finalCompletion();
    expect(sent[1].messages[1].tool_calls).toEqual([call]);
  });
});

describe('embeddings', () => {
  it('are split as each provider allows', async () => {
    for (const [Class, most] of [
      [QwenClient, 10],
      [ZhipuClient, 64],
      [MistralClient, 32],
      [GeminiCompatibleClient, 100],
      [VLLMClient, 2048],
    ] as const) {
      const sizes: number[] = [];
      const baseURL = await serve(async (request, response) => {
        const { input } = await readBody(request);
        sizes.push(input.length);
        json(response, 200, {
          data: input.map((_: string, index: number) => ({ index, embedding: [index] })),
        });
      });
      const client = new Class({ apiKey: KEY, baseURL, embeddingModel: 'e' });
      atEnd(() => client.close({ abort: true }));
      expect(await client.embeddings(Array.from({ length: most + 1 }, (_, i) => `t${i}`))).toHaveLength(
        most + 1,
      );
      expect(sizes.sort((a, b) => a - b)).toEqual([1, most]);
    }
  });

  it.each([DeepSeekClient, MoonshotClient, GroqClient, XAIClient])('are not there: %p', async (Class) => {
    const { client, sent } = await open(Class, {});
    const error = await failureOf(client.embeddings('x'));
    expect(error).toMatchObject({ name: 'UnsupportedOperationError', code: 'unsupported_operation' });
    expect(sent).toEqual([]);
  });
});

jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
