// Calls and streams through the whole client, beside openai-node and the floor.
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { contenders } from './contenders.js';
import { median, table } from './report.js';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const run = promisify(execFile);

/** Contenders take turns, so that a slow moment of the machine hits all of them. */
async function compare(task, { concurrency, count, warmup, rounds }) {
  const server = fork(path('./server.js'));
  const [port] = await once(server, 'message');
  const results = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(contenders)) {
      const args = [
        path('./worker.js'),
        name,
        task,
        `http://127.0.0.1:${port}/v1`,
        concurrency,
        count,
        warmup,
      ];
      const { stdout } = await run(process.execPath, args.map(String));
      results[name].push(JSON.parse(stdout));
    }
  }
  server.kill();
  return Object.fromEntries(
    Object.entries(results).map(([name, list]) => [
      name,
      {
        perSecond: median(list.map(({ perSecond }) => perSecond)),
        cpuMicros: median(list.map(({ cpuMicros }) => cpuMicros)),
      },
    ]),
  );
}

function report(title, results, perItem, unit) {
  const { undici, keelson, openai } = results;
  table(
    title,
    [`${unit}/s`, `CPU µs per ${unit.slice(0, -1)}`],
    Object.entries(results).map(([name, { perSecond, cpuMicros }]) => [
      name,
      Math.round(perSecond * perItem),
      (cpuMicros / perItem).toFixed(perItem > 1 ? 2 : 0),
    ]),
  );
  console.log(
    `keelson / openai-node, ${unit} a second: ${(keelson.perSecond / openai.perSecond).toFixed(2)}`,
  );
  console.log(`keelson / undici, CPU: ${(keelson.cpuMicros / undici.cpuMicros).toFixed(2)}`);
  console.log(`openai-node / undici, CPU: ${(openai.cpuMicros / undici.cpuMicros).toFixed(2)}\n`);
}

const rounds = Number(process.env.ROUNDS ?? 5);
report(
  'Chat calls, 32 at once',
  await compare('chat', { concurrency: 32, count: 12_000, warmup: 6_000, rounds }),
  1,
  'calls',
);
report(
  'Streams of 500 events, 8 at once',
  await compare('stream', { concurrency: 8, count: 400, warmup: 200, rounds }),
  500,
  'events',
);
