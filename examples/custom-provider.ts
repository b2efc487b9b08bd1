/**
 * Two providers of your own: one that speaks OpenAI's wire format is a description; a foreign one says what differs.
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/custom-provider.ts
 */
import { OpenAICompatibleClient } from 'keelson';
import type { ChatCompletion, ChatInput, ChatMessage, HttpOptions, ProviderRequest } from 'keelson';
import { startTestServer } from 'keelson/testing';

class HarbourClient extends OpenAICompatibleClient {
  static override readonly provider = {
    name: 'harbour',
    baseURL: 'https://api.harbour.example/v1',
    env: { apiKey: 'HARBOUR_API_KEY' },
    models: { chat: 'tug-2', embedding: 'buoy-1' },
  };
}

/** Hooks say what differs; retries, limits, timeouts and errors are those of any client. */
class ParrotClient extends OpenAICompatibleClient {
  static override readonly provider = {
    name: 'parrot',
    baseURL: 'https://parrot.example',
    authHeader: 'x-parrot-key',
    models: { chat: 'ara-1' },
    hasEmbeddings: false,
  };

  protected override chatRequest({ messages, params, stream }: ChatInput): ProviderRequest {
    if (stream) throw this.unsupported('streams');
    return { path: '/speak', body: { ...params, hear: messages.map(({ content }) => content) } };
  }
  protected override chatResult(answer: unknown, { model, options }: ChatInput): ChatCompletion {
    const { say, used } = (answer ?? {}) as { say?: string; used?: { input: number; output: number } };
    if (say === undefined || !used) throw this.malformedAnswer('without `say` and `used`', answer, options);
    const { input, output } = used;
    const message = { role: 'assistant', content: say, refusal: null } as const;
    const choices = [{ index: 0, message, finish_reason: 'stop' as const, logprobs: null }];
    const usage = { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
    return { id: crypto.randomUUID(), object: 'chat.completion', created: 0, model, choices, usage };
  }
}

const messages: ChatMessage[] = [{ role: 'user', content: 'Pieces of eight!' }];
await using server = await startTestServer();
await using harbour = new HarbourClient({ apiKey: 'any', baseURL: server.baseURL });
console.log(`harbour: ${(await harbour.chatCompletion(messages)).choices[0]?.message.content}`);

/** Stands in for the parrot's server: an axios adapter. */
const adapter: HttpOptions['adapter'] = async (config) => {
  const data = { say: `Eight! (key: ${config.headers.get('x-parrot-key')})`, used: { input: 3, output: 2 } };
  return { data, status: 200, statusText: 'OK', headers: {}, config };
};
await using parrot = new ParrotClient({ apiKey: 'cracker', http: { adapter } });
console.log(`parrot: ${(await parrot.chatCompletion(messages)).choices[0]?.message.content}`);
