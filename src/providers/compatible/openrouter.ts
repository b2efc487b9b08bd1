import type { ErrorResponse, LLMError } from '../../../decorators/errors/index.js';
import type { ProviderSpec } from '../../client/provider-spec.js';
import { OpenAICompatibleClient } from '../openai-compatible.js';

interface RoutedError {
  error?: { metadata?: { headers?: Readonly<Record<string, string>> | null } | null } | string | null;
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

  /** The limits of free models stand in the error's body, as the headers that they would have been. */
  protected override readError(response: ErrorResponse): LLMError {
    const { error } = (response.body ?? {}) as RoutedError;
    const headers = typeof error === 'object' ? error?.metadata?.headers : undefined;
    const inBody = headers && this.readRateLimit(headers);
    return super.readError(inBody ? { rateLimit: inBody, ...response } : response);
  }
}
