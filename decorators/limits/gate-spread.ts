import { currentTime, runtime } from '../pipeline/runtime.js';

/** After the provider has asked to wait, those who waited return within this share of the time, but not much later. */
const SPREAD = 0.1;
const LONGEST_SPREAD_MS = 1000;

/** Lets those who waited for a gate to open return one after the other, and not as a burst. It ends by itself. */
export class GateSpread {
  /** Time within which they return, until the first does; from then on the mean step from one to the next. */
  private spreadMs = 0;
  private stepMs = 0;
  private heldUntil = -Infinity;
  private endsAt = -Infinity;

  /** Whether those who return have to take turns. */
  isOn(now: number): boolean {
    return now < this.endsAt;
  }

  /** The gate is closed for `waitMs`; returns a moment to be added, different in each process. */
  begin(waitMs: number): number {
    this.spreadMs = Math.min(waitMs * SPREAD, LONGEST_SPREAD_MS);
    this.stepMs = 0;
    const moreMs = runtime().random() * this.spreadMs;
    this.endsAt = currentTime() + waitMs + moreMs + this.spreadMs;
    return moreMs;
  }

  /** Milliseconds until the next may go. */
  heldForMs(now: number): number {
    return Math.max(0, Math.min(this.heldUntil, this.endsAt) - now);
  }

  /** One of `waiting` goes: the next is held up for a random moment. */
  step(waiting: number, now: number): void {
    if (!this.isOn(now)) return;
    if (this.spreadMs > 0) {
      this.stepMs = (2 * this.spreadMs) / waiting;
      this.spreadMs = 0;
    }
    this.heldUntil = Math.max(this.heldUntil, now) + runtime().random() * this.stepMs;
  }

  /** Nobody waits any more. */
  end(): void {
    this.endsAt = -Infinity;
  }
}
