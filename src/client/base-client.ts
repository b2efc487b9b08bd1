import type { AxiosInstance, InternalAxiosRequestConfig } from 'axios';
import {
  AbortError,
  AuthenticationError,
  fromFailure,
  LLMError,
  redact,
} from '../../decorators/errors/index.js';
import { Limiter } from '../../decorators/limits/index.js';
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
import { RateLimited } from '../../decorators/rate-limited.js';
import { RetryWithBackoff } from '../../decorators/retry-with-backoff.js';
import { Timeout, TIMEOUT_DEFAULTS } from '../../decorators/timeout.js';
import { createHttpSession, type HttpSession } from '../http/index.js';
import type { ChatCompletionStream } from '../streaming/index.js';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatMessage,
  ChatParams,
  EmbeddingParams,
} from '../wire/index.js';
import { VERSION } from '../version.js';
import { logEvent, resolveLogger, type Logger } from './logging.js';
import {
  checkClientOptions,
  environmentHeaders,
  resolveApiKey,
  resolveBaseURL,
  whatIsWrongWithKey,
  type ApiKey,
  type ClientOptions,
} from './options.js';
import { checkSpec, type ProviderSpec } from './provider-spec.js';
import { rememberCalls } from './response-info.js';
import { sendRequest, type ApiRequest, type RequestContext } from './send.js';
import { streamChunks } from './stream-chunks.js';

declare global {
  // Declared here too, so that the types compile without the library that declares it.
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}

