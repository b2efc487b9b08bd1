/**
 * The clients against a server that others wrote: aimock reads each provider's wire by its own code, and answers only
 * what it understood. Its waits pass in virtual time.
 */
// @ts-nocheck

import type { FixtureMatch } from '@copilotkit/aimock';
import { describe, expect, it, jest } from '@jest/globals';
import { responseInfo, type BaseLLMClient, type ChatMessage } from 'keelson';
import {
  asked,
  failureOf,
  messages,
  MODEL,
  mock,
  open,
  shapes,
  TEXT,
  time,
  tools,
  type Lack,
} from './aimock.js';

jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);

const USAGE = { prompt_tokens: 11, completion_tokens: 7 };
const MEASURE = { id: 'call_1', name: 'measure', arguments: '{"part":"keel"}' };
const MEASURE_TOO = { id: 'call_2', name: 'measure', arguments: '{"part":"keelson"}' };

/** Refused as often as said, then answered. */
function refuse(times: number, status: number): void {
  for (let i = 0; i < times; i++) {
    mock.on({ ...asked, sequenceIndex: i }, { error: { message: 'Come back later.' }, status });
  }
  mock.on({ ...asked, sequenceIndex: times }, { content: TEXT });
}

function retriesOf(client: BaseLLMClient): string[] {
  const seen: string[] = [];
  client.on('retry', ({ error }) => seen.push(`${error.name} ${error.statusCode}`));
  return seen;
}

