/** Within this time a measurement loses most of its weight. */
const DECAY_MS = 10_000;

/**
 * A running mean of latencies that believes a slow answer at once and forgets it slowly: what is measured above the mean
 * replaces it, what is below pulls it down by 1 − e^(−Δt ÷ decay). After the peak EWMA of Finagle's load balancers.
 */
export class PeakEwma {
  private mean = 0;
  private measuredAt: number | undefined = undefined;

  add(latencyMs: number, now: number): void {
    const before = this.measuredAt;
    if (before === undefined || latencyMs >= this.mean) this.mean = latencyMs;
    else {
      const weight = Math.exp(-(now - before) / DECAY_MS);
      this.mean = this.mean * weight + latencyMs * (1 - weight);
    }
    this.measuredAt = now;
  }

  /** The mean as far as it is still believed at `now`: a route that nobody uses is worth another look in time. */
  at(now: number): number {
    return this.measuredAt === undefined
      ? 0
      : this.mean * Math.exp(-(now - this.measuredAt) / (6 * DECAY_MS));
  }
}
