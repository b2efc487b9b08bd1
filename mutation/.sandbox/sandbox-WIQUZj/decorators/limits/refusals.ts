// @ts-nocheck
import { QueueFullError, RateLimitError, redactText, StoreUnavailableError } from '../errors/index.js';
import type { Call } from '../pipeline/call.js';

/** Why a call cannot wait as long as it would have to, in milliseconds. */
export interface TooLong {
  /** How long the rates would still hold it back; 0 when only a running call that ends could help. */
  readonly waitMs: number;
  readonly maxWaitMs: number;
  /** The time up to its own deadline, where that was the nearer bound. */
  readonly leftMs?: number;
  /** How long it has waited already. */
  readonly waitedMs?: number;
}

/** The call would have to wait for too long, or has. */
export function refused(call: Call, why: TooLong): RateLimitError {
  return new RateLimitError(`${call.label}() was refused by its limiter: ${reasonOf(why)}`, {
    origin: 'client',
    ...retryAfter(why.waitMs),
  });
}

/** The call asks for more than there can ever be; `why` says of what. */
export function neverAdmitted(call: Call, why: string): RateLimitError {
  return new RateLimitError(`${call.label}() can never be admitted by its limiter. ${why}`, {
    origin: 'client',
  });
}

/** `count` calls wait already, and more may not. */
export function queueFull(call: Call, count: number, waitMs: number): QueueFullError {
  return new QueueFullError(
    `${call.label}() was refused: ${count} calls wait for the limiter already (maxQueue).`,
    retryAfter(waitMs),
  );
}

/** The shared store does not answer. */
export function storeUnavailable(call: Call, cause: unknown): StoreUnavailableError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new StoreUnavailableError(
    `The shared store of the limiter of ${call.label}() is down: ${redactText(why)}`,
    { cause },
  );
}

function reasonOf({ waitMs, maxWaitMs, leftMs, waitedMs = 0 }: TooLong): string {
  if (leftMs !== undefined && leftMs <= 0) return 'its deadline has passed.';
  if (waitMs <= 0) return `no running call has ended within ${maxWaitMs} ms (maxWaitMs).`;
  const waited = waitedMs > 0 ? `has waited for ${Math.floor(waitedMs)} ms and ` : '';
  const bound =
    leftMs === undefined
      ? `may wait for ${maxWaitMs} ms (maxWaitMs) at most`
      : `its deadline is in ${Math.floor(leftMs)} ms`;
  return `it ${waited}would be admitted in ${Math.ceil(waitMs)} ms, but ${bound}.`;
}

function retryAfter(waitMs: number): { retryAfterMs?: number } {
  return waitMs > 0 ? { retryAfterMs: Math.ceil(waitMs) } : {};
}
