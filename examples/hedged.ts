/**
 * Hedging: a second request beside one that is slow, and the answer of whichever comes first.
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/hedged.ts
 */
import { Hedged, OpenAIClient, responseInfo, snapshotOf } from 'keelson';
import { startTestServer } from 'keelson/testing';

await using server = await startTestServer({ reply: 'A keelson is a beam.' });
await using client = new OpenAIClient({
  apiKey: 'any',
  baseURL: server.baseURL,
  // A demonstration may hedge every call; the default is 5 % of them, and the delay the running p95.
  policies: [Hedged({ delayMs: 100, maxExtraRatio: 1 })],
});
client.on('hedge', ({ state, attempt, reason }) => {
  console.log(`  hedge ${state}: attempt ${attempt}${reason ? ` (${reason})` : ''}`);
});
const messages = [{ role: 'user' as const, content: 'What is a keelson?' }];

console.log('A request that the server forgets for five seconds:');
server.fault({ delayMs: 5000 });
const reply = await client.chatCompletion(messages);
const outcomes = responseInfo(reply)?.attempts.map(({ code }) => code);
console.log(`  ${reply.choices[0]?.message.content} (attempts: ${outcomes?.join(', ')})`);

console.log('A stream that begins and says nothing:');
server.fault({ stall: 1 });
console.log(`  ${await client.streamChatCompletion(messages).finalText()}`);

console.log('A request that fails at once:');
server.fault({ status: 503 });
await client.chatCompletion(messages);

console.log('A server that asks to be left alone is not hedged, but asked again in time:');
server.fault({ status: 429, headers: { 'retry-after-ms': '50' } });
await client.chatCompletion(messages);

const state = snapshotOf(client, 'chatCompletion').find(({ kind }) => kind === 'Hedged')?.snapshot;
console.log(`${server.requests.length} requests for 4 calls; chatCompletion: ${JSON.stringify(state)}`);
