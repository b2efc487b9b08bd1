// @ts-nocheck
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import {
  currentCall,
  HandleApiErrors,
  OpenAIClient,
  responseInfo,
  RetryWithBackoff,
  type ApiRequest,
  type CallFacts,
  type CallOptions,
  type ChatMessage,
} from 'keelson';
import { atEnd, failureOf, KEY, messages, openClient, openServer } from './support.js';

const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Looks something up before it sends. */
class Patient extends OpenAIClient {
  protected override async send<T>(path: string, init: ApiRequest, options?: CallOptions): Promise<T> {
    await later();
    return super.send<T>(path, init, { ...options, headers: { 'x-late': 'yes' } });
  }

  protected override async stream(path: string, init: ApiRequest, options?: CallOptions) {
    await later();
    return super.stream(path, init, options);
  }
}

/** Uses a client within a decorated method of its own. */
class Service {
  facts: CallFacts | undefined;

  constructor(private readonly client: OpenAIClient) {}

  @RetryWithBackoff({ maxRetries: 0 })
  @HandleApiErrors()
  async ask(): Promise<object> {
    const reply = await this.client.chatCompletion(messages);
    this.facts = { ...currentCall()?.facts };
    return reply;
  }

  @RetryWithBackoff({ maxRetries: 0 })
  @HandleApiErrors()
  async askForStream(): Promise<object> {
    return this.client.streamChatCompletion(messages).finalCompletion();
  }
}

const open = (baseURL: string, options = {}): Patient => {
  const client = new Patient({ apiKey: KEY, baseURL, retry: { baseDelayMs: 0 }, ...options });
  atEnd(() => client.close({ abort: true }));
  return client;
};

describe('a client whose send() and stream() wait before they send', () => {
  it('reports to its own call', async () => {
    const server = await openServer();
    const client = open(server.baseURL);
    const stream = client.streamChatCompletion(messages);
    for (const result of [await client.chatCompletion(messages), await stream.finalCompletion()]) {
      expect(responseInfo(result)?.requestId).toMatch(/^req_/);
      expect(responseInfo(result)?.usage?.outputTokens).toBeGreaterThan(0);
    }
    expect(server.requests[0]?.headers['x-late']).toBe('yes');
  });

  it('reports to its own call within a decorated method of somebody else', async () => {
    const server = await openServer();
    const service = new Service(open(server.baseURL));
    const reply = await service.ask();
    expect(responseInfo(reply)?.requestId).toMatch(/^req_/);
    expect(service.facts).toEqual({});
    expect(responseInfo(await service.askForStream())?.requestId).toMatch(/^req_/);
  });

  it('is cancelled with its own call', async () => {
    const server = await openServer();
    server.fault({ stall: 'headers', times: Infinity });
    const client = open(server.baseURL, {
      timeouts: { attemptMs: 30 },
      retry: { maxRetries: 1, baseDelayMs: 0 },
    });
    for (const call of [
      client.chatCompletion(messages),
      client.streamChatCompletion(messages).finalText(),
      new Service(client).ask(),
    ]) {
      expect(await failureOf(call)).toMatchObject({ code: 'timeout_attempt' });
    }
  });
});

it('shows the call to a key function, after an `await` too', async () => {
  const server = await openServer();
  const seen: unknown[] = [];
  const apiKey = async (): Promise<string> => {
    await later();
    seen.push(currentCall()?.method);
    return KEY;
  };
  await openClient(server.baseURL, { apiKey }).chatCompletion(messages);
  expect(seen).toEqual(['chatCompletion']);
});

describe('a result that is kept', () => {
  it('does not keep its prompt', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const server = await openServer();
    const client = openClient(server.baseURL);
    const ask = async <T>(call: (prompt: ChatMessage[]) => Promise<T>): Promise<[T, WeakRef<object>]> => {
      const prompt = [...messages];
      return [await call(prompt), new WeakRef(prompt)];
    };
    const kept = [
      await ask((prompt) => client.chatCompletion(prompt)),
      await ask((prompt) => client.streamChatCompletion(prompt).finalCompletion()),
    ];
    await client.chatCompletion(messages);
    for (const [result, prompt] of kept) {
      for (let i = 0; i < 20 && prompt.deref(); i++) {
        await later();
        collect();
      }
      expect(prompt.deref()).toBeUndefined();
      expect(responseInfo(result)?.attempts).toHaveLength(1);
    }
  });
});
