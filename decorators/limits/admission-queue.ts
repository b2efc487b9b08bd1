import type { LLMError, RateLimitInfo } from '../errors/index.js';
import type { Call } from '../pipeline/call.js';
import type { LimiterEvent } from '../pipeline/events.js';
import { currentTime } from '../pipeline/runtime.js';
import { Asking } from './asking.js';
import type { Balance, BalanceSnapshot } from './balance.js';
import { Charging } from './charging.js';
import { Experience } from './experience.js';
import { GateSpread } from './gate-spread.js';
import type { Learner } from './learner.js';
import type { Lease } from './lease.js';
import { OneTimer } from './one-timer.js';
import { capacityOf, neverFits } from './rates.js';
import { neverAdmitted, queueFull, refused, type TooLong } from './refusals.js';
import type { Amounts, ReportedLimit, SharedLimits } from './store.js';
import { Waiters, type Waiter } from './waiter.js';

/** How long and in what number calls may wait. */
export interface QueueBounds {
  readonly maxWaitMs: number;
  readonly maxQueue: number;
}

/**
 * The calls that wait for one balance, in strict order of arrival: a large call at the head lets nobody past, so it
 * cannot starve. One timer for the head, none while nobody waits. A balance that has to ask elsewhere is asked for the
 * first calls together, and for nothing else meanwhile.
 */
export class AdmissionQueue {
  /** What the calls on this key have used. */
  readonly experience = new Experience();
  /** What the provider counts a call as. */
  readonly charging = new Charging();
  readonly balance: Balance;
  /** The most tokens one call may take; undefined when they are not limited. */
  tokenCapacity: number | undefined = undefined;
  /** Finds out the limits, where they are to be learned. */
  learner: Learner | undefined = undefined;
  readonly waiters = new Waiters();
  readonly spread = new GateSpread();
  private readonly timer = new OneTimer(() => this.wake());
  private readonly asking = new Asking(this);

  constructor(
    private readonly key: string | undefined,
    readonly bounds: () => QueueBounds,
    makeBalance: (wake: () => void) => Balance,
  ) {
    this.balance = makeBalance(() => this.wake());
    this.tokenCapacity = capacityOf(this.balance.limits, 'tokens');
  }

  /**
   * Admits the call of `lease`: at once if nothing stands against it, else when its turn has come.
   *
   * @throws RateLimitError (`origin: 'client'`) when it can never be admitted, or not in time.
   * @throws QueueFullError when too many wait already.
   * @throws StoreUnavailableError when the store is down and the caller chose to admit nobody then.
   */
  enter(lease: Lease): Lease | Promise<Lease> {
    const now = currentTime();
    // Behind others it waits, whatever is there. Undefined: only asking can tell.
    const untilTaken = this.waiters.head ? Infinity : this.take(lease, now);
    if (untilTaken === 0) {
      this.tell(lease.call, 'admitted', lease.requests, lease.tokens, 0);
      return lease;
    }
    // While a shared balance is asked for the first of them, nobody knows yet whether anybody has to wait.
    const { isOn, isContended } = this.asking;
    const mustAsk = untilTaken === undefined || (isOn && !isContended);
    const waitMs = this.expectedWait(lease, now, mustAsk);
    return new Promise((resolve, reject) => {
      let forgetAbort = (): void => undefined;
      const leave = (): void => {
        forgetAbort();
        this.waiters.remove(waiter);
      };
      const waiter: Waiter = {
        lease,
        arrivedAt: now,
        deadline: now + this.bounds().maxWaitMs,
        gone: false,
        checked: !mustAsk,
        grant: () => {
          leave();
          resolve(lease);
        },
        refuse: (error) => {
          leave();
          reject(error);
        },
        previous: undefined,
        next: undefined,
      };
      this.waiters.push(waiter);
      forgetAbort = lease.call.onAbort((error) => {
        waiter.refuse(error);
        this.wake();
      });
      this.tell(lease.call, 'queued', lease.requests, lease.tokens, waitMs);
      if (this.waiters.head === waiter) this.wake();
    });
  }

