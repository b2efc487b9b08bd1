/**
 * Ways to read a stream: chunk by chunk, as a whole, and only the beginning.
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/streaming.ts
 */
import { AbortError, OpenAIClient, type ChatMessage } from 'keelson';
import { connect } from './local.js';

const messages: ChatMessage[] = [{ role: 'user', content: 'Count from one to ten.' }];

await using api = await connect();
await using client = new OpenAIClient(api.options);

console.log('\nChunk by chunk, then what they add up to:');
const stream = client.streamChatCompletion(messages);
let chunks = 0;
for await (const chunk of stream) {
  chunks++;
  process.stdout.write(chunk.choices[0]?.delta.content ?? '');
}
const { choices, usage } = await stream.finalCompletion();
console.log(
  `\n${chunks} chunks, finish_reason ${choices[0]?.finish_reason}, ${usage?.completion_tokens} tokens`,
);

console.log('\nThe text alone:');
console.log(await client.streamChatCompletion(messages).finalText());

console.log('\nOnly the beginning: break closes the connection.');
let words = 0;
for await (const chunk of client.streamChatCompletion(messages)) {
  const text = chunk.choices[0]?.delta.content;
  if (!text) continue;
  console.log(text.trim());
  if (++words === 3) break;
}

console.log('\nEnded from outside: an abort is an error, never a quiet end.');
const aborted = client.streamChatCompletion(messages); // a `signal` in the last argument does the same
try {
  for await (const chunk of aborted) {
    if (chunk.choices[0]?.delta.content) aborted.abort(new Error('the user left'));
  }
} catch (error) {
  if (!(error instanceof AbortError)) throw error;
  console.log(`${error.name}: ${error.message} (cause: ${error.cause})`);
}
