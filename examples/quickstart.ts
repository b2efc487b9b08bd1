/**
 * The main job in one go: chat, stream, embeddings; then a rate limit at work and a failure survived.
 *
 *     npm start
 *
 * The first three go to the real API when OPENAI_API_KEY or OPENAI_BASE_URL is set, else to a local stand-in. The
 * last two always go to the stand-in, which can be told to fail.
 */
import { OpenAIClient, responseInfo, type ChatMessage } from 'keelson';
import { startTestServer } from 'keelson/testing';

const messages: ChatMessage[] = [{ role: 'user', content: 'Say hello in five words.' }];

await using server = await startTestServer();
console.log(server.banner);
const local = { apiKey: 'any', baseURL: server.baseURL };

const { OPENAI_API_KEY, OPENAI_BASE_URL } = process.env;
const isReal = Boolean(OPENAI_API_KEY || OPENAI_BASE_URL);
await using client = new OpenAIClient(isReal ? { apiKey: OPENAI_API_KEY || 'none' } : local);
if (isReal) console.log(`Parts 1 to 3 go to ${client.baseURL} instead.`);

console.log('\n1. Chat');
const reply = await client.chatCompletion(messages, { max_tokens: 100 });
console.log(reply.choices[0]?.message.content);
console.log(`${reply.usage?.total_tokens} tokens, request ${responseInfo(reply)?.requestId}`);

console.log('\n2. Stream');
for await (const chunk of client.streamChatCompletion(messages)) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? '');
}
console.log();

console.log('\n3. Embeddings');
const vectors = await client.embeddings(['a first text', 'a second one']);
console.log(`${vectors.length} vectors of ${vectors[0]?.length} numbers`);

console.log('\n4. A rate limit at work: 10 requests a second, 2 at once');
await using polite = new OpenAIClient({ ...local, rateLimit: { requestsPerMinute: 600, requestBurst: 2 } });
polite.on('admitted', ({ waitMs = 0 }) => console.log(`let in after ${Math.round(waitMs / 100) * 100} ms`));
await Promise.all(Array.from({ length: 5 }, () => polite.chatCompletion(messages)));

console.log('\n5. A failure survived: the server refuses twice');
await using patient = new OpenAIClient({ ...local, retry: { maxRetries: 3, baseDelayMs: 100 } });
patient.on('retry', ({ attempt, error, delayMs }) =>
  console.log(
    `attempt ${attempt} failed (${error.name} ${error.statusCode}), next in ${Math.round(delayMs)} ms`,
  ),
);
server.fault({ status: 503, times: 2 });
const answer = await patient.chatCompletion(messages);
console.log(
  `answered at attempt ${responseInfo(answer)?.attempts.length}: ${answer.choices[0]?.message.content}`,
);
