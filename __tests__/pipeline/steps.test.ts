import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  CircuitBreaker,
  definePolicy,
  Limiter,
  onPolicyEvent,
  RateLimited,
  RetryWithBackoff,
  snapshotOf,
  type PolicyEvent,
} from '../../decorators/index.js';
import { currentTime, replaceRuntime } from '../../decorators/pipeline/runtime.js';
import { collect } from '../support/policies.js';
import { installVirtualRuntime, type VirtualRuntime } from '../support/virtual-runtime.js';

let time: VirtualRuntime;
let restore: () => void;
beforeEach(() => void ({ runtime: time, restore } = installVirtualRuntime()));
afterEach(() => restore());

/** Tells the time that a policy sees, after it has blocked for `ms`. */
const seen: number[] = [];
const Blocking = definePolicy<{ ms: number }>({
  kind: 'Blocking',
  place: { outside: 'RetryWithBackoff' },
  create: () => ({
    run: (_call, next, { ms }) => {
      time.block(ms);
      seen.push(currentTime());
      return next();
    },
  }),
});
const Inner = definePolicy<object>({
  kind: 'Inner',
  place: { inside: 'RetryWithBackoff' },
  create: () => ({ run: (_call, next) => (seen.push(currentTime()), next()) }),
});
beforeEach(() => void (seen.length = 0));

describe('the time of a call', () => {
  it('stands still while policies decide, and goes on in the method', async () => {
    const inMethod: number[] = [];
    class Service {
      @Blocking({ ms: 5 })
      @RetryWithBackoff()
      @Inner({})
      async ask() {
        inMethod.push(currentTime());
        time.block(7);
        inMethod.push(currentTime());
      }
    }
    await time.advance(10);
    await new Service().ask();
    expect(seen).toEqual([10, 10]);
    expect(inMethod).toEqual([15, 22]);
    expect(currentTime()).toBe(22);
  });

  it('is that of the clock again after a method that throws, and before a stream is read', async () => {
    class Service {
      @RetryWithBackoff()
      ask(): Promise<string> {
        throw new Error('at once');
      }

      @Blocking({ ms: 5 })
      @Inner({})
      async *tell() {
        seen.push(currentTime());
        yield 1;
      }
    }
    await new Service().ask().catch(() => undefined);
    time.block(3);
    expect(currentTime()).toBe(3);
    expect(await collect(new Service().tell())).toEqual([1]);
    expect(seen).toEqual([3, 3, 8]);
    time.block(1);
    expect(currentTime()).toBe(9);
  });

  it('looks at the clock twice for a call with three policies, at its beginning and at its end', async () => {
    let looks = 0;
    const putBack = replaceRuntime(
      new Proxy(time, {
        get: (target, name) => {
          if (name === 'now') looks++;
          const value: unknown = Reflect.get(target, name);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
    );
    class Service {
      @RetryWithBackoff()
      @CircuitBreaker()
      @RateLimited({ requestsPerMinute: 60, maxConcurrent: 4 })
      async ask() {}
    }
    const service = new Service();
    await service.ask();
    looks = 0;
    await service.ask();
    // And once as the method begins, which ends the step.
    expect(looks).toBeLessThanOrEqual(3);
    putBack();
  });

  it('does not go back when a function of the user calls another method that takes its time', async () => {
    const limiter = new Limiter({
      requestsPerMinute: 600,
      requestBurst: 10,
      key: ({ label, self }) => {
        if (label === 'ask') void (self as Service).count().then(() => (self as Service).look());
        return 'all';
      },
    });
    class Service {
      @RateLimited(limiter)
      async ask() {}
      @RateLimited({ maxConcurrent: 5 })
      async count() {
        time.block(100);
      }
      @RateLimited(limiter)
      async look() {}
    }
    const service = new Service();
    const at: number[] = [];
    onPolicyEvent(service, (event: PolicyEvent) => at.push(event.at));
    for (let i = 0; i < 5; i++) await service.ask();
    expect(at).toEqual([...at].sort((a, b) => a - b));
    // Ten calls have taken ten, and the 400 ms after the first have given back four.
    expect(limiter.snapshot()['all']?.requests?.available).toBe(4);
  });

  it('does not hold against the provider what an estimate of the user takes', async () => {
    class Service {
      @CircuitBreaker({ minimumCalls: 1, slowCallMs: 200 })
      @RateLimited({
        tokensPerMinute: 60_000,
        cost: () => {
          time.block(300);
          return 1;
        },
      })
      async ask() {}
    }
    const service = new Service();
    await service.ask();
    const [breaker] = snapshotOf(service, 'ask');
    expect(breaker).toMatchObject({ snapshot: { ask: { state: 'closed', calls: 1, slow: 0 } } });
  });

  it('makes the first attempt of a stream one that has not waited', async () => {
    class Service {
      @RetryWithBackoff()
      @Blocking({ ms: 5 })
      async *tell() {
        yield 1;
        throw new Error('broken');
      }
    }
    const service = new Service();
    const waits: number[] = [];
    onPolicyEvent(service, (event) => {
      if (event.type === 'failure') waits.push(...event.attempts.map(({ waitMs }) => waitMs));
    });
    await collect(service.tell()).catch(() => undefined);
    expect(waits).toEqual([0]);
  });
});
