import type { LLMError } from '../errors/index.js';
import type { Call } from '../pipeline/call.js';
import { show } from '../pipeline/options.js';

/** The refusals of our own policies that are not marked by their origin. */
const REFUSALS: ReadonlySet<string> = new Set([
  'queue_full',
  'circuit_open',
  'budget_exceeded',
  'store_unavailable',
]);

/** Whether one of our own policies has refused the attempt: it says nothing about the provider. */
export function isRefusal(error: LLMError): boolean {
  return error.origin === 'client' || REFUSALS.has(error.code);
}

/** Ends that another attempt cannot change, whatever the user says: the caller's, and our own policies' refusals. */
function isFinal(error: LLMError): boolean {
  return isRefusal(error) || error.code === 'aborted' || error.code === 'timeout_total';
}

/**
 * Whether another attempt may mend a failure: as the user's function says, else by `error.retryable`. `option` is the
 * function's name, for messages.
 *
 * @throws what the function throws, as an error of the hierarchy.
 */
export function isRetryable(
  call: Call,
  error: LLMError,
  decide: ((error: LLMError) => boolean) | undefined,
  option: string,
): boolean {
  if (isFinal(error)) return false;
  if (!decide) return error.retryable;
  try {
    const answer: unknown = decide(error);
    if (typeof answer === 'boolean') return answer;
    throw new TypeError(
      `\`${option}\` returned ${show(answer)}: it must return true or false, and not later.`,
    );
  } catch (thrown) {
    throw call.view(thrown);
  }
}
