// One contender, one task, one process: prints how many a second and the CPU time of each.
import { contenders } from './contenders.js';

const [name, task, baseURL, concurrency, count, warmup] = process.argv.slice(2);
const contender = await contenders[name](baseURL);

async function run(total) {
  let left = total;
  const work = async () => {
    while (left-- > 0) await contender[task]();
  };
  await Promise.all(Array.from({ length: Number(concurrency) }, work));
}

await run(Number(warmup));
const cpu = process.cpuUsage();
const start = performance.now();
await run(Number(count));
const seconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(cpu);
process.stdout.write(
  JSON.stringify({ perSecond: Number(count) / seconds, cpuMicros: (user + system) / Number(count) }),
  () => process.exit(0),
);
