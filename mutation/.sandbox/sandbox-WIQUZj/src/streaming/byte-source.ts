// @ts-nocheck
import type { Readable } from 'node:stream';

import { runtime } from '../../decorators/pipeline/runtime.js';

type Bytes = Uint8Array | string;

/** Where the bytes of a response come from: a Node stream, a web stream, or any async iterable of bytes or text. */
export type ByteSource = AsyncIterable<Bytes> | ReadableStream<Bytes>;

/** What is still read of a body whose message has ended, so that its connection can serve another request. */
const DRAIN_BYTES = 64 * 1024;
const DRAIN_MS = 1_000;

/** Reads a byte source piece by piece, one read at a time. */
export abstract class ByteReader {
  #settle: ((bytes: undefined) => void) | undefined;
  #closed = false;

  /** The next piece; undefined at the end, and after `close()`. Rejects with the source's own error. */
  read(): Promise<Bytes | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.pull(resolve, reject);
    });
  }

  /** Lets go of the source. A read that waits ends at once, even if the source never answers it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.release();
    this.#settle?.(undefined);
  }

  /** Reads what little may be left after the message, then closes: a connection cut off there cannot be used again. */
  async drain(): Promise<void> {
    const cancel = runtime().setTimer(() => this.close(), DRAIN_MS);
    try {
      let left = DRAIN_BYTES;
      while (left > 0) {
        const bytes = await this.read();
        if (bytes === undefined) break;
        left -= bytes.length;
      }
    } catch {
      // The message was complete before: what happens to the connection now is nobody's failure.
    } finally {
      cancel();
      this.close();
    }
  }

  protected abstract pull(
    resolve: (bytes: Bytes | undefined) => void,
    reject: (error: unknown) => void,
  ): void;
  protected abstract release(): void;
}

/**
 * Listens to the stream itself: its async iterator takes one more promise a piece, and its `return()` would
 * wait for a read that a stalled peer never answers.
 */
class NodeStreamReader extends ByteReader {
  readonly #stream: Readable;
  #ended = false;
  #error: Error | null | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: Readable) {
    super();
    this.#stream = stream;
    const wake = (): void => this.#wake?.();
    stream.on('readable', wake);
    // Not an import: the package also loads where the module does not exist. Where a stream is, it does.
    process.getBuiltinModule('node:stream').finished(stream, { writable: false }, (error) => {
      this.#ended = true;
      this.#error = error;
      wake();
    });
  }

  protected pull(resolve: (bytes: Bytes | undefined) => void, reject: (error: unknown) => void): void {
    const attempt = (): void => {
      const bytes = this.#stream.destroyed ? null : (this.#stream.read() as Bytes | null);
      if (bytes !== null) resolve(bytes);
      else if (!this.#ended) return;
      else if (this.#error) reject(this.#error);
      else resolve(undefined);
      this.#wake = undefined;
    };
    this.#wake = attempt;
    attempt();
  }

  protected release(): void {
    // A stream may report its own destruction as an error.
    this.#stream.on('error', () => undefined);
    this.#stream.destroy();
  }
}

class WebStreamReader extends ByteReader {
  readonly #reader: ReadableStreamDefaultReader<Bytes>;

  constructor(stream: ReadableStream<Bytes>) {
    super();
    this.#reader = stream.getReader();
  }

  protected pull(resolve: (bytes: Bytes | undefined) => void, reject: (error: unknown) => void): void {
    this.#reader.read().then(({ value }) => resolve(value), reject);
  }

  protected release(): void {
    this.#reader.cancel().catch(() => undefined);
  }
}

class IteratorReader extends ByteReader {
  readonly #iterator: AsyncIterator<Bytes>;

  constructor(source: AsyncIterable<Bytes>) {
    super();
    this.#iterator = source[Symbol.asyncIterator]();
  }

  protected pull(resolve: (bytes: Bytes | undefined) => void, reject: (error: unknown) => void): void {
    this.#iterator.next().then(({ value, done }) => resolve(done ? undefined : value), reject);
  }

  protected release(): void {
    this.#iterator.return?.().then(undefined, () => undefined);
  }
}

/** A reader of `source`. From here on the source's errors are this reader's to tell. */
export function readerOf(source: ByteSource): ByteReader {
  if (isNodeStream(source)) return new NodeStreamReader(source);
  if ('getReader' in source) return new WebStreamReader(source);
  return new IteratorReader(source);
}

function isNodeStream(source: ByteSource): source is Readable {
  const stream = source as Partial<Readable>;
  return (
    typeof stream.read === 'function' &&
    typeof stream.destroy === 'function' &&
    typeof stream.on === 'function'
  );
}