  /** Ends the reservation of `lease` and charges what was used; `wake()` is to follow. */
  settle(lease: Lease, usedRequests: number, usedTokens: number): void {
    lease.heldBy?.settle(lease, usedRequests, usedTokens, currentTime());
  }

  /** Lowers the balance to what the provider reports, to one of its calls or without one. */
  observe(limits: RateLimitInfo, lease?: Lease): void {
    const isNew = this.learner?.read(limits);
    const remaining = limits.tokens?.remaining;
    if (remaining !== undefined && lease?.tokensLeft !== undefined) {
      this.charging.compare(lease.tokensLeft, remaining, lease.tokens, lease.tokensRunning);
    }
    const now = currentTime();
    const [requests, tokens] = [this.windowed('requests', limits), this.windowed('tokens', limits)];
    if (requests || tokens) (lease?.heldBy ?? this.balance).observe(requests, tokens, lease, now);
    // Not before: what calls have used that run already is known only now.
    if (isNew) this.wake();
  }

  /** The provider has refused the call of `lease`: nobody is admitted for `retryAfterMs` and a little more, different in each process. */
  throttle({ call, admittedAt }: Lease, retryAfterMs: number | undefined): void {
    this.learner?.throttled(admittedAt);
    if (retryAfterMs === undefined || retryAfterMs <= 0) return;
    const waitMs = retryAfterMs + this.spread.begin(retryAfterMs);
    this.balance.close(waitMs, currentTime());
    this.tell(call, 'throttled', undefined, undefined, waitMs);
  }

  /** Puts other limits in force: who can never be admitted any more is refused. `wake()` is to follow. */
  reconfigure(limits: SharedLimits): void {
    const former = this.balance.limits;
    this.balance.reconfigure(limits, currentTime());
    this.tokenCapacity = capacityOf(limits, 'tokens');
    const isLower = (['requests', 'tokens'] as const).some(
      (unit) => (capacityOf(limits, unit) ?? Infinity) < (capacityOf(former, unit) ?? Infinity),
    );
    for (let waiter = isLower ? this.waiters.head : undefined, next; waiter; waiter = next) {
      ({ next } = waiter);
      const never = neverFits(limits, waiter.lease);
      if (never === undefined) continue;
      this.tell(waiter.lease.call, 'rejected', waiter.lease.requests, waiter.lease.tokens);
      waiter.refuse(neverAdmitted(waiter.lease.call, never));
    }
  }

  /** Admits whoever can be admitted, and sets the timer for who is then at the head. */
  wake(): void {
    if (this.asking.defersWake()) return;
    if (!this.waiters.head) return this.rest();
    const now = currentTime();
    for (let { head } = this.waiters; head; { head } = this.waiters) {
      let waitMs: number | undefined;
      try {
        waitMs = this.spread.heldForMs(now) || this.take(head.lease, now);
      } catch (error) {
        head.refuse(error);
        continue;
      }
      if (waitMs === undefined) {
        void this.asking.ask();
        return;
      }
      if (waitMs === 0) this.admit(head, now);
      else if (!this.standsBy(head, waitMs, now)) continue;
      else return;
    }
    this.spread.end();
    this.rest();
  }

  /** Milliseconds that a call of this size would wait if it came now, by the rates alone. */
  waitFor({ requests, tokens }: Amounts): number {
    const all = { requests: this.waiters.requests + requests, tokens: this.waiters.tokens + tokens };
    return this.balance.waitFor(all, currentTime());
  }

  /** Whether nothing is lost by forgetting this queue and its balance. */
  isIdle(now: number): boolean {
    return !this.waiters.head && !this.asking.isOn && this.balance.isIdle(now);
  }

  snapshot(now: number): BalanceSnapshot {
    return this.balance.snapshot(this.waiters.size, now);
  }

