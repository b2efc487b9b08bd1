// @ts-nocheck
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { AbortError, LLMError, OpenAIClient, type Logger, type PolicyEvent } from 'keelson';
import { failureOf, json, KEY, messages, openClient, openServer, serve } from './support.js';

describe('close()', () => {
  it('refuses later calls clearly', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL);
    await client.close();
    for (const late of [
      () => client.chatCompletion(messages),
      () => client.streamChatCompletion(messages).finalText(),
      () => client.embeddings('x'),
      () => client.request('/models'),
    ]) {
      const error = await failureOf(late());
      expect(error).toBeInstanceOf(LLMError);
      expect(error.code).toBe('client_closed');
      expect(error.message).toMatch(/OpenAIClient is closed/);
    }
    expect(server.requests).toHaveLength(0);
  });

  it('lets calls in flight finish, their retries included', async () => {
    let answer: () => void = () => undefined;
    let count = 0;
    const arrived = new Promise<void>((resolve) => {
      void serve((_, response) => {
        count++;
        if (count === 1) {
          answer = () => json(response, 500, {});
          resolve();
        } else json(response, 200, { choices: [{ message: { content: 'done' } }] });
      }).then((baseURL) => {
        client = openClient(baseURL);
        call = client.chatCompletion(messages);
      });
    });
    let client!: OpenAIClient;
    let call!: Promise<unknown>;
    await arrived;
    const closed = client.close();
    answer();
    await expect(call).resolves.toMatchObject({ choices: [{ message: { content: 'done' } }] });
    await closed;
  });

  it('lets every part of embeddings() in flight finish, those not begun included', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL);
    const inputs = Array.from({ length: 6 * 2048 }, () => 'x');
    const vectors = client.embeddings(inputs, { dimensions: 1 });
    const closed = client.close();
    expect((await failureOf(client.embeddings('late'))).code).toBe('client_closed');
    expect((await failureOf(client.chatCompletion(messages))).code).toBe('client_closed');
    await expect(vectors).resolves.toHaveLength(inputs.length);
    await closed;
    expect(server.requests).toHaveLength(6);
    expect((await failureOf(client.embeddings('late'))).code).toBe('client_closed');
  });

  it('ends all parts of embeddings() when told to abort, and begins no more', async () => {
    const server = await openServer();
    server.fault({ stall: 'headers', times: Infinity });
    const client = openClient(server.baseURL);
    const call = failureOf(client.embeddings(Array.from({ length: 6 * 2048 }, () => 'x')));
    while (server.requests.length < 4) await new Promise((resolve) => setImmediate(resolve));
    await client.close({ abort: true });
    expect(await call).toBeInstanceOf(AbortError);
    expect((await call).message).toBe('The client was closed.');
    expect(server.requests).toHaveLength(4);
  });

  it('ends calls in flight when told to abort', async () => {
    const server = await openServer();
    server.fault({ stall: 'headers', times: Infinity });
    const client = openClient(server.baseURL);
    const plain = failureOf(client.chatCompletion(messages));
    const streamed = failureOf(client.streamChatCompletion(messages).finalText());
    while (server.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
    await client.close({ abort: true });
    expect(await plain).toBeInstanceOf(AbortError);
    expect(await streamed).toBeInstanceOf(AbortError);
    expect((await plain).message).toMatch(/closed/);
  });

  it('can be asked for twice, the second time with abort', async () => {
    const server = await openServer();
    server.fault({ stall: 'headers', times: Infinity });
    const client = openClient(server.baseURL);
    const call = failureOf(client.chatCompletion(messages));
    while (server.requests.length < 1) await new Promise((resolve) => setImmediate(resolve));
    const gentle = client.close();
    await client.close({ abort: true });
    await gentle;
    expect(await call).toBeInstanceOf(AbortError);
  });

  it('happens at the end of an `await using` block', async () => {
    const server = await openServer();
    const client = new OpenAIClient({ apiKey: KEY, baseURL: server.baseURL });
    const dispose = (client as any)[(Symbol as any).asyncDispose ?? 'none'];
    if (dispose) {
      await dispose.call(client);
      expect((await failureOf(client.chatCompletion(messages))).code).toBe('client_closed');
    }
    await client.close();
  });

  it('leaves other clients that share the limiter alone', async () => {
    const server = await openServer();
    const first = openClient(server.baseURL, { rateLimit: { requestsPerMinute: 1e-6, requestBurst: 2 } });
    const second = openClient(server.baseURL, { rateLimit: first.limiter });
    await first.chatCompletion(messages);
    await first.close();
    await second.chatCompletion(messages);
    const refused = await failureOf(second.chatCompletion(messages));
    expect(refused).toMatchObject({ name: 'RateLimitError', origin: 'client' });
  });
});

