import type { LLMError, RateLimitInfo } from '../errors/index.js';
import type { Call } from '../pipeline/call.js';
import type { LimiterEvent } from '../pipeline/events.js';
import { runtime, type CancelTimer } from '../pipeline/runtime.js';
import type { Balance, BalanceSnapshot } from './balance.js';
import { RunningMean } from './cost.js';
import type { Lease } from './lease.js';
import { timerDelay } from './refilling-level.js';
import { neverAdmitted, queueFull, refused, type TooLong } from './refusals.js';
import { WaitList, type Linked } from './wait-list.js';

/** How long and in what number calls may wait. */
export interface QueueBounds {
  readonly maxWaitMs: number;
  readonly maxQueue: number;
}

interface Waiter extends Linked<Waiter> {
  readonly lease: Lease;
  readonly arrivedAt: number;
  readonly deadline: number;
  readonly grant: () => void;
  readonly refuse: (error: LLMError) => void;
}

const FIRST_MEAN_OUTPUT_TOKENS = 500;
/** After the provider has asked to wait, those who waited return within this share of the time, but not much later. */
const SPREAD = 0.1;
const LONGEST_SPREAD_MS = 1000;

/**
 * The calls that wait for one balance, in strict order of arrival: a large call at the head lets nobody past, so it
 * cannot starve. One timer for the head, none while nobody waits.
 */
export class AdmissionQueue {
  /** The output of the calls on this key, to estimate those without a bound by. */
  readonly meanOutputTokens = new RunningMean(FIRST_MEAN_OUTPUT_TOKENS);
  private readonly waiters = new WaitList<Waiter>();
  /** What all waiters together ask for. */
  private queuedRequests = 0;
  private queuedTokens = 0;
  private cancelTimer: CancelTimer | undefined;
  private timerAt = Infinity;
  /** Time within which the waiters return after the gate was closed, and the mean step from one to the next. */
  private spreadMs = 0;
  private stepMs = 0;

  constructor(
    private readonly key: string | undefined,
    readonly balance: Balance,
    private readonly bounds: QueueBounds,
  ) {}

