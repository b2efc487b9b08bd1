import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  OllamaClient,
  responseInfo,
  type ChatCompletionChunk,
  type ChatMessage,
  type ChatParams,
} from 'keelson';
import { failureOf, messages } from '../../client/support.js';
import { itDecides, open, reservedOutput, type Answer } from '../foreign.js';

const head = { model: 'qwen3', created_at: '2026-01-02T03:04:05.678901Z' };
const counts = { prompt_eval_count: 11, eval_count: 7, total_duration: 99 };
const answer = { ...head, message: { role: 'assistant', content: 'Hi' }, done: true, done_reason: 'stop' };
const base = { model: 'm', messages, stream: false };
const option = (options: object): { sends: object } => ({ sends: { options } });
const schema = { type: 'object', properties: { a: { type: 'string' } } };
const weather = { name: 'weather', description: 'It tells', parameters: schema };
const tools = [{ type: 'function', function: weather }];
const named = { type: 'function', function: { name: 'weather' } };
const lines = (...payloads: unknown[]): Answer => ({
  headers: { 'content-type': 'application/x-ndjson' },
  body: payloads.map((payload) => `${JSON.stringify(payload)}\n`).join(''),
});
const line = (message: object, more: object = { done: false }): object => ({
  ...head,
  message: { role: 'assistant', content: '', ...message },
  ...more,
});

