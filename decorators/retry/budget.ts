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

const countsOf = processWide('retryBudgets', () => new WeakMap<object, RecentCounts>());

/** What is counted for `self`: clients of one provider and key share it, other objects have their own. */
function countsFor(self: object): RecentCounts {
  const owner = hostOf(self)?.retryBudgetOwner?.() ?? self;
  let counts = countsOf.get(owner);
  if (!counts) countsOf.set(owner, (counts = new RecentCounts(WINDOW_SECONDS)));
  return counts;
}

/** Counts a call of `self`: its further attempts are a share of these. */
export function countCall(self: object, budget: RetryBudgetOptions | false | undefined): void {
  if (budget !== false) countsFor(self).countCall();
}

/**
 * Whether one more attempt fits into the budget of `self`, which retries, hedges and fallbacks draw on; if so, it is counted.
 * Over the last ten seconds there may be `ratio` for each call and `minPerSecond` for each second besides, after Finagle's
 * RetryBudget.
 */
export function takeRetry(self: object, budget: RetryBudgetOptions | false = {}): boolean {
  if (budget === false) return true;
  const { ratio = 0.2, minPerSecond = 10 } = budget;
  const counts = countsFor(self);
  const { calls, extras } = counts.read();
  if (extras + 1 > minPerSecond * WINDOW_SECONDS + ratio * calls) return false;
  counts.countExtra();
  return true;
}
