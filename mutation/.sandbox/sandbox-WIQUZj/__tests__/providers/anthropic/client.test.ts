// @ts-nocheck
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AnthropicClient, createClient } from 'keelson';
import { failureOf, KEY, messages } from '../../client/support.js';
import { answer, asStream, text, wire } from './fixtures.js';
import { open } from './support.js';

describe('an AnthropicClient', () => {
  const saved = { ...process.env };
  beforeEach(() => {
    delete process.env['ANTHROPIC_BASE_URL'];
    delete process.env['ANTHROPIC_API_KEY'];
  });
  afterEach(() => {
    process.env = { ...saved };
  });

  it('sends key and version in headers of Anthropic’s', async () => {
    const { client, sent } = await open({ body: answer([text('Hello')]) });
    await client.chatCompletion(messages);
    const { url, headers } = sent[0]!;
    expect(url).toBe('/v1/messages');
    expect(headers).toMatchObject({ 'x-api-key': KEY, 'anthropic-version': '2023-06-01' });
    expect(headers['authorization']).toBeUndefined();
    expect(headers['anthropic-beta']).toBeUndefined();
  });

  it('asks for a stream in the body', async () => {
    const { client, sent } = await open({ body: wire(asStream(answer([text('Hello')]))) });
    expect(await client.streamChatCompletion(messages, { max_tokens: 5 }).finalText()).toBe('Hello');
    expect(sent[0]?.body).toEqual({ model: 'claude-haiku-4-5', max_tokens: 5, messages, stream: true });
  });

  it('has options of its own', async () => {
    const options = { maxTokens: 100, apiVersion: '2099-01-01', model: 'claude-opus-4-1' };
    const { client, sent } = await open({ body: answer([text('Hello')]) }, options);
    await client.chatCompletion(messages);
    expect(sent[0]?.headers['anthropic-version']).toBe('2099-01-01');
    expect(sent[0]?.body).toMatchObject({ max_tokens: 100, model: 'claude-opus-4-1' });
  });

  it.each<[object, RegExp]>([
    [{ maxTokens: 0 }, /`maxTokens` is 0: give a whole number of at least 1/],
    [{ apiVersion: '' }, /`apiVersion` is '': give a version/],
    [{ betas: 'a' }, /`betas` is 'a': give a list of names/],
    [{ maxToken: 5 }, /no option `maxToken`. Use `maxTokens`/],
  ])('refuses %j', (options, message) => {
    expect(() => new AnthropicClient({ apiKey: 'k', ...options })).toThrow(message);
    expect(() => new AnthropicClient({ apiKey: 'k', ...options })).toThrow(TypeError);
  });

  it.each([
    [undefined, 'https://api.anthropic.com/v1'],
    ['https://gateway.example/anthropic', 'https://gateway.example/anthropic/v1'],
    ['https://gateway.example/', 'https://gateway.example/v1'],
    ['https://gateway.example/v1/', 'https://gateway.example/v1'],
  ])('takes the address with or without its version: %s', (baseURL, expected) => {
    const client = new AnthropicClient({ apiKey: 'k', baseURL });
    expect(client.baseURL).toBe(expected);
    if (baseURL !== undefined) process.env['ANTHROPIC_BASE_URL'] = baseURL;
    expect(createClient('anthropic/claude-opus-4-1', { apiKey: 'k' }).baseURL).toBe(expected);
  });

  it('has no embeddings', async () => {
    const client = new AnthropicClient({ apiKey: 'k' });
    expect(await failureOf(client.embeddings('x'))).toMatchObject({
      name: 'UnsupportedOperationError',
      message: 'anthropic has no embeddings.',
    });
  });

  it('settles with the limiter what a call has used', async () => {
    const rateLimit = { tokensPerMinute: 1e-6, tokenBurst: 1000 };
    const { client } = await open({ body: answer([text('Hello')]) }, { rateLimit });
    await client.chatCompletion(messages, { max_tokens: 500 });
    expect(Math.round(client.limiter?.snapshot()['default']?.tokens?.available ?? 0)).toBe(810);
  });

  it('charges a stream that is left for its input, and for what has come of it', async () => {
    const rateLimit = { tokensPerMinute: 1e-6, tokenBurst: 10_000 };
    const { client } = await open(
      { body: wire(asStream(answer([text('Hello there, you')]))) },
      { rateLimit },
    );
    for await (const chunk of client.streamChatCompletion(messages, { max_tokens: 5000 })) {
      if (chunk.choices[0]?.delta.content) break;
    }
    const left = client.limiter?.snapshot()['default']?.tokens?.available ?? 0;
    expect(left).toBeLessThanOrEqual(10_000 - 175);
    expect(left).toBeGreaterThan(10_000 - 200);
  });

  it('counts an earlier answer once, though its blocks say it again', async () => {
    const words = 'word '.repeat(1000);
    const costs: number[] = [];
    for (const extra of [{}, { content_blocks: [{ type: 'thinking', thinking: words }, text(words)] }]) {
      const { client } = await open(
        { status: 500, body: {} },
        { rateLimit: { tokensPerMinute: 1e-6, tokenBurst: 1e6 }, retry: false },
      );
      const message = { role: 'assistant', content: words, ...extra } as never;
      await failureOf(client.chatCompletion([...messages, message], { max_tokens: 1 }));
      costs.push(Math.round(1e6 - (client.limiter?.snapshot()['default']?.tokens?.available ?? 0)));
    }
    expect(costs[0]).toBeGreaterThan(500);
    expect(Math.abs(costs[1]! - costs[0]!)).toBeLessThan(50);
  });
});
