// @ts-nocheck
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { IncompleteStreamError, LLMError, StreamError } from '../../decorators/errors/index.js';
import { replaceRuntime } from '../../decorators/pipeline/runtime.js';
import { readChunks, type ReadChunksOptions } from '../../src/streaming/index.js';
import type { ChatCompletionChunk } from '../../src/wire/index.js';
import { collect, cut, iterate, stalling, utf8 } from './bytes.js';

const chunk = (content: string, finish: string | null = null, index = 0): object => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index, delta: { content }, finish_reason: finish }],
});
const data = (...payloads: unknown[]): string =>
  payloads
    .map((payload) => `data: ${typeof payload === 'string' ? payload : JSON.stringify(payload)}\n\n`)
    .join('');
const DONE = data('[DONE]');

const read = (text: string, options?: ReadChunksOptions): Promise<ChatCompletionChunk[]> =>
  collect(readChunks(iterate([utf8(text)]), options));
const failure = async (text: string, options?: ReadChunksOptions): Promise<LLMError> => {
  const error: unknown = await read(text, options).then(
    () => 'no failure',
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LLMError);
  return error as LLMError;
};
const texts = (chunks: ChatCompletionChunk[]): unknown[] =>
  chunks.map((each) => each.choices[0]?.delta.content);

describe('the end', () => {
  it.each<[string, string, number]>([
    ['[DONE]', data(chunk('a'), chunk('b', 'stop')) + DONE, 2],
    ['[DONE], whatever follows', data(chunk('a', 'stop')) + DONE + data(chunk('b'), 'garbage'), 1],
    ['[DONE] without any finish_reason', data(chunk('a')) + DONE, 1],
    ['of the bytes, when the choice has finished', data(chunk('a'), chunk('b', 'stop')), 2],
    ['of the bytes, when all choices have', data(chunk('a', 'stop', 0), chunk('b', 'length', 1)), 2],
    [
      'of the bytes, when more came after the finish_reason',
      data(chunk('a', 'stop'), chunk(''), { ...chunk(''), choices: [] }),
      3,
    ],
    ['of the bytes, with an unterminated [DONE]', `${data(chunk('a', 'stop'))}data: [DONE]`, 1],
  ])('%s completes the stream', async (_name, text, count) => {
    expect(await read(text)).toHaveLength(count);
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['only comments', ': ping\n\n'],
    ['only metadata', data({ ...chunk(''), choices: [] })],
    ['no finish_reason', data(chunk('a'), chunk('b'))],
    ['an empty finish_reason', data(chunk('a', ''))],
    ['a finish_reason of one choice of two', data(chunk('a', 'stop', 0), chunk('b', null, 1))],
    ['the last event cut off', `${data(chunk('a'))}data: ${JSON.stringify(chunk('b', 'stop'))}`],
  ])('of the bytes after %s is an IncompleteStreamError', async (_name, text) => {
    expect(await failure(text)).toBeInstanceOf(IncompleteStreamError);
  });

  it('at any cut before the finish_reason is an error, never an early end', async () => {
    const bytes = utf8(data(chunk('Grüße'), chunk(' 👋'), chunk('', 'stop')));
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: bytes.length - 1 }),
        fc.array(fc.nat()),
        async (length, positions) => {
          await expect(
            collect(readChunks(iterate(cut(bytes.subarray(0, length), positions)))),
          ).rejects.toThrow(IncompleteStreamError);
        },
      ),
    );
  });

  it('reads what is left after [DONE], so that the connection can be used again', async () => {
    const { body, closed } = stalling(data(chunk('a', 'stop')) + DONE);
    expect(await collect(readChunks(body))).toHaveLength(1);
    expect(body.destroyed).toBe(false);
    body.push(null);
    await closed;
    expect(body.readableEnded).toBe(true);
  });

  describe('with a server that goes on after [DONE]', () => {
    const timers: [() => void, number][] = [];
    let restore: () => void;
    beforeEach(() => {
      timers.length = 0;
      restore = replaceRuntime({
        now: () => 0,
        wallClock: () => 0,
        random: () => 0,
        setTimer: (callback, delayMs) => {
          timers.push([callback, delayMs]);
          return () => undefined;
        },
      });
    });
    afterEach(() => restore());

    it('waits a second at most', async () => {
      const { body, closed } = stalling(data(chunk('a', 'stop')) + DONE);
      await collect(readChunks(body));
      expect(timers.map(([, delayMs]) => delayMs)).toEqual([1000]);
      timers[0]?.[0]();
      await closed;
    });

    it('reads 64 KiB at most', async () => {
      const { body, closed } = stalling(data(chunk('a', 'stop')) + DONE);
      await collect(readChunks(body));
      for (let i = 0; i < 5; i++) body.push(Buffer.alloc(16 * 1024));
      await closed;
      expect(body.readableEnded).toBe(false);
    });
  });
});

