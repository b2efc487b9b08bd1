import type { Call } from '../pipeline/call.js';
import { hostOf, type TokenEstimate } from '../pipeline/host.js';
import { rules, show } from '../pipeline/options.js';
import type { CallCost, LimiterOptions } from './limiter-options.js';

/** What a call is going to take from a balance. */
export interface Cost {
  readonly requests: number;
  readonly tokens: number;
  /** The part of `tokens` that is input, where that is known. */
  readonly inputTokens: number | undefined;
}

const ONE_REQUEST: Cost = { requests: 1, tokens: 0, inputTokens: undefined };

/**
 * What `call` will use. `tokenCapacity` is the most tokens one call may take: where it is undefined, tokens are not
 * limited and nothing is estimated. `meanOutputTokens` is the output expected of a call that names no bound.
 */
export function costOf(
  call: Call,
  costFunction: LimiterOptions['cost'],
  tokenCapacity: number | undefined,
  meanOutputTokens: number,
): Cost | Promise<Cost> {
  if (costFunction) {
    const cost = costFunction(call);
    return isPromise(cost) ? cost.then(givenCost) : givenCost(cost);
  }
  if (tokenCapacity === undefined) return ONE_REQUEST;
  const estimate = hostOf(call.self)?.estimate?.(call);
  return isPromise(estimate)
    ? estimate.then((known) => estimatedCost(known, tokenCapacity, meanOutputTokens))
    : estimatedCost(estimate, tokenCapacity, meanOutputTokens);
}

function givenCost(cost: CallCost): Cost {
  const { requests = 1, tokens = 0 } = typeof cost === 'object' && cost !== null ? cost : { tokens: cost };
  checkAmount(requests, 'cost(call)', 'requests');
  checkAmount(tokens, 'cost(call)', 'tokens');
  return { requests, tokens, inputTokens: undefined };
}

function estimatedCost(
  estimate: TokenEstimate | undefined,
  tokenCapacity: number,
  meanOutputTokens: number,
): Cost {
  const inputTokens = estimate?.inputTokens ?? 0;
  let outputTokens = estimate?.maxOutputTokens;
  checkAmount(inputTokens, 'estimate(call)', 'inputTokens');
  if (outputTokens !== undefined) checkAmount(outputTokens, 'estimate(call)', 'maxOutputTokens');
  // A guess must not make a call impossible: only what is known to be too much is refused.
  else outputTokens = Math.min(Math.ceil(meanOutputTokens), Math.max(0, tokenCapacity - inputTokens));
  return { requests: 1, tokens: inputTokens + outputTokens, inputTokens: estimate && inputTokens };
}

function checkAmount(value: unknown, source: string, name: string): void {
  const wrong = rules.notNegative(value);
  if (wrong) throw new TypeError(`Limiter: ${source} gave ${show(value)} for \`${name}\`: ${wrong}.`);
}

/** Whether something is still to come; a promise of any make. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Promise<T> | undefined)?.then === 'function';
}

/** A mean that begins with a guess, learns fast at first and then follows the last ten or so (exponential moving average). */
export class RunningMean {
  private count = 1;

  constructor(public value: number) {}

  add(sample: number): void {
    this.count = Math.min(this.count + 1, 10);
    this.value += (sample - this.value) / this.count;
  }
}
