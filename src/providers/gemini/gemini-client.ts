import { QuotaExceededError, type ErrorResponse, type LLMError } from '../../../decorators/errors/index.js';
import { parseBody } from '../../../decorators/errors/response-body.js';
import type { TokenEstimate, TokenUsage } from '../../../decorators/pipeline/index.js';
import type { ChatInput, EmbeddingInput, ProviderRequest } from '../../client/hooks.js';
import type { ClientOptions } from '../../client/options.js';
import type { ProviderSpec } from '../../client/provider-spec.js';
import type { ChatEvents } from '../../streaming/index.js';
import type { ChatCompletion, ChatMessage, EmbeddingResponse } from '../../wire/index.js';
import { OpenAICompatibleClient } from '../openai-compatible.js';
import { withOutputBound, type Objections } from '../translation.js';
import { fromBatch, toBatch } from './embeddings.js';
import { GeminiEvents, toCompletion } from './events.js';
import { checkResults, toConversation } from './messages.js';
import { toBody } from './params.js';
import { toUsage } from './usage.js';
import type { GeminiAnswer } from './wire.js';

/** Options of `GeminiClient`. */
export type GeminiClientOptions = ClientOptions;

/**
 * Gemini by its own API. The key comes from `apiKey` or `GEMINI_API_KEY`, the address from `baseURL` or
 * `GEMINI_BASE_URL`. `params` take Gemini's own fields too, such as `safetySettings` or
 * `generationConfig: { thinkingConfig: { includeThoughts: true } }`. An answer keeps its thought signatures in
 * `extra_content`: put the message back as it is.
 *
 * @example
 * const client = new GeminiClient({ model: 'gemini-3-flash-preview' });
 * const reply = await client.chatCompletion([{ role: 'user', content: 'Hi' }], { max_tokens: 100 });
 */
export class GeminiClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'gemini',
    baseURL: 'https://generativelanguage.googleapis.com/v1beta',
    env: { apiKey: 'GEMINI_API_KEY', baseURL: 'GEMINI_BASE_URL' },
    authHeader: 'x-goog-api-key',
    limits: { embeddingInputs: 100 },
  };

  constructor(options: GeminiClientOptions = {}) {
    super(options);
  }

  protected override checkArguments(method: string, args: readonly unknown[]): void {
    super.checkArguments(method, args);
    if (method === 'chatCompletion' || method === 'chatCompletionEvents') {
      checkResults(args[0] as readonly ChatMessage[], `${this.methodLabel(method)}()`);
    }
  }

  protected override chatRequest({ messages, params, model, stream }: ChatInput): ProviderRequest {
    const objections = this.#objections();
    const body = { ...toConversation(messages, objections), ...toBody(params, model, objections) };
    const path = `/${resourceOf(model)}`;
    if (!stream) return { path: `${path}:generateContent`, body };
    return { path: `${path}:streamGenerateContent`, query: { alt: 'sse' }, body };
  }

  protected override chatResult(answer: unknown, { model, options }: ChatInput): ChatCompletion {
    const { candidates, promptFeedback } = (answer ?? {}) as GeminiAnswer;
    if (!Array.isArray(candidates) && promptFeedback === undefined) {
      throw this.malformedAnswer('without `candidates`', answer, options);
    }
    return toCompletion(answer as GeminiAnswer, model);
  }

  protected override chatEvents({ model }: ChatInput): ChatEvents {
    return new GeminiEvents(model);
  }

  protected override embeddingRequest(input: EmbeddingInput): ProviderRequest {
    const name = resourceOf(input.model);
    return { path: `/${name}:batchEmbedContents`, body: toBatch(input, name, this.#objections()) };
  }

  protected override embeddingResult(answer: unknown, { model }: EmbeddingInput): EmbeddingResponse {
    return fromBatch(answer, model);
  }

  /** What a day allows is used up: the wait that comes with it is one for a minute's limit. */
  protected override readError(response: ErrorResponse): LLMError {
    const meanings = { RESOURCE_EXHAUSTED: QuotaExceededError };
    return super.readError(isDailyQuota(response.body) ? { ...response, meanings } : response);
  }

  protected override readUsage(answer: unknown): TokenUsage | undefined {
    const { usageMetadata } = (answer ?? {}) as GeminiAnswer;
    return super.readUsage(usageMetadata ? { usage: toUsage(usageMetadata) } : answer);
  }

  protected override estimateBody(body: unknown): TokenEstimate | undefined {
    return super.estimateBody(withOutputBound(body, 'generationConfig', 'maxOutputTokens'));
  }

  #objections(): Objections {
    return {
      drop: (field, why) => this.dropField(field, why),
      refuse: (what) => this.unsupported(what),
    };
  }
}

/** `models/…`, unless the name is one of another kind of model, such as `tunedModels/…`. */
function resourceOf(model: string): string {
  const name = model.includes('/') ? model : `models/${model}`;
  return name.split('/').map(encodeURIComponent).join('/');
}

interface QuotaBody {
  error?: { details?: { violations?: { quotaId?: string }[] }[] };
}

function isDailyQuota(body: unknown): boolean {
  const data = parseBody(body);
  const parsed: unknown = Array.isArray(data) ? data[0] : data;
  const { error } = (parsed ?? {}) as QuotaBody;
  const { details } = error ?? {};
  if (!Array.isArray(details)) return false;
  return details.some(({ violations }) => violations?.some(({ quotaId }) => quotaId?.includes('PerDay')));
}
