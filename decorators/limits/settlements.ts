import type { Call } from '../pipeline/call.js';
import type { Holding } from './balance.js';
import type { Amounts, LimiterStore, Settlement, SharedLimits, SharedState } from './store.js';

/** What calls that have ended took and used. */
type Unsettled = Pick<Settlement, 'reserved' | 'used'> & { readonly calls: number };

const NONE: Amounts = { requests: 0, tokens: 0 };
const NOTHING: Unsettled = { calls: 0, reserved: NONE, used: NONE };

/**
 * Asks the store for what `operation` does, with the limits in force and the number of the request. Resolves with its answer, or
 * undefined when there is none. Never rejects.
 */
export type Update = (
  operation: (
    store: LimiterStore,
    asked: { readonly limits: SharedLimits; readonly sequence: number },
  ) => Promise<SharedState>,
  how?: { call?: Call | undefined; onUnsent?: () => void },
) => Promise<SharedState | undefined>;

/** Tells a store what the calls of one key have used: one settlement at a time, each for all that have ended meanwhile. */
export class Settlements {
  private unsettled: Unsettled = NOTHING;
  private settling = false;

  constructor(
    private readonly key: string,
    private readonly update: Update,
    /** Called when something may have become free. */
    private readonly onWake: () => void,
  ) {}

  /** Calls that have ended, as far as the store does not know. */
  get calls(): number {
    return this.unsettled.calls;
  }

  /** Whether the store has not heard of all. */
  get isBusy(): boolean {
    return this.settling || this.unsettled.calls > 0;
  }

  add(lease: Holding, usedRequests: number, usedTokens: number): void {
    const used = { requests: usedRequests, tokens: usedTokens };
    this.unsettled = sum(this.unsettled, { calls: 1, reserved: lease, used });
    this.catchUp(lease.call);
  }

  /** Settles for what could not be told before. */
  catchUp(call: Call | undefined): void {
    if (this.unsettled.calls > 0 && !this.settling) void this.send(call);
  }

  /** Those that end meanwhile follow together, those that the store did not hear of later. */
  private async send(call: Call | undefined): Promise<void> {
    const { key, unsettled } = this;
    this.unsettled = NOTHING;
    this.settling = true;
    let wasSent = true;
    const onUnsent = (): void => {
      wasSent = false;
      this.unsettled = sum(this.unsettled, unsettled);
    };
    await this.update((store, asked) => store.settle(key, { ...asked, ...unsettled }), { call, onUnsent });
    this.settling = false;
    if (this.unsettled.calls === 0 || !wasSent) return;
    void this.send(call);
    this.onWake();
  }
}

/** Gives back what the store has granted to calls for which nobody waited any more. */
export function giveBack(
  store: LimiterStore,
  key: string,
  limits: SharedLimits,
  costs: readonly Amounts[],
): void {
  const all = costs.reduce<Unsettled>(
    (total, cost) => sum(total, { calls: 1, reserved: cost, used: NONE }),
    NOTHING,
  );
  if (all.calls > 0) store.settle(key, { limits, ...all }).catch(() => undefined);
}

function sum(a: Unsettled, b: Unsettled): Unsettled {
  const add = (x: Amounts, y: Amounts): Amounts => ({
    requests: x.requests + y.requests,
    tokens: x.tokens + y.tokens,
  });
  return { calls: a.calls + b.calls, reserved: add(a.reserved, b.reserved), used: add(a.used, b.used) };
}
