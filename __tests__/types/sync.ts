/** Blocking clients: their types come from those of the asynchronous ones. */
import { OpenAIClient, type ChatCompletion, type ChatCompletionChunk, type ChatMessage } from 'keelson';
import { createSyncClient, SyncOpenAIClient } from 'keelson/sync';
import type { SyncClient, SyncOpenAIClientOptions } from 'keelson/sync';

const messages: ChatMessage[] = [{ role: 'user', content: 'Hi' }];
const client = new SyncOpenAIClient({
  apiKey: 'sk-test',
  retry: { maxRetries: 1 },
  rateLimit: { requestsPerMinute: 6 },
});

export function calls(signal: AbortSignal): unknown[] {
  const vector: number[] = client.embeddings('x');
  const vectors: number[][] = client.embeddings(['x', 'y'], { dimensions: 256 }, { timeoutMs: 1000, signal });
  const reply: ChatCompletion = client.chatCompletion(messages, { model: 'gpt-4o-mini' }, { maxRetries: 0 });
  const models = client.request<{ data: { id: string }[] }>('/models').data[0]?.id;
  const stream = client.streamChatCompletion(messages);
  for (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '');
  const chunks: ChatCompletionChunk[] = [...client.streamChatCompletion(messages)];
  const whole: ChatCompletion = stream.finalCompletion();
  const text: string = stream.finalText();
  stream.abort('enough');
  stream[Symbol.dispose]();
  const nothing: void = client.close();
  client[Symbol.dispose]();
  return [vector, vectors, reply, models, chunks, whole, text, nothing];
}

client.embeddings('x').map((vector) => vector.length); //~ error: Property 'length' does not exist on type 'number'
client.embeddings(5); //~ error
client.chatCompletion(); //~ error
client.chatCompletion(messages).then(() => 0); //~ error: Property 'then' does not exist
client.http.get('/x'); //~ error: Property 'http' does not exist
client.on('retry', () => 0); //~ error: Property 'on' does not exist
client.streamChatCompletion(messages).toReadableStream(); //~ error: Property 'toReadableStream' does not exist
new SyncOpenAIClient({ apiKey: async () => 'x' }); //~ error
new SyncOpenAIClient({ logger: console }); //~ error
new SyncOpenAIClient({ retry: { onRetry: () => undefined } }); //~ error
new SyncOpenAIClient({ apiKeys: 'x' }); //~ error

class OwnClient extends OpenAIClient {
  constructor(options: { shade: string; hook?: () => void }) {
    super();
    void options;
  }
  async paint(colour: string): Promise<Date> {
    return new Date(colour);
  }
  async *shades(): AsyncGenerator<number> {
    yield 1;
  }
  plain(): number {
    return 1;
  }
}

const own = createSyncClient<typeof OwnClient>(new URL('file:///own.js'), 'OwnClient', { shade: 'red' });
const painted: Date = own.paint('red');
const shades: number[] = [...own.shades()];
const vector: number[] = own.embeddings('x');
own.plain(); //~ error: Property 'plain' does not exist
createSyncClient<typeof OwnClient>('/own.js', 'OwnClient', { shade: 1 }); //~ error
createSyncClient<typeof OwnClient>('/own.js', 'OwnClient', { shade: 'red', hook: () => undefined }); //~ error
const ready: SyncClient<OwnClient> = createSyncClient<OwnClient>('/own.js', 'client');
const any: number[][] = createSyncClient('/own.js', 'client', { model: 'x' }).embeddings(['x']);
const options: SyncOpenAIClientOptions = { organization: 'org', apiKey: null, http: { timeout: 5 } };

class Shouting extends SyncOpenAIClient {
  shout(text: string): string {
    return this.chatCompletion([{ role: 'user', content: text.toUpperCase() }]).id;
  }
}
export default [painted, shades, vector, ready, any, options, new Shouting(options).shout('x')];
