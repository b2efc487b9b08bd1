// One kind of client, in a process of its own.
import { median } from './report.js';

const [kind, baseURL, calls, streams] = process.argv.slice(2);
let events = 0;
const isSync = kind === 'keelson/sync';
const messages = [{ role: 'user', content: 'Hello' }];
const options = { apiKey: 'sk-bench-1234567890', baseURL };

const start = performance.now();
const module = await import(kind);
const client = isSync ? new module.SyncOpenAIClient(options) : new module.OpenAIClient(options);
const call = isSync
  ? () => client.chatCompletion(messages)
  : async () => {
      await client.chatCompletion(messages);
    };
await call();
const firstCallMs = performance.now() - start;

/** The median, which a moment that the machine gives to others does not move. */
async function micros(count, work) {
  const times = [];
  for (let i = 0; i < count; i++) {
    const begun = performance.now();
    await work();
    times.push((performance.now() - begun) * 1000);
  }
  return median(times);
}

const read = isSync
  ? () => {
      for (const chunk of client.streamChatCompletion(messages)) if (chunk) events++;
    }
  : async () => {
      for await (const chunk of client.streamChatCompletion(messages)) if (chunk) events++;
    };
await micros(Number(calls) / 3, call);
const callMicros = await micros(Number(calls), call);
await micros(2, read);
events = 0;
const streamMicros = await micros(Number(streams), read);
const eventMicros = (streamMicros * streams) / events;
const megabytes = process.memoryUsage.rss() / 1e6;
process.stdout.write(JSON.stringify({ firstCallMs, callMicros, eventMicros, megabytes }), () =>
  process.exit(0),
);
