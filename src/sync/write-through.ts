import { writeSync } from 'node:fs';

const ALWAYS_ZERO = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
/** How long to wait before a full pipe is written to again. */
const FULL_MS = 5;

type Done = (error?: Error | null) => void;

/**
 * Lets what this worker prints appear at once. By itself it would go through the main thread, which is blocked, and be
 * lost when that ends.
 */
export function writeThrough(): void {
  for (const [stream, fd] of [
    [process.stdout, 1],
    [process.stderr, 2],
  ] as const) {
    stream.write = (text: string | Uint8Array, encoding?: BufferEncoding | Done, done?: Done): boolean => {
      const isText = typeof text === 'string';
      writeAll(fd, isText ? Buffer.from(text, typeof encoding === 'string' ? encoding : 'utf8') : text);
      const callback = typeof encoding === 'function' ? encoding : done;
      if (callback) queueMicrotask(callback);
      return true;
    };
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      // Nobody reads any more, or nobody ever did: no reason to fail a call.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Atomics.wait(ALWAYS_ZERO, 0, 0, FULL_MS);
    }
  }
}
