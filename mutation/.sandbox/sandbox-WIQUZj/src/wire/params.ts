// @ts-nocheck
import type { ModerationParams } from './moderation.js';
import type { ChatTextPart } from './messages.js';
import type { ChatFunctionDefinition, ChatTool, ChatToolChoice, JsonSchema } from './tools.js';

/** Keys of `CallOptions`: they belong in the method's last argument, so `params` refuses them. */
export interface NotInParams {
  /** Belongs in `CallOptions`, the method's last argument. */
  signal?: undefined;
  /** Belongs in `CallOptions`, the method's last argument. */
  timeoutMs?: undefined;
  /** Belongs in `CallOptions`, the method's last argument. */
  maxRetries?: undefined;
  /** Belongs in `CallOptions`, the method's last argument. */
  idempotencyKey?: undefined;
  /** Belongs in `CallOptions`, the method's last argument. */
  headers?: undefined;
  /** Belongs in `CallOptions`, the method's last argument. */
  extraBody?: undefined;
}

/** The form of the answer: text, any JSON object, or JSON that follows a schema. */
export type ResponseFormat =
  | { type: 'text' }
  /** A message must ask for JSON as well, or the model may write blanks until it meets the token limit. */
  | { type: 'json_object' }
  | {
      type: 'json_schema';
      json_schema: {
        /** Letters, digits, `_` and `-`; at most 64 characters. */
        name: string;
        /** What the answer is for: the model heeds it. */
        description?: string | undefined;
        schema?: JsonSchema | undefined;
        /** True to have the answer follow the schema exactly; OpenAI then takes a subset of JSON Schema. */
        strict?: boolean | null | undefined;
      };
    };

/** How much a model reasons before it answers. Which values it knows depends on the model. */
export type ReasoningEffort =
  'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max' | (string & {});

/** Options of a streamed answer. */
export interface ChatStreamOptions {
  /** True to get one more chunk at the end, with `usage` and without `choices`. */
  include_usage?: boolean | undefined;
  /** False to do without the padding against eavesdroppers, and save bandwidth. OpenAI pads by default. */
  include_obfuscation?: boolean | undefined;
}

/** How a spoken answer is to sound. */
export interface ChatAudioParams {
  format: 'wav' | 'aac' | 'mp3' | 'flac' | 'opus' | 'pcm16' | (string & {});
  /** A built-in voice by name, or one of your own by id. */
  voice:
    | 'alloy'
    | 'ash'
    | 'ballad'
    | 'cedar'
    | 'coral'
    | 'echo'
    | 'fable'
    | 'marin'
    | 'nova'
    | 'onyx'
    | 'sage'
    | 'shimmer'
    | 'verse'
    | (string & {})
    | { id: string };
}

/** Lets the model search the web before it answers. */
export interface WebSearchOptions {
  /** How much of the context window the findings may take; `medium` when not given. */
  search_context_size?: 'low' | 'medium' | 'high' | undefined;
  /** Where the user roughly is. */
  user_location?:
    | {
        type: 'approximate';
        approximate: {
          city?: string | undefined;
          /** ISO 3166-1, two letters. */
          country?: string | undefined;
          region?: string | undefined;
          /** IANA name, `Europe/Berlin` for example. */
          timezone?: string | undefined;
        };
      }
    | null
    | undefined;
}

/** Options of OpenAI's prompt cache. */
export interface PromptCacheOptions {
  /** Whether OpenAI chooses a breakpoint itself, or only the marked ones count; `implicit` when not given. */
  mode?: 'implicit' | 'explicit' | undefined;
  /** How long an entry is kept at least; `30m` when not given. */
  ttl?: '30m' | (string & {}) | undefined;
}

/** The fields of a chat request that OpenAI documents, without `messages` and `stream`. */
export interface KnownChatParams {
  /** The model; the client's `model` when not given. */
  model?: string | undefined;

  // How much and what form
  /** The most tokens of the answer, reasoning included. OpenAI's name for it; others may know only `max_tokens`. */
  max_completion_tokens?: number | null | undefined;
  /** The most tokens of the answer. OpenAI's reasoning models take `max_completion_tokens` instead. */
  max_tokens?: number | null | undefined;
  /** How many answers; 1 when not given. Each is billed. */
  n?: number | null | undefined;
  /** Texts that end the answer, itself not included; OpenAI takes up to 4. */
  stop?: string | readonly string[] | null | undefined;
  /** Text, JSON, or JSON of a given schema; text when not given. */
  response_format?: ResponseFormat | undefined;
  /** How wordy the answer is; `medium` when not given. */
  verbosity?: 'low' | 'medium' | 'high' | null | undefined;
  /** What the answer consists of; `['text']` when not given. */
  modalities?: readonly ('text' | 'audio')[] | null | undefined;
  /** The sound of the answer; needed with `modalities: ['audio']`. */
  audio?: ChatAudioParams | null | undefined;

