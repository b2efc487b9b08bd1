import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { BadRequestError, RateLimitError, StoreUnavailableError } from '../../decorators/errors/index';
import { Limiter, type LimiterOptions } from '../../decorators/limits/index';
import { ReferenceStore, SharedTable } from '../support/reference-store';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';
import { Admission, FakeCall } from './fake-call';

let runtime: VirtualRuntime;
let restore: () => void;
let table: SharedTable;
beforeEach(() => {
  ({ runtime, restore } = installVirtualRuntime());
  table = new SharedTable();
});
afterEach(() => restore());

/** One process of those that share the table. */
function process(options: LimiterOptions, whenDown: ReferenceStore['whenDown'] = 'local') {
  const store = new ReferenceStore(table);
  store.whenDown = whenDown;
  const cost = (call: { args: readonly unknown[] }): number => (call.args[0] as number | undefined) ?? 0;
  const limiter = new Limiter({ ...options, cost, store });
  const arrive = async (tokens = 0): Promise<Admission> => {
    const admission = new Admission(limiter, new FakeCall({ args: [tokens] }));
    await settled();
    return admission;
  };
  return { store, limiter, arrive, snapshot: () => limiter.snapshot()['default'] };
}

const states = (all: readonly Admission[]): string[] => all.map(({ state }) => state);

