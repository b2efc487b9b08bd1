import type { AttemptSummary, RateLimitInfo } from '../../decorators/errors/index.js';
import type { Call } from '../../decorators/pipeline/index.js';
import type { TokenUsage } from '../../decorators/pipeline/call.js';

/** What is known of the request behind a result. */
export interface ResponseInfo {
  readonly usage?: TokenUsage;
  /** The provider's id of the request; for a result of several requests that of the last. */
  readonly requestId?: string;
  /** The provider's account of its limits, as its headers gave it. */
  readonly rateLimit?: RateLimitInfo;
  /** Every attempt of the call, the successful one last. */
  readonly attempts: readonly AttemptSummary[];
}

const callsBehind = new WeakMap<object, readonly Call[]>();

/** Remembers which calls a result came from. */
export function rememberCalls(result: object, calls: readonly Call[]): void {
  callsBehind.set(result, calls);
}

/** The calls that `rememberCalls()` was told of. */
export function callsOf(result: object): readonly Call[] {
  return callsBehind.get(result) ?? [];
}

/**
 * Usage, request id, rate limits and attempts of a result: a completion, an embedding or a list of them, or what
 * `request()` gave. Undefined for anything else.
 *
 * @example
 * const reply = await client.chatCompletion(messages);
 * responseInfo(reply)?.rateLimit?.tokens?.remaining;
 */
export function responseInfo(result: object): ResponseInfo | undefined {
  const calls = callsBehind.get(result);
  if (!calls || calls.length === 0) return undefined;
  const usages = calls.map((call) => call.facts.usage).filter((usage) => usage !== undefined);
  const last = calls[calls.length - 1]?.facts;
  return {
    ...(usages.length > 0 && { usage: usages.reduce(addUsage) }),
    ...(last?.requestId !== undefined && { requestId: last.requestId }),
    ...(last?.limits && { rateLimit: last.limits }),
    attempts: calls.flatMap((call) => call.attempts),
  };
}

function addUsage(a: TokenUsage, b: TokenUsage): TokenUsage {
  const sum = (name: keyof TokenUsage): TokenUsage =>
    a[name] === undefined && b[name] === undefined ? {} : { [name]: (a[name] ?? 0) + (b[name] ?? 0) };
  return { ...sum('inputTokens'), ...sum('outputTokens'), ...sum('cachedInputTokens') };
}
