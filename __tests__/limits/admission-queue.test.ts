import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RateLimitError } from '../../decorators/errors/index';
import { Limiter } from '../../decorators/limits/index';
import type { Lease } from '../../decorators/limits/lease';
import { Waiters, type Waiter } from '../../decorators/limits/waiter';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';
import { Admission, FakeCall, hostEstimating } from './fake-call';

let runtime: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  ({ runtime, restore } = installVirtualRuntime());
  runtime.block(7000);
});
afterEach(() => restore());

type Options = ConstructorParameters<typeof Limiter>[0];
/** A limiter where a call costs as many tokens as its argument says. */
function open(options: Options) {
  const limiter = new Limiter({ ...options, cost: ({ args }) => args[0] as number });
  const arrive = (tokens = 0, changes: ConstructorParameters<typeof FakeCall>[0] = {}) =>
    new Admission(limiter, new FakeCall({ ...changes, args: [tokens] }));
  return { limiter, arrive };
}
const throttled = (retryAfterMs: number) => new RateLimitError('slow', { statusCode: 429, retryAfterMs });
const messageOf = ({ error }: Admission) => (error as Error | undefined)?.message;

describe('limits that are changed while calls wait', () => {
  it.each<[string, Options, Options, boolean]>([
    [
      'lower',
      { requestsPerMinute: 9, tokensPerMinute: 600 },
      { requestsPerMinute: 8, tokensPerMinute: 300 },
      true,
    ],
    [
      'lower for tokens alone',
      { requestsPerMinute: 9, tokensPerMinute: 600 },
      { requestsPerMinute: 10, tokensPerMinute: 300 },
      true,
    ],
    ['new', { maxConcurrent: 1 }, { tokensPerMinute: 300 }, true],
    ['low, but high enough', { tokensPerMinute: 600 }, { tokensPerMinute: 400 }, false],
  ])(
    'refuse who can never be admitted any more: where they are %s',
    async (_what, options, changes, isRefused) => {
      const { limiter, arrive } = open({ ...options, maxWaitMs: 1e9 });
      arrive(600);
      const waiting = arrive(400);
      limiter.update(changes);
      await settled();
      expect(waiting.call.told).toEqual(isRefused ? ['queued', 'rejected'] : ['queued']);
      expect(waiting.state).toBe(isRefused ? 'refused' : 'waits');
    },
  );

  it('have tokens estimated that were not limited before', () => {
    const limiter = new Limiter({ requestsPerMinute: 10 });
    limiter.update({ tokensPerMinute: 1000 });
    expect(new Admission(limiter, new FakeCall({ self: hostEstimating(100, 200) })).lease?.tokens).toBe(300);
  });
});

describe('events', () => {
  it('have what they are about, and nothing else', async () => {
    const { arrive } = open({
      requestsPerMinute: 1000,
      maxConcurrent: 1,
      tokensPerMinute: 1000,
      maxQueue: 1,
    });
    const first = arrive(10);
    const waiting = arrive(20);
    const [tooMany, tooLarge] = [arrive(30), arrive(1001)];
    await runtime.advance(500);
    first.end({ error: throttled(100) });
    await runtime.advance(100);
    expect(first.call.events).toStrictEqual([
      { type: 'admitted', requests: 1, tokens: 10, waitMs: 0 },
      { type: 'refunded', requests: 0, tokens: 10 },
      { type: 'throttled', waitMs: 100 },
    ]);
    expect(waiting.call.events).toStrictEqual([
      { type: 'queued', requests: 1, tokens: 20, waitMs: 0 },
      { type: 'admitted', requests: 1, tokens: 20, waitMs: 600 },
      { type: 'wait', reason: 'queue', waitMs: 600 },
    ]);
    expect(tooMany.call.events).toStrictEqual([{ type: 'rejected', requests: 1, tokens: 30, waitMs: 0 }]);
    expect(tooLarge.call.events).toStrictEqual([{ type: 'rejected', requests: 1, tokens: 1001 }]);
  });

  it('have the key where there is one', () => {
    const { arrive } = open({ key: () => 'k' });
    expect(arrive().call.events).toStrictEqual([
      { type: 'admitted', key: 'k', requests: 1, tokens: 0, waitMs: 0 },
    ]);
  });

  it('are not made for a call that nobody observes', () => {
    const { limiter } = open({});
    const call = Object.assign(new FakeCall(), { observed: false });
    new Admission(limiter, call).end();
    expect(call.events).toEqual([]);
  });
});

