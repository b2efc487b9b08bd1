// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { StreamError } from 'keelson';
import { EventIterator } from '../../src/streaming/sse.js';
import { collect, cut, iterate, utf8 } from './bytes.js';

const lines = (body: AsyncIterable<Uint8Array>, maxEventLength?: number): Promise<string[]> =>
  collect(
    new EventIterator(
      body,
      { event: ({ data }) => data, end: () => undefined },
      { format: 'ndjson', maxEventLength },
    ),
  );

describe('JSON lines', () => {
  it('are the same however the bytes are cut, whatever ends a line, and without the last line end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.json(), fc.constantFrom('\n', '\r\n', '\n\n', '\n \n')), { maxLength: 6 }),
        fc.option(fc.json(), { nil: undefined }),
        fc.array(fc.nat(400)),
        async (ended, last, positions) => {
          const text = ended.map(([json, end]) => json + end).join('') + (last ?? '');
          const expected = [...ended.map(([json]) => json), ...(last === undefined ? [] : [last])];
          expect(await lines(iterate(cut(utf8(text), positions)))).toEqual(expected);
        },
      ),
    );
  });

  it('come as they are complete, not when the bytes end', async () => {
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    async function* slow() {
      yield utf8('{"a":1}\n{"b"');
      await ended;
      yield utf8(':2}\n');
    }
    const iterator = new EventIterator(
      slow(),
      { event: ({ data }) => data, end: () => undefined },
      { format: 'ndjson' },
    );
    expect(await iterator.next()).toEqual({ value: '{"a":1}', done: false });
    end();
    expect(await iterator.next()).toEqual({ value: '{"b":2}', done: false });
    expect((await iterator.next()).done).toBe(true);
  });

  it('are refused when one grows too long', async () => {
    const body = iterate([utf8('"aaaaaa'), utf8('aaaaaa')]);
    await expect(lines(body, 10)).rejects.toThrow(StreamError);
  });
});
