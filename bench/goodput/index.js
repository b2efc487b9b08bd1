// A provider with limits, 1,000 calls of mixed sizes, 50 workers: time over the minimum, and calls wasted on 429s.
// `GOODPUT='name;…'` picks contenders by how their names begin, `CHARGE=reserved|used` one way of charging,
// `HEADERS=answer` headers of another moment (see settings.js).
import { mkdir, writeFile } from 'node:fs/promises';
import { table } from '../report.js';
import { withRedis } from '../redis-server.js';
import { contenders } from './contenders.js';
import { canDraw, drawPlot } from './plot.js';
import { runOne } from './run-one.js';
import { CALLS, CHARGES, WORKERS } from './settings.js';

const begins = process.env.GOODPUT?.split(';') ?? [''];
const wanted = Object.keys(contenders).filter((name) => begins.some((begin) => name.startsWith(begin)));
const charges = process.env.CHARGE ? [process.env.CHARGE] : CHARGES;
const samples = new URL('./samples/', import.meta.url);

function measure(name, charge) {
  if (!name.includes('Redis')) return runOne(name, charge);
  return withRedis(name, (redisPort) => runOne(name, charge, { processes: 4, redisPort, name: 'goodput' }));
}

await mkdir(samples, { recursive: true });
for (const charge of charges) {
  const results = [];
  for (const name of wanted) {
    try {
      const result = await measure(name, charge);
      if (result) results.push(result);
    } catch (error) {
      console.log(`${name}: not measured. ${error.message}`);
    }
  }
  table(
    `Goodput: ${CALLS} calls from ${WORKERS} workers, charged as ${charge}`,
    ['seconds', 'time / minimum', '429s', '429s %', 'lost calls', 'CPU ms'],
    results.map(({ contender, seconds, minimum, refused, lost, cpuMs }) => [
      contender,
      seconds.toFixed(1),
      (seconds / minimum).toFixed(3),
      refused.length,
      ((100 * refused.length) / CALLS).toFixed(1),
      lost,
      Math.round(cpuMs),
    ]),
  );
  console.log('The minimum is that of the calls that were answered. Lost calls failed for good.\n');
  await writeFile(new URL(`${charge}.json`, samples), JSON.stringify(results));
  if (charge === 'reserved' && canDraw(results)) {
    await writeFile(new URL('../../docs/rate-limits.svg', import.meta.url), drawPlot(results));
    console.log('Drawn: docs/rate-limits.svg\n');
  }
}