/** How many keys of a rotating key function are remembered, to be kept out of errors. */
const REMEMBERED_KEYS = 16;

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
  readonly #apiKey: ApiKey | undefined;
  readonly #session: HttpSession;
  readonly #logger: Logger | undefined;
  readonly #secrets = new Set<string>();
  readonly #inFlight = new Set<Call>();
  #closing: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;

  /**
   * @throws TypeError for an option that is unknown or cannot be.
   * @throws AuthenticationError when there is no key.
   */
  constructor(options: ClientOptions = {}) {
    const type = new.target;
    checkClientOptions(options, type.name, type.optionNames);
    this.provider = checkSpec(type.provider, type.name);
    this.baseURL = resolveBaseURL(options, this.provider, type.name);
    this.#apiKey = resolveApiKey(options, this.provider, type.name);
    if (typeof this.#apiKey === 'string') this.#secrets.add(this.#apiKey);
    this.#options = options;
    this.#logger = resolveLogger(options.logger);
    this.model = options.model ?? this.provider.models?.chat;
    this.embeddingModel = options.embeddingModel ?? this.provider.models?.embedding;
    const { rateLimit } = options;
    this.limiter =
      rateLimit === undefined || rateLimit instanceof Limiter ? rateLimit : new Limiter(rateLimit);
    this.#session = createHttpSession({
      baseURL: this.baseURL,
      headers: {
        'User-Agent': `keelson/${VERSION}`,
        ...environmentHeaders(this.provider),
        ...this.defaultHeaders(options),
        ...options.headers,
      },
      query: Object.fromEntries(
        Object.entries(options.query ?? {}).map(([name, value]) => [name, String(value)]),
      ),
      connectMs: options.timeouts?.connectMs ?? TIMEOUT_DEFAULTS.connectMs,
      ...(options.http && { http: options.http }),
      authenticate: (config) => this.#authenticate(config),
    });
    this.http = this.#session.axios;
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
  on<T extends PolicyEvent['type']>(
    type: T,
    listener: (event: Extract<PolicyEvent, { type: T }>) => void,
  ): () => void {
    return onPolicyEvent(this, (event) => {
      if (event.type === type) listener(event as Extract<PolicyEvent, { type: T }>);
    });
  }

  /**
   * Refuses new calls, waits for those in flight (or, with `abort: true`, ends them with an `AbortError`), then closes
   * the connections. `await using client = …` does it at the end of the block.
   */
  close({ abort = false }: { abort?: boolean } = {}): Promise<void> {
    const closing = (this.#closing ??= this.#close(abort));
    if (abort) this.#abortCalls();
    return closing;
  }

  /** Closes the client: `await using` calls it. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  static {
    // Without the symbol the method would be called "undefined"; and nothing could ask for it.
    if (Symbol.asyncDispose as unknown) {
      Object.defineProperty(this.prototype, Symbol.asyncDispose, {
        configurable: true,
        writable: true,
        value(this: BaseLLMClient) {
          return this.close();
        },
      });
    }
  }

  /**
   * Sends one request and reads its answer; the body of a decorated method calls it. Tells the policies what it
   * learns: usage, limits, request id.
   */
  protected send<T>(path: string, init: ApiRequest, options: CallOptions = {}): Promise<T> {
    return sendRequest<T>(this.#requestContext(), path, init, options);
  }

  /**
   * Sends one request and resolves, once its answer has begun, with the chunks of a stream in OpenAI's format; the
   * body of a decorated `async *` method hands them on by `yield*`.
   */
  protected stream(
    path: string,
    init: ApiRequest,
    options: CallOptions = {},
  ): Promise<AsyncIterable<ChatCompletionChunk>> {
    return streamChunks(this.#requestContext(), path, init, options);
  }

  /** What sending needs to know of this client. */
  #requestContext(): RequestContext {
    const logger = this.#options.logBodies ? this.#logger : undefined;
    return {
      http: this.http,
      provider: this.provider,
      secrets: this.#secrets,
      ...(logger && {
        logBody: (what, body) =>
          logger.debug({ body: redact(body, this.#secrets) }, `${this.constructor.name}: ${what}`),
      }),
    };
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
  protected estimate(_call: Call): TokenEstimate | undefined {
    return undefined;
  }

  /** Whether an event of a streaming method carries content: before the first that does, a failed stream is opened anew. */
  protected carriesContent(_method: string, _event: unknown): boolean {
    return true;
  }

  readonly [policyHost]: PolicyHost = {
    methodLabel: (method) => this.methodLabel(String(method)),
    callOptions: (method) => this.callOptionsAt(String(method)),
    checkArguments: (method, args) => {
      if (this.#closing) {
        throw new LLMError(`${this.constructor.name} is closed: make a new one.`, { code: 'client_closed' });
      }
      this.checkArguments(String(method), args);
    },
    onCall: (call) => {
      this.#inFlight.add(call);
      call.onEnd(({ result }) => {
        if (typeof result === 'object' && result !== null) rememberCalls(result, [call]);
        this.#inFlight.delete(call);
        if (this.#inFlight.size === 0) this.#whenIdle?.();
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
      const failure = fromFailure(error, { provider: this.provider.name, secrets: this.#secrets });
      (failure as { provider?: string }).provider ??= this.provider.name;
      return failure;
    },
    carriesContent: (method, event) => this.carriesContent(String(method), event),
    emit: (event) => this.#logger && logEvent(this.#logger, event),
    observed: () => this.#logger !== undefined,
  };

  /** Synchronous for a fixed key: every call passes here. */
  #authenticate(config: InternalAxiosRequestConfig): void | Promise<void> {
    const apiKey = this.#apiKey;
    if (apiKey === undefined) return undefined;
    const sign = (key: string): void => {
      for (const [name, value] of Object.entries(this.authHeaders(key))) config.headers.set(name, value);
    };
    return typeof apiKey === 'function' ? this.#askForKey(apiKey).then(sign) : sign(apiKey);
  }

  async #askForKey(ask: () => string | Promise<string>): Promise<string> {
    let key: string;
    try {
      key = await ask();
    } catch (error) {
      if (error instanceof LLMError) throw error;
      throw new AuthenticationError('The `apiKey` function failed.', {
        provider: this.provider.name,
        cause: error,
      });
    }
    const wrong = whatIsWrongWithKey(key);
    if (wrong)
      throw new AuthenticationError(`What the \`apiKey\` function returned ${wrong}.`, {
        provider: this.provider.name,
      });
    // The newest last: what is forgotten is the key not used for longest.
    this.#secrets.delete(key);
    this.#secrets.add(key);
    if (this.#secrets.size > REMEMBERED_KEYS) {
      for (const oldest of this.#secrets) {
        this.#secrets.delete(oldest);
        break;
      }
    }
    return key;
  }

  async #close(abort: boolean): Promise<void> {
    if (!abort && this.#inFlight.size > 0) {
      await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    }
    await this.#session.close({ abort });
  }

  #abortCalls(): void {
    for (const call of [...this.#inFlight]) call.abort(new AbortError('The client was closed.'));
  }
}

asksAtOnce(BaseLLMClient.prototype, 'request');
