// @ts-nocheck
import type { CompletionUsage } from '../../wire/index.js';
import type { UsageMetadata } from './wire.js';

type Counts = UsageMetadata['promptTokensDetails'];

/**
 * Gemini's counts under OpenAI's names. What tools brought in counts as input, thoughts as output; counts without a name
 * keep their own.
 */
export function toUsage({
  promptTokenCount = 0,
  toolUsePromptTokenCount = 0,
  candidatesTokenCount = 0,
  thoughtsTokenCount,
  cachedContentTokenCount,
  totalTokenCount,
  promptTokensDetails,
  candidatesTokensDetails,
  ...others
}: UsageMetadata): CompletionUsage {
  const input = promptTokenCount + toolUsePromptTokenCount;
  const output = candidatesTokenCount + (thoughtsTokenCount ?? 0);
  const inputDetails = {
    ...(cachedContentTokenCount !== undefined && { cached_tokens: cachedContentTokenCount }),
    ...byModality(promptTokensDetails),
  };
  const outputDetails = {
    ...(thoughtsTokenCount !== undefined && { reasoning_tokens: thoughtsTokenCount }),
    ...byModality(candidatesTokensDetails),
  };
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: totalTokenCount ?? input + output,
    ...(Object.keys(inputDetails).length > 0 && { prompt_tokens_details: inputDetails }),
    ...(Object.keys(outputDetails).length > 0 && { completion_tokens_details: outputDetails }),
    ...(toolUsePromptTokenCount > 0 && { toolUsePromptTokenCount }),
    ...others,
  };
}

function byModality(counts: Counts): Record<string, number> {
  const named = (counts ?? []).map(({ modality = '', tokenCount = 0 }): [string, number] => [
    `${modality.toLowerCase()}_tokens`,
    tokenCount,
  ]);
  return Object.fromEntries(named);
}
