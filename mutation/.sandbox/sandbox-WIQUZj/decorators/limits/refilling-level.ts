/** A wait below this counts as over: what rounding leaves must not cost another timer. */
// @ts-nocheck

const NEGLIGIBLE_MS = 1e-3;

/** The delay of a timer for `waitMs`: timers count whole milliseconds, and one that fires early fires in vain. */
export function timerDelay(waitMs: number): number {
  return Math.max(1, Math.ceil(waitMs - NEGLIGIBLE_MS));
}

/**
 * The arithmetic of a token bucket: a level that rises steadily up to its capacity. It is brought up to date when
 * it is looked at, so it needs no timer. Below zero it is a debt, which the refill pays off first.
 */
export class RefillingLevel {
  private level: number;

  constructor(
    public perMs: number,
    public capacity: number,
    private at: number,
  ) {
    this.level = capacity;
  }

  /** Changes rate and capacity. What was used up stays used up: the level moves with the capacity. */
  reconfigure(perMs: number, capacity: number, now: number): void {
    this.level = this.levelAt(now) + capacity - this.capacity;
    this.perMs = perMs;
    this.capacity = capacity;
  }

  /** The level at `now`. */
  levelAt(now: number): number {
    if (now > this.at) {
      const level = this.level + (now - this.at) * this.perMs;
      this.level = level < this.capacity ? level : this.capacity;
    }
    this.at = now;
    return this.level;
  }

  /** Milliseconds from `now` until `amount` is there; 0 when it is. */
  waitFor(amount: number, now: number): number {
    const missing = amount - this.levelAt(now);
    if (missing <= 0) return 0;
    const waitMs = missing / this.perMs;
    return waitMs <= NEGLIGIBLE_MS ? 0 : waitMs;
  }

  /** Takes `amount`, as debt when it is not there; a negative amount gives back. */
  take(amount: number, now: number): void {
    this.level = Math.min(this.levelAt(now) - amount, this.capacity);
  }

  /** Sets the level to what is known of it from elsewhere. */
  setTo(level: number, now: number): void {
    this.at = now;
    this.level = Math.min(level, this.capacity);
  }

  /** Lowers the level; it is never raised. */
  lowerTo(level: number, now: number): void {
    if (level < this.levelAt(now)) this.level = level;
  }
}
