/** Asks OpenAI to moderate what goes in and comes out. */
// @ts-nocheck

export interface ModerationParams {
  /** The moderation model, `omni-moderation-latest` for example. */
  model: string;
  /** Whether findings are only scored, or block the request or its answer. */
  policy?:
    | {
        input?: { mode: 'score' | 'block' } | null | undefined;
        output?: { mode: 'score' | 'block' } | null | undefined;
      }
    | null
    | undefined;
}

/** What moderation found in one piece of text or image. */
export interface ModerationResult {
  type: 'moderation_result';
  model: string;
  /** Whether any category applies. */
  flagged: boolean;
  /** Whether each category applies. */
  categories: Record<string, boolean>;
  /** How sure the model is of each category, from 0 to 1. */
  category_scores: Record<string, number>;
  /** Which kinds of input each score is based on. */
  category_applied_input_types: Record<string, ('text' | 'image')[]>;
}

/** What moderation found, or why it could not look. */
export type ModerationOutcome =
  | { type: 'moderation_results'; model: string; results: ModerationResult[] }
  | { type: 'error'; code: string; message: string };

/** What moderation found in the request and in the answer. */
export interface ModerationReport {
  input: ModerationOutcome;
  output: ModerationOutcome;
}
