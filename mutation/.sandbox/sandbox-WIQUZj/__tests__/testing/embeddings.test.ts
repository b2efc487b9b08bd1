// @ts-nocheck
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { startTestServer } from 'keelson/testing';
import type { TestServer } from 'keelson/testing';
import { send } from './support.js';
import type { Sent } from './support.js';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

const embed = (input: unknown, extra: object = {}): Promise<Sent> =>
  send(server, '/embeddings', { model: 'text-embedding-3-small', input, ...extra });
const vectors = async (input: unknown, extra?: object): Promise<number[][]> =>
  (await embed(input, extra)).json.data.map((item: { embedding: number[] }) => item.embedding);
const dot = (a: number[], b: number[]): number =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

test('vectors are of unit length, in order, and the same for the same text', async () => {
  const { json } = await embed(['first', 'second']);
  expect(json).toMatchObject({
    object: 'list',
    model: 'text-embedding-3-small',
    usage: { prompt_tokens: 4, total_tokens: 4 },
  });
  expect(json.data.map((item: { index: number }) => item.index)).toEqual([0, 1]);
  const [[first], again] = [await vectors('first'), await vectors(['second', 'first'])];
  expect(first).toHaveLength(1536);
  expect(first).toEqual(again[1]);
  expect(first).not.toEqual(again[0]);
  expect(dot(first!, first!)).toBeCloseTo(1, 5);
});

test('texts that share words are nearer than texts that do not', async () => {
  const [cat, kitten, tax] = await vectors([
    'the cat sat on a mat',
    'a cat lay on the mat',
    'quarterly income statement',
  ]);
  expect(dot(cat!, kitten!)).toBeGreaterThan(0.5);
  expect(Math.abs(dot(cat!, tax!))).toBeLessThan(0.3);
});

test('base64 is the same vector as little-endian float32', async () => {
  const [floats] = await vectors('text');
  const { json } = await embed('text', { encoding_format: 'base64' });
  const bytes = Buffer.from(json.data[0].embedding, 'base64');
  expect(Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4))).toEqual(
    floats,
  );
});

test('dimensions, by request and by model', async () => {
  expect((await vectors('x', { dimensions: 8 }))[0]).toHaveLength(8);
  expect((await vectors('x', { dimensions: 1 }))[0]).toEqual([
    expect.closeTo(Math.sign((await vectors('x', { dimensions: 1 }))[0]![0]!), 6),
  ]);
  expect((await vectors('x', { model: 'text-embedding-3-large' }))[0]).toHaveLength(3072);
});

test('token arrays are inputs too', async () => {
  expect(await vectors([1, 2, 3])).toHaveLength(1);
  expect(await vectors([[1, 2], [3]])).toHaveLength(2);
  expect((await embed([[1, 2], [3]])).json.usage.total_tokens).toBe(3);
});

test.each([
  ['nothing', undefined, {}, 'missing_required_parameter'],
  ['an empty string', '', {}, null],
  ['an empty string among others', ['a', ''], {}, null],
  ['an empty array', [], {}, null],
  ['an empty token array', [[1], []], {}, null],
  ['an object', {}, {}, null],
  ['more than 2048 inputs', Array.from({ length: 2049 }, () => 'a'), {}, 'array_above_max_length'],
  ['more than 8192 tokens in one input', 'x'.repeat(4 * 8192 + 1), {}, 'context_length_exceeded'],
  [
    'more than 300000 tokens in all',
    Array.from({ length: 40 }, () => 'x'.repeat(4 * 8000)),
    {},
    'max_tokens_per_request',
  ],
  ['an unknown encoding', 'a', { encoding_format: 'hex' }, 'invalid_value'],
  ['zero dimensions', 'a', { dimensions: 0 }, 'invalid_value'],
])('refuses %s', async (_name, input, extra, code) => {
  const { status, json } = await embed(input, extra);
  expect([status, json.error.type, json.error.code]).toEqual([400, 'invalid_request_error', code]);
});

test('takes 2048 inputs', async () => {
  expect(
    await vectors(
      Array.from({ length: 2048 }, (_, index) => `t${index}`),
      { dimensions: 2 },
    ),
  ).toHaveLength(2048);
});
