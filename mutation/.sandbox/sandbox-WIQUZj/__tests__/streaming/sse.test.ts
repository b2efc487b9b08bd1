// @ts-nocheck
import { Readable } from 'node:stream';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { StreamError } from '../../decorators/errors/index.js';
import { sseEvents } from '../../src/streaming/index.js';
import { collect, cut, iterate, sources, stalling, utf8 } from './bytes.js';

const read = async (text: string): Promise<[string | undefined, string][]> =>
  (await collect(sseEvents(iterate([utf8(text)])))).map(({ event, data }) => [event, data]);

describe('the events', () => {
  it.each<[string, string, [string | undefined, string][]]>([
    ['one line of data', 'data: a\n\n', [[undefined, 'a']]],
    ['no space after the colon', 'data:a\n\n', [[undefined, 'a']]],
    ['only the first space is dropped', 'data:  a \n\n', [[undefined, ' a ']]],
    ['several lines of data', 'data: a\ndata: b\n\n', [[undefined, 'a\nb']]],
    ['an empty line of data among others', 'data: a\ndata:\ndata: b\n\n', [[undefined, 'a\n\nb']]],
    [
      'the name of the event',
      'event: x\ndata: a\n\ndata: b\n\n',
      [
        ['x', 'a'],
        [undefined, 'b'],
      ],
    ],
    ['comments', ': keep-alive\n\n: OPENROUTER PROCESSING\ndata: a\n\n', [[undefined, 'a']]],
    ['an event without data', 'event: ping\n\ndata: a\n\n', [[undefined, 'a']]],
    ['an event with empty data', 'event: ping\ndata:\n\ndata: a\n\n', [[undefined, 'a']]],
    ['unknown fields, id and retry', 'id: 7\nretry: x\nfoo: bar\nbaz\ndata: a\n\n', [[undefined, 'a']]],
    [
      'blank lines between events',
      '\n\n\ndata: a\n\n\n\n\ndata: b\n\n',
      [
        [undefined, 'a'],
        [undefined, 'b'],
      ],
    ],
    ['a byte order mark', '\uFEFFdata: a\n\n', [[undefined, 'a']]],
    [
      'CR alone',
      'data: a\r\rdata: b\r\r',
      [
        [undefined, 'a'],
        [undefined, 'b'],
      ],
    ],
    ['CRLF', 'event: x\r\ndata: a\r\n\r\n', [['x', 'a']]],
    ['an unterminated last event is dropped', 'data: a\n\ndata: b\n', [[undefined, 'a']]],
    ['an unterminated last line is dropped', 'data: a\n\ndata: b', [[undefined, 'a']]],
    ['nothing at all', '', []],
  ])('%s', async (_name, text, expected) => {
    expect(await read(text)).toEqual(expected);
  });

  const lines = fc.record({
    event: fc.option(fc.stringMatching(/^[a-z]{1,8}$/), { nil: undefined }),
    data: fc.array(
      fc.string({ unit: 'grapheme' }).map((line) => line.replace(/[\r\n]/g, '')),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
  });

  it.each(Object.keys(sources))(
    'are the same however the bytes of %s are cut and the lines end',
    async (kind) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(lines, { maxLength: 6 }),
          fc.array(fc.constantFrom('\n', '\r', '\r\n'), { minLength: 1, maxLength: 7 }),
          fc.array(fc.nat(), { maxLength: 30 }),
          fc.boolean(),
          async (events, endings, positions, mark) => {
            let line = 0;
            const end = (): string => endings[line++ % endings.length] as string;
            let text = mark ? '\uFEFF' : '';
            for (const { event, data } of events) {
              if (event !== undefined) text += `event: ${event}${end()}`;
              for (const part of data) text += `data: ${part}${end()}`;
              // A CR followed by a LF is one line end: a comment keeps them apart.
              text += `:${end()}`;
              text += text.endsWith('\r') ? '\r' : '\n';
            }
            const seen = await collect(
              sseEvents((sources[kind] as NonNullable<(typeof sources)[string]>)(cut(utf8(text), positions))),
            );
            const expected = events.map(({ event, data }) => ({ event, data: data.join('\n') }));
            expect(seen.map(({ event, data }) => ({ event, data }))).toEqual(
              expected.filter(({ data }) => data !== ''),
            );
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  it('are decoded as TextDecoder does, also from invalid UTF-8', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.constantFrom(0x61, 0x80, 0xbf, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 0xff),
          {
            minLength: 1,
            maxLength: 12,
          },
        ),
        fc.array(fc.nat(), { maxLength: 8 }),
        async (content, positions) => {
          const bytes = Uint8Array.from([...utf8('data: '), ...content, 10, 10]);
          const [event] = await collect(sseEvents(iterate(cut(bytes, positions))));
          expect(event?.data).toBe(new TextDecoder().decode(Uint8Array.from(content)));
        },
      ),
    );
  });

  it('are there as soon as their line ends, even with CR', async () => {
    const { body } = stalling('data: a\r\r');
    const events = sseEvents(body);
    expect(await events.next()).toMatchObject({ value: { data: 'a' } });
    await events.return?.();
  });

  it('may come as text', async () => {
    expect(await collect(sseEvents(iterate(['\uFEFFda', 'ta: ä\r', '\n\r\n'])))).toMatchObject([
      { data: 'ä' },
    ]);
  });
});

