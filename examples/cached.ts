/**
 * Answers that are kept: equal calls ask once, a stream is given again, and a store shares answers with other processes.
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/cached.ts
 */
import Keyv from 'keyv';
import { Cache, Cached, OpenAIClient, responseInfo } from 'keelson';
import { startTestServer } from 'keelson/testing';

await using server = await startTestServer();

// In production: new Keyv(new KeyvRedis('redis://…')), and every process shares what one has asked.
const cache = new Cache({ ttlMs: 60 * 60_000, store: new Keyv() });
await using client = new OpenAIClient({
  apiKey: 'any',
  baseURL: server.baseURL,
  policies: [Cached(cache)],
});
client.on('cache', ({ method, state }) => {
  if (state !== 'stored') console.log(`  ${method}: ${state}`);
});
const messages = [{ role: 'user' as const, content: 'What is a keelson?' }];

console.log('Twice the same question:');
for (let i = 0; i < 2; i++) {
  const reply = await client.chatCompletion(messages, { temperature: 0 });
  console.log(`  from the cache: ${responseInfo(reply)?.fromCache ?? false}`);
}

console.log('Three at the same time:');
await Promise.all([1, 2, 3].map(() => client.chatCompletion(messages, { temperature: 0, max_tokens: 20 })));

console.log('A stream, read to its end, and again:');
for (let i = 0; i < 2; i++) await client.streamChatCompletion(messages).finalText();

console.log(`Requests that were sent: ${server.requests.length}`);
const { hits, misses, joined } = cache.snapshot();
console.log(`hits ${hits}, misses ${misses}, joined ${joined}`);
