// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import type { OpenAIClient } from 'keelson';
import { failureOf, messages, openClient, openServer } from './support.js';

type Start = (client: OpenAIClient, options: never) => PromiseLike<unknown>;

const methods: [string, Start][] = [
  ['chatCompletion', (client, options) => client.chatCompletion(messages, {}, options)],
  [
    'streamChatCompletion',
    (client, options) => client.streamChatCompletion(messages, {}, options).finalText(),
  ],
  ['embeddings', (client, options) => client.embeddings('text', {}, options)],
  [
    'embeddings',
    (client, options) =>
      client.embeddings(
        Array.from({ length: 2049 }, () => 'x'),
        {},
        options,
      ),
  ],
  ['request', (client, options) => client.request('/models', {}, options)],
];

const wrong: [string, unknown, RegExp][] = [
  ['null', null, /the call options must be an object; got null/],
  ['text', 'x', /the call options must be an object; got string/],
  ['an unknown name', { retries: 1 }, /'retries' is no call option/],
  ['a signal that is none', { signal: {} }, /`signal` must be an AbortSignal/],
  ['a timeout that is none', { timeoutMs: '5' }, /`timeoutMs` is/],
  ['headers of a class', { headers: new Headers({ a: 'b' }) }, /`headers` is an object: give a plain object/],
  ['a header with a line break', { headers: { 'x-a': 'b\r\nc' } }, /the header 'x-a' .* without line breaks/],
  ['a header that is no text', { headers: { 'x-a': 5 } }, /the header 'x-a' must be a string/],
  ['an impossible name of a header', { headers: { 'x a': 'b' } }, /'x a' in `headers`/],
  ['an extra body that is a list', { extraBody: [1] }, /`extraBody` is an array: give a plain object/],
  ['an extra body that is text', { extraBody: 'x' }, /`extraBody` is 'x'/],
  ['an empty idempotency key', { idempotencyKey: '' }, /`idempotencyKey` must be a string/],
  [
    'an idempotency key with a line break',
    { idempotencyKey: 'a\nb' },
    /`idempotencyKey` .* without line breaks/,
  ],
  ['an idempotency key that is no text', { idempotencyKey: 7 }, /`idempotencyKey` must be a string/],
];

describe.each(methods)('call options of %s()', (method, start) => {
  it.each(wrong)('refuse %s before anything is sent', async (_, options, message) => {
    const server = await openServer();
    const error = await failureOf(start(openClient(server.baseURL), options as never));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`${method}(): `);
    expect(server.requests).toHaveLength(0);
  });
});

describe('request()', () => {
  it.each<[string, unknown[], RegExp]>([
    ['no path', [], /`path` is undefined: give the path of an endpoint/],
    ['an unknown field', ['/models', { methd: 'PUT' }], /no option `methd`. Did you mean `method`/],
    ['an unknown method', ['/models', { method: 'FETCH' }], /`method` is 'FETCH': give one of 'GET'/],
    ['null', ['/models', null], /`init` is null: give an object/],
    [
      'a header with a line break',
      ['/models', { headers: { 'x-a': 'b\nc' } }],
      /'x-a' .* without line breaks/,
    ],
    [
      'extra fields without a body',
      ['/models', {}, { extraBody: { a: 1 } }],
      /`extraBody` .* body is undefined/,
    ],
    [
      'extra fields for a body that has none',
      ['/files', { body: 'text' }, { extraBody: { a: 1 } }],
      /`extraBody` adds fields to a body that is a plain object/,
    ],
  ])('refuses %s before anything is sent', async (_, args, message) => {
    const server = await openServer();
    const client = openClient(server.baseURL);
    const error = await failureOf(
      (client.request as (...all: unknown[]) => Promise<unknown>).apply(client, args),
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(message);
    expect(server.requests).toHaveLength(0);
  });

  it.each<[string, object | undefined, number]>([
    ['nothing without a body', undefined, 0],
    ['a chat by its messages and its bound', { messages, max_tokens: 100 }, 100 + 3 + 4 + 2],
    ['an input by its text', { input: 'one '.repeat(100), max_output_tokens: 7 }, 95 + 7],
    ['an input of tokens by their number', { input: [1, 2, 3], max_output_tokens: 7 }, 3 + 7],
    ['a body that says nothing by the mean', { made_up: 1 }, 500],
  ])('reserves %s', async (_, body, tokens) => {
    const server = await openServer();
    const client = openClient(server.baseURL, { rateLimit: { tokensPerMinute: 100_000 } });
    const reserved: unknown[] = [];
    client.on('admitted', (event) => reserved.push(event.tokens));
    await client.request('/models', { method: 'GET', ...(body && { body }) }).catch(() => undefined);
    expect(reserved[0]).toBe(tokens);
  });
});
