// @ts-nocheck
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { AbortError, IncompleteStreamError, StreamError } from '../../decorators/errors/index.js';
import { ChatCompletionStream } from '../../src/streaming/index.js';
import type { ChatCompletionChunk } from '../../src/wire/index.js';
import { collect } from './bytes.js';

const chunk = (content: string, finish: 'stop' | null = null): ChatCompletionChunk => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta: { content }, finish_reason: finish }],
});
const HELLO = [chunk('Hel'), chunk('lo'), chunk('', 'stop')];

/** A stream over `chunks`, with what its source saw of it. */
function streamOf(chunks: readonly ChatCompletionChunk[], last?: 'fail' | 'hang') {
  const seen = { opened: 0, read: 0, closed: 0, signal: undefined as AbortSignal | undefined };
  const failure = new StreamError('broken');
  const stream = new ChatCompletionStream(async function* (signal) {
    seen.opened++;
    seen.signal = signal;
    try {
      for (const each of chunks) {
        seen.read++;
        yield await Promise.resolve(each);
      }
      if (last === 'fail') throw failure;
      if (last === 'hang') {
        await new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject(new Error('aborted'))),
        );
      }
    } finally {
      seen.closed++;
    }
  });
  return { stream, seen, failure };
}

const unhandled: unknown[] = [];
const remember = (reason: unknown): void => void unhandled.push(reason);
beforeAll(() => void process.on('unhandledRejection', remember));
afterAll(async () => {
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', remember);
  expect(unhandled).toEqual([]);
});

describe('a stream', () => {
  it('starts nothing before its first chunk is asked for', async () => {
    const { stream, seen } = streamOf(HELLO);
    const iterator = stream[Symbol.asyncIterator]();
    expect(seen.opened).toBe(0);
    await iterator.next();
    expect(seen).toMatchObject({ opened: 1, read: 1 });
  });

  it('yields the chunks themselves', async () => {
    const chunks = await collect(streamOf(HELLO).stream);
    expect(chunks).toHaveLength(3);
    chunks.forEach((each, i) => expect(each).toBe(HELLO[i]));
  });

  it.each<[string, (stream: ChatCompletionStream) => unknown]>([
    ['iteration', (stream) => collect(stream)],
    ['finalCompletion()', (stream) => stream.finalCompletion()],
    ['toReadableStream()', (stream) => stream.toReadableStream()],
  ])('can be read once: after %s a second reading is refused', async (_name, read) => {
    const { stream, seen } = streamOf(HELLO);
    await read(stream);
    expect(() => stream[Symbol.asyncIterator]()).toThrow(StreamError);
    expect(() => stream.toReadableStream()).toThrow('can be read once');
    expect(seen.opened).toBeLessThan(2);
  });

  it('answers concurrent next() calls in order', async () => {
    const iterator = streamOf(HELLO).stream[Symbol.asyncIterator]();
    const steps = await Promise.all([
      iterator.next(),
      iterator.next(),
      iterator.next(),
      iterator.next(),
      iterator.next(),
    ]);
    expect(steps.map(({ value }) => value)).toEqual([...HELLO, undefined, undefined]);
  });

  it('closes its source on break, without aborting it', async () => {
    const { stream, seen } = streamOf(HELLO);
    for await (const each of stream) {
      expect(each).toBe(HELLO[0]);
      break;
    }
    expect(seen).toMatchObject({ read: 1, closed: 1 });
    expect(seen.signal?.aborted).toBe(false);
  });

  it('closes its source when the loop throws', async () => {
    const { stream, seen } = streamOf(HELLO);
    const mine = new Error('mine');
    const loop = async (): Promise<void> => {
      for await (const each of stream) throw Object.assign(mine, { each });
    };
    await expect(loop()).rejects.toBe(mine);
    expect(seen.closed).toBe(1);
  });

  it('throw() of its iterator closes the source and rejects', async () => {
    const { stream, seen } = streamOf(HELLO);
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    const mine = new Error('mine');
    await expect(iterator.throw?.(mine)).rejects.toBe(mine);
    expect(seen.closed).toBe(1);
  });

  it('return() ends a next() that waits', async () => {
    const { stream, seen } = streamOf([chunk('a')], 'hang');
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    const waiting = iterator.next();
    expect(await iterator.return?.()).toEqual({ value: undefined, done: true });
    expect(await waiting).toEqual({ value: undefined, done: true });
    expect(seen.closed).toBe(1);
  });

  it('throws the failure of its source, and throws it again rather than end', async () => {
    const { stream, failure } = streamOf([chunk('a')], 'fail');
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await expect(iterator.next()).rejects.toBe(failure);
    await expect(iterator.next()).rejects.toBe(failure);
  });

  it('throws what its source throws when it is opened', async () => {
    const mine = new StreamError('mine');
    const stream = new ChatCompletionStream(() => {
      throw mine;
    });
    await expect(collect(stream)).rejects.toBe(mine);
    await expect(stream.finalText()).rejects.toBe(mine);
  });

  it('is closed by `await using`, where the runtime has it', async () => {
    const { stream, seen } = streamOf(HELLO);
    await stream[Symbol.asyncIterator]().next();
    expect(Object.keys(Object.getOwnPropertyDescriptors(ChatCompletionStream.prototype))).not.toContain(
      'undefined',
    );
    if (!(Symbol.asyncDispose as unknown)) return;
    await stream[Symbol.asyncDispose]();
    expect(seen.closed).toBe(1);
    await stream[Symbol.asyncDispose]();
  });
});

