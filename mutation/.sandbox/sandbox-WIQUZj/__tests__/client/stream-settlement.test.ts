// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import {
  AbortError,
  responseInfo,
  type ChatCompletionChunk,
  type OpenAIClient,
  type OpenAIClientOptions,
  type TokenUsage,
} from 'keelson';
import type { Fault, TestServer } from 'keelson/testing';
import { failureOf, messages, openClient, openServer, serve } from './support.js';

const BURST = 10_000;
/** Every character is a token: 3 for the reply, 4 for the message, and 'Hello'. */
const INPUT = 3 + 4 + 5;
const MAX_TOKENS = 700;
const RESERVED = INPUT + MAX_TOKENS;
const text = 'The quick brown fox jumps over the lazy dog.';

/** A client whose balance does not refill while a test runs. */
function limited(baseURL: string, options: OpenAIClientOptions = {}): OpenAIClient {
  return openClient(baseURL, {
    tokenizer: (part) => part.length,
    rateLimit: { tokensPerMinute: 1e-6, tokenBurst: BURST },
    ...options,
  });
}

const used = (client: OpenAIClient): number =>
  Math.round(BURST - (client.limiter?.snapshot()['default']?.tokens?.available ?? NaN));

/** Asks for a stream without usage, reads up to `count` chunks that carry text, and gives that text. */
async function read(client: OpenAIClient, count = Infinity, signal?: AbortSignal): Promise<string> {
  const params = { max_tokens: MAX_TOKENS, stream_options: null };
  let seen = '';
  let chunks = 0;
  for await (const chunk of client.streamChatCompletion(messages, params, { ...(signal && { signal }) })) {
    const content = chunk.choices[0]?.delta.content ?? '';
    seen += content;
    if (content !== '' && ++chunks >= count) break;
  }
  return seen;
}

async function open(fault?: Fault): Promise<{ server: TestServer; client: OpenAIClient }> {
  const server = await openServer({ reply: text });
  if (fault) server.fault(fault);
  return { server, client: limited(server.baseURL) };
}

/** A server that streams the given choices, a chunk an event. */
const streaming = (chunks: readonly object[], end = 'data: [DONE]\n\n') =>
  serve((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('') + end);
  });
const delta = (fields: object, finish: string | null = null, index = 0) => ({
  choices: [{ index, delta: fields, finish_reason: finish }],
});

describe('a stream is charged', () => {
  it('by its usage, when the provider tells it', async () => {
    const { client } = await open();
    const { usage } = await client
      .streamChatCompletion(messages, { max_tokens: MAX_TOKENS })
      .finalCompletion();
    expect(used(client)).toBe(usage?.total_tokens);
  });

  it('by the estimated input and the counted output, when it ends without usage', async () => {
    const { client } = await open();
    expect(await read(client)).toBe(text);
    expect(used(client)).toBe(INPUT + text.length);
  });

  it.each([1, 4])('by what had come when its reader leaves after %i chunks', async (count) => {
    const { client } = await open();
    const seen = await read(client, count);
    expect(seen.length).toBeLessThan(text.length);
    expect(used(client)).toBe(INPUT + seen.length);
  });

  it('by what had come when it is aborted', async () => {
    const { client } = await open({ stall: 4 });
    const controller = new AbortController();
    let seen = '';
    const params = { max_tokens: MAX_TOKENS };
    const stream = client.streamChatCompletion(messages, params, { signal: controller.signal });
    const error = await failureOf(
      (async () => {
        for await (const chunk of stream) {
          seen += chunk.choices[0]?.delta.content ?? '';
          if (seen.length > 8) controller.abort();
        }
      })(),
    );
    expect(error).toBeInstanceOf(AbortError);
    expect(used(client)).toBe(INPUT + seen.length);
  });

  it.each<[string, Fault]>([
    ['its connection is cut', { reset: 4 }],
    ['it ends too early', { truncate: 4 }],
    ['an event is an error', { errorEvent: { message: 'odd', type: 'odd_error' }, after: 4 }],
    ['an event is no JSON', { malformed: 4 }],
  ])('by what had come when %s', async (_, fault) => {
    const { client } = await open(fault);
    let seen = '';
    const stream = client.streamChatCompletion(messages, { max_tokens: MAX_TOKENS });
    await failureOf(
      (async () => {
        for await (const chunk of stream) seen += chunk.choices[0]?.delta.content ?? '';
      })(),
    );
    expect(seen).not.toBe('');
    expect(used(client)).toBe(INPUT + seen.length);
  });

  it('by what had come when it falls silent', async () => {
    const server = await openServer({ reply: text });
    server.fault({ stall: 4 });
    const client = limited(server.baseURL, { timeouts: { idleMs: 40 } });
    const error = await failureOf(read(client));
    expect(error.code).toBe('timeout_idle');
    expect(used(client)).toBeGreaterThan(INPUT);
    expect(used(client)).toBeLessThan(INPUT + text.length);
  });

  it('nothing when it is never read', async () => {
    const { client, server } = await open();
    client.streamChatCompletion(messages, { max_tokens: MAX_TOKENS });
    await new Promise((resolve) => setImmediate(resolve));
    expect(used(client)).toBe(0);
    expect(server.requests).toHaveLength(0);
  });

  it.each<[string, Fault]>([
    ['an error event', { errorEvent: { message: 'busy', type: 'server_error' }, after: 1 }],
    ['a cut', { reset: 1 }],
  ])(
    'for each attempt, when %s comes before any content: the reservation of the first stays',
    async (_, fault) => {
      const { client, server } = await open(fault);
      expect(await read(client)).toBe(text);
      expect(server.requests).toHaveLength(2);
      expect(used(client)).toBe(RESERVED + INPUT + text.length);
    },
  );

  it('its reservation, when it is aborted before any content', async () => {
    const { client, server } = await open({ stall: 'headers' });
    const controller = new AbortController();
    const reading = failureOf(read(client, 1, controller.signal));
    while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    expect(await reading).toBeInstanceOf(AbortError);
    expect(used(client)).toBe(RESERVED);
  });
});

