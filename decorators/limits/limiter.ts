import type { RateLimitInfo } from '../errors/index.js';
import type { Call } from '../pipeline/call.js';
import { show } from '../pipeline/options.js';
import { runtime } from '../pipeline/runtime.js';
import { AdmissionQueue, type QueueBounds } from './admission-queue.js';
import { Balance, type BalanceSnapshot } from './balance.js';
import { costOf, isPromise, type Cost } from './cost.js';
import { Lease } from './lease.js';
import { checkLimiterOptions, numbersFor, type LimiterOptions } from './limiter-options.js';

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
  private readonly bounds: QueueBounds;
  private readonly queues = new Map<string, AdmissionQueue>();
  private sweepAt = FEW_KEYS;
  /** The queue of all calls, where no key splits them. */
  private readonly only: AdmissionQueue | undefined;

  constructor(private readonly options: LimiterOptions) {
    checkLimiterOptions(options, 'Limiter');
    this.bounds = {
      maxWaitMs: options.maxWaitMs ?? DEFAULT_MAX_WAIT_MS,
      maxQueue: options.maxQueue ?? Infinity,
    };
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
    const cost = costOf(call, this.options.cost, queue.balance.tokenCapacity, queue.meanOutputTokens.value);
    return isPromise(cost) ? this.admitLater(call, key, cost) : enter(queue, call, cost);
  }

  /**
   * Takes the provider's own account of its limits: it lowers the balance, and never raises it. Calls that run are
   * taken not to be in that account.
   */
  observe(limits: RateLimitInfo, key: string = DEFAULT_KEY): void {
    this.queueOf(key).observe(limits);
  }

  /** The state of every balance by its key, as plain data; without `key` in the options there is one, `default`. */
  snapshot(): Record<string, BalanceSnapshot> {
    const now = runtime().now();
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
      const now = runtime().now();
      if (this.queues.size >= this.sweepAt) this.forgetIdle(now);
      const balance = new Balance(numbersFor(this.options, key), now);
      queue = new AdmissionQueue(this.options.key && key, balance, this.bounds);
      this.queues.set(key, queue);
    }
    return queue;
  }

  /** Forgets the balances that are as good as new. Done each time their number has doubled, which spreads the cost. */
  private forgetIdle(now: number): void {
    for (const [key, queue] of this.queues) if (queue.isIdle(now)) this.queues.delete(key);
    this.sweepAt = Math.max(FEW_KEYS, 2 * this.queues.size);
  }
}

/** Whether `value` is a `Limiter`: by what it can do, not by its class, since it may come from another copy of the package. */
export function isLimiter(value: unknown): value is Limiter {
  return typeof (value as Partial<Limiter> | null | undefined)?.admit === 'function';
}

/** What `promise` gives, or the abortion of `call`, whichever comes first. */
function untilAborted<T>(call: Call, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const forgetAbort = call.onAbort(reject);
    promise.then(resolve, reject).finally(forgetAbort);
  });
}

function enter(queue: AdmissionQueue, call: Call, cost: Cost): Lease | Promise<Lease> {
  return queue.enter(new Lease(queue, call, cost.requests, cost.tokens, cost.inputTokens));
}
