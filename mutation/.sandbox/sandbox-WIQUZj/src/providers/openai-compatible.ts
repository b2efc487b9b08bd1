// @ts-nocheck
import { HandleApiErrors } from '../../decorators/handle-api-errors.js';
import {
  continueWith,
  currentCall,
  type Call,
  type CallDescription,
  type CallOptions,
  type Continuation,
  type TokenEstimate,
} from '../../decorators/pipeline/index.js';
import { asksAtOnce } from '../../decorators/pipeline/asks-at-once.js';
import { RateLimited } from '../../decorators/rate-limited.js';
import { RetryWithBackoff } from '../../decorators/retry-with-backoff.js';
import { Timeout } from '../../decorators/timeout.js';
import { checkInputs, checkMessages, checkParams } from '../client/arguments.js';
import { BaseLLMClient } from '../client/base-client.js';
import { checkVectors, embedAll } from '../client/embed.js';
import type { ChatInput, ProviderRequest } from '../client/hooks.js';
import type { ProviderSpec } from '../client/provider-spec.js';
import { callsBehind, rememberCalls } from '../client/response-info.js';
import { ChatCompletionStream } from '../streaming/index.js';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatMessage,
  ChatParams,
  EmbeddingParams,
  EmbeddingResponse,
} from '../wire/index.js';

/** What users call, where that stands on a method that they override. */
const PUBLIC_NAMES: Readonly<Record<string, string>> = {
  chatCompletionEvents: 'streamChatCompletion',
  embedBatch: 'embeddings',
};

/** What the methods under the policies do, in the words of OpenTelemetry. */
const OPERATIONS: Readonly<Record<string, 'chat' | 'embeddings'>> = {
  chatCompletion: 'chat',
  chatCompletionEvents: 'chat',
  embedBatch: 'embeddings',
};

/**
 * A client for any API that speaks OpenAI's wire format. Extend it with a `static provider` for a provider of your
 * own, or use it as it is with a `baseURL`.
 *
 * @example
 * class GroqClient extends OpenAICompatibleClient {
 *   static override readonly provider = {
 *     name: 'groq',
 *     baseURL: 'https://api.groq.com/openai/v1',
 *     env: { apiKey: 'GROQ_API_KEY' },
 *     models: { chat: 'llama-3.3-70b-versatile' },
 *   };
 * }
 */
export class OpenAICompatibleClient extends BaseLLMClient {
  static override readonly provider: ProviderSpec | undefined = {
    name: 'openai-compatible',
    needsApiKey: false,
  };

  /**
   * One answer to a conversation. `params` takes any field of the provider's; `model` may be left out where the
   * client has one.
   *
   * @throws TypeError for arguments that cannot be sent; LLMError for everything after.
   */
  @RateLimited((self) => self.limiter)
  @RetryWithBackoff()
  @Timeout()
  @HandleApiErrors()
  override async chatCompletion(
    messages: readonly ChatMessage[],
    params: ChatParams = {},
    options: CallOptions = {},
  ): Promise<ChatCompletion> {
    const input = this.chatInput(messages, params, options, false);
    const { path, ...request } = this.build(() => this.chatRequest(input));
    return this.send(path, request, options, (answer) => this.chatResult(answer, input));
  }

  /**
   * The answer while it is made: chunks for one `for await` loop, or the whole by `finalCompletion()`. Nothing is sent
   * before the first use.
   *
   * @example
   * for await (const chunk of client.streamChatCompletion(messages)) {
   *   process.stdout.write(chunk.choices[0]?.delta.content ?? '');
   * }
   */
  override streamChatCompletion(
    messages: readonly ChatMessage[],
    params: ChatParams = {},
    options: CallOptions = {},
  ): ChatCompletionStream {
    return new ChatCompletionStream(
      (own) => {
        const given = this.callOptionsIn('chatCompletionEvents', [messages, params, options]);
        const signal = given.signal ? AbortSignal.any([given.signal, own]) : own;
        return this.chatCompletionEvents(messages, params, { ...given, signal });
      },
      (completion, first) => rememberCalls(completion, callsBehind(first)),
    );
  }

  /** The chunks of a streamed answer, under the policies: what `streamChatCompletion()` stands on, and subclasses override. */
  @RateLimited((self) => self.limiter)
  @RetryWithBackoff()
  @Timeout()
  @HandleApiErrors()
  protected async *chatCompletionEvents(
    messages: readonly ChatMessage[],
    params: ChatParams = {},
    options: CallOptions = {},
  ): AsyncGenerator<ChatCompletionChunk, Continuation<ChatCompletionChunk> | void, unknown> {
    const input = this.chatInput(messages, params, options, true);
    const { path, ...request } = this.build(() => this.chatRequest(input));
    return continueWith(await this.stream(path, request, options, this.chatEvents(input)));
  }

