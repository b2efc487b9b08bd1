// @ts-nocheck
import type { TokenEstimate } from '../../decorators/pipeline/index.js';
import type { TextCounter } from '../tokenizer/tokenizer.js';
import { estimateMedium } from './estimate-media.js';

/** Tokens that a chat message costs beyond its texts: its role and separators. */
const TOKENS_PER_MESSAGE = 4;
/** The beginning of the answer, which belongs to the input. */
const TOKENS_PER_REPLY = 3;
/** Fields of a message that are no text for the model, or are counted with the message. */
const NO_TEXT = new Set(['role', 'type', 'id', 'tool_call_id', 'cache_control', 'prompt_cache_breakpoint']);
/** Fields of a request whose JSON the model is told. */
const TOLD_AS_JSON = ['tools', 'functions', 'response_format', 'text'];

/**
 * What a request may use, by what its body is seen to hold; undefined where that says nothing. Its output is bounded by
 * `max_completion_tokens`, `max_output_tokens` or `max_tokens`, each of `n` answers by it.
 */
export function estimateRequest(body: unknown, count: TextCounter): TokenEstimate | undefined {
  if (body === undefined) return { inputTokens: 0, maxOutputTokens: 0 };
  if (typeof body !== 'object' || body === null) return undefined;
  const fields = body as Readonly<Record<string, unknown>>;
  const { messages, input = fields['prompt'], model } = fields;
  if (messages === undefined && input === undefined) return undefined;
  const named = typeof model === 'string' ? model : undefined;
  let inputTokens = estimateValue(fields['instructions'] ?? fields['system'], count, named);
  if (Array.isArray(messages)) inputTokens += TOKENS_PER_REPLY;
  inputTokens += estimateInput(messages ?? input, count, named);
  for (const name of TOLD_AS_JSON) inputTokens += estimateJson(fields[name], count);
  return { inputTokens, maxOutputTokens: outputBound(fields) };
}

/** Messages, or texts to embed; a text that is a list of numbers is tokens already. */
function estimateInput(input: unknown, count: TextCounter, model: string | undefined): number {
  if (!Array.isArray(input)) return estimateValue(input, count, model);
  if (typeof input[0] === 'number') return input.length;
  return input.reduce<number>((sum, item: unknown) => {
    if (Array.isArray(item)) return sum + estimateInput(item, count, model);
    const overhead = typeof item === 'object' ? TOKENS_PER_MESSAGE : 0;
    return sum + overhead + estimateValue(item, count, model);
  }, 0);
}

function outputBound(fields: Readonly<Record<string, unknown>>): number | undefined {
  const bound = fields['max_completion_tokens'] ?? fields['max_output_tokens'] ?? fields['max_tokens'];
  if (typeof bound !== 'number' || !(bound >= 0)) return undefined;
  const { n } = fields;
  return typeof n === 'number' && n > 1 ? bound * n : bound;
}

/** Sums the texts of a message, wherever they stand in it, and its media. */
function estimateValue(value: unknown, count: TextCounter, model: string | undefined): number {
  if (typeof value === 'string') return count(value);
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value)) {
    return value.reduce<number>((sum, item) => sum + estimateValue(item, count, model), 0);
  }
  const medium = estimateMedium(value as Record<string, unknown>, model);
  if (medium !== undefined) return medium;
  let sum = 0;
  for (const [name, item] of Object.entries(value)) {
    if (!NO_TEXT.has(name)) sum += estimateValue(item, count, model);
  }
  return sum;
}

/** OpenAI tells its models of tools and schemas in a language of its own, which takes somewhat less than their JSON. */
function estimateJson(value: unknown, count: TextCounter): number {
  if (typeof value !== 'object' || value === null) return 0;
  try {
    return count(JSON.stringify(value) ?? '');
  } catch (error) {
    if (error instanceof TypeError) return 0; // what is no JSON is refused when it is sent
    throw error;
  }
}