  /**
   * Admits the call of `lease`: at once if nothing stands against it, else when its turn has come.
   *
   * @throws RateLimitError (`origin: 'client'`) when it can never be admitted, or not in time.
   * @throws QueueFullError when too many wait already.
   */
  enter(lease: Lease): Lease | Promise<Lease> {
    const now = runtime().now();
    if (!this.waiters.head && this.balance.take(lease.requests, lease.tokens, now, lease) === 0) {
      this.tell(lease.call, 'admitted', lease.requests, lease.tokens, 0);
      return lease;
    }
    const waitMs = this.expectedWait(lease, now);
    return new Promise((resolve, reject) => {
      let forgetAbort = (): void => undefined;
      const leave = (): void => {
        forgetAbort();
        this.remove(waiter);
      };
      const waiter: Waiter = {
        lease,
        arrivedAt: now,
        deadline: now + this.bounds.maxWaitMs,
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
      this.queuedRequests += lease.requests;
      this.queuedTokens += lease.tokens;
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
    this.balance.settle(lease.requests, lease.tokens, usedRequests, usedTokens, runtime().now());
  }

  /** Lowers the balance to what the provider reports, to one of its calls or without one. */
  observe(limits: RateLimitInfo, lease?: Lease): void {
    const now = runtime().now();
    this.balance.observe(limits.requests, limits.tokens, lease ?? this.balance.asOf(now), now);
  }

  /** Admits nobody for `retryAfterMs` and a little more, different in each process. */
  close(retryAfterMs: number, call: Call): void {
    const { balance } = this;
    this.spreadMs = Math.min(retryAfterMs * SPREAD, LONGEST_SPREAD_MS);
    const waitMs = retryAfterMs + runtime().random() * this.spreadMs;
    balance.closedUntil = Math.max(balance.closedUntil, runtime().now() + waitMs);
    this.tell(call, 'throttled', undefined, undefined, waitMs);
  }

  /** Admits whoever can be admitted, and sets the timer for who is then at the head. */
  wake(): void {
    const { balance } = this;
    let head = this.waiters.head;
    if (!head && this.timerAt === Infinity) return;
    const now = runtime().now();
    for (; head; head = this.waiters.head) {
      const { lease, arrivedAt, deadline } = head;
      const waitMs = balance.take(lease.requests, lease.tokens, now, lease);
      if (waitMs === 0) {
        this.stepGate();
        head.grant();
        this.tell(lease.call, 'admitted', lease.requests, lease.tokens, now - arrivedAt);
        lease.call.emit({ type: 'wait', reason: 'queue', waitMs: now - arrivedAt });
      } else if (deadline <= now || balance.closedUntil > deadline) {
        const stillMs = balance.waitFor(lease.requests, lease.tokens, now);
        head.refuse(this.refusal(lease, { waitMs: stillMs, waitedMs: now - arrivedAt }));
      } else {
        this.setTimer(now + Math.min(waitMs, deadline - now), now);
        return;
      }
    }
    this.spreadMs = this.stepMs = 0;
    this.clearTimer();
  }

  /** Whether nothing is lost by forgetting this queue and its balance. */
  isIdle(now: number): boolean {
    return !this.waiters.head && this.balance.isFull(now);
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
    call.emit({
      type,
      ...(this.key !== undefined && { key: this.key }),
      ...(requests !== undefined && { requests }),
      ...(tokens !== undefined && { tokens }),
      ...(waitMs !== undefined && { waitMs }),
    });
  }

  /** How long the rates alone make a new call wait behind those who wait already; throws when that is no use. */
  private expectedWait(lease: Lease, now: number): number {
    const { requests, tokens, call } = lease;
    const never = this.balance.neverFits(requests, tokens);
    if (never !== undefined) {
      this.tell(call, 'rejected', requests, tokens);
      throw neverAdmitted(call, never);
    }
    const waitMs = this.balance.waitFor(this.queuedRequests + requests, this.queuedTokens + tokens, now);
    const { maxWaitMs } = this.bounds;
    const leftMs = (call.deadline ?? Infinity) - now;
    if (leftMs < maxWaitMs && (leftMs <= 0 || waitMs > leftMs)) throw this.refusal(lease, { waitMs, leftMs });
    if (maxWaitMs <= 0 || waitMs > maxWaitMs) throw this.refusal(lease, { waitMs });
    if (this.waiters.size >= this.bounds.maxQueue) {
      this.tell(call, 'rejected', requests, tokens, waitMs);
      throw queueFull(call, this.waiters.size, waitMs);
    }
    return waitMs;
  }

  private refusal({ requests, tokens, call }: Lease, why: Omit<TooLong, 'maxWaitMs'>): LLMError {
    this.tell(call, 'rejected', requests, tokens, why.waitMs);
    return refused(call, { ...why, maxWaitMs: this.bounds.maxWaitMs });
  }

  private remove(waiter: Waiter): void {
    this.waiters.remove(waiter);
    const empty = this.waiters.size === 0;
    // Set to zero, not subtracted to it: rounding must not add up.
    this.queuedRequests = empty ? 0 : this.queuedRequests - waiter.lease.requests;
    this.queuedTokens = empty ? 0 : this.queuedTokens - waiter.lease.tokens;
  }

  /** After the gate has opened, every admission holds up the next for a random moment: no burst. */
  private stepGate(): void {
    if (this.spreadMs > 0) {
      this.stepMs = (2 * this.spreadMs) / this.waiters.size;
      this.spreadMs = 0;
    }
    if (this.stepMs > 0) this.balance.closedUntil += runtime().random() * this.stepMs;
  }

  private setTimer(at: number, now: number): void {
    if (this.timerAt === at) return;
    this.clearTimer();
    this.timerAt = at;
    this.cancelTimer = runtime().setTimer(
      () => {
        this.timerAt = Infinity;
        this.wake();
      },
      timerDelay(at - now),
    );
  }

  private clearTimer(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    this.timerAt = Infinity;
  }
}
