// @ts-nocheck
import type { NotInParams } from './params.js';

/** The fields of an embeddings request, without `input`. Every further field is sent as it is. */
export interface EmbeddingParams extends NotInParams {
  /** The model; the client's `embeddingModel` when not given. */
  model?: string | undefined;
  /** How many numbers a vector has; the model's own count when not given. Not every model can shorten. */
  dimensions?: number | undefined;
  /** How vectors travel; the client decodes either. Base64 is several times smaller. */
  encoding_format?: 'float' | 'base64' | undefined;
  /** An id of your end user, by which the provider may find abuse. */
  user?: string | undefined;
  /** The texts are the method's first argument. */
  input?: undefined;
  /** Any further field of the provider. */
  // Not `unknown`: values of a declared interface type would then no longer fit, for they have no index signature.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  [field: string]: any;
}

/** One vector of the response. */
export interface Embedding<Vector extends number[] | string = number[] | string> {
  object: 'embedding';
  /** The position of its text in the request. */
  index: number;
  /** The numbers, or their base64: 32-bit floats, least significant byte first. */
  embedding: Vector;
}

/** The tokens an embeddings request used. */
export interface EmbeddingUsage {
  prompt_tokens: number;
  total_tokens: number;
}

/** The response to an embeddings request. */
export interface EmbeddingResponse<Vector extends number[] | string = number[] | string> {
  object: 'list';
  data: Embedding<Vector>[];
  /** The model that answered. */
  model: string;
  usage: EmbeddingUsage;
}
