// @ts-nocheck
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Amounts, Rate, SharedLimits } from '../../decorators/limits/index';
import { DAY, MINUTE, redisSuite } from './support';

const suite = redisSuite('ioredis');

/** Keys that no run before has used. */
let runs = 0;
const freshKey = (): string => `run ${++runs}`;

/** Amounts are whole thousandths, as in Redis. */
const units = (milli: bigint): number => Number(milli) / 1000;
const amounts = ([requests, tokens]: readonly [bigint, bigint]): Amounts => ({
  requests: units(requests),
  tokens: units(tokens),
});
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** A rate in exact numbers. */
interface ExactRate {
  readonly unit: 0 | 1;
  readonly limit: bigint;
  readonly window: bigint;
  readonly burst: bigint;
  used: bigint;
  remainder: bigint;
}

/** One process alone with a balance: what each operation comes to, in numbers of any size. */
class Reference {
  at: bigint;
  closedUntil = 0n;
  drawn: [bigint, bigint] = [0n, 0n];

  constructor(
    readonly rates: ExactRate[],
    now: number,
  ) {
    this.at = BigInt(now);
  }

  refill(now: bigint): void {
    for (const rate of this.rates) {
      const parts = (now - this.at) * rate.limit + rate.remainder;
      rate.used = larger(0n, rate.used - parts / rate.window);
      rate.remainder = rate.used === 0n ? 0n : parts % rate.window;
    }
    this.at = now;
  }

  draw(cost: readonly [bigint, bigint]): void {
    for (const rate of this.rates) rate.used = larger(0n, rate.used + cost[rate.unit]);
    this.drawn = [this.drawn[0] + cost[0], this.drawn[1] + cost[1]];
  }

  waitMs(cost: readonly [bigint, bigint]): bigint {
    let wait = larger(0n, this.closedUntil - this.at);
    for (const { unit, limit, window, burst, used, remainder } of this.rates) {
      const missing = used + cost[unit] - burst;
      if (missing > 0n) wait = larger(wait, (missing * window - remainder + limit - 1n) / limit);
    }
    return wait;
  }
}

const milli = (max: bigint) => fc.bigInt({ min: 0n, max });
const pairs = fc.tuple(milli(5_000n), fc.oneof(milli(2_000_000n), milli(10n ** 12n)));
const rateOf = (name: Rate['name'], unit: 0 | 1, window: number, limit: fc.Arbitrary<bigint>) =>
  fc.tuple(limit, fc.bigInt({ min: 1n, max: 300n })).map(([limit, percent]) => ({
    name,
    exact: {
      unit,
      limit,
      window: BigInt(window),
      burst: larger(1n, (limit * percent) / 100n),
      used: 0n,
      remainder: 0n,
    },
  }));
const limit = (max: bigint) => fc.oneof(fc.bigInt({ min: 1n, max: 10_000n }), fc.bigInt({ min: 1n, max }));
const someRates = fc
  .tuple(
    rateOf('requests', 0, MINUTE, limit(10_000_000n)),
    rateOf('tokens', 1, MINUTE, limit(10n ** 12n)),
    rateOf('dailyRequests', 0, DAY, limit(10n ** 9n)),
    rateOf('dailyTokens', 1, DAY, limit(10n ** 14n)),
  )
  .chain((all) => fc.subarray(all, { minLength: 1 }));
const operation = fc.oneof(
  fc.record({ kind: fc.constant('wait' as const), ms: fc.oneof(fc.nat(2000), fc.nat(2 * DAY)) }),
  fc.record({ kind: fc.constant('take' as const), costs: fc.array(pairs, { maxLength: 4 }) }),
  fc.record({ kind: fc.constant('settle' as const), reserved: pairs, used: pairs }),
  fc.record({ kind: fc.constant('close' as const), ms: fc.nat(100_000) }),
);

function limitsFrom(rates: readonly { name: Rate['name']; exact: ExactRate }[]): SharedLimits {
  return {
    maxConcurrent: undefined,
    rates: rates.map(({ name, exact }) => ({
      name,
      unit: exact.unit === 0 ? 'requests' : 'tokens',
      limit: units(exact.limit),
      windowMs: Number(exact.window),
      burst: units(exact.burst),
    })),
  };
}

