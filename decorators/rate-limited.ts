import { isPromise } from './limits/cost.js';
import { Limiter } from './limits/limiter.js';
import { checkLimiterOptions, sameLimits, type LimiterOptions } from './limits/limiter-options.js';
import type { Call } from './pipeline/call.js';
import { definePolicy, type Next, type Stage } from './pipeline/policy.js';

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
 * `Limiter`, or options, which make a new, full limiter only when a number among them has changed.
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
class RateLimitedStage implements Stage<RateLimitedOptions> {
  private limiter: Limiter | undefined;
  private options: LimiterOptions | undefined;

  async run(call: Call, next: Next, options: RateLimitedOptions): Promise<unknown> {
    const admission = this.limiterOf(options).admit(call);
    const hadToWait = isPromise(admission);
    const lease = hadToWait ? await admission : admission;
    // Between being admitted and coming here, the call may have been aborted: it goes on to where that is thrown.
    if (hadToWait && call.aborted) lease.cancel();
    call.onEnd((outcome) => lease.settle(outcome, call.facts));
    return next(call);
  }

  private limiterOf(options: RateLimitedOptions): Limiter {
    if (isLimiter(options)) return options;
    const former = this.options;
    this.options = options;
    if (this.limiter && former && (options === former || sameLimits(options, former))) return this.limiter;
    return (this.limiter = new Limiter({ ...options, ...this.latestFunctions(options) }));
  }

  /** Options made anew for each call bring new functions, which may close over that call: the limiter asks the latest. */
  private latestFunctions({ cost, key, limits }: LimiterOptions): LimiterOptions {
    return {
      ...(cost && { cost: (call) => this.options?.cost?.(call) ?? 0 }),
      ...(key && { key: (call) => this.options?.key?.(call) ?? '' }),
      ...(limits && { limits: (name) => this.options?.limits?.(name) }),
    };
  }
}

/** By what it can do, not by its class: it may come from another copy of the package. */
function isLimiter(options: RateLimitedOptions): options is Limiter {
  return typeof (options as Limiter).admit === 'function';
}
