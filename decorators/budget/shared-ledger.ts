import type { Holding } from '../limits/balance.js';
import { SharedBalance } from '../limits/shared-balance.js';
import type { LimiterStore, Rate, SharedLimits } from '../limits/store.js';
import { StoreGuard } from '../limits/store-guard.js';
import { untilAborted } from '../limits/until-aborted.js';
import type { Call } from '../pipeline/call.js';
import { currentTime } from '../pipeline/runtime.js';
import type { Hold, Ledger } from './ledger.js';
import type { Cap } from './options.js';
import { exceeded, isNearlyUsed, tellBudget, type CapState, type Claim } from './refusals.js';
import type { Span } from './window.js';

/**
 * Keeps in a store what several processes have spent: each window of each key is a balance of its own, which is never refilled and
 * which the store forgets when the window is over.
 */
export class SharedLedger implements Ledger {
  private readonly guard: StoreGuard;
  /** The running window of each cap, by the ids of the caps, or the last there was. */
  private readonly windows = new Map<string, RunningWindow>();

  constructor(store: LimiterStore) {
    this.guard = new StoreGuard(store.forLimiter?.() ?? store);
  }

  async reserve(call: Call, claims: readonly Claim[]): Promise<Hold[]> {
    const holds: Hold[] = [];
    try {
      for (const claim of claims) holds.push(await this.potOf(claim).reserve(call, claim));
    } catch (error) {
      for (const hold of holds) hold.settle(0);
      throw error;
    }
    return holds;
  }

  snapshot(nameOf: (capId: string) => string | undefined): Record<string, Record<string, CapState>> {
    const all: Record<string, Record<string, CapState>> = {};
    for (const [id, { leavesAt, cap, pots }] of this.windows) {
      const name = nameOf(id);
      if (name === undefined || leavesAt <= cap.window.now()) continue;
      all[name] = Object.fromEntries([...pots].map(([key, pot]) => [key, pot.state]));
    }
    return all;
  }

  private potOf({ cap, key }: Claim): Pot {
    const now = cap.window.now();
    let window = this.windows.get(cap.id);
    if (!window || window.leavesAt <= now) {
      // Calls that still run have their own hold on what they were given in the former one.
      this.windows.set(cap.id, (window = { ...cap.window.spanAt(now), cap, pots: new Map() }));
    }
    let pot = window.pots.get(key);
    if (!pot) window.pots.set(key, (pot = new Pot(cap, key, window, this.guard)));
    pot.keepTo(cap);
    return pot;
  }
}

interface RunningWindow extends Span {
  readonly cap: Cap;
  readonly pots: Map<string, Pot>;
}

/** What one key has left of one window. */
class Pot {
  private readonly balance: SharedBalance;
  private limit: number;
  /** By running calls of this process. */
  private reserved = 0;
  private hasWarned = false;

  constructor(
    private readonly cap: Cap,
    key: string,
    private readonly span: Span,
    guard: StoreGuard,
  ) {
    this.limit = cap.limit;
    const window = new Date(this.span.start).toISOString();
    const limits = this.limitsFor(cap);
    // Nobody waits: there is nobody to be woken.
    const wake = (): void => undefined;
    const name = `budget:${cap.name}:${key}:${window}`;
    this.balance = new SharedBalance(name, guard, limits, currentTime(), wake);
  }

  get state(): CapState {
    const { tokens, store = 'up' } = this.balance.snapshot(0, currentTime());
    const taken = tokens ? tokens.burst - tokens.available : 0;
    const total = Math.round(taken * (this.cap.unit === 'usd' ? 1000 : 1));
    const used = Math.max(0, total - this.reserved);
    return { used, reserved: this.reserved, resetMs: Math.max(0, this.leftMs), store };
  }

  /** Keeps to the limit of `cap`, which is another one after a change. */
  keepTo(cap: Cap): void {
    if (cap.limit === this.limit) return;
    this.limit = cap.limit;
    this.balance.reconfigure(this.limitsFor(cap), currentTime());
  }

  async reserve(call: Call, claim: Claim): Promise<Hold> {
    const { cap, amount } = claim;
    if (amount > cap.limit) throw exceeded(call, claim, this.state, Infinity);
    const holding = holdingOf(call, inStore(cap, amount));
    const taken = this.take(holding);
    let granted: boolean;
    try {
      granted = await untilAborted(call, taken);
    } catch (error) {
      // What may still be granted is nobody's.
      void taken.then((late) => late && this.giveBack(holding)).catch(() => undefined);
      throw error;
    }
    if (!granted) throw exceeded(call, claim, this.state, Math.max(1, this.leftMs));
    this.reserved += amount;
    this.warn(call, claim);
    return {
      settle: (used) => {
        this.reserved -= amount;
        holding.heldBy?.settle(holding, 0, inStore(cap, used), currentTime());
      },
    };
  }

  private async take(holding: Holding): Promise<boolean> {
    for (;;) {
      const waitMs = this.balance.take(holding, currentTime());
      if (waitMs !== undefined) return waitMs === 0;
      const answer = await this.balance.ask([holding]);
      if (answer.granted > 0) return true;
      // 0: the store did not answer, and what holds then is known without it.
      if (answer.waitMs > 0) return false;
    }
  }

  private giveBack(holding: Holding): void {
    holding.heldBy?.settle(holding, 0, 0, currentTime());
  }

  private warn(call: Call, claim: Claim): void {
    const { state } = this;
    if (this.hasWarned || !isNearlyUsed(claim.cap, state)) return;
    this.hasWarned = true;
    tellBudget(call, 'warning', claim, state);
  }

  private get leftMs(): number {
    return this.span.leavesAt - this.cap.window.now();
  }

  private limitsFor(cap: Cap): SharedLimits {
    const { span } = this;
    const limit = inStore(cap, cap.limit);
    const windowMs = span.leavesAt - span.start;
    const rate: Rate = { name: 'tokens', unit: 'tokens', limit, windowMs, burst: limit };
    return {
      rates: [rate],
      maxConcurrent: undefined,
      // Asked with each operation.
      get endsInMs() {
        return Math.max(0, span.leavesAt - cap.window.now());
      },
    };
  }
}

/** A store counts thousandths: of millionths of a dollar these are the billionths that we count. */
function inStore({ unit }: Cap, amount: number): number {
  return unit === 'usd' ? amount / 1000 : amount;
}

function holdingOf(call: Call, tokens: number): Holding {
  return {
    call,
    requests: 0,
    tokens,
    at: 0,
    admittedAt: 0,
    drawnRequests: 0,
    drawnTokens: 0,
    tokensLeft: undefined,
    tokensRunning: 0,
    heldBy: undefined,
  };
}
