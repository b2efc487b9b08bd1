// @ts-nocheck
import type { ChatInput, ProviderRequest } from '../../client/hooks.js';
import type { ProviderSpec } from '../../client/provider-spec.js';
import type { ChatMessage } from '../../wire/index.js';
import { OpenAICompatibleClient } from '../openai-compatible.js';

/**
 * Mistral AI. The key comes from `apiKey` or `MISTRAL_API_KEY`. It knows `seed` as `random_seed` and
 * `max_completion_tokens` as `max_tokens`, both are translated. It refuses fields that it does not know.
 */
export class MistralClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'mistral',
    baseURL: 'https://api.mistral.ai/v1',
    env: { apiKey: 'MISTRAL_API_KEY', baseURL: 'MISTRAL_BASE_URL' },
    limits: { embeddingInputs: 32, embeddingTokens: 16_384 },
    embeddingFormat: 'float',
    streamUsage: false,
    paramNames: { seed: 'random_seed', max_completion_tokens: 'max_tokens' },
    assistantFields: ['role', 'content', 'tool_calls', 'prefix'],
  };

  protected override chatRequest(input: ChatInput): ProviderRequest {
    return super.chatRequest({ ...input, messages: input.messages.map(withThoughts) });
  }
}

/** Puts an earlier answer's reasoning back where Mistral has it: in the content, before the text. */
function withThoughts(message: ChatMessage): ChatMessage {
  if (message.role !== 'assistant' || !message.reasoning_content) return message;
  const { reasoning_content: thoughts, content, ...others } = message;
  const thinking = { type: 'thinking', thinking: [{ type: 'text', text: thoughts }] };
  const texts = typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []);
  return { ...others, content: [thinking, ...texts] } as unknown as ChatMessage;
}
