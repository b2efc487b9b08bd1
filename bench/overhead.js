// What policies cost: methods with more and more of them over a bare one, beside cockatiel's and opossum's at equal function.
import { inTurn } from './in-turn.js';
import { decorated, decorators, missing, underCockatiel, underOpossum } from './overhead-subjects.js';
import { table } from './report.js';

const three = ['errors', 'retry', 'limit'];
const six = [...three, 'timeout', 'breaker', 'fallback'];
const further = ['hedge', 'cache', 'budget', 'traced'];
const others = decorators('timeout', 'breaker', 'fallback', ...further);
const opossum = underOpossum();
const subjects = {
  'bare async method': decorated([]),
  '1: retry': decorated(decorators('retry')),
  '3: errors, retry, limit': decorated(decorators(...three)),
  '3, others on another method': decorated(decorators(...three), { others }),
  '6: and timeout, breaker, fallback': decorated(decorators(...six)),
  '10: and hedge, cache (a miss), budget, traces': decorated(decorators(...six, ...further)),
  '3: retry, breaker, concurrency': decorated(decorators('retry', 'breaker', 'concurrency')),
  'cockatiel 3: retry, breaker, bulkhead': underCockatiel('retry', 'breaker', 'bulkhead'),
  '5: and timeout, fallback': decorated(decorators('retry', 'breaker', 'concurrency', 'timeout', 'fallback')),
  'cockatiel 5: and timeout, fallback': underCockatiel(
    ...['fallback', 'retry', 'breaker', 'bulkhead', 'timeout'],
  ),
  '4: breaker, timeout, fallback, cache': decorated(decorators('breaker', 'timeout', 'fallback', 'cache')),
  'opossum: breaker, timeout, fallback, cache': opossum.call,
};

const sizes = { calls: 10_000, rounds: 15 };
// Before any decorated method has run: without the AsyncLocalStorage that it switches on.
const peers = ['cockatiel 3: retry, breaker, bulkhead', 'opossum: breaker, timeout, fallback, cache'];
const alone = await inTurn(
  Object.fromEntries(['bare async method', ...peers].map((name) => [name, subjects[name]])),
  sizes,
);
const times = await inTurn(subjects, sizes);
opossum.end();
table(
  'Overhead of policies, a call',
  ['ns', 'ns over bare'],
  Object.keys(subjects).map((name) => [name, Math.round(times.ns(name)), Math.round(times.over(name))]),
);
for (const [ours, theirs] of [
  ['3: retry, breaker, concurrency', 'cockatiel 3: retry, breaker, bulkhead'],
  ['3: errors, retry, limit', 'cockatiel 3: retry, breaker, bulkhead'],
  ['5: and timeout, fallback', 'cockatiel 5: and timeout, fallback'],
  ['4: breaker, timeout, fallback, cache', 'opossum: breaker, timeout, fallback, cache'],
  ['3, others on another method', '3: errors, retry, limit'],
]) {
  console.log(`${ours} / ${theirs}: ${times.ratio(ours, theirs).toFixed(2)}`);
}
for (const name of peers) {
  console.log(`${name}, before AsyncLocalStorage is in use: ${Math.round(alone.over(name))} ns over bare`);
}
if (missing.size > 0)
  console.log(`Not there yet, a policy that does nothing in place of: ${[...missing].join(', ')}`);
console.log();
await import('./stream-overhead.js');
