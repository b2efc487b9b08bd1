// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import { LLMError, OpenAIClient, type ChatMessage, type ChatParams, type OpenAIClientOptions } from 'keelson';
import { gptTokenizer } from 'keelson/tokenizer';
import { failureOf, KEY, messages, openClient, openServer } from './support.js';

/** What a chat reserves with a tokenizer for which every character is a token. */
async function reserved(
  conversation: ChatMessage[],
  params: ChatParams = { max_tokens: 1 },
  options: OpenAIClientOptions = { tokenizer: (text) => text.length },
  call: object = {},
): Promise<number> {
  const server = await openServer();
  const client = openClient(server.baseURL, { rateLimit: { tokensPerMinute: 1e6 }, ...options });
  const seen: number[] = [];
  client.on('admitted', (event) => seen.push(event.tokens as number));
  await client.chatCompletion(conversation, params, call);
  return seen[0] as number;
}
const user = (content: unknown): ChatMessage => ({ role: 'user', content }) as ChatMessage;

const BASE = 3 + 4 + 1;

describe('what a chat reserves', () => {
  it('is 3 for the reply, 4 for each message, its texts, and the bound of the output', async () => {
    expect(await reserved([user('12345')], { max_tokens: 10 })).toBe(3 + 4 + 5 + 10);
    expect(await reserved([user('1'), user([{ type: 'text', text: '123' }])])).toBe(3 + 4 + 1 + 4 + 3 + 1);
    expect(await reserved([{ role: 'user', content: '1', name: 'Ada' }])).toBe(BASE + 1 + 3);
  });

  it('prefers max_completion_tokens, takes it for each of n answers, and heeds extraBody', async () => {
    expect(await reserved([user('')], { max_tokens: 5, max_completion_tokens: 7 })).toBe(7 + 7);
    expect(await reserved([user('')], { max_tokens: 5, n: 3 })).toBe(7 + 15);
    expect(await reserved([user('')], { max_tokens: 5 }, undefined, { extraBody: { max_tokens: 50 } })).toBe(
      57,
    );
  });

  it('counts tool calls, but no ids', async () => {
    const call = {
      id: 'call_1234567',
      type: 'function' as const,
      function: { name: 'abc', arguments: '{}' },
    };
    const conversation: ChatMessage[] = [
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1234567', content: '42' },
    ];
    expect(await reserved(conversation)).toBe(3 + 4 + 5 + 4 + 2 + 1);
  });

  it('counts tools, functions and the schema of the answer as their JSON', async () => {
    const tools = [{ type: 'function' as const, function: { name: 'now', parameters: { type: 'object' } } }];
    const functions = [{ name: 'now' }];
    const response_format = {
      type: 'json_schema' as const,
      json_schema: { name: 'x', schema: { type: 'object' } },
    };
    const json = (value: unknown): number => JSON.stringify(value).length;
    expect(await reserved([user('')], { max_tokens: 1, tools })).toBe(BASE + json(tools));
    expect(await reserved([user('')], { max_tokens: 1, functions })).toBe(BASE + json(functions));
    expect(await reserved([user('')], { max_tokens: 1, response_format })).toBe(BASE + json(response_format));
  });

  const image = (detail?: string) =>
    user([{ type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(99_999)}`, detail } }]);
  it.each<[string, ChatMessage, string, number]>([
    ['a picture', image(), 'gpt-4o', 765],
    ['a small picture', image('low'), 'gpt-4o', 85],
    ['a picture for gpt-4o-mini', image('high'), 'gpt-4o-mini', 25_501],
    ['a picture for gpt-5', image('high'), 'gpt-5', 630],
    [
      'a sound of 3 s',
      user([{ type: 'input_audio', input_audio: { data: 'A'.repeat(128_000), format: 'wav' } }]),
      'gpt-4o',
      30,
    ],
    ['a file', user([{ type: 'file', file: { file_id: 'file-1' } }]), 'gpt-4o', 1500],
    ['a file of 300 kB', user([{ type: 'file', file: { file_data: 'A'.repeat(400_000) } }]), 'gpt-4o', 6000],
  ])('takes a price for what is no text, not its base64: %s', async (_, message, model, tokens) => {
    expect(await reserved([message], { model, max_tokens: 1 })).toBe(BASE + tokens);
  });

  it('is estimated without a tokenizer, near what gpt-tokenizer counts', async () => {
    const conversation = [user('The quick brown fox jumps over the lazy dog. '.repeat(50))];
    const rough = await reserved(conversation, { max_tokens: 1 }, {});
    const exact = await reserved(conversation, { max_tokens: 1 }, { tokenizer: gptTokenizer });
    expect(exact).toBe(3 + 4 + 501 + 1);
    expect(Math.abs(rough / exact - 1)).toBeLessThan(0.15);
  });

  it('asks the tokenizer for the model of the call', async () => {
    const models: unknown[] = [];
    const tokenizer = (text: string, model: string | undefined): number => models.push(model) && text.length;
    await reserved([user('Hi')], { model: 'gpt-4', max_tokens: 1 }, { tokenizer });
    await reserved([user('Hi')], { max_tokens: 1 }, { tokenizer, model: 'gpt-5' });
    expect(models).toEqual(['gpt-4', 'gpt-5']);
  });
});

describe('embeddings() with a tokenizer', () => {
  it('reserves the sum of the inputs, and splits by it', async () => {
    const server = await openServer();
    const tokenizer = (text: string, model: string | undefined): number =>
      model === 'text-embedding-3-small' ? 10 * text.length : 0;
    const seen: unknown[] = [];
    // A client each: what the server counts corrects later estimates.
    for (const [a, b] of [
      [10, 20],
      [20_000, 20_000],
    ] as const) {
      const client = openClient(server.baseURL, { tokenizer, rateLimit: { tokensPerMinute: 1e6 } });
      client.on('admitted', (event) => seen.push(event.tokens));
      await client.embeddings(['a'.repeat(a), 'b'.repeat(b)]);
    }
    expect(seen).toEqual([300, 200_000, 200_000]);
  });

  it('counts inputs that are tokens already by their number', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL, { rateLimit: { tokensPerMinute: 1e6 } });
    const seen: unknown[] = [];
    client.on('admitted', (event) => seen.push(event.tokens));
    const body = { model: 'text-embedding-3-small', input: [[1, 2, 3], [4]], max_tokens: 0 };
    await client.request('/embeddings', { body }).catch(() => undefined);
    expect(seen[0]).toBe(4);
  });
});

describe('a tokenizer that is none', () => {
  it('is refused by the constructor', () => {
    const make = () => new OpenAIClient({ apiKey: KEY, tokenizer: 'o200k_base' as never });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(/new OpenAIClient\(\): `tokenizer` is 'o200k_base': give a function/);
  });

  const cause = new Error('no tables');
  it.each<[string, () => never, RegExp]>([
    [
      'throws',
      (() => {
        throw cause;
      }) as () => never,
      /option `tokenizer` threw: no tables/,
    ],
    [
      'gives NaN',
      (() => NaN) as never,
      /option `tokenizer` gave NaN for a text: give a number of at least 0/,
    ],
    ['gives less than nothing', (() => -1) as never, /gave -1 for a text/],
    ['gives the tokens', (() => [1, 2]) as never, /gave an array for a text/],
    ['gives a promise', (async () => 3) as never, /gave an object for a text/],
  ])('is told at the call, before anything is sent: one that %s', async (_, tokenizer, message) => {
    const server = await openServer();
    const client = openClient(server.baseURL, { tokenizer, rateLimit: { tokensPerMinute: 1000 } });
    for (const failing of [
      client.chatCompletion(messages),
      client.streamChatCompletion(messages).finalText(),
    ]) {
      const error = await failureOf(failing);
      expect(error).toBeInstanceOf(LLMError);
      expect(error).toMatchObject({ code: 'tokenizer', retryable: false });
      expect(error.message).toMatch(message);
      expect(error.message).toMatch(/^OpenAIClient: /);
    }
    expect(server.requests).toHaveLength(0);
    expect(client.limiter?.snapshot()['default']?.tokens?.available).toBe(1000);
  });

  it('is not asked where tokens are not limited', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL, {
      tokenizer: () => {
        throw cause;
      },
      rateLimit: { requestsPerMinute: 10 },
    });
    await client.chatCompletion(messages);
    expect(await client.streamChatCompletion(messages, { stream_options: null }).finalText()).not.toBe('');
  });
});
