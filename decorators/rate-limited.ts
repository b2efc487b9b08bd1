import { isPromise } from './limits/cost.js';
import type { Lease } from './limits/lease.js';
import { isLimiter, Limiter } from './limits/limiter.js';
import { checkLimiterOptions, fingerprint, type LimiterOptions } from './limits/limiter-options.js';
import type { Call } from './pipeline/call.js';
import { DirectStage, type Inward, type OnFailure, type OnResult } from './pipeline/direct-stage.js';
import { definePolicy } from './pipeline/policy.js';

/**
 * What `@RateLimited` takes: the options of a limiter, made at the first call for each object and method, or
 * a `Limiter` that several share.
 */
export type RateLimitedOptions = LimiterOptions | Limiter;

/**
 * Holds calls back so that they stay within rates of requests and tokens and a number of calls at a time. Every attempt
 * pays: a retry waits its turn like any other call.
 *
 * Options written in place make one limiter for each object and method. A function is asked at each call: it may give a
 * `Limiter`, or options: each set of numbers has one limiter, and the hundred used last are kept.
 *
 * | option | unit | default |
 * |---|---|---|
 * | `requestsPerMinute`, `requestsPerDay` | requests | not limited |
 * | `tokensPerMinute`, `tokensPerDay` | tokens | not limited |
 * | `maxConcurrent` | calls | not limited |
 * | `requestBurst`, `tokenBurst` | requests, tokens | one minute's worth |
 * | `maxWaitMs` | milliseconds | 60_000 |
 * | `maxQueue` | calls | not limited |
 *
 * @example
 * class Assistant {
 *   @RateLimited({ requestsPerMinute: 60, maxConcurrent: 4 })
 *   async ask(question: string) { … }
 *
 *   @RateLimited((self) => self.limiter)
 *   async summarize(text: string) { … }
 * }
 *
 * @throws RateLimitError with `origin: 'client'` when a call can never be admitted, or not within `maxWaitMs`; `retryAfterMs`
 * says when it could have been. It is not retried.
 * @throws QueueFullError when `maxQueue` calls wait already.
 * @throws TypeError for an option that is unknown or out of range.
 */
export const RateLimited = definePolicy<RateLimitedOptions>({
  kind: 'RateLimited',
  place: 'admission',
  neverAborts: true,
  validate(options, where) {
    if (!isLimiter(options)) checkLimiterOptions(options, where);
  },
  create: () => new RateLimitedStage(),
});

const MAX_LIMITERS = 100;

/** Admits every attempt, and settles it when it has ended. */
class RateLimitedStage extends DirectStage<RateLimitedOptions> {
  /** The limiters made of options, by the numbers among these, the one used last at the end. */
  private readonly limiters = new Map<string, OwnLimiter>();
  private latest: OwnLimiter | undefined;

  drive(
    call: Call,
    inward: Inward,
    options: RateLimitedOptions,
    onResult: OnResult | undefined,
    onFailure: OnFailure | undefined,
  ): Promise<unknown> {
    const admission = this.limiterOf(options).admit(call);
    const enter = (lease: Lease): Promise<unknown> => {
      call.onReport((facts) => lease.observe(facts));
      call.onEnd((outcome) => lease.settle(outcome, call.facts));
      return inward(call, onResult, onFailure);
    };
    return isPromise(admission) ? admission.then(enter, onFailure) : enter(admission);
  }

  private limiterOf(options: RateLimitedOptions): Limiter {
    if (isLimiter(options)) return options;
    if (this.latest?.options !== options) this.latest = this.ownLimiter(options);
    return this.latest.limiter;
  }

  private ownLimiter(options: LimiterOptions): OwnLimiter {
    const { limiters } = this;
    const name = fingerprint(options);
    const own = limiters.get(name) ?? new OwnLimiter(options);
    own.options = options;
    limiters.delete(name);
    limiters.set(name, own);
    if (limiters.size > MAX_LIMITERS) limiters.delete(limiters.keys().next().value as string);
    return own;
  }
}

/** A limiter made of options. Options made anew for each call bring new functions, which may close over it: it asks the latest. */
class OwnLimiter {
  readonly limiter: Limiter;

  constructor(public options: LimiterOptions) {
    const { cost, key, limits } = options;
    this.limiter = new Limiter({
      ...options,
      ...(cost && { cost: (call) => this.options.cost?.(call) ?? 0 }),
      ...(key && { key: (call) => this.options.key?.(call) ?? '' }),
      ...(limits && { limits: (name) => this.options.limits?.(name) }),
    });
  }
}