describe('events and logs', () => {
  const level = process.env['KEELSON_LOG'];
  afterEach(() => {
    if (level === undefined) delete process.env['KEELSON_LOG'];
    else process.env['KEELSON_LOG'] = level;
  });

  const collect = (): { lines: [string, any, string][]; logger: Logger } => {
    const lines: [string, any, string][] = [];
    const write = (at: string) => (fields: object, message: string) => void lines.push([at, fields, message]);
    return {
      lines,
      logger: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    };
  };

  it('writes one structured line for each attempt, retry, wait and failure', async () => {
    const server = await openServer();
    server.fault([{ status: 500 }, { status: 400 }]);
    const { lines, logger } = collect();
    await failureOf(openClient(server.baseURL, { logger }).chatCompletion(messages));
    expect(lines.map(([at, { type, attempt }]) => `${at} ${type} ${attempt}`)).toEqual([
      'warn attempt 1',
      'info retry 1',
      'debug wait 1',
      'warn attempt 2',
      'error failure 2',
    ]);
    const [, fields, message] = lines[0]!;
    expect(fields).toMatchObject({
      className: 'OpenAIClient',
      method: 'chatCompletion',
      error: { code: 'server_error', statusCode: 500 },
    });
    expect(message).toMatch(/OpenAIClient\.chatCompletion\(\): attempt 1 failed/);
  });

  it('writes neither keys nor bodies', async () => {
    const server = await openServer({ reply: 'a confidential answer' });
    server.fault({
      status: 401,
      body: { error: { message: `bad key ${KEY}` }, note: 'confidential detail' },
    });
    const { lines, logger } = collect();
    const client = openClient(server.baseURL, { logger });
    await failureOf(client.chatCompletion([{ role: 'user', content: 'a confidential question' }]));
    await client.chatCompletion([{ role: 'user', content: 'a confidential question' }]);
    expect(lines.length).toBeGreaterThan(3);
    expect(JSON.stringify(lines)).not.toContain(KEY);
    expect(JSON.stringify(lines)).not.toContain('confidential');
  });

  it('writes bodies when asked to', async () => {
    const server = await openServer({ reply: 'the answer' });
    const { lines, logger } = collect();
    await openClient(server.baseURL, { logger, logBodies: true }).chatCompletion(messages);
    expect(JSON.stringify(lines)).toContain('Hello');
    expect(JSON.stringify(lines)).toContain('the answer');
    expect(JSON.stringify(lines)).not.toContain(KEY);
  });

  it('goes on when the logger fails', async () => {
    const server = await openServer();
    const fail = (): void => {
      throw new Error('disk full');
    };
    const logger: Logger = { debug: fail, info: fail, warn: fail, error: fail };
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const client = openClient(server.baseURL, { logger, logBodies: true });
    await expect(client.chatCompletion(messages)).resolves.toHaveProperty('choices');
    expect(warn.mock.calls.join()).toMatch(/logger failed: Error: disk full/);
    warn.mockRestore();
  });

  it('is silent by default, and obeys KEELSON_LOG', async () => {
    const server = await openServer();
    const { lines, logger } = collect();
    process.env['KEELSON_LOG'] = 'error';
    server.fault([{ status: 500 }, { status: 400 }]);
    await failureOf(openClient(server.baseURL, { logger }).chatCompletion(messages));
    expect(lines.map(([at]) => at)).toEqual(['error']);
    process.env['KEELSON_LOG'] = 'off';
    await openClient(server.baseURL, { logger }).chatCompletion(messages);
    expect(lines).toHaveLength(1);
  });

  it('tells listeners of one kind of event, until they leave', async () => {
    const server = await openServer();
    server.fault({ status: 500 });
    const client = openClient(server.baseURL, { rateLimit: { requestsPerMinute: 100 } });
    const seen: PolicyEvent[] = [];
    const off = client.on('retry', (event) => seen.push(event));
    client.on('admitted', (event) => seen.push(event));
    await client.chatCompletion(messages);
    off();
    server.fault({ status: 500 });
    await client.chatCompletion(messages);
    expect(seen.map(({ type }) => type)).toEqual(['admitted', 'retry', 'admitted', 'admitted', 'admitted']);
  });
});
