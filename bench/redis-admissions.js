// Admissions a second over Redis on one connection, with many callers at once: both limits, taken and settled.
import { Redis } from 'ioredis';
import { Limiter } from 'keelson/decorators';
import { RateLimiterRedis, RateLimiterUnion } from 'rate-limiter-flexible';
import { Call, facts, host, outcome } from './fake-call.js';
import { withRedis } from './redis-server.js';
import { median, table } from './report.js';

const CALLERS = 500;
const CALLS = 20_000;
const PLENTY = 1e9;
const TOKENS = 1400;

/** Makers of a function that admits one call, and settles it where the library knows how. */
const makers = {
  'keelson: requests and tokens, settled': async (redis) => {
    const { RedisStore } = await import('keelson/redis');
    const store = new RedisStore(redis, { name: 'bench', localShare: 1 });
    const limiter = new Limiter({ requestsPerMinute: PLENTY, tokensPerMinute: PLENTY * 1000, store });
    return async () => {
      const lease = await limiter.admit(new Call(host));
      lease.settle(outcome, facts);
    };
  },
  'rate-limiter-flexible: requests': async (redis) => {
    const requests = new RateLimiterRedis({ storeClient: redis, points: PLENTY, duration: 60 });
    return () => requests.consume('key', 1);
  },
  'rate-limiter-flexible: union of two': async (redis) => {
    const limits = ['requests', 'tokens'].map(
      (keyPrefix) => new RateLimiterRedis({ storeClient: redis, points: PLENTY, duration: 60, keyPrefix }),
    );
    const union = new RateLimiterUnion(...limits);
    return () => union.consume('key', 1);
  },
  'rate-limiter-flexible: requests and tokens, rewarded': async (redis) => {
    const [requests, tokens] = ['calls', 'amounts'].map(
      (keyPrefix) => new RateLimiterRedis({ storeClient: redis, points: PLENTY, duration: 60, keyPrefix }),
    );
    return async () => {
      await Promise.all([requests.consume('key', 1), tokens.consume('key', TOKENS)]);
      await tokens.reward('key', 300);
    };
  },
};

async function perSecond(admit) {
  let left = CALLS;
  const work = async () => {
    while (left-- > 0) await admit();
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: CALLERS }, work));
  return (CALLS * 1000) / (performance.now() - start);
}

await withRedis('Redis', async (port) => {
  const subjects = [];
  for (const [name, make] of Object.entries(makers)) {
    const redis = new Redis(port);
    try {
      subjects.push({ name, redis, admit: await make(redis), results: [] });
    } catch (error) {
      console.log(`${name}: not measured. ${error.message}`);
      redis.disconnect();
    }
  }
  for (let round = 0; round < 6; round++) {
    for (const { admit, results } of subjects) results.push(await perSecond(admit));
  }
  for (const { redis } of subjects) redis.disconnect();
  const medians = subjects.map(({ name, results }) => [name, median(results.slice(1))]);
  table(
    `Admissions over Redis, one connection, ${CALLERS} callers`,
    ['a second'],
    medians.map(([name, value]) => [name, Math.round(value).toLocaleString('en-US')]),
  );
  const [ours, ...theirs] = medians;
  if (ours?.[0].startsWith('keelson')) {
    for (const [name, value] of theirs) console.log(`keelson / ${name}: ${(ours[1] / value).toFixed(2)}`);
  }
  console.log();
});