describe('an event that is too long', () => {
  it.each([
    ['in one line', ['data: ', 'x'.repeat(60), 'x'.repeat(60)]],
    ['in many lines', Array.from({ length: 30 }, () => 'data: xxxx\n')],
  ])('%s is a StreamError, and the source is closed', async (_name, pieces) => {
    let closed = false;
    async function* body(): AsyncGenerator<string> {
      try {
        yield* pieces;
        yield '\n\n';
      } finally {
        closed = true;
      }
    }
    await expect(collect(sseEvents(body(), { maxEventLength: 100 }))).rejects.toThrow(StreamError);
    expect(closed).toBe(true);
  });

  it('does not stop many short ones', async () => {
    const pieces = Array.from({ length: 100 }, () => 'data: xxxx\n\n');
    expect(await collect(sseEvents(iterate(pieces), { maxEventLength: 100 }))).toHaveLength(100);
  });
});

describe('the iterator', () => {
  it('answers concurrent next() calls in order', async () => {
    const text = Array.from({ length: 20 }, (_, i) => `data: ${i}\n\n`).join('');
    const events = sseEvents(iterate(cut(utf8(text), [3, 10, 11, 40, 41, 42, 90, 120])));
    const order: number[] = [];
    const steps = Array.from({ length: 22 }, (_, i) => events.next().finally(() => order.push(i)));
    const values = (await Promise.all(steps)).map(
      ({ value }) => (value as { data: string } | undefined)?.data,
    );
    expect(values).toEqual([...Array.from({ length: 20 }, (_, i) => String(i)), undefined, undefined]);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it('closes the source on break', async () => {
    const { body, closed } = stalling('data: a\n\ndata: b\n\n');
    for await (const event of sseEvents(body)) {
      expect(event.data).toBe('a');
      break;
    }
    await closed;
  });

  it.each(['a Node stream', 'a web stream', 'an async iterable'])(
    'return() ends a next() that %s leaves waiting',
    async (kind) => {
      const silent = new Promise<never>(() => undefined);
      const body = {
        'a Node stream': () => new Readable({ read: () => undefined }),
        'a web stream': () => new ReadableStream<Uint8Array>({ pull: () => silent }),
        'an async iterable': () =>
          (async function* () {
            yield await silent;
          })(),
      }[kind] as () => AsyncIterable<Uint8Array>;
      const events = sseEvents(body());
      const waiting = events.next();
      expect(await events.return?.()).toEqual({ value: undefined, done: true });
      expect(await waiting).toEqual({ value: undefined, done: true });
      expect(await events.next()).toEqual({ value: undefined, done: true });
    },
  );

  it('throw() closes the source and rejects with what it was given', async () => {
    const { body, closed } = stalling('data: a\n\n');
    const reason = new Error('mine');
    await expect(sseEvents(body).throw?.(reason)).rejects.toBe(reason);
    await closed;
  });

  it.each<[string, (error: Error) => AsyncIterable<Uint8Array>]>([
    ['a Node stream', (error) => Readable.from(failing(error), { objectMode: false })],
    ['an async iterable', (error) => failing(error)],
  ])('passes on the error of %s after the events that came before it', async (_kind, body) => {
    const error = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    const events = sseEvents(body(error));
    expect(await events.next()).toMatchObject({ value: { data: 'a' } });
    await expect(events.next()).rejects.toBe(error);
    expect(await events.next()).toEqual({ value: undefined, done: true });
  });

  it('tells a Node stream that was cut off from one that ended', async () => {
    const { body } = stalling('data: a\n\n');
    const events = sseEvents(body);
    await events.next();
    const waiting = events.next();
    body.destroy();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
  });
});

async function* failing(error: Error): AsyncGenerator<Uint8Array> {
  yield utf8('data: a\n\n');
  await new Promise((resolve) => setImmediate(resolve));
  throw error;
}
