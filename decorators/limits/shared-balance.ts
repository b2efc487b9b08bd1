import { runtime, type CancelTimer } from '../pipeline/runtime.js';
import { MemoryBalance, type Balance, type BalanceSnapshot } from './balance.js';
import type { Lease } from './lease.js';
import { storeUnavailable } from './refusals.js';
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
  private local: MemoryBalance | undefined;
  /** Running calls of this process that the store has admitted. */
  private running = 0;
  private reservedRequests = 0;
  private reservedTokens = 0;
  private latest: Mark | undefined;
  private place: number | undefined;
  private asking = false;
  private stopListening: (() => void) | undefined;
  private cancelKeepAlive: CancelTimer | undefined;

  constructor(
    private readonly key: string,
    private readonly guard: StoreGuard,
    public limits: SharedLimits,
    now: number,
    /** Called when something may have become free. */
    private readonly onWake: () => void,
  ) {
    this.copy = new MemoryBalance(limits, now);
  }

  take(lease: Lease, now: number): number | undefined {
    const { guard } = this;
    if (!guard.isDown(now)) return undefined;
    const { whenDown } = guard.store;
    if (whenDown === 'closed') throw storeUnavailable(lease.call, guard.failure);
    if (whenDown === 'local') return this.localBalance(now).take(lease, now);
    // Open: nobody keeps account.
    return 0;
  }

  async ask(leases: readonly Lease[]): Promise<{ granted: number; waitMs: number }> {
    const { guard, key, limits, place } = this;
    this.asking = true;
    const costs = leases.map(({ requests, tokens }) => ({ requests, tokens }));
    const request = { limits, costs, running: this.runningHere, place };
    const answer = await guard.run((store) => store.take(key, request), leases[0]?.call);
    this.asking = false;
    // It is down now: `take()` knows what to do instead.
    if (!answer) return { granted: 0, waitMs: 0 };
    const now = runtime().now();
    this.adopt(answer, now);
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
    if (answer.granted < leases.length) this.stopListening ??= guard.store.onWake(key, this.onWake);
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

  settle(lease: Lease, usedRequests: number, usedTokens: number): void {
    const { guard, key, limits } = this;
    const reserved = { requests: lease.requests, tokens: lease.tokens };
    const used = { requests: usedRequests, tokens: usedTokens };
    this.running--;
    this.reservedRequests -= lease.requests;
    this.reservedTokens -= lease.tokens;
    if (this.running === 0) this.endKeepAlive();
    this.send(guard.run((store) => store.settle(key, { limits, reserved, used }), lease.call));
  }

  observe(
    requests: ReportedLimit | undefined,
    tokens: ReportedLimit | undefined,
    lease: Lease | undefined,
  ): void {
    const { guard, key, limits, latest } = this;
    const since: Mark | undefined = lease
      ? { at: lease.at, drawn: { requests: lease.drawnRequests, tokens: lease.drawnTokens } }
      : latest && {
          at: latest.at,
          drawn: {
            requests: latest.drawn.requests - this.reservedRequests,
            tokens: latest.drawn.tokens - this.reservedTokens,
          },
        };
    this.send(guard.run((store) => store.observe(key, { limits, requests, tokens, since })));
  }

  close(waitMs: number, now: number): void {
    this.copy.close(waitMs, now);
    this.local?.close(waitMs, now);
    void this.guard.run((store) => store.close(this.key, waitMs));
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
    return this.running === 0 && !this.asking && this.local?.isIdle(now) !== false;
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

  private get runningHere(): number {
    return this.running + (this.local?.inFlight ?? 0);
  }

  /** Of a share of the burst a large call may be more: it is let through when all of the share is there. */
  private localBalance(now: number): MemoryBalance {
    return (this.local ??= new MemoryBalance(shareOf(this.limits, this.guard.store.localShare), now, true));
  }

  private adopt(state: SharedState, now: number): void {
    this.latest = state;
    this.copy.adopt(state, now);
  }

  /** Takes over the state that an operation answers with, as far as the limits are still those it was asked with. */
  private send(answer: Promise<SharedState | undefined>): void {
    const { limits } = this;
    void answer.then((state) => {
      if (state && limits === this.limits) this.adopt(state, runtime().now());
    });
  }

  /** Tells the store what runs here, and that nobody waits. */
  private refresh(): void {
    const { guard, key, limits, runningHere: running } = this;
    this.send(guard.run((store) => store.take(key, { limits, costs: [], running })));
  }

  /** While calls run, the store is told so from time to time: the places of a process that has died become free. */
  private keepAlive(): void {
    if (this.cancelKeepAlive || this.limits.maxConcurrent === undefined || this.running === 0) return;
    this.cancelKeepAlive = runtime().setTimer(
      () => {
        this.cancelKeepAlive = undefined;
        // Whoever waits asks often enough.
        if (!this.asking && this.place === undefined && this.running > 0) this.refresh();
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

function shareOf({ rates, maxConcurrent }: SharedLimits, share: number): SharedLimits {
  return {
    rates: rates.map((rate) => ({ ...rate, limit: rate.limit * share, burst: rate.burst * share })),
    maxConcurrent: maxConcurrent && Math.max(1, Math.floor(maxConcurrent * share)),
  };
}