describe('the arithmetic of the scripts', () => {
  test('is exact', async () => {
    await fc.assert(
      fc.asyncProperty(
        someRates,
        fc.array(operation, { minLength: 1, maxLength: 12 }),
        async (rates, steps) => {
          const [key, store, limits] = [freshKey(), suite.store(), limitsFrom(rates)];
          const reference = new Reference(
            rates.map(({ exact }) => ({ ...exact })),
            suite.runtime.wallClock(),
          );
          for (const step of steps) {
            if (step.kind === 'wait') await suite.runtime.advance(step.ms);
            reference.refill(BigInt(suite.runtime.wallClock()));
            if (step.kind === 'take') {
              const answer = await store.take(key, { limits, costs: step.costs.map(amounts), running: 0 });
              let granted = 0;
              let waitMs = 0n;
              for (const cost of step.costs) {
                waitMs = reference.waitMs(cost);
                if (waitMs > 0n) break;
                reference.draw(cost);
                granted++;
              }
              expect(answer.granted).toBe(granted);
              // Beyond what a double holds exactly, the wait is right to that many digits.
              expect(Math.abs(answer.waitMs - Number(waitMs))).toBeLessThanOrEqual(Number(waitMs) * 1e-12);
            } else if (step.kind === 'settle') {
              reference.draw([step.used[0] - step.reserved[0], step.used[1] - step.reserved[1]]);
              await store.settle(key, { limits, reserved: amounts(step.reserved), used: amounts(step.used) });
            } else if (step.kind === 'close') {
              reference.closedUntil = larger(reference.closedUntil, reference.at + BigInt(step.ms));
              await store.pause(key, step.ms);
            }
            expect(await store.observe(key, { limits })).toEqual({
              at: Number(reference.at),
              used: reference.rates.map(({ used }) => units(used)),
              drawn: amounts(reference.drawn),
              closedForMs: Number(larger(0n, reference.closedUntil - reference.at)),
              running: 0,
            });
          }
        },
      ),
      { numRuns: 100 },
    );
  }, 60_000);

  test('lowers a level to exactly what a report comes to', async () => {
    const report = fc.record({
      remaining: milli(2_000_000n),
      elapsed: fc.nat(100_000),
      drawnBefore: milli(1_000_000n),
      drawnSince: milli(1_000_000n),
    });
    await fc.assert(
      fc.asyncProperty(
        limit(10n ** 9n),
        report,
        async (perMinute, { remaining, elapsed, drawnBefore, drawnSince }) => {
          const [key, store] = [freshKey(), suite.store()];
          const rate = {
            unit: 1,
            limit: perMinute,
            window: BigInt(MINUTE),
            burst: perMinute,
            used: 0n,
            remainder: 0n,
          };
          const limits = limitsFrom([{ name: 'tokens', exact: rate as ExactRate }]);
          const draw = (tokens: bigint) =>
            store.settle(key, { limits, reserved: amounts([0n, 0n]), used: amounts([0n, tokens]) });
          const since = await draw(drawnBefore);
          await suite.runtime.advance(elapsed);
          const before = await draw(drawnSince);
          const left = remaining + (BigInt(elapsed) * perMinute) / BigInt(MINUTE) - drawnSince;
          const { used } = await store.observe(key, {
            limits,
            tokens: { remaining: units(remaining) },
            since,
          });
          expect(used).toEqual([Math.max(before.used[0] as number, units(perMinute - left))]);
        },
      ),
      { numRuns: 100 },
    );
  }, 60_000);
});

describe('any number of processes', () => {
  /** Whoever waits asks again so soon, to keep its place. */
  const LONGEST_PAUSE_MS = 1000;
  const setting = fc.record({
    limit: fc.integer({ min: 20, max: 2000 }),
    burstPercent: fc.integer({ min: 1, max: 100 }),
    /** For each process, the shares of the burst that its calls take, one after another. */
    processes: fc.array(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 4 }), {
      minLength: 2,
      maxLength: 4,
    }),
    /** In what order they ask. */
    order: fc.infiniteStream(fc.nat()),
  });

  test('get no more than the limit, and each call comes when it was told, whoever comes later', async () => {
    await fc.assert(
      fc.asyncProperty(setting, async ({ limit, burstPercent, processes, order }) => {
        const key = freshKey();
        const burst = (limit * burstPercent) / 100;
        const limits: SharedLimits = {
          rates: [{ name: 'tokens', unit: 'tokens', limit, windowMs: MINUTE, burst }],
          maxConcurrent: undefined,
        };
        const start = suite.runtime.wallClock();
        const waiting = processes.map((shares) => ({
          store: suite.store(),
          costs: shares.map((share) => ({ requests: 1, tokens: (burst * share) / 100 })),
          place: undefined as number | undefined,
          promised: Infinity,
          /** Some come later. */
          askAt: start + (order.next().value % 3000),
        }));
        let taken = 0;
        while (waiting.some(({ costs }) => costs.length > 0)) {
          const now = suite.runtime.wallClock();
          const ranks = new Map(waiting.map((process) => [process, order.next().value]));
          for (const process of [...waiting].sort((a, b) => (ranks.get(a) ?? 0) - (ranks.get(b) ?? 0))) {
            const { store, place, costs, askAt } = process;
            if (askAt > now) continue;
            const answer = await store.take(key, { limits, costs, running: 0, place });
            process.place = answer.place;
            for (const { tokens } of costs.splice(0, answer.granted)) taken += tokens;
            if (answer.granted > 0) process.promised = Infinity;
            else expect(now).toBeLessThan(process.promised);
            process.promised = Math.min(process.promised, now + answer.waitMs);
            process.askAt = costs.length > 0 ? now + Math.min(answer.waitMs, LONGEST_PAUSE_MS) : Infinity;
          }
          expect(taken).toBeLessThanOrEqual(burst + (limit * (now - start)) / MINUTE + 1e-6);
          const next = Math.min(...waiting.map(({ askAt }) => askAt));
          if (next < Infinity) await suite.runtime.advance(next - now);
        }
      }),
      { numRuns: 30 },
    );
  }, 60_000);
});
