// A provider with limits, 1,000 calls of mixed sizes, 50 workers: time over the minimum, and calls wasted on 429s.
// `GOODPUT=name,…` picks contenders by a part of their name, `CHARGE=reserved|used` one way of charging.
import { table } from '../report.js';
import { contenders } from './contenders.js';
import { runOne } from './run-one.js';
import { CALLS, CHARGES, WORKERS } from './settings.js';

const parts = process.env.GOODPUT?.split(',');
const wanted = Object.keys(contenders).filter((name) => !parts || parts.some((part) => name.includes(part)));
const charges = process.env.CHARGE ? [process.env.CHARGE] : CHARGES;

for (const charge of charges) {
  const results = [];
  for (const name of wanted) {
    try {
      results.push(await runOne(name, charge));
    } catch (error) {
      console.log(`${name}: not measured. ${error.message}`);
    }
  }
  table(
    `Goodput: ${CALLS} calls from ${WORKERS} workers, charged as ${charge}`,
    ['seconds', 'minimum', 'time / minimum', '429s', '429s %', 'lost calls', 'CPU ms'],
    results.map(({ contender, seconds, minimum, refused, lost, cpuMs }) => [
      contender,
      seconds.toFixed(1),
      minimum.toFixed(1),
      (seconds / minimum).toFixed(3),
      refused.length,
      ((100 * refused.length) / CALLS).toFixed(1),
      lost,
      Math.round(cpuMs),
    ]),
  );
  for (const { contender, errors } of results)
    if (errors.length) console.log(contender, JSON.stringify(errors));
  console.log();
}
