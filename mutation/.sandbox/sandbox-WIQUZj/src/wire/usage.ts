/** The tokens a chat request used. */
// @ts-nocheck

export interface CompletionUsage {
  /** Tokens of the input, cached ones included. */
  prompt_tokens: number;
  /** Tokens of the output; with OpenAI, reasoning included. */
  completion_tokens: number;
  /** The sum of both. */
  total_tokens: number;
  /** What the input consisted of. */
  prompt_tokens_details?: PromptTokensDetails;
  /** What the output consisted of. */
  completion_tokens_details?: CompletionTokensDetails;
}

/** What the input's tokens were; each number is a part of `prompt_tokens`. */
export interface PromptTokensDetails {
  /** Read from the provider's cache, and cheaper for it. */
  cached_tokens?: number;
  /** Written to the provider's cache. */
  cache_write_tokens?: number;
  audio_tokens?: number;
  text_tokens?: number;
  image_tokens?: number;
}

/** What the output's tokens were; each number is a part of `completion_tokens`. */
export interface CompletionTokensDetails {
  /** Spent on reasoning that is not shown. */
  reasoning_tokens?: number;
  audio_tokens?: number;
  text_tokens?: number;
  /** Tokens of `prediction` that came true. */
  accepted_prediction_tokens?: number;
  /** Tokens of `prediction` that did not; they are billed too. */
  rejected_prediction_tokens?: number;
}
