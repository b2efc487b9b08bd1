import {
  continueWith,
  currentCall,
  policyHost,
  type Call,
  type CallDescription,
  type CallOptions,
  type Continuation,
} from '../../decorators/pipeline/index.js';
import { runtime } from '../../decorators/pipeline/runtime.js';
import type { BaseLLMClient } from '../client/base-client.js';
import { checkMessages, checkParams } from '../client/arguments.js';
import { responseInfo, type ResponseInfo } from '../client/response-info.js';
import type { ApiRequest } from '../client/send.js';
import { OpenAICompatibleClient } from '../providers/openai-compatible.js';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatMessage,
  ChatParams,
  EmbeddingParams,
  EmbeddingResponse,
} from '../wire/index.js';
import { providerOf, ROUTER_OPTION_NAMES, routesOf, type RouterOptions } from './options.js';
import type { Route, RouteSnapshot } from './route.js';
import { Routed, routeOf, routing, type Routing } from './routed.js';

/**
 * One client made of several: each call goes to the key, deployment or provider that has to be waited for the least, by
 * what is left of its limits, by its latency and by the calls that run there. A route that fails is left out for a while, and the call
 * goes on elsewhere. It is a client like any other: it streams, embeds, has policies, and can itself be a route.
 *
 * A retry of the router is another round over its routes; the retries of their clients are not used.
 * `close()` closes them too.
 *
 * @example
 * const router = new RouterClient({
 *   routes: [
 *     new OpenAIClient({ apiKey: keyA }),
 *     new OpenAIClient({ apiKey: keyB }),
 *     { client: new AzureOpenAIClient({ … }), model: 'my-gpt-4o', order: 1 }, // only when both keys fail
 *   ],
 * });
 * const reply = await router.chatCompletion(messages, { model: 'gpt-4o' });
 */
export class RouterClient extends OpenAICompatibleClient {
  // Nothing is ever sent there: the name exists nowhere.
  static override readonly provider = {
    name: 'router',
    baseURL: 'https://router.invalid',
    needsApiKey: false,
  };
  static override readonly optionNames = ROUTER_OPTION_NAMES;

  /** What the routing policy asks. */
  readonly [routing]: Routing;
  readonly #routes: readonly Route[];

