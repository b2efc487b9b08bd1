/**
 * The timeouts of a call, each against a server that keeps it waiting in its own way.
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/timeout.ts
 */
import { OpenAIClient, TimeoutError, type TimeoutOptions } from 'keelson';
import { startTestServer, type Fault } from 'keelson/testing';

await using server = await startTestServer({ reply: 'one two three four' });
const messages = [{ role: 'user' as const, content: 'Count.' }];

/** Reads a stream under `timeouts` from a server with this fault; prints what came, and how it ended. */
async function read(what: string, timeouts: TimeoutOptions, fault: Fault, maxRetries = 0): Promise<void> {
  const { baseURL } = server;
  await using client = new OpenAIClient({ apiKey: 'any', baseURL, timeouts, retry: { baseDelayMs: 20 } });
  client.on('retry', ({ error }) => console.log(`  ${error.code}: another attempt`));
  server.fault(fault);
  console.log(what);
  try {
    for await (const chunk of client.streamChatCompletion(messages, {}, { maxRetries })) {
      const text = chunk.choices[0]?.delta.content;
      if (text) console.log(`  ${text}`);
    }
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    console.log(`  ${error.code} (${error.retryable ? 'may be tried again' : 'final'}): ${error.message}`);
  }
  server.reset();
}

await read('No answer:', { attemptMs: 60 }, { stall: 'headers' });
await read('Keep-alive comments, but no content:', { firstEventMs: 60 }, { stall: 1, commentsEveryMs: 10 });
await read(
  'Silence in the middle, comments do not count:',
  { idleMs: 60 },
  { stall: 3, commentsEveryMs: 10 },
);
await read('All in all too long:', { totalMs: 100 }, { stall: 'body' }, 2);
await read('Slow once, retried:', { firstEventMs: 60 }, { stall: 'body' }, 2);
