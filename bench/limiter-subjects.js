// What is measured of each limiter: one admission, and what has to be done when the call ends.
import Bottleneck from 'bottleneck';
import { Limiter } from 'keelson/decorators';
import { RateLimiter } from 'limiter';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { Call, facts, host, outcome } from './fake-call.js';

const PLENTY = 1e12;

/** Keelson's: admitted at once, the lease comes without a promise. */
function keelson(limits) {
  const limiter = new Limiter(limits);
  return () => limiter.admit(new Call(host)).settle(outcome, facts);
}

const ratePerMinute = (perMinute) => ({ tokensPerInterval: perMinute, interval: 'minute' });

/** Functions that do one uncontended operation; those that give promises are awaited. */
export const uncontended = {
  'keelson: requests and tokens, settled': {
    run: keelson({ requestsPerMinute: PLENTY, tokensPerMinute: PLENTY * 1000 }),
  },
  'keelson: requests': { run: keelson({ requestsPerMinute: PLENTY }) },
  'limiter: tryRemoveTokens': {
    run: (() => {
      const limiter = new RateLimiter(ratePerMinute(PLENTY));
      return () => limiter.tryRemoveTokens(1);
    })(),
  },
  'limiter: removeTokens': {
    isAsync: true,
    run: (() => {
      const limiter = new RateLimiter(ratePerMinute(PLENTY));
      return () => limiter.removeTokens(1);
    })(),
  },
  'bottleneck: schedule, 1,000 at once': {
    isTimed: true,
    run: (() => {
      const limiter = new Bottleneck({ reservoir: PLENTY, maxConcurrent: 1000 });
      const job = () => Promise.resolve();
      return () => limiter.schedule(job);
    })(),
  },
  'rate-limiter-flexible: consume': {
    isAsync: true,
    run: (() => {
      const limiter = new RateLimiterMemory({ points: PLENTY, duration: 60 });
      return () => limiter.consume('key', 1);
    })(),
  },
  'rate-limiter-flexible: consume twice, reward': {
    isAsync: true,
    run: (() => {
      const requests = new RateLimiterMemory({ points: PLENTY, duration: 60, keyPrefix: 'requests' });
      const tokens = new RateLimiterMemory({ points: PLENTY * 1000, duration: 60, keyPrefix: 'tokens' });
      return async () => {
        await Promise.all([requests.consume('key', 1), tokens.consume('key', 1400)]);
        await tokens.reward('key', 300);
      };
    })(),
  },
};

/** One a millisecond, so that each waiter is woken by a timer of its own. */
const PER_MINUTE = 60_000;

/**
 * `makeQueue()` gives `join(done)`, which lets one more wait and calls `done` when it has had its turn; the first has it
 * at once. With more than `most` waiters it takes minutes.
 */
export const queues = {
  'floor: a promise and a timer': {
    makeQueue: () => {
      let waiting = 0;
      return (done) => void new Promise((resolve) => setTimeout(resolve, waiting++)).then(done);
    },
  },
  keelson: {
    makeQueue: () => {
      const limiter = new Limiter({ requestsPerMinute: PER_MINUTE, requestBurst: 1, maxWaitMs: 1e9 });
      return (done) => {
        const finish = (lease) => {
          lease.settle(outcome, facts);
          done();
        };
        const lease = limiter.admit(new Call(host));
        if (lease instanceof Promise) lease.then(finish);
        else finish(lease);
      };
    },
  },
  limiter: {
    makeQueue: () => {
      // Its bucket holds an interval's worth: an interval of one token is the nearest.
      const limiter = new RateLimiter({ tokensPerInterval: 1, interval: 1 });
      return (done) => void limiter.removeTokens(1).then(done);
    },
  },
  bottleneck: {
    most: 10_000,
    makeQueue: () => {
      const limiter = new Bottleneck({ minTime: 1, maxConcurrent: 1 });
      return (done) => void limiter.schedule(() => Promise.resolve()).then(done);
    },
  },
};
