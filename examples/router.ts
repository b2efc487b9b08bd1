/**
 * One client made of three: two keys of a provider, and another provider in reserve.
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/router.ts
 */
import { OpenAIClient, responseInfo, RouterClient } from 'keelson';
import { startTestServer } from 'keelson/testing';

// Always local stand-ins: they are to fail here.
await using first = await startTestServer();
await using second = await startTestServer();
await using reserve = await startTestServer();
const at = (baseURL: string, apiKey: string) => new OpenAIClient({ baseURL, apiKey });

await using router = new RouterClient({
  routes: [
    { name: 'key A', client: at(first.baseURL, 'key-a') },
    { name: 'key B', client: at(second.baseURL, 'key-b') },
    { name: 'reserve', client: at(reserve.baseURL, 'key-c'), order: 1 },
  ],
});
router.on('route', ({ state, to, coolDownMs }) => {
  if (state === 'cooling') console.log(`  ${to} failed and is left out for ${coolDownMs} ms`);
});

const ask = (question: string) => router.chatCompletion([{ role: 'user', content: question }]);

console.log('Sixteen calls at once:');
await Promise.all(Array.from({ length: 16 }, (_, i) => ask(`Question ${i + 1}`)));
for (const [name, { calls }] of Object.entries(router.snapshot())) console.log(`  ${name}: ${calls} calls`);

console.log('Key A is refused, key B has no capacity:');
first.fault({ status: 401, times: Infinity });
second.fault({ status: 503, times: Infinity, headers: { 'retry-after': '20' } });
const reply = await ask('Is anybody there?');
for (const { name, statusCode } of responseInfo(reply)?.attempts ?? [])
  console.log(`  ${name} ${statusCode ?? ''}`);
