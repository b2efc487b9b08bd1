import type { RateLimitWindow } from '../errors/index.js';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './rates.js';

const WINDOWS_MS = [MINUTE_MS, HOUR_MS, DAY_MS];
/** How far an estimate may be off a window and still mean it. */
const TOLERANCE = 1.33;
/** How far two estimates may be off one another and still agree. */
const AGREEMENT = 1.2;
/** Resets are often told in whole seconds, rounded up. */
const ROUNDING_MS = 1000;

/**
 * Finds out how long the window of a reported limit is: names do not tell (`x-ratelimit-limit-requests` is a minute's at
 * OpenAI, a day's at Groq), but the numbers do.
 *
 * A limit that refills steadily tells the time until it is full: `resetMs = used / limit * window`, so that every report gives
 * the same window. One of fixed windows tells the time until the next begins: its reports do not agree, and its window
 * is no shorter than any reset. More than a minute is believed only of two reports that agree, for a wrong day
 * would slow a program down by a thousand.
 */
export class ReportedWindow {
  /** As far as it is known by now. */
  windowMs: number | undefined;
  private longestResetMs = 0;
  private latest: { readonly used: number; readonly estimateMs: number } | undefined = undefined;

  /** The window in milliseconds as far as it is known now; undefined while it is not. */
  read({ limit = 0, remaining = limit, resetMs = 0, windowMs }: RateLimitWindow): number | undefined {
    if (windowMs !== undefined) return (this.windowMs = windowMs);
    const used = limit - remaining;
    if (resetMs <= 0 || used <= 0) return this.windowMs;
    this.longestResetMs = Math.max(this.longestResetMs, resetMs);
    // No window is shorter than the time until it ends.
    if (!this.mayBe(this.windowMs ?? Infinity)) this.windowMs = undefined;
    const guess = this.guess(limit, used, resetMs);
    if (guess !== undefined) this.windowMs = Math.max(guess, this.windowMs ?? 0);
    return this.windowMs;
  }

  private guess(limit: number, used: number, resetMs: number): number | undefined {
    const { latest } = this;
    const mostMs = (resetMs / used) * limit;
    const isRounded = resetMs % ROUNDING_MS === 0;
    const leastMs = isRounded ? ((resetMs - ROUNDING_MS) / used) * limit : mostMs;
    const steady = WINDOWS_MS.find((ms) => leastMs <= ms * TOLERANCE && ms <= mostMs * TOLERANCE);
    if (steady === MINUTE_MS && this.mayBe(MINUTE_MS)) return MINUTE_MS;
    const fixed = WINDOWS_MS.find((ms) => this.mayBe(ms));
    if (steady === undefined || (fixed ?? 0) > steady) return fixed;
    if (!latest || latest.used === used) {
      this.latest ??= { used, estimateMs: mostMs };
      return undefined;
    }
    this.latest = { used, estimateMs: mostMs };
    const ratio = latest.estimateMs / mostMs;
    return ratio < AGREEMENT && ratio > 1 / AGREEMENT ? steady : fixed;
  }

  /** With a second's grace, for clocks that differ. */
  private mayBe(windowMs: number): boolean {
    return this.longestResetMs <= windowMs + ROUNDING_MS;
  }
}
