import {
  CircuitOpenError,
  ConnectionError,
  InternalServerError,
  QueueFullError,
  RateLimitError,
  TimeoutError,
  type LLMError,
} from '../errors/index.js';
import { show } from '../pipeline/options.js';
import type { ErrorClass, ErrorMatch } from './types.js';

/** What may go well elsewhere, even where the same server says that trying again is useless. */
const ELSEWHERE = [
  RateLimitError,
  InternalServerError,
  ConnectionError,
  TimeoutError,
  CircuitOpenError,
  QueueFullError,
];

/** What is wrong with the option `on`; undefined when nothing is. */
export function checkMatches(on: unknown): string | undefined {
  const matches: unknown[] = Array.isArray(on) ? on : [on];
  if (matches.length > 0 && matches.every((match) => typeof match === 'function')) return undefined;
  return 'give a class of errors, a function of the error, or a list of these';
}

/**
 * Whether `on` means what a call failed with.
 *
 * @param error The failure as the hierarchy sees it.
 * @param thrown The failure as it was thrown.
 * @throws TypeError when a function of `on` answers neither true nor false.
 */
export function matches(
  on: ErrorMatch | readonly ErrorMatch[] | undefined,
  error: LLMError,
  thrown: unknown,
): boolean {
  if (on === undefined) return error.retryable || ELSEWHERE.some((Class) => error instanceof Class);
  return [on].flat().some((match) => {
    if (isErrorClass(match)) return isOfClass(match, error, thrown);
    const answer: unknown = match(error);
    if (typeof answer === 'boolean') return answer;
    throw new TypeError(
      `@Fallback: \`on\` returned ${show(answer)}: it must return true or false, and not later.`,
    );
  });
}

function isErrorClass(match: ErrorMatch): match is ErrorClass {
  return match === Error || match.prototype instanceof Error;
}

/** An error of a user's own class is the cause of what the hierarchy makes of it. */
function isOfClass(Class: ErrorClass, error: LLMError, thrown: unknown): boolean {
  const isOne = (value: unknown): boolean => value instanceof Class;
  return isOne(thrown) || isOne(error) || (error.code === 'unexpected' && isOne(error.cause));
}
