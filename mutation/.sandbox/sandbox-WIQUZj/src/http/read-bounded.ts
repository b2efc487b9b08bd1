// @ts-nocheck
import { CanceledError, type GenericAbortSignal } from 'axios';

import { runtime } from '../../decorators/pipeline/runtime.js';
import { type ByteSource, readerOf } from '../streaming/byte-source.js';

/** How much of a body is read to learn why a request failed, and for how long. */
export const ERROR_BODY_BYTES = 64 * 1024;
const ERROR_BODY_MS = 5_000;

/**
 * The beginning of a body as text: at most `maxBytes` of it, and what comes within five seconds. The body is
 * closed afterwards. What breaks off is what there is: only an abort rejects, with axios's `CanceledError`.
 */
export async function readBounded(
  body: ByteSource,
  maxBytes: number = ERROR_BODY_BYTES,
  signal?: GenericAbortSignal,
): Promise<string> {
  if (signal?.aborted) {
    readerOf(body).close();
    throw new CanceledError();
  }
  const reader = readerOf(body);
  const close = (): void => reader.close();
  const cancelTimer = runtime().setTimer(close, ERROR_BODY_MS);
  signal?.addEventListener?.('abort', close);
  const decoder = new TextDecoder();
  let text = '';
  let left = maxBytes;
  try {
    while (left > 0) {
      const piece = await reader.read();
      if (piece === undefined) break;
      const bytes = typeof piece === 'string' ? new TextEncoder().encode(piece) : piece;
      text += decoder.decode(bytes.subarray(0, left), { stream: true });
      left -= bytes.length;
    }
  } catch {
    // An error body that breaks off still says more than none.
  } finally {
    cancelTimer();
    signal?.removeEventListener?.('abort', close);
    close();
  }
  if (signal?.aborted) throw new CanceledError();
  return text;
}