  /**
   * The vector of a text, or the vectors of texts in their order. A long list is sent in as many requests as the
   * provider's limits need; each is retried and rate-limited on its own.
   *
   * @throws TypeError for inputs that cannot be sent; LLMError for everything after.
   */
  override embeddings(input: string, params?: EmbeddingParams, options?: CallOptions): Promise<number[]>;
  override embeddings(
    input: readonly string[],
    params?: EmbeddingParams,
    options?: CallOptions,
  ): Promise<number[][]>;
  override async embeddings(
    input: string | readonly string[],
    params: EmbeddingParams = {},
    options: CallOptions = {},
  ): Promise<number[] | number[][]> {
    if (this.provider.hasEmbeddings === false) throw this.unsupported('embeddings');
    checkInputs(input, 'embeddings()');
    const given = this.callOptionsIn('embedBatch', [input, params, options]);
    const vectors = await this.asOneCall('embedBatch', (ending) =>
      embedAll(
        typeof input === 'string' ? [input] : input,
        this.embeddingLimits(params.model ?? this.embeddingModel ?? ''),
        this.tokenCounter(params.model ?? this.embeddingModel),
        given,
        ending,
        (batch, batchOptions) => this.embedBatch(batch, params, batchOptions),
      ),
    );
    const [first] = vectors;
    if (typeof input !== 'string' || !first) return vectors;
    rememberCalls(first, callsBehind(vectors));
    return first;
  }

  /** One embeddings request, under the policies. */
  @RateLimited((self) => self.limiter)
  @RetryWithBackoff()
  @Timeout()
  @HandleApiErrors()
  protected async embedBatch(
    inputs: string[],
    params: EmbeddingParams = {},
    options: CallOptions = {},
  ): Promise<EmbeddingResponse> {
    const input = { inputs, params, model: params.model ?? this.embeddingModel ?? '', options };
    const { path, ...request } = this.build(() => this.embeddingRequest(input));
    const response = await this.send(path, request, options, (answer) => this.embeddingResult(answer, input));
    checkVectors(response, inputs.length, this.provider.name);
    return response;
  }

  protected override checkArguments(method: string, args: readonly unknown[]): void {
    const [first, params] = args;
    if (method === 'chatCompletion' || method === 'chatCompletionEvents') {
      const where = `${this.methodLabel(method)}()`;
      checkMessages(first, where);
      checkParams(params, where);
      this.checkModel(this.model, params, where, 'model');
    } else if (method === 'embedBatch') {
      checkParams(params, 'embeddings()');
      this.checkModel(this.embeddingModel, params, 'embeddings()', 'embeddingModel');
    }
  }

  protected override callOptionsAt(method: string): number | undefined {
    return method === 'chatCompletionEvents' || method === 'embedBatch' ? 2 : super.callOptionsAt(method);
  }

  protected override methodLabel(method: string): string {
    return PUBLIC_NAMES[method] ?? method;
  }

  protected override describe(call: Call): CallDescription {
    const { args, options } = call;
    const operation = OPERATIONS[String(call.method)];
    if (!operation) return super.describe(call);
    const [first, params] = args as [unknown[], (ChatParams & EmbeddingParams) | undefined];
    const model = this.modelOf(call);
    const what = operation === 'chat' ? { messages: first } : { input: first };
    return { operation, model, request: { ...params, model, ...options.extraBody, ...what } };
  }

  protected override estimate(call: Call): TokenEstimate | undefined {
    const operation = OPERATIONS[String(call.method)];
    if (!operation) return super.estimate(call);
    const { model, input, ...request } = this.describe(call).request ?? {};
    if (operation === 'chat') return this.estimateBody({ model, ...request });
    const estimate = this.estimateBody({ model, input });
    return estimate && { ...estimate, maxOutputTokens: 0 };
  }

  protected override modelOf(call: Call): string | undefined {
    const { model } = (call.args[1] ?? {}) as EmbeddingParams;
    return call.method === 'embedBatch' ? (model ?? this.embeddingModel) : super.modelOf(call);
  }

  /** A first chunk that only names the role is no content yet. */
  protected override carriesContent(method: string, event: unknown): boolean {
    if (method !== 'chatCompletionEvents') return true;
    return (event as ChatCompletionChunk).choices.some(({ delta, finish_reason }) => {
      if (finish_reason) return true;
      return Object.entries(delta).some(([name, value]) => name !== 'role' && value !== null && value !== '');
    });
  }

  private chatInput(
    messages: readonly ChatMessage[],
    params: ChatParams,
    options: CallOptions,
    stream: boolean,
  ): ChatInput {
    return { messages, params, model: params.model ?? this.model ?? '', stream, options };
  }

  /** What fails while its request is built has cost nothing. */
  private build(request: () => ProviderRequest): ProviderRequest {
    try {
      return request();
    } catch (error) {
      currentCall()?.report({ sent: false });
      throw error;
    }
  }

  private checkModel(own: string | undefined, params: unknown, where: string, option: string): void {
    if (own !== undefined || (params as { model?: unknown } | undefined)?.model !== undefined) return;
    throw new TypeError(
      `${where}: there is no model: give \`model\` in the params, or \`${option}\` to the client's constructor.`,
    );
  }
}

asksAtOnce(OpenAICompatibleClient.prototype, 'chatCompletion', 'chatCompletionEvents', 'embedBatch');