describe('the final results', () => {
  it('read the stream when nobody does', async () => {
    const { stream, seen } = streamOf(HELLO);
    const [completion, text, again] = await Promise.all([
      stream.finalCompletion(),
      stream.finalText(),
      stream.finalCompletion(),
    ]);
    expect(completion).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }],
    });
    expect(text).toBe('Hello');
    expect(again).toBe(completion);
    expect(seen).toMatchObject({ opened: 1, closed: 1 });
  });

  it('come with the end when somebody reads, whether asked for before, meanwhile or after', async () => {
    const { stream, seen } = streamOf(HELLO);
    const iterator = stream[Symbol.asyncIterator]();
    const before = stream.finalText();
    await iterator.next();
    const meanwhile = stream.finalText();
    while (!(await iterator.next()).done);
    expect(await Promise.all([before, meanwhile, stream.finalText()])).toEqual(['Hello', 'Hello', 'Hello']);
    expect(seen.opened).toBe(1);
  });

  it('reject with the failure of the stream', async () => {
    const { stream, failure } = streamOf([chunk('a')], 'fail');
    await expect(stream.finalCompletion()).rejects.toBe(failure);
    await expect(stream.finalText()).rejects.toBe(failure);
  });

  it('reject for their waiters when the reader sees the failure', async () => {
    const { stream, failure } = streamOf([chunk('a')], 'fail');
    const iterator = stream[Symbol.asyncIterator]();
    const final = expect(stream.finalCompletion()).rejects.toBe(failure);
    await iterator.next();
    await expect(iterator.next()).rejects.toBe(failure);
    await final;
  });

  it('reject with an AbortError when the reader leaves early', async () => {
    const { stream } = streamOf(HELLO);
    const iterator = stream[Symbol.asyncIterator]();
    const final = stream.finalCompletion();
    await iterator.next();
    await Promise.all([expect(final).rejects.toThrow(AbortError), iterator.return?.()]);
    await expect(stream.finalText()).rejects.toThrow('left before its end');
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
  });

  it('reject when there was no chunk', async () => {
    await expect(streamOf([]).stream.finalCompletion()).rejects.toThrow(IncompleteStreamError);
  });

  it('are unheard of unless asked for: a failure or a break leaves no rejection behind', async () => {
    const { stream } = streamOf([chunk('a')], 'fail');
    await expect(collect(stream)).rejects.toThrow(StreamError);
    for await (const each of streamOf(HELLO).stream) if (each) break;
    streamOf(HELLO).stream.abort();
  });

  it('of a choice without text are empty', async () => {
    const only = { ...chunk('', 'stop'), choices: [{ index: 0, delta: {}, finish_reason: 'stop' as const }] };
    expect(await streamOf([only]).stream.finalText()).toBe('');
  });
});

describe('abort()', () => {
  it('ends a loop that waits with an AbortError whose cause is the reason', async () => {
    const { stream, seen } = streamOf([chunk('a')], 'hang');
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    const waiting = iterator.next();
    stream.abort('enough');
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError', cause: 'enough' });
    await expect(stream.finalCompletion()).rejects.toThrow(AbortError);
    expect(seen.closed).toBe(1);
  });

  it('keeps the AbortError of the source', async () => {
    const mine = new AbortError('mine');
    const stream = new ChatCompletionStream(async function* (signal) {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(mine)));
      yield chunk('never');
    });
    const loop = collect(stream);
    stream.abort();
    await expect(loop).rejects.toBe(mine);
  });

  it('within the loop is no silent end', async () => {
    const { stream, seen } = streamOf(HELLO);
    const loop = async (): Promise<void> => {
      for await (const each of stream) stream.abort(each.id);
    };
    await expect(loop()).rejects.toMatchObject({ name: 'AbortError', cause: 'c1' });
    expect(seen).toMatchObject({ read: 1, closed: 1 });
    expect(seen.signal?.aborted).toBe(true);
  });

  it('before the first use keeps the request from being sent', async () => {
    const { stream, seen } = streamOf(HELLO);
    stream.abort();
    await expect(collect(stream)).rejects.toThrow(AbortError);
    expect(seen.opened).toBe(0);
  });

  it('is not outrun by a chunk that arrives late', async () => {
    const { stream } = streamOf(HELLO);
    const iterator = stream[Symbol.asyncIterator]();
    const waiting = iterator.next();
    stream.abort();
    await expect(waiting).rejects.toThrow(AbortError);
    await expect(iterator.next()).rejects.toThrow(AbortError);
  });

  it('after the end changes nothing', async () => {
    const { stream } = streamOf(HELLO);
    await collect(stream);
    stream.abort();
    expect(await stream.finalText()).toBe('Hello');
  });
});

describe('toReadableStream()', () => {
  it('gives a line of JSON a chunk', async () => {
    const text = await new Response(streamOf(HELLO).stream.toReadableStream()).text();
    expect(
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(HELLO);
    expect(text.endsWith('\n')).toBe(true);
  });

  it('reads no chunk that nobody has asked for', async () => {
    const { stream, seen } = streamOf(HELLO);
    const reader = stream.toReadableStream().getReader();
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen.read).toBe(0);
    await reader.read();
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen.read).toBe(1);
  });

  it('closes the source when it is cancelled, also while it waits', async () => {
    const { stream, seen } = streamOf([chunk('a')], 'hang');
    const reader = stream.toReadableStream().getReader();
    await reader.read();
    const waiting = reader.read();
    await reader.cancel('enough');
    expect(await waiting).toEqual({ value: undefined, done: true });
    expect(seen.closed).toBe(1);
    await expect(stream.finalText()).rejects.toThrow(AbortError);
  });

  it('passes a failure on', async () => {
    const { stream, failure } = streamOf([chunk('a')], 'fail');
    await expect(new Response(stream.toReadableStream()).text()).rejects.toBe(failure);
    await expect(stream.finalText()).rejects.toBe(failure);
  });
});
