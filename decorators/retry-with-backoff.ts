import { RateLimitError, type LLMError } from './errors/index.js';
import { definePolicy, type Call, type PolicyTarget } from './pipeline/index.js';
import {
  DirectStage,
  failWith,
  type Inward,
  type OnFailure,
  type OnResult,
} from './pipeline/direct-stage.js';
import { tell } from './pipeline/events.js';
import { checkOptions, rules } from './pipeline/options.js';
import { currentTime, runtime } from './pipeline/runtime.js';
import { backoffDelay, JITTERS, type Jitter } from './retry/backoff.js';
import {
  budgetRule,
  checkBudgetOptions,
  countCall,
  takeRetry,
  type RetryBudgetOptions,
} from './retry/budget.js';
import { isRetryable } from './retry/retryable.js';

/** What `onRetry` is told before the wait. */
export interface RetryNotice {
  /** Why the attempt failed. */
  readonly error: LLMError;
  /** The attempt that failed; the first is 1. */
  readonly attempt: number;
  /** Milliseconds until the next one. */
  readonly delayMs: number;
}

/** Options of `@RetryWithBackoff`. */
export interface RetryOptions {
  /** How many retries may follow the first attempt: 3 makes four attempts at the most. Default 3. */
  maxRetries?: number;
  /** The wait before the first retry, before jitter; it doubles with each. Default 1,000. */
  baseDelayMs?: number;
  /** No wait is longer, unless the server asks for more. Default 60,000. */
  maxDelayMs?: number;
  /** How the wait is spread: `full` (from 0 up to it; the default), `decorrelated`, or `none`. */
  jitter?: Jitter;
  /** A server that asks for a longer wait than this is not waited for: the error comes at once. Default 60,000. */
  maxRetryAfterMs?: number;
  /**
   * Decides instead of `error.retryable`. Not asked about aborts, the total timeout and what our own policies
   * have refused: those are never retried.
   */
  retryOn?: (error: LLMError) => boolean;
  /** Keeps retries from multiplying an outage; `false` for none. Default `{ ratio: 0.2, minPerSecond: 10 }`. */
  budget?: RetryBudgetOptions | false;
  /** Called before each wait. */
  onRetry?: (notice: RetryNotice) => void;
}

const table = {
  maxRetries: rules.count,
  baseDelayMs: rules.notNegative,
  maxDelayMs: rules.notNegative,
  jitter: rules.oneOf(...JITTERS),
  maxRetryAfterMs: rules.notNegative,
  retryOn: rules.function,
  budget: budgetRule,
  onRetry: rules.function,
};

/** Throws a `TypeError` for bad retry options. */
export function checkRetryOptions(options: RetryOptions, where: string): void {
  checkOptions(options, table, where);
  if (options.budget) checkBudgetOptions(options.budget, where);
}

/**
 * Tries again after a failure that may pass: statuses 408, 409, 429 and 500 or more, connections and timeouts. Never
 * after other 4xx, an exhausted quota, an abort, an unexpected error or a refusal of our own limiter. The waits
 * grow exponentially; `retry-after-ms`, `retry-after` and `x-should-retry` of the server are obeyed. A stream is
 * opened anew until its first event that carries content, never after. The caller's `maxRetries` takes precedence.
 *
 * @throws the last attempt's error, with all attempts in `error.attempts`.
 *
 * @example
 * @RetryWithBackoff({ maxRetries: 5, maxDelayMs: 20_000 })
 * async fetchReport(id: string) { … }
 */
export const RetryWithBackoff = definePolicy<RetryOptions>({
  kind: 'RetryWithBackoff',
  place: 'RetryWithBackoff',
  validate: checkRetryOptions,
  fromCallOptions: ({ maxRetries }) => (maxRetries === undefined ? undefined : { maxRetries }),
  create: (target) => new RetryStage(target),
  neverAborts: true,
});

class RetryStage extends DirectStage<RetryOptions> {
  constructor(private readonly target: PolicyTarget) {
    super();
  }

  drive(
    call: Call,
    inward: Inward,
    options: RetryOptions,
    onResult: OnResult | undefined,
    onFailure: OnFailure | undefined,
  ): Promise<unknown> {
    const { self } = this.target;
    const { maxRetries = 3, budget } = options;
    const allowance = call.retryAllowance;
    if (allowance) allowance.left = Math.min(allowance.left, maxRetries);
    countCall(self, budget);
    let retry = 0;
    let delayMs = 0;
    let current = call.fork({ attempt: call.nextAttempt });
    const onAttemptFailure = (failure: unknown): unknown => {
      const { attempt } = current;
      let waited: Promise<void>;
      try {
        const error = call.view(failure);
        if (++retry > maxRetries || allowance?.left === 0) throw failure;
        if (!isRetryable(call, error, options.retryOn, 'retryOn')) throw failure;
        const wait = waitBefore(error, retry, delayMs, options);
        if (wait === undefined || tooLate(call, wait)) throw failure;
        if (!isPaced(error) && !takeRetry(self, budget)) throw failure;
        delayMs = wait;
        if (allowance) allowance.left--;
        current.emit({ type: 'retry', delayMs, error });
        if (options.onRetry) tell(options.onRetry, { error, attempt, delayMs }, '`onRetry`');
        waited = call.wait(delayMs, 'backoff');
      } catch (thrown) {
        return failWith(onFailure, thrown);
      }
      return waited.then(() => {
        // Hedges of the attempt have numbers too.
        current = call.fork({ attempt: Math.max(attempt + 1, call.nextAttempt) });
        return inward(current, onResult, onAttemptFailure);
      }, onFailure);
    };
    return inward(current, onResult, onAttemptFailure);
  }
}

/** The next wait; undefined when the server asks for a longer one than is acceptable. */
function waitBefore(
  error: LLMError,
  retry: number,
  lastMs: number,
  options: RetryOptions,
): number | undefined {
  const { maxRetryAfterMs = 60_000 } = options;
  const askedMs = error.retryAfterMs;
  const backoffMs = backoffDelay(retry, lastMs, options, runtime().random());
  if (askedMs === undefined) return backoffMs;
  if (askedMs > maxRetryAfterMs) return undefined;
  // A tenth more at random: callers that were told the same time must not come back as one.
  return Math.max(askedMs, backoffMs) + runtime().random() * askedMs * 0.1;
}

function tooLate(call: Call, waitMs: number): boolean {
  return call.deadline !== undefined && currentTime() + waitMs >= call.deadline;
}

/** A server that names the wait paces the retries itself. */
function isPaced(error: LLMError): boolean {
  return error instanceof RateLimitError && error.retryAfterMs !== undefined;
}
