import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  InternalServerError,
  RateLimitError,
  type RateLimitInfo,
  type RateLimitWindow,
} from '../../decorators/errors/index';
import { Limiter, type LimiterOptions } from '../../decorators/limits/index';
import { Learner } from '../../decorators/limits/learner';
import { ReportedWindow } from '../../decorators/limits/reported-window';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';
import { Admission, FakeCall, hostEstimating } from './fake-call';

let runtime: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  ({ runtime, restore } = installVirtualRuntime());
});
afterEach(() => restore());

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('the window of a reported limit', () => {
  /** What is known after each of these reports. */
  const read = (...reports: RateLimitWindow[]): (number | undefined)[] => {
    const window = new ReportedWindow();
    return reports.map((report) => window.read(report));
  };
  const of = (limit: number, remaining: number, resetMs: number): RateLimitWindow => ({
    limit,
    remaining,
    resetMs,
  });

  it.each<[string, RateLimitWindow[], (number | undefined)[]]>([
    ['OpenAI’s requests: a minute', [of(10_000, 9999, 6)], [MINUTE]],
    ['OpenAI’s tokens: a minute', [of(2_000_000, 1_999_500, 15)], [MINUTE]],
    ['OpenAI’s small tiers, in whole seconds', [of(60, 59, 1000)], [MINUTE]],
    [
      'Groq’s requests: a day, once two reports agree',
      [of(14_400, 14_399, 6000), of(14_400, 14_390, 60_000)],
      [undefined, DAY],
    ],
    ['Groq’s tokens: a minute', [of(6000, 5500, 5000)], [MINUTE]],
    ['Azure’s tokens: a minute, though rounded up to a second', [of(1_000_000, 999_900, 1000)], [MINUTE]],
    ['Anthropic’s, steadily, in whole seconds', [of(50, 49, 2000), of(50, 40, 12_000)], [MINUTE, MINUTE]],
    ['a fixed minute', [of(60, 59, 43_000)], [MINUTE]],
    [
      'a fixed minute that looks like an hour at first',
      [of(60, 59, 55_000), of(60, 58, 54_000)],
      [undefined, MINUTE],
    ],
    ['a fixed day', [of(1000, 990, 10 * HOUR)], [DAY]],
    ['an hour, steadily', [of(3600, 3500, 100_000), of(3600, 3400, 200_000)], [undefined, HOUR]],
    ['one that turns out longer', [of(1000, 300, 40_000), of(1000, 999, DAY - 1000)], [MINUTE, DAY]],
    ['nothing, of a bucket that is full', [of(60, 60, 0)], [undefined]],
    ['nothing, without a reset', [{ limit: 60, remaining: 3 }], [undefined]],
    ['what the name says', [{ limit: 60, remaining: 3, windowMs: DAY }], [DAY]],
  ])('is found of %s', (_, reports, known) => {
    expect(read(...reports)).toEqual(known);
  });

  it('is found whatever the numbers are, of two reports of a bucket that refills steadily', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(MINUTE, HOUR, DAY),
        fc.integer({ min: 100, max: 1_000_000 }),
        fc.tuple(
          fc.double({ min: 0.1, max: 0.45, noNaN: true }),
          fc.double({ min: 0.55, max: 1, noNaN: true }),
        ),
        (windowMs, limit, shares) => {
          const window = new ReportedWindow();
          const known = shares.map((share) => {
            const used = Math.round(limit * share);
            return window.read(of(limit, limit - used, (used / limit) * windowMs));
          });
          expect(known.at(-1)).toBe(windowMs);
        },
      ),
    );
  });

  it('is never shorter than the time until it resets', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ used: fc.integer({ min: 1, max: 1000 }), resetMs: fc.integer({ min: 1, max: DAY }) }),
        ),
        (reports) => {
          const window = new ReportedWindow();
          let longest = 0;
          for (const { used, resetMs } of reports) {
            longest = Math.max(longest, resetMs);
            const known = window.read(of(1000, 1000 - used, resetMs));
            if (known !== undefined) expect(known).toBeGreaterThanOrEqual(longest - 1000);
          }
        },
      ),
    );
  });
});

function learning(options: LimiterOptions = {}) {
  const limiter = new Limiter({ learn: true, maxWaitMs: 1e7, ...options });
  const admit = (): Admission => new Admission(limiter, new FakeCall({ self: hostEstimating(100, 100) }));
  const snapshot = () => limiter.snapshot()['default'];
  return { limiter, admit, snapshot };
}

