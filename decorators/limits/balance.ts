import type { Call } from '../pipeline/call.js';
import { reportedRate, TRANSIT_MS } from './rates.js';
import { RefillingLevel } from './refilling-level.js';
import type { Amounts, Rate, ReportedLimit, SharedLimits, SharedState } from './store.js';

/** How far one rate is used up. */
export interface RateSnapshot {
  /** What is there now; negative when calls have used more than was reserved for them. */
  readonly available: number;
  /** The number in force, a minute or a day. */
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
  /** Calls that run; with a shared store those of all processes, as it told last. */
  readonly concurrency: { readonly inFlight: number; readonly limit?: number };
  /** Calls that wait, in this process. */
  readonly queued: number;
  /** For how long nobody is admitted, because the provider has asked to wait; 0 when it has not. */
  readonly closedForMs: number;
  /** Whether the shared store answers; left out where there is none. */
  readonly store?: 'up' | 'down';
}

/** What a balance notes when something is taken from it: the point from which a later report of the provider counts. */
export interface TakenAt {
  /** By the clock of the balance, which may be another process's. */
  at: number;
  drawnRequests: number;
  drawnTokens: number;
}

/** What an admitted call holds of a balance, or is to hold. */
export interface Holding extends TakenAt, Amounts {
  readonly call: Call;
  /** By the clock of this process. */
  admittedAt: number;
  /** What was left of the minute's tokens when it was admitted; undefined where they are not limited. */
  tokensLeft: number | undefined;
  /** What calls that ran at that moment had reserved, this one included. */
  tokensRunning: number;
  /** The balance that has given it; undefined where nobody keeps account. */
  heldBy: Balance | undefined;
}

/** What a queue draws on: every dimension of one key, taken together or not at all. */
export interface Balance {
  /** What is in force. */
  readonly limits: SharedLimits;
  /** The longest wait after which to ask again, however long the answer says, in milliseconds. */
  readonly longestPauseMs: number;
  /**
   * Takes everything for `lease` and returns 0, or takes nothing and returns after how many milliseconds to ask again: Infinity
   * when only a call that ends can help. Undefined when it cannot tell without `ask()`.
   */
  take(lease: Holding, now: number): number | undefined;
  /** Takes for as many of `leases`, in order, as it can: resolves with their number and the wait of the next, 0 without one. Never rejects. */
  ask?(leases: readonly Holding[]): Promise<{ readonly granted: number; readonly waitMs: number }>;
  /** Nobody waits any more. */
  leave?(): void;
  /** Ends a call, and charges it with what it used instead of what it took. */
  settle(lease: Holding, usedRequests: number, usedTokens: number, now: number): void;
  /** Lowers the levels of the minute to what the provider had left when it saw the call of `lease`, or now. */
  observe(
    requests: ReportedLimit | undefined,
    tokens: ReportedLimit | undefined,
    lease: Holding | undefined,
    now: number,
  ): void;
  /** Admits nobody for `waitMs`. */
  close(waitMs: number, now: number): void;
  /** For how long nobody is admitted. */
  closedForMs(now: number): number;
  /** Milliseconds until the rates (and the gate, if it is closed) allow this much; concurrency is not looked at. */
  waitFor(amounts: Amounts, now: number): number;
  /** Puts other limits in force; what was used up stays used up. */
  reconfigure(limits: SharedLimits, now: number): void;
  /** Whether nothing is lost by forgetting it. */
  isIdle(now: number): boolean;
  /** It is used no more. */
  forget?(): void;
  snapshot(queued: number, now: number): BalanceSnapshot;
}

/** A balance kept in this process. */
export class MemoryBalance implements Balance {
  readonly longestPauseMs = Infinity;
  /** Calls that run. */
  inFlight = 0;
  /** Nobody is admitted before. */
  private closedUntil = -Infinity;
  private levels: ReadonlyMap<Rate['name'], RefillingLevel> = new Map();
  private requestLevels!: readonly RefillingLevel[];
  private tokenLevels!: readonly RefillingLevel[];
  private maxConcurrent = Infinity;
  /** Taken and not given back, ever: the difference between two moments is what was drawn between them. */
  private drawnRequests = 0;
  private drawnTokens = 0;
  /** Reserved by calls that run. */
  private reservedRequests = 0;
  private reservedTokens = 0;

  /** @param mayOwe Whether a call that asks for more than there can ever be may go into debt for it. */
  constructor(
    public limits: SharedLimits,
    now: number,
    private readonly mayOwe = false,
  ) {
    this.reconfigure(limits, now);
  }

  reconfigure(limits: SharedLimits, now: number): void {
    const former = this.levels;
    const levels = new Map<Rate['name'], RefillingLevel>();
    for (const { name, limit, windowMs, burst } of limits.rates) {
      const perMs = limits.endsInMs === undefined ? limit / windowMs : 0;
      const level = former.get(name) ?? new RefillingLevel(perMs, burst, now);
      level.reconfigure(perMs, burst, now);
      levels.set(name, level);
    }
    const levelsOf = (unit: keyof Amounts): RefillingLevel[] =>
      limits.rates.flatMap((rate) => (rate.unit === unit ? [levels.get(rate.name) as RefillingLevel] : []));
    this.limits = limits;
    this.levels = levels;
    this.requestLevels = levelsOf('requests');
    this.tokenLevels = levelsOf('tokens');
    this.maxConcurrent = limits.maxConcurrent ?? Infinity;
  }

