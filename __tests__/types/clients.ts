/** The clients as users hold them: called, shared, subclassed. Compiles without an error, in both dialects. */
import {
  APIError,
  AuthenticationError,
  BaseLLMClient,
  createClient,
  Fallback,
  HandleApiErrors,
  Limiter,
  LLMError,
  OpenAIClient,
  OpenAICompatibleClient,
  type OpenRouterClient,
  OverloadedError,
  ProviderRegistry,
  RateLimited,
  RateLimitError,
  responseInfo,
  RetryWithBackoff,
} from 'keelson';
import type { CallOptions, ChatCompletion, ChatCompletionChunk, ChatMessage, ChatParams } from 'keelson';
import type { ChatEvents, ChatInput, ErrorResponse, ProviderRequest } from 'keelson';

const limiter = new Limiter({ requestsPerMinute: 60, tokensPerMinute: 90_000 });
const client = new OpenAIClient({
  apiKey: async () => 'sk-test',
  rateLimit: limiter,
  retry: { maxRetries: 2 },
  timeouts: { totalMs: 60_000 },
  policies: [Fallback({ to: [{ model: 'small', on: OverloadedError }, { value: () => ({ choices: [] }) }] })],
  headers: { 'X-Team': 'search' },
});

export async function calls(signal: AbortSignal): Promise<unknown> {
  const question: ChatMessage[] = [{ role: 'user', content: 'Hi' }];
  const reply = await client.chatCompletion(question, { model: 'gpt-4o-mini', max_tokens: 100 }, { signal });
  const text: string | null | undefined = reply.choices[0]?.message.content;
  const stream = client.streamChatCompletion(question, { temperature: 0 });
  for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '');
  const whole: ChatCompletion = await stream.finalCompletion();
  const vector: number[] = await client.embeddings('text');
  const vectors: number[][] = await client.embeddings(['a', 'b'], { dimensions: 256 }, { timeoutMs: 1000 });
  const requestId: string | undefined = responseInfo(reply)?.requestId;
  const models = await client.request<{ data: { id: string }[] }>('/models');
  const stop: () => void = client.on('retry', (event) => console.log(event.delayMs, event.error.code));
  stop();
  client.http.interceptors.request.use((config) => config);
  await client.close();
  await client[Symbol.asyncDispose]();
  return [text, whole.usage?.total_tokens, vector, vectors, requestId, models.data[0]?.id];
}

export function failures(error: unknown): string | number | undefined {
  if (error instanceof AuthenticationError) return error.code;
  if (error instanceof RateLimitError) return error.retryAfterMs;
  if (error instanceof APIError) return error.statusCode;
  return error instanceof LLMError ? error.message : undefined;
}

export class GroqClient extends OpenAICompatibleClient {
  static override readonly provider = {
    name: 'groq',
    baseURL: 'https://api.groq.com/openai/v1',
    env: { apiKey: 'GROQ_API_KEY' },
  };
}

export class CarefulClient extends OpenAIClient {
  @RateLimited({ requestsPerMinute: 10 })
  @RetryWithBackoff({ maxRetries: 5 })
  override async chatCompletion(
    messages: ChatMessage[],
    params: ChatParams = {},
    options?: CallOptions,
  ): Promise<ChatCompletion> {
    return super.chatCompletion(messages, { temperature: 0, ...params }, options);
  }

  @RetryWithBackoff({ maxRetries: 1 })
  protected override async *chatCompletionEvents(
    messages: ChatMessage[],
    params: ChatParams = {},
    options?: CallOptions,
  ): AsyncGenerator<ChatCompletionChunk> {
    yield* super.chatCompletionEvents(messages, params, options);
  }

  @RateLimited((self) => self.limiter)
  @HandleApiErrors()
  async moderate(text: string, options?: CallOptions): Promise<boolean> {
    const { flagged } = await this.request<{ flagged: boolean }>('/moderations', { body: { text } }, options);
    return flagged;
  }
}

/** Any client will do. */
export async function ask(anyClient: BaseLLMClient, question: string): Promise<string> {
  const { choices } = await anyClient.chatCompletion([{ role: 'user', content: question }]);
  return choices[0]?.message.content ?? '';
}
export const answers = [ask(new GroqClient({ apiKey: null }), 'Hi'), ask(new CarefulClient(), 'Hi')];

/** A provider of another format: what differs is overridden, and its spec needs no annotation. */
export class OwlClient extends OpenAICompatibleClient {
  static override readonly provider = {
    name: 'owl',
    baseURL: 'https://owl.example',
    authHeader: 'x-owl-key',
    paramNames: { seed: 'random_seed' },
    errors: { asleep: OverloadedError, caged: AuthenticationError },
  };
  readonly nest: string;
  constructor({ nest = 'oak', ...options }: { apiKey: string; model?: string; nest?: string }) {
    super(options);
    this.nest = nest;
  }
  protected override chatRequest({ messages, model, stream }: ChatInput): ProviderRequest {
    if (messages.length > 9) throw this.unsupported('long talks');
    this.dropField('seed', 'owls take no seed.');
    return { path: `/${model}`, body: { hoot: messages.map(({ content }) => content), stream } };
  }
  protected override chatResult(answer: unknown, input: ChatInput): ChatCompletion {
    return super.chatResult(answer, input);
  }
  protected override chatEvents(): ChatEvents {
    return { format: 'ndjson', translate: (payload) => payload as ChatCompletionChunk };
  }
  protected override readError(response: ErrorResponse): LLMError {
    return super.readError({ ...response, statusCode: 529 });
  }
}

export const named: [string, OpenRouterClient, OpenAIClient, BaseLLMClient, string] = [
  createClient('groq/llama-3.3-70b-versatile', { retry: false }).baseURL,
  createClient('openrouter/anthropic/claude-sonnet-4.5'),
  createClient('openai/gpt-4o', { organization: 'mine' }),
  createClient(process.env['MODEL'] ?? 'openai/gpt-4o'),
  new ProviderRegistry().with({ owl: OwlClient }).createClient('owl/eagle', { apiKey: 'k', nest: 'elm' })
    .nest,
];
