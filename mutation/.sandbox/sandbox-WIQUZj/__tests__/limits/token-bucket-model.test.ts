// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TokenBucket } from '../../decorators/limits/index';
import { installVirtualRuntime, settled } from '../support/virtual-runtime';

interface Charge {
  at: number;
  tokens: number;
}

/** The most that the charges of any stretch of time exceed what the rate gives for it. */
function worstExcess(charges: readonly Charge[], perMinute: number): number {
  let worst = 0;
  let running = 0;
  let last = 0;
  for (const charge of charges) {
    const refilled = Math.max(0, running - ((charge.at - last) * perMinute) / 60_000);
    running = Math.max(0, refilled + charge.tokens);
    last = charge.at;
    worst = Math.max(worst, running);
  }
  return worst;
}

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
            const charges = granted.map(({ at, tokens }) => ({ at, tokens }));
            expect(worstExcess(charges, rate * 60)).toBeLessThanOrEqual(size + 0.001);
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
