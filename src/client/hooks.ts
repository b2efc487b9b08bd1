import {
  errorFromResponse,
  readRateLimit,
  type ErrorResponse,
  type LLMError,
  type RateLimitInfo,
  type ResponseFormatError,
} from '../../decorators/errors/index.js';
import type {
  Call,
  CallDescription,
  CallOptions,
  TokenEstimate,
  TokenUsage,
} from '../../decorators/pipeline/index.js';
import { replaceModel } from '../../decorators/fallback/with-model.js';
import { readUsage } from '../../decorators/pipeline/usage.js';
import type { ChatEvents } from '../streaming/index.js';
import type {
  ChatCompletion,
  ChatMessage,
  ChatParams,
  EmbeddingParams,
  EmbeddingResponse,
} from '../wire/index.js';
import type { TextCounter } from '../tokenizer/tokenizer.js';
import { normaliseMessage, normaliseUsage } from '../wire/normalise.js';
import type { BatchLimits } from './embed.js';
import { estimateRequest } from './estimate.js';
import type { ClientOptions } from './options.js';
import type { ProviderSpec } from './provider-spec.js';
import { knownFields, renamed } from './request-body.js';
import type { ApiRequest } from './send.js';

/** A request to one of the provider's endpoints. */
export interface ProviderRequest extends ApiRequest {
  /** Below the base URL. */
  readonly path: string;
}

/** What a caller asks of a chat method. */
export interface ChatInput {
  readonly messages: readonly ChatMessage[];
  readonly params: ChatParams;
  /** The model of the params, or else that of the client. */
  readonly model: string;
  /** Whether the answer is to come as a stream. */
  readonly stream: boolean;
  readonly options: CallOptions;
}

/** One request's worth of what a caller wants embedded. */
export interface EmbeddingInput {
  readonly inputs: readonly string[];
  readonly params: EmbeddingParams;
  /** The model of the params, or else that of the client. */
  readonly model: string;
  readonly options: CallOptions;
}

/**
 * What a provider's class may say differently. Every hook is synchronous, and its default is OpenAI's way. Those of the
 * requests run before anything is awaited, so they may ask for `currentCall()`; the others may not.
 */
export abstract class ClientHooks {
  protected abstract readonly provider: ProviderSpec;
  abstract readonly model: string | undefined;
  protected abstract dropField(field: string, why: string): void;
  /** Counts the tokens of texts: by the option `tokenizer`, else by rule of thumb. */
  protected abstract tokenCounter(model: string | undefined): TextCounter;
  protected abstract malformedAnswer(
    what: string,
    answer: unknown,
    options?: CallOptions,
  ): ResponseFormatError;

  /** The headers that carry the key. Default: `Authorization: Bearer …`, or the provider's `authHeader`. */
  protected authHeaders(apiKey: string): Record<string, string> {
    const { authHeader } = this.provider;
    return authHeader === undefined ? { Authorization: `Bearer ${apiKey}` } : { [authHeader]: apiKey };
  }

  /** Headers of every request, before the user's own. Called by the constructor. */
  protected defaultHeaders(_options: ClientOptions): Record<string, string> {
    return {};
  }

  /**
   * The request for a chat. Throw `this.unsupported('…')` for what the provider cannot do, and tell of a field that is
   * left out by `this.dropField(…)`.
   */
  protected chatRequest({ messages, params, model, stream }: ChatInput): ProviderRequest {
    const { name, paths, paramNames, streamUsage, assistantFields } = this.provider;
    const body = {
      ...(stream && streamUsage !== false && { stream_options: { include_usage: true } }),
      ...renamed(params, paramNames),
      model,
      messages: assistantFields
        ? knownFields(messages, assistantFields, (field) =>
            this.dropField(field, `${name} refuses it in earlier answers.`),
          )
        : messages,
      ...(stream && { stream }),
    };
    return { path: paths?.chat ?? '/chat/completions', body };
  }

  /** The completion that an answer's JSON stands for; `usage` in it is what the limiter settles by. */
  protected chatResult(answer: unknown, { options }: ChatInput): ChatCompletion {
    const { choices } = (answer ?? {}) as Partial<ChatCompletion>;
    if (!Array.isArray(choices)) throw this.malformedAnswer('without `choices`', answer, options);
    for (const choice of choices as { message?: unknown }[]) {
      const { message } = choice ?? {};
      if (typeof message === 'object' && message !== null)
        normaliseMessage(message as Record<string, unknown>);
    }
    normaliseUsage(answer as Record<string, unknown>);
    return answer as ChatCompletion;
  }

  /** How a chat's stream is read. Called for each stream: what it returns may hold what it has seen. */
  protected chatEvents(_input: ChatInput): ChatEvents {
    return {};
  }

