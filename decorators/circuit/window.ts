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
  /** What it holds at `now`; it goes on counting in what it gives. */
  counts(now: number): Counts;
}

/** Counts that change. */
export class Tally implements Counts {
  calls = 0;
  failures = 0;
  slow = 0;

  add({ failed, slow }: Result, sign: 1 | -1 = 1): void {
    this.calls += sign;
    if (failed) this.failures += sign;
    if (slow) this.slow += sign;
  }

  subtract({ calls, failures, slow }: Counts): void {
    this.calls -= calls;
    this.failures -= failures;
    this.slow -= slow;
  }

  clear(): void {
    this.calls = this.failures = this.slow = 0;
  }
}

/** The last `size` results, however old: a ring with running totals. */
export class CountWindow implements Window {
  private readonly ring: Result[] = [];
  private oldest = 0;
  private readonly totals = new Tally();

  constructor(private readonly size: number) {}

  add(result: Result): void {
    const { ring, oldest, totals } = this;
    const leaving = ring[oldest];
    if (leaving) totals.add(leaving, -1);
    ring[oldest] = result;
    this.oldest = (oldest + 1) % this.size;
    totals.add(result);
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
  private readonly buckets = Array.from({ length: BUCKETS }, () => new Tally());
  /** The number of the newest bucket since the clock began. */
  private newest = 0;
  private readonly totals = new Tally();

  constructor(windowMs: number) {
    this.bucketMs = windowMs / BUCKETS;
  }

  add(result: Result, now: number): void {
    this.advance(now);
    this.buckets[this.newest % BUCKETS]?.add(result);
    this.totals.add(result);
  }

  counts(now: number): Counts {
    this.advance(now);
    return this.totals;
  }

  private advance(now: number): void {
    const number = Math.floor(now / this.bucketMs);
    const passed = Math.min(number - this.newest, BUCKETS);
    for (let i = 0; i < passed; i++) {
      const bucket = this.buckets[(number - i) % BUCKETS] as Tally;
      this.totals.subtract(bucket);
      bucket.clear();
    }
    this.newest = number;
  }
}
