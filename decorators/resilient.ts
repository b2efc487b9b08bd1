import { CircuitBreaker, type CircuitBreakerOptions } from './circuit-breaker.js';
import { HandleApiErrors } from './handle-api-errors.js';
import { composePolicies } from './pipeline/decorator.js';
import type { Configurable } from './pipeline/policy.js';
import { checkNames } from './pipeline/options.js';
import { RateLimited, type RateLimitedOptions } from './rate-limited.js';
import { RetryWithBackoff, type RetryOptions } from './retry-with-backoff.js';
import { Timeout, type TimeoutOptions } from './timeout.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- which class it stands on is known only where it is used */

/** Options of `@Resilient`: those of each decorator in it; `false` leaves it out. */
export interface ResilientOptions {
  /** Options of `@Timeout`. Default: its own. */
  timeouts?: Configurable<TimeoutOptions, any>;
  /** Options of `@RetryWithBackoff`. Default: its own. */
  retry?: Configurable<RetryOptions, any>;
  /** Options of `@CircuitBreaker`. Default: its own. */
  circuitBreaker?: Configurable<CircuitBreakerOptions, any>;
  /** Limits for `@RateLimited`: there are none unless they are given. */
  rateLimit?: Configurable<RateLimitedOptions, any>;
}

/* eslint-enable @typescript-eslint/no-explicit-any */

/**
 * What a call to another service should have, in one line: `@Timeout`, `@RetryWithBackoff`, `@CircuitBreaker` and
 * `@HandleApiErrors`, each with its defaults, and `@RateLimited` where limits are given. A decorator that stands on the
 * method by itself takes the place of the same kind in here.
 *
 * @example
 * class Weather {
 *   @Resilient({ timeouts: { totalMs: 30_000 }, rateLimit: { requestsPerMinute: 60 } })
 *   async today(city: string) { … }
 *
 *   @Resilient()
 *   @RetryWithBackoff({ maxRetries: 8 }) // instead of the three
 *   async history(city: string) { … }
 * }
 *
 * @throws TypeError for an option of any of them that is unknown or out of range.
 */
export const Resilient = composePolicies('Resilient', (options: ResilientOptions = {}) => {
  checkNames(options, ['timeouts', 'retry', 'circuitBreaker', 'rateLimit'], '@Resilient');
  const { timeouts, retry, circuitBreaker, rateLimit } = options;
  return [
    Timeout(timeouts),
    RetryWithBackoff(retry),
    CircuitBreaker(circuitBreaker),
    rateLimit !== undefined && RateLimited(rateLimit),
    HandleApiErrors(),
  ];
});
