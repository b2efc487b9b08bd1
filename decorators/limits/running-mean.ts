/** A mean that begins with a guess, learns fast at first and then follows the last ten or so (exponential moving average). */
export class RunningMean {
  private count = 1;

  constructor(public value: number) {}

  add(sample: number): void {
    this.count = Math.min(this.count + 1, 10);
    this.value += (sample - this.value) / this.count;
  }
}

/** How much of an old sample is left when the next one comes: the last twenty or so count. */
const DECAY = 0.95;
/** The weight of the guess that estimates are right, in tokens. */
const TRUST_TOKENS = 500;
const LEAST = 0.25;
const MOST = 4;

/** By what factor estimates are off: a ratio of sums, in which a large call counts for more than a small one. */
export class RunningRatio {
  private actual = TRUST_TOKENS;
  private estimated = TRUST_TOKENS;

  add(actual: number, estimated: number): void {
    this.actual = this.actual * DECAY + actual;
    this.estimated = this.estimated * DECAY + estimated;
  }

  get value(): number {
    return Math.min(MOST, Math.max(LEAST, this.actual / this.estimated));
  }
}
