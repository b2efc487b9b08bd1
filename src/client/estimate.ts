import type { TokenEstimate } from '../../decorators/pipeline/index.js';

/** Tokens that a chat message costs beyond its text: role and separators. */
const TOKENS_PER_MESSAGE = 4;

/** Tokens taken for a picture, a sound or a file: the price of a middling picture. */
const TOKENS_PER_MEDIUM = 800;

/**
 * Roughly how many tokens a text has: a quarter of its characters, and one for each character beyond Latin
 * alphabets, as tokenizers of the GPT family come out on prose.
 */
export function estimateTextTokens(text: string): number {
  let wide = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x2e7f) wide++;
  return Math.ceil((text.length - wide) / 4 + wide);
}

/** Roughly how many tokens the messages of a chat have. */
export function estimateChatTokens(messages: readonly unknown[]): number {
  return messages.reduce<number>((sum, message) => sum + TOKENS_PER_MESSAGE + estimateValue(message), 0);
}

/** Roughly how many tokens an embeddings input has; a list of numbers is a text that is tokens already. */
export function estimateInputTokens(input: unknown): number {
  return Array.isArray(input) ? input.length : estimateTextTokens(String(input));
}

/** What a request to any endpoint may use, by what its body is seen to hold; undefined where that says nothing. */
export function estimateRequest(body: unknown): TokenEstimate | undefined {
  if (body === undefined) return { inputTokens: 0, maxOutputTokens: 0 };
  if (typeof body !== 'object' || body === null) return undefined;
  const fields = body as Readonly<Record<string, unknown>>;
  const input = fields['messages'] ?? fields['input'];
  if (input === undefined) return undefined;
  const isTokens = Array.isArray(input) && typeof input[0] === 'number';
  const bounds = [fields['max_completion_tokens'], fields['max_output_tokens'], fields['max_tokens']];
  return {
    inputTokens: Array.isArray(input) && !isTokens ? estimateChatTokens(input) : estimateInputTokens(input),
    maxOutputTokens: bounds.find((bound): bound is number => typeof bound === 'number' && bound >= 0),
  };
}

/** Sums the texts of a message, wherever they stand in it. */
function estimateValue(value: unknown): number {
  if (typeof value === 'string') return estimateTextTokens(value);
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + estimateValue(item), 0);
  const { type } = value as { type?: unknown };
  if (type === 'image_url' || type === 'input_audio' || type === 'file') return TOKENS_PER_MEDIUM;
  let sum = 0;
  for (const [name, item] of Object.entries(value)) {
    if (name !== 'role' && name !== 'type' && name !== 'id') sum += estimateValue(item);
  }
  return sum;
}
