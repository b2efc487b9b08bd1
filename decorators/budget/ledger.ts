import type { Call } from '../pipeline/call.js';
import type { CapState, Claim } from './refusals.js';

/** What a call holds of one cap; to be settled once. */
export interface Hold {
  /** Charges `used` instead of what was reserved. */
  settle(used: number): void;
}

/** Where it is kept what was spent. */
export interface Ledger {
  /**
   * For a ledger in this process: throws when there is no room for one of `claims`, and takes nothing. Undefined where only
   * asking can tell.
   */
  test?(call: Call, claims: readonly Claim[]): void;
  /**
   * Reserves all of `claims`, or none. At once where there is `test()`, which has found room then.
   *
   * @throws BudgetExceededError when there is no room for one.
   */
  reserve(call: Call, claims: readonly Claim[]): Hold[] | Promise<Hold[]>;
  /** How far each key of each cap is used up, by their names. */
  snapshot(nameOf: (capId: string) => string | undefined): Record<string, Record<string, CapState>>;
}
