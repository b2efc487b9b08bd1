import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Holding } from '../../decorators/limits/balance';
import { limitsOf, TRANSIT_MS } from '../../decorators/limits/rates';
import { SharedBalance } from '../../decorators/limits/shared-balance';
import type { LimiterStore, SharedLimits, TakeAnswer } from '../../decorators/limits/store';
import { StoreGuard } from '../../decorators/limits/store-guard';
import type { Runtime } from '../../decorators/pipeline/runtime';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';
import { FakeCall } from './fake-call';

let runtime: VirtualRuntime;
let restore: () => void;
let store: ScriptedStore;
beforeEach(() => {
  ({ runtime, restore } = installVirtualRuntime());
  runtime.block(7000);
  store = new ScriptedStore();
});
afterEach(() => restore());

/** What a store was asked, waiting for the test to answer. */
interface Asked {
  readonly what: 'take' | 'settle' | 'observe';
  readonly request: Readonly<Record<string, unknown>>;
  answer(changes?: Partial<TakeAnswer>): void;
  fail(error: unknown): void;
}

/** Notes what it is asked. A test gives its answers, in whatever order. */
class ScriptedStore implements LimiterStore {
  timeoutMs = 250;
  keepAliveMs = 10_000;
  localShare = 0.5;
  whenDown: LimiterStore['whenDown'] = 'local';
  readonly asked: Asked[] = [];
  readonly listeners = new Set<() => void>();

  take = (_key: string, request: object) => this.ask('take', request);
  settle = (_key: string, request: object) => this.ask('settle', request);
  observe = (_key: string, request: object) => this.ask('observe', request);
  pause = () => Promise.resolve();

  onWake(_key: string, listener: () => void): () => void {
    const own = () => listener();
    this.listeners.add(own);
    return () => this.listeners.delete(own);
  }

  get last(): Asked {
    return this.asked.at(-1)!;
  }

  private ask(what: Asked['what'], request: object): Promise<TakeAnswer> {
    return new Promise((resolve, reject) => {
      const answer = (changes: Partial<TakeAnswer> = {}) =>
        resolve({
          ...{ at: 0, drawn: { requests: 0, tokens: 0 }, used: [], closedForMs: 0, running: 0 },
          ...{ granted: 0, waitMs: 0 },
          ...changes,
        });
      this.asked.push({ what, request: { ...request }, answer, fail: reject });
    });
  }
}

const lease = (tokens = 0): Holding => ({
  ...{ call: new FakeCall(), requests: 1, tokens },
  ...{ at: 0, admittedAt: 0, drawnRequests: 0, drawnTokens: 0 },
  ...{ tokensLeft: undefined, tokensRunning: 0, heldBy: undefined },
});

/** A balance of the scripted store, and what a queue would do with it. */
function open(limits: SharedLimits = limitsOf({ requestsPerMinute: 100, tokensPerMinute: 1000 })) {
  const guard = new StoreGuard(store);
  const balance = new SharedBalance('k', guard, limits, runtime.now(), () => undefined);
  return {
    guard,
    balance,
    /** Asks for `leases`, and has the store answer: all are granted unless `changes` say otherwise. */
    async ask(leases: readonly Holding[], changes: Partial<TakeAnswer> = {}) {
      const answer = balance.ask(leases);
      store.last.answer({ granted: leases.length, ...changes });
      return answer;
    },
    async fail(error: unknown = new Error('down')) {
      const answer = balance.ask([lease()]);
      store.last.fail(error);
      return answer;
    },
    available: (name: 'requests' | 'tokens') => balance.snapshot(0, runtime.now())[name]?.available,
    isIdle: () => balance.isIdle(runtime.now()),
  };
}

