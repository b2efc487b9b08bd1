/** What a window holds: calls that have ended, and how many of these failed and were slow. */
export interface Counts {
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
}

/** How a call went, as far as a circuit counts it. */
export interface Result {
  readonly failed: boolean;
  readonly slow: boolean;
}

/** The results that a circuit judges by. */
export interface Window {
  add(result: Result, now: number): void;
  /** What it holds at `now`. */
  counts(now: number): Counts;
}

const add = (counts: Counts, { failed, slow }: Result, sign: 1 | -1 = 1): Counts => ({
  calls: counts.calls + sign,
  failures: counts.failures + (failed ? sign : 0),
  slow: counts.slow + (slow ? sign : 0),
});

/** Nothing counted. */
export const NONE: Counts = { calls: 0, failures: 0, slow: 0 };

/** The counts with one result more. */
export function plus(counts: Counts, result: Result): Counts {
  return add(counts, result);
}

/** The last `size` results, however old: a ring with running totals. */
export class CountWindow implements Window {
  private readonly ring: Result[] = [];
  private oldest = 0;
  private totals = NONE;

  constructor(private readonly size: number) {}

  add(result: Result): void {
    const { ring, oldest } = this;
    const leaving = ring[oldest];
    if (leaving) this.totals = add(this.totals, leaving, -1);
    ring[oldest] = result;
    this.oldest = (oldest + 1) % this.size;
    this.totals = add(this.totals, result);
  }

  counts(): Counts {
    return this.totals;
  }
}

/** Into how many parts a window of time is divided: results leave it a part at a time. */
export const BUCKETS = 10;

/** The results of the last `windowMs`: a ring of buckets with running totals. Every bucket whose time has passed is emptied, however many. */
export class TimeWindow implements Window {
  private readonly bucketMs: number;
  private readonly buckets = new Array<Counts>(BUCKETS).fill(NONE);
  /** The number of the newest bucket since the clock began. */
  private newest = 0;
  private totals = NONE;

  constructor(windowMs: number) {
    this.bucketMs = windowMs / BUCKETS;
  }

  add(result: Result, now: number): void {
    this.advance(now);
    const slot = this.newest % BUCKETS;
    this.buckets[slot] = add(this.buckets[slot] ?? NONE, result);
    this.totals = add(this.totals, result);
  }

  counts(now: number): Counts {
    this.advance(now);
    return this.totals;
  }

  private advance(now: number): void {
    const number = Math.floor(now / this.bucketMs);
    const passed = Math.min(number - this.newest, BUCKETS);
    for (let i = 0; i < passed; i++) {
      const slot = (number - i) % BUCKETS;
      const { calls, failures, slow } = this.buckets[slot] ?? NONE;
      const { totals } = this;
      this.totals = {
        calls: totals.calls - calls,
        failures: totals.failures - failures,
        slow: totals.slow - slow,
      };
      this.buckets[slot] = NONE;
    }
    this.newest = number;
  }
}
