import type { Lease } from './limits/lease.js';
import { isLimiter, Limiter } from './limits/limiter.js';
import { checkLimiterOptions, fingerprint, type LimiterOptions } from './limits/limiter-options.js';
import type { Call } from './pipeline/call.js';
import { DirectStage, type Inward, type OnFailure, type OnResult } from './pipeline/direct-stage.js';
import { MadeOfOptions } from './pipeline/made-of-options.js';
import { definePolicy } from './pipeline/policy.js';
import { isPromise } from './pipeline/values.js';

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

/** Admits every attempt, and settles it when it has ended. */
class RateLimitedStage extends DirectStage<RateLimitedOptions> {
  private readonly limiters = new MadeOfOptions(fingerprint, makeLimiter);

  drive(
    call: Call,
    inward: Inward,
    options: RateLimitedOptions,
    onResult: OnResult | undefined,
    onFailure: OnFailure | undefined,
  ): Promise<unknown> {
    const limiter = isLimiter(options) ? options : this.limiters.get(options);
    const admission = limiter.admit(call);
    const enter = (lease: Lease): Promise<unknown> => {
      call.onReport((facts) => lease.observe(facts));
      call.onEnd((outcome) => lease.settle(outcome, call.facts));
      return inward(call, onResult, onFailure);
    };
    return isPromise(admission) ? admission.then(enter, onFailure) : enter(admission);
  }
}

function makeLimiter(options: LimiterOptions, given: () => LimiterOptions): Limiter {
  const { cost, key, limits } = options;
  return new Limiter({
    ...options,
    ...(cost && { cost: (call) => (given().cost ?? cost)(call) }),
    ...(key && { key: (call) => (given().key ?? key)(call) }),
    ...(limits && { limits: (name) => (given().limits ?? limits)(name) }),
  });
}
