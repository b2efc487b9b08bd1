// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import type { LLMError } from 'keelson';
import {
  AbortError,
  ConnectionError,
  IncompleteStreamError,
  OpenAIClient,
  OverloadedError,
  policiesOf,
  RateLimitError,
  ResponseFormatError,
  responseInfo,
  StreamError,
  TimeoutError,
  type CallOptions,
  type ChatMessage,
  type ChatParams,
} from 'keelson';
import { failureOf, KEY, messages, openClient, openServer, serve, textOf } from './support.js';

const text = 'The quick brown fox jumps over the lazy dog.';

describe('streamChatCompletion()', () => {
  it('yields the chunks, then has the whole completion with usage', async () => {
    const server = await openServer({ reply: text });
    const stream = openClient(server.baseURL).streamChatCompletion(messages, { temperature: 0 });
    expect(await textOf(stream)).toBe(text);
    const completion = await stream.finalCompletion();
    expect(completion.choices[0]?.message.content).toBe(text);
    expect(completion.usage?.total_tokens).toBeGreaterThan(0);
    expect(await stream.finalText()).toBe(text);
    expect(server.requests[0]?.body).toMatchObject({
      stream: true,
      temperature: 0,
      stream_options: { include_usage: true },
    });
    expect(responseInfo(completion)?.requestId).toMatch(/^req_/);
  });

  it('sends nothing before its first use, and is read once', async () => {
    const server = await openServer({ reply: text });
    const stream = openClient(server.baseURL).streamChatCompletion(messages);
    await new Promise((resolve) => setImmediate(resolve));
    expect(server.requests).toHaveLength(0);
    expect(await stream.finalText()).toBe(text);
    expect(server.requests).toHaveLength(1);
    expect(() => stream[Symbol.asyncIterator]()).toThrow(/read once/);
  });

  it('lets the caller do without usage', async () => {
    const server = await openServer();
    await openClient(server.baseURL).streamChatCompletion(messages, { stream_options: null }).finalText();
    expect(server.requests[0]?.body).toMatchObject({ stream_options: null });
  });

  it.each([{ splitBytes: 1 }, { splitBytes: 7 }, { comments: true as const }])(
    'reads the same text however it arrives: %j',
    async (fault) => {
      const server = await openServer({ reply: `${text} Ünïcode → 漢字 🦊` });
      server.fault(fault);
      expect(await openClient(server.baseURL).streamChatCompletion(messages).finalText()).toBe(
        `${text} Ünïcode → 漢字 🦊`,
      );
    },
  );

  it.each([
    [{ reset: 'before-headers' as const }],
    [{ status: 503 }],
    [{ truncate: 0 }],
    [{ reset: 0 }],
    [{ errorEvent: { message: 'busy', type: 'server_error' }, after: 0 }],
  ])('opens the stream anew while no content has come: %j', async (fault) => {
    const server = await openServer({ reply: text });
    server.fault(fault);
    expect(await textOf(openClient(server.baseURL).streamChatCompletion(messages))).toBe(text);
    expect(server.requests).toHaveLength(2);
  });

  it.each<[string, object, new (...args: never[]) => LLMError]>([
    ['a stream that is cut off', { truncate: 3 }, IncompleteStreamError],
    ['an event that is no JSON', { malformed: 3 }, StreamError],
    ['a reset', { reset: 3 }, ConnectionError],
    ['an error event', { errorEvent: { message: 'odd', type: 'odd_error' }, after: 3 }, StreamError],
    ['an overload', { errorEvent: { message: 'busy', type: 'overloaded_error' }, after: 3 }, OverloadedError],
    [
      'a rate limit',
      { errorEvent: { message: 'slow', code: 'rate_limit_exceeded' }, after: 3 },
      RateLimitError,
    ],
  ])('fails after the first content with what it was, never replaying: %s', async (_, fault, type) => {
    const server = await openServer({ reply: text });
    server.fault(fault as never);
    let seen = '';
    const stream = openClient(server.baseURL).streamChatCompletion(messages);
    const error = await failureOf(
      (async () => {
        for await (const chunk of stream) seen += chunk.choices[0]?.delta.content ?? '';
      })(),
    );
    expect(error).toBeInstanceOf(type);
    expect(error.provider).toBe('openai');
    expect(text.startsWith(seen) && seen !== '').toBe(true);
    expect(server.requests).toHaveLength(1);
    expect(await failureOf(stream.finalCompletion())).toBe(error);
  });

  it.each<[string, object]>([
    ['a page', { contentType: 'text/html', body: '<h1>Sign in</h1>' }],
    ['JSON', { contentType: 'application/json', body: '{"choices":[]}' }],
  ])('is a ResponseFormatError when the answer is %s', async (_, fault) => {
    const server = await openServer();
    server.fault(fault as never);
    const error = await failureOf(openClient(server.baseURL).streamChatCompletion(messages).finalText());
    expect(error).toBeInstanceOf(ResponseFormatError);
    expect(error.message).toMatch(/text\/event-stream/);
  });

  it('reads the error of a status although a stream was asked for', async () => {
    const server = await openServer();
    server.fault({ status: 400, body: { error: { message: 'Bad temperature', param: 'temperature' } } });
    const error = await failureOf(openClient(server.baseURL).streamChatCompletion(messages).finalText());
    expect(error).toMatchObject({ name: 'BadRequestError', statusCode: 400, param: 'temperature' });
    expect(error.message).toMatch(/Bad temperature/);
  });

  it('refuses bad arguments at the first use, before anything is sent', async () => {
    const server = await openServer();
    const error = await failureOf(openClient(server.baseURL).streamChatCompletion([]).finalText());
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(/streamChatCompletion\(\): `messages` is empty/);
    expect(server.requests).toHaveLength(0);
  });

  it('closes the connection when the reader leaves early', async () => {
    let closed: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => (closed = resolve));
    const baseURL = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.on('close', closed);
      response.write('data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n');
    });
    const client = openClient(baseURL, { rateLimit: { maxConcurrent: 1 } });
    for await (const chunk of client.streamChatCompletion(messages)) {
      expect(chunk.choices[0]?.delta.content).toBe('a');
      break;
    }
    await gone;
    expect(client.limiter?.snapshot()['default']?.concurrency?.inFlight ?? 0).toBe(0);
  });

  it('is an AbortError in the loop when the caller aborts, and never a silent end', async () => {
    const server = await openServer({ reply: text });
    server.fault({ stall: 4 });
    const controller = new AbortController();
    const stream = openClient(server.baseURL).streamChatCompletion(
      messages,
      {},
      { signal: controller.signal },
    );
    let seen = 0;
    const error = await failureOf(
      (async () => {
        for await (const chunk of stream) if (chunk && ++seen === 3) controller.abort(new Error('enough'));
      })(),
    );
    expect(error).toBeInstanceOf(AbortError);
    expect(error.cause).toEqual(new Error('enough'));
    const other = openClient(server.baseURL).streamChatCompletion(messages);
    const reading = failureOf(other.finalCompletion());
    other.abort('changed my mind');
    expect(await reading).toBeInstanceOf(AbortError);
  });

  it.each([
    ['firstEventMs', 'headers' as const, 'timeout_first_event'],
    ['idleMs', 3, 'timeout_idle'],
  ])('keeps %s', async (option, stall, code) => {
    const server = await openServer({ reply: text });
    server.fault({ stall, times: Infinity });
    const client = openClient(server.baseURL, { timeouts: { [option]: 40 }, retry: false });
    const error = await failureOf(client.streamChatCompletion(messages).finalText());
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.code).toBe(code);
  });

  it('settles the limiter to the usage at the end of the stream', async () => {
    const server = await openServer({ reply: text });
    const client = openClient(server.baseURL, { rateLimit: { tokensPerMinute: 1e-6, tokenBurst: 10_000 } });
    const { usage } = await client.streamChatCompletion(messages, { max_tokens: 900 }).finalCompletion();
    expect(client.limiter?.snapshot()['default']?.tokens?.available).toBeCloseTo(
      10_000 - (usage?.total_tokens ?? 0),
      3,
    );
  });

  it.each([
    ['a ping', '{"type":"ping"}'],
    ['null', 'null'],
    ['a number', '5'],
    ['a choice that is none', '{"object":"chat.completion.chunk","choices":[null]}'],
    ['a choice whose delta is none', '{"choices":[{"index":0,"delta":"x"}]}'],
  ])('passes over what is no chunk, and knows the request nevertheless: %s', async (_, first) => {
    const baseURL = await serve((__, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'req_7' });
      const chunk = '{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}';
      const usage = '{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}';
      response.end(`data: ${first}\n\ndata: ${chunk}\n\ndata: ${usage}\n\ndata: [DONE]\n\n`);
    });
    const completion = await openClient(baseURL).streamChatCompletion(messages).finalCompletion();
    expect(completion.choices[0]?.message.content).toBe('a');
    expect(responseInfo(completion)).toMatchObject({
      requestId: 'req_7',
      usage: { inputTokens: 3, outputTokens: 1 },
      attempts: [{ code: 'ok' }],
    });
  });

  it('passes tool calls on whole', async () => {
    const server = await openServer();
    const tools = [
      {
        type: 'function' as const,
        function: {
          name: 'weather',
          parameters: { type: 'object', properties: { city: { type: 'string' } } },
        },
      },
    ];
    const params = { tools, tool_choice: { type: 'function' as const, function: { name: 'weather' } } };
    const client = openClient(server.baseURL);
    const plain = await client.chatCompletion(messages, params);
    const streamed = await client.streamChatCompletion(messages, params).finalCompletion();
    const [call] = streamed.choices[0]?.message.tool_calls ?? [];
    expect(call).toMatchObject({ type: 'function', function: { name: 'weather' } });
    expect((call as any).function.arguments).toBe(
      (plain.choices[0]?.message.tool_calls?.[0] as any).function.arguments,
    );
    expect(streamed.choices[0]?.finish_reason).toBe('tool_calls');
  });

  it('lets a subclass override the events, under one pipeline', async () => {
    class Shouting extends OpenAIClient {
      protected override async *chatCompletionEvents(
        conversation: readonly ChatMessage[],
        params: ChatParams,
        options: CallOptions,
      ) {
        for await (const chunk of super.chatCompletionEvents(conversation, params, options)) {
          for (const { delta } of chunk.choices)
            if (delta.content) delta.content = delta.content.toUpperCase();
          yield chunk;
        }
      }
    }
    const server = await openServer({ reply: text });
    server.fault({ status: 500 });
    const client = new Shouting({ apiKey: KEY, baseURL: server.baseURL, retry: { baseDelayMs: 0 } });
    expect(await client.streamChatCompletion(messages).finalText()).toBe(text.toUpperCase());
    expect(server.requests).toHaveLength(2);
    expect(policiesOf(Shouting, 'chatCompletionEvents')).toEqual([]);
    await client.close();
  });

  it('becomes a web stream of JSON lines', async () => {
    const server = await openServer({ reply: text });
    const stream = openClient(server.baseURL).streamChatCompletion(messages).toReadableStream();
    const lines = (await new Response(stream as never).text()).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as any).choices[0]?.delta.content ?? '').join('')).toBe(
      text,
    );
  });
});