const requests = (limit: number, remaining: number, resetMs: number): RateLimitInfo => ({
  requests: { limit, remaining, resetMs },
});
const tooMany = (): RateLimitError => new RateLimitError('slow down', { statusCode: 429 });

describe('a limiter that learns from headers', () => {
  it('begins with few calls, and one more for every success', async () => {
    const { admit } = learning();
    const all = Array.from({ length: 15 }, admit);
    const admitted = (): number => all.filter(({ state }) => state === 'admitted').length;
    expect(admitted()).toBe(10);
    all[0]?.end();
    await settled();
    expect(admitted()).toBe(12);
    all[1]?.end({ error: new InternalServerError('down', 500) });
    await settled();
    expect(admitted()).toBe(13);
  });

  it('takes over the limits of the first answer, and keeps to them', async () => {
    const { admit, snapshot } = learning();
    const all = Array.from({ length: 70 }, admit);
    all[0]?.call.report({ limits: requests(60, 59, 1000) });
    await settled();
    expect(snapshot()?.requests).toEqual({ available: 0, limit: 60, burst: 60 });
    expect(snapshot()?.concurrency.limit).toBeUndefined();
    expect(all.filter(({ state }) => state === 'admitted')).toHaveLength(60);
    await runtime.advance(5000);
    expect(all.filter(({ state }) => state === 'admitted')).toHaveLength(65);
  });

  it('counts tokens from the first call on, also before it knows how many there are', () => {
    const { admit, snapshot } = learning();
    const [first] = [admit(), admit(), admit()];
    first?.call.report({ limits: { tokens: { limit: 6000, remaining: 5800, resetMs: 2000 } } });
    expect(snapshot()?.tokens).toEqual({ available: 5400, limit: 6000, burst: 6000 });
  });

  it('does not take a day’s requests for a minute’s', () => {
    const { admit, snapshot } = learning();
    const [first, second] = [admit(), admit()];
    first?.end({ facts: { limits: requests(14_400, 14_399, 6000) } });
    expect(snapshot()?.requests).toBeUndefined();
    second?.end({ facts: { limits: requests(14_400, 14_398, 12_000) } });
    expect(snapshot()?.requests).toBeUndefined();
    expect(snapshot()).toMatchObject({ dailyRequests: { limit: 14_400 }, concurrency: { inFlight: 0 } });
    expect(snapshot()?.concurrency.limit).toBeUndefined();
    admit().end({ error: tooMany() });
    expect(snapshot()?.requests).toBeUndefined();
  });

  it('holds what is left of a day against the day, once it knows that it is one', () => {
    const { admit, snapshot } = learning({ requestsPerMinute: 20 });
    admit().end({ facts: { limits: requests(14_400, 14_399, 6000) } });
    admit().end({ facts: { limits: requests(14_400, 14_398, 12_000) } });
    admit().end({ facts: { limits: requests(14_400, 2, 86_000_000) } });
    expect(snapshot()).toMatchObject({ requests: { available: 17 }, dailyRequests: { available: 2 } });
  });

  it('takes all of an hour’s limit for what can be there at once', () => {
    const { admit, snapshot } = learning();
    admit().end({ facts: { limits: { requests: { limit: 3600, remaining: 3599, windowMs: HOUR } } } });
    expect(snapshot()?.requests).toMatchObject({ limit: 60, burst: 3600 });
  });

  it.each([
    ['no limit', { remaining: 5, windowMs: MINUTE }],
    ['a limit of nothing', { limit: 0, remaining: 0, windowMs: MINUTE }],
    ['no window that could be told', { limit: 14_400, remaining: 14_399, resetMs: 6000 }],
  ])('learns nothing from a report with %s', (_what, report) => {
    const { admit, snapshot } = learning();
    admit().end({ facts: { limits: { requests: report, tokens: report } } });
    expect(snapshot()).toEqual({ concurrency: { inFlight: 0, limit: 11 }, queued: 0, closedForMs: 0 });
  });

  it('follows a limit that changes', () => {
    const { admit, snapshot } = learning();
    admit().end({ facts: { limits: requests(60, 59, 1000) } });
    admit().end({ facts: { limits: requests(120, 118, 1000) } });
    expect(snapshot()?.requests?.limit).toBe(120);
  });

  it('never exceeds the numbers that it was given', () => {
    const { admit, snapshot, limiter } = learning({ requestsPerMinute: 20, maxConcurrent: 3 });
    expect(snapshot()?.concurrency.limit).toBe(3);
    admit().end({ facts: { limits: requests(60, 59, 1000) } });
    expect(snapshot()?.requests?.limit).toBe(20);
    limiter.update({ requestsPerMinute: 90 });
    expect(snapshot()?.requests?.limit).toBe(60);
  });

  it('never exceeds them by a burst either, where the provider speaks of an hour', () => {
    const { admit, snapshot } = learning({ requestsPerMinute: 10, tokensPerMinute: 1000 });
    const hour = { limit: 360_000, remaining: 359_999, resetMs: 1000, windowMs: HOUR };
    admit().end({ facts: { limits: { requests: hour, tokens: hour } } });
    expect(snapshot()).toMatchObject({
      requests: { limit: 10, burst: 10 },
      tokens: { limit: 1000, burst: 1000 },
    });
    expect(snapshot()?.concurrency.limit).toBeUndefined();
  });

  it('goes on feeling out the rate of requests where only tokens are told of', () => {
    const { admit, snapshot } = learning();
    const tokens = { limit: 500_000, remaining: 499_000, windowMs: MINUTE };
    admit().end({ facts: { limits: { tokens } } });
    expect(snapshot()?.concurrency.limit).toBe(11);
    admit().end({ error: tooMany(), facts: { limits: { tokens } } });
    expect(snapshot()).toMatchObject({ tokens: { limit: 500_000 }, requests: { limit: expect.any(Number) } });
    admit().end({ facts: { limits: { tokens: { ...tokens, limit: 400_000 } } } });
    expect(snapshot()).toMatchObject({ tokens: { limit: 400_000 }, requests: { limit: expect.any(Number) } });
  });

  it('keeps what it has learned apart by key', () => {
    const limiter = new Limiter({ learn: true, key: (call) => call.args[0] as string });
    const admit = (key: string) => new Admission(limiter, new FakeCall({ args: [key] }));
    admit('a').end({ facts: { limits: requests(60, 59, 1000) } });
    admit('b').end();
    expect(limiter.snapshot()).toMatchObject({ a: { requests: { limit: 60 } } });
    expect(limiter.snapshot()['b']?.requests).toBeUndefined();
  });
});