describe('what else has to agree to an admission', () => {
  it('is asked to take its part once, when the call is admitted', async () => {
    const { arrive } = open({ maxConcurrent: 1 });
    let commits = 0;
    const admissionCheck = { test: () => undefined, commit: () => commits++, take: () => undefined };
    const first = arrive(0, { admissionCheck });
    expect(commits).toBe(1);
    const second = arrive(0, { admissionCheck });
    expect([second.state, commits]).toEqual(['waits', 1]);
    first.end();
    await settled();
    expect([second.state, commits]).toEqual(['admitted', 2]);
  });
});

describe('the provider', () => {
  it('that names no time to wait closes no gate', () => {
    const { limiter, arrive } = open({});
    const refused = arrive();
    refused.end({ error: throttled(0) });
    expect(refused.call.told).toEqual(['admitted', 'settled']);
    expect([limiter.snapshot()['default']?.closedForMs, arrive().state]).toEqual([0, 'admitted']);
  });

  it('that leaves out what is left misleads nobody about what it counts a call as', () => {
    const limiter = new Limiter({ tokensPerMinute: 100_000 });
    const left = () => limiter.snapshot()['default']?.tokens?.available;
    const run = (remaining?: number) => {
      const admission = new Admission(limiter, new FakeCall({ self: hostEstimating(100, 200) }));
      const tokens = { limit: 100_000, ...(remaining !== undefined && { remaining }) };
      admission.call.report({ limits: { tokens } });
      const before = left();
      admission.end({ facts: { usage: { inputTokens: 100, outputTokens: 1 } } });
      return before === left();
    };
    run();
    // It counts the whole bound of each call, so that time after time less is left than was believed.
    const keeps = Array.from({ length: 12 }, (_, i) => run(99_000 - 300 * i));
    expect([keeps[0], keeps.at(-1)]).toEqual([false, true]);
  });
});

describe('who waits', () => {
  it('may wait for a gate that opens at the last moment', async () => {
    const { arrive } = open({ maxWaitMs: 5000, maxConcurrent: 2 });
    arrive().end({ error: throttled(5000) });
    const waiting = arrive();
    await runtime.advance(5000);
    expect(waiting.state).toBe('admitted');
  });

  it('is told how long he has waited when his time is up', async () => {
    const { limiter, arrive } = open({ requestsPerMinute: 60, requestBurst: 1, maxWaitMs: 1500 });
    arrive();
    const waiting = arrive();
    limiter.observe({ requests: { remaining: 0, resetMs: 2000 } });
    await runtime.advance(1500);
    expect(messageOf(waiting)).toContain('it has waited for 1500 ms and would be admitted in 500 ms');
  });

  it.each([
    [2000, 'but its deadline is in 2000 ms.'],
    [2500, 'but may wait for 2500 ms (maxWaitMs) at most.'],
    [4000, 'but may wait for 2500 ms (maxWaitMs) at most.'],
  ])('is refused by the nearer of two bounds: with a deadline in %d ms, %s', (leftMs, why) => {
    const { arrive } = open({ requestsPerMinute: 1, maxWaitMs: 2500 });
    arrive();
    const refused = arrive(0, { deadline: runtime.now() + leftMs });
    expect(messageOf(refused)).toContain(`it would be admitted in 60000 ms, ${why}`);
  });

  it.each([
    ['requests', { requestsPerMinute: 60, requestBurst: 1 }, { tokens: 0 }, 3000],
    ['tokens', { tokensPerMinute: 600 }, { requests: 0, tokens: 50 }, 45_000],
  ])('makes others wait as long as he waits: by %s', async (_what, options, cost, expectedMs) => {
    const { limiter, arrive } = open(options);
    arrive(600);
    const [, leaving] = [arrive(100), arrive(200), arrive(300)];
    leaving?.call.abort('left');
    expect(limiter.expectedWaitMs(cost)).toBe(expectedMs);
  });

  it('makes nobody wait once he has left, by rounding neither', () => {
    const waiters = new Waiters();
    const all = [0.1, 0.2].map(
      (amount) => ({ lease: { requests: amount, tokens: amount } as Lease }) as Waiter,
    );
    for (const waiter of all) waiters.push(waiter);
    for (const waiter of all) waiters.remove(waiter);
    expect([waiters.size, waiters.requests, waiters.tokens]).toEqual([0, 0, 0]);
  });
});
