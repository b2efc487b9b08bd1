import { AbortError } from '../../decorators/errors/index.js';
import { callsBehind, rememberCalls } from '../client/response-info.js';
import { packThrown, unpackThrown } from './errors.js';
import type { PackedFailure, PackedValue } from './protocol.js';

/** What aborted a call, as an `AbortSignal` tells it. */
export interface Abort {
  readonly aborted: boolean;
  readonly reason: unknown;
}

/** A result on its way to the thread that waits, with what `responseInfo()` knows of it. */
export function packResult(value: unknown): PackedValue {
  const calls = typeof value === 'object' && value !== null ? callsBehind(value) : [];
  return calls.length > 0 ? { value, calls } : { value };
}

export function packFailure(thrown: unknown): PackedFailure {
  return { error: packThrown(thrown) };
}

/**
 * The result; throws the failure. What the call was aborted with is the cause of an `AbortError` as it is, not a copy.
 */
export function unpackResult(packed: PackedValue | PackedFailure, abort?: Abort): unknown {
  if ('error' in packed) {
    const thrown = unpackThrown(packed.error);
    if (abort?.aborted && thrown instanceof AbortError) {
      const { reason: value } = abort;
      Object.defineProperty(thrown, 'cause', { value, configurable: true, writable: true });
    }
    throw thrown;
  }
  const { value, calls } = packed;
  if (calls && typeof value === 'object' && value !== null) rememberCalls(value, calls);
  return value;
}
