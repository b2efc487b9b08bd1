/** What counts as an event when a server keeps its connection alive, over real sockets on a virtual clock. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AnthropicClient, OllamaClient, OpenAIClient, TimeoutError, type BaseLLMClient } from 'keelson';
import { startTestServer, useVirtualTime, type TestServer, type VirtualTime } from 'keelson/testing';
import { runtime } from '../../decorators/pipeline/runtime';

let time: VirtualTime;
const cleanups: (() => unknown)[] = [];
beforeEach(() => {
  time = useVirtualTime();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  // The server notices that it was left.
  await time.advance(0);
  expect(time.pendingTimers).toBe(0);
  time.restore();
});

const messages = [{ role: 'user' as const, content: 'Hello' }];

/** What the stream comes to, and when; `text` is what had come by then. */
async function outcome(client: BaseLLMClient): Promise<{ code: string; at: number; text: string }> {
  let text = '';
  const reading = (async () => {
    for await (const chunk of client.streamChatCompletion(messages)) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    return 'done';
  })().catch((error: TimeoutError) => {
    expect(error).toBeInstanceOf(TimeoutError);
    return error.code;
  });
  const code = await time.settle(reading);
  return { code, at: time.now, text };
}

describe('a server that sends keep-alive comments and nothing else', () => {
  let server: TestServer;
  let client: OpenAIClient;
  beforeEach(async () => {
    server = await startTestServer({ reply: 'one two three four' });
    client = new OpenAIClient({
      apiKey: 'any',
      baseURL: server.baseURL,
      retry: false,
      timeouts: { idleMs: 1000, firstEventMs: 5000, attemptMs: 9000 },
    });
    cleanups.push(
      () => server.close(),
      () => client.close(),
    );
  });

  it('is idle: they do not begin the wait anew', async () => {
    server.fault({ stall: 3, commentsEveryMs: 90 });
    expect(await outcome(client)).toEqual({ code: 'timeout_idle', at: 1000, text: 'one two ' });
  });

  it('has sent no first event', async () => {
    server.fault({ stall: 'body', commentsEveryMs: 90 });
    expect(await outcome(client)).toEqual({ code: 'timeout_first_event', at: 5000, text: '' });
  });

  it('has sent no content with the chunk that names the role', async () => {
    server.fault({ stall: 1, commentsEveryMs: 90 });
    expect(await outcome(client)).toMatchObject({ code: 'timeout_first_event', at: 5000 });
  });

  it('has not answered a call that is no stream', async () => {
    server.fault({ stall: 'body', commentsEveryMs: 90 });
    const error = await time.settle(client.chatCompletion(messages).catch((thrown: unknown) => thrown));
    expect(error).toMatchObject({ code: 'timeout_attempt' });
    expect(time.now).toBe(9000);
  });

  it('is tried again before its first content, and not after it', async () => {
    const patient = new OpenAIClient({
      apiKey: 'any',
      baseURL: server.baseURL,
      retry: { baseDelayMs: 0 },
      timeouts: { idleMs: 1000, firstEventMs: 500 },
    });
    cleanups.push(() => patient.close());
    server.fault([
      { stall: 'body', commentsEveryMs: 90 },
      { stall: 3, commentsEveryMs: 90 },
    ]);
    expect(await outcome(patient)).toEqual({ code: 'timeout_idle', at: 1500, text: 'one two ' });
    expect(server.requests).toHaveLength(2);
  });
});

const chunk = (content: string) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`;
const anthropic = (event: string, data: object) =>
  `event: ${event}\ndata: ${JSON.stringify({ type: event, ...data })}\n\n`;
const sse = 'text/event-stream';

interface Wire {
  readonly Client: new (options: object) => BaseLLMClient;
  readonly type: string;
  readonly begins: string;
}
const openai: Wire = { Client: OpenAIClient, type: sse, begins: chunk('one') };
const claude: Wire = {
  Client: AnthropicClient,
  type: sse,
  begins:
    anthropic('message_start', { message: { id: 'm', model: 'm', usage: {} } }) +
    anthropic('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
    anthropic('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'one' } }),
};
const ollama: Wire = {
  Client: OllamaClient,
  type: 'application/x-ndjson',
  begins: `${JSON.stringify({ model: 'm', message: { role: 'assistant', content: 'one' }, done: false })}\n`,
};

describe('the time between two events', () => {
  /** A server that begins an answer, and then writes `text` every 90 ms. */
  async function client(wire: Wire, text: string): Promise<BaseLLMClient> {
    const server: Server = createServer((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': wire.type });
      response.write(wire.begins);
      let cancel = (): void => undefined;
      const again = (): void => {
        cancel = runtime().setTimer(() => {
          response.write(text);
          again();
        }, 90);
      };
      again();
      response.once('close', () => cancel());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const made = new wire.Client({
      apiKey: 'any',
      model: 'm',
      baseURL,
      retry: false,
      timeouts: { idleMs: 1000, totalMs: 3000 },
    });
    cleanups.push(
      () => new Promise((resolve) => server.close(resolve)),
      () => server.closeAllConnections(),
      () => made.close(),
    );
    return made;
  }

  it.each<[string, Wire, string]>([
    ['a comment', openai, ': OPENROUTER PROCESSING\n\n'],
    ['a comment without a blank line', openai, ':\n'],
    ['blank lines', openai, '\n\n'],
    ['an event without data', openai, 'event: ping\n\n'],
    ['an event with empty data', openai, 'event: ping\ndata:\n\n'],
    ['a ping of another provider', openai, 'data: {"type":"ping"}\n\n'],
    ['a name, an id and a time', openai, 'id: 7\nretry: 100\n\n'],
    ['the beginning of an event that does not end', openai, 'data: .\n'],
    ['a ping', claude, 'event: ping\ndata: {"type": "ping"}\n\n'],
    ['a comment', claude, ': keep-alive\n\n'],
    ['an event of the future', claude, 'event: news\ndata: {"type": "news"}\n\n'],
    ['blank lines', ollama, '\n'],
  ])('is not ended by %s', async (_, wire, text) => {
    expect(await outcome(await client(wire, text))).toEqual({ code: 'timeout_idle', at: 1000, text: 'one' });
  });

  it.each<[string, Wire, string]>([
    ['content', openai, chunk('x')],
    ['a chunk that carries no text', openai, chunk('')],
    ['usage', openai, 'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n'],
    [
      'content',
      claude,
      anthropic('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'x' } }),
    ],
    ['content', ollama, ollama.begins],
  ])('is ended by %s', async (_, wire, text) => {
    expect(await outcome(await client(wire, text))).toMatchObject({ code: 'timeout_total', at: 3000 });
  });
});
