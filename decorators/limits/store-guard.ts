import type { Call } from '../pipeline/call.js';
import { currentTime, runtime } from '../pipeline/runtime.js';
import { storeUnavailable } from './refusals.js';
import type { LimiterStore } from './store.js';

/** After a failure the store is left alone for so long, doubled with every further one. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 10_000;

/** What stands between a limiter and its store: bounds the time of every answer, and knows whether the store is down. */
export class StoreGuard {
  /** What it failed with when it was last asked; undefined while it answers. */
  failure: unknown;
  private pauseMs = FIRST_PAUSE_MS;
  private askAgainAt = -Infinity;
  private told: 'up' | 'down' = 'up';

  constructor(readonly store: LimiterStore) {}

  /** Whether to do without it: it has failed, and it is too soon to try again. */
  isDown(now: number): boolean {
    return this.failure !== undefined && now < this.askAgainAt;
  }

  /**
   * The answer of the store, or undefined when it has none within its time, or is down. Never rejects.
   *
   * @param how.call For whom the store is asked: it tells those who listen when the store goes down or comes up.
   * @param how.onUnsent Called when the operation has certainly not been carried out.
   * @param how.onLate Called with an answer that came when nobody waited for it any more.
   */
  run<T>(
    operation: (store: LimiterStore) => Promise<T>,
    how: { call?: Call | undefined; onUnsent?: () => void; onLate?: (answer: T) => void } = {},
  ): Promise<T | undefined> {
    const { store } = this;
    const { call, onUnsent, onLate } = how;
    const isReady = store.isReady?.() !== false;
    if (this.isDown(currentTime()) || !isReady) {
      if (!isReady) this.fail(new Error('The connection to the store is not ready.'), call);
      onUnsent?.();
      return Promise.resolve(undefined);
    }
    return new Promise((resolve) => {
      let isOver = false;
      const end = (answer: T | undefined): void => {
        isOver = true;
        cancelTimer();
        resolve(answer);
      };
      const fail = (error: unknown): void => {
        if (isOver) return;
        this.fail(error, call);
        end(undefined);
      };
      const cancelTimer = runtime().setTimer(
        () => fail(new Error(`The store has not answered within ${store.timeoutMs} ms (timeoutMs).`)),
        store.timeoutMs,
      );
      begin(operation, store).then(
        (answer) => {
          // Too late is as good as never: it does not make the store one that answers.
          if (isOver) return onLate?.(answer);
          this.succeed(call);
          end(answer);
        },
        (error: unknown) => {
          if (!isOver) onUnsent?.();
          fail(error);
        },
      );
    });
  }

  private fail(error: unknown, call: Call | undefined): void {
    const wasUp = this.failure === undefined;
    const now = currentTime();
    this.failure = error ?? new Error('The store failed.');
    if (wasUp) this.pauseMs = FIRST_PAUSE_MS;
    // Several that were under way fail together: they count as one.
    else if (now >= this.askAgainAt) this.pauseMs = Math.min(2 * this.pauseMs, LONGEST_PAUSE_MS);
    this.askAgainAt = now + this.pauseMs;
    this.tell(call);
  }

  private succeed(call: Call | undefined): void {
    this.failure = undefined;
    this.tell(call);
  }

  /** Tells of a change, as soon as there is a call by which to tell it. */
  private tell(call: Call | undefined): void {
    const state = this.failure === undefined ? 'up' : 'down';
    if (!call || state === this.told) return;
    this.told = state;
    const error = state === 'down' && storeUnavailable(call, this.failure);
    call.emit({ type: 'store', state, ...(error && { error }) });
  }
}

/** A store may throw at once what it should reject with. */
async function begin<T>(operation: (store: LimiterStore) => Promise<T>, store: LimiterStore): Promise<T> {
  return operation(store);
}
