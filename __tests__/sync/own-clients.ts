/** What a user's module may export: loaded by the worker, in the dialect of the suite. */
import {
  OpenAIClient,
  RateLimited,
  RateLimitError,
  RetryWithBackoff,
  type CallOptions,
  type ChatCompletion,
  type ChatMessage,
  type ChatParams,
} from 'keelson';

class Tired extends RateLimitError {
  readonly yawns = 3;
}

export class OwnClient extends OpenAIClient {
  private lookups = 0;

  /** The answer to the question with an exclamation mark, in a pipeline of its own. */
  @RateLimited({ maxConcurrent: 1 })
  @RetryWithBackoff({ maxRetries: 2, baseDelayMs: 0 })
  override async chatCompletion(
    messages: readonly ChatMessage[],
    params: ChatParams = {},
    options?: CallOptions,
  ): Promise<ChatCompletion> {
    const reply = await super.chatCompletion(messages, { ...params, user: 'own' }, options);
    return { ...reply, id: `own-${reply.id}` };
  }

  /** Fails twice, then tells how often it was called. */
  @RetryWithBackoff({ maxRetries: 2, baseDelayMs: 0, retryOn: () => true })
  async lookup(word: string): Promise<string> {
    if (++this.lookups < 3) throw new Error('not yet');
    return `${word} ${this.lookups}`;
  }

  @RetryWithBackoff({ maxRetries: 0 })
  async *count(to: number): AsyncGenerator<number> {
    for (let i = 1; i <= to; i++) yield i;
  }

  async tired(): Promise<never> {
    throw new Tired('I am tired.', { retryAfterMs: 5, cause: new TypeError('no coffee') });
  }

  async plain(): Promise<never> {
    throw 'a text';
  }

  async inspect(value: unknown): Promise<string> {
    return JSON.stringify(value);
  }

  async giveFunction(): Promise<() => void> {
    return () => undefined;
  }

  async exit(): Promise<void> {
    process.exit(3);
  }

  async explode(): Promise<void> {
    setImmediate(() => {
      throw new RangeError('out of the blue');
    });
    await new Promise(() => undefined);
  }
}

let asked = 0;

/** Has a function among its options: no client of another thread can be given one. */
export const ready = new OpenAIClient({
  apiKey: () => `key-${++asked}`,
  baseURL: process.env['TEST_BASE_URL'] ?? 'http://127.0.0.1:9/v1',
});

export const nothing = 'no client';

export default OwnClient;
