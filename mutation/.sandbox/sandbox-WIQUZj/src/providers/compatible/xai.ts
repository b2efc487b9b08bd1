// @ts-nocheck
import type { ProviderSpec } from '../../client/provider-spec.js';
import type { ChatEvents } from '../../streaming/index.js';
import type { ChatCompletionChunk } from '../../wire/index.js';
import { OpenAICompatibleClient } from '../openai-compatible.js';

/** xAI's Grok. The key comes from `apiKey` or `XAI_API_KEY`. It has no embeddings. */
export class XAIClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'xai',
    baseURL: 'https://api.x.ai/v1',
    env: { apiKey: 'XAI_API_KEY', baseURL: 'XAI_BASE_URL' },
    hasEmbeddings: false,
  };

  protected override chatEvents(): ChatEvents {
    return new XAIEvents();
  }
}

/** A shorter piece that comes twice may well be the model's own words: "no, no". */
const SHORTEST_REPETITION = 8;

/** While the model thinks unseen, the same piece of reasoning ("Thinking... ") comes over and over: it is kept once. */
class XAIEvents implements ChatEvents {
  readonly #latest = new Map<unknown, string>();

  translate(payload: unknown): ChatCompletionChunk {
    const { choices } = (payload ?? {}) as { choices?: unknown };
    for (const choice of Array.isArray(choices) ? (choices as unknown[]) : [])
      this.#withoutRepetition(choice);
    return payload as ChatCompletionChunk;
  }

  #withoutRepetition(choice: unknown): void {
    const { index, delta } = (choice ?? {}) as { index?: unknown; delta?: Record<string, unknown> | null };
    const reasoning = delta?.['reasoning_content'];
    if (typeof reasoning !== 'string') return;
    if (reasoning.length >= SHORTEST_REPETITION && reasoning === this.#latest.get(index)) {
      delete delta?.['reasoning_content'];
    } else this.#latest.set(index, reasoning);
  }
}
