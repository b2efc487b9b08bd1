// @ts-nocheck
import type { TokenUsage } from './call.js';
import { rules } from './options.js';

/**
 * The usage that a result tells of itself, in the words of OpenAI (`prompt_tokens`; in its Responses, as in Anthropic's
 * answers, `input_tokens`) or in ours. Undefined when it tells neither input nor output.
 */
export function readUsage(result: unknown): TokenUsage | undefined {
  const usage = recordOf(recordOf(result)?.['usage']);
  if (!usage) return undefined;
  const inputTokens = firstAmount(usage['prompt_tokens'], usage['input_tokens'], usage['inputTokens']);
  const outputTokens = firstAmount(usage['completion_tokens'], usage['output_tokens'], usage['outputTokens']);
  if (inputTokens === undefined && outputTokens === undefined) return undefined;
  const details = recordOf(usage['prompt_tokens_details'] ?? usage['input_tokens_details']);
  const cachedInputTokens = firstAmount(details?.['cached_tokens'], usage['cachedInputTokens']);
  return {
    ...(inputTokens !== undefined && { inputTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
    ...(cachedInputTokens !== undefined && { cachedInputTokens }),
  };
}

function recordOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}

function firstAmount(...values: readonly unknown[]): number | undefined {
  return values.find((value): value is number => rules.notNegative(value) === undefined);
}
