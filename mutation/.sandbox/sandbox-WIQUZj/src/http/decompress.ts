// @ts-nocheck
import { pipeline, Transform, type Readable, type TransformCallback } from 'node:stream';
import * as zlib from 'node:zlib';

type Encoding = 'gzip' | 'deflate' | 'br' | 'zstd';

const ENCODINGS: Readonly<Record<string, Encoding>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  compress: 'gzip',
  'x-compress': 'gzip',
  deflate: 'deflate',
  br: 'br',
  zstd: 'zstd',
};

// Flushed after every piece, so that events come through at once; and a missing end is no error, as in browsers.
const { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH } = zlib.constants;
const ZLIB_OPTIONS = { flush: Z_SYNC_FLUSH, finishFlush: Z_SYNC_FLUSH };
const BROTLI_OPTIONS = { flush: BROTLI_OPERATION_FLUSH, finishFlush: BROTLI_OPERATION_FLUSH };

/** Node has zstd from 22.15 on. */
const { createZstdDecompress } = zlib as typeof zlib & { createZstdDecompress?: () => Transform };

/** The encoding a `content-encoding` header names; undefined when it is none this Node can undo. */
export function encodingOf(header: unknown): Encoding | undefined {
  if (typeof header !== 'string') return undefined;
  const encoding = ENCODINGS[header.trim().toLowerCase()];
  return encoding === 'zstd' && createZstdDecompress === undefined ? undefined : encoding;
}

function decompressor(encoding: Encoding, firstByte: number | undefined): Transform {
  switch (encoding) {
    case 'gzip':
      return zlib.createUnzip(ZLIB_OPTIONS);
    case 'deflate':
      // Some servers send it without the zlib header, which has 8 in the low half of its first byte.
      return firstByte === undefined || (firstByte & 15) === 8
        ? zlib.createInflate(ZLIB_OPTIONS)
        : zlib.createInflateRaw(ZLIB_OPTIONS);
    case 'br':
      return zlib.createBrotliDecompress(BROTLI_OPTIONS);
    case 'zstd':
      return (createZstdDecompress as () => Transform)();
  }
}

/** Lets at most `maxBytes` through. */
class SizeLimit extends Transform {
  readonly #failure: () => Error;
  #left: number;

  constructor(maxBytes: number, failure: () => Error) {
    super();
    this.#left = maxBytes;
    this.#failure = failure;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.#left -= chunk.length;
    if (this.#left < 0) callback(this.#failure());
    else callback(null, chunk);
  }
}

/** What a body is put through on its way to the reader. */
export interface BodyTreatment {
  readonly encoding: Encoding | undefined;
  /** The most bytes the reader may get; undefined for any number. */
  readonly maxBytes: number | undefined;
  /** Makes the error for more than `maxBytes`. */
  readonly tooLong: () => Error;
}

/** `body` decoded and limited. Destroying the result destroys `body`. */
export function treatStream(body: Readable, { encoding, maxBytes, tooLong }: BodyTreatment): Readable {
  const stages: Transform[] = [];
  if (encoding !== undefined) stages.push(decompressor(encoding, undefined));
  if (maxBytes !== undefined) stages.push(new SizeLimit(maxBytes, tooLong));
  let last = body;
  for (const stage of stages) {
    last = pipeline(last, stage, () => undefined);
  }
  // The error stays on the stream for whoever reads it later.
  if (last !== body) last.on('error', () => undefined);
  return last;
}

/** A whole body, decoded, no longer than allowed. */
export function treatBuffer(body: Buffer, { encoding, maxBytes, tooLong }: BodyTreatment): Promise<Buffer> {
  if (encoding === undefined || body.length === 0) return Promise.resolve(body);
  return new Promise((resolve, reject) => {
    const stage = decompressor(encoding, body[0]);
    const pieces: Buffer[] = [];
    let length = 0;
    stage.on('data', (piece: Buffer) => {
      pieces.push(piece);
      length += piece.length;
      if (maxBytes !== undefined && length > maxBytes) stage.destroy(tooLong());
    });
    stage.on('error', reject);
    stage.on('end', () => resolve(Buffer.concat(pieces, length)));
    stage.end(body);
  });
}
