/**
 * A circuit breaker at work: a provider fails, its circuit opens and refuses calls at once, and after a while a trial call
 * closes it again. Another model at the same provider goes on.
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/circuit-breaker.ts
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Breaker, CircuitBreaker, CircuitOpenError, LLMError, OpenAIClient, snapshotOf } from 'keelson';
import { startTestServer } from 'keelson/testing';

// Always a local stand-in: it is to fail here.
await using server = await startTestServer();

// Short times, so that the example is. The defaults: at least 10 calls within 30 s, open for 10 s, 3 trial calls.
const breaker = new Breaker({
  minimumCalls: 4,
  openMs: 300,
  halfOpenCalls: 1,
  key: (call) => String((call.args[1] as { model?: string }).model),
  onChange: ({ key, state, failureRate }) =>
    console.log(`  [${key}] ${state}${failureRate === undefined ? '' : `, ${failureRate * 100} % failed`}`),
});
await using client = new OpenAIClient({
  baseURL: server.baseURL,
  apiKey: 'local',
  retry: false,
  policies: [CircuitBreaker(breaker)],
});

async function ask(model: string): Promise<void> {
  try {
    await client.chatCompletion([{ role: 'user', content: 'Hi' }], { model });
    console.log(`${model} answered`);
  } catch (error) {
    if (error instanceof CircuitOpenError) console.log(`${model} was not asked: ${error.circuit?.reason}`);
    else if (error instanceof LLMError) console.log(`${model} failed: ${error.name}`);
    else throw error;
  }
}

server.fault({ status: 503, times: 4 });
for (let i = 0; i < 5; i++) await ask('big-model');
await ask('small-model');

await sleep(350);
await ask('big-model');

console.log('By hand:');
breaker.isolate({ key: 'big-model' });
await ask('big-model');
breaker.close({ key: 'big-model' });
await ask('big-model');
console.log(snapshotOf(client, 'chatCompletion')[0]?.snapshot['big-model']);
