/**
 * A client without `await`: each call blocks until its result is there. For scripts, configuration files and REPLs; not
 * for servers.
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/sync.ts
 */
import { LLMError } from 'keelson';
import { SyncOpenAIClient } from 'keelson/sync';
import { connectElsewhere } from './local.js';

using server = await connectElsewhere(); // in another process: this one is about to block
using client = new SyncOpenAIClient(server.options);

const reply = client.chatCompletion([{ role: 'user', content: 'Say hello.' }]);
console.log(`chat: ${reply.choices[0]?.message.content}`);

process.stdout.write('stream: ');
const stream = client.streamChatCompletion([{ role: 'user', content: 'Count to three.' }]);
for (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '');
console.log(`\n${stream.finalCompletion().usage?.total_tokens ?? 'some'} tokens`);

const [ship, wait] = client.embeddings(['a beam of a ship', 'a wait after a failure']);
console.log(`embeddings: ${ship?.length} and ${wait?.length} numbers`);

try {
  client.chatCompletion([{ role: 'user', content: 'Say hello.' }], {}, { timeoutMs: 0.001 });
} catch (error) {
  if (!(error instanceof LLMError)) throw error;
  console.log(`an error: ${error.name}, code ${error.code}`);
}
