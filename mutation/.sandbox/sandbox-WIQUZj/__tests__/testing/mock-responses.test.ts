// @ts-nocheck
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import axios from 'axios';
import type { AxiosInstance } from 'axios';
import type { Readable } from 'node:stream';
import { mockResponses } from 'keelson/testing';
import type { MockedResponses } from 'keelson/testing';
import { eventsOf, textOf } from './support.js';

let http: AxiosInstance;
let mock: MockedResponses;
beforeEach(() => {
  http = axios.create({ baseURL: 'http://api.invalid/v1' });
  mock = mockResponses({ http });
});
afterEach(() => mock.restore());

const BODY = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
const chat = async (extra: object = {}): Promise<any> =>
  (await http.post('/chat/completions', { ...BODY, ...extra })).data;
const said = async (extra?: object): Promise<string> => (await chat(extra)).choices[0].message.content;
const embed = async (extra: object = {}): Promise<any> =>
  (await http.post('/embeddings', { model: 'e', input: 'x', ...extra })).data;
const failure = (call: Promise<unknown>): Promise<any> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

async function streamed(extra: object = {}): Promise<string> {
  const options = { responseType: 'stream' } as const;
  const response = await http.post<Readable>(
    '/chat/completions',
    { ...BODY, stream: true, ...extra },
    options,
  );
  expect(response.headers['content-type']).toMatch(/^text\/event-stream/);
  const pieces: Buffer[] = [];
  for await (const piece of response.data) pieces.push(piece as Buffer);
  expect(pieces.every((piece) => Buffer.isBuffer(piece))).toBe(true);
  return Buffer.concat(pieces).toString();
}

describe('replies', () => {
  test('queue in order, and the last one repeats', async () => {
    mock.chat('one').chat('two');
    expect([await said(), await said(), await said()]).toEqual(['one', 'two', 'two']);
    mock.chat('three');
    expect([await said(), await said()]).toEqual(['three', 'three']);
  });

  test('canned answers while nothing is queued', async () => {
    expect(await said()).toContain('canned text');
    expect((await embed()).data[0].embedding).toHaveLength(1536);
  });

  test('chat and embeddings wait for their own kind, errors for any', async () => {
    mock
      .chat('text')
      .embeddings([[1, 0]])
      .error(503);
    expect((await embed()).data).toEqual([{ object: 'embedding', index: 0, embedding: [1, 0] }]);
    expect((await failure(embed())).response.status).toBe(503);
    expect(await said()).toBe('text');
  });

  test('a message, a whole completion, an error', async () => {
    const toolCall = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } } as const;
    const completion = {
      id: 'mine',
      choices: [{ index: 0, message: { content: 'whole' }, finish_reason: 'stop' }],
    };
    const thrown = new Error('from the adapter');
    mock
      .chat({ tool_calls: [toolCall] })
      .chat(completion)
      .chat(thrown);
    expect((await chat()).choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: [toolCall] },
    });
    expect(await chat()).toEqual(completion);
    expect((await failure(chat())).message).toBe('from the adapter');
  });

  test('requests are recorded as parsed bodies', async () => {
    await chat();
    await embed();
    expect(mock.requests).toEqual([BODY, { model: 'e', input: 'x' }]);
  });

  test('base64 embeddings', async () => {
    mock.embeddings([[0.5, -1]]);
    const { data } = await embed({ encoding_format: 'base64' });
    const bytes = Buffer.from(data[0].embedding, 'base64');
    expect([bytes.readFloatLE(0), bytes.readFloatLE(4)]).toEqual([0.5, -1]);
  });
});

describe('streams', () => {
  test('one event for each text, and usage where asked for', async () => {
    mock.stream(['Hel', 'lo ', 'you']);
    const text = await streamed({ stream_options: { include_usage: true } });
    const events = eventsOf(text);
    expect(events.map((event) => event.choices[0]?.delta.content)).toEqual([
      '',
      'Hel',
      'lo ',
      'you',
      undefined,
      undefined,
    ]);
    expect(events.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 3 } });
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  test('each request gets a stream of its own, of chat replies too', async () => {
    mock.chat('one two');
    expect(textOf(eventsOf(await streamed()))).toBe('one two');
    expect(textOf(eventsOf(await streamed()))).toBe('one two');
  });

  test('a stream reply to a plain request is one text', async () => {
    mock.stream(['a', 'b']);
    expect(await said()).toBe('ab');
  });
});

describe('failures', () => {
  test('an error status with body and headers, as a stream where one was asked for', async () => {
    mock.error(429, { error: { message: 'slow' } }, { 'retry-after': '7' }).error(500);
    const first = await failure(chat());
    expect(axios.isAxiosError(first)).toBe(true);
    expect([first.response.status, first.response.data, first.response.headers['retry-after']]).toEqual([
      429,
      { error: { message: 'slow' } },
      '7',
    ]);
    const second = await failure(http.post('/chat/completions', BODY, { responseType: 'stream' }));
    expect(JSON.parse((await second.response.data.toArray()).join(''))).toMatchObject({
      error: { type: 'server_error' },
    });
    expect(() => mock.error(200)).toThrow(TypeError);
  });

  test('a network error has no response', async () => {
    mock.networkError().chat('back');
    const error = await failure(chat());
    expect(axios.isAxiosError(error)).toBe(true);
    expect([error.code, error.response]).toEqual(['ECONNRESET', undefined]);
    expect(await said()).toBe('back');
  });
});

describe('the adapter underneath', () => {
  test('interceptors of the instance still run', async () => {
    http.interceptors.request.use((config) => {
      config.headers.set('authorization', 'Bearer k');
      return config;
    });
    await chat();
    expect(mock.adapter.history[0]).toMatchObject({
      url: '/chat/completions',
      headers: { authorization: 'Bearer k' },
    });
  });

  test('takes handlers for what is not mocked, and for all after resetHandlers', async () => {
    mock.adapter.onGet('/models').reply(200, { data: [] });
    expect((await http.get('/models')).data).toEqual({ data: [] });
    mock.adapter.resetHandlers();
    mock.adapter.onPost('/chat/completions').reply(200, 'mine');
    expect(await chat()).toBe('mine');
  });

  test('restore gives the former adapter back', () => {
    const fresh = axios.create();
    const former = fresh.defaults.adapter;
    const mocked = mockResponses({ http: fresh });
    expect(fresh.defaults.adapter).not.toBe(former);
    mocked.restore();
    expect(fresh.defaults.adapter).toBe(former);
  });

  test('refuses what has no axios instance', () => {
    expect(() => mockResponses({} as never)).toThrow(TypeError);
    expect(() => mockResponses(undefined as never)).toThrow(/`http` is an axios instance/);
  });
});
