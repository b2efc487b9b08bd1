import type { AxiosInstance } from 'axios';
import { fromFailure, type ResponseFormatError } from '../../decorators/errors/index.js';
import type { Limiter } from '../../decorators/limits/index.js';
import {
  onPolicyEvent,
  policyHost,
  type Call,
  type CallOptions,
  type PolicyEvent,
  type PolicyHost,
  type TokenEstimate,
} from '../../decorators/pipeline/index.js';
import { HandleApiErrors } from '../../decorators/handle-api-errors.js';
import { asksAtOnce } from '../../decorators/pipeline/asks-at-once.js';
import { findCallOptions } from '../../decorators/pipeline/call-options.js';
import { defineAsyncDispose } from '../../decorators/pipeline/dispose.js';
import { RateLimited } from '../../decorators/rate-limited.js';
import { RetryWithBackoff } from '../../decorators/retry-with-backoff.js';
import { Timeout, TIMEOUT_DEFAULTS } from '../../decorators/timeout.js';
import { createHttpSession } from '../http/index.js';
import type { ChatCompletionStream } from '../streaming/index.js';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatMessage,
  ChatParams,
  EmbeddingParams,
} from '../wire/index.js';
import { textCounter, type TextCounter } from '../tokenizer/tokenizer.js';
import { VERSION } from '../version.js';
import { checkCall } from './arguments.js';
import { Credentials } from './credentials.js';
import { environmentHeaders } from './environment.js';
import { estimateRequest } from './estimate.js';
import { Lifecycle } from './lifecycle.js';
import { limiterFor } from './limiter-for.js';
import { bodyLog, logEvent, resolveLogger, type Logger } from './logging.js';
import { checkClientOptions, resolveBaseURL, type ClientOptions } from './options.js';
import { checkSpec, type ProviderSpec } from './provider-spec.js';
import { rememberCalls } from './response-info.js';
import { sendRequest, type ApiRequest, type RequestContext } from './send.js';
import { streamChunks } from './stream-chunks.js';
import { malformedAnswer } from './unusable-answer.js';

declare global {
  // Declared here too, so that the types compile without the library that declares it.
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}

/** The event of one kind; several kinds may share a type of event. */
type PolicyEventOf<Kind, E = PolicyEvent> = E extends { type: infer Kinds }
  ? Kind extends Kinds
    ? E
    : never
  : never;

/**
 * What all clients have in common: options, one HTTP session with the auth header, one limiter, events, logging,
 * opening and closing. Extend it for an API of its own kind; for one that speaks OpenAI's wire format extend
 * `OpenAICompatibleClient`.
 *
 * @example
 * class EchoClient extends BaseLLMClient {
 *   static override readonly provider = { name: 'echo', baseURL: 'https://echo.example/v1', env: { apiKey: 'ECHO_API_KEY' } };
 *
 *   @RateLimited((self) => self.limiter)
 *   @RetryWithBackoff()
 *   @Timeout()
 *   @HandleApiErrors()
 *   async chatCompletion(messages: readonly ChatMessage[], params: ChatParams = {}, options?: CallOptions) {
 *     return this.send<ChatCompletion>('/echo', { body: { messages, ...params } }, options);
 *   }
 *   …
 * }
 */
export abstract class BaseLLMClient {
  /** Describes the provider. A subclass for another provider declares its own: nothing of this one is inherited. */
  static readonly provider: ProviderSpec | undefined = undefined;
  /** Names of the options that a subclass adds to `ClientOptions`. */
  static readonly optionNames: readonly string[] = [];

  /** The axios instance of this client. Add interceptors, or mock it. */
  readonly http: AxiosInstance;
  /** The one limiter of this client; undefined when no `rateLimit` was given. */
  readonly limiter: Limiter | undefined;
  /** The address of the API, without a trailing slash. */
  readonly baseURL: string;
  protected readonly provider: ProviderSpec;
  /** Model of chat completions that name none. */
  protected readonly model: string | undefined;
  /** Model of embeddings that name none. */
  protected readonly embeddingModel: string | undefined;

  readonly #options: ClientOptions;
  readonly #credentials: Credentials;
  readonly #lifecycle: Lifecycle;
  readonly #context: RequestContext;
  readonly #logger: Logger | undefined;

