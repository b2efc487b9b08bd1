import { type CancelTimer, currentTime, runtime } from '../pipeline/runtime.js';
import { MemoryBalance, type Balance, type BalanceSnapshot, type Holding } from './balance.js';
import { TRANSIT_MS } from './rates.js';
import { storeUnavailable } from './refusals.js';
import { giveBack, Settlements, type Update } from './settlements.js';
import type { StoreGuard } from './store-guard.js';
import type { Amounts, Mark, ReportedLimit, SharedLimits, SharedState } from './store.js';

/** Whoever waits asks again after so long at the latest: nothing is missed for longer, and the place in line is kept. */
const LONGEST_PAUSE_MS = 1000;

/**
 * A balance that a store keeps for several processes. What the store said last is kept as a copy, for estimates
 * and snapshots; while it is down, the limiter's user has chosen what holds.
 */
export class SharedBalance implements Balance {
  readonly longestPauseMs = LONGEST_PAUSE_MS;
  private readonly copy: MemoryBalance;
  /** What this process keeps to while the store is down; kept from then on, with the calls that it has admitted. */
  private local: MemoryBalance | undefined = undefined;
  /** Running calls of this process that the store has admitted. */
  private running = 0;
  private reservedRequests = 0;
  private reservedTokens = 0;
  private latest: Mark | undefined = undefined;
  /** Operations are numbered: their answers may be seen in another order. */
  private asked = 0;
  private adopted = 0;
  /** Until when this process knows the gate to be closed, before the store may know it. */
  private closedUntil = -Infinity;
  private readonly settlements: Settlements;
  private place: number | undefined = undefined;
  private asking = false;
  private stopListening: (() => void) | undefined = undefined;
  private cancelKeepAlive: CancelTimer | undefined = undefined;

  constructor(
    private readonly key: string,
    private readonly guard: StoreGuard,
    public limits: SharedLimits,
    now: number,
    /** Called when something may have become free. */
    private readonly onWake: () => void,
  ) {
    this.copy = new MemoryBalance(limits, now);
    this.settlements = new Settlements(key, this.update, onWake);
  }

  take(lease: Holding, now: number): number | undefined {
    const { guard } = this;
    if (this.closedUntil > now) return this.closedUntil - now;
    if (!guard.isDown(now)) return undefined;
    const { whenDown } = guard.store;
    if (whenDown === 'closed') throw storeUnavailable(lease.call, guard.failure);
    if (whenDown === 'local') return this.localBalance(now).take(lease, now);
    // Open: nobody keeps account.
    return 0;
  }

  async ask(leases: readonly Holding[]): Promise<{ granted: number; waitMs: number }> {
    const { guard, key, limits, place } = this;
    this.asking = true;
    const costs = leases.map(({ requests, tokens }) => ({ requests, tokens }));
    const number = ++this.asked;
    const request = { limits, costs, running: this.runningHere, place, sequence: number };
    const answer = await guard.run((store) => store.take(key, request), {
      call: leases[0]?.call,
      // Not by the guard, for which the store is down.
      onLate: ({ granted }) => giveBack(guard.store, key, this.limits, costs.slice(0, granted)),
    });
    this.asking = false;
    // It is down now: `take()` knows what to do instead.
    if (!answer) return { granted: 0, waitMs: 0 };
    const now = currentTime();
    if (limits === this.limits) this.adopt(answer, number, now);
    this.settlements.catchUp(leases[0]?.call);
    this.place = answer.place;
    let { requests, tokens } = answer.drawn;
    let tokensLeft = this.copy.levelOf('tokens', now);
    for (const lease of leases.slice(0, answer.granted).reverse()) {
      lease.heldBy = this;
      lease.admittedAt = now;
      lease.at = answer.at;
      lease.drawnRequests = requests;
      lease.drawnTokens = tokens;
      lease.tokensLeft = tokensLeft;
      if (tokensLeft !== undefined) tokensLeft += lease.tokens;
      requests -= lease.requests;
      tokens -= lease.tokens;
      this.reservedRequests += lease.requests;
      this.reservedTokens += lease.tokens;
      lease.tokensRunning = this.reservedTokens;
    }
    this.running += answer.granted;
    this.keepAlive();
    // Of what is not refilled, nobody is told.
    if (answer.granted < leases.length && limits.endsInMs === undefined) {
      // Anew each time: what listened may have ended with its connection.
      const former = this.stopListening;
      this.stopListening = guard.store.onWake(key, this.onWake);
      former?.();
    }
    return {
      granted: answer.granted,
      waitMs: answer.granted === leases.length ? 0 : Math.max(1, answer.waitMs),
    };
  }

  leave(): void {
    if (this.place === undefined) return;
    this.place = undefined;
    this.refresh();
  }

