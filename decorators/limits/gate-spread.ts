import { runtime } from '../pipeline/runtime.js';

/** After the provider has asked to wait, those who waited return within this share of the time, but not much later. */
const SPREAD = 0.1;
const LONGEST_SPREAD_MS = 1000;

/** Lets those who waited for a gate to open return one after the other, and not as a burst. */
export class GateSpread {
  /** Time within which they return, until the first does; from then on the mean step from one to the next. */
  private spreadMs = 0;
  private stepMs = 0;
  private heldUntil = 0;

  /** Whether those who return have to take turns. */
  get isOn(): boolean {
    return this.spreadMs > 0 || this.stepMs > 0;
  }

  /** The gate is closed for `waitMs`; returns a moment to be added, different in each process. */
  begin(waitMs: number): number {
    this.spreadMs = Math.min(waitMs * SPREAD, LONGEST_SPREAD_MS);
    return runtime().random() * this.spreadMs;
  }

  /** Milliseconds until the next may go. */
  heldForMs(now: number): number {
    return this.heldUntil > now ? this.heldUntil - now : 0;
  }

  /** One of `waiting` goes: the next is held up for a random moment. */
  step(waiting: number, now: number): void {
    if (this.spreadMs > 0) {
      this.stepMs = (2 * this.spreadMs) / waiting;
      this.spreadMs = 0;
    }
    if (this.stepMs > 0) this.heldUntil = Math.max(this.heldUntil, now) + runtime().random() * this.stepMs;
  }

  /** Nobody waits any more. */
  end(): void {
    this.spreadMs = this.stepMs = this.heldUntil = 0;
  }
}
