// @ts-nocheck
import type { ChatAudio, ChatLogprobs, FinishReason, ServiceTier, UrlCitation } from './completion.js';
import type { ModerationReport } from './moderation.js';
import type { ChatFunctionCall } from './tools.js';
import type { CompletionUsage } from './usage.js';

/** A piece of a tool call; the pieces of one call share an `index`, and their texts are to be joined. */
export interface ChatToolCallDelta {
  /** The position of the call among the message's tool calls; the first is 0. */
  index: number;
  /** On the first piece. */
  id?: string;
  /** On the first piece. For a custom tool, the server's value is `custom`: test for the field `custom`. */
  type?: 'function';
  function?: {
    /** On the first piece. */ name?: string;
    /** The next piece of the JSON text. */ arguments?: string;
  };
  custom?: { /** On the first piece. */ name?: string; /** The next piece of the text. */ input?: string };
}

/** What a chunk adds to the message. */
export interface ChatCompletionDelta {
  /** On the first chunk of a choice. */
  role?: 'developer' | 'system' | 'user' | 'assistant' | 'tool';
  /** The next piece of the text. */
  content?: string | null;
  /** The next piece of what the model says when it declines. */
  refusal?: string | null;
  tool_calls?: ChatToolCallDelta[];
  /** Sources of a web search. */
  annotations?: UrlCitation[];
  /** The next piece of the spoken answer. */
  audio?: Partial<ChatAudio>;
  /** The next piece of the reasoning, from the providers that show it. Not an OpenAI field. */
  reasoning_content?: string | null;
  /** @deprecated OpenAI replaced it by `tool_calls`. */
  function_call?: Partial<ChatFunctionCall>;
}

/** What a chunk adds to one of the `n` answers. */
export interface ChatCompletionChunkChoice {
  /** The position of the answer; the first is 0. */
  index: number;
  delta: ChatCompletionDelta;
  /** Why it ended, on its last chunk; null before. */
  finish_reason: FinishReason | null;
  /** Log probabilities of this chunk's tokens, when `logprobs` was asked for. */
  logprobs?: ChatLogprobs | null;
}

/** One event of a streamed answer. */
export interface ChatCompletionChunk {
  /** The same on all chunks of an answer. */
  id: string;
  object: 'chat.completion.chunk';
  /** When the answer was begun, in Unix seconds; the same on all chunks. */
  created: number;
  model: string;
  /** Empty on the chunk that carries the usage, and on some chunks that carry only metadata. */
  choices: ChatCompletionChunkChoice[];
  /** The tokens used by the whole request, on the last chunk, with `stream_options: { include_usage: true }`. */
  usage?: CompletionUsage | null;
  /** How the request was processed, when `service_tier` was given. */
  service_tier?: ServiceTier | null;
  system_fingerprint?: string;
  /** What moderation found, when `moderation` was asked for. */
  moderation?: ModerationReport | null;
  /** Random padding that hides the length of the text from eavesdroppers. */
  obfuscation?: string;
}
