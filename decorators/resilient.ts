import { CircuitBreaker } from './circuit-breaker.js';
import { HandleApiErrors } from './handle-api-errors.js';
import { composePolicies } from './pipeline/decorator.js';
import { checkNames } from './pipeline/options.js';
import { RateLimited } from './rate-limited.js';
import { RetryWithBackoff } from './retry-with-backoff.js';
import { Timeout } from './timeout.js';

/** The options of a decorator: the first thing between its parentheses. */
type OptionsOf<Factory extends (options: never) => unknown> = Parameters<Factory>[0];

/** Options of `@Resilient`: those of each decorator in it; `false` leaves it out. */
export interface ResilientOptions {
  /** Options of `@Timeout`. Default: its own. */
  timeouts?: OptionsOf<typeof Timeout>;
  /** Options of `@RetryWithBackoff`. Default: its own. */
  retry?: OptionsOf<typeof RetryWithBackoff>;
  /** Options of `@CircuitBreaker`. Default: its own. */
  circuitBreaker?: OptionsOf<typeof CircuitBreaker>;
  /** Limits for `@RateLimited`: there are none unless they are given. */
  rateLimit?: OptionsOf<typeof RateLimited>;
}

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
