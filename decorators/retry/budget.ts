import { hostOf } from '../pipeline/host.js';
import { runtime } from '../pipeline/runtime.js';
import { processWide } from '../pipeline/shared.js';

/** How many retries an object may make, over all its calls. */
export interface RetryBudgetOptions {
  /** Retries allowed for each call, on average. Default 0.2. */
  ratio?: number;
  /** Retries a second that are allowed in any case, for a client with few calls. Default 10. */
  minPerSecond?: number;
}

const WINDOW_SECONDS = 10;

/** Calls and retries of the last ten seconds, in a ring of seconds. */
class RetryCounts {
  private readonly calls = new Array<number>(WINDOW_SECONDS).fill(0);
  private readonly retries = new Array<number>(WINDOW_SECONDS).fill(0);
  private second = Math.floor(runtime().now() / 1000);
  private callsInWindow = 0;
  private retriesInWindow = 0;

  countCall(): void {
    const slot = this.advance();
    this.calls[slot] = (this.calls[slot] ?? 0) + 1;
    this.callsInWindow++;
  }

  /** Counts a retry if there is room for it. */
  takeRetry({ ratio = 0.2, minPerSecond = 10 }: RetryBudgetOptions): boolean {
    const slot = this.advance();
    if (this.retriesInWindow + 1 > minPerSecond * WINDOW_SECONDS + ratio * this.callsInWindow) return false;
    this.retries[slot] = (this.retries[slot] ?? 0) + 1;
    this.retriesInWindow++;
    return true;
  }

  /** Empties the slots of the seconds that have passed; gives the present one. */
  private advance(): number {
    const now = Math.floor(runtime().now() / 1000);
    const passed = Math.min(Math.max(now - this.second, 0), WINDOW_SECONDS);
    for (let i = 1; i <= passed; i++) {
      const slot = (this.second + i) % WINDOW_SECONDS;
      this.callsInWindow -= this.calls[slot] ?? 0;
      this.retriesInWindow -= this.retries[slot] ?? 0;
      this.calls[slot] = this.retries[slot] = 0;
    }
    this.second = Math.max(now, this.second);
    return ((this.second % WINDOW_SECONDS) + WINDOW_SECONDS) % WINDOW_SECONDS;
  }
}

/** A retry budget as one policy sees it. */
export interface RetryBudget {
  countCall(): void;
  /** Whether one more retry fits; if so, it is counted. */
  takeRetry(): boolean;
}

class SharedBudget implements RetryBudget {
  constructor(
    private readonly counts: RetryCounts,
    private readonly options: RetryBudgetOptions,
  ) {}

  countCall(): void {
    this.counts.countCall();
  }

  takeRetry(): boolean {
    return this.counts.takeRetry(this.options);
  }
}

const countsOf = processWide('retryBudgets', () => new WeakMap<object, RetryCounts>());

/**
 * The budget for further attempts on `self`, which retries, hedges and fallbacks draw on; clients of one provider and key
 * share it, other objects have their own. Over the last ten seconds there may be `ratio` retries for each call and
 * `minPerSecond` for each second besides, after Finagle's RetryBudget.
 */
export function retryBudgetOf(
  self: object,
  options: RetryBudgetOptions | false = {},
): RetryBudget | undefined {
  if (options === false) return undefined;
  const owner = hostOf(self)?.retryBudgetOwner?.() ?? self;
  let counts = countsOf.get(owner);
  if (!counts) countsOf.set(owner, (counts = new RetryCounts()));
  return new SharedBudget(counts, options);
}