  /**
   * @throws TypeError for an option that is unknown or cannot be.
   * @throws AuthenticationError when there is no key.
   */
  constructor(options: ClientOptions = {}) {
    const type = new.target;
    checkClientOptions(options, type.name, type.optionNames);
    this.provider = checkSpec(type.provider, type.name);
    this.baseURL = resolveBaseURL(options, this.provider, type.name);
    this.#options = options;
    this.#logger = resolveLogger(options.logger);
    this.model = options.model ?? this.provider.models?.chat;
    this.embeddingModel = options.embeddingModel ?? this.provider.models?.embedding;
    this.limiter = limiterFor(options.rateLimit, this.model ?? this.embeddingModel);
    const { baseURL } = this;
    const headers = {
      'User-Agent': `keelson/${VERSION}`,
      ...environmentHeaders(this.provider),
      ...this.defaultHeaders(options),
      ...options.headers,
    };
    const query = Object.fromEntries(
      Object.entries(options.query ?? {}).map(([name, value]) => [name, String(value)]),
    );
    this.#credentials = new Credentials(options, this.provider, type.name, [
      { baseURL, headers, params: query },
      options.http,
    ]);
    const session = createHttpSession({
      baseURL,
      headers,
      query,
      connectMs: options.timeouts?.connectMs ?? TIMEOUT_DEFAULTS.connectMs,
      ...(options.http && { http: options.http }),
      authenticate: (config) => this.#credentials.sign(config, (key) => this.authHeaders(key)),
    });
    this.http = session.axios;
    this.#lifecycle = new Lifecycle(type.name, (how) => session.close(how));
    const { secrets } = this.#credentials;
    this.#context = {
      http: this.http,
      provider: this.provider,
      secrets,
      counterFor: (model) => this.tokenCounter(model),
      ...(options.logBodies && this.#logger && { logBody: bodyLog(this.#logger, type.name, secrets) }),
    };
  }

  /** One answer to a conversation. */
  abstract chatCompletion(
    messages: readonly ChatMessage[],
    params?: ChatParams,
    options?: CallOptions,
  ): Promise<ChatCompletion>;

  /** The answer while it is made: an async iterable of chunks, read once. */
  abstract streamChatCompletion(
    messages: readonly ChatMessage[],
    params?: ChatParams,
    options?: CallOptions,
  ): ChatCompletionStream;

  /** The vector of a text, or the vectors of texts in their order. */
  abstract embeddings(input: string, params?: EmbeddingParams, options?: CallOptions): Promise<number[]>;
  abstract embeddings(
    input: readonly string[],
    params?: EmbeddingParams,
    options?: CallOptions,
  ): Promise<number[][]>;

  /**
   * Any other endpoint of the API, under the same policies: `path` is appended to the base URL.
   *
   * @example
   * const { data } = await client.request<{ data: { id: string }[] }>('/models');
   */
  @RateLimited((self) => self.limiter)
  @RetryWithBackoff()
  @Timeout()
  @HandleApiErrors()
  async request<T = unknown>(path: string, init: ApiRequest = {}, options: CallOptions = {}): Promise<T> {
    return this.send<T>(path, init, options);
  }

  /**
   * Calls `listener` for the events of one kind: 'attempt', 'retry', 'wait', 'success', 'failure', or what the limiter
   * does. The function returned ends it.
   */
  on<T extends PolicyEvent['type']>(type: T, listener: (event: PolicyEventOf<T>) => void): () => void {
    return onPolicyEvent(this, (event) => {
      if (event.type === type) listener(event as PolicyEventOf<T>);
    });
  }

  /**
   * Refuses new calls, waits for those in flight (or, with `abort: true`, ends them with an `AbortError`), then closes
   * the connections. `await using client = …` does it at the end of the block.
   */
  close({ abort = false }: { abort?: boolean } = {}): Promise<void> {
    return this.#lifecycle.close(abort);
  }

  /** Closes the client: `await using` calls it. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  /**
   * Sends one request and reads its answer; the body of a decorated method calls it. Tells the policies what it
   * learns: usage, limits, request id.
   */
  protected send<T>(path: string, init: ApiRequest, options: CallOptions = {}): Promise<T> {
    return sendRequest<T>(this.#context, path, init, options);
  }

  /**
   * Sends one request and resolves, once its answer has begun, with the chunks of a stream in OpenAI's format. The
   * body of a decorated `async *` method hands them on by `return continueWith(…)`, or by `yield*` at the price of a
   * promise for each chunk.
   */
  protected stream(
    path: string,
    init: ApiRequest,
    options: CallOptions = {},
  ): Promise<AsyncIterable<ChatCompletionChunk>> {
    return streamChunks(this.#context, path, init, options);
  }

  /** The error for an answer that is not what the endpoint should give; `what` says so, as in "without `choices`". */
  protected malformedAnswer(what: string, answer: unknown, options: CallOptions = {}): ResponseFormatError {
    return malformedAnswer(this.#context, what, answer, options);
  }

  /**
   * Runs a plain method that is made of several calls of the decorated `method` as one: `close()` waits for all of it,
   * or aborts `ending`.
   */
  protected asOneCall<T>(method: string, run: (ending: AbortController) => Promise<T>): Promise<T> {
    return this.#lifecycle.run(method, run);
  }

  /**
   * The call options among the arguments of `method`, for a plain method that looks at them before the decorated one.
   *
   * @throws TypeError as the decorated method would.
   */
  protected callOptionsIn(method: string, args: readonly unknown[]): CallOptions {
    return findCallOptions(this, method, args).options;
  }

  /** The headers that carry the key. Default: `Authorization: Bearer …`. */
  protected authHeaders(apiKey: string): Record<string, string> {
    return { Authorization: `Bearer ${apiKey}` };
  }

  /** Headers of every request, before the user's own. Called by the constructor. */
  protected defaultHeaders(_options: ClientOptions): Record<string, string> {
    return {};
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

  /** Counts the tokens of texts: by the option `tokenizer`, else by rule of thumb. */
  protected tokenCounter(model: string | undefined): TextCounter {
    return textCounter(this.#options.tokenizer, model, this.constructor.name);
  }

  /** Whether an event of a streaming method carries content: before the first that does, a failed stream is opened anew. */
  protected carriesContent(_method: string, _event: unknown): boolean {
    return true;
  }

  readonly [policyHost]: PolicyHost = {
    methodLabel: (method) => this.methodLabel(String(method)),
    callOptions: (method) => this.callOptionsAt(String(method)),
    checkArguments: (method, args) => {
      const name = String(method);
      this.#lifecycle.checkOpen(name);
      checkCall(name, args, this.callOptionsAt(name), `${this.methodLabel(name)}()`);
      this.checkArguments(name, args);
    },
    // Whoever overrides these, or is asked for the key, may ask for the call after an `await`.
    asksAtOnce: () =>
      this.send === BaseLLMClient.prototype.send &&
      this.stream === BaseLLMClient.prototype.stream &&
      !this.#credentials.areAskedFor,
    onCall: (call) => {
      this.#lifecycle.begin(call);
      call.onEnd(({ result }) => {
        if (typeof result === 'object' && result !== null) rememberCalls(result, [call]);
        this.#lifecycle.end(call);
      });
    },
    policyOptions: (kind) => {
      if (kind === 'RetryWithBackoff') return this.#options.retry;
      if (kind === 'Timeout') return this.#options.timeouts;
      return kind === 'RateLimited' ? (this.limiter ?? false) : undefined;
    },
    retryBudgetOwner: () => this.limiter,
    estimate: (call) => this.estimate(call),
    failure: (error) => {
      const failure = fromFailure(error, {
        provider: this.provider.name,
        secrets: this.#credentials.secrets,
      });
      (failure as { provider?: string }).provider ??= this.provider.name;
      return failure;
    },
    carriesContent: (method, event) => this.carriesContent(String(method), event),
    emit: (event) => this.#logger && logEvent(this.#logger, event),
    observed: () => this.#logger !== undefined,
  };
}

defineAsyncDispose(BaseLLMClient.prototype, (client) => client.close());
asksAtOnce(BaseLLMClient.prototype, 'request');