describe('each param of OpenAI', () => {
  itDecides(OllamaClient, answer, base, {
    model: { value: 'other', sends: { model: 'other' } },
    max_completion_tokens: { value: 5, ...option({ num_predict: 5 }) },
    max_tokens: { value: 6, ...option({ num_predict: 6 }) },
    n: [
      { value: 1, holds: 'it is one' },
      { value: 2, refuses: /`n` above 1/ },
    ],
    stop: [
      { value: 'END', ...option({ stop: ['END'] }) },
      { value: ['a', 'b'], ...option({ stop: ['a', 'b'] }) },
      { value: null, holds: 'nothing stops it' },
    ],
    response_format: [
      { value: { type: 'text' }, holds: 'it is text' },
      { value: { type: 'json_object' }, sends: { format: 'json' } },
      {
        value: { type: 'json_schema', json_schema: { name: 'n', description: 'd', schema, strict: true } },
        sends: { format: { title: 'n', description: 'd', ...schema } },
      },
      { value: { type: 'json_schema', json_schema: { name: 'n' } }, sends: { format: 'json' } },
    ],
    verbosity: { value: 'low', drops: 'verbosity' },
    modalities: [
      { value: ['text'], holds: 'it is text' },
      { value: ['audio'], refuses: /spoken answers/ },
    ],
    audio: { value: { format: 'mp3', voice: 'ash' }, refuses: /spoken answers/ },
    temperature: { value: 0, ...option({ temperature: 0 }) },
    top_p: { value: 0.5, ...option({ top_p: 0.5 }) },
    frequency_penalty: { value: 1, ...option({ frequency_penalty: 1 }) },
    presence_penalty: { value: -1, ...option({ presence_penalty: -1 }) },
    logit_bias: { value: { 7: 1 }, drops: 'logit_bias' },
    seed: { value: 0, ...option({ seed: 0 }) },
    reasoning_effort: [
      { value: 'none', sends: { think: false } },
      { value: 'minimal', sends: { think: 'low' } },
      { value: 'medium', sends: { think: 'medium' } },
      { value: 'xhigh', sends: { think: 'max' } },
      { value: 'max', sends: { think: 'max' } },
      { value: null, holds: 'the model decides' },
    ],
    prediction: { value: { type: 'content', content: 'x' }, drops: 'prediction' },
    logprobs: { value: true, sends: { logprobs: true } },
    top_logprobs: { value: 3, sends: { top_logprobs: 3 } },
    tools: [
      { value: tools, sends: { tools } },
      {
        value: [{ type: 'function', function: { ...weather, strict: true } }],
        drops: 'tools[].function.strict',
        sends: { tools },
      },
      { value: [{ type: 'custom', custom: { name: 'x' } }], refuses: /tools of the type 'custom'/ },
    ],
    tool_choice: [
      { value: 'auto', holds: 'the model decides' },
      { value: 'none', holds: 'no tools are sent' },
      { value: 'required', refuses: /`tool_choice`/ },
      { value: named, refuses: /`tool_choice`/ },
      {
        value: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [named] } },
        refuses: /`tool_choice`/,
      },
    ],
    parallel_tool_calls: [
      { value: true, holds: 'it may' },
      { value: false, drops: 'parallel_tool_calls' },
    ],
    web_search_options: { value: {}, refuses: /`web_search_options`/ },
    service_tier: [
      { value: 'auto', holds: 'there is one' },
      { value: 'flex', drops: 'service_tier' },
    ],
    store: { value: true, drops: 'store' },
    metadata: { value: { a: 'b' }, drops: 'metadata' },
    prompt_cache_key: { value: 'k', drops: 'prompt_cache_key' },
    prompt_cache_options: { value: { mode: 'explicit' }, drops: 'prompt_cache_options' },
    prompt_cache_retention: { value: '24h', drops: 'prompt_cache_retention' },
    safety_identifier: { value: 'u', drops: 'safety_identifier' },
    user: { value: 'u', drops: 'user' },
    moderation: { value: { model: 'm' }, refuses: /`moderation`/ },
    stream_options: [
      { value: { include_usage: true }, holds: 'it is always told' },
      { value: { include_obfuscation: true }, drops: 'stream_options.include_obfuscation' },
    ],
    functions: { value: [weather], sends: { tools } },
    function_call: [
      { value: 'auto', holds: 'the model decides' },
      { value: { name: 'weather' }, refuses: /`tool_choice`/ },
    ],
  });

  const bodyFor = async (params: ChatParams): Promise<any> => {
    const { client, sent } = await open(OllamaClient, [{ body: answer }]);
    await client.chatCompletion(messages, params);
    return sent[0]!.body;
  };

  it('may stand beside Ollama’s own, which come first', async () => {
    const own = { keep_alive: '1h', think: true, format: 'json', truncate: false };
    const params = {
      ...own,
      max_tokens: 9,
      num_ctx: 8192,
      top_k: 40,
      options: { num_predict: 3, mirostat: 1 },
    };
    expect(await bodyFor(params)).toEqual({
      ...base,
      ...own,
      options: { num_predict: 3, mirostat: 1, num_ctx: 8192, top_k: 40 },
    });
  });

  it.each<[string, ChatParams, Record<string, unknown> | undefined, number]>([
    ['in `options`', { max_tokens: 9, options: { num_predict: 30 } }, undefined, 30],
    ['alone', { max_tokens: 9, num_predict: 40 }, undefined, 40],
    ['in extraBody', { max_tokens: 9, num_predict: 40 }, { options: { num_predict: 50 } }, 50],
    ['without a bound', { max_tokens: 9, options: { num_ctx: 8192 } }, undefined, 9],
    ['with no end', { max_tokens: 9, options: { num_predict: -1 } }, undefined, 500],
  ])('bound what a call reserves for its output: %s', async (_, params, extraBody, tokens) => {
    expect(await reservedOutput(OllamaClient, answer, params, extraBody)).toBe(tokens);
  });

  it('chooses among tools by sending those alone, or none', async () => {
    const tool = (name: string) => ({ type: 'function' as const, function: { name } });
    const both = [tool('a'), tool('b')];
    expect(await bodyFor({ tools: both, tool_choice: 'none' })).toEqual(base);
    const allowed = { mode: 'auto' as const, tools: [tool('b')] };
    const { tools: sent } = await bodyFor({
      tools: both,
      tool_choice: { type: 'allowed_tools', allowed_tools: allowed },
    });
    expect(sent).toEqual([tool('b')]);
  });
});

