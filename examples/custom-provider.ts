/**
 * Two providers of your own: one that speaks OpenAI's wire format is a description; a foreign one says what differs.
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/custom-provider.ts
 */
import { BaseLLMClient, currentCall, OpenAICompatibleClient, UnsupportedOperationError } from 'keelson';
import { HandleApiErrors, RateLimited, RetryWithBackoff, Timeout, type CallOptions } from 'keelson';
import type { ChatCompletion, ChatMessage, ChatParams, HttpOptions } from 'keelson';
import { startTestServer } from 'keelson/testing';

class HarbourClient extends OpenAICompatibleClient {
  static override readonly provider = {
    name: 'harbour',
    baseURL: 'https://api.harbour.example/v1',
    env: { apiKey: 'HARBOUR_API_KEY' },
    models: { chat: 'tug-2', embedding: 'buoy-1' },
  };
}

class ParrotClient extends BaseLLMClient {
  static override readonly provider = { name: 'parrot', baseURL: 'https://parrot.example' };

  @RateLimited((self) => self.limiter)
  @RetryWithBackoff()
  @Timeout()
  @HandleApiErrors()
  override async chatCompletion(messages: ChatMessage[], params: ChatParams = {}, options: CallOptions = {}) {
    const body = { hear: messages.map(({ content }) => content), ...params };
    const { say, ms } = await this.send<{ say: string; ms: number }>('/speak', { body }, options);
    currentCall()?.report({ usage: { inputTokens: messages.length, outputTokens: say.length } });
    const message = { role: 'assistant', content: say, refusal: null } as const;
    const choices = [{ index: 0, message, finish_reason: 'stop', logprobs: null } as const];
    const created = Math.floor(ms / 1000);
    return { id: `${ms}`, object: 'chat.completion', created, model: 'parrot', choices } as ChatCompletion;
  }
  override streamChatCompletion(): never {
    throw new UnsupportedOperationError('A parrot says it all at once.', { provider: 'parrot' });
  }
  override embeddings(): never {
    throw new UnsupportedOperationError('A parrot has no vectors.', { provider: 'parrot' });
  }
  protected override authHeaders(apiKey: string) {
    return { 'x-parrot-key': apiKey };
  }
}

const messages: ChatMessage[] = [{ role: 'user', content: 'Pieces of eight!' }];
await using server = await startTestServer();
await using harbour = new HarbourClient({ apiKey: 'any', baseURL: server.baseURL });
console.log(`harbour: ${(await harbour.chatCompletion(messages)).choices[0]?.message.content}`);

/** Stands in for the parrot's server: an axios adapter. */
const adapter: HttpOptions['adapter'] = async (config) => {
  const data = { say: `Eight! (key: ${config.headers.get('x-parrot-key')})`, ms: 1000 };
  return { data, status: 200, statusText: 'OK', headers: {}, config };
};
await using parrot = new ParrotClient({ apiKey: 'cracker', http: { adapter } });
console.log(`parrot: ${(await parrot.chatCompletion(messages)).choices[0]?.message.content}`);