describe('what a store grants', () => {
  it('tells each call what had been drawn with it, and what was left', async () => {
    const { balance, ask } = open();
    const [first, second, third] = [lease(100), lease(200), lease(300)];
    const drawn = { requests: 12, tokens: 1300 };
    await ask([first, second, third], { granted: 2, waitMs: 50, at: 40, drawn, used: [12, 400] });
    const common = { at: 40, admittedAt: 7000, heldBy: balance };
    expect(first).toMatchObject({ ...common, drawnRequests: 11, drawnTokens: 1100, tokensLeft: 800 });
    expect(second).toMatchObject({ ...common, drawnRequests: 12, drawnTokens: 1300, tokensLeft: 600 });
    expect(third).toMatchObject({ heldBy: undefined, admittedAt: 0 });
  });

  it('leaves no number of tokens where they are not limited', async () => {
    const { ask } = open(limitsOf({ requestsPerMinute: 10 }));
    const all = [lease(100), lease(200)];
    await ask(all);
    expect(all.map(({ tokensLeft }) => tokensLeft)).toEqual([undefined, undefined]);
  });

  it.each<[string, Partial<TakeAnswer>, number | undefined, object, number]>([
    ['all of them', {}, undefined, { granted: 2, waitMs: 0 }, 0],
    ['some', { granted: 1, waitMs: 30 }, undefined, { granted: 1, waitMs: 30 }, 1],
    ['none, with no wait told', { granted: 0 }, undefined, { granted: 0, waitMs: 1 }, 1],
    ['some of a window', { granted: 1, waitMs: 30 }, 500, { granted: 1, waitMs: 30 }, 0],
  ])('decides whether to listen for more: %s', async (_what, answer, endsInMs, result, listeners) => {
    const limits = limitsOf({ requestsPerMinute: 10 });
    const { balance, ask } = open(endsInMs === undefined ? limits : { ...limits, endsInMs });
    expect(await ask([lease(), lease()], answer)).toEqual(result);
    expect(store.listeners.size).toBe(listeners);
    balance.forget();
    expect(store.listeners.size).toBe(0);
  });

  it('is listened for anew each time, by one listener', async () => {
    const { ask } = open();
    await ask([lease()], { granted: 0, waitMs: 30 });
    const [first] = store.listeners;
    await ask([lease()], { granted: 0, waitMs: 30 });
    expect(store.listeners.size).toBe(1);
    expect(store.listeners).not.toContain(first);
  });
});

describe('what a store says', () => {
  it('holds in the order in which it was asked, whatever the order of its answers', async () => {
    const { balance, ask, available } = open();
    const running = lease();
    await ask([running]);
    balance.settle(running, 1, 0);
    balance.observe({ remaining: 5 }, undefined, undefined);
    const [earlier, later] = store.asked.slice(-2);
    later?.answer({ used: [95] });
    await settled();
    earlier?.answer({ used: [1] });
    await settled();
    expect(available('requests')).toBe(5);
  });

  it('says nothing of limits that have been changed since it was asked', async () => {
    const { balance, ask, available } = open();
    const running = lease();
    await ask([running]);
    const asking = balance.ask([lease()]);
    balance.settle(running, 1, 0);
    const [take, settle] = store.asked.slice(-2);
    balance.reconfigure(limitsOf({ requestsPerMinute: 10 }), runtime.now());
    take?.answer({ granted: 1, used: [60] });
    await asking;
    settle?.answer({ used: [70] });
    await settled();
    expect(available('requests')).toBe(10);
  });

  it('stays known while it is down', async () => {
    const { balance, ask, available } = open();
    const running = lease(100);
    const drawn = { requests: 4, tokens: 500 };
    await ask([running], { at: 33, drawn, used: [4, 500] });
    balance.observe({ remaining: 90 }, undefined, running);
    store.last.fail(new Error('down'));
    await runtime.advance(1000);
    balance.observe(undefined, { remaining: 90 }, undefined);
    expect(store.last.request['since']).toEqual({ at: 33, drawn: { requests: 3, tokens: 400 } });
    expect(available('requests')).toBeGreaterThan(96);
  });
});

