// @ts-nocheck
import { ResponseFormatError } from '../../decorators/errors/index.js';
import type { CallOptions } from '../../decorators/pipeline/index.js';
import { runtime } from '../../decorators/pipeline/runtime.js';
import type { TextCounter } from '../tokenizer/tokenizer.js';
import type { EmbeddingResponse } from '../wire/index.js';
import { callsBehind, rememberCalls } from './response-info.js';

/** Requests of one `embeddings()` call that are under way at once. */
const PARALLEL_REQUESTS = 4;

/** Part of a request's limit of tokens that is filled: its inputs may have more than was estimated. */
const FILLED = 0.85;

/** What one request may hold. */
export interface BatchLimits {
  readonly inputs: number;
  readonly tokens: number;
}

/** Splits inputs into lists that each fit one request, in their order. */
export function splitInputs(inputs: readonly string[], limits: BatchLimits, count: TextCounter): string[][] {
  const batches: string[][] = [];
  let batch: string[] = [];
  let tokens = 0;
  for (const input of inputs) {
    const cost = count(input);
    if (batch.length > 0 && (batch.length >= limits.inputs || tokens + cost > FILLED * limits.tokens)) {
      batches.push(batch);
      batch = [];
      tokens = 0;
    }
    batch.push(input);
    tokens += cost;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/**
 * Embeds the inputs in as many requests as they need, a few at once, and gives the vectors in the order of the
 * inputs. The first failure ends the others and is thrown. `timeoutMs` covers all requests together.
 *
 * @param ending Aborts what is under way, and is aborted by the first failure.
 */
export async function embedAll(
  inputs: readonly string[],
  limits: BatchLimits,
  count: TextCounter,
  options: CallOptions,
  ending: AbortController,
  embedBatch: (batch: string[], options: CallOptions) => Promise<EmbeddingResponse>,
): Promise<number[][]> {
  const batches = splitInputs(inputs, limits, count);
  const responses = new Array<EmbeddingResponse>(batches.length);
  const deadline = options.timeoutMs === undefined ? undefined : runtime().now() + options.timeoutMs;
  const signal = options.signal ? AbortSignal.any([options.signal, ending.signal]) : ending.signal;
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < batches.length; i = next++) {
      const left = deadline === undefined ? {} : { timeoutMs: Math.max(1, deadline - runtime().now()) };
      responses[i] = await embedBatch(batches[i] as string[], { ...options, ...left, signal });
    }
  };
  if (batches.length === 1) {
    responses[0] = await embedBatch(batches[0] as string[], options);
  } else {
    try {
      await Promise.all(Array.from({ length: Math.min(PARALLEL_REQUESTS, batches.length) }, work));
    } catch (error) {
      ending.abort(error);
      throw ending.signal.reason;
    }
  }
  const vectors = responses.flatMap(readVectors);
  rememberCalls(
    vectors,
    responses.flatMap((response) => callsBehind(response)),
  );
  return vectors;
}

/**
 * Checks that a response has one vector for each of its inputs.
 *
 * @throws ResponseFormatError when it has not.
 */
export function checkVectors(response: unknown, expected: number, provider: string): void {
  const data = (response as Partial<EmbeddingResponse> | null | undefined)?.data;
  const fail = (what: string): never => {
    throw new ResponseFormatError(`${provider} answered ${expected} inputs with ${what}.`, { provider });
  };
  if (!Array.isArray(data)) return fail('no list of vectors');
  if (data.length !== expected) fail(`${data.length} vectors`);
  const seen = new Set<number>();
  data.forEach((item: Partial<EmbeddingResponse['data'][number]> | null, i) => {
    const embedding: unknown = item?.embedding;
    if (!isVector(embedding)) fail('something that is no vector');
    seen.add(item?.index ?? i);
  });
  for (let i = 0; i < expected; i++) if (!seen.has(i)) fail('vectors whose numbers do not match them');
}

/** Numbers, or base64 of whole 32-bit floats: at least one. */
function isVector(embedding: unknown): boolean {
  if (typeof embedding !== 'string') {
    return Array.isArray(embedding) && embedding.length > 0 && embedding.every(Number.isFinite);
  }
  const { byteLength } = decodeBase64(embedding);
  return byteLength > 0 && byteLength % 4 === 0;
}

/** The vectors of a checked response in the order of its inputs. */
function readVectors({ data }: EmbeddingResponse): number[][] {
  const vectors = new Array<number[]>(data.length);
  data.forEach(({ index, embedding }, i) => {
    vectors[index ?? i] = typeof embedding === 'string' ? decodeFloats(embedding) : embedding;
  });
  return vectors;
}

/** Decodes base64 of little-endian 32-bit floats. */
function decodeFloats(base64: string): number[] {
  const bytes = decodeBase64(base64);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const floats = new Array<number>(bytes.byteLength >> 2);
  for (let i = 0; i < floats.length; i++) floats[i] = view.getFloat32(i * 4, true);
  return floats;
}

function decodeBase64(base64: string): Uint8Array {
  if (typeof Buffer !== 'undefined') return Buffer.from(base64, 'base64');
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
