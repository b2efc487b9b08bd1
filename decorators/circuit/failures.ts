import {
  ConnectionError,
  InternalServerError,
  RateLimitError,
  StreamError,
  TimeoutError,
  type LLMError,
} from '../errors/index.js';
import { show } from '../pipeline/options.js';

/** Ends that tell nothing of the provider, whatever `tripOn` says: the caller's, and what was refused before it was sent. */
const OWN_CODES: ReadonlySet<string> = new Set([
  'aborted',
  'client_closed',
  'queue_full',
  'circuit_open',
  'budget_exceeded',
  'store_unavailable',
]);

/**
 * Whether `error` counts as a failure. Another error counts as nothing: neither for the provider nor against it.
 *
 * @param answered Whether the first content of a stream had come.
 * @throws TypeError when `tripOn` gives no boolean.
 */
export function isFailure(
  error: LLMError,
  answered: boolean,
  tripOn: ((error: LLMError) => boolean) | undefined,
): boolean {
  if (error.origin === 'client' || OWN_CODES.has(error.code)) return false;
  // A stream that is longer than the caller has time is no fault of the provider.
  if (error.code === 'timeout_total' && answered) return false;
  if (!tripOn) return failsByDefault(error);
  const answer: unknown = tripOn(error);
  if (typeof answer === 'boolean') return answer;
  throw new TypeError(
    `CircuitBreaker: tripOn(error) gave ${show(answer)}: it must return true or false, and not later.`,
  );
}

const FAILURES = [InternalServerError, ConnectionError, TimeoutError, StreamError];

function failsByDefault(error: LLMError): boolean {
  // This is how a provider that works paces its callers. Who sends at twice his quota gets half his calls answered; a
  // circuit that opened then would make it none.
  if (error instanceof RateLimitError) return false;
  if (FAILURES.some((Class) => error instanceof Class)) return true;
  const { statusCode = 0 } = error;
  return statusCode >= 500 || statusCode === 408;
}