describe('a report of the provider', () => {
  const report = { remaining: 50 };

  it('counts from now where the store has said nothing yet', () => {
    open().balance.observe(report, undefined, undefined);
    expect(store.last).toMatchObject({ what: 'observe', request: { requests: report } });
    expect(store.last.request['since']).toBeUndefined();
  });

  it('counts from the moment at which its call arrived', async () => {
    const { balance, ask } = open();
    const call = lease(100);
    await ask([call], { at: 40, drawn: { requests: 12, tokens: 1300 } });
    balance.observe(report, undefined, call);
    const since = { at: 40 + TRANSIT_MS, drawn: { requests: 12, tokens: 1300 } };
    expect(store.last.request['since']).toEqual(since);
  });

  it('without a call does not know of those that run', async () => {
    const { balance, ask } = open();
    const [first, second] = [lease(100), lease(200)];
    await ask([first, second], { at: 40, drawn: { requests: 12, tokens: 1300 } });
    balance.observe(report, undefined, undefined);
    expect(store.last.request['since']).toEqual({ at: 40, drawn: { requests: 10, tokens: 1000 } });
    balance.settle(first, 1, 70);
    store.last.answer({ at: 50, drawn: { requests: 12, tokens: 1270 } });
    await settled();
    balance.observe(report, undefined, undefined);
    expect(store.last.request['since']).toEqual({ at: 50, drawn: { requests: 11, tokens: 1070 } });
  });

  it('that finds the store down is told of by its call', async () => {
    const call = lease();
    open().balance.observe(report, undefined, call);
    store.last.fail(new Error('down'));
    await settled();
    expect((call.call as FakeCall).told).toEqual(['store']);
  });
});

describe('a wait', () => {
  it('is expected by what the store said last', async () => {
    const { balance, ask } = open();
    await ask([lease()], { used: [1, 1000] });
    expect(balance.waitFor({ requests: 1, tokens: 500 }, runtime.now())).toBe(30_000);
  });
});

describe('a gate that was closed here', () => {
  it('is closed before the store knows, until the time that was named', () => {
    const { balance } = open();
    balance.close(3000, runtime.now());
    runtime.block(1000);
    expect(balance.take(lease(), runtime.now())).toBe(2000);
    expect(balance.closedForMs(runtime.now())).toBe(2000);
    runtime.block(2000);
    expect(balance.take(lease(), runtime.now())).toBeUndefined();
  });

  it('stays closed for the longer of two times', () => {
    const { balance } = open();
    balance.close(3000, runtime.now());
    balance.close(1000, runtime.now());
    expect(balance.take(lease(), runtime.now())).toBe(3000);
  });

  it('stays closed though the store says otherwise', async () => {
    const { balance, ask } = open();
    balance.close(3000, runtime.now());
    await ask([lease()], { granted: 0, waitMs: 30 });
    expect(balance.closedForMs(runtime.now())).toBe(3000);
    await ask([lease()], { granted: 0, waitMs: 30, closedForMs: 5000 });
    expect(balance.closedForMs(runtime.now())).toBe(5000);
  });
});

describe('a key', () => {
  it('is idle at first, not while the store is asked, while calls run or are not settled', async () => {
    const { balance, ask, isIdle } = open();
    expect(isIdle()).toBe(true);
    const running = lease();
    const asked = ask([running]);
    expect(isIdle()).toBe(false);
    await asked;
    expect(isIdle()).toBe(false);
    balance.settle(running, 1, 0);
    expect(isIdle()).toBe(false);
    store.last.answer();
    await settled();
    expect(isIdle()).toBe(true);
  });

  it('is not idle while the gate is closed', () => {
    const { balance, isIdle } = open();
    balance.close(3000, runtime.now());
    expect(isIdle()).toBe(false);
    runtime.block(3000);
    expect(isIdle()).toBe(true);
  });

  it('is not idle while calls run that were admitted without the store', async () => {
    const { balance, fail, isIdle } = open();
    await fail();
    const running = lease();
    expect(balance.take(running, runtime.now())).toBe(0);
    expect(isIdle()).toBe(false);
    running.heldBy?.settle(running, 0, 0, runtime.now());
    expect(isIdle()).toBe(true);
  });

  it('that is forgotten before anybody had to wait leaves nothing behind', () => {
    expect(() => open().balance.forget()).not.toThrow();
  });
});

