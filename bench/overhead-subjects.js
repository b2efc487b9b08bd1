// What `overhead` measures: methods with policies of ours, and the same of our peers.
import * as cockatiel from 'cockatiel';
import * as keelson from 'keelson/decorators';
import CircuitBreaker from 'opossum';

const { definePolicy } = keelson;

/** A policy that does nothing, where this version has not got one of the name. */
const standIns = new Set();
function policy(kind, place, ...options) {
  if (keelson[kind]) return keelson[kind](...options);
  standIns.add(kind);
  const run = (_call, next) => next();
  const places = [place].flat();
  const definition = { kind: `${kind}StandIn`, place, create: () => places.map(() => ({ run })) };
  return definePolicy({ ...definition, neverAborts: true })();
}

/** The names of policies for which a stand-in is measured. */
export const missing = standIns;

const manyTokens = { requestsPerMinute: 1e12, maxConcurrent: 1000 };
const make = {
  errors: () => keelson.HandleApiErrors(),
  retry: () => keelson.RetryWithBackoff(),
  limit: () => keelson.RateLimited(manyTokens),
  concurrency: () => keelson.RateLimited({ maxConcurrent: 1000 }),
  timeout: () => keelson.Timeout({ totalMs: 60_000 }),
  breaker: () => policy('CircuitBreaker', ['CircuitBreaker(check)', 'CircuitBreaker(permit)']),
  fallback: () => policy('Fallback', 'Fallback', { to: [{ value: () => undefined }] }),
  hedge: () => policy('Hedged', 'Hedged', { delayMs: 10_000 }),
  // Each call has an argument of its own: every one is a miss, and what it gave is stored.
  cache: () => policy('Cached', 'Cached', { ttlMs: 1000, maxEntries: 1000 }),
  budget: () => policy('Budget', 'admission', { tokens: 1e12, per: 'day' }),
  traced: () => policy('Traced', 'Traced'),
};

/** Decorators by their short names. */
export const decorators = (...names) => names.map((name) => make[name]());

/** Decorates a method as the compilers do for the TC39 dialect. `others` stand on another method of the object. */
export function decorated(list, { method = async (value) => value, others = [] } = {}) {
  const prototype = {};
  const define = (name, decorators) => {
    const context = { kind: 'method', name, static: false, private: false };
    prototype[name] = decorators.reduce((body, decorator) => decorator(body, context), method);
  };
  define('call', list);
  define('other', others);
  const subject = Object.create(prototype);
  return (value) => subject.call(value);
}

const handled = cockatiel.handleAll;
const theirs = {
  retry: () => cockatiel.retry(handled, { maxAttempts: 3, backoff: new cockatiel.ExponentialBackoff() }),
  breaker: () =>
    cockatiel.circuitBreaker(handled, {
      halfOpenAfter: 10_000,
      breaker: new cockatiel.SamplingBreaker({ threshold: 0.5, duration: 30_000 }),
    }),
  bulkhead: () => cockatiel.bulkhead(1000),
  timeout: () => cockatiel.timeout(60_000, cockatiel.TimeoutStrategy.Aggressive),
  fallback: () => cockatiel.fallback(handled, undefined),
};

/** The same method as a function under cockatiel's policies, outermost first. */
export function underCockatiel(...names) {
  const wrapped = cockatiel.wrap(...names.map((name) => theirs[name]()));
  return (value) => wrapped.execute(async () => value);
}

/** The same under opossum's breaker, which has a timeout, a fallback and a cache of its own. */
export function underOpossum() {
  const breaker = new CircuitBreaker(async (value) => value, {
    timeout: 60_000,
    resetTimeout: 10_000,
    errorThresholdPercentage: 50,
    cache: true,
    cacheTTL: 1000,
    cacheSize: 1000,
    cacheGetKey: String,
  });
  breaker.fallback(() => undefined);
  return { call: (value) => breaker.fire(value), end: () => breaker.shutdown() };
}
