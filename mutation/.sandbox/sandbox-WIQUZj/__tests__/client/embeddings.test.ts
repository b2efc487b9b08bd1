// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import { OpenAIClient, policiesOf, ResponseFormatError, responseInfo } from 'keelson';
import { failureOf, json, KEY, messages, openClient, openServer, readBody, serve } from './support.js';

/** Answers each input with the number in its text, in a shuffled order. */
const numbers = (seen: string[][]) =>
  serve(async (request, response) => {
    const { input } = await readBody(request);
    seen.push(input as string[]);
    const data = (input as string[]).map((text, index) => ({
      object: 'embedding',
      index,
      embedding: [Number(text.slice(0, 6)), 0.5],
    }));
    json(response, 200, {
      object: 'list',
      data: data.reverse(),
      usage: { prompt_tokens: input.length, total_tokens: input.length },
    });
  });

describe('embeddings()', () => {
  it('gives one vector for a text and a list for a list', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL);
    const one = await client.embeddings('hello');
    const [same, other] = await client.embeddings(['hello', 'world']);
    expect(one).toHaveLength(1536);
    expect(one.every((value) => typeof value === 'number')).toBe(true);
    expect(same).toEqual(one);
    expect(other).not.toEqual(one);
    expect(server.requests[0]?.body).toMatchObject({
      encoding_format: 'base64',
      model: 'text-embedding-3-small',
      input: ['hello'],
    });
  });

  it('gives the same vectors whether they travel as base64 or as numbers', async () => {
    const server = await openServer();
    const client = openClient(server.baseURL);
    expect(await client.embeddings('x', { dimensions: 8 })).toEqual(
      (await client.embeddings('x', { dimensions: 8, encoding_format: 'float' })).map(Math.fround),
    );
  });

  it('splits a list at the provider’s limits and puts the vectors back in order', async () => {
    const seen: string[][] = [];
    const baseURL = await numbers(seen);
    const inputs = Array.from({ length: 5000 }, (_, i) => String(i));
    const vectors = await openClient(baseURL).embeddings(inputs);
    expect(vectors.map(([first]) => first)).toEqual(inputs.map(Number));
    expect(seen.map((batch) => batch.length).sort((a, b) => b - a)).toEqual([2048, 2048, 904]);
    expect(responseInfo(vectors)?.usage?.inputTokens).toBe(5000);
    expect(responseInfo(vectors)?.attempts).toHaveLength(3);
  });

  it('splits by tokens as well', async () => {
    const seen: string[][] = [];
    const baseURL = await numbers(seen);
    await openClient(baseURL).embeddings(Array.from({ length: 12 }, () => '0'.repeat(200_000)));
    expect(seen.map((batch) => batch.length).sort((a, b) => b - a)).toEqual([3, 3, 3, 3]);
  });

  it('retries one part without asking for the others again', async () => {
    const server = await openServer();
    server.fault({ status: 500 });
    const vectors = await openClient(server.baseURL).embeddings(
      Array.from({ length: 2050 }, (_, i) => `text ${i}`),
      { dimensions: 2 },
    );
    expect(vectors).toHaveLength(2050);
    expect(server.requests).toHaveLength(3);
  });

  it('fails as a whole, ending the other parts', async () => {
    const server = await openServer();
    server.fault([{ status: 400 }, { stall: 'headers' }]);
    const error = await failureOf(
      openClient(server.baseURL).embeddings(Array.from({ length: 2050 }, (_, i) => `text ${i}`)),
    );
    expect(error.name).toBe('BadRequestError');
  });

  it('gives nothing for nothing, without a request', async () => {
    const server = await openServer();
    expect(await openClient(server.baseURL).embeddings([])).toEqual([]);
    expect(server.requests).toHaveLength(0);
  });

  it.each<[unknown, RegExp]>([
    ['', /`input` is an empty string/],
    [['a', ''], /`input\[1\]` is an empty string/],
    [[5], /`input\[0\]` is 5/],
    [undefined, /`input` is undefined/],
  ])('refuses %j before anything is sent', async (input, message) => {
    const server = await openServer();
    const error = await failureOf(openClient(server.baseURL).embeddings(input as never));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(message);
    expect(server.requests).toHaveLength(0);
  });

  it.each<[string, unknown]>([
    ['too few vectors', { data: [] }],
    ['no list', { data: 'x' }],
    [
      'an index twice',
      {
        data: [
          { index: 0, embedding: [1] },
          { index: 0, embedding: [1] },
        ],
      },
    ],
    ['no vector', { data: [{ index: 0 }, { index: 1 }] }],
    ['an empty vector', { data: [{ embedding: [] }, { embedding: [1] }] }],
    ['a vector of no numbers', { data: [{ embedding: [null] }, { embedding: [1] }] }],
    ['a vector cut off', { data: [{ embedding: 'AAAA' }, { embedding: 'AAAAAA==' }] }],
  ])('is a ResponseFormatError when the answer holds %s', async (_, body) => {
    const baseURL = await serve((__, response) => json(response, 200, body));
    expect(await failureOf(openClient(baseURL).embeddings(['a', 'b']))).toBeInstanceOf(ResponseFormatError);
  });

  it('runs each request under the policies', () => {
    expect(policiesOf(OpenAIClient, 'embedBatch').map(({ kind }) => kind)).toContain('RetryWithBackoff');
    expect(policiesOf(OpenAIClient, 'embeddings')).toEqual([]);
  });

  it('shares the client’s limiter with chat', async () => {
    const server = await openServer();
    const client = new OpenAIClient({
      apiKey: KEY,
      baseURL: server.baseURL,
      rateLimit: { requestsPerMinute: 1e-6, requestBurst: 3 },
    });
    await client.embeddings('a');
    await client.chatCompletion(messages);
    expect(client.limiter?.snapshot()['default']?.requests?.available).toBeCloseTo(1, 3);
    await client.close();
  });
});
