import type { RateLimitInfo } from '../errors/index.js';
import type { Call } from '../pipeline/call.js';
import { show } from '../pipeline/options.js';
import { currentTime } from '../pipeline/runtime.js';
import { isPromise } from '../pipeline/values.js';
import { AdmissionQueue, type QueueBounds } from './admission-queue.js';
import { MemoryBalance, type BalanceSnapshot } from './balance.js';
import { costOf, type Cost } from './cost.js';
import { Learner } from './learner.js';
import { Lease } from './lease.js';
import {
  checkLimiterChanges,
  checkLimiterOptions,
  numbersFor,
  type LimiterChanges,
  type LimiterOptions,
} from './limiter-options.js';
import { limitsOf } from './rates.js';
import { SharedBalance } from './shared-balance.js';
import { untilAborted } from './until-aborted.js';
import type { Amounts } from './store.js';
import { StoreGuard } from './store-guard.js';

const DEFAULT_MAX_WAIT_MS = 60_000;
/** The key of calls that nothing splits. */
const DEFAULT_KEY = 'default';
/** Below so many keys none is forgotten. */
const FEW_KEYS = 100;

/**
 * What several calls share: rates of requests and tokens, by the minute and by the day, and a number of calls
 * at a time. A call is admitted when everything it needs is there, in strict order of arrival, and takes it together;
 * when it ends, its reservation is settled against what it used. Clients and methods share by being given the same one.
 *
 * @example
 * const limiter = new Limiter({ requestsPerMinute: 60, tokensPerMinute: 90_000, maxConcurrent: 8 });
 *
 * class Assistant {
 *   @RateLimited(limiter)
 *   async ask(question: string) { … }
 * }
 *
 * @throws TypeError for an option that is unknown or out of range.
 */
export class Limiter {
  private bounds: QueueBounds;
  private readonly guard: StoreGuard | undefined;
  private readonly queues = new Map<string, AdmissionQueue>();
  private sweepAt = FEW_KEYS;
  /** The queue of all calls, where no key splits them. */
  private readonly only: AdmissionQueue | undefined;

  constructor(private options: LimiterOptions) {
    checkLimiterOptions(options, 'Limiter');
    this.bounds = boundsOf(options);
    const { store } = options;
    this.guard = store && new StoreGuard(store.forLimiter?.() ?? store);
    if (!options.key) this.only = this.queueOf(DEFAULT_KEY);
  }

  /**
   * Admits `call`: at once, or when its turn has come. The lease must be settled when the call has ended.
   *
   * @throws RateLimitError with `origin: 'client'` when the call can never be admitted, or not in time; `retryAfterMs` says
   * when it could have been.
   * @throws QueueFullError when `maxQueue` calls wait already.
   * @throws AbortError, or what the call was aborted with, when that happens before it is admitted.
   */
  admit(call: Call): Lease | Promise<Lease> {
    call.throwIfAborted();
    const key = this.only ? DEFAULT_KEY : this.keyOf(call);
    const queue = this.only ?? this.queueOf(key);
    // Where limits are to be learned, tokens are counted before it is known how many there are.
    const capacity = queue.tokenCapacity ?? (queue.learner && Infinity);
    const cost = costOf(call, this.options.cost, capacity, queue.experience);
    return isPromise(cost) ? this.admitLater(call, key, cost) : enter(queue, call, cost);
  }

  /**
   * Takes the provider's own account of its limits: it lowers the balance, and never raises it. Calls that run are
   * taken not to be in that account.
   */
  observe(limits: RateLimitInfo, key: string = DEFAULT_KEY): void {
    const queue = this.queueOf(key);
    queue.observe(limits);
    queue.wake();
  }

