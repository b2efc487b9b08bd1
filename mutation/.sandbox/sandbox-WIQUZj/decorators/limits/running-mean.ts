/** A mean that begins with a guess, learns fast at first and then follows the last ten or so (exponential moving average). */
// @ts-nocheck

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
/** How many mean deviations are added: few samples lie above. */
const DEVIATIONS = 2;
const LEAST = 0.25;
const MOST = 4;

/** By what factor estimates have to be raised or lowered so that few are too low. Sums, in which a large call counts for more. */
export class EstimateFactor {
  private actual = TRUST_TOKENS;
  private estimated = TRUST_TOKENS;
  private deviation = 0;

  add(actual: number, estimated: number): void {
    const off = Math.abs(actual - estimated * this.mean);
    this.actual = this.actual * DECAY + actual;
    this.deviation = this.deviation * DECAY + off;
    this.estimated = this.estimated * DECAY + estimated;
  }

  get value(): number {
    const factor = this.mean + (DEVIATIONS * this.deviation) / this.estimated;
    return Math.min(MOST, Math.max(LEAST, factor));
  }

  private get mean(): number {
    return this.actual / this.estimated;
  }
}