  tell(
    call: Call,
    type: LimiterEvent['type'],
    requests: number | undefined,
    tokens: number | undefined,
    waitMs?: number,
  ): void {
    if (!call.observed) return;
    call.emit({
      type,
      ...(this.key !== undefined && { key: this.key }),
      ...(requests !== undefined && { requests }),
      ...(tokens !== undefined && { tokens }),
      ...(waitMs !== undefined && { waitMs }),
    });
  }

  /** A report with the length of its window, where that has been found out. */
  private windowed(dimension: 'requests' | 'tokens', limits: RateLimitInfo): ReportedLimit | undefined {
    const report = limits[dimension];
    return report && { ...report, windowMs: report.windowMs ?? this.learner?.windowMsOf(dimension) };
  }

  /** Takes everything for `lease`, with the consent of what else has to agree, in one step. */
  private take(lease: Lease, now: number): number | undefined {
    lease.check?.test();
    try {
      const waitMs = this.balance.take(lease, now);
      if (waitMs === 0) lease.check?.commit();
      return waitMs;
    } catch (error) {
      this.tell(lease.call, 'rejected', lease.requests, lease.tokens);
      throw error;
    }
  }

  /** The call of `waiter` has what it needs. */
  admit(waiter: Waiter, now: number): void {
    const { lease, arrivedAt } = waiter;
    this.spread.step(this.waiters.size, now);
    waiter.grant();
    this.tell(lease.call, 'admitted', lease.requests, lease.tokens, now - arrivedAt);
    lease.call.emit({ type: 'wait', reason: 'queue', waitMs: now - arrivedAt });
  }

  /** Lets the head wait for `waitMs`; refuses it, and says so by false, when its time is up or the gate stays closed for longer. */
  standsBy(head: Waiter, waitMs: number, now: number): boolean {
    const { lease, arrivedAt, deadline } = head;
    if (deadline <= now || now + this.balance.closedForMs(now) > deadline) {
      const stillMs = this.balance.waitFor(lease, now);
      head.refuse(this.refusal(lease, { waitMs: stillMs, waitedMs: now - arrivedAt }));
      return false;
    }
    this.timer.set(now + Math.min(waitMs, deadline - now, this.balance.longestPauseMs), now);
    return true;
  }

  stopTimer(): void {
    this.timer.clear();
  }

  /** Nobody waits any more. */
  rest(): void {
    this.timer.clear();
    this.asking.isContended = false;
    this.balance.leave?.();
  }

  /** How long the rates alone make a new call wait behind those who wait already; throws when that is no use. */
  private expectedWait(lease: Lease, now: number, mustAsk: boolean): number {
    const { requests, tokens, call } = lease;
    const never = neverFits(this.balance.limits, lease);
    if (never !== undefined) {
      this.tell(call, 'rejected', requests, tokens);
      throw neverAdmitted(call, never);
    }
    const waitMs = mustAsk ? 0 : this.waitFor(lease);
    const { maxWaitMs, maxQueue } = this.bounds();
    const leftMs = (call.deadline ?? Infinity) - now;
    if (leftMs < maxWaitMs && (leftMs <= 0 || waitMs > leftMs)) throw this.refusal(lease, { waitMs, leftMs });
    if (mustAsk) return 0;
    if (maxWaitMs <= 0 || waitMs > maxWaitMs) throw this.refusal(lease, { waitMs });
    if (this.waiters.size >= maxQueue) {
      this.tell(call, 'rejected', requests, tokens, waitMs);
      throw queueFull(call, this.waiters.size, waitMs);
    }
    return waitMs;
  }

  /** Tells that the call of `lease` is refused, and gives the error that says why. */
  refusal({ requests, tokens, call }: Lease, why: Omit<TooLong, 'maxWaitMs'>): LLMError {
    this.tell(call, 'rejected', requests, tokens, why.waitMs);
    return refused(call, { ...why, maxWaitMs: this.bounds().maxWaitMs });
  }
}