  /** The request for the vectors of some texts. */
  protected embeddingRequest({ inputs, params, model }: EmbeddingInput): ProviderRequest {
    const { paths, embeddingFormat = 'base64' } = this.provider;
    const body = { encoding_format: embeddingFormat, ...params, model, input: inputs };
    return { path: paths?.embeddings ?? '/embeddings', body };
  }

  /** The vectors that an answer's JSON holds, numbered like the inputs. Whether there is one for each is checked after it. */
  protected embeddingResult(answer: unknown, _input: EmbeddingInput): EmbeddingResponse {
    return answer as EmbeddingResponse;
  }

  /** What one embeddings request may hold. Default: the provider's `limits`, else OpenAI's. */
  protected embeddingLimits(_model: string): BatchLimits {
    const { embeddingInputs = 2048, embeddingTokens = 300_000 } = this.provider.limits ?? {};
    return { inputs: embeddingInputs, tokens: embeddingTokens };
  }

  /**
   * The error that a response reports: one with an error status, one of 200 with an error in it, or an error event. An
   * override may change what is read, and leave the rest to `super`.
   */
  protected readError(response: ErrorResponse): LLMError {
    const rateLimit = this.readRateLimit(response.headers);
    return errorFromResponse({ meanings: this.provider.errors, rateLimit, ...response });
  }

  /** What the headers of any response say of the provider's limits. */
  protected readRateLimit(headers: unknown): RateLimitInfo | undefined {
    const info = readRateLimit(headers);
    const { rateLimitWindows } = this.provider;
    return info && rateLimitWindows ? withWindows(info, rateLimitWindows) : info;
  }

  /** The model that a call is for: limits that are learned are those of a model. */
  protected modelOf({ args }: Call): string | undefined {
    const [, second] = args as [unknown, { model?: unknown; body?: { model?: unknown } } | undefined];
    const model = second?.model ?? second?.body?.model ?? this.model;
    return typeof model === 'string' ? model : undefined;
  }

  /** The tokens that a result, a chunk of a stream, or the answer of `request()` says were used. Default: by its `usage`. */
  protected readUsage(answer: unknown): TokenUsage | undefined {
    return readUsage(answer);
  }

  /** Throws for arguments of `method` that are to be refused before anything is sent. */
  protected checkArguments(_method: string, _args: readonly unknown[]): void {}

  /** Where `method` takes its `CallOptions`. */
  protected callOptionsAt(method: string): number | undefined {
    return ['chatCompletion', 'request'].includes(method) ? 2 : undefined;
  }

  /** The name under which users know `method`, for messages and events. */
  protected methodLabel(method: string): string {
    return method;
  }

  /**
   * The arguments of a call of `method` with another model. Undefined where another model is no substitute: the vectors of
   * one cannot be compared with another's.
   */
  protected withModel(
    method: string,
    args: readonly unknown[],
    model: string,
  ): readonly unknown[] | undefined {
    if (method === 'embedBatch') return undefined;
    if (method !== 'chatCompletion' && method !== 'chatCompletionEvents') return replaceModel(args, model);
    const [messages, params, ...rest] = args;
    return [messages, { ...(params as ChatParams | undefined), model }, ...rest];
  }

  /** What a call asks the provider for: caches, budgets, circuits and traces tell calls apart by it. */
  protected describe(call: Call): CallDescription {
    const { body, ...init } = (call.args[1] ?? {}) as ApiRequest;
    const request = { path: call.args[0], ...init, ...(body as object), ...call.options.extraBody };
    return { model: this.modelOf(call), request };
  }

  /** How many tokens a call is expected to use. */
  protected estimate({ method, args, options }: Call): TokenEstimate | undefined {
    if (method !== 'request') return undefined;
    const body = (args[1] as ApiRequest | undefined)?.body;
    return this.estimateBody(options.extraBody ? { ...(body as object), ...options.extraBody } : body);
  }

  /** How many tokens a request with this body, in OpenAI's words, is expected to use; undefined when it does not say. */
  protected estimateBody(body: unknown): TokenEstimate | undefined {
    const model = (body as { model?: unknown } | null | undefined)?.model;
    return estimateRequest(body, this.tokenCounter(typeof model === 'string' ? model : undefined));
  }

  /** Whether an event of a streaming method carries content: before the first that does, a failed stream is opened anew. */
  protected carriesContent(_method: string, _event: unknown): boolean {
    return true;
  }
}

const WINDOWS_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

function withWindows(
  info: RateLimitInfo,
  windows: NonNullable<ProviderSpec['rateLimitWindows']>,
): RateLimitInfo {
  const { requests, tokens } = info;
  return {
    ...info,
    ...(requests &&
      windows.requests && { requests: { ...requests, windowMs: WINDOWS_MS[windows.requests] } }),
    ...(tokens && windows.tokens && { tokens: { ...tokens, windowMs: WINDOWS_MS[windows.tokens] } }),
  };
}