  /** @throws TypeError for options that are unknown, missing or cannot be, and for those that belong to the routes. */
  constructor(options: RouterOptions) {
    const routes = routesOf(options, new.target.name);
    super({ ...options, apiKey: null } as object);
    this.#routes = routes;
    const { coolDownMs = 1000, maxCoolDownMs = 60_000 } = options;
    this[routing] = { coolDownMs, maxCoolDownMs, routesFor: (call) => this.#routesFor(call) };
  }

  @Routed()
  override async chatCompletion(
    messages: readonly ChatMessage[],
    params: ChatParams = {},
    options: CallOptions = {},
  ): Promise<ChatCompletion> {
    const call = currentCall();
    const route = routeOf(call);
    const reply = await route.client.chatCompletion(messages, withModel(params, route), once(options));
    tell(call, route, reply);
    return reply;
  }

  @Routed()
  protected override async *chatCompletionEvents(
    messages: readonly ChatMessage[],
    params: ChatParams = {},
    options: CallOptions = {},
  ): AsyncGenerator<ChatCompletionChunk, Continuation<ChatCompletionChunk> | void, unknown> {
    const call = currentCall();
    const route = routeOf(call);
    const stream = route.client.streamChatCompletion(messages, withModel(params, route), once(options));
    return continueWith({
      async *[Symbol.asyncIterator]() {
        let first: ChatCompletionChunk | undefined;
        try {
          for await (const chunk of stream) {
            if (!first) tell(call, route, (first = chunk));
            yield chunk;
          }
        } finally {
          // The usage comes last, and is remembered of the first.
          if (first) tell(call, route, first);
        }
      },
    });
  }

  @Routed()
  protected override async embedBatch(
    inputs: string[],
    params: EmbeddingParams = {},
    options: CallOptions = {},
  ): Promise<EmbeddingResponse> {
    const call = currentCall();
    const route = routeOf(call);
    const { client } = route;
    const model = route.options.embeddingModel ?? params.model;
    const vectors = await client.embeddings(inputs, { ...params, ...(model && { model }) }, once(options));
    const { inputTokens = 0 } = tell(call, route, vectors)?.usage ?? {};
    return {
      object: 'list',
      data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })),
      model: model ?? client.embeddingModel ?? '',
      usage: { prompt_tokens: inputTokens, total_tokens: inputTokens },
    };
  }

  /** Any other endpoint, of the provider of the first route: routes of other providers are not asked. */
  @Routed()
  override async request<T = unknown>(
    path: string,
    init: ApiRequest = {},
    options: CallOptions = {},
  ): Promise<T> {
    const call = currentCall();
    const route = routeOf(call);
    const answer = await route.client.request<T>(path, init, once(options));
    if (typeof answer === 'object' && answer !== null) tell(call, route, answer);
    return answer;
  }

  /** How each route is doing, by its name. */
  snapshot(): Record<string, RouteSnapshot> {
    const now = runtime().now();
    return Object.fromEntries(this.#routes.map((route) => [route.name, route.snapshot(now)]));
  }

  /** Refuses new calls, waits for those in flight (or ends them), then closes the clients of the routes too. */
  override async close(how: { abort?: boolean } = {}): Promise<void> {
    await super.close(how);
    await Promise.all(this.#routes.map(({ client }) => client.close(how)));
  }

  /** Nothing is known of an address: that is the route's. */
  protected override describe(call: Call): CallDescription {
    return { ...super.describe(call), baseURL: undefined };
  }

  /** Its rounds are its own, whatever else is routed in this process. */
  protected override budgetOwner(): object {
    return this;
  }

  protected override checkArguments(method: string, args: readonly unknown[]): void {
    const where = `${this.methodLabel(method)}()`;
    const [first, params] = args;
    if (method === 'chatCompletion' || method === 'chatCompletionEvents') {
      checkMessages(first, where);
      checkParams(params, where);
      const { model } = (params ?? {}) as ChatParams;
      if (!this.#routes.some((route) => route.serves(model))) {
        const known = this.#routes.flatMap(({ options }) => Object.keys(options.model ?? {}));
        throw new TypeError(
          `${where}: no route has the model '${model}'. There are: ${[...new Set(known)].join(', ')}.`,
        );
      }
    } else if (method === 'embedBatch') checkParams(params, where);
  }

  /** The answers are those of its routes. */
  protected override accountId(): string {
    return JSON.stringify(
      this.#routes.map(({ client, options: { model, embeddingModel } }) => [
        client[policyHost].account?.(),
        model ?? client.model,
        embeddingModel ?? client.embeddingModel,
      ]),
    );
  }

  #routesFor(call: Call): readonly Route[] {
    if (call.method === 'embedBatch') return embeddingRoutes(this.#routes);
    if (call.method === 'request') {
      const [first] = this.#routes;
      return this.#routes.filter(({ client }) => first && areAlike(client, first.client));
    }
    const { model } = (call.args[1] ?? {}) as ChatParams;
    return this.#routes.filter((route) => route.serves(model));
  }
}

/** Vectors of different models cannot be mixed: those that name one, else those that are like the first route that embeds. */
function embeddingRoutes(routes: readonly Route[]): readonly Route[] {
  const named = routes.filter(({ options }) => options.embeddingModel !== undefined);
  if (named.length > 0) return named;
  const embedding = routes.filter(
    ({ client }) => (client.constructor as typeof BaseLLMClient).provider?.hasEmbeddings !== false,
  );
  const [first] = embedding;
  return embedding.filter(
    ({ client }) =>
      first && areAlike(client, first.client) && client.embeddingModel === first.client.embeddingModel,
  );
}

/** Whether two clients call the same API; what is behind a router is known to it alone. */
function areAlike(a: BaseLLMClient, b: BaseLLMClient): boolean {
  return a === b || (!(routing in a) && !(routing in b) && providerOf(a) === providerOf(b));
}

/** The router tries again itself, and elsewhere. */
function once(options: CallOptions): CallOptions {
  return { ...options, maxRetries: 0 };
}

function withModel(params: ChatParams, route: Route): ChatParams {
  const model = route.modelFor(params.model);
  return model === undefined ? params : { ...params, model };
}

/** Passes on what the route's client has learned. The provider's limits concern the route alone, not a limiter of the router. */
function tell(call: Call | undefined, route: Route, result: object): ResponseInfo | undefined {
  const info = responseInfo(result);
  if (!info) return undefined;
  const { usage, requestId, rateLimit } = info;
  route.observe(rateLimit);
  call?.report({
    sent: true,
    ...(usage && { usage }),
    ...(requestId !== undefined && { requestId }),
  });
  return info;
}