describe('messages', () => {
  const call = { id: 'c1', type: 'function' as const, function: { name: 'f', arguments: '{"a":1}' } };
  const sentFor = async (list: unknown[]): Promise<{ sent: any; dropped: string[] }> => {
    const { client, sent, dropped } = await open(OllamaClient, [{ body: answer }]);
    await client.chatCompletion(list as ChatMessage[]);
    return { sent: sent[0]!.body.messages, dropped };
  };

  it.each<[string, object, object]>([
    ['instructions', { role: 'developer', content: 'Be brief.' }, { role: 'system', content: 'Be brief.' }],
    [
      'text and images',
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What ' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=' } },
          { type: 'text', text: 'is it?' },
          { type: 'input_audio', input_audio: { data: 'YXU=', format: 'wav' } },
        ],
      },
      { role: 'user', content: 'What is it?', images: ['aGk=', 'YXU='] },
    ],
    [
      'images of Ollama’s own',
      { role: 'user', content: 'a', images: ['aGk='] },
      { role: 'user', content: 'a', images: ['aGk='] },
    ],
    [
      'thoughts and a call',
      { role: 'assistant', content: null, refusal: null, reasoning_content: 'hm', tool_calls: [call] },
      {
        role: 'assistant',
        content: '',
        thinking: 'hm',
        tool_calls: [{ id: 'c1', function: { name: 'f', arguments: { a: 1 } } }],
      },
    ],
    [
      'calls whose arguments are no JSON',
      { role: 'assistant', tool_calls: [{ ...call, function: { name: 'f', arguments: '{"a' } }] },
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ id: 'c1', function: { name: 'f', arguments: { arguments: '{"a' } } }],
      },
    ],
    [
      'a call of the older kind',
      { role: 'assistant', content: null, function_call: call.function },
      { role: 'assistant', content: '', tool_calls: [{ function: { name: 'f', arguments: { a: 1 } } }] },
    ],
    [
      'the result of one',
      { role: 'function', name: 'f', content: 'ok' },
      { role: 'tool', content: 'ok', tool_name: 'f' },
    ],
    [
      'what the model declined',
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
      { role: 'assistant', content: 'No.' },
    ],
  ])('may be %s', async (_, message, expected) => {
    expect(await sentFor([message])).toEqual({ sent: [expected], dropped: [] });
  });

  it('name the tool whose result they are', async () => {
    const { sent } = await sentFor([
      {
        role: 'assistant',
        tool_calls: [call, { id: 'c2', type: 'custom', custom: { name: 'g', input: 'x' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'one' },
      { role: 'tool', tool_call_id: 'c2', content: [{ type: 'text', text: 'two' }] },
    ]);
    expect(sent[0].tool_calls[1]).toEqual({ id: 'c2', function: { name: 'g', arguments: { input: 'x' } } });
    expect(sent.slice(1)).toEqual([
      { role: 'tool', content: 'one', tool_name: 'f', tool_call_id: 'c1' },
      { role: 'tool', content: 'two', tool_name: 'g', tool_call_id: 'c2' },
    ]);
  });

  it('tell what is left out of them', async () => {
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=', detail: 'low' } };
    const { sent, dropped } = await sentFor([
      {
        role: 'user',
        name: 'Ann',
        content: [image, { type: 'text', text: 'a', prompt_cache_breakpoint: {} }],
      },
      { role: 'assistant', content: 'b', annotations: [{}], extra_content: { google: {} } },
    ]);
    expect(sent[0]).toEqual({ role: 'user', content: 'a', images: ['aGk='] });
    expect(dropped).toEqual([
      'messages[].name',
      'messages[].content[].image_url.detail',
      'messages[].content[].prompt_cache_breakpoint',
      'messages[].annotations',
      'messages[].extra_content',
    ]);
  });

  it.each<[unknown, RegExp]>([
    [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://e.example/a.png' } }] },
      /images at an address/,
    ],
    [{ role: 'user', content: [{ type: 'file', file: { file_id: 'f' } }] }, /content of the type 'file'/],
    [{ role: 'ghost', content: 'boo' }, /messages of the role 'ghost'/],
  ])('are refused where Ollama has no such thing: %j', async (message, words) => {
    const { client, sent } = await open(OllamaClient, [{ body: answer }]);
    const error = await failureOf(client.chatCompletion([message as ChatMessage]));
    expect(error.name).toBe('UnsupportedOperationError');
    expect(error.message).toMatch(words);
    expect(sent).toEqual([]);
  });
});

describe('an answer', () => {
  const plain = async (body: object): Promise<any> =>
    (await open(OllamaClient, [{ body }])).client.chatCompletion(messages);

  it('has the form of OpenAI, and what has no name there under its own', async () => {
    const logprobs = [
      { token: 'Hi', logprob: -0.5, bytes: [72, 105], top_logprobs: [{ token: 'Ho', logprob: -2 }] },
    ];
    const completion = await plain({ ...answer, ...counts, logprobs });
    expect(completion).toEqual({
      id: expect.any(String),
      object: 'chat.completion',
      created: 1767323045,
      model: 'qwen3',
      total_duration: 99,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hi', refusal: null },
          finish_reason: 'stop',
          logprobs: {
            content: [
              {
                token: 'Hi',
                logprob: -0.5,
                bytes: [72, 105],
                top_logprobs: [{ token: 'Ho', logprob: -2, bytes: null }],
              },
            ],
            refusal: null,
          },
        },
      ],
      usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
    });
    expect(responseInfo(completion)?.usage).toEqual({ inputTokens: 11, outputTokens: 7 });
  });

  it.each([
    [{ done_reason: 'stop' }, 'stop'],
    [{ done_reason: 'length' }, 'length'],
    [{}, 'stop'],
    [{ done_reason: 'load' }, 'load'],
    [{ message: { tool_calls: [{ function: { name: 'f', arguments: {} } }] } }, 'tool_calls'],
    [
      { message: { tool_calls: [{ function: { name: 'f', arguments: {} } }] }, done_reason: 'length' },
      'length',
    ],
  ])('that ends with %j ends with %s', async (fields, expected) => {
    const body = { ...answer, done_reason: undefined, ...fields };
    expect((await plain(body)).choices[0].finish_reason).toBe(expected);
    const { client } = await open(OllamaClient, [lines(body)]);
    const streamed = await client.streamChatCompletion(messages).finalCompletion();
    expect(streamed.choices[0]?.finish_reason).toBe(expected);
  });

  it('of an older server has ids for its calls, which stay here', async () => {
    const calls = ['f', 'g'].map((name) => ({ function: { name, arguments: { a: null } } }));
    const { client, sent } = await open(OllamaClient, [
      { body: { ...answer, message: { role: 'assistant', content: '', tool_calls: calls } } },
    ]);
    const { message } = (await client.chatCompletion(messages)).choices[0]!;
    const ids = message.tool_calls!.map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
    const results = ids.map((id) => ({ role: 'tool' as const, tool_call_id: id, content: 'ok' }));
    await client.chatCompletion([...messages, message, ...results]);
    expect(sent[1]!.body.messages.slice(1)).toEqual([
      { role: 'assistant', content: '', tool_calls: calls },
      { role: 'tool', content: 'ok', tool_name: 'f' },
      { role: 'tool', content: 'ok', tool_name: 'g' },
    ]);
  });

  it('counts its tokens where it is asked for by request()', async () => {
    const { client } = await open(OllamaClient, [{ body: { response: 'Hi', ...counts } }]);
    const raw = await client.request<object>('/generate', {
      body: { model: 'm', prompt: 'x', stream: false },
    });
    expect(responseInfo(raw)?.usage).toEqual({ inputTokens: 11, outputTokens: 7 });
  });
});

