import { hostOf } from '../pipeline/host.js';
import { checkOptions, rules } from '../pipeline/options.js';
import { processWide } from '../pipeline/shared.js';
import { RecentCounts } from './recent-counts.js';

/** How many retries an object may make, over all its calls. */
export interface RetryBudgetOptions {
  /** Retries allowed for each call, on average. Default 0.2. */
  ratio?: number;
  /** Retries a second that are allowed in any case, for a client with few calls. Default 10. */
  minPerSecond?: number;
}

/** What the option `budget` of a policy must be. */
export function budgetRule(value: unknown): string | undefined {
  if (value === false || (typeof value === 'object' && value !== null)) return undefined;
  return 'give an object or false';
}

/** Throws a `TypeError` for bad options of a budget. */
export function checkBudgetOptions(options: RetryBudgetOptions, where: string): void {
  const table = { ratio: rules.notNegative, minPerSecond: rules.notNegative };
  checkOptions(options, table, `${where}, budget`);
}

const WINDOW_SECONDS = 10;

/** A retry budget as one policy sees it. */
export interface RetryBudget {
  countCall(): void;
  /** Whether one more retry fits; if so, it is counted. */
  takeRetry(): boolean;
}

class SharedBudget implements RetryBudget {
  constructor(
    private readonly counts: RecentCounts,
    private readonly options: RetryBudgetOptions,
  ) {}

  countCall(): void {
    this.counts.countCall();
  }

  takeRetry(): boolean {
    const { ratio = 0.2, minPerSecond = 10 } = this.options;
    const { calls, extras } = this.counts.read();
    if (extras + 1 > minPerSecond * WINDOW_SECONDS + ratio * calls) return false;
    this.counts.countExtra();
    return true;
  }
}

const countsOf = processWide('retryBudgets', () => new WeakMap<object, RecentCounts>());

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
  if (!counts) countsOf.set(owner, (counts = new RecentCounts(WINDOW_SECONDS)));
  return new SharedBudget(counts, options);
}
