/**
 * Whoever comes from the `openai` package brings its request types along, and hands our results to code
 * that was written for its own: both compile.
 */
// @ts-nocheck

import type OpenAI from 'openai';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatMessage,
  ChatParams,
  CompletionUsage,
  EmbeddingParams,
  EmbeddingResponse,
  KnownChatParams,
} from 'keelson';

type TheirParams = OpenAI.ChatCompletionCreateParamsNonStreaming;
type TheirStreamParams = OpenAI.ChatCompletionCreateParamsStreaming;
type TheirEmbeddingParams = OpenAI.EmbeddingCreateParams;

/** Compiles only when every `From` is a `To`. */
type Fits<From extends To, To> = From;

export type ParamsFit = [
  Fits<Omit<TheirParams, 'messages'>, ChatParams>,
  Fits<Omit<TheirParams, 'messages' | 'stream'>, KnownChatParams>,
  Fits<Omit<TheirStreamParams, 'messages' | 'stream'>, ChatParams>,
  Fits<TheirParams['messages'], ChatMessage[]>,
  Fits<OpenAI.ChatCompletionMessage, ChatMessage>,
  Fits<Omit<TheirEmbeddingParams, 'input'>, EmbeddingParams>,
];

export type ResultsFit = [
  Fits<ChatCompletion, OpenAI.ChatCompletion>,
  Fits<ChatCompletionChunk, OpenAI.ChatCompletionChunk>,
  Fits<CompletionUsage, OpenAI.CompletionUsage>,
  Fits<EmbeddingResponse<number[]>, OpenAI.CreateEmbeddingResponse>,
];

/** No field of theirs is unknown to us, so none is left unchecked, and each has its description. */
type Missing<Theirs, Ours> = Exclude<keyof Theirs, keyof Ours>;
export type NoneMissing = [
  Fits<Missing<TheirParams, KnownChatParams>, 'messages' | 'stream'>,
  Fits<Missing<OpenAI.ChatCompletion, ChatCompletion>, never>,
  Fits<Missing<OpenAI.ChatCompletion.Choice, ChatCompletion['choices'][number]>, never>,
  Fits<Missing<OpenAI.ChatCompletionMessage, ChatCompletion['choices'][number]['message']>, never>,
  Fits<Missing<OpenAI.ChatCompletionChunk, ChatCompletionChunk>, never>,
  Fits<
    Missing<OpenAI.ChatCompletionChunk.Choice.Delta, ChatCompletionChunk['choices'][number]['delta']>,
    never
  >,
  Fits<Missing<OpenAI.CreateEmbeddingResponse, EmbeddingResponse>, never>,
];

declare function chat(messages: ChatMessage[], params: ChatParams): Promise<ChatCompletion>;
declare function embed(input: string | string[], params: EmbeddingParams): Promise<number[][]>;

export async function migrated(
  { messages, ...params }: TheirParams,
  { input, ...embeddingParams }: TheirEmbeddingParams & { input: string[] },
): Promise<OpenAI.ChatCompletion> {
  await embed(input, embeddingParams);
  return chat(messages, params);
}
