/** The ways to spread waits. */
export const JITTERS = ['full', 'decorrelated', 'none'] as const;

/** How a wait is spread, so that callers that failed together do not return together. */
export type Jitter = (typeof JITTERS)[number];

/** 2 to a higher power is infinite, and that times a base of 0 is not a number. */
const LARGEST_EXPONENT = 1023;

interface BackoffOptions {
  baseDelayMs?: number;
  maxDelayMs?: number;
  jitter?: Jitter;
}

/**
 * The wait before retry number `attempt` (the first is 1), in milliseconds. `random` is from [0, 1), `lastMs` the wait
 * before this one.
 *
 * `none`: base · 2^(attempt−1), at most the maximum. `full`: evenly from 0 to that. `decorrelated`: evenly from base to
 * three times the last wait (before the first: the base), at most the maximum. The formulas are those of "Exponential Backoff and Jitter", AWS
 * Architecture Blog, 2015.
 */
export function backoffDelay(
  attempt: number,
  lastMs: number,
  options: BackoffOptions,
  random: number,
): number {
  const { baseDelayMs = 1000, maxDelayMs = 60_000, jitter = 'full' } = options;
  if (jitter === 'decorrelated') {
    const highest = Math.max(baseDelayMs, lastMs) * 3;
    return Math.min(maxDelayMs, baseDelayMs + random * (highest - baseDelayMs));
  }
  const ceiling = Math.min(maxDelayMs, baseDelayMs * 2 ** Math.min(attempt - 1, LARGEST_EXPONENT));
  return jitter === 'full' ? random * ceiling : ceiling;
}