  /**
   * Changes the limits in force, for calls that wait too. A number left out stays as it is, `undefined` takes a limit
   * away. What has been used up stays used up: of 60 requests with 20 left, changed to 100, 60 are left. Each process has
   * its own numbers, also where a store is shared.
   *
   * @example
   * limiter.update({ requestsPerMinute: 1000, tokensPerMinute: 400_000 }); // the account has moved up a tier
   *
   * @throws TypeError for a name that is none of a limit or a bound, or a value out of range; nothing is changed then.
   */
  update(changes: LimiterChanges): void {
    checkLimiterChanges(changes, this.options);
    const options = { ...this.options, ...changes };
    const numbers = [...this.queues].map(([key, queue]) => [queue, numbersFor(options, key)] as const);
    this.options = options;
    this.bounds = boundsOf(options);
    for (const [queue, given] of numbers) {
      if (queue.learner) queue.learner.give(given);
      else queue.reconfigure(limitsOf(given));
      queue.wake();
    }
  }

  /**
   * Milliseconds that a call of this size would have to wait if it came now, by the rates alone; 0 when none. A place among
   * `maxConcurrent` may take longer to become free.
   */
  expectedWaitMs({ requests = 1, tokens = 0 }: Partial<Amounts> = {}, key: string = DEFAULT_KEY): number {
    return Math.ceil(this.queues.get(key)?.waitFor({ requests, tokens }) ?? 0);
  }

  /** The state of every balance by its key, as plain data; without `key` in the options there is one, `default`. */
  snapshot(): Record<string, BalanceSnapshot> {
    const now = currentTime();
    return Object.fromEntries([...this.queues].map(([key, queue]) => [key, queue.snapshot(now)]));
  }

  private async admitLater(call: Call, key: string, cost: Promise<Cost>): Promise<Lease> {
    const known = await untilAborted(call, cost);
    call.throwIfAborted();
    // Looked up again: the balance may have been forgotten meanwhile.
    return enter(this.queueOf(key), call, known);
  }

  private keyOf(call: Call): string {
    const key: unknown = this.options.key?.(call);
    if (typeof key !== 'string') throw new TypeError(`Limiter: key(call) gave ${show(key)}: give a string.`);
    return key;
  }

  private queueOf(key: string): AdmissionQueue {
    let queue = this.queues.get(key);
    if (!queue) {
      if (this.queues.size >= this.sweepAt) this.forgetIdle(currentTime());
      this.queues.set(key, (queue = this.makeQueue(key)));
    }
    return queue;
  }

  private makeQueue(key: string): AdmissionQueue {
    const { options, guard } = this;
    const now = currentTime();
    const given = numbersFor(options, key);
    const learner = options.learn ? new Learner(given, (limits) => queue.reconfigure(limits)) : undefined;
    const limits = learner?.limits ?? limitsOf(given);
    const queue = new AdmissionQueue(
      options.key && key,
      () => this.bounds,
      (wake) => (guard ? new SharedBalance(key, guard, limits, now, wake) : new MemoryBalance(limits, now)),
    );
    queue.learner = learner;
    return queue;
  }

  /** Forgets the balances that are as good as new. Done each time their number has doubled, which spreads the cost. */
  private forgetIdle(now: number): void {
    for (const [key, queue] of this.queues) {
      // What has been learned of a key is worth more than the few bytes.
      if (!queue.isIdle(now) || queue.learner?.knowsAny) continue;
      queue.balance.forget?.();
      this.queues.delete(key);
    }
    this.sweepAt = Math.max(FEW_KEYS, 2 * this.queues.size);
  }
}

/** Whether `value` is a `Limiter`: by what it can do, not by its class, since it may come from another copy of the package. */
export function isLimiter(value: unknown): value is Limiter {
  return typeof (value as Partial<Limiter> | null | undefined)?.admit === 'function';
}

function enter(queue: AdmissionQueue, call: Call, cost: Cost): Lease | Promise<Lease> {
  return queue.enter(new Lease(queue, call, cost));
}

function boundsOf({ maxWaitMs = DEFAULT_MAX_WAIT_MS, maxQueue = Infinity }: LimiterOptions): QueueBounds {
  return { maxWaitMs, maxQueue };
}
