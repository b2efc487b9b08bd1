// @ts-nocheck
import { Readable } from 'node:stream';

import type { ByteSource } from '../../src/streaming/byte-source.js';

/** Collects what an async iterable yields. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Cuts `bytes` at the given positions; those beyond the end are taken modulo. */
export function cut(bytes: Uint8Array, positions: readonly number[]): Uint8Array[] {
  const at = [...new Set(positions.map((position) => position % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((start, i) => bytes.subarray(start, at[i] ?? bytes.length));
}

export async function* iterate<T>(pieces: Iterable<T>): AsyncGenerator<T, void> {
  for (const piece of pieces) yield await Promise.resolve(piece);
}

/** The same pieces from every kind of source. */
export const sources: Readonly<Record<string, (pieces: readonly Uint8Array[]) => ByteSource>> = {
  'an async iterable': (pieces) => iterate(pieces),
  'a Node stream': (pieces) => Readable.from(pieces, { objectMode: false }),
  'a web stream': (pieces) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    }),
};

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A source that gives `text` and then stays silent. */
export function stalling(text: string): { body: Readable; closed: Promise<void> } {
  const body = new Readable({ read: () => undefined });
  body.push(utf8(text));
  const closed = new Promise<void>((resolve) => body.once('close', () => resolve()));
  return { body, closed };
}
