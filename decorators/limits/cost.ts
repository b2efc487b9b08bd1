import type { Call } from '../pipeline/call.js';
import { hostOf, type TokenEstimate } from '../pipeline/host.js';
import { rules, show } from '../pipeline/options.js';
import { renewStep } from '../pipeline/runtime.js';
import { isPromise } from '../pipeline/values.js';
import type { Experience } from './experience.js';
import type { CallCost, LimiterOptions } from './limiter-options.js';

/** What a call is going to take from a balance. */
export interface Cost {
  readonly requests: number;
  readonly tokens: number;
  /** The part of `tokens` that is input, where that is known. */
  readonly inputTokens: number | undefined;
  /** The same as it was estimated, before experience corrected it. */
  readonly estimatedInput: number | undefined;
}

const ONE_REQUEST: Cost = { requests: 1, tokens: 0, inputTokens: undefined, estimatedInput: undefined };

/**
 * What `call` will use. `tokenCapacity` is the most tokens one call may take: where it is undefined, tokens are not
 * limited and nothing is estimated.
 */
export function costOf(
  call: Call,
  costFunction: LimiterOptions['cost'],
  tokenCapacity: number | undefined,
  experience: Experience,
): Cost | Promise<Cost> {
  if (costFunction) {
    const cost = costFunction(call);
    renewStep();
    return isPromise(cost) ? cost.then(givenCost) : givenCost(cost);
  }
  if (tokenCapacity === undefined) return ONE_REQUEST;
  const estimate = hostOf(call.self)?.estimate?.(call);
  renewStep();
  return isPromise(estimate)
    ? estimate.then((known) => estimatedCost(known, tokenCapacity, experience))
    : estimatedCost(estimate, tokenCapacity, experience);
}

function givenCost(cost: CallCost): Cost {
  const { requests = 1, tokens = 0 } = typeof cost === 'object' && cost !== null ? cost : { tokens: cost };
  checkAmount(requests, 'cost(call)', 'requests');
  checkAmount(tokens, 'cost(call)', 'tokens');
  return { ...ONE_REQUEST, requests, tokens };
}

function estimatedCost(
  estimate: TokenEstimate | undefined,
  tokenCapacity: number,
  { meanOutputTokens, inputFactor }: Experience,
): Cost {
  const estimatedInput = estimate?.inputTokens ?? 0;
  let outputTokens = estimate?.maxOutputTokens;
  checkAmount(estimatedInput, 'estimate(call)', 'inputTokens');
  if (outputTokens !== undefined) checkAmount(outputTokens, 'estimate(call)', 'maxOutputTokens');
  let inputTokens = Math.ceil(estimatedInput * inputFactor.value);
  // Neither a correction nor a guess must make a call impossible: only what is known to be too much is refused.
  if (inputTokens > estimatedInput) {
    const most = Math.max(estimatedInput, tokenCapacity - (outputTokens ?? 0));
    inputTokens = Math.min(inputTokens, most);
  }
  outputTokens ??= Math.min(Math.ceil(meanOutputTokens.value), Math.max(0, tokenCapacity - inputTokens));
  const tokens = inputTokens + outputTokens;
  return estimate ? { requests: 1, tokens, inputTokens, estimatedInput } : { ...ONE_REQUEST, tokens };
}

function checkAmount(value: unknown, source: string, name: string): void {
  const wrong = rules.notNegative(value);
  if (wrong) throw new TypeError(`Limiter: ${source} gave ${show(value)} for \`${name}\`: ${wrong}.`);
}
