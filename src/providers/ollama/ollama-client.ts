import type { ErrorResponse, LLMError } from '../../../decorators/errors/index.js';
import { parseBody } from '../../../decorators/errors/response-body.js';
import type { TokenEstimate, TokenUsage } from '../../../decorators/pipeline/index.js';
import type { ChatInput, EmbeddingInput, ProviderRequest } from '../../client/hooks.js';
import type { ClientOptions } from '../../client/options.js';
import type { ProviderSpec } from '../../client/provider-spec.js';
import type { ChatEvents } from '../../streaming/index.js';
import type { ChatCompletion, EmbeddingResponse } from '../../wire/index.js';
import { OpenAICompatibleClient } from '../openai-compatible.js';
import { given, withOutputBound, type Objections } from '../translation.js';
import { OllamaEvents, toCompletion, toUsage } from './events.js';
import { toMessages } from './messages.js';
import { toBody } from './params.js';
import type { OllamaAnswer, OllamaEmbeddings } from './wire.js';

/** Options of `OllamaClient`. */
export type OllamaClientOptions = ClientOptions;

/**
 * Ollama by its own API. The address comes from `baseURL` or `OLLAMA_BASE_URL`; a server of your own needs no key, for
 * `https://ollama.com/api` it comes from `apiKey` or `OLLAMA_API_KEY`. `params` take Ollama's own fields too: `think`,
 * `keep_alive`, `options`, and single options such as `num_ctx`.
 *
 * @example
 * const client = new OllamaClient({ model: 'qwen3' });
 * const reply = await client.chatCompletion([{ role: 'user', content: 'Hi' }], { num_ctx: 8192, keep_alive: '1h' });
 */
export class OllamaClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'ollama',
    baseURL: 'http://localhost:11434/api',
    env: { apiKey: 'OLLAMA_API_KEY', baseURL: 'OLLAMA_BASE_URL' },
    needsApiKey: false,
  };

  constructor(options: OllamaClientOptions = {}) {
    super(options);
  }

  protected override chatRequest({ messages, params, model, stream }: ChatInput): ProviderRequest {
    const objections = this.#objections();
    const body = {
      model,
      messages: toMessages(messages, objections),
      ...toBody(params, objections),
      // Said in any case: Ollama streams unless it is told not to.
      stream,
    };
    return { path: '/chat', body };
  }

  protected override chatResult(answer: unknown, { model, options }: ChatInput): ChatCompletion {
    const { message } = (answer ?? {}) as OllamaAnswer;
    if (typeof message !== 'object' || message === null) {
      throw this.malformedAnswer('without a `message`', answer, options);
    }
    return toCompletion(answer as OllamaAnswer, model);
  }

  protected override chatEvents({ model }: ChatInput): ChatEvents {
    return new OllamaEvents(model);
  }

  /** Vectors come as numbers, and the client decodes either encoding. */
  protected override embeddingRequest({ inputs, params, model }: EmbeddingInput): ProviderRequest {
    const { user, ...others } = params;
    if (user !== undefined) this.dropField('user', 'Ollama takes no id of an end user.');
    return { path: '/embed', body: given({ ...others, encoding_format: undefined, model, input: inputs }) };
  }

  protected override embeddingResult(answer: unknown, { model }: EmbeddingInput): EmbeddingResponse {
    const { embeddings, model: own = model, prompt_eval_count: input } = (answer ?? {}) as OllamaEmbeddings;
    if (!Array.isArray(embeddings)) return answer as EmbeddingResponse; // the client says what is missing
    const data = embeddings.map((embedding, index) => ({ object: 'embedding' as const, index, embedding }));
    const usage = input === undefined ? {} : { usage: { prompt_tokens: input, total_tokens: input } };
    return { object: 'list', data, model: own, ...usage } as EmbeddingResponse;
  }

  /** A failure in a stream tells the status that it would have had. */
  protected override readError(response: ErrorResponse): LLMError {
    const { statusCode = 0 } = response;
    const { status } = (parseBody(response.body) ?? {}) as { status?: unknown };
    const isTold = statusCode < 300 && typeof status === 'number' && status >= 400;
    return super.readError(isTold ? { ...response, statusCode: status } : response);
  }

  protected override readUsage(answer: unknown): TokenUsage | undefined {
    const usage = toUsage((answer ?? {}) as OllamaAnswer);
    return super.readUsage(usage ? { usage } : answer);
  }

  protected override estimateBody(body: unknown): TokenEstimate | undefined {
    return super.estimateBody(withOutputBound(body, 'options', 'num_predict'));
  }

  #objections(): Objections {
    return {
      drop: (field, why) => this.dropField(field, why),
      refuse: (what) => this.unsupported(what),
    };
  }
}