describe.each(shapes)('%s', (_name, shape) => {
  const has = (what: Lack): boolean => !shape.lacks?.includes(what);
  const [input, output] = has('usage') ? [11, 7] : [0, 0];
  const chatUsage = { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
  const usage = { inputTokens: input, outputTokens: output };

  it('chats', async () => {
    mock.on(asked, { content: TEXT, usage: USAGE });
    const reply = await open(shape).chatCompletion(messages);
    expect(reply).toMatchObject({
      object: 'chat.completion',
      model: MODEL,
      choices: [{ index: 0, message: { role: 'assistant', content: TEXT }, finish_reason: 'stop' }],
      usage: chatUsage,
    });
    expect(responseInfo(reply)).toMatchObject({ usage, requestId: expect.any(String) });
  });

  it('streams', async () => {
    mock.on(asked, { content: TEXT });
    const pieces: string[] = [];
    for await (const { choices } of open(shape).streamChatCompletion(messages)) {
      pieces.push(choices[0]?.delta.content ?? '');
    }
    expect(pieces.filter(Boolean).length).toBeGreaterThan(3);
    expect(pieces.join('')).toBe(TEXT);
  });

  it('gathers a stream, with its usage', async () => {
    mock.on(asked, { content: TEXT, usage: USAGE });
    const reply = await open(shape).streamChatCompletion(messages).finalCompletion();
    expect(reply).toMatchObject({
      choices: [{ message: { role: 'assistant', content: TEXT }, finish_reason: 'stop' }],
      usage: chatUsage,
    });
    expect(responseInfo(reply)?.usage).toMatchObject(usage);
  });

  if (has('finish reasons')) {
    it('tells of an answer that was cut short', async () => {
      mock.on(asked, { content: TEXT, finishReason: 'length' });
      const client = open(shape);
      const whole = await client.chatCompletion(messages, { max_tokens: 5 });
      const streamed = await client.streamChatCompletion(messages, { max_tokens: 5 }).finalCompletion();
      expect([whole, streamed].map(({ choices }) => choices[0]?.finish_reason)).toEqual(['length', 'length']);
    });
  }

  describe.each(['chatCompletion', 'streamChatCompletion'] as const)('tools by %s', (method) => {
    const answer = async (client: BaseLLMClient, conversation: ChatMessage[], params = {}) => {
      const { choices } =
        method === 'chatCompletion'
          ? await client.chatCompletion(conversation, { tools, ...params })
          : await client.streamChatCompletion(conversation, { tools, ...params }).finalCompletion();
      return choices[0]!;
    };
    const resultsOf = ({ tool_calls: calls = [] }: { tool_calls?: { id: string }[] }): ChatMessage[] =>
      calls.map(({ id }, index) => ({ role: 'tool', tool_call_id: id, content: `${30 + index} m` }));

    it('come, and their results go back', async () => {
      mock.on({ ...asked, toolName: 'measure', hasToolResult: false }, { toolCalls: [MEASURE, MEASURE_TOO] });
      mock.on({ toolName: 'measure', toolResultContains: '31 m' }, { content: TEXT });
      const client = open(shape);
      const { message, finish_reason } = await answer(client, messages);
      expect(finish_reason).toBe('tool_calls');
      expect(message.tool_calls).toMatchObject([
        { type: 'function', function: { name: 'measure', arguments: MEASURE.arguments } },
        { type: 'function', function: { name: 'measure', arguments: MEASURE_TOO.arguments } },
      ]);
      const results = resultsOf(message);
      expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(2);
      expect((await answer(client, [...messages, message, ...results])).message.content).toBe(TEXT);
    });

    it('come after text', async () => {
      mock.on(asked, { content: TEXT, toolCalls: [MEASURE] });
      const { message } = await answer(open(shape), messages);
      expect(message).toMatchObject({ content: TEXT, tool_calls: [{ function: { name: 'measure' } }] });
    });

    if (has('reasoning')) {
      it('come after reasoning, which goes back with their results', async () => {
        mock.on({ ...asked, hasToolResult: false }, { reasoning: 'Let me see.', toolCalls: [MEASURE] });
        mock.on({ toolResultContains: '30 m' }, { content: TEXT });
        const client = open(shape);
        const { message } = await answer(client, messages, { reasoning_effort: 'low' });
        expect(message.reasoning_content).toBe('Let me see.');
        const conversation = [...messages, message, ...resultsOf(message)];
        const second = await answer(client, conversation, { reasoning_effort: 'low' });
        expect(second.message.content).toBe(TEXT);
      });
    }
  });

  if (has('reasoning')) {
    it('keeps reasoning apart from the answer', async () => {
      mock.on(asked, { content: TEXT, reasoning: 'It lies on the keel.' });
      const client = open(shape);
      const whole = await client.chatCompletion(messages);
      const streamed = await client.streamChatCompletion(messages).finalCompletion();
      const expected = { content: TEXT, reasoning_content: 'It lies on the keel.' };
      for (const { choices } of [whole, streamed]) expect(choices[0]?.message).toMatchObject(expected);
    });
  }

  it.each([
    [429, 'RateLimitError'],
    [500, 'InternalServerError'],
    [503, 'OverloadedError'],
  ])('survives two refusals with %d', async (status, name) => {
    refuse(2, status);
    const client = open(shape);
    const retries = retriesOf(client);
    const reply = await time.settle(client.chatCompletion(messages));
    expect(reply.choices[0]?.message.content).toBe(TEXT);
    expect(retries).toEqual([`${name} ${status}`, `${name} ${status}`]);
    expect(responseInfo(reply)?.attempts).toHaveLength(3);
  });

  it('survives a refusal of a stream', async () => {
    refuse(1, 429);
    const client = open(shape);
    const retries = retriesOf(client);
    expect(await time.settle(client.streamChatCompletion(messages).finalText())).toBe(TEXT);
    expect(retries).toEqual(['RateLimitError 429']);
  });

  it('says how long to wait where that is too long', async () => {
    mock.on(asked, { error: { message: 'Slow down.' }, status: 429, retryAfter: 900 });
    expect(await failureOf(open(shape).chatCompletion(messages))).toMatchObject({
      name: 'RateLimitError',
      message: expect.stringContaining('Slow down.'),
      retryAfterMs: 900_000,
      rateLimit: { requests: { limit: 60, remaining: 0 }, tokens: { limit: 150_000, remaining: 0 } },
      attempts: [{ statusCode: 429 }],
    });
  });

  it.each([
    [400, 'BadRequestError'],
    [403, 'PermissionDeniedError'],
    [404, 'NotFoundError'],
    [422, 'UnprocessableEntityError'],
  ])('does not try %d again', async (status, name) => {
    mock.on(asked, { error: { message: 'It will not do.' }, status });
    const client = open(shape);
    const streamed = (): Promise<string> => client.streamChatCompletion(messages).finalText();
    for (const call of [() => client.chatCompletion(messages), streamed]) {
      expect(await failureOf(call())).toMatchObject({
        name,
        message: expect.stringContaining('It will not do.'),
        requestId: expect.any(String),
        attempts: [{ statusCode: status }],
      });
    }
  });

  it('is refused with another key', async () => {
    mock.on(asked, { content: TEXT });
    const client = open(shape, { apiKey: 'sk-of-somebody-else' });
    expect(await failureOf(client.chatCompletion(messages))).toMatchObject({
      name: 'AuthenticationError',
      attempts: [{ statusCode: 401 }],
    });
  });

  it('tells of a stream that breaks off after some content', async () => {
    mock.on(asked, { content: TEXT }, { truncateAfterChunks: 4, latency: 1 });
    let text = '';
    const reading = (async () => {
      for await (const { choices } of open(shape).streamChatCompletion(messages)) {
        text += choices[0]?.delta.content ?? '';
      }
    })();
    expect(await failureOf(reading)).toMatchObject({
      name: expect.stringMatching(/^(ConnectionError|IncompleteStreamError)$/),
    });
    expect(text).not.toBe('');
    expect(TEXT.startsWith(text)).toBe(true);
  });

  if (shape.Class.provider.hasEmbeddings !== false && has('embeddings')) {
    it('embeds', async () => {
      mock.onEmbedding(/^a keelson$/, { embedding: [0.25, -0.5, 0.125] });
      expect(await open(shape).embeddings('a keelson')).toEqual([0.25, -0.5, 0.125]);
    });

    it('embeds many texts in their order', async () => {
      const lenient = { headers: { 'x-aimock-strict': 'false' } }; // a vector of its own for each text
      const client = open(shape);
      const texts = Array.from({ length: 12 }, (_, index) => `text ${index}`);
      const vectors = await client.embeddings(texts, {}, lenient);
      expect(new Set(vectors.map(String)).size).toBe(12);
      expect(await client.embeddings('text 11', {}, lenient)).toEqual(vectors[11]);
    });

    it('embeds after a refusal', async () => {
      const match: FixtureMatch = { inputText: 'a keelson', endpoint: 'embedding' };
      mock.on({ ...match, sequenceIndex: 0 }, { error: { message: 'Wait.' }, status: 429 });
      mock.on({ ...match, sequenceIndex: 1 }, { embedding: [0.5, 0.25] });
      expect(await time.settle(open(shape).embeddings('a keelson'))).toEqual([0.5, 0.25]);
    });
  }
});
