// @ts-nocheck
import type { RateLimitInfo } from '../../../decorators/errors/index.js';

/** A request as the server got it. */
export interface ReceivedRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The body as JSON; undefined where it is none. */
  readonly body: unknown;
}

/** What a server sends. */
export interface WireReply {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** One text, or texts that are written one after the other. */
  readonly body?: string | readonly string[];
}

/** A tool call in no wire format. */
export interface WireToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** What a model answers, in no wire format. */
export interface WireAnswer {
  readonly text?: string;
  readonly reasoning?: string;
  readonly toolCalls?: readonly WireToolCall[];
  /** Default: `tool_calls` where there are some, else `stop`. */
  readonly finish?: 'stop' | 'length' | 'tool_calls';
  /** Tokens of the whole input, of the whole output with its reasoning, and of the input those read from a cache. */
  readonly usage: { readonly input: number; readonly output: number; readonly cached?: number };
}

/** A message of a request in no wire format. */
export interface WireMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly text: string;
  readonly reasoning?: string | undefined;
  /** Those of an assistant's message; `id` where the format has one. */
  readonly toolCalls?: readonly {
    readonly id?: string | undefined;
    readonly name: string;
    readonly arguments: unknown;
  }[];
  /** The call that a tool's message answers: its id, or its name where the format has no ids. */
  readonly answers?: string | undefined;
}

/** What a server understands of a chat request, in no wire format. */
export interface WireChat {
  readonly model: string | undefined;
  readonly messages: readonly WireMessage[];
  readonly tools: readonly { readonly name: string; readonly schema: unknown }[];
  readonly maxTokens: number | undefined;
  readonly stream: boolean;
}

/** A stream as texts that are each one event. */
export interface WireStream {
  readonly headers: Readonly<Record<string, string>>;
  readonly events: readonly string[];
  /** The first event that says that the answer is complete: without it and what follows the stream is cut off. */
  readonly finishAt: number;
}

/** A kind of failure that every provider may have its own words for. */
export type WireFailure =
  | 'bad request'
  | 'authentication'
  | 'permission'
  | 'not found'
  | 'rate limit'
  | 'quota'
  | 'context length'
  | 'server'
  | 'overloaded';

/**
 * How a provider's server speaks: what the conformance kit needs to stand in for it. Written from the provider's
 * documentation; `openAIWire()` is that of OpenAI and those compatible with it.
 */
export interface ProviderWire {
  /** How streams are divided. Default `sse`. */
  readonly format?: 'sse' | 'ndjson';
  /** The key that a request carries. */
  keyOf(request: ReceivedRequest): string | undefined;
  /** What a chat request says. */
  readChat(request: ReceivedRequest): WireChat;
  /** The answer in one body. */
  chat(answer: WireAnswer, request: ReceivedRequest): WireReply;
  /** The answer as a stream; its text in at least two events. */
  stream(answer: WireAnswer, request: ReceivedRequest): WireStream;
  /** A failure with its status; undefined for a kind that the provider does not tell apart. */
  failure(kind: WireFailure, message: string): WireReply | undefined;
  /** The event that tells of a failure in a stream. */
  failureEvent(message: string): string;
  /** Vectors, one for each input; undefined for a provider without embeddings. */
  readonly embeddings?:
    | {
        inputsOf(request: ReceivedRequest): readonly string[];
        reply(vectors: readonly (readonly number[])[], request: ReceivedRequest): WireReply;
      }
    | undefined;
  /** What may stand between events and says nothing: a comment, a ping. */
  readonly noise?: string | undefined;
  /** The headers that tell of limits, and what they say. */
  readonly limits?:
    { readonly headers: Readonly<Record<string, string>>; readonly info: RateLimitInfo } | undefined;
  /** The header that names the request. Default `x-request-id`. */
  readonly requestIdHeader?: string;
  /** What the provider does not have. */
  readonly lacks?: readonly ('tools' | 'reasoning' | 'cached' | 'system' | 'tool ids' | 'maxTokens')[];
}