describe('a stream', () => {
  it('is asked for, and tells its usage at its end', async () => {
    const { client, sent } = await open(OllamaClient, [
      lines(
        line({ thinking: 'h' }),
        line({ content: 'a' }),
        line({}, { done: true, done_reason: 'stop', ...counts }),
      ),
    ]);
    const chunks: ChatCompletionChunk[] = [];
    for await (const chunk of client.streamChatCompletion(messages)) chunks.push(chunk);
    expect(sent[0]!.body).toEqual({ ...base, stream: true });
    expect(sent[0]!.headers['accept']).toBe('application/x-ndjson');
    expect(chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
      { role: 'assistant', reasoning_content: 'h' },
      { content: 'a' },
      {},
    ]);
    expect(chunks.map(({ usage }) => usage?.total_tokens)).toEqual([undefined, undefined, 18]);
    expect(new Set(chunks.map(({ id, created, model }) => `${id} ${created} ${model}`)).size).toBe(1);
  });

  it('comes to the plain answer, however it is cut', async () => {
    const call = fc.record({
      id: fc.uuid(),
      function: fc.record({
        name: fc.constantFrom('f', 'g'),
        arguments: fc.dictionary(fc.string(), fc.jsonValue()),
      }),
    });
    const pieces = fc.record({
      thinking: fc.array(fc.string()),
      content: fc.array(fc.string()),
      calls: fc.array(call, { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(
        pieces,
        fc.constantFrom('stop', 'length'),
        async ({ thinking, content, calls }, reason) => {
          const end = { done: true, done_reason: reason, ...counts };
          const whole = line(
            {
              thinking: thinking.join(''),
              content: content.join(''),
              ...(calls.length > 0 && { tool_calls: calls }),
            },
            end,
          );
          const streamed = lines(
            ...thinking.map((piece) => line({ thinking: piece })),
            ...content.map((piece) => line({ content: piece })),
            ...calls.map((one) => line({ tool_calls: [one] })),
            line({}, end),
          );
          const { client } = await open(OllamaClient, [streamed, { body: whole }]);
          const accumulated = await client.streamChatCompletion(messages).finalCompletion();
          const plain = await client.chatCompletion(messages);
          expect({ ...plain, id: accumulated.id }).toEqual(accumulated);
          await client.close();
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('an error', () => {
  it.each<[number, object, object]>([
    [400, { error: 'model is required' }, { name: 'BadRequestError', message: '400 model is required' }],
    [400, { error: 'the input length exceeds the context length' }, { name: 'ContextLengthError' }],
    [
      401,
      { error: 'unauthorized', signin_url: 'https://ollama.com/connect' },
      { name: 'AuthenticationError' },
    ],
    [404, { error: "model 'x' not found" }, { name: 'NotFoundError' }],
    [429, { error: 'too many requests' }, { name: 'RateLimitError', retryable: true }],
    [500, { error: 'llama runner process has terminated' }, { name: 'InternalServerError', retryable: true }],
    [502, { error: 'upstream error' }, { name: 'InternalServerError', retryable: true }],
    [503, { error: 'server busy, please try again' }, { name: 'OverloadedError', retryable: true }],
  ])('has its class: %d %j', async (status, body, expected) => {
    const { client } = await open(OllamaClient, [{ status, body }], { retry: false });
    expect(await failureOf(client.chatCompletion(messages))).toMatchObject({
      provider: 'ollama',
      ...expected,
    });
  });

  it('of a stream has the status that it tells, and is tried again before any content', async () => {
    const busy = { error: 'server busy, please try again', status: 503 };
    const { client, sent } = await open(OllamaClient, [lines(busy), lines(answer)]);
    expect(await client.streamChatCompletion(messages).finalText()).toBe('Hi');
    expect(sent).toHaveLength(2);
    const later = await open(OllamaClient, [lines(line({ content: 'a' }), busy)]);
    const error = await failureOf(later.client.streamChatCompletion(messages).finalText());
    expect(error).toMatchObject({ name: 'OverloadedError', statusCode: 503, provider: 'ollama' });
    expect(later.sent).toHaveLength(1);
  });

  it('is a stream without its last line', async () => {
    const { client } = await open(OllamaClient, [lines(line({ content: 'a' }))], { retry: false });
    const error = await failureOf(client.streamChatCompletion(messages).finalText());
    expect(error.name).toBe('IncompleteStreamError');
  });
});

describe('embeddings', () => {
  it('are asked for in one list', async () => {
    const { client, sent, dropped } = await open(OllamaClient, [
      {
        body: {
          model: 'e',
          embeddings: [
            [1, 2],
            [3, 4],
          ],
          prompt_eval_count: 5,
        },
      },
    ]);
    const params = { dimensions: 2, encoding_format: 'base64', truncate: false, user: 'u' } as const;
    const vectors = await client.embeddings(['a', 'b'], params);
    expect(vectors).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(sent).toMatchObject([{ url: '/v1/embed' }]);
    expect(sent[0]!.body).toEqual({ model: 'e', input: ['a', 'b'], dimensions: 2, truncate: false });
    expect(dropped).toEqual(['user']);
    expect(responseInfo(vectors)?.usage).toEqual({ inputTokens: 5 });
  });

  it.each([{}, { embeddings: {} }, { embeddings: [[]] }])(
    'that are none are said to be: %j',
    async (body) => {
      const { client } = await open(OllamaClient, [{ body }]);
      expect((await failureOf(client.embeddings('x'))).name).toBe('ResponseFormatError');
    },
  );
});
