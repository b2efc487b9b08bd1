import type { LimitNumbers } from './limiter-options.js';
import { RefillingLevel } from './refilling-level.js';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** How far one rate is used up. */
export interface RateSnapshot {
  /** What is there now; negative when calls have used more than was reserved for them. */
  readonly available: number;
  /** The configured number, a minute or a day. */
  readonly limit: number;
  /** The most that can be there. */
  readonly burst: number;
}

/** The state of one balance as plain data. What is not limited is left out. */
export interface BalanceSnapshot {
  readonly requests?: RateSnapshot;
  readonly tokens?: RateSnapshot;
  readonly dailyRequests?: RateSnapshot;
  readonly dailyTokens?: RateSnapshot;
  readonly concurrency: { readonly inFlight: number; readonly limit?: number };
  /** Calls that wait. */
  readonly queued: number;
  /** For how long nobody is admitted, because the provider has asked to wait; 0 when it has not. */
  readonly closedForMs: number;
}

/** What a balance said when something was taken from it: the point from which a later report of the provider counts. */
export interface TakenAt {
  at: number;
  drawnRequests: number;
  drawnTokens: number;
}

/** What a provider reports of one of its limits. */
export interface ReportedLimit {
  readonly limit?: number | undefined;
  readonly remaining?: number | undefined;
  readonly resetMs?: number | undefined;
}

/**
 * What may be used under one key: every dimension, taken together or not at all. It knows no waiting; the queue asks
 * it for its head only, so that one kept elsewhere may take its time to answer.
 */
export class Balance {
  /** Calls that run. */
  inFlight = 0;
  /** Nobody is admitted before. */
  closedUntil = -Infinity;
  /** The most tokens one call may take; undefined when tokens are not limited. */
  readonly tokenCapacity: number | undefined;
  private readonly requestCapacity: number | undefined;
  private readonly requestLevels: readonly RefillingLevel[];
  private readonly tokenLevels: readonly RefillingLevel[];
  private readonly minute: { requests: RefillingLevel | undefined; tokens: RefillingLevel | undefined };
  private readonly maxConcurrent: number;
  /** Taken and not given back, ever: the difference between two moments is what was drawn between them. */
  private drawnRequests = 0;
  private drawnTokens = 0;
  /** Reserved by calls that run. */
  private reservedRequests = 0;
  private reservedTokens = 0;

  constructor(
    private readonly numbers: LimitNumbers,
    now: number,
  ) {
    const level = (limit: number | undefined, windowMs: number, burst = limit): RefillingLevel | undefined =>
      limit === undefined ? undefined : new RefillingLevel(limit / windowMs, burst ?? limit, now);
    const requests = level(numbers.requestsPerMinute, MINUTE_MS, numbers.requestBurst);
    const tokens = level(numbers.tokensPerMinute, MINUTE_MS, numbers.tokenBurst);
    this.minute = { requests, tokens };
    this.requestLevels = present([requests, level(numbers.requestsPerDay, DAY_MS)]);
    this.tokenLevels = present([tokens, level(numbers.tokensPerDay, DAY_MS)]);
    this.maxConcurrent = numbers.maxConcurrent ?? Infinity;
    this.requestCapacity = smallest(this.requestLevels);
    this.tokenCapacity = smallest(this.tokenLevels);
  }

  /**
   * Takes everything and returns 0, or takes nothing and returns after how many milliseconds to ask again: Infinity when only a
   * call that ends can help.
   */
  take(requests: number, tokens: number, now: number, taken: TakenAt): number {
    const waitMs = this.waitFor(requests, tokens, now);
    if (waitMs > 0) return waitMs;
    if (this.inFlight >= this.maxConcurrent) return Infinity;
    this.draw(requests, tokens, now);
    this.reservedRequests += requests;
    this.reservedTokens += tokens;
    this.inFlight++;
    taken.at = now;
    taken.drawnRequests = this.drawnRequests;
    taken.drawnTokens = this.drawnTokens;
    return 0;
  }

  /** Ends a call that took `requests` and `tokens`, and charges it with what it used instead. */
  settle(requests: number, tokens: number, usedRequests: number, usedTokens: number, now: number): void {
    this.inFlight--;
    // Set to zero, not subtracted to it: rounding must not add up.
    this.reservedRequests = this.inFlight === 0 ? 0 : this.reservedRequests - requests;
    this.reservedTokens = this.inFlight === 0 ? 0 : this.reservedTokens - tokens;
    this.draw(usedRequests - requests, usedTokens - tokens, now);
  }

  /** Milliseconds until the rates (and the gate, if it is closed) allow this much; concurrency is not looked at. */
  waitFor(requests: number, tokens: number, now: number): number {
    let waitMs = this.closedUntil > now ? this.closedUntil - now : 0;
    for (const level of this.requestLevels) waitMs = Math.max(waitMs, level.waitFor(requests, now));
    for (const level of this.tokenLevels) waitMs = Math.max(waitMs, level.waitFor(tokens, now));
    return waitMs;
  }