  settle(lease: Holding, usedRequests: number, usedTokens: number): void {
    this.running--;
    this.reservedRequests -= lease.requests;
    this.reservedTokens -= lease.tokens;
    if (this.running === 0) this.endKeepAlive();
    this.settlements.add(lease, usedRequests, usedTokens);
  }

  observe(
    requests: ReportedLimit | undefined,
    tokens: ReportedLimit | undefined,
    lease: Holding | undefined,
  ): void {
    const { key, latest } = this;
    const since: Mark | undefined = lease
      ? { at: lease.at + TRANSIT_MS, drawn: { requests: lease.drawnRequests, tokens: lease.drawnTokens } }
      : latest && {
          at: latest.at,
          drawn: {
            requests: latest.drawn.requests - this.reservedRequests,
            tokens: latest.drawn.tokens - this.reservedTokens,
          },
        };
    void this.update((store, { limits }) => store.observe(key, { limits, requests, tokens, since }), {
      call: lease?.call,
    });
  }

  close(waitMs: number, now: number): void {
    this.closedUntil = Math.max(this.closedUntil, now + waitMs);
    this.copy.close(waitMs, now);
    this.local?.close(waitMs, now);
    void this.guard.run((store) => store.pause(this.key, waitMs));
  }

  closedForMs(now: number): number {
    return this.inForce.closedForMs(now);
  }

  waitFor(amounts: Amounts, now: number): number {
    return this.inForce.waitFor(amounts, now);
  }

  reconfigure(limits: SharedLimits, now: number): void {
    this.limits = limits;
    this.copy.reconfigure(limits, now);
    this.local?.reconfigure(shareOf(limits, this.guard.store.localShare), now);
  }

  // What has been used up is known to the store.
  isIdle(now: number): boolean {
    // Nobody uses the key: there is no other occasion to tell the store what it has not heard.
    this.settlements.catchUp(undefined);
    const isBusy = this.running > 0 || this.asking || this.settlements.isBusy || this.closedUntil > now;
    return !isBusy && this.local?.isIdle(now) !== false;
  }

  forget(): void {
    this.stopListening?.();
  }

  snapshot(queued: number, now: number): BalanceSnapshot {
    const store = this.guard.failure === undefined ? 'up' : 'down';
    return { ...this.inForce.snapshot(queued, now), store };
  }

  private get inForce(): MemoryBalance {
    return (this.guard.failure !== undefined && this.local) || this.copy;
  }

  /** Calls that the store is to count as running: those count whose end it has not been told. */
  private get runningHere(): number {
    return this.running + this.settlements.calls + (this.local?.inFlight ?? 0);
  }

  /** Of a share of the burst a large call may be more: it is let through when all of the share is there. */
  private localBalance(now: number): MemoryBalance {
    return (this.local ??= new MemoryBalance(shareOf(this.limits, this.guard.store.localShare), now, true));
  }

  private adopt(state: SharedState, number: number, now: number): void {
    if (number < this.adopted) return;
    this.adopted = number;
    this.latest = state;
    this.copy.adopt(state, now);
    this.copy.close(this.closedUntil - now, now);
  }

  /** Takes over the state that the store answers with, as far as the limits are still those it was asked with. */
  private readonly update: Update = (operation, how) => {
    const { limits } = this;
    const sequence = ++this.asked;
    const answer = this.guard.run((store) => operation(store, { limits, sequence }), how);
    void answer.then((state) => {
      if (state && limits === this.limits) this.adopt(state, sequence, currentTime());
    });
    return answer;
  };

  /** Tells the store what runs here, and that nobody waits. */
  private refresh(): void {
    const { key, runningHere: running } = this;
    void this.update((store, asked) => store.take(key, { ...asked, costs: [], running }));
  }

  /** While calls run, the store is told so from time to time: the places of a process that has died become free. */
  private keepAlive(): void {
    if (this.cancelKeepAlive || this.limits.maxConcurrent === undefined || this.running === 0) return;
    this.cancelKeepAlive = runtime().setTimer(
      () => {
        this.cancelKeepAlive = undefined;
        // Whoever waits asks often enough.
        const waits = this.place !== undefined && this.closedUntil <= currentTime();
        if (!this.asking && !waits) this.refresh();
        this.keepAlive();
      },
      this.guard.store.keepAliveMs,
      { background: true },
    );
  }

  private endKeepAlive(): void {
    this.cancelKeepAlive?.();
    this.cancelKeepAlive = undefined;
  }
}

function shareOf({ rates, maxConcurrent, endsInMs }: SharedLimits, share: number): SharedLimits {
  return {
    endsInMs,
    rates: rates.map((rate) => ({ ...rate, limit: rate.limit * share, burst: rate.burst * share })),
    maxConcurrent: maxConcurrent && Math.max(1, Math.floor(maxConcurrent * share)),
  };
}
