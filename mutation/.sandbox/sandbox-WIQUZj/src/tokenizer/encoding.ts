/** OpenAI's two encodings in use: how many tokens a text has depends on which one its model was trained with. */
// @ts-nocheck

export type EncodingName = 'o200k_base' | 'cl100k_base';

/** The models of the older encoding: GPT-3.5, GPT-4 up to its Turbo, and the embedding models, also where fine-tuned. */
const OLDER = /^(ft:)?(gpt-3\.5|gpt-35|gpt-4(?!o|\.)|text-embedding-|babbage-002|davinci-002)/;

/** The encoding of a model, with or without its provider's name before it; the newer one where it is not known. */
export function encodingOf(model: string | undefined): EncodingName {
  if (model === undefined) return 'o200k_base';
  return OLDER.test(model.slice(model.lastIndexOf('/') + 1)) ? 'cl100k_base' : 'o200k_base';
}
