import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AbortError, LLMError, OverloadedError, responseInfo, StreamError, TimeoutError } from 'keelson';
import { SyncOpenAIClient, type SyncChatCompletionStream } from 'keelson/sync';
import { standAt } from './here.js';
import { failureOf, forOneTest, messages, server, useServer } from './support.js';

useServer();

// The total timeout ends what would wait for ever if it were broken: no timer of this thread could.
const options = { apiKey: 'sk-test-1234567890', retry: { baseDelayMs: 0 }, timeouts: { totalMs: 20_000 } };
const text = 'This is canned text from a local test server, no model has read your message: "Hello"';
let client: SyncOpenAIClient;
beforeAll(() => {
  client = new SyncOpenAIClient({ ...options, baseURL: server.baseURL });
});
afterAll(() => client.close());

const partsOf = (stream: SyncChatCompletionStream): string[] =>
  [...stream].map((chunk) => chunk.choices[0]?.delta.content ?? '');

describe('a call', () => {
  test('returns what the asynchronous client resolves to', async () => {
    const reply = client.chatCompletion(messages, { max_tokens: 100 }, { headers: { 'x-team': 'blue' } });
    expect(reply.choices[0]?.message.content).toBe(text);
    const [request] = await server.requests();
    expect(request?.body).toEqual({ model: 'gpt-4o-mini', messages, max_tokens: 100 });
    expect(request?.headers).toMatchObject({ 'x-team': 'blue' });
  });

  test('is told of by responseInfo()', async () => {
    await server.fault({ status: 503 });
    const info = responseInfo(client.chatCompletion(messages));
    expect(info?.usage).toMatchObject({ outputTokens: 22 });
    expect(info?.requestId).toMatch(/^req_/);
    expect(info?.attempts.map(({ name }) => name)).toEqual(['OverloadedError', 'ok']);
    expect(responseInfo(client.embeddings(['a', 'b']))?.attempts).toHaveLength(1);
  });

  test('embeds a text as numbers, and texts as a list of them', () => {
    const vector = client.embeddings('one');
    expect([vector.length, typeof vector[0]]).toEqual([1536, 'number']);
    expect(client.embeddings(['two', 'one'])[1]).toEqual(vector);
  });

  test('reaches any endpoint', () => {
    expect(client.request<{ object: string }>('/models').object).toBe('list');
  });

  test('throws the error of the asynchronous client, with all that belongs to it', async () => {
    await server.fault({ status: 503, times: 4, headers: { 'retry-after-ms': '1' } });
    const error = failureOf(() => client.chatCompletion(messages));
    expect(error).toBeInstanceOf(OverloadedError);
    expect(error).toBeInstanceOf(LLMError);
    expect(error).toMatchObject({
      name: 'OverloadedError',
      code: 'overloaded',
      retryable: true,
      statusCode: 503,
      provider: 'openai',
      requestId: expect.stringMatching(/^req_/),
      response: { error: { message: 'Scripted error with status 503.' } },
    });
    expect(error.attempts).toHaveLength(4);
    expect(error.cause).toMatchObject({ name: 'AxiosError', status: 503 });
    // Where it was thrown, and who called.
    expect(error.stack).toMatch(/sendRequest|readError/);
    expect(error.stack).toContain(__filename);
  });

  test('refuses arguments as the asynchronous client does', () => {
    const error = failureOf(() => client.chatCompletion([]));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe('chatCompletion(): `messages` is empty: give at least one message.');
  });

  test('is ended by its timeout', async () => {
    await server.fault({ stall: 'headers' });
    const error = failureOf(() => client.chatCompletion(messages, {}, { timeoutMs: 30 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.code).toBe('timeout_total');
    await server.lines((lines) => lines.some((line) => line.includes('cut off')));
  });

  test('is not made with a signal that is aborted', async () => {
    const reason = { not: 'a copy', nor: () => 'cloneable' };
    const error = failureOf(() => client.chatCompletion(messages, {}, { signal: AbortSignal.abort(reason) }));
    expect(error).toBeInstanceOf(AbortError);
    expect(error.cause).toBe(reason);
    expect(await server.requests()).toEqual([]);
  });

  test('takes a signal that is not', () => {
    const { signal } = new AbortController();
    expect(client.chatCompletion(messages, {}, { signal }).object).toBe('chat.completion');
  });

  test('takes no function, and says where it stands', () => {
    const tools = [{ type: 'function', function: { name: 'now', parameters: () => ({}) } }];
    expect(failureOf(() => client.chatCompletion(messages, { tools } as never)).message).toBe(
      'SyncOpenAIClient.chatCompletion(): `tools.0.function.parameters` of argument 2 is a function, ' +
        'which cannot go into the worker.',
    );
  });
});

describe('a stream', () => {
  test('yields each chunk as it arrives', async () => {
    await server.fault({ stall: 3 });
    const parts: (string | undefined)[] = [];
    for (const chunk of client.streamChatCompletion(messages)) {
      parts.push(chunk.choices[0]?.delta.content ?? '');
      // The server never sends more: waiting for the end would last for ever.
      if (parts.length === 3) break;
    }
    expect(parts).toEqual(['', 'This ', 'is ']);
    await server.lines((lines) => lines.some((line) => line.includes('cut off')));
  });

  test('has the whole answer after it, and what is known of it', () => {
    const stream = client.streamChatCompletion(messages);
    expect(partsOf(stream).join('')).toBe(text);
    const completion = stream.finalCompletion();
    expect(completion.choices[0]?.finish_reason).toBe('stop');
    expect(stream.finalCompletion()).toBe(completion);
    expect(stream.finalText()).toBe(text);
    expect(responseInfo(completion)?.attempts).toHaveLength(1);
  });

  test('is read as a whole by its final result', () => {
    const stream = client.streamChatCompletion(messages);
    expect(stream.finalText()).toBe(text);
    const error = failureOf(() => [...stream]);
    expect(error).toBeInstanceOf(StreamError);
    expect(error.message).toContain('can be read once');
  });

  test('lets other calls be made while it is open', () => {
    const [first, second] = [client.streamChatCompletion(messages), client.streamChatCompletion(messages)];
    const parts = { first: '', second: '' };
    const others = second[Symbol.iterator]();
    for (const chunk of first) {
      parts.first += chunk.choices[0]?.delta.content ?? '';
      parts.second += others.next().value?.choices[0]?.delta.content ?? '';
      expect(client.request<{ object: string }>('/models').object).toBe('list');
    }
    expect(parts).toEqual({ first: text, second: text });
  });

  test('sends nothing before it is read, nor when it is left unread', async () => {
    const stream = client.streamChatCompletion(messages);
    client.request('/models');
    stream.abort();
    expect(failureOf(() => [...stream])).toBeInstanceOf(AbortError);
    expect((await server.requests()).map(({ path }) => path)).toEqual(['/v1/models']);
  });

  test('has no final result within its loop, where it would wait for itself', () => {
    const stream = client.streamChatCompletion(messages);
    for (const chunk of stream) {
      expect(chunk.object).toBe('chat.completion.chunk');
      const error = failureOf(() => stream.finalText());
      expect(error).toBeInstanceOf(StreamError);
      expect(error.message).toContain('after the loop');
    }
    expect(stream.finalText()).toBe(text);
  });

  test('that is left has no final result', () => {
    const stream = client.streamChatCompletion(messages);
    for (const chunk of stream) if (chunk) break;
    const error = failureOf(() => stream.finalText());
    expect(error).toBeInstanceOf(AbortError);
    expect(error.message).toBe('The stream was left before its end: there is no final result.');
  });

  test('throws what breaks it off, in the loop and from its final result', async () => {
    await server.fault({ reset: 2 });
    const stream = client.streamChatCompletion(messages);
    let chunks = 0;
    const error = failureOf(() => {
      for (const chunk of stream) if (chunk) chunks++;
    });
    expect([error.name, chunks]).toEqual(['ConnectionError', 2]);
    expect(failureOf(() => stream.finalText())).toBe(error);
  });

  test('throws on wrong arguments when it is read', () => {
    const stream = client.streamChatCompletion([]);
    expect(failureOf(() => stream.finalText())).toBeInstanceOf(TypeError);
  });

  test('is ended by abort(), whose reason is the cause', async () => {
    await server.fault({ stall: 2 });
    const stream = client.streamChatCompletion(messages);
    const reason = new Error('the user left');
    const error = failureOf(() => {
      for (const chunk of stream) if (chunk) stream.abort(reason);
    });
    expect(error).toBeInstanceOf(AbortError);
    expect(error.cause).toBe(reason);
    expect(failureOf(() => stream.finalText())).toBe(error);
    await server.lines((lines) => lines.some((line) => line.includes('cut off')));
  });

  test('is ended by a signal that is aborted between two chunks', async () => {
    await server.fault({ stall: 2 });
    const controller = new AbortController();
    const stream = client.streamChatCompletion(messages, {}, { signal: controller.signal });
    let chunks = 0;
    const error = failureOf(() => {
      for (const chunk of stream) if (chunk && ++chunks === 2) controller.abort('enough');
    });
    expect(error).toBeInstanceOf(AbortError);
    expect([error.cause, chunks]).toEqual(['enough', 2]);
    await server.lines((lines) => lines.some((line) => line.includes('cut off')));
  });

  test('is ended by dispose', async () => {
    const dispose = Symbol.dispose as symbol | undefined;
    if (dispose === undefined) return;
    const stream = client.streamChatCompletion(messages);
    stream[Symbol.dispose]();
    expect(failureOf(() => [...stream])).toBeInstanceOf(StreamError);
    expect(await server.requests()).toEqual([]);
  });
});

describe('the end of a client', () => {
  test('is close(): no call and no stream goes on, the connection is closed', async () => {
    await server.fault({ stall: 2 });
    const closed = new SyncOpenAIClient({ ...options, baseURL: server.baseURL });
    const stream = closed.streamChatCompletion(messages);
    const iterator = stream[Symbol.iterator]();
    iterator.next();
    closed.close();
    for (const call of [() => iterator.next(), () => closed.chatCompletion(messages)]) {
      const error = failureOf(call);
      expect([error.name, error.code]).toEqual(['LLMError', 'client_closed']);
      expect(error.message).toBe('SyncOpenAIClient is closed: make a new one.');
    }
    closed.close();
    await server.lines((lines) => lines.some((line) => line.includes('cut off')));
  });

  test('starts no worker for a client that was never used', () => {
    standAt('/nowhere/sync.js'); // it could not start
    expect(() => new SyncOpenAIClient(options).close()).not.toThrow();
  });
});

describe('options', () => {
  test('that are functions are refused by name, with what to do instead', () => {
    const error = failureOf(() => new SyncOpenAIClient({ retry: { onRetry: () => undefined } } as never));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe(
      'new SyncOpenAIClient(): the option `retry.onRetry` is a function, which cannot go into the worker where the client ' +
        "runs. Export a client that is ready from a module of yours and open it by createSyncClient(url, 'name').",
    );
  });

  test('that are wrong are refused at the first call, and the next call tries again', async () => {
    const wrong = forOneTest(new SyncOpenAIClient({ ...options, baseUrl: server.baseURL } as never));
    for (let time = 1; time <= 2; time++) {
      const error = failureOf(() => wrong.chatCompletion(messages));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toBe('new OpenAIClient(): there is no option `baseUrl`. Use `baseURL`.');
    }
  });
});
