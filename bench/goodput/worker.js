// One process of a contender: makes its share of the calls when told to start, and tells how they ended.
import { contenders } from './contenders.js';
import { SEED } from './settings.js';
import { workload } from './workload.js';

const { contender, processes, place, workers, count, ...where } = JSON.parse(process.argv[2]);
const calls = workload(SEED, count).filter(({ index }) => index % processes === place);
const call = await contenders[contender]({ processes, ...where });
const errors = {};
let answered = 0;

async function work() {
  for (let next = calls.shift(); next; next = calls.shift()) {
    try {
      const text = await call(next);
      if (text.length === 0) throw new Error('empty');
      answered++;
    } catch (error) {
      const reason = `${error.status ?? error.statusCode ?? error.lastError?.statusCode ?? ''} ${error.code ?? error.name}`;
      errors[reason] = (errors[reason] ?? 0) + 1;
    }
  }
}

process.on('message', async () => {
  const cpu = process.cpuUsage();
  await Promise.all(Array.from({ length: workers }, work));
  const { user, system } = process.cpuUsage(cpu);
  process.send({ answered, errors, cpuMs: (user + system) / 1000 }, () => process.exit(0));
});
process.send('ready');