describe('what a process tells of its calls', () => {
  const limits = limitsOf({ maxConcurrent: 5 });
  const told = () => store.asked.map(({ what, request }) => [what, request['costs'], request['running']]);

  it('counts those whose end the store has not heard of', async () => {
    const { balance, ask } = open(limits);
    const all = [lease(), lease(), lease()];
    await ask(all);
    balance.settle(all[0]!, 1, 0);
    store.last.fail(new Error('down'));
    await runtime.advance(1000);
    void balance.ask([lease()]);
    expect(store.last.request['running']).toBe(3);
  });

  it('is told again while they run, and by no timer afterwards', async () => {
    const { balance, ask } = open(limits);
    const running = lease();
    await ask([running]);
    for (const count of [2, 3]) {
      await runtime.advance(10_000);
      expect(told()).toHaveLength(count);
      expect(told().at(-1)).toEqual(['take', [], 1]);
      store.last.answer();
    }
    await settled();
    balance.settle(running, 1, 0);
    store.last.answer();
    await settled();
    expect(runtime.pendingTimers).toBe(0);
  });

  it.each<[string, SharedLimits, number]>([
    ['their number is not limited', limitsOf({ requestsPerMinute: 5 }), 1],
    ['none runs', limits, 0],
  ])('is not told again where %s', async (_what, its, granted) => {
    await open(its).ask([lease()], { granted });
    expect(runtime.pendingTimers).toBe(0);
  });

  it('keeps no process alive', async () => {
    const setTimer = jest.spyOn(runtime as Runtime, 'setTimer');
    await open(limits).ask([lease()]);
    const background = setTimer.mock.calls.map(([, ms, options]) => [ms, options?.background === true]);
    // The bound of the answer, for which somebody waits, and the keep-alive.
    expect(background).toEqual([
      [250, false],
      [10_000, true],
    ]);
  });

  it.each<[string, number, boolean]>([
    ['not where somebody waits: he asks anyway', 0, false],
    ['where he waits for a gate', 10_001, true],
    ['not where the gate opens at that moment', 10_000, false],
  ])('is told again by a timer: %s', async (_what, closedForMs, isTold) => {
    const { balance, ask } = open(limits);
    await ask([lease(), lease()], { granted: 1, waitMs: 500, place: 8 });
    if (closedForMs > 0) balance.close(closedForMs, runtime.now());
    await runtime.advance(10_000);
    expect(told().slice(1)).toEqual(isTold ? [['take', [], 1]] : []);
  });

  it('is not told again while the store is asked', async () => {
    store.timeoutMs = 60_000;
    const { balance, ask } = open(limits);
    await ask([lease()]);
    await runtime.advance(9000);
    void balance.ask([lease()]);
    await runtime.advance(1000);
    expect(told()).toHaveLength(2);
  });

  it('is told when the last who waited has left', async () => {
    const { balance, ask } = open(limits);
    await ask([lease(), lease()], { granted: 1, waitMs: 500, place: 8 });
    balance.leave();
    balance.leave();
    expect(told().slice(1)).toEqual([['take', [], 1]]);
    expect(store.last.request['place']).toBeUndefined();
  });
});

describe('the share of a process while the store is down', () => {
  it('is refilled where the limits are', async () => {
    const { balance, fail } = open(limitsOf({ requestsPerMinute: 4 }));
    await fail();
    const take = () => balance.take(lease(), runtime.now());
    expect([take(), take(), take()]).toEqual([0, 0, 30_000]);
  });

  it('of a window is not', async () => {
    const { balance, fail } = open({ ...limitsOf({ requestsPerMinute: 4 }), endsInMs: 60_000 });
    await fail();
    const take = () => balance.take(lease(), runtime.now());
    expect([take(), take(), take()]).toEqual([0, 0, Infinity]);
  });
});
