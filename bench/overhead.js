// Three decorators over a bare async method, beside cockatiel's retry + breaker + bulkhead.
import {
  bulkhead,
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  wrap,
} from 'cockatiel';
import { HandleApiErrors, RateLimited, RetryWithBackoff } from 'keelson/decorators';
import { median, table } from './report.js';

/** Decorates a method as the compilers do for the TC39 dialect. */
function decorated(decorators) {
  class Subject {
    async call(value) {
      return value;
    }
  }
  let method = Subject.prototype.call;
  for (const decorator of decorators) {
    method = decorator(method, { kind: 'method', name: 'call', static: false, private: false });
  }
  Subject.prototype.call = method;
  const subject = new Subject();
  return (value) => subject.call(value);
}

const policy = wrap(
  retry(handleAll, { maxAttempts: 3, backoff: new ExponentialBackoff() }),
  circuitBreaker(handleAll, { halfOpenAfter: 10_000, breaker: new ConsecutiveBreaker(5) }),
  bulkhead(1000),
);
const limits = { requestsPerMinute: 1e12, maxConcurrent: 1000 };
const subjects = {
  'bare async method': decorated([]),
  'keelson: errors, retry, limit': decorated([HandleApiErrors(), RetryWithBackoff(), RateLimited(limits)]),
  'cockatiel: retry, breaker, bulkhead': (value) => policy.execute(async () => value),
};

const CALLS = 100_000;
async function time(call) {
  const start = performance.now();
  for (let i = 0; i < CALLS; i++) await call(i);
  return ((performance.now() - start) * 1e6) / CALLS;
}

const results = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
for (let round = 0; round < 9; round++) {
  for (const [name, call] of Object.entries(subjects)) results[name].push(await time(call));
}
const medians = Object.fromEntries(
  Object.entries(results).map(([name, list]) => [name, median(list.slice(1))]),
);
table(
  'Overhead of policies',
  ['ns per call'],
  Object.entries(medians).map(([name, ns]) => [name, Math.round(ns)]),
);
const [bare, ours, theirs] = Object.values(medians);
console.log(
  `keelson's overhead: ${((ours - bare) / 1000).toFixed(2)} µs; cockatiel's: ${((theirs - bare) / 1000).toFixed(2)} µs`,
);
console.log(`keelson / cockatiel: ${((ours - bare) / (theirs - bare)).toFixed(2)}\n`);
