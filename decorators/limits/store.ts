/** A number of requests and a number of tokens. */
export interface Amounts {
  readonly requests: number;
  readonly tokens: number;
}

/** One rate of a balance: `limit` units in `windowMs`, refilled steadily, of which at most `burst` can be there at once. */
export interface Rate {
  readonly name: 'requests' | 'tokens' | 'dailyRequests' | 'dailyTokens';
  /** Which of the two amounts of a call it counts. */
  readonly unit: keyof Amounts;
  readonly limit: number;
  readonly windowMs: number;
  readonly burst: number;
}

/** What holds for one balance. Each process tells its own with every request: none is kept in the store. */
export interface SharedLimits {
  readonly rates: readonly Rate[];
  /** Calls of all processes that may run at the same time. */
  readonly maxConcurrent: number | undefined;
  /**
   * The balance is that of one window, which ends in so many milliseconds: until then nothing is refilled, so nobody stands in line
   * for it, and afterwards it may be forgotten. Left out, rates are refilled steadily.
   */
  readonly endsInMs?: number | undefined;
}

/** What a provider reports of one of its limits. */
export interface ReportedLimit {
  readonly limit?: number | undefined;
  readonly remaining?: number | undefined;
  /** Milliseconds until the provider's own count is full again. */
  readonly resetMs?: number | undefined;
  /** How long its window is, where that is known. */
  readonly windowMs?: number | undefined;
}

/** The point in a balance's history from which a report of the provider counts. */
export interface Mark {
  /** The store's clock, in milliseconds. */
  readonly at: number;
  /** What had been taken and not given back, ever, at that moment. */
  readonly drawn: Amounts;
}

/** The state of a balance as the store has it. */
export interface SharedState extends Mark {
  /** What is used up of each rate, in the order of `SharedLimits.rates`; above `burst` it is a debt. */
  readonly used: readonly number[];
  /** For how long nobody is admitted, because the provider has asked to wait. */
  readonly closedForMs: number;
  /** Calls of all processes that run. */
  readonly running: number;
}

/** A process asks to admit calls. */
export interface TakeRequest {
  readonly limits: SharedLimits;
  /** What each call takes, in order of arrival. Empty: only `running` is told, and the place in line is given up. */
  readonly costs: readonly Amounts[];
  /** How many calls of this process run already. Outdated numbers of processes that have died are forgotten. */
  readonly running: number;
  /** The place in line that an earlier answer gave. */
  readonly place?: number | undefined;
  /** Grows with every request and settlement: those that arrive in another order than they were sent in are known by it. */
  readonly sequence?: number | undefined;
}

/** How many of them are admitted. */
export interface TakeAnswer extends SharedState {
  /** The first so many calls have taken what they need. */
  readonly granted: number;
  /** Milliseconds after which to ask again for the others: Infinity when only a call that ends can help. 0 when all were granted. */
  readonly waitMs: number;
  /** The place in line of the first that was not granted: to be told with the next request. */
  readonly place?: number | undefined;
}

/** Calls have ended that took `reserved`, and have used `used`, all together. */
export interface Settlement {
  readonly limits: SharedLimits;
  /** How many. Default 1. */
  readonly calls?: number | undefined;
  readonly reserved: Amounts;
  readonly used: Amounts;
  /** As in `TakeRequest`: what a later request has told of running calls stands. */
  readonly sequence?: number | undefined;
}

/** The provider's account of its limits, as it stood when it saw the call that was admitted at `since`. */
export interface ProviderReport {
  readonly limits: SharedLimits;
  readonly requests?: ReportedLimit | undefined;
  readonly tokens?: ReportedLimit | undefined;
  /** Left out where no call of ours brought the report: then it counts from now. */
  readonly since?: Mark | undefined;
}

/**
 * Where limiters keep the balances that several processes share; `keelson/redis` has one. Every operation is atomic, and
 * rejects when the store cannot answer. All times are by one clock, that of the store. The limiter
 * in front of it keeps the order of arrival within a process, bounds the time of every answer and decides what
 * holds meanwhile; the store keeps the order between processes: whoever was refused has a place in line, and nobody
 * passes him.
 */
export interface LimiterStore {
  /** How long an answer may take, in milliseconds, before the store counts as down. */
  readonly timeoutMs: number;
  /** What holds while the store is down: this process's share of the limits, no limits, or no calls. */
  readonly whenDown: 'local' | 'open' | 'closed';
  /** The share of every limit that this process keeps to while the store is down, above 0 and up to 1. */
  readonly localShare: number;
  /** How often a process with running calls has to tell so (`take` without costs), in milliseconds. */
  readonly keepAliveMs: number;
  /**
   * The store as one limiter uses it: what runs and waits is counted for each by itself, also where several limiters of a process
   * were given the same store. Default: the store itself, which then serves one limiter.
   */
  forLimiter?(): LimiterStore;
  /** False while it is known not to answer, so that nobody needs to wait to see. */
  isReady?(): boolean;
  take(key: string, request: TakeRequest): Promise<TakeAnswer>;
  settle(key: string, settlement: Settlement): Promise<SharedState>;
  /** Lowers what is left to what the provider reports; it is never raised. */
  observe(key: string, report: ProviderReport): Promise<SharedState>;
  /** Admits nobody for `closedForMs`; an earlier, longer pause stays. */
  pause(key: string, closedForMs: number): Promise<void>;
  /** Calls `listener` when something was given back and this process is the first in line for `key`. Ends by the function returned. */
  onWake(key: string, listener: () => void): () => void;
}