describe('processes that share a store', () => {
  it('share the limits', async () => {
    const [a, b] = [process({ requestsPerMinute: 3 }), process({ requestsPerMinute: 3 })];
    const all = [await a.arrive(), await b.arrive(), await a.arrive(), await b.arrive()];
    expect(states(all)).toEqual(['admitted', 'admitted', 'admitted', 'waits']);
    await runtime.advance(20_000);
    expect(all[3]?.state).toBe('admitted');
    expect(b.snapshot()).toMatchObject({ concurrency: { inFlight: 4 }, store: 'up' });
  });

  it('serve in order between them: a heavy call is not starved by the light ones of another', async () => {
    const [a, b] = [process({ tokensPerMinute: 600 }), process({ tokensPerMinute: 600 })];
    await a.arrive(600);
    const heavy = await a.arrive(500);
    const light = [await b.arrive(10), await b.arrive(10)];
    await runtime.advance(45_000);
    expect(states([heavy, ...light])).toEqual(['waits', 'waits', 'waits']);
    await runtime.advance(10_000);
    expect(states([heavy, ...light])).toEqual(['admitted', 'admitted', 'admitted']);
    expect(runtime.pendingTimers).toBe(0);
  });

  it('wake one another when something is given back', async () => {
    const [a, b] = [process({ maxConcurrent: 1 }), process({ maxConcurrent: 1 })];
    const first = await a.arrive();
    const waiting = await b.arrive();
    expect(waiting.state).toBe('waits');
    first.end();
    await settled();
    expect(waiting.state).toBe('admitted');
    waiting.end();
  });

  it('close the gate for one another', async () => {
    const [a, b] = [process({ requestsPerMinute: 100 }), process({ requestsPerMinute: 100 })];
    const refused = await a.arrive();
    refused.end({ error: new RateLimitError('slow', { statusCode: 429, retryAfterMs: 5000 }) });
    await settled();
    const waiting = await b.arrive();
    expect(b.snapshot()?.closedForMs).toBe(5000);
    await runtime.advance(4900);
    expect(waiting.state).toBe('waits');
    await runtime.advance(1000);
    expect(waiting.state).toBe('admitted');
  });

  it('return one after the other where another was asked to wait', async () => {
    runtime.chance = 0.5;
    const [a, b] = [process({ requestsPerMinute: 100 }), process({ requestsPerMinute: 100 })];
    const refused = await a.arrive();
    refused.end({ error: new RateLimitError('slow', { statusCode: 429, retryAfterMs: 2000 }) });
    await settled();
    const waiting = Array.from({ length: 10 }, () => new Admission(b.limiter));
    const admitted = () => waiting.filter(({ state }) => state === 'admitted').length;
    // Closed for 2000 ms and 100; ten return within 210.
    await runtime.advance(2099);
    expect(admitted()).toBe(0);
    await runtime.advance(1);
    expect(admitted()).toBe(1);
    await runtime.advance(100);
    expect(admitted()).toBeGreaterThan(3);
    expect(admitted()).toBeLessThan(7);
    await runtime.advance(120);
    expect(admitted()).toBe(10);
    for (const admission of waiting) admission.end();
    await settled();
    expect(runtime.pendingTimers).toBe(0);
  });

  it('return together where nobody waited for the gate any more when it was known to be closed', async () => {
    runtime.chance = 0.5;
    const [a, b] = [process({ requestsPerMinute: 100 }), process({ requestsPerMinute: 100 })];
    const refused = await a.arrive();
    refused.end({ error: new RateLimitError('slow', { statusCode: 429, retryAfterMs: 2000 }) });
    await settled();
    new Admission(b.limiter).call.abort('left');
    await runtime.advance(2100);
    const all = [1, 2, 3].map(() => new Admission(b.limiter));
    await settled();
    expect(states(all)).toEqual(['admitted', 'admitted', 'admitted']);
  });

  it('may have numbers of their own: each keeps to its own', async () => {
    const [a, b] = [process({ requestsPerMinute: 2 }), process({ requestsPerMinute: 4 })];
    const all = [await a.arrive(), await a.arrive(), await a.arrive(), await b.arrive()];
    // What waits in one process is before what comes later in another.
    expect(states(all)).toEqual(['admitted', 'admitted', 'waits', 'waits']);
    all[2]?.call.abort('left');
    await runtime.advance(1000);
    expect(all[3]?.state).toBe('admitted');
  });

  it('need one operation to admit a call, and one to settle it', async () => {
    const { arrive } = process({ requestsPerMinute: 100, tokensPerMinute: 1000, maxConcurrent: 5 });
    const admission = await arrive(100);
    expect(table.operations).toBe(1);
    admission.end();
    expect(table.operations).toBe(2);
  });

  it.each([
    ['all', 50, 2],
    ['64 at most', 130, 4],
  ])('ask for those who come at the same time together: %s', async (_what, length, operations) => {
    const { limiter } = process({ requestsPerMinute: 1000 });
    const all = Array.from({ length }, () => new Admission(limiter));
    await settled();
    expect(all.every(({ state }) => state === 'admitted')).toBe(true);
    expect(table.operations).toBe(operations);
  });

  it('settle for those that end at the same time together', async () => {
    const { arrive } = process({ requestsPerMinute: 1000 });
    const all = await Promise.all(Array.from({ length: 50 }, () => arrive()));
    const before = table.operations;
    for (const admission of all) admission.end();
    await settled();
    expect(table.operations - before).toBe(2);
  });

  it('refuse nobody of those who come together, again and again, before it is known that they have to wait', async () => {
    const { limiter } = process({ requestsPerMinute: 10, maxQueue: 1 });
    for (let round = 0; round < 3; round++) {
      const all = [1, 2, 3].map(() => new Admission(limiter));
      await settled();
      expect(states(all)).toEqual(['admitted', 'admitted', 'admitted']);
    }
  });

  it('refuse nobody either after one has left who was to wait', async () => {
    const { limiter, arrive } = process({ requestsPerMinute: 3, maxQueue: 1 });
    for (let call = 0; call < 3; call++) await arrive();
    new Admission(limiter).call.abort('left');
    await runtime.advance(60_000);
    const all = [1, 2, 3].map(() => new Admission(limiter));
    await settled();
    expect(states(all)).toEqual(['admitted', 'admitted', 'admitted']);
  });

  it.each<[string, number, number, string]>([
    ['at once where it has refused the first who waits', 1, 3, 'refused'],
    ['not yet where it has only granted', 100, 2, 'waits'],
  ])(
    'refuse whom the queue has no place for while the store is asked once more: %s',
    async (_what, requestsPerMinute, operation, state) => {
      const { limiter, store } = process({ requestsPerMinute, maxQueue: 1 });
      let arrived: string | undefined;
      const { take } = store;
      store.take = (...args) => {
        if (table.operations === operation - 1) arrived ??= new Admission(limiter).state;
        return take.apply(store, args);
      };
      void [1, 2].map(() => new Admission(limiter));
      await runtime.advance(1000);
      expect(arrived).toBe(state);
    },
  );

  it('refuse who is one too many, and say so', async () => {
    const { limiter } = process({ requestsPerMinute: 1, maxQueue: 1 });
    const all = [1, 2, 3].map(() => new Admission(limiter));
    await settled();
    expect(states(all)).toEqual(['admitted', 'waits', 'refused']);
    expect(all[2]?.call.told).toEqual(['queued', 'rejected']);
  });

  it('refuse who cannot be admitted in time, and say how long he has waited', async () => {
    const { limiter, arrive, store } = process({ requestsPerMinute: 1, maxWaitMs: 1000 });
    await arrive();
    await runtime.advance(5000);
    const { take } = store;
    store.take = async (...args) => {
      await new Promise<void>((resolve) => runtime.setTimer(resolve, 100));
      return take.apply(store, args);
    };
    const refused = new Admission(limiter);
    await runtime.advance(100);
    expect((refused.error as Error).message).toContain('it has waited for 100 ms and would be admitted in');
  });

  it('let who waits already go on until his time is up, though the wait has become longer', async () => {
    const { limiter, arrive } = process({ requestsPerMinute: 60, requestBurst: 1, maxWaitMs: 5000 });
    await arrive();
    const waiting = await arrive();
    limiter.observe({ requests: { remaining: 0, resetMs: 20_000 } });
    await runtime.advance(4999);
    expect(waiting.state).toBe('waits');
    await runtime.advance(1);
    expect(waiting.state).toBe('refused');
  });

  it('hold limits that are changed while the store is asked for those who wait, at once', async () => {
    const { limiter, arrive } = process({ maxConcurrent: 1 });
    await arrive();
    const waiting = new Admission(limiter);
    limiter.update({ maxConcurrent: 2 });
    await settled();
    expect(waiting.state).toBe('admitted');
  });

  it('give back what was granted to a call that something else stands against meanwhile', async () => {
    const { limiter, arrive } = process({ requestsPerMinute: 1 });
    const spent = new Error('spent');
    let isSpent = false;
    const admissionCheck = {
      test() {
        if (isSpent) throw spent;
      },
      commit: () => undefined,
      take: () => undefined,
    };
    const refused = new Admission(limiter, new FakeCall({ admissionCheck }));
    isSpent = true;
    await settled();
    expect(refused.error).toBe(spent);
    expect((await arrive()).state).toBe('admitted');
  });

  it('refuse at the first no whom something else stands against', async () => {
    const { limiter, store } = process({ requestsPerMinute: 5 });
    const spent = new Error('spent');
    let isSpent = false;
    const admissionCheck = {
      test() {
        if (!isSpent) return;
        isSpent = false;
        throw spent;
      },
      commit: () => undefined,
      take: () => undefined,
    };
    const { take } = store;
    store.take = (...args) => {
      isSpent = true;
      return take.apply(store, args);
    };
    const refused = new Admission(limiter, new FakeCall({ admissionCheck }));
    await settled();
    expect(refused.error).toBe(spent);
  });

  it('ask once for a call, also where another ends before the answer is there', async () => {
    const { arrive, limiter } = process({ requestsPerMinute: 5 });
    const running = await arrive();
    const before = table.operations;
    const asked = new Admission(limiter);
    running.end();
    await settled();
    expect(asked.state).toBe('admitted');
    // One that takes, and one that settles.
    expect(table.operations - before).toBe(2);
  });

  it('refuse nobody unasked after the one who waited has left', async () => {
    const { limiter, arrive } = process({ requestsPerMinute: 3, maxQueue: 1 });
    for (let call = 0; call < 3; call++) await arrive();
    const waiting = await arrive();
    expect(waiting.state).toBe('waits');
    waiting.call.abort('left');
    await runtime.advance(120_000);
    const all = [1, 2, 3].map(() => new Admission(limiter));
    await settled();
    expect(states(all)).toEqual(['admitted', 'admitted', 'admitted']);
  });

  it('forget no key whose calls the store has not heard the end of, and tell it when it is back', async () => {
    const store = new ReferenceStore(table);
    store.whenDown = 'open';
    const limiter = new Limiter({
      tokensPerDay: 1000,
      cost: ({ args }) => args[0] as number,
      key: ({ args }) => String(args[1]),
      store,
    });
    const arrive = async (tokens: number, key: string): Promise<Admission> => {
      const admission = new Admission(limiter, new FakeCall({ args: [tokens, key] }));
      await settled();
      return admission;
    };
    const first = await arrive(900, 'k');
    table.failure = new Error('down');
    first.end({ facts: { sent: false } });
    await settled();
    for (let i = 0; i < 250; i++) (await arrive(1, `other ${i}`)).end();
    table.failure = undefined;
    await runtime.advance(120_000);
    for (let i = 0; i < 500; i++) (await arrive(1, `further ${i}`)).end();
    await settled();
    expect((await arrive(950, 'k')).state).toBe('admitted');
  });

  it('forget no key for which somebody waits', async () => {
    const key = ({ args }: { args: readonly unknown[] }) => String(args[1]);
    const [a, b] = [process({ maxConcurrent: 1, key }), process({ maxConcurrent: 1, key })];
    const arrive = async ({ limiter }: typeof a, name: string): Promise<Admission> => {
      const admission = new Admission(limiter, new FakeCall({ args: [0, name] }));
      await settled();
      return admission;
    };
    const running = await arrive(a, 'k');
    const waiting = await arrive(b, 'k');
    for (let i = 0; i < 250; i++) {
      (await arrive(b, `other ${i}`)).end();
      await settled();
    }
    expect(b.limiter.snapshot()['k']?.queued).toBe(1);
    running.end();
    await settled();
    expect(waiting.state).toBe('admitted');
  });

  it('give back what was granted to a caller that had left meanwhile', async () => {
    const { limiter, arrive } = process({ requestsPerMinute: 1 });
    const leaving = new Admission(limiter);
    leaving.call.abort('left');
    await settled();
    expect(leaving.state).toBe('refused');
    expect((await arrive()).state).toBe('admitted');
  });

  it.each<[string, object, number]>([
    ['one operation for limits that are ours', { requests: { remaining: 5 } }, 1],
    ['none for limits that are not', { inputTokens: { remaining: 5 } }, 0],
  ])('need for a report, also while somebody waits, %s', async (_what, limits, operations) => {
    const { arrive } = process({ requestsPerMinute: 1 });
    const running = await arrive();
    await arrive();
    const before = table.operations;
    running.call.report({ limits });
    await settled();
    expect(table.operations - before).toBe(operations);
  });

  it('ask no more often because others come who have to wait behind', async () => {
    const { arrive, limiter, store } = process({ requestsPerMinute: 1 });
    await arrive();
    const { take } = store;
    let coming: Admission | undefined;
    store.take = (...args) => {
      coming ??= new Admission(limiter);
      return take.apply(store, args);
    };
    const before = table.operations;
    const waiting = await arrive();
    expect(states([waiting, coming as Admission])).toEqual(['waits', 'waits']);
    expect(table.operations - before).toBe(1);
  });

  it('ask no more often because an answer takes its time', async () => {
    const { arrive, store } = process({ requestsPerMinute: 1 });
    await arrive();
    await arrive();
    const { take } = store;
    store.take = async (...args) => {
      await new Promise<void>((resolve) => runtime.setTimer(resolve, 200));
      return take.apply(store, args);
    };
    await runtime.advance(900);
    const before = table.operations;
    table.wakers.get(store)?.get('default')?.();
    // The second after which it would have asked anyway is over before the answer is there.
    await runtime.advance(1100);
    expect(table.operations - before).toBe(1);
  });

  it('tell from time to time that their calls still run, and only then', async () => {
    const { arrive } = process({ maxConcurrent: 2 });
    const admission = await arrive();
    const before = table.operations;
    await runtime.advance(30_000);
    expect(table.operations - before).toBe(3);
    admission.end();
    await settled();
    expect(runtime.pendingTimers).toBe(0);
  });

  it('tell so while the gate is closed, too', async () => {
    const { arrive } = process({ maxConcurrent: 3 });
    const [running, refused] = [await arrive(), await arrive()];
    refused?.end({ error: new RateLimitError('slow', { statusCode: 429, retryAfterMs: 50_000 }) });
    const waiting = await arrive();
    const before = table.operations;
    await runtime.advance(45_000);
    expect(table.operations - before).toBeGreaterThanOrEqual(4);
    waiting.call.abort('left');
    running?.end();
    await settled();
  });

  it('wait without asking more than once a second, and whoever is woken for nothing goes on waiting', async () => {
    const [a, b] = [process({ maxConcurrent: 1 }), process({ maxConcurrent: 1 })];
    await a.arrive();
    const waiting = await b.arrive();
    const before = table.operations;
    await runtime.advance(10_000);
    expect(table.operations - before).toBeLessThanOrEqual(11);
    expect(waiting.state).toBe('waits');
    waiting.call.abort('left');
    await settled();
  });
});

