import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Limiter, TokenBucket, type Lease } from '../../decorators/limits/index';
import { installVirtualRuntime, settled } from '../support/virtual-runtime';
import { Admission, FakeCall } from './fake-call';

/** What may happen to a limiter; `who` picks among the calls there are. */
const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('arrive' as const), tokens: fc.integer({ min: 0, max: 120 }) }),
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
  { maxLength: 80 },
);

const limits = fc.record({
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
function worstExcess(charges: readonly Charge[], of: 'requests' | 'tokens', perMinute: number): number {
  let worst = 0;
  let running = 0;
  let last = 0;
  for (const charge of charges) {
    const refilled = Math.max(0, running - ((charge.at - last) * perMinute) / 60_000);
    running = Math.max(0, refilled + charge[of]);
    last = charge.at;
    worst = Math.max(worst, running);
  }
  return worst;
}

describe('the limiter against any course of events', () => {
  it('keeps every limit in every window, serves in order, loses no waiter and leaves nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(limits, steps, async (numbers, course) => {
        const { runtime, restore } = installVirtualRuntime();
        try {
          const limiter = new Limiter({ ...numbers, cost: (call) => call.args[0] as number });
          const all: Admission[] = [];
          const order: number[] = [];
          const charges: Charge[] = [];
          const running = new Set<Admission>();
          const look = async (): Promise<void> => {
            await settled();
            all.forEach((admission, i) => {
              if (admission.state !== 'admitted' || order.includes(i)) return;
              order.push(i);
              running.add(admission);
              const { at, tokens } = admission.lease as Lease;
              charges.push({ at, requests: 1, tokens });
            });
            expect(running.size).toBeLessThanOrEqual(numbers.maxConcurrent);
          };
          const pick = <T>(from: readonly T[], who: number): T | undefined =>
            from[who % Math.max(1, from.length)];
          for (const step of course) {
            if (step.do === 'arrive') all.push(new Admission(limiter, new FakeCall({ args: [step.tokens] })));
            if (step.do === 'pass') await runtime.advance(step.ms);
            if (step.do === 'abort')
              pick(
                all.filter(({ state }) => state === 'waits'),
                step.who,
              )?.call.abort('left');
            if (step.do === 'end') {
              const ending = pick([...running], step.who);
              const reserved = ending?.lease?.tokens ?? 0;
              // Only ever less than reserved: more is a debt, which the windows would count as excess.
              const outputTokens = Math.min(step.used, reserved);
              if (ending) running.delete(ending);
              // Given back now, not as if it had never been taken: what refilled meanwhile stays.
              charges.push({ at: runtime.now(), requests: 0, tokens: outputTokens - reserved });
              ending?.end({ facts: { usage: { inputTokens: 0, outputTokens } } });
            }
            await look();
          }
          // Nothing else happens: everyone is admitted or refused in the end, by timers alone or by calls that end.
          for (let round = 0; all.some(({ state }) => state === 'waits'); round++) {
            expect(round).toBeLessThan(200);
            for (const ending of running) ending.end();
            running.clear();
            await look();
            await runtime.advance(1000);
            await look();
          }
          for (const ending of running) ending.end();
          expect(order).toEqual([...order].sort((a, b) => a - b));
          expect(worstExcess(charges, 'requests', numbers.requestsPerMinute)).toBeLessThanOrEqual(
            numbers.requestBurst + 0.001,
          );
          expect(worstExcess(charges, 'tokens', numbers.tokensPerMinute)).toBeLessThanOrEqual(
            numbers.tokenBurst + 0.001,
          );
          for (const { call } of all) expect(call.abortListeners).toBe(0);
          expect(runtime.pendingTimers).toBe(0);
          await runtime.advance(24 * 3_600_000);
          expect(limiter.snapshot()['default']).toEqual({
            requests: {
              available: numbers.requestBurst,
              limit: numbers.requestsPerMinute,
              burst: numbers.requestBurst,
            },
            tokens: {
              available: numbers.tokenBurst,
              limit: numbers.tokensPerMinute,
              burst: numbers.tokenBurst,
            },
            concurrency: { inFlight: 0, limit: numbers.maxConcurrent },
            queued: 0,
            closedForMs: 0,
          });
        } finally {
          restore();
        }
      }),
      { numRuns: 150 },
    );
  }, 120_000);
});

describe('the bucket against any course of events', () => {
  const acts = fc.array(
    fc.oneof(
      fc.record({
        tokens: fc.integer({ min: 1, max: 12 }),
        timeoutMs: fc.option(fc.integer({ min: 0, max: 5000 }), { nil: undefined }),
      }),
      fc.record({ pass: fc.integer({ min: 0, max: 3000 }) }),
      fc.record({ abort: fc.nat(10) }),
    ),
    { maxLength: 60 },
  );

  it('grants in order, at the first millisecond there is enough, and never more than it has', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0.2, max: 50, noNaN: true }),
        fc.integer({ min: 1, max: 10 }),
        acts,
        async (rate, size, course) => {
          const { runtime, restore } = installVirtualRuntime();
          try {
            const bucket = new TokenBucket(rate, size);
            const waits: { controller: AbortController; done: boolean }[] = [];
            const granted: { index: number; at: number; tokens: number }[] = [];
            for (const act of course) {
              if ('tokens' in act) {
                const index = waits.length;
                const wait = { controller: new AbortController(), done: false };
                waits.push(wait);
                const { tokens, timeoutMs } = act;
                bucket.acquire(tokens, { timeoutMs, signal: wait.controller.signal }).then(
                  (was) => {
                    wait.done = true;
                    if (was) granted.push({ index, at: runtime.now(), tokens });
                  },
                  () => (wait.done = true),
                );
              } else if ('pass' in act) await runtime.advance(act.pass);
              else waits[act.abort]?.controller.abort();
              await settled();
              expect(bucket.available).toBeLessThanOrEqual(size);
            }
            await runtime.runAll();
            expect(waits.every(({ done }) => done)).toBe(true);
            expect(granted.map(({ index }) => index)).toEqual(
              granted.map(({ index }) => index).sort((a, b) => a - b),
            );
            const charges = granted.map(({ at, tokens }) => ({ at, tokens, requests: 0 }));
            expect(worstExcess(charges, 'tokens', rate * 60)).toBeLessThanOrEqual(size + 0.001);
            expect(runtime.pendingTimers).toBe(0);
          } finally {
            restore();
          }
        },
      ),
      { numRuns: 200 },
    );
  }, 120_000);
});