describe('of the output is counted', () => {
  it.each<[string, object[], number]>([
    ['reasoning', [delta({ reasoning_content: '1234' }), delta({ content: '56' }, 'stop')], 6],
    [
      'reasoning that comes under two names only once',
      [delta({ reasoning_content: '1234', reasoning: '1234' }), delta({}, 'stop')],
      4,
    ],
    [
      'reasoning in parts',
      [
        delta({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: '123' }] }] }),
        delta({}, 'stop'),
      ],
      3,
    ],
    ['a refusal', [delta({ refusal: 'No.' }), delta({}, 'stop')], 3],
    [
      'a tool call, its name and its arguments',
      [
        delta({ tool_calls: [{ index: 0, id: 'call_1', function: { name: 'now', arguments: '' } }] }),
        delta({ tool_calls: [{ index: 0, function: { arguments: '{"a":1}' } }] }, 'tool_calls'),
      ],
      5 + 7,
    ],
    ['the older kind of call', [delta({ function_call: { name: 'now', arguments: '{}' } }, 'stop')], 5 + 2],
    ['a sound', [delta({ audio: { data: 'A'.repeat(6400), transcript: '12' } }), delta({}, 'stop')], 2 + 2],
    ['every choice', [delta({ content: '12' }), delta({ content: '345' }, 'stop', 1), delta({}, 'stop')], 5],
  ])('%s', async (_, chunks, tokens) => {
    const client = limited(await streaming(chunks));
    await client.streamChatCompletion(messages, { max_tokens: MAX_TOKENS }).finalCompletion();
    expect(used(client)).toBe(INPUT + tokens);
  });

  it.each<[string, object[], number]>([
    [
      'nothing that the usage told on the way covers',
      [{ ...delta({ content: '123' }), usage: { prompt_tokens: 20, completion_tokens: 2 } }],
      22,
    ],
    [
      'what came after it',
      [
        { ...delta({ role: 'assistant' }), usage: { prompt_tokens: 20, completion_tokens: 1 } },
        delta({ content: '12345' }),
      ],
      26,
    ],
    [
      'all of it, when it told the input alone',
      [{ ...delta({ content: '123' }), usage: { prompt_tokens: 20 } }],
      23,
    ],
  ])('%s', async (_, chunks, tokens) => {
    const client = limited(await streaming(chunks, ''));
    const stream = client.streamChatCompletion(messages, { max_tokens: MAX_TOKENS });
    expect((await failureOf(stream.finalCompletion())).code).toBe('stream_incomplete');
    expect(used(client)).toBe(tokens);
  });

  it.each<[string, object]>([
    ['x_groq', { ...delta({}, 'stop'), x_groq: { usage: { prompt_tokens: 9, completion_tokens: 1 } } }],
    [
      'the choice',
      {
        choices: [
          { index: 0, delta: {}, finish_reason: 'stop', usage: { prompt_tokens: 9, completion_tokens: 1 } },
        ],
      },
    ],
  ])('nothing where %s has the usage', async (_, last) => {
    const client = limited(await streaming([delta({ content: 'Hello' }), last]));
    const completion = await client.streamChatCompletion(messages).finalCompletion();
    expect(used(client)).toBe(10);
    expect(responseInfo(completion)?.usage).toEqual({ inputTokens: 9, outputTokens: 1 });
  });

  it('by rule of thumb without a tokenizer, or where that fails at the end', async () => {
    const chunks = text.split(' ').map((word) => delta({ content: `${word} ` }));
    for (const tokenizer of [undefined, (part: string) => (part === 'Hello' ? 5 : NaN)]) {
      const client = limited(await streaming([...chunks, delta({}, 'stop')]), { tokenizer });
      await client.streamChatCompletion(messages, { max_tokens: MAX_TOKENS }).finalCompletion();
      const output = used(client) - (tokenizer ? INPUT : 3 + 4 + 1);
      expect(output).toBeGreaterThanOrEqual(9);
      expect(output).toBeLessThanOrEqual(13);
    }
  });
});

describe('a count', () => {
  it('is told to listeners as one, and never as the usage of the provider', async () => {
    const { client } = await open();
    const usages: (TokenUsage | undefined)[] = [];
    client.on('success', ({ facts }) => usages.push(facts.usage));
    const completion = await client
      .streamChatCompletion(messages, { stream_options: null })
      .finalCompletion();
    expect(usages).toEqual([{ outputTokens: text.length, counted: true }]);
    expect(completion.usage).toBeUndefined();
    expect(responseInfo(completion)?.requestId).toBeDefined();
    expect(responseInfo(completion)?.usage).toBeUndefined();
  });

  it('is not made where the provider tells its usage', async () => {
    const { client } = await open();
    const asked: string[] = [];
    const counting = limited(client.baseURL, { tokenizer: (part) => asked.push(part) });
    const first: ChatCompletionChunk[] = [];
    for await (const chunk of counting.streamChatCompletion(messages)) first.push(chunk);
    expect(asked).toEqual(['Hello']);
  });
});