describe('what is learned', () => {
  it('is told when it is news, and only then', () => {
    const told: unknown[] = [];
    const learner = new Learner({}, (limits) => told.push(limits.maxConcurrent ?? limits.rates[0]?.limit));
    const reads = [60, 60, 120].map((limit) => learner.read(requests(limit, limit - 1, 60_000 / limit)));
    learner.succeeded();
    learner.throttled(0);
    expect([reads, told]).toEqual([
      [true, false, true],
      [60, 120],
    ]);
    const other = new Learner({}, ({ maxConcurrent }) => told.push(maxConcurrent));
    expect(other.read({})).toBe(false);
    other.succeeded();
    expect(told).toEqual([60, 120, 11]);
  });

  it('is kept of a key that is idle, when others are forgotten', async () => {
    const limiter = new Limiter({ learn: true, key: (call) => call.args[0] as string });
    const admit = (key: string) => new Admission(limiter, new FakeCall({ args: [key] }));
    admit('told').end({ facts: { limits: requests(60, 59, 1000) } });
    admit('refused').end({ error: tooMany() });
    await runtime.advance(MINUTE);
    for (let i = 0; i < 99; i++) admit(`user ${i}`).end();
    expect(Object.keys(limiter.snapshot())).toEqual(['told', 'refused', 'user 98']);
  });
});