  take(lease: Holding, now: number): number {
    const waitMs = this.waitFor(lease, now);
    if (waitMs > 0) return waitMs;
    if (this.inFlight >= this.maxConcurrent) return Infinity;
    const { requests, tokens } = lease;
    this.draw(requests, tokens, now);
    this.reservedRequests += requests;
    this.reservedTokens += tokens;
    this.inFlight++;
    lease.heldBy = this;
    lease.admittedAt = lease.at = now;
    lease.drawnRequests = this.drawnRequests;
    lease.drawnTokens = this.drawnTokens;
    lease.tokensLeft = this.levelOf('tokens', now);
    lease.tokensRunning = this.reservedTokens;
    return 0;
  }

  settle({ requests, tokens }: Holding, usedRequests: number, usedTokens: number, now: number): void {
    this.inFlight--;
    // Set to zero, not subtracted to it: rounding must not add up.
    this.reservedRequests = this.inFlight === 0 ? 0 : this.reservedRequests - requests;
    this.reservedTokens = this.inFlight === 0 ? 0 : this.reservedTokens - tokens;
    this.draw(usedRequests - requests, usedTokens - tokens, now);
  }

  waitFor({ requests, tokens }: Amounts, now: number): number {
    const { mayOwe } = this;
    let waitMs = this.closedForMs(now);
    for (const level of this.requestLevels) {
      waitMs = Math.max(waitMs, level.waitFor(mayOwe ? Math.min(requests, level.capacity) : requests, now));
    }
    for (const level of this.tokenLevels) {
      waitMs = Math.max(waitMs, level.waitFor(mayOwe ? Math.min(tokens, level.capacity) : tokens, now));
    }
    return waitMs;
  }

  observe(
    requests: ReportedLimit | undefined,
    tokens: ReportedLimit | undefined,
    taken: TakenAt | undefined,
    now: number,
  ): void {
    // Where it came with no call of ours, calls that run are not in it.
    const arrivedAt = taken ? taken.at + TRANSIT_MS : now;
    const since = taken ?? {
      drawnRequests: this.drawnRequests - this.reservedRequests,
      drawnTokens: this.drawnTokens - this.reservedTokens,
    };
    const lowerEach = (unit: keyof Amounts, report: ReportedLimit | undefined, drawn: number): void =>
      lower(this.levels.get(reportedRate(this.limits, unit, report)), report, drawn, arrivedAt, now);
    lowerEach('requests', requests, this.drawnRequests - since.drawnRequests);
    lowerEach('tokens', tokens, this.drawnTokens - since.drawnTokens);
  }

  close(waitMs: number, now: number): void {
    this.closedUntil = Math.max(this.closedUntil, now + waitMs);
  }

  closedForMs(now: number): number {
    return this.closedUntil > now ? this.closedUntil - now : 0;
  }

  /** Takes over what another balance of the same limits is known to be. */
  adopt({ used, closedForMs, running }: SharedState, now: number): void {
    this.limits.rates.forEach(({ name, burst }, i) =>
      this.levels.get(name)?.setTo(burst - (used[i] ?? 0), now),
    );
    this.closedUntil = now + closedForMs;
    this.inFlight = running;
  }

  /** What is left of one rate; undefined when it is not limited. */
  levelOf(name: Rate['name'], now: number): number | undefined {
    return this.levels.get(name)?.levelAt(now);
  }

  isIdle(now: number): boolean {
    const isFull = (level: RefillingLevel): boolean => level.levelAt(now) === level.capacity;
    return (
      this.inFlight === 0 &&
      this.closedUntil <= now &&
      this.requestLevels.every(isFull) &&
      this.tokenLevels.every(isFull)
    );
  }

  snapshot(queued: number, now: number): BalanceSnapshot {
    const { limits } = this;
    const rates: { [Name in Rate['name']]?: RateSnapshot } = {};
    for (const { name, limit, burst } of limits.rates) {
      rates[name] = { available: readable(this.levelOf(name, now) ?? burst), limit, burst };
    }
    return {
      ...rates,
      concurrency: {
        inFlight: this.inFlight,
        ...(limits.maxConcurrent !== undefined && { limit: limits.maxConcurrent }),
      },
      queued,
      closedForMs: this.closedForMs(now),
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
  const elapsedMs = Math.max(0, now - at);
  level.lowerTo(remaining + elapsedMs * level.perMs - drawnSince, now);
  if (remaining > 0 || resetMs === undefined) return;
  // Nothing is left: the next unit comes at the provider's pace (`limit` units in `resetMs`), or else with the reset.
  level.lowerTo(1 - (resetMs / Math.max(1, limit ?? 1)) * level.perMs, now);
}

/** Without the noise of rounding. */
function readable(amount: number): number {
  return Math.round(amount * 1e6) / 1e6 + 0;
}
