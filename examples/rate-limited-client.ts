/**
 * A subclass with a limit of its own: an override with `@RateLimited` keeps the retries, timeouts and errors of
 * the method it overrides, and replaces its limit.
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/rate-limited-client.ts
 */
import { OpenAIClient, policiesOf, RateLimited, RateLimitError } from 'keelson';
import type { CallOptions, ChatMessage, ChatParams } from 'keelson';
import { connect } from './local.js';

class PoliteClient extends OpenAIClient {
  /** Five a second, one at a time; who would have to wait longer than half a second is refused at once. */
  @RateLimited({ requestsPerMinute: 300, requestBurst: 1, maxConcurrent: 1, maxWaitMs: 500 })
  override async chatCompletion(messages: ChatMessage[], params?: ChatParams, options?: CallOptions) {
    return super.chatCompletion(messages, params, options);
  }
}

console.log('What runs around chatCompletion(), outer to inner:');
for (const { kind, place, from } of policiesOf(PoliteClient, 'chatCompletion')) {
  console.log(`  @${kind} of ${from}, place: ${place}`);
}

await using api = await connect();
await using client = new PoliteClient(api.options);

client.on('admitted', ({ waitMs = 0 }) => console.log(`let in after ${Math.round(waitMs / 100) * 100} ms`));
const calls = Array.from({ length: 5 }, (_, i) =>
  client.chatCompletion([{ role: 'user', content: `Question ${i + 1}` }]),
);
for (const [i, result] of (await Promise.allSettled(calls)).entries()) {
  if (result.status === 'fulfilled') console.log(`Question ${i + 1}: answered`);
  else if (result.reason instanceof RateLimitError) console.log(`Question ${i + 1}: ${result.reason.code}`);
  else throw result.reason;
}
