import type { AttemptSummary, RateLimitInfo } from '../../decorators/errors/index.js';
import type { Call } from '../../decorators/pipeline/index.js';
import type { TokenUsage } from '../../decorators/pipeline/call.js';

/** What is known of the request behind a result. */
export interface ResponseInfo {
  /** What the provider says was used; missing where it said nothing, even if tokens were counted here. */
  readonly usage?: TokenUsage;
  /** The provider's id of the request; for a result of several requests that of the last. */
  readonly requestId?: string;
  /** The provider's account of its limits, as its headers gave it. */
  readonly rateLimit?: RateLimitInfo;
  /** True when a cache gave the result: nothing was sent for it, and `usage` is missing, since nothing was used. */
  readonly fromCache?: true;
  /** Every attempt of the call, the successful one last. */
  readonly attempts: readonly AttemptSummary[];
}

/** The part of a call that outlives it. The call itself holds the prompt, which a kept result must not keep. */
export type CallRecord = Pick<Call, 'facts' | 'attempts'>;

const recordsBehind = new WeakMap<object, readonly CallRecord[]>();

/** Remembers what calls a result came from. What they learn later shows as well: the usage of a stream comes last. */
export function rememberCalls(result: object, calls: readonly CallRecord[]): void {
  recordsBehind.set(
    result,
    calls.map(({ facts, attempts }) => ({ facts, attempts })),
  );
}

/** What `rememberCalls()` was told of a result. */
export function callsBehind(result: object): readonly CallRecord[] {
  return recordsBehind.get(result) ?? [];
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
  const calls = callsBehind(result);
  if (calls.length === 0) return undefined;
  const usages = calls.flatMap(({ facts: { usage } }) => (usage && !usage.counted ? [usage] : []));
  const last = calls[calls.length - 1]?.facts;
  return {
    ...(usages.length > 0 && { usage: usages.reduce(addUsage) }),
    ...(last?.requestId !== undefined && { requestId: last.requestId }),
    ...(last?.limits && { rateLimit: last.limits }),
    ...(calls.every(({ facts }) => facts.fromCache) && { fromCache: true }),
    attempts: calls.flatMap(({ attempts }) => attempts),
  };
}

function addUsage(a: TokenUsage, b: TokenUsage): TokenUsage {
  const sum = (name: 'inputTokens' | 'outputTokens' | 'cachedInputTokens'): TokenUsage =>
    a[name] === undefined && b[name] === undefined ? {} : { [name]: (a[name] ?? 0) + (b[name] ?? 0) };
  return { ...sum('inputTokens'), ...sum('outputTokens'), ...sum('cachedInputTokens') };
}
