// @ts-nocheck
import type { ErrorResponse, LLMError } from '../../../decorators/errors/index.js';
import type { ProviderSpec } from '../../client/provider-spec.js';
import { OpenAICompatibleClient } from '../openai-compatible.js';

interface Metadata {
  readonly headers?: Readonly<Record<string, string>> | null;
  readonly provider_name?: string | null;
  readonly raw?: unknown;
}

function metadataOf(body: unknown): Metadata {
  const { error } = (body ?? {}) as { error?: { metadata?: Metadata | null } | string | null };
  return (typeof error === 'object' && error?.metadata) || {};
}

/**
 * OpenRouter. The key comes from `apiKey` or `OPENROUTER_API_KEY`; models are named like `anthropic/claude-sonnet-4.5`. To
 * name your application give `headers: { 'HTTP-Referer': …, 'X-Title': … }`.
 */
export class OpenRouterClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'openrouter',
    baseURL: 'https://openrouter.ai/api/v1',
    env: { apiKey: 'OPENROUTER_API_KEY', baseURL: 'OPENROUTER_BASE_URL' },
    embeddingFormat: 'float',
  };

  /**
   * The limits of free models stand in the error's body, as the headers that they would have been. A 404 that comes from
   * the provider behind, without a word of it, passes: the next try may go to another.
   */
  protected override readError(response: ErrorResponse): LLMError {
    const { headers, provider_name: upstream, raw } = metadataOf(response.body);
    const rateLimit = headers ? this.readRateLimit(headers) : undefined;
    const mayPass = response.statusCode === 404 && Boolean(upstream) && !raw;
    return super.readError({
      ...response,
      ...(rateLimit && { rateLimit }),
      ...(mayPass && { retryable: true }),
    });
  }
}
