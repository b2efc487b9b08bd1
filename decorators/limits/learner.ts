import type { RateLimitInfo, RateLimitWindow } from '../errors/index.js';
import { currentTime } from '../pipeline/runtime.js';
import type { LimitNumbers } from './limiter-options.js';
import { DAY_MS, limitsOf, MINUTE_MS } from './rates.js';
import { ReportedWindow } from './reported-window.js';
import type { SharedLimits } from './store.js';

/** Calls at a time before anything is known; every success adds one, which doubles them in each round (TCP's slow start). */
const FIRST_CALLS = 10;
/** Additive increase, multiplicative decrease (AIMD): what is left of the rate after the provider has refused. */
const DECREASE = 0.7;
/** In how many milliseconds the rate is back where it was, and goes on rising. */
const RECOVERY_MS = 30_000;
/** A rate is measured over no less than this. */
const SHORTEST_MEASURE_MS = 1000;
const LEAST_PER_MINUTE = 1;
/** Taken for the rate where nothing has been measured. */
const UNKNOWN_PER_MINUTE = 60;
/** A rate is measured over the time in use: after such a pause anew, and of a longer time the older half counts half. */
const PAUSE_MS = 10_000;
const LONGEST_MEASURE_MS = 60_000;

/** A rate that is felt out. */
interface FeltRate {
  readonly perMinute: number;
  /** Where it was before it was lowered, at `loweredAt`. */
  readonly formerPerMinute: number;
  readonly loweredAt: number;
}

/**
 * Finds the limits of one key. They are what the provider reports; where it reports none, its refusals lower the rate
 * of requests, and time without refusals raises it. Numbers that the user gives are never exceeded.
 */
export class Learner {
  private readonly windows = { requests: new ReportedWindow(), tokens: new ReportedWindow() };
  private reported: LimitNumbers = {};
  private felt: FeltRate | undefined = undefined;
  private callsAtOnce = FIRST_CALLS;
  /** Since when successes are counted, and how many there were. */
  private measuredSince = currentTime();
  private successes = 0;
  private lastSuccessAt = currentTime();

  constructor(
    private given: LimitNumbers,
    private readonly onChange: (limits: SharedLimits) => void,
  ) {}

  /** What is in force now. */
  get limits(): SharedLimits {
    const { felt } = this;
    const known = lower(withBursts(this.given), withBursts(this.reported));
    if (this.knowsRequests) return limitsOf(known);
    if (!felt) return limitsOf(lower(known, { maxConcurrent: this.callsAtOnce }));
    const burst = Math.max(1, felt.perMinute / 60);
    return limitsOf(lower(known, { requestsPerMinute: felt.perMinute, requestBurst: burst }));
  }

  /** Takes other numbers from the user. */
  give(numbers: LimitNumbers): void {
    this.given = numbers;
    this.onChange(this.limits);
  }

  /** Takes over the limits that the provider reports; says whether they are others than before. */
  read({ requests, tokens }: RateLimitInfo): boolean {
    const reported: LimitNumbers = {
      ...this.reported,
      ...numbersOf('requests', requests, this.windows.requests),
      ...numbersOf('tokens', tokens, this.windows.tokens),
    };
    const isNew = JSON.stringify(reported) !== JSON.stringify(this.reported);
    this.reported = reported;
    if (isNew) this.onChange(this.limits);
    return isNew;
  }

  /** A call that was admitted at `admittedAt` was refused for being too much. */
  throttled(admittedAt: number): void {
    const now = currentTime();
    // Calls that were under way together are refused together, for the same rate.
    const { felt } = this;
    if (this.knowsRequests || (felt && admittedAt <= felt.loweredAt)) return;
    let formerPerMinute = this.measured(now);
    // What was felt out is not given up for a time in which little was asked for.
    if (felt)
      formerPerMinute = Math.min(felt.perMinute, Math.max(formerPerMinute, felt.perMinute * DECREASE));
    formerPerMinute = Math.max(LEAST_PER_MINUTE, formerPerMinute);
    const perMinute = Math.max(LEAST_PER_MINUTE, formerPerMinute * DECREASE);
    this.felt = { perMinute, formerPerMinute, loweredAt: now };
    this.measuredSince = now;
    this.successes = 0;
    this.onChange(this.limits);
  }

