import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RateLimitError } from '../../decorators/errors/index';
import { MemoryBalance, type Holding } from '../../decorators/limits/balance';
import { Limiter } from '../../decorators/limits/index';
import { limitsOf } from '../../decorators/limits/rates';
import { installVirtualRuntime, type VirtualRuntime } from '../support/virtual-runtime';
import { Admission, FakeCall } from './fake-call';

let runtime: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  ({ runtime, restore } = installVirtualRuntime());
  runtime.block(7000);
});
afterEach(() => restore());

/** A limiter where a call costs as many tokens as its argument says. */
function open(options: ConstructorParameters<typeof Limiter>[0]) {
  const limiter = new Limiter({ ...options, cost: ({ args }) => args[0] as number });
  const arrive = (tokens: number) => new Admission(limiter, new FakeCall({ args: [tokens] }));
  return { limiter, arrive, snapshot: () => limiter.snapshot()['default'] };
}

const holding = (tokens: number, requests = 1): Holding => ({
  ...{ call: new FakeCall(), requests, tokens },
  ...{ at: 0, admittedAt: 0, drawnRequests: 0, drawnTokens: 0 },
  ...{ tokensLeft: undefined, tokensRunning: 0, heldBy: undefined },
});

describe('the state of a balance', () => {
  it('leaves out what is not limited', () => {
    expect(open({}).snapshot()).toStrictEqual({ concurrency: { inFlight: 0 }, queued: 0, closedForMs: 0 });
  });

  it('says for how long the gate is closed still', () => {
    const { arrive, snapshot } = open({ maxConcurrent: 2 });
    arrive(0).end({ error: new RateLimitError('slow', { statusCode: 429, retryAfterMs: 5000 }) });
    runtime.block(2000);
    expect(snapshot()).toStrictEqual({
      concurrency: { inFlight: 0, limit: 2 },
      queued: 0,
      closedForMs: 3000,
    });
    runtime.block(4000);
    expect(snapshot()?.closedForMs).toBe(0);
  });
});

describe('a report that no call has brought', () => {
  it('does not know of the calls that run', () => {
    const { limiter, arrive, snapshot } = open({ requestsPerMinute: 10, tokensPerMinute: 1000 });
    const [first, second] = [arrive(100), arrive(200)];
    first.end({ facts: { usage: { inputTokens: 0, outputTokens: 100 } } });
    limiter.observe({ requests: { remaining: 5 }, tokens: { remaining: 500 } });
    expect(snapshot()).toMatchObject({ requests: { available: 4 }, tokens: { available: 300 } });
    second.end({ facts: { usage: { inputTokens: 0, outputTokens: 200 } } });
    limiter.observe({ requests: { remaining: 3 }, tokens: { remaining: 250 } });
    expect(snapshot()).toMatchObject({ requests: { available: 3 }, tokens: { available: 250 } });
  });

  it.each([
    ['what is left', { limit: 10, resetMs: 60_000 }, 10],
    ['when it is full again', { limit: 10, remaining: 0 }, 0],
  ])('may not say %s', (_what, requests, available) => {
    const { limiter, snapshot } = open({ requestsPerMinute: 10 });
    limiter.observe({ requests });
    expect(snapshot()?.requests?.available).toBe(available);
  });

  it('is held against what is reserved without rounding, once nothing runs', () => {
    // Numbers so large that one more is lost in them.
    const [huge, one] = [holding(1e16, 1e16), holding(1, 1)];
    const balance = new MemoryBalance(limitsOf({ requestsPerMinute: 1e17, tokensPerMinute: 1e17 }), 0);
    for (const lease of [huge, one]) balance.take(lease, 0);
    for (const lease of [huge, one]) balance.settle(lease, 0, 0, 0);
    balance.observe({ remaining: 40 }, { remaining: 50 }, undefined, 0);
    expect([balance.levelOf('requests', 0), balance.levelOf('tokens', 0)]).toEqual([40, 50]);
  });
});

describe('a balance is as good as new', () => {
  it.each([
    ['requests', { requestsPerMinute: 600, requestsPerDay: 1000 }],
    ['tokens', { tokensPerMinute: 600, tokensPerDay: 1000 }],
  ])('when all of it is there: the %s of the day, too', (_what, numbers) => {
    const balance = new MemoryBalance(limitsOf(numbers), 0);
    expect(balance.isIdle(0)).toBe(true);
    const lease = holding(1);
    balance.take(lease, 0);
    expect(balance.isIdle(0)).toBe(false);
    balance.settle(lease, 1, 1, 0);
    expect([1000, 86_000, 86_400].map((now) => balance.isIdle(now))).toEqual([false, false, true]);
  });

  it('when the gate is open', () => {
    const balance = new MemoryBalance(limitsOf({}), 0);
    balance.close(3000, 0);
    expect([0, 2999, 3000].map((now) => balance.isIdle(now))).toEqual([false, false, true]);
  });

  it('when nothing runs', () => {
    const balance = new MemoryBalance(limitsOf({}), 0);
    const lease = holding(1);
    balance.take(lease, 0);
    expect(balance.isIdle(0)).toBe(false);
    balance.settle(lease, 1, 1, 0);
    expect(balance.isIdle(0)).toBe(true);
  });
});
