// @ts-nocheck
import type { ModerationReport } from './moderation.js';
import type { ChatFunctionCall, ChatToolCall } from './tools.js';
import type { CompletionUsage } from './usage.js';

/** Why the model stopped: it was done, met the token limit, wants tools, or its text was withheld. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call';

/** How a request was processed, as the response tells it. */
export type ServiceTier = 'auto' | 'default' | 'flex' | 'scale' | 'priority';

/** A token and how likely it was. */
export interface TopLogprob {
  token: string;
  /** The token's bytes in UTF-8, for characters that span several tokens; null when it has none. */
  bytes: number[] | null;
  /** The natural logarithm of its probability; -9999 stands for "very unlikely". */
  logprob: number;
}

/** A token of the answer, how likely it was, and what else was likely in its place. */
export interface TokenLogprob extends TopLogprob {
  /** At most `top_logprobs` entries, the likeliest first. */
  top_logprobs: TopLogprob[];
}

/** Log probabilities of the answer's tokens, in order. */
export interface ChatLogprobs {
  content: TokenLogprob[] | null;
  refusal: TokenLogprob[] | null;
}

/** A web page that the answer cites. */
export interface UrlCitation {
  type: 'url_citation';
  url_citation: {
    /** Where the citation begins in `content`, in characters. */
    start_index: number;
    /** The last character of the citation in `content`. */
    end_index: number;
    title: string;
    url: string;
  };
}

/** A spoken answer. */
export interface ChatAudio {
  /** To be sent back in `audio` of an assistant message. */
  id: string;
  /** The recording, in base64, in the format that was asked for. */
  data: string;
  /** When the provider forgets it, in Unix seconds. */
  expires_at: number;
  transcript: string;
}

/** The model's answer. It may be put into the next request's messages as it is. */
export interface ChatCompletionMessage {
  role: 'assistant';
  /** The text; null when the model calls tools or declines. */
  content: string | null;
  /** What the model said when it declined; else null. */
  refusal: string | null;
  /** The tools the model asks for. */
  tool_calls?: ChatToolCall[];
  /** Sources of a web search. */
  annotations?: UrlCitation[];
  /** The spoken answer, when one was asked for. */
  audio?: ChatAudio | null;
  /** The model's reasoning, from the providers (DeepSeek, Qwen and others) that show it. Not an OpenAI field. */
  reasoning_content?: string | null;
  /** @deprecated OpenAI replaced it by `tool_calls`. */
  function_call?: ChatFunctionCall | null;
}

/** One of the `n` answers. */
export interface ChatCompletionChoice {
  /** Its position among the answers; the first is 0. */
  index: number;
  message: ChatCompletionMessage;
  /** Why it ended. Providers of OpenAI's format have been seen to send values of their own, too. */
  finish_reason: FinishReason;
  /** Present when `logprobs` was asked for; else null. */
  logprobs: ChatLogprobs | null;
}

/** The whole result of a chat request. */
export interface ChatCompletion {
  id: string;
  object: 'chat.completion';
  /** When it was made, in Unix seconds. */
  created: number;
  /** The model that answered; often more exact than the name that was asked for. */
  model: string;
  /** One entry, or as many as `n` asked for. */
  choices: ChatCompletionChoice[];
  /** The tokens used. */
  usage?: CompletionUsage;
  /** How the request was processed, when `service_tier` was given. */
  service_tier?: ServiceTier | null;
  /** Names the provider's configuration; with an equal `seed` and an equal value, answers mostly repeat. */
  system_fingerprint?: string;
  /** What moderation found, when `moderation` was asked for. */
  moderation?: ModerationReport | null;
}