describe('a store that is down', () => {
  const down = new Error('connect ECONNREFUSED');

  it.each(['local', 'open', 'closed'] as const)('is answered for within its time: %s', async (whenDown) => {
    const { arrive } = process({ requestsPerMinute: 2 }, whenDown);
    table.failure = 'silent';
    const first = await arrive();
    await runtime.advance(249);
    expect(first.state).toBe('waits');
    await runtime.advance(1);
    const all = [first, await arrive(), await arrive()];
    expect(states(all)).toEqual(
      {
        // Half of two, which is one; the second waits for its turn in this process.
        local: ['admitted', 'waits', 'waits'],
        open: ['admitted', 'admitted', 'admitted'],
        closed: ['refused', 'refused', 'refused'],
      }[whenDown],
    );
    if (whenDown !== 'closed') return;
    expect(first.error).toBeInstanceOf(StoreUnavailableError);
    expect(first.error).not.toBeInstanceOf(RateLimitError);
    expect((first.error as Error).message).toContain('has not answered within 250 ms');
  });

  it('keeps its share of the limits where that is what is wanted', async () => {
    const { arrive, snapshot } = process({ requestsPerMinute: 60, tokensPerMinute: 1000, maxConcurrent: 30 });
    table.failure = down;
    const all = await Promise.all(Array.from({ length: 40 }, () => arrive(1)));
    expect(all.filter(({ state }) => state === 'admitted')).toHaveLength(15);
    for (const admission of all.slice(0, 15)) admission.end();
    await settled();
    expect(all.filter(({ state }) => state === 'admitted')).toHaveLength(30);
    expect(snapshot()).toMatchObject({
      requests: { limit: 30, burst: 30, available: 0 },
      tokens: { limit: 500 },
      concurrency: { inFlight: 15, limit: 15 },
      store: 'down',
    });
  });

  it('lets a call through that is larger than the share of the burst, when all of the share is there', async () => {
    const { arrive, snapshot } = process({ tokensPerMinute: 1000 });
    table.failure = down;
    expect((await arrive(900)).state).toBe('admitted');
    expect(snapshot()?.tokens?.available).toBe(-400);
  });

  it('is left alone for a second after a failure, and longer after every further one', async () => {
    const { arrive } = process({ requestsPerMinute: 1e6 });
    table.failure = down;
    const asked: number[] = [];
    for (let at = 0; at < 40_000; at += 100) {
      const before = table.operations;
      const call = await arrive();
      if (table.operations > before) asked.push(at);
      call.call.entered = false;
      call.end();
      await runtime.advance(100);
    }
    expect(asked).toEqual([0, 1000, 3000, 7000, 15_000, 25_000, 35_000]);
  });

  it('is used again as soon as it answers, and knows of the calls that were admitted without it', async () => {
    const { arrive, snapshot } = process({ requestsPerMinute: 100, maxConcurrent: 4 });
    table.failure = down;
    const local = [await arrive(), await arrive(), await arrive()];
    expect(states(local)).toEqual(['admitted', 'admitted', 'waits']);
    table.failure = undefined;
    await runtime.advance(1000);
    expect(states(local)).toEqual(['admitted', 'admitted', 'admitted']);
    expect(snapshot()).toMatchObject({ store: 'up', concurrency: { inFlight: 3 } });
    for (const admission of local) admission.end();
    await settled();
    await arrive();
    expect(snapshot()?.concurrency.inFlight).toBe(1);
  });

  it('is told later what calls used that ended meanwhile, once', async () => {
    const { arrive, snapshot } = process({ tokensPerMinute: 60_000 });
    const all = [await arrive(10_000), await arrive(10_000)];
    table.failure = down;
    for (const admission of all) {
      admission.end({ facts: { usage: { inputTokens: 0, outputTokens: 100 } } });
      await settled();
    }
    table.failure = undefined;
    await runtime.advance(1000);
    await arrive(0);
    await settled();
    expect(snapshot()).toMatchObject({ tokens: { available: 60_000 - 200 + 200 }, store: 'up' });
    expect(table.entry('default').drawn).toEqual({ requests: 3, tokens: 200 });
  });

  it('gets back what it grants when nobody waits for it any more, and counts as down', async () => {
    const { arrive, store } = process({ tokensPerMinute: 60_000 }, 'closed');
    const { take } = store;
    store.take = async (...args) => {
      await new Promise<void>((resolve) => runtime.setTimer(resolve, 300));
      return take.apply(store, args);
    };
    const call = await arrive(5000);
    await runtime.advance(1000);
    expect(call.state).toBe('refused');
    expect(table.entry('default').drawn).toEqual({ requests: 0, tokens: 0 });
    expect((await arrive(5000)).call.told).not.toContain('store');
  });

  it('refuses none of those who come together when it is back, before it is known that they have to wait', async () => {
    const { limiter, arrive } = process({ requestsPerMinute: 10, maxQueue: 1 }, 'open');
    table.failure = down;
    expect((await arrive()).state).toBe('admitted');
    await runtime.advance(2000);
    table.failure = undefined;
    const all = [1, 2, 3].map(() => new Admission(limiter));
    await settled();
    expect(states(all)).toEqual(['admitted', 'admitted', 'admitted']);
  });

  it('refuses nobody unasked who comes while it is asked again, and others wait that it could not answer for', async () => {
    const { limiter, store } = process({ requestsPerMinute: 2, maxQueue: 1 });
    table.failure = down;
    const all = [new Admission(limiter), new Admission(limiter)];
    await settled();
    expect(states(all)).toEqual(['admitted', 'waits']);
    table.failure = undefined;
    const { take } = store;
    store.take = (...args) => {
      if (all.length === 2) all.push(new Admission(limiter));
      return take.apply(store, args);
    };
    await runtime.advance(1000);
    expect(states(all)).toEqual(['admitted', 'admitted', 'admitted']);
  });

  it('takes what becomes of calls that nobody keeps account of', async () => {
    const { arrive } = process({ tokensPerMinute: 1000 }, 'open');
    table.failure = down;
    const admission = await arrive(500);
    const limits = { tokens: { limit: 1000, remaining: 150, resetMs: 51_000 } };
    admission.end({ error: new BadRequestError('bad', 400), facts: { limits } });
    expect(admission.call.told.at(-1)).toBe('refunded');
  });

  it('gets nothing back where its late answer grants nothing', async () => {
    const { arrive, store } = process({ requestsPerMinute: 1 }, 'closed');
    await arrive();
    const { take } = store;
    store.take = async (...args) => {
      await new Promise<void>((resolve) => runtime.setTimer(resolve, 300));
      return take.apply(store, args);
    };
    expect((await arrive()).state).toBe('waits');
    const before = table.operations;
    await runtime.advance(300);
    expect(table.operations - before).toBe(1);
  });

  it('is told of, once when it goes down and once when it is back', async () => {
    const { arrive } = process({ requestsPerMinute: 100 }, 'open');
    const told = (admission: Admission) => admission.call.events.filter(({ type }) => type === 'store');
    table.failure = down;
    expect(told(await arrive())).toMatchObject([{ state: 'down', error: { code: 'store_unavailable' } }]);
    expect(told(await arrive())).toEqual([]);
    table.failure = undefined;
    await runtime.advance(1000);
    expect(told(await arrive())).toEqual([{ type: 'store', state: 'up' }]);
  });

  it('is not asked at all while it is known not to answer', async () => {
    const { arrive, store } = process({ requestsPerMinute: 100 }, 'open');
    Object.assign(store, { isReady: () => false });
    expect((await arrive()).state).toBe('admitted');
    expect(table.operations).toBe(0);
  });

  it('leaves nothing behind in the middle of a wait', async () => {
    const { arrive } = process({ requestsPerMinute: 1 }, 'closed');
    await arrive();
    const waiting = await arrive();
    table.failure = down;
    await runtime.advance(1000);
    expect(waiting.error).toBeInstanceOf(StoreUnavailableError);
    expect(waiting.call.told.at(-1)).toBe('rejected');
    expect(runtime.pendingTimers).toBe(0);
  });
});
