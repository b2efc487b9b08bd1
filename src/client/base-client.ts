import type { AxiosInstance } from 'axios';
import { UnsupportedOperationError, type ResponseFormatError } from '../../decorators/errors/index.js';
import type { Limiter } from '../../decorators/limits/index.js';
import {
  currentCall,
  onPolicyEvent,
  policyHost,
  type CallOptions,
  type PolicyEvent,
  type PolicyEventOf,
  type PolicyHost,
} from '../../decorators/pipeline/index.js';
import { HandleApiErrors } from '../../decorators/handle-api-errors.js';
import { asksAtOnce } from '../../decorators/pipeline/asks-at-once.js';
import { findCallOptions } from '../../decorators/pipeline/call-options.js';
import { defineAsyncDispose } from '../../decorators/pipeline/dispose.js';
import { RateLimited } from '../../decorators/rate-limited.js';
import { RetryWithBackoff } from '../../decorators/retry-with-backoff.js';
import { Timeout } from '../../decorators/timeout.js';
import type { ChatCompletionStream, ChatEvents } from '../streaming/index.js';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatMessage,
  ChatParams,
  EmbeddingParams,
} from '../wire/index.js';
import { textCounter, type TextCounter, type Tokenizer } from '../tokenizer/tokenizer.js';
import { connect } from './connection.js';
import { ClientHooks } from './hooks.js';
import { clientHost } from './host.js';
import { Lifecycle } from './lifecycle.js';
import { limiterFor } from './limiter-for.js';
import { bodyLog, resolveLogger } from './logging.js';
import { checkClientOptions, resolveBaseURL, type ClientOptions } from './options.js';
import { checkSpec, type ProviderSpec } from './provider-spec.js';
import { sendRequest, type ApiRequest, type RequestContext } from './send.js';
import { streamChunks } from './stream-chunks.js';
import { malformedAnswer } from './unusable-answer.js';
import { Warnings } from './warnings.js';

declare global {
  // Declared here too, so that the types compile without the library that declares it.
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}

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
export abstract class BaseLLMClient extends ClientHooks {
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
  protected override readonly provider: ProviderSpec;
  /** What the decorators know of this client. */
  readonly [policyHost]: PolicyHost;
  /** Model of chat completions that name none. */
  override readonly model: string | undefined;
  /** Model of embeddings that name none. */
  readonly embeddingModel: string | undefined;

  readonly #lifecycle: Lifecycle;
  readonly #context: RequestContext;
  readonly #warnings: Warnings;
  readonly #sender: () => string;
  readonly #tokenizer: Tokenizer | undefined;

  /**
   * @throws TypeError for an option that is unknown or cannot be.
   * @throws AuthenticationError when there is no key.
   */
  constructor(options: ClientOptions = {}) {
    super();
    const type = new.target;
    checkClientOptions(options, type.name, type.optionNames);
    this.provider = checkSpec(type.provider, type.name);
    this.baseURL = resolveBaseURL(options, this.provider, type.name);
    this.model = options.model ?? this.provider.models?.chat;
    this.embeddingModel = options.embeddingModel ?? this.provider.models?.embedding;
    this.limiter = limiterFor(options.rateLimit, (call) => this.modelOf(call));
    const { baseURL, provider, limiter } = this;
    const { http, credentials, sender, close } = connect({
      className: type.name,
      baseURL,
      provider,
      options,
      optionNames: type.optionNames,
      headers: this.defaultHeaders(options),
      authHeaders: (key) => this.authHeaders(key),
    });
    this.http = http;
    this.#sender = sender;
    this.#tokenizer = options.tokenizer;
    const logger = resolveLogger(options.logger);
    const lifecycle = new Lifecycle(type.name, close);
    this.#lifecycle = lifecycle;
    this.#warnings = new Warnings(provider.name, logger !== undefined);
    const { secrets } = credentials;
    this.#context = {
      http,
      provider,
      secrets,
      counterFor: (model) => this.tokenCounter(model),
      readError: (response) => this.readError(response),
      readRateLimit: (headers) => this.readRateLimit(headers),
      readUsage: (answer) => this.readUsage(answer),
      ...(options.logBodies && logger && { logBody: bodyLog(logger, type.name, secrets) }),
    };
    this[policyHost] = clientHost({
      provider: provider.name,
      options,
      limiter,
      credentials,
      lifecycle,
      logger,
      sendsAsWeDo: () =>
        this.send === BaseLLMClient.prototype.send && this.stream === BaseLLMClient.prototype.stream,
      methodLabel: (method) => this.methodLabel(method),
      callOptionsAt: (method) => this.callOptionsAt(method),
      checkArguments: (method, args) => this.checkArguments(method, args),
      estimate: (call) => this.estimate(call),
      describe: (call) => ({ provider: provider.name, baseURL, ...this.describe(call) }),
      withModel: (method, args, model) => this.withModel(method, args, model),
      account: () => this.accountId(),
      retryBudgetOwner: this.budgetOwner(credentials.accountAt(baseURL)),
      readError: (response) => this.readError(response),
      carriesContent: (method, event) => this.carriesContent(method, event),
    });
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
   *
   * @param translate Makes the result of the answer's JSON. The result, too, is asked for its usage.
   */
  protected send<T>(
    path: string,
    init: ApiRequest,
    options: CallOptions = {},
    translate: (answer: unknown) => T = (answer) => answer as T,
  ): Promise<T> {
    return sendRequest<T>(this.#context, path, init, options, translate);
  }

  /**
   * Sends one request and resolves, once its answer has begun, with the chunks of a stream. The body of a decorated
   * `async *` method hands them on by `return continueWith(…)`, or by `yield*` at the price of a promise for each chunk.
   *
   * @param events How the stream differs from OpenAI's.
   */
  protected stream(
    path: string,
    init: ApiRequest,
    options: CallOptions = {},
    events: ChatEvents = {},
  ): Promise<AsyncIterable<ChatCompletionChunk>> {
    return streamChunks(this.#context, path, init, options, events);
  }

  /** The error for an answer that is not what the endpoint should give; `what` says so, as in "without `choices`". */
  protected override malformedAnswer(
    what: string,
    answer: unknown,
    options: CallOptions = {},
  ): ResponseFormatError {
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
    return findCallOptions(this[policyHost], method, args).options;
  }

  /**
   * Tells apart whose answers this client is given, by its address, its key and what else it sends with every request; nothing can
   * be read from it. What an interceptor adds is not in it: clients that differ by that share no cache.
   */
  protected accountId(): string {
    return this.#sender();
  }

  /** The error for something that the provider does not have; `what` names it, as in "embeddings". */
  protected unsupported(what: string): UnsupportedOperationError {
    const { name } = this.provider;
    return new UnsupportedOperationError(`${name} has no ${what}.`, { provider: name });
  }

  /**
   * Tells, once a client and field, that a field of the request is not sent: by a `warning` event, and by the logger or,
   * without one, by a warning of the process. To be called while a request is built, before its first `await`.
   *
   * @param why A clause, such as "Anthropic takes no seed.".
   */
  protected override dropField(field: string, why: string): void {
    this.#warnings.dropped(currentCall(), field, why);
  }

  /** What the budget for retries, hedges and fallbacks belongs to: all clients of one key and address. Called by the constructor. */
  protected budgetOwner(account: object): object {
    return account;
  }

  protected override tokenCounter(model: string | undefined): TextCounter {
    return textCounter(this.#tokenizer, model, this.constructor.name);
  }
}

defineAsyncDispose(BaseLLMClient.prototype, (client) => client.close());
asksAtOnce(BaseLLMClient.prototype, 'request');
