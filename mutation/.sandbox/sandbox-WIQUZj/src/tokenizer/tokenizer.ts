// @ts-nocheck
import { LLMError } from '../../decorators/errors/index.js';
import { rules, show } from '../../decorators/pipeline/options.js';
import { encodingOf } from './encoding.js';
import { estimateTokens } from './heuristic.js';

/** Counts the tokens of a text, as the model named (or, where none is, whichever is likely) does. */
export type Tokenizer = (text: string, model: string | undefined) => number;

/** Counts the tokens of a text for one model. */
export type TextCounter = (text: string) => number;

/** Counts by rule of thumb: without a tokenizer, or in its place. */
export function roughCounter(model: string | undefined): TextCounter {
  const encoding = encodingOf(model);
  return (text) => estimateTokens(text, encoding);
}

/**
 * Counts by the user's tokenizer, or by rule of thumb where there is none.
 *
 * @param where Begins the message of an error, as in "OpenAIClient".
 * @throws LLMError with code `tokenizer` when it throws, or gives no number of tokens.
 */
export function textCounter(
  tokenizer: Tokenizer | undefined,
  model: string | undefined,
  where: string,
): TextCounter {
  if (!tokenizer) return roughCounter(model);
  return (text) => {
    if (text === '') return 0;
    let tokens: unknown;
    try {
      tokens = tokenizer(text, model);
    } catch (error) {
      throw refused(`threw: ${error instanceof Error ? error.message : show(error)}`, where, error);
    }
    const wrong = rules.notNegative(tokens);
    if (wrong) throw refused(`gave ${show(tokens)} for a text: ${wrong}.`, where);
    return tokens as number;
  };
}

function refused(what: string, where: string, cause?: unknown): LLMError {
  return new LLMError(`${where}: the option \`tokenizer\` ${what}`, { code: 'tokenizer', cause });
}
