// @ts-nocheck
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { LLMError } from '../../decorators/errors/index';
import {
  AbortError,
  APIError,
  BadRequestError,
  InternalServerError,
  QueueFullError,
  RateLimitError,
  StreamError,
} from '../../decorators/errors/index';
import { Limiter, type Lease, type LimiterOptions, type LimiterStore } from '../../decorators/limits/index';
import type { CallFacts } from '../../decorators/pipeline/call';
import { Admission, FakeCall, hostEstimating } from './fake-call';

/** Where limiters are tried: a store, or none, and the time that passes there. */
export interface Setting {
  /** The store as another process would see it, at each call. Undefined: the limiter keeps its own balance. */
  store(): LimiterStore | undefined;
  readonly now: () => number;
  /** Lets time pass, and everything that waits for it go on. */
  advance(ms: number): Promise<void>;
  /** Lets everything go on that waits for no time. */
  settled(): Promise<void>;
  readonly pendingTimers: number;
  close(): Promise<void>;
}

/** What a limiter must do, wherever its balances are kept. `runs` is how many courses of events the model test tries. */
export function limiterConformance(open: () => Promise<Setting>, runs: number): void {
  let setting: Setting;
  beforeEach(async () => {
    setting = await open();
  });
  afterEach(() => setting.close());

  const limiterOf = (options: LimiterOptions): Limiter => new Limiter({ ...options, store: setting.store() });
  const arrive = async (limiter: Limiter, call?: FakeCall): Promise<Admission> => {
    const admission = new Admission(limiter, call);
    await setting.settled();
    return admission;
  };
  const costing = (tokens: number): FakeCall => new FakeCall({ args: [tokens] });
  const byArgument = { cost: (call: { args: readonly unknown[] }) => call.args[0] as number };
  const left = async (limiter: Limiter): Promise<(number | undefined)[]> => {
    await setting.settled();
    const { requests, tokens, concurrency } = limiter.snapshot()['default'] ?? {};
    return [requests?.available, tokens?.available, concurrency?.inFlight].map(
      (value) => value && Math.round(value * 100) / 100,
    );
  };
  const states = (all: readonly Admission[]): string[] => all.map(({ state }) => state);

  describe('taking', () => {
    it('takes all dimensions together, or nothing', async () => {
      const limiter = limiterOf({
        requestsPerMinute: 10,
        tokensPerMinute: 1000,
        maxConcurrent: 1,
        ...byArgument,
      });
      const first = await arrive(limiter, costing(100));
      const second = await arrive(limiter, costing(100));
      expect(states([first, second])).toEqual(['admitted', 'waits']);
      expect(await left(limiter)).toEqual([9, 900, 1]);
      first.end({ facts: { usage: { inputTokens: 0, outputTokens: 100 } } });
      expect(await left(limiter)).toEqual([8, 800, 1]);
      expect(second.state).toBe('admitted');
      second.end();
    });

    it('serves in order of arrival: a heavy call is not starved by light ones', async () => {
      const limiter = limiterOf({ tokensPerMinute: 600, ...byArgument });
      await arrive(limiter, costing(500));
      const heavy = await arrive(limiter, costing(400));
      const light = [await arrive(limiter, costing(1)), await arrive(limiter, costing(1))];
      await setting.advance(29_000);
      expect(states([heavy, ...light])).toEqual(['waits', 'waits', 'waits']);
      await setting.advance(2000);
      expect(states([heavy, ...light])).toEqual(['admitted', 'admitted', 'admitted']);
      expect(setting.pendingTimers).toBe(0);
    });

    it('refuses at once what can never fit, and lets everybody else past', async () => {
      const limiter = limiterOf({ tokensPerMinute: 600, requestsPerMinute: 2, ...byArgument });
      await arrive(limiter, costing(600));
      const waiting = await arrive(limiter, costing(100));
      const never = await arrive(limiter, costing(601));
      expect(never.error).toMatchObject({ code: 'rate_limit_client' });
      expect(never.error).not.toHaveProperty('retryAfterMs');
      await setting.advance(30_000);
      expect(waiting.state).toBe('admitted');
    });

    it('limits days beside minutes', async () => {
      const limiter = limiterOf({ tokensPerMinute: 100_000, tokensPerDay: 86_400, ...byArgument });
      const all = [await arrive(limiter, costing(86_000)), await arrive(limiter, costing(410))];
      expect(states(all)).toEqual(['admitted', 'waits']);
      await setting.advance(9900);
      expect(states(all)).toEqual(['admitted', 'waits']);
      await setting.advance(1200);
      expect(states(all)).toEqual(['admitted', 'admitted']);
      const requests = limiterOf({ requestsPerMinute: 10, requestsPerDay: 1 });
      expect(states([await arrive(requests), await arrive(requests)])).toEqual(['admitted', 'refused']);
    });

    it('keeps keys apart', async () => {
      const limiter = limiterOf({ requestsPerMinute: 1, key: (call) => call.args[0] as string });
      const of = (key: string) => arrive(limiter, new FakeCall({ args: [key] }));
      expect(states([await of('a'), await of('b'), await of('a')])).toEqual([
        'admitted',
        'admitted',
        'waits',
      ]);
      expect(Object.keys(limiter.snapshot())).toEqual(['a', 'b']);
      await setting.advance(60_000);
    });
  });

  describe('waiting', () => {
    it('ends by an abort, which takes nothing and lets the next ones go on', async () => {
      const limiter = limiterOf({ tokensPerMinute: 600, ...byArgument });
      await arrive(limiter, costing(400));
      const heavy = await arrive(limiter, costing(500));
      const light = await arrive(limiter, costing(100));
      heavy.call.abort('enough');
      await setting.settled();
      expect(heavy.error).toMatchObject({ name: 'AbortError', cause: 'enough' });
      await setting.advance(1000);
      expect(light.state).toBe('admitted');
      expect(heavy.call.abortListeners + light.call.abortListeners).toBe(0);
      expect(setting.pendingTimers).toBe(0);
    });

    it('is refused at once where it is known to be too long, with the time after which to come back', async () => {
      const limiter = limiterOf({ requestsPerMinute: 1, maxWaitMs: 10_000 });
      await arrive(limiter);
      const refused = await arrive(limiter);
      expect(refused.error).toMatchObject({ name: 'RateLimitError', origin: 'client' });
      expect((refused.error as RateLimitError).retryAfterMs).toBeGreaterThan(59_000);
      expect((refused.error as RateLimitError).retryAfterMs).toBeLessThanOrEqual(60_000);
      expect(setting.pendingTimers).toBe(0);
    });

    it('ends after maxWaitMs where only a running call could have helped', async () => {
      const limiter = limiterOf({ maxConcurrent: 1, maxWaitMs: 5000 });
      const running = await arrive(limiter);
      const waiting = await arrive(limiter);
      await setting.advance(4990);
      expect(waiting.state).toBe('waits');
      await setting.advance(10);
      expect(waiting.error).toMatchObject({ name: 'RateLimitError', origin: 'client' });
      running.end();
      await setting.settled();
      expect(setting.pendingTimers).toBe(0);
    });

    it('is told beforehand', async () => {
      const limiter = limiterOf({ requestsPerMinute: 60, tokensPerMinute: 6000, ...byArgument });
      expect(limiter.expectedWaitMs({ tokens: 6000 })).toBe(0);
      await arrive(limiter, costing(6000));
      await arrive(limiter, costing(600));
      expect(limiter.expectedWaitMs({ tokens: 1200 })).toBeGreaterThan(17_000);
      expect(limiter.expectedWaitMs({ tokens: 1200 })).toBeLessThanOrEqual(18_000);
      await setting.advance(10_000);
    });

    it('is no matter for those who come together and all fit, whatever the bounds', async () => {
      for (const bounds of [{ maxWaitMs: 0 }, { maxQueue: 3 }]) {
        const limiter = limiterOf({ requestsPerMinute: 10, key: () => JSON.stringify(bounds), ...bounds });
        const all = Array.from({ length: 10 }, () => new Admission(limiter));
        await setting.settled();
        expect(states(all).filter((state) => state !== 'admitted')).toEqual([]);
      }
      const limiter = limiterOf({ requestsPerMinute: 4, maxQueue: 3, key: () => 'many' });
      const all = Array.from({ length: 10 }, () => new Admission(limiter));
      await setting.settled();
      expect(states(all)).toEqual([
        ...['admitted', 'admitted', 'admitted', 'admitted'],
        ...['waits', 'waits', 'waits'],
        ...['refused', 'refused', 'refused'],
      ]);
      expect(all[9]?.error).toMatchObject({ name: 'QueueFullError' });
      await setting.advance(60_000);
    });

    it('is bounded in number', async () => {
      const limiter = limiterOf({ maxConcurrent: 1, maxQueue: 1 });
      const running = await arrive(limiter);
      const waiting = await arrive(limiter);
      const refused = await arrive(limiter);
      expect(refused.error).toMatchObject({ name: 'QueueFullError' });
      running.end();
      await setting.settled();
      expect(waiting.state).toBe('admitted');
      waiting.end();
    });
  });

  describe('settling', () => {
    const status = (statusCode: number): LLMError => new APIError(`status ${statusCode}`, statusCode);
    const used = (inputTokens: number, outputTokens?: number): CallFacts => ({
      usage: { inputTokens, ...(outputTokens !== undefined && { outputTokens }) },
    });
    type End = { error?: LLMError; facts?: CallFacts; entered?: boolean };
    // 100 requests and 1000 tokens are there; the call reserves one and 300.
    it.each<[string, End, number, number]>([
      ['the usage that came back', { facts: used(90, 30) }, 99, 880],
      ['more than was reserved', { facts: used(900, 600) }, 99, -500],
      ['the reservation where no usage came back', {}, 99, 700],
      ['nothing for what was not sent', { error: status(500), facts: { sent: false } }, 100, 1000],
      ['nothing for what was never begun', { error: new AbortError('left'), entered: false }, 100, 1000],
      ['nothing for a refusal of our own', { error: new QueueFullError('full') }, 100, 1000],
      [
        'the request alone for a 4xx',
        { error: new BadRequestError('bad', 400), facts: { sent: true } },
        99,
        1000,
      ],
      ['the request alone for a 429', { error: new RateLimitError('slow', { statusCode: 429 }) }, 99, 1000],
      ['the reservation for a 5xx', { error: new InternalServerError('down', 500) }, 99, 700],
      [
        'the reservation for an abort after sending',
        { error: new AbortError('left'), facts: { sent: true } },
        99,
        700,
      ],
      ['what was counted of a broken stream', { error: new StreamError('cut'), facts: used(90, 7) }, 99, 903],
    ])('charges %s', async (_, { entered = true, ...end }, requests, tokens) => {
      const limiter = limiterOf({ requestsPerMinute: 100, tokensPerMinute: 1000, maxConcurrent: 10 });
      const admission = await arrive(limiter, new FakeCall({ self: hostEstimating(100, 200), entered }));
      expect(await left(limiter)).toEqual([99, 700, 1]);
      admission.end(end);
      expect(await left(limiter)).toEqual([requests, tokens, 0]);
    });

    it('wakes those who wait at once when something is given back', async () => {
      const limiter = limiterOf({ tokensPerMinute: 600, ...byArgument });
      const first = await arrive(limiter, costing(500));
      const waiting = [await arrive(limiter, costing(300)), await arrive(limiter, costing(200))];
      first.end({ facts: { sent: false } });
      await setting.settled();
      expect(states(waiting)).toEqual(['admitted', 'admitted']);
      expect(setting.pendingTimers).toBe(0);
    });

    it('forgives nothing twice', async () => {
      const limiter = limiterOf({ tokensPerMinute: 600, ...byArgument });
      const admission = await arrive(limiter, costing(500));
      await arrive(limiter, costing(50));
      admission.end({ facts: { sent: false } });
      admission.end({ facts: { sent: false } });
      expect((await left(limiter))[1]).toBe(550);
    });
  });

  describe('the provider’s word', () => {
    it('closes the gate for everybody until the time it names', async () => {
      const limiter = limiterOf({ requestsPerMinute: 1000 });
      const refused = await arrive(limiter);
      refused.end({ error: new RateLimitError('slow', { statusCode: 429, retryAfterMs: 20_000 }) });
      const waiting = [await arrive(limiter), await arrive(limiter), await arrive(limiter)];
      await setting.advance(19_900);
      expect(states(waiting)).toEqual(['waits', 'waits', 'waits']);
      await setting.advance(4000);
      expect(states(waiting)).toEqual(['admitted', 'admitted', 'admitted']);
      expect(setting.pendingTimers).toBe(0);
    });

    it('lets calls that come after it has opened pass at their full rate', async () => {
      const limiter = limiterOf({ requestsPerMinute: 6000, maxWaitMs: 20_000 });
      const refused = await arrive(limiter);
      const waiting = await arrive(limiter);
      refused.end({ error: new RateLimitError('slow', { statusCode: 429, retryAfterMs: 10_000 }) });
      await setting.advance(12_100);
      expect(waiting.state).toBe('admitted');
      const later: Admission[] = [];
      for (let i = 0; i < 40; i++) {
        later.push(await arrive(limiter));
        await setting.advance(50);
      }
      expect(states(later).filter((state) => state !== 'admitted')).toEqual([]);
    });

    it('of a day lowers what is left of the day', async () => {
      const limiter = limiterOf({ requestsPerMinute: 100, requestsPerDay: 1000 });
      const first = await arrive(limiter);
      const windowMs = 86_400_000;
      first.call.report({ limits: { requests: { limit: 1000, remaining: 3, windowMs } } });
      await setting.settled();
      expect(limiter.snapshot()['default']?.dailyRequests?.available).toBeCloseTo(3, 1);
      expect(limiter.snapshot()['default']?.requests?.available).toBeCloseTo(99, 1);
      first.end();
    });

    it('lowers what is left, and never raises it', async () => {
      const limiter = limiterOf({ requestsPerMinute: 100, tokensPerMinute: 1000 });
      const first = await arrive(limiter);
      first.call.report({ limits: { requests: { remaining: 40 }, tokens: { remaining: 500 } } });
      expect((await left(limiter)).slice(0, 2)).toEqual([40, 500]);
      const second = await arrive(limiter);
      second.call.report({
        limits: { requests: { remaining: 90, limit: 1000 }, tokens: { remaining: 800 } },
      });
      expect((await left(limiter))[0]).toBe(39);
      first.end();
      second.end();
    });

    it('is of the moment at which the call was admitted: what has been drawn and refilled since counts', async () => {
      const limiter = limiterOf({ requestsPerMinute: 60 });
      const first = await arrive(limiter);
      await arrive(limiter);
      await setting.advance(5000);
      await arrive(limiter);
      first.call.report({ limits: { requests: { remaining: 30 } } });
      // 30 and 5 seconds' worth, but for the 50 ms on its way, minus two calls.
      expect((await left(limiter))[0]).toBe(32.95);
    });

    it('holds everybody back until the reset when nothing is left', async () => {
      const limiter = limiterOf({ requestsPerMinute: 600 });
      const first = await arrive(limiter);
      first.call.report({ limits: { requests: { remaining: 0, resetMs: 20_000 } } });
      await setting.settled();
      const waiting = await arrive(limiter);
      await setting.advance(19_900);
      expect(waiting.state).toBe('waits');
      await setting.advance(1200);
      expect(waiting.state).toBe('admitted');
    });
  });

  describe('other limits', () => {
    it('hold at once, for those who wait too', async () => {
      const limiter = limiterOf({ requestsPerMinute: 2, maxWaitMs: 1e6 });
      const all = [
        await arrive(limiter),
        await arrive(limiter),
        await arrive(limiter),
        await arrive(limiter),
      ];
      expect(states(all)).toEqual(['admitted', 'admitted', 'waits', 'waits']);
      limiter.update({ requestsPerMinute: 3 });
      await setting.settled();
      expect(states(all)).toEqual(['admitted', 'admitted', 'admitted', 'waits']);
      limiter.update({ requestsPerMinute: undefined });
      await setting.settled();
      expect(states(all)).toEqual(['admitted', 'admitted', 'admitted', 'admitted']);
      expect(setting.pendingTimers).toBe(0);
    });

    it('refuse those who can no longer be admitted, and plan the others anew', async () => {
      const limiter = limiterOf({ tokensPerMinute: 600, ...byArgument });
      await arrive(limiter, costing(600));
      const [large, small] = [await arrive(limiter, costing(400)), await arrive(limiter, costing(50))];
      limiter.update({ tokensPerMinute: 300 });
      await setting.settled();
      expect(large.error).toMatchObject({ origin: 'client' });
      expect(small.state).toBe('waits');
      // 600 of 300 are used: at 300 a minute, 50 are there after 70 seconds; but nobody waits for more than 60.
      await setting.advance(60_000);
      expect(small.state).toBe('refused');
      const next = await arrive(limiter, costing(50));
      await setting.advance(11_000);
      expect(next.state).toBe('admitted');
    });

    it('open more places among the running calls', async () => {
      const limiter = limiterOf({ maxConcurrent: 1 });
      const all = [await arrive(limiter), await arrive(limiter), await arrive(limiter)];
      limiter.update({ maxConcurrent: 2 });
      await setting.settled();
      expect(states(all)).toEqual(['admitted', 'admitted', 'waits']);
      for (const admission of all) {
        admission.end();
        await setting.settled();
      }
      expect(await left(limiter)).toEqual([undefined, undefined, 0]);
    });
  });

  describe('any course of events', () => {
    const steps = fc.array(
      fc.oneof(
        {
          weight: 5,
          arbitrary: fc.record({
            do: fc.constant('arrive' as const),
            tokens: fc.integer({ min: 0, max: 120 }),
            at: fc.nat(1),
          }),
        },
        {
          weight: 3,
          arbitrary: fc.record({
            do: fc.constant('end' as const),
            who: fc.nat(20),
            used: fc.integer({ min: 0, max: 150 }),
          }),
        },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), who: fc.nat(20) }) },
        {
          weight: 3,
          arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 20_000 }) }),
        },
      ),
      { maxLength: 50 },
    );
    const numbers = fc.record({
      requestsPerMinute: fc.integer({ min: 1, max: 300 }),
      requestBurst: fc.integer({ min: 1, max: 10 }),
      tokensPerMinute: fc.integer({ min: 1, max: 3000 }),
      tokenBurst: fc.integer({ min: 50, max: 200 }),
      maxConcurrent: fc.integer({ min: 1, max: 5 }),
      maxWaitMs: fc.integer({ min: 0, max: 60_000 }),
    });

    interface Charge {
      at: number;
      requests: number;
      tokens: number;
    }

    /** The most that the charges of any stretch of time exceed what the rate gives for it. */
    const worstExcess = (
      charges: readonly Charge[],
      of: 'requests' | 'tokens',
      perMinute: number,
    ): number => {
      let [worst, running, last] = [0, 0, 0];
      for (const charge of charges) {
        running = Math.max(0, Math.max(0, running - ((charge.at - last) * perMinute) / 60_000) + charge[of]);
        last = charge.at;
        worst = Math.max(worst, running);
      }
      return worst;
    };

    /** What is given back is there again at some moment from now on; the rounding of a store to milliseconds and thousandths. */
    const SLACK = 0.05;

    it('keeps every limit in every window, serves in order, loses nobody and leaves nothing behind', async () => {
      await fc.assert(
        fc.asyncProperty(numbers, steps, async (limits, course) => {
          const own = await open();
          try {
            const store = own.store();
            // Two that share a store are two processes; without one there is one.
            const options = { ...limits, ...byArgument };
            const limiters = [new Limiter({ ...options, store })];
            if (store) limiters.push(new Limiter({ ...options, store: own.store() }));
            const all: { admission: Admission; of: number }[] = [];
            const seen = new Set<Admission>();
            const order: number[][] = limiters.map(() => []);
            const charges: Charge[] = [];
            const running = new Set<Admission>();
            const look = async (): Promise<void> => {
              await own.settled();
              all.forEach(({ admission, of }, i) => {
                if (admission.state !== 'admitted' || seen.has(admission)) return;
                seen.add(admission);
                order[of]?.push(i);
                running.add(admission);
                const { at, tokens } = admission.lease as Lease;
                charges.push({ at, requests: 1, tokens });
              });
              charges.sort((a, b) => a.at - b.at);
              expect(running.size).toBeLessThanOrEqual(limits.maxConcurrent);
            };
            const origin = own.now();
            const end = (admission: Admission, usedTokens: number): void => {
              const reserved = admission.lease?.tokens ?? 0;
              const outputTokens = Math.min(usedTokens, reserved);
              running.delete(admission);
              charges.push({ at: own.now(), requests: 0, tokens: outputTokens - reserved });
              admission.end({ facts: { usage: { inputTokens: 0, outputTokens } } });
            };
            for (const step of course) {
              const pick = (from: readonly Admission[]): Admission | undefined =>
                'who' in step ? from[step.who % Math.max(1, from.length)] : undefined;
              if (step.do === 'arrive') {
                const of = step.at % limiters.length;
                all.push({ admission: new Admission(limiters[of] as Limiter, costing(step.tokens)), of });
              } else if (step.do === 'pass') await own.advance(step.ms);
              else if (step.do === 'abort') {
                pick(
                  all.map(({ admission }) => admission).filter(({ state }) => state === 'waits'),
                )?.call.abort('');
              } else {
                const ending = pick([...running]);
                if (ending) end(ending, step.used);
              }
              await look();
            }
            // Nothing else happens: everyone is admitted or refused in the end, by timers alone or by calls that end.
            for (let round = 0; all.some(({ admission }) => admission.state === 'waits'); round++) {
              expect(round).toBeLessThan(120);
              for (const ending of running) end(ending, Infinity);
              await look();
              await own.advance(1000);
              await look();
            }
            for (const ending of running) end(ending, Infinity);
            await look();
            for (const admitted of order) expect(admitted).toEqual([...admitted].sort((a, b) => a - b));
            expect(charges.every(({ at }) => at >= origin)).toBe(true);
            expect(worstExcess(charges, 'requests', limits.requestsPerMinute)).toBeLessThanOrEqual(
              limits.requestBurst + SLACK,
            );
            expect(worstExcess(charges, 'tokens', limits.tokensPerMinute)).toBeLessThanOrEqual(
              limits.tokenBurst + SLACK,
            );
            for (const { admission } of all) expect(admission.call.abortListeners).toBe(0);
            expect(own.pendingTimers).toBe(0);
            await own.advance(24 * 3_600_000);
            // The first to come asks the store again, where there is one.
            for (const limiter of limiters) {
              const last = new Admission(limiter, costing(0));
              await own.settled();
              last.end({ facts: { sent: false } });
              await own.settled();
              const { requests, tokens, concurrency, queued } = limiter.snapshot()['default'] ?? {};
              expect(requests?.available).toBeCloseTo(limits.requestBurst, 1);
              expect(tokens?.available).toBeCloseTo(limits.tokenBurst, 1);
              expect([concurrency?.inFlight, queued]).toEqual([0, 0]);
            }
          } finally {
            await own.close();
          }
        }),
        { numRuns: runs },
      );
    }, 180_000);
  });
}
