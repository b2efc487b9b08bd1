import type { Call } from '../pipeline/call.js';
import { runtime } from '../pipeline/runtime.js';
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

  constructor(readonly store: LimiterStore) {}

  /** Whether to do without it: it has failed, and it is too soon to try again. */
  isDown(now: number): boolean {
    return this.failure !== undefined && now < this.askAgainAt;
  }

  /**
   * The answer of the store, or undefined when it has none within its time, or is down. Never rejects. `call` is for whom it is
   * asked: it tells those who listen when the store goes down or comes up.
   */
  run<T>(operation: (store: LimiterStore) => Promise<T>, call?: Call): Promise<T | undefined> {
    const { store } = this;
    if (this.isDown(runtime().now())) return Promise.resolve(undefined);
    if (store.isReady?.() === false) {
      this.fail(new Error('The connection to the store is not ready.'), call);
      return Promise.resolve(undefined);
    }
    return new Promise((resolve) => {
      const end = (answer: T | undefined): void => {
        cancelTimer();
        resolve(answer);
      };
      const fail = (error: unknown): void => {
        this.fail(error, call);
        end(undefined);
      };
      const cancelTimer = runtime().setTimer(
        () => fail(new Error(`The store has not answered within ${store.timeoutMs} ms (timeoutMs).`)),
        store.timeoutMs,
      );
      operation(store).then((answer) => {
        this.succeed(call);
        end(answer);
      }, fail);
    });
  }

  private fail(error: unknown, call: Call | undefined): void {
    const wasUp = this.failure === undefined;
    const now = runtime().now();
    this.failure = error ?? new Error('The store failed.');
    if (wasUp) this.pauseMs = FIRST_PAUSE_MS;
    // Several that were under way fail together: they count as one.
    else if (now >= this.askAgainAt) this.pauseMs = Math.min(2 * this.pauseMs, LONGEST_PAUSE_MS);
    this.askAgainAt = now + this.pauseMs;
    if (wasUp) call?.emit({ type: 'store', state: 'down', error: storeUnavailable(call, error) });
  }

  private succeed(call: Call | undefined): void {
    if (this.failure === undefined) return;
    this.failure = undefined;
    call?.emit({ type: 'store', state: 'up' });
  }
}
