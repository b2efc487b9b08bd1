import type { Call } from '../pipeline/call.js';
import { Account } from './account.js';
import type { Hold, Ledger } from './ledger.js';
import { exceeded, isNearlyUsed, tellBudget, type CapState, type Claim } from './refusals.js';

/** Below so many accounts none is forgotten. */
const FEW_ACCOUNTS = 100;

/** Keeps in this process what was spent. */
export class MemoryLedger implements Ledger {
  /** By the ids of their caps, then by their keys. */
  private readonly accounts = new Map<string, Map<string, Account>>();
  private count = 0;
  private sweepAt = FEW_ACCOUNTS;

  test(call: Call, claims: readonly Claim[]): void {
    for (const claim of claims) {
      const { amount, cap } = claim;
      const account = this.accountOf(claim);
      const waitMs = account.msUntilRoom(amount, cap.limit);
      if (waitMs > 0) throw exceeded(call, claim, stateOf(account), waitMs);
    }
  }

  reserve(call: Call, claims: readonly Claim[]): Hold[] {
    return claims.map((claim) => {
      const account = this.accountOf(claim);
      const entry = account.reserve(claim.amount);
      warn(call, claim, account);
      return {
        settle: (used) => {
          account.settle(entry, claim.amount, used);
          // More than was reserved for it.
          if (used > claim.amount) warn(call, claim, account);
        },
      };
    });
  }

  snapshot(nameOf: (capId: string) => string | undefined): Record<string, Record<string, CapState>> {
    const all: Record<string, Record<string, CapState>> = {};
    for (const [id, accounts] of this.accounts) {
      const name = nameOf(id);
      if (name === undefined) continue;
      all[name] = Object.fromEntries([...accounts].map(([key, account]) => [key, stateOf(account)]));
    }
    return all;
  }

  private accountOf({ cap, key }: Claim): Account {
    let accounts = this.accounts.get(cap.id);
    if (!accounts) this.accounts.set(cap.id, (accounts = new Map<string, Account>()));
    let account = accounts.get(key);
    if (!account) {
      if (this.count >= this.sweepAt) this.forgetIdle();
      accounts.set(key, (account = new Account(cap.window)));
      this.count++;
    }
    return account;
  }

  /** Forgets what is as good as new. Done each time the number has doubled, which spreads the cost. */
  private forgetIdle(): void {
    for (const accounts of this.accounts.values()) {
      for (const [key, account] of accounts) {
        if (account.isIdle && accounts.delete(key)) this.count--;
      }
    }
    this.sweepAt = Math.max(FEW_ACCOUNTS, 2 * this.count);
  }
}

function stateOf(account: Account): CapState {
  return { ...account.state, resetMs: account.resetMs };
}

function warn(call: Call, claim: Claim, account: Account): void {
  const state = stateOf(account);
  if (isNearlyUsed(claim.cap, state) && account.mayWarn()) tellBudget(call, 'warning', claim, state);
}
