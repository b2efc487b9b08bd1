// Admissions in memory: uncontended ones a second, and what it costs to wait among many.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fakeClock, realNow } from './fake-clock.js';
import { queues, uncontended } from './limiter-subjects.js';
import { median, table } from './report.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

async function operationsPerSecond({ run, isAsync, isTimed }) {
  const count = isTimed ? 1000 : 300_000;
  const start = realNow();
  // One that sets timers for every job has the better figure for many at once.
  if (isTimed) await Promise.all(Array.from({ length: count }, run));
  else if (isAsync) for (let i = 0; i < count; i++) await run();
  else for (let i = 0; i < count; i++) run();
  return (count * 1000) / (realNow() - start);
}

const results = Object.fromEntries(Object.keys(uncontended).map((name) => [name, []]));
for (let round = 0; round < 8; round++) {
  for (const [name, subject] of Object.entries(uncontended)) {
    results[name].push(await operationsPerSecond(subject));
  }
}
const medians = Object.fromEntries(
  Object.entries(results).map(([name, list]) => [name, median(list.slice(1))]),
);
table(
  'Uncontended admissions',
  ['a second', 'ns each'],
  Object.entries(medians).map(([name, perSecond]) => [
    name,
    Math.round(perSecond).toLocaleString('en-US'),
    Math.round(1e9 / perSecond),
  ]),
);
const [ours] = Object.values(medians);
for (const [name, theirs] of Object.entries(medians).slice(2)) {
  console.log(`keelson, settled / ${name}: ${(ours / theirs).toFixed(2)}`);
}
console.log();

// One clock for all: to exchange it makes the compiler begin anew.
const clock = fakeClock();

/** Lets `count` wait, then moves the clock until all have had their turn. */
async function waitAmong(makeQueue, count) {
  const join = makeQueue();
  let ended = 0;
  const done = () => ended++;
  join(done);
  await clock.runUntil(() => ended === 1);
  collect();
  const before = process.memoryUsage().heapUsed;
  const start = realNow();
  for (let i = 0; i < count; i++) join(done);
  const joined = realNow();
  collect();
  const bytes = process.memoryUsage().heapUsed - before;
  const drainStart = realNow();
  await clock.runUntil(() => ended === count + 1);
  const drained = realNow();
  return {
    joinNs: ((joined - start) * 1e6) / count,
    drainNs: ((drained - drainStart) * 1e6) / count,
    bytes: bytes / count,
  };
}

const COUNTS = [1_000, 10_000, 100_000];
const rows = [];
for (const [name, { makeQueue, most = Infinity }] of Object.entries(queues)) {
  // What the compiler has yet to learn is not what is asked.
  await waitAmong(makeQueue, Math.min(most, 100_000));
  for (const count of COUNTS.filter((each) => each <= most)) {
    const rounds = [];
    for (let total = 0; total < Math.min(most, 30_000); total += count) {
      rounds.push(await waitAmong(makeQueue, count));
    }
    const of = (measure) => Math.round(median(rounds.map((round) => round[measure])));
    rows.push([`${name}, ${count.toLocaleString('en-US')}`, of('joinNs'), of('drainNs'), of('bytes')]);
  }
}
table('Waiting, a timer for each; per waiter', ['ns to join', 'ns until its turn', 'bytes'], rows);
console.log('The turns are taken on a clock that jumps, with a turn of the event loop after each timer.\n');
clock.restore();