describe('the chunks', () => {
  it('keep fields that nobody knows', async () => {
    const unknown = { ...chunk('a', 'stop'), x_provider: { a: 1 } };
    expect(await read(data(unknown))).toEqual([unknown]);
  });

  it.each<[string, string]>([
    ['a ping', 'event: ping\ndata: {"type":"ping"}\n\n'],
    ['a ping without data', 'event: ping\n\n'],
    ['null', data('null')],
    ['a number', data('1')],
    ['an empty object', data('{}')],
    ['an error that is none', data({ error: null })],
  ])('leave out %s', async (_name, event) => {
    expect(texts(await read(data(chunk('a')) + event + data(chunk('b', 'stop'))))).toEqual(['a', 'b']);
  });

  it('can be read where a server leaves out choices, delta or index', async () => {
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    const chunks = await read(data({ choices: [{ finish_reason: 'stop' }] }, { usage }));
    expect(chunks).toEqual([{ choices: [{ delta: {}, finish_reason: 'stop' }] }, { choices: [], usage }]);
  });

  it('can be read where a server sends the whole message in one event', async () => {
    const message = { role: 'assistant', content: 'all' };
    expect(texts(await read(data({ choices: [{ index: 0, message, finish_reason: 'stop' }] })))).toEqual([
      'all',
    ]);
  });

  it('may be translated from a foreign format', async () => {
    const foreign =
      'event: message_start\ndata: {"type":"message_start"}\n\n' +
      'event: delta\ndata: {"text":"a"}\n\n' +
      'event: message_stop\ndata: {}\n\n';
    const chunks = await read(foreign, {
      events: {
        translate: (payload, { event }) =>
          event === 'delta' ? (chunk((payload as { text: string }).text) as ChatCompletionChunk) : undefined,
        isDone: ({ event }) => event === 'message_stop',
      },
    });
    expect(texts(chunks)).toEqual(['a']);
  });
});

describe('a failure in the stream', () => {
  const error = { message: 'Something broke', type: 'odd', code: null };

  it.each<[string, string]>([
    ['an error field', data({ error })],
    ['an error field beside choices', data({ ...chunk('', 'error'), error })],
    ['an error event', `event: error\n${data({ error })}`],
    ['an error in a list', data([{ error }])],
  ])('given as %s is thrown after the chunks before it', async (_name, event) => {
    const chunks = readChunks(iterate([utf8(data(chunk('a')) + event + DONE)]));
    expect((await chunks.next()).value).toMatchObject({ id: 'c1' });
    await expect(chunks.next()).rejects.toThrow(LLMError);
    expect(await chunks.next()).toEqual({ value: undefined, done: true });
  });

  it.each<[string, string, unknown]>([
    ['a text', data({ error: 'overloaded' }), { error: 'overloaded' }],
    ['an error event of plain text', 'event: error\ndata: overloaded\n\n', 'overloaded'],
    [
      "Anthropic's form",
      'event: error\ndata: {"type":"error","error":{"type":"x"}}\n\n',
      { type: 'error', error: { type: 'x' } },
    ],
  ])('given as %s reaches the error reader', async (_name, event, payload) => {
    const seen: unknown[] = [];
    const mine = new StreamError('mine');
    const toError = (body: unknown): Error => {
      seen.push(body);
      return mine;
    };
    expect(await failure(event, { toError })).toBe(mine);
    expect(seen).toEqual([payload]);
  });

  it('of JSON is a StreamError that shows only the beginning', async () => {
    const thrown = await failure(data(chunk('a')) + data(`{"broken": "${'x'.repeat(500)} the end`));
    expect(thrown).toBeInstanceOf(StreamError);
    expect(thrown.code).toBe('stream');
    expect(thrown.message).not.toContain('broken');
    expect(thrown.response).toContain('{\\"broken\\"');
    expect(thrown.response).not.toContain('the end');
    expect(String(thrown.response).length).toBeLessThan(200);
  });

  it('closes the connection', async () => {
    const { body, closed } = stalling(data({ error }));
    await expect(collect(readChunks(body))).rejects.toThrow(LLMError);
    await closed;
  });

  it('of the transport is passed on as it is', async () => {
    const { body } = stalling(data(chunk('a')));
    const chunks = readChunks(body);
    await chunks.next();
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    body.destroy(reset);
    await expect(chunks.next()).rejects.toBe(reset);
  });
});

describe('what is no chunk', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['a number', 5],
    ['a list', []],
    ['a ping', { type: 'ping' }],
  ])('is passed over: %s', async (_name, payload) => {
    const seen: unknown[] = [];
    const onChunk = (each: ChatCompletionChunk): void => void seen.push(each);
    const chunks = await read(data(JSON.stringify(payload), chunk('a', 'stop')), { onChunk });
    expect(texts(chunks)).toEqual(['a']);
    expect(seen).toEqual(chunks);
  });

  it.each<[string, unknown[], unknown[]]>([
    ['choices that are none', [null, 5, 'x', []], []],
    ['a delta that is none', [{ index: 0, delta: 'x' }], [{ index: 0, delta: {} }]],
    ['a message that is none', [{ index: 0, message: 5 }], [{ index: 0, message: 5, delta: {} }]],
  ])('is passed over within a chunk: %s', async (_name, choices, left) => {
    const [first] = await read(data({ ...chunk(''), choices }, chunk('a', 'stop')));
    expect(first?.choices).toEqual(left);
  });
});
