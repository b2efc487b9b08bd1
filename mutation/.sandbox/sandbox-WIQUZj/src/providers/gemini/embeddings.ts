// @ts-nocheck
import type { EmbeddingInput } from '../../client/hooks.js';
import type { EmbeddingResponse, EmbeddingUsage } from '../../wire/index.js';
import { given, type Objections } from '../translation.js';
import type { UsageMetadata } from './wire.js';

interface BatchAnswer {
  embeddings?: { values?: number[] }[];
  usageMetadata?: UsageMetadata;
}

/** The body of batchEmbedContents. Fields that OpenAI does not know, such as `taskType`, go to each request. */
export function toBatch(
  { inputs, params }: EmbeddingInput,
  name: string,
  objections: Objections,
): { requests: object[] } {
  const { dimensions, user, ...others } = params;
  if (user !== undefined) objections.drop('user', 'Gemini takes no id of an end user.');
  // Vectors come as numbers, and the client decodes either encoding.
  const fields = given({
    outputDimensionality: dimensions,
    ...others,
    model: undefined,
    encoding_format: undefined,
  });
  return { requests: inputs.map((text) => ({ model: name, content: { parts: [{ text }] }, ...fields })) };
}

/** The vectors in OpenAI's form; without usage where the answer tells none. */
export function fromBatch(answer: unknown, model: string): EmbeddingResponse {
  const { embeddings, usageMetadata } = (answer ?? {}) as BatchAnswer;
  if (!Array.isArray(embeddings)) return answer as EmbeddingResponse; // the client says what is missing
  const data = embeddings.map(({ values }, index) => ({ object: 'embedding', index, embedding: values }));
  const input = usageMetadata?.promptTokenCount;
  const usage: EmbeddingUsage | undefined =
    input === undefined ? undefined : { prompt_tokens: input, total_tokens: input };
  return { object: 'list', data, model, ...(usage && { usage }) } as EmbeddingResponse;
}
