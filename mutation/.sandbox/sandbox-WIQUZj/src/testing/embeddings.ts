// @ts-nocheck
import { countTokens } from './tokens.js';
import { badRequest, isRecord } from './wire.js';
import type { Refusal, TestUsage } from './wire.js';

const MAX_INPUTS = 2048;
const MAX_TOKENS_PER_INPUT = 8192;
const MAX_TOKENS_PER_REQUEST = 300_000;
const LARGE_DIMENSIONS = 3072;
const DEFAULT_DIMENSIONS = 1536;
/** How many of its places a word of the text changes in the vector. */
const PLACES_PER_WORD = 16;

type EmbeddingInput = string | readonly number[];

/** The answer to an embeddings request. */
export interface TestEmbeddings {
  readonly object: 'list';
  readonly data: readonly { object: 'embedding'; index: number; embedding: readonly number[] | string }[];
  readonly model: string;
  readonly usage: TestUsage;
}

/** Answers the body of an embeddings request, within OpenAI's limits. */
export function embeddingsOf(body: unknown): TestEmbeddings | Refusal {
  const request = isRecord(body) ? body : {};
  const { model, encoding_format: encoding = 'float' } = request;
  if (typeof model !== 'string' || model === '') {
    return badRequest('you must provide a model parameter', 'model', 'missing_required_parameter');
  }
  if (encoding !== 'float' && encoding !== 'base64') {
    return badRequest(
      "Invalid 'encoding_format': expected 'float' or 'base64'.",
      'encoding_format',
      'invalid_value',
    );
  }
  const dimensions = request['dimensions'] ?? (/large/.test(model) ? LARGE_DIMENSIONS : DEFAULT_DIMENSIONS);
  if (
    typeof dimensions !== 'number' ||
    !Number.isInteger(dimensions) ||
    dimensions < 1 ||
    dimensions > LARGE_DIMENSIONS
  ) {
    return badRequest(
      `Invalid 'dimensions': expected 1 to ${LARGE_DIMENSIONS}.`,
      'dimensions',
      'invalid_value',
    );
  }
  const inputs = inputsOf(request['input']);
  if (!Array.isArray(inputs)) return inputs as Refusal;
  const counts = (inputs as readonly EmbeddingInput[]).map((input) =>
    typeof input === 'string' ? countTokens(input) : input.length,
  );
  const longest = counts.findIndex((count) => count > MAX_TOKENS_PER_INPUT);
  if (longest !== -1) {
    const message = `Invalid 'input[${longest}]': maximum context length is ${MAX_TOKENS_PER_INPUT} tokens, requested ${counts[longest]}.`;
    return badRequest(message, 'input', 'context_length_exceeded');
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total > MAX_TOKENS_PER_REQUEST) {
    const message = `Invalid 'input': maximum request size is ${MAX_TOKENS_PER_REQUEST} tokens per request, requested ${total}.`;
    return badRequest(message, 'input', 'max_tokens_per_request');
  }
  const data = (inputs as readonly EmbeddingInput[]).map((input, index) => {
    const vector = vectorOf(input, dimensions);
    const embedding = encoding === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector];
    return { object: 'embedding' as const, index, embedding };
  });
  return { object: 'list', data, model, usage: { prompt_tokens: total, total_tokens: total } };
}

function inputsOf(input: unknown): readonly EmbeddingInput[] | Refusal {
  if (input === undefined) {
    return badRequest("Missing required parameter: 'input'.", 'input', 'missing_required_parameter');
  }
  const one = typeof input === 'string' || (Array.isArray(input) && typeof input[0] === 'number');
  const inputs: unknown = one ? [input] : input;
  const invalid = badRequest(
    "'$.input' is invalid: expected a non-empty string, token array, or array of them.",
    'input',
  );
  if (!Array.isArray(inputs) || inputs.length === 0) return invalid;
  if (inputs.length > MAX_INPUTS) {
    return badRequest(
      `Invalid 'input': expected at most ${MAX_INPUTS} inputs, got ${inputs.length}.`,
      'input',
      'array_above_max_length',
    );
  }
  const valid = (inputs as unknown[]).every(
    (item) =>
      (typeof item === 'string' && item !== '') ||
      (Array.isArray(item) &&
        item.length > 0 &&
        item.every((token) => Number.isInteger(token) && token >= 0)),
  );
  return valid ? (inputs as EmbeddingInput[]) : invalid;
}

/**
 * A vector of length 1 that depends on nothing but the input. Every word changes a few places chosen by its hash
 * (feature hashing), so that texts which share words are near each other; the hash of the whole text adds a little.
 */
export function vectorOf(input: EmbeddingInput, dimensions: number): Float32Array {
  const vector = new Float64Array(dimensions);
  const words =
    typeof input === 'string' ? (input.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) : input.map(String);
  for (const word of words) addFeature(vector, word, 1);
  addFeature(vector, typeof input === 'string' ? input : input.join(' '), 0.25);
  let squares = 0;
  for (const value of vector) squares += value * value;
  // Opposite hashes may cancel out in a very short vector.
  if (squares === 0) squares = vector[0] = 1;
  const length = Math.sqrt(squares);
  return Float32Array.from(vector, (value) => value / length);
}

function addFeature(vector: Float64Array, text: string, weight: number): void {
  let state = hash(text);
  for (let place = 0; place < PLACES_PER_WORD; place += 1) {
    state = scramble(state + 0x9e3779b9);
    const index = (state >>> 1) % vector.length;
    vector[index] = (vector[index] ?? 0) + (state & 1 ? weight : -weight);
  }
}

/** FNV-1a over UTF-16 units, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/). */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  }
  return state >>> 0;
}

/** The finaliser of MurmurHash3, 32 bits: spreads every bit of the state over the others. */
function scramble(state: number): number {
  let mixed = state | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
