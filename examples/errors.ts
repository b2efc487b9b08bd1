/**
 * What can go wrong, and what the program sees of it. The local server is told to fail in several ways.
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/errors.ts
 */
import { AuthenticationError, LLMError, OpenAIClient, QuotaExceededError, RateLimitError } from 'keelson';
import { startTestServer, type Fault } from 'keelson/testing';

await using server = await startTestServer();
console.log(server.banner);
await using client = new OpenAIClient({
  apiKey: 'any',
  baseURL: server.baseURL,
  retry: { maxRetries: 2, baseDelayMs: 20 },
});

const noMoney = { error: { message: 'You exceeded your current quota.', code: 'insufficient_quota' } };
const failures: Record<string, Fault> = {
  'The key is wrong': { status: 401 },
  'The request is wrong': { status: 400 },
  'Too many requests, three times': { status: 429, times: 3, headers: { 'retry-after-ms': '30' } },
  'Too many requests, come back in two minutes': { status: 429, headers: { 'retry-after': '120' } },
  'The quota is used up': { status: 429, body: noMoney },
  'The server is down': { status: 500, times: 3 },
  'The connection breaks': { reset: 'in-body', times: 3 },
  'A proxy answers with a page': { contentType: 'text/html', body: '<h1>Welcome</h1>' },
};

/** What to do about an error: from the special to the general. */
function advice(error: unknown): string {
  if (error instanceof AuthenticationError) return 'check the key';
  if (error instanceof QuotaExceededError) return 'add money';
  if (error instanceof RateLimitError) return `come back in ${error.retryAfterMs} ms`;
  if (error instanceof LLMError) return error.retryable ? 'try again later' : 'look into it';
  throw error; // not ours: a bug
}

for (const [title, fault] of Object.entries(failures)) {
  server.fault(fault);
  try {
    await client.chatCompletion([{ role: 'user', content: 'Hello' }]);
  } catch (error) {
    console.log(`\n${title}: ${advice(error)}`);
    if (!(error instanceof LLMError)) throw error;
    const { name, code, statusCode, attempts, message } = error;
    console.log(`  ${name}, code ${code}, status ${statusCode ?? 'none'}, attempts ${attempts.length}`);
    console.log(`  ${message}`);
  }
}

console.log('\nBad arguments are refused before anything is sent:');
await client.chatCompletion([]).catch((error: unknown) => console.log(`  ${error}`));
