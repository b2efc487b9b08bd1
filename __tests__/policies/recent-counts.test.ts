import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { RecentCounts } from '../../decorators/retry/recent-counts';
import { installVirtualRuntime, type VirtualRuntime } from '../support/virtual-runtime';

let time: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  ({ runtime: time, restore } = installVirtualRuntime());
});
afterEach(() => restore());

const WINDOW_SECONDS = 4;
const step = fc.record({
  what: fc.constantFrom('call' as const, 'extra' as const, 'nothing' as const),
  thenMs: fc.constantFrom(0, 1, 400, 1000, 1500, 3999, 4000, 9000, 60_000),
});

it('counts what was in the last seconds, the running one included, and nothing older', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const counts = new RecentCounts(WINDOW_SECONDS);
      const history: { what: string; second: number }[] = [];
      for (const { what, thenMs } of steps) {
        const second = Math.floor(time.now() / 1000);
        if (what === 'call') counts.countCall();
        if (what === 'extra') counts.countExtra();
        history.push({ what, second });
        await time.advance(thenMs);
        const oldest = Math.floor(time.now() / 1000) - WINDOW_SECONDS;
        const within = (kind: string): number =>
          history.filter((one) => one.what === kind && one.second > oldest).length;
        // Not read each time: what has passed meanwhile must be made up for by whoever comes next.
        if (thenMs !== 400) expect(counts.read()).toEqual({ calls: within('call'), extras: within('extra') });
      }
    }),
  );
});