describe('a limiter that learns from refusals', () => {
  /** The rate after a refusal, where `successes` of `[count, everyMs]` came before it. */
  const feltAfter = async (...successes: [count: number, everyMs: number][]) => {
    const { admit, snapshot } = learning();
    for (const [count, everyMs] of successes) {
      for (let i = 0; i < count; i++) {
        admit().end();
        await runtime.advance(everyMs);
      }
    }
    admit().end({ error: tooMany() });
    return snapshot()?.requests?.limit;
  };

  it.each<[string, [number, number][], number]>([
    ['60 a minute, of which nothing is known', [], 60],
    ['what was let through', [[60, 1000]], 60],
    ['what was let through, in a second at least', [[10, 10]], 600],
    [
      'what was let through since the latest pause',
      [
        [50, 100],
        [1, 10_001],
        [10, 1000],
      ],
      60,
    ],
    [
      'all of it where there was no longer pause than ten seconds',
      [
        [5, 1000],
        [1, 10_000],
        [15, 1000],
      ],
      42,
    ],
    [
      'what was let through before the pause that goes on',
      [
        [1, 20_000],
        [40, 1000],
        [1, 20_000],
      ],
      (41 * 60) / 40,
    ],
    [
      'what was let through of late: of more than a minute, the older half counts half',
      [
        [600, 100],
        [20, 1000],
      ],
      // The first 61 seconds count for 30.5, with half of their 601 calls.
      ((300.5 + 19) * 60) / (30.5 + 19),
    ],
  ])('lowers the rate to 70 %% of %s', async (_what, successes, perMinute) => {
    expect(await feltAfter(...successes)).toBeCloseTo(perMinute * 0.7, 0);
  });

  it('gives up no more than that for a time in which little was asked for', async () => {
    const { admit, snapshot } = learning();
    admit().end({ error: tooMany() });
    await runtime.advance(90_000);
    admit().end();
    const felt = snapshot()?.requests?.limit ?? 0;
    expect(felt).toBeCloseTo(96, 0);
    await runtime.advance(120_000);
    admit().end({ error: tooMany() });
    expect(snapshot()?.requests?.limit).toBeCloseTo(felt * 0.7 * 0.7, 5);
  });

  it('lowers the rate once for calls that were refused together, and raises it steadily afterwards', async () => {
    const { admit, snapshot } = learning();
    for (let i = 0; i < 100; i++) {
      admit().end();
      await runtime.advance(100);
    }
    const [first, second] = [admit(), admit()];
    first?.end({ error: tooMany() });
    // 100 successes in 10 seconds.
    expect(snapshot()?.requests?.limit).toBeCloseTo(600 * 0.7, 0);
    second?.end({ error: tooMany() });
    expect(snapshot()?.requests?.limit).toBeCloseTo(600 * 0.7, 0);
    await runtime.advance(30_000);
    admit().end();
    expect(snapshot()?.requests?.limit).toBeCloseTo(600, 0);
    await runtime.advance(30_000);
    admit().end();
    expect(snapshot()?.requests?.limit).toBeCloseTo(780, 0);
  });

  it('does not take a time without calls for a low rate', async () => {
    const { admit, snapshot } = learning();
    for (let i = 0; i < 60; i++) {
      admit().end();
      await runtime.advance(1000);
    }
    await runtime.advance(8 * HOUR);
    admit().end({ error: tooMany() });
    expect(snapshot()?.requests?.limit).toBeGreaterThan(35);
    await runtime.advance(8 * HOUR);
    admit().end({ error: tooMany() });
    expect(snapshot()?.requests?.limit).toBeGreaterThan(15);
  });

  it('never lowers it to nothing', async () => {
    const { admit, snapshot } = learning();
    for (let i = 0; i < 50; i++) {
      const call = admit();
      await runtime.advance(120_000);
      call.end({ error: tooMany() });
    }
    expect(snapshot()?.requests?.limit).toBe(1);
  });

  it('believes headers more, once there are some', async () => {
    const { admit, snapshot } = learning();
    admit().end({ error: tooMany() });
    await runtime.advance(100_000);
    admit().end({ facts: { limits: requests(60, 59, 1000) } });
    expect(snapshot()?.requests?.limit).toBe(60);
    admit().end({ error: tooMany() });
    expect(snapshot()?.requests?.limit).toBe(60);
  });

  it('comes near the rate of a provider that tells nothing but no', async () => {
    const { admit } = learning();
    // The provider lets 120 a minute through, in a bucket of 5.
    let [level, at, accepted, refused] = [5, 0, 0, 0];
    const serve = (): boolean => {
      level = Math.min(5, level + ((runtime.now() - at) * 120) / MINUTE);
      at = runtime.now();
      if (level < 1) return false;
      level -= 1;
      return true;
    };
    const worker = async (): Promise<void> => {
      while (runtime.now() < 20 * MINUTE) {
        const admission = admit();
        while (admission.state === 'waits') await new Promise((resolve) => setImmediate(resolve));
        const ok = serve();
        if (ok) accepted++;
        else refused++;
        await new Promise<void>((resolve) => runtime.setTimer(resolve, 500));
        admission.end(ok ? {} : { error: tooMany() });
      }
    };
    const workers = [1, 2, 3, 4, 5].map(worker);
    await runtime.advance(21 * MINUTE);
    await Promise.all(workers);
    expect(accepted).toBeGreaterThan(20 * 120 * 0.75);
    expect(refused / accepted).toBeLessThan(0.08);
  });
});