  /** A call has succeeded. */
  succeeded(): void {
    const { felt } = this;
    this.count(currentTime());
    if (this.knowsRequests) return;
    if (felt) {
      const recovered = (currentTime() - felt.loweredAt) / RECOVERY_MS;
      const perMinute = felt.formerPerMinute * (DECREASE + (1 - DECREASE) * recovered);
      this.felt = { ...felt, perMinute: Math.max(felt.perMinute, perMinute) };
    } else this.callsAtOnce++;
    this.onChange(this.limits);
  }

  /** How long the window of a reported limit is, where that is known by now. */
  windowMsOf(dimension: 'requests' | 'tokens'): number | undefined {
    return this.windows[dimension].windowMs;
  }

  /** Whether anything has been found out. */
  get knowsAny(): boolean {
    return this.felt !== undefined || Object.keys(this.reported).length > 0;
  }

  private get knowsRequests(): boolean {
    const { requestsPerMinute, requestsPerDay } = this.reported;
    return requestsPerMinute !== undefined || requestsPerDay !== undefined;
  }

  private count(now: number): void {
    if (now - this.lastSuccessAt > PAUSE_MS) {
      this.measuredSince = now;
      this.successes = 0;
    } else if (now - this.measuredSince > LONGEST_MEASURE_MS) {
      this.measuredSince = (this.measuredSince + now) / 2;
      this.successes /= 2;
    }
    this.lastSuccessAt = now;
    this.successes++;
  }

  private measured(now: number): number {
    if (this.successes === 0) return UNKNOWN_PER_MINUTE;
    const until = now - this.lastSuccessAt > PAUSE_MS ? this.lastSuccessAt : now;
    return (this.successes * MINUTE_MS) / Math.max(SHORTEST_MEASURE_MS, until - this.measuredSince);
  }
}

/** With the bursts that are meant where none are given: a minute's worth. */
function withBursts(numbers: LimitNumbers): LimitNumbers {
  const { requestsPerMinute, tokensPerMinute, requestBurst, tokenBurst } = numbers;
  return {
    ...numbers,
    requestBurst: requestBurst ?? requestsPerMinute,
    tokenBurst: tokenBurst ?? tokensPerMinute,
  };
}

/** What `window` says of the numbers of one dimension; nothing while its length is not known. */
function numbersOf(
  dimension: 'requests' | 'tokens',
  window: RateLimitWindow | undefined,
  reader: ReportedWindow,
): LimitNumbers {
  const limit = window?.limit;
  const windowMs = window && reader.read(window);
  if (limit === undefined || limit <= 0 || windowMs === undefined) return {};
  const isDay = windowMs === DAY_MS;
  const perMinute = isDay ? undefined : (limit * MINUTE_MS) / windowMs;
  const perDay = isDay ? limit : undefined;
  const burst = isDay ? undefined : limit;
  return dimension === 'requests'
    ? { requestsPerMinute: perMinute, requestBurst: burst, requestsPerDay: perDay }
    : { tokensPerMinute: perMinute, tokenBurst: burst, tokensPerDay: perDay };
}

/** The lower of two numbers for everything that either limits. */
function lower(a: LimitNumbers, b: LimitNumbers): LimitNumbers {
  const names = [...Object.keys(a), ...Object.keys(b)] as (keyof LimitNumbers)[];
  const least = names.map((name) => [name, Math.min(a[name] ?? Infinity, b[name] ?? Infinity)] as const);
  return Object.fromEntries(least.filter(([, value]) => value < Infinity));
}
