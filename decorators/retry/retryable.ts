import type { LLMError } from '../errors/index.js';
import { isFinal, isOwnRefusal } from '../errors/table.js';
import type { Call } from '../pipeline/call.js';
import { show } from '../pipeline/options.js';

/** Whether one of our own policies has refused the attempt: it says nothing about the provider. */
export function isRefusal({ origin, code }: LLMError): boolean {
  return origin === 'client' || (isOwnRefusal(code) && isFinal(code));
}

/**
 * Whether another attempt may mend a failure: as the user's function says, else by `error.retryable`. It is not asked
 * about the caller's ends and our own policies' refusals. `option` is its name, for messages.
 *
 * @throws what the function throws, as an error of the hierarchy.
 */
export function isRetryable(
  call: Call,
  error: LLMError,
  decide: ((error: LLMError) => boolean) | undefined,
  option: string,
): boolean {
  // What another attempt cannot change, whatever the user says.
  if (error.origin === 'client' || isFinal(error.code)) return false;
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
