import type { Lease } from './lease.js';
import { WaitList, type Linked } from './wait-list.js';

/** A call that waits to be admitted. */
export interface Waiter extends Linked<Waiter> {
  readonly lease: Lease;
  readonly arrivedAt: number;
  readonly deadline: number;
  /** Whether it has been answered. */
  gone: boolean;
  /** Whether its wait was found short enough, when it came or when a shared balance was first asked for it. */
  checked: boolean;
  readonly grant: () => void;
  readonly refuse: (error: unknown) => void;
}

/** The calls that wait, in order of arrival, and what all of them ask for. */
export class Waiters extends WaitList<Waiter> {
  requests = 0;
  tokens = 0;

  override push(waiter: Waiter): void {
    super.push(waiter);
    this.requests += waiter.lease.requests;
    this.tokens += waiter.lease.tokens;
  }

  override remove(waiter: Waiter): void {
    super.remove(waiter);
    waiter.gone = true;
    const empty = this.size === 0;
    // Set to zero, not subtracted to it: rounding must not add up.
    this.requests = empty ? 0 : this.requests - waiter.lease.requests;
    this.tokens = empty ? 0 : this.tokens - waiter.lease.tokens;
  }
}