  /** Why this much can never be there at once; undefined when it can. */
  neverFits(requests: number, tokens: number): string | undefined {
    const { requestCapacity, tokenCapacity } = this;
    if (requestCapacity !== undefined && requests > requestCapacity) {
      return `It counts as ${requests} requests, and at most ${requestCapacity} can be there at once: raise requestBurst or the limit.`;
    }
    if (tokenCapacity !== undefined && tokens > tokenCapacity) {
      return `It may use ${tokens} tokens, and at most ${tokenCapacity} can be there at once: shorten the input, lower the bound of the output, or raise tokenBurst or the limit.`;
    }
    return undefined;
  }

  /** What a report counts from that came with no call of ours: calls that run are not in it. */
  asOf(now: number): TakenAt {
    return {
      at: now,
      drawnRequests: this.drawnRequests - this.reservedRequests,
      drawnTokens: this.drawnTokens - this.reservedTokens,
    };
  }

  /** Lowers the levels of the minute to what the provider had left when it saw the call that took at `taken`. */
  observe(
    requests: ReportedLimit | undefined,
    tokens: ReportedLimit | undefined,
    taken: TakenAt,
    now: number,
  ): void {
    lower(this.minute.requests, requests, this.drawnRequests - taken.drawnRequests, taken.at, now);
    lower(this.minute.tokens, tokens, this.drawnTokens - taken.drawnTokens, taken.at, now);
  }

  /** Whether it is as good as new, so that nothing is lost by forgetting it. */
  isFull(now: number): boolean {
    return (
      this.inFlight === 0 &&
      this.closedUntil <= now &&
      this.requestLevels.every((level) => level.levelAt(now) === level.capacity) &&
      this.tokenLevels.every((level) => level.levelAt(now) === level.capacity)
    );
  }

  snapshot(queued: number, now: number): BalanceSnapshot {
    const { numbers } = this;
    const rate = (level: RefillingLevel | undefined, limit: number | undefined): RateSnapshot | undefined =>
      level && {
        available: readable(level.levelAt(now)),
        limit: limit ?? level.capacity,
        burst: level.capacity,
      };
    const requests = rate(this.minute.requests, numbers.requestsPerMinute);
    const tokens = rate(this.minute.tokens, numbers.tokensPerMinute);
    const dailyRequests = numbers.requestsPerDay && rate(this.requestLevels.at(-1), numbers.requestsPerDay);
    const dailyTokens = numbers.tokensPerDay && rate(this.tokenLevels.at(-1), numbers.tokensPerDay);
    return {
      ...(requests && { requests }),
      ...(tokens && { tokens }),
      ...(dailyRequests && { dailyRequests }),
      ...(dailyTokens && { dailyTokens }),
      concurrency: {
        inFlight: this.inFlight,
        ...(numbers.maxConcurrent !== undefined && { limit: numbers.maxConcurrent }),
      },
      queued,
      closedForMs: Math.max(0, this.closedUntil - now),
    };
  }

  private draw(requests: number, tokens: number, now: number): void {
    if (requests !== 0) for (const level of this.requestLevels) level.take(requests, now);
    if (tokens !== 0) for (const level of this.tokenLevels) level.take(tokens, now);
    this.drawnRequests += requests;
    this.drawnTokens += tokens;
  }
}

/**
 * The provider's account is of the past: since then our refill has run, and calls have drawn that it did not know.
 * The level then is what it had left, plus that refill, minus those draws. `resetMs` is the time from now until its own level is
 * full again; at 0 the account says nothing.
 */
function lower(
  level: RefillingLevel | undefined,
  { limit, remaining, resetMs }: ReportedLimit = {},
  drawnSince: number,
  at: number,
  now: number,
): void {
  if (!level || remaining === undefined) return;
  if (resetMs !== undefined && resetMs <= 0) return;
  const elapsedMs = now - at;
  level.lowerTo(remaining + elapsedMs * level.perMs - drawnSince, now);
  if (remaining > 0 || resetMs === undefined) return;
  // Nothing is left: the next unit comes at the provider's pace (`limit` units in `resetMs`), or else with the reset.
  level.lowerTo(1 - (resetMs / Math.max(1, limit ?? 1)) * level.perMs, now);
}

/** Without the noise of rounding. */
function readable(amount: number): number {
  return Math.round(amount * 1e6) / 1e6 + 0;
}

function present<T>(values: readonly (T | undefined)[]): T[] {
  return values.filter((value): value is T => value !== undefined);
}

function smallest(levels: readonly RefillingLevel[]): number | undefined {
  return levels.length === 0 ? undefined : Math.min(...levels.map(({ capacity }) => capacity));
}
