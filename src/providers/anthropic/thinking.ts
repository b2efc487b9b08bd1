import type { ChatParams } from '../../wire/index.js';
import type { Objections } from '../translation.js';
import { isObject, type Fields } from './blocks.js';

/** The least that Anthropic lets a model think. */
const LEAST_BUDGET = 1024;

/** Tokens of thought by the effort that was asked for, of models that take a budget. */
const BUDGETS: Readonly<Record<string, number>> = {
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 16_384,
  xhigh: 32_768,
  max: 32_768,
};

/** Models up to Claude 4.5 think within a budget; later ones as much as they find right for an effort. */
const BY_BUDGET = /claude-(?:\d|instant|(?:opus|sonnet|haiku)-4(?:-[015]\b|-20\d{6}|@|$))/;

/** The fields of a request that are about thinking, and the token limit that goes with them. */
export interface ThinkingFields {
  readonly max_tokens: number;
  readonly thinking?: Fields;
  /** A part of `output_config`. */
  readonly effort?: string;
}

/**
 * Translates `reasoning_effort`, unless `thinking` says it in Anthropic's own words. Anthropic counts thoughts as part of
 * the answer: without a limit of the caller's there is room for both.
 */
export function toThinking(
  params: ChatParams,
  model: string,
  defaultMaxTokens: number,
  objections: Objections,
): ThinkingFields {
  const given = params.max_completion_tokens ?? params.max_tokens ?? undefined;
  const { reasoning_effort: asked } = params;
  const own: unknown = params['thinking'];
  if (isObject(own)) {
    const budget = typeof own['budget_tokens'] === 'number' ? own['budget_tokens'] : 0;
    const effort = own['type'] === 'adaptive' ? toEffort(asked) : undefined;
    if (asked && effort === undefined && !(asked === 'none' && own['type'] === 'disabled')) {
      objections.drop('reasoning_effort', '`thinking` says already how much the model is to think.');
    }
    return { max_tokens: given ?? defaultMaxTokens + budget, thinking: own, ...(effort && { effort }) };
  }
  const maxTokens = given ?? defaultMaxTokens;
  if (!asked) return { max_tokens: maxTokens };
  if (asked === 'none') return { max_tokens: maxTokens, thinking: { type: 'disabled' } };
  if (!BY_BUDGET.test(model)) {
    const effort = toEffort(asked);
    return { max_tokens: maxTokens, thinking: { type: 'adaptive' }, ...(effort && { effort }) };
  }
  const wanted = BUDGETS[asked] ?? (BUDGETS['medium'] as number);
  const budget = given === undefined ? wanted : Math.min(wanted, Math.floor(given / 2));
  if (budget < LEAST_BUDGET) {
    objections.drop(
      'reasoning_effort',
      `Anthropic thinks in ${LEAST_BUDGET} tokens or more, the token limit is too low.`,
    );
    return { max_tokens: maxTokens };
  }
  return {
    max_tokens: given ?? defaultMaxTokens + budget,
    thinking: { type: 'enabled', budget_tokens: budget },
  };
}

function toEffort(asked: ChatParams['reasoning_effort']): string | undefined {
  if (!asked || asked === 'none') return undefined;
  return asked === 'minimal' ? 'low' : asked;
}