  // How the model chooses
  /** Randomness, from 0 to 2; 1 when not given. Change this or `top_p`, not both. */
  temperature?: number | null | undefined;
  /** Only the likeliest tokens that make up this share of probability are considered, from 0 to 1; 1 when not given. */
  top_p?: number | null | undefined;
  /** Lowers the odds of tokens the more often they have occurred, from -2 to 2; 0 when not given. */
  frequency_penalty?: number | null | undefined;
  /** Lowers the odds of tokens that have occurred at all, from -2 to 2; 0 when not given. */
  presence_penalty?: number | null | undefined;
  /** Added to the odds of single tokens, by token id: from -100 (never) to 100 (always). */
  logit_bias?: Readonly<Record<string, number>> | null | undefined;
  /** Equal requests with an equal seed mostly give equal answers. */
  seed?: number | null | undefined;
  /** How much the model reasons before it answers. */
  reasoning_effort?: ReasoningEffort | null | undefined;
  /** Text that the answer will largely repeat, a file that is being edited for example: makes it faster. */
  prediction?: { type: 'content'; content: string | readonly ChatTextPart[] } | null | undefined;
  /** True to get the log probability of each token of the answer. */
  logprobs?: boolean | null | undefined;
  /** How many likely tokens to list at each position, from 0 to 20; needs `logprobs`. */
  top_logprobs?: number | null | undefined;

  // Tools
  /** What the model may ask the application to call. */
  tools?: readonly ChatTool[] | undefined;
  /** Which of them it uses. */
  tool_choice?: ChatToolChoice | undefined;
  /** False to have at most one call in an answer; true when not given. */
  parallel_tool_calls?: boolean | undefined;
  /** Lets the model search the web. */
  web_search_options?: WebSearchOptions | undefined;

  // How the provider handles it
  /** The processing tier: price against speed; `auto` when not given. */
  service_tier?: 'auto' | 'default' | 'flex' | 'scale' | 'priority' | (string & {}) | null | undefined;
  /** True to keep the answer at OpenAI, for evaluation and distillation. */
  store?: boolean | null | undefined;
  /** Up to 16 pairs kept with a stored answer; keys up to 64 characters, values up to 512. */
  metadata?: Readonly<Record<string, string>> | null | undefined;
  /** Steers requests with equal beginnings to the same cache. */
  prompt_cache_key?: string | null | undefined;
  prompt_cache_options?: PromptCacheOptions | undefined;
  /** How long the prompt cache keeps an entry at most. Newer OpenAI models: `prompt_cache_options.ttl`. */
  prompt_cache_retention?: 'in_memory' | '24h' | (string & {}) | null | undefined;
  /** A stable id of your end user, by which OpenAI finds abuse: hash names and addresses first; up to 64 characters. */
  safety_identifier?: string | null | undefined;
  /** An id of your end user. OpenAI: `safety_identifier` and `prompt_cache_key` take its place. */
  user?: string | undefined;
  /** Asks for moderation of the request and the answer. */
  moderation?: ModerationParams | null | undefined;
  /** Only for the streaming method. */
  stream_options?: ChatStreamOptions | null | undefined;

  /** @deprecated OpenAI replaced it by `tools`. */
  functions?: readonly ChatFunctionDefinition[] | undefined;
  /** @deprecated OpenAI replaced it by `tool_choice`. */
  function_call?: 'none' | 'auto' | { name: string } | undefined;
}

/**
 * The fields of a chat request, without `messages`. Those of `KnownChatParams` are checked; every further
 * field is sent as it is, so that what only one provider knows (`top_k`, `guided_json`, …) needs no cast.
 * To have misspelt names found as well, let the compiler check against the known ones:
 * @example
 * const params = { temperature: 0, max_tokens: 100 } satisfies KnownChatParams;
 */
export interface ChatParams extends KnownChatParams, NotInParams {
  /** The messages are the method's first argument. */
  messages?: undefined;
  /** The method decides: `chatCompletion` does not stream, `streamChatCompletion` does. */
  stream?: false | null | undefined;
  /** Any further field of the provider. */
  // Not `unknown`: values of a declared interface type would then no longer fit, for they have no index signature.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  [field: string]: any;
}
