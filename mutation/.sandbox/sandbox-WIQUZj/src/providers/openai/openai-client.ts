// @ts-nocheck
import type { ClientOptions } from '../../client/options.js';
import type { ProviderSpec } from '../../client/provider-spec.js';
import { OpenAICompatibleClient } from '../openai-compatible.js';

/** Options of `OpenAIClient`. */
export interface OpenAIClientOptions extends ClientOptions {
  /** Organization that is billed. Default: `OPENAI_ORG_ID`. */
  organization?: string | undefined;
  /** Project that is billed. Default: `OPENAI_PROJECT_ID`. */
  project?: string | undefined;
}

/**
 * OpenAI's API. The key comes from `apiKey` or `OPENAI_API_KEY`, the address from `baseURL` or `OPENAI_BASE_URL`. Without
 * a `model` it uses gpt-4o-mini, for embeddings text-embedding-3-small.
 *
 * @example
 * const client = new OpenAIClient({ rateLimit: { requestsPerMinute: 60, tokensPerMinute: 90_000 } });
 * const reply = await client.chatCompletion([{ role: 'user', content: 'Hi' }], { max_tokens: 100 });
 * console.log(reply.choices[0]?.message.content);
 */
export class OpenAIClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'openai',
    baseURL: 'https://api.openai.com/v1',
    env: {
      apiKey: 'OPENAI_API_KEY',
      baseURL: 'OPENAI_BASE_URL',
      headers: { 'OpenAI-Organization': 'OPENAI_ORG_ID', 'OpenAI-Project': 'OPENAI_PROJECT_ID' },
    },
    models: { chat: 'gpt-4o-mini', embedding: 'text-embedding-3-small' },
    limits: { embeddingInputs: 2048, embeddingTokens: 300_000 },
  };
  static override readonly optionNames: readonly string[] = ['organization', 'project'];

  constructor(options: OpenAIClientOptions = {}) {
    super(options);
  }

  protected override defaultHeaders({ organization, project }: OpenAIClientOptions): Record<string, string> {
    return {
      ...(organization !== undefined && { 'OpenAI-Organization': organization }),
      ...(project !== undefined && { 'OpenAI-Project': project }),
    };
  }
}
