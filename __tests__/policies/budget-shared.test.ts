import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  Budget,
  currentCall,
  Limiter,
  onPolicyEvent,
  RateLimited,
  SpendingBudget,
  type BudgetFields,
  type BudgetOptions,
  type CallOptions,
  type LimiterStore,
  type PolicyEvent,
} from '../../decorators/index.js';
import { deferred, failureOf } from '../support/policies';
import { ReferenceStore, SharedTable } from '../support/reference-store';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';

let time: VirtualRuntime;
let restore: () => void;
let table: SharedTable;
beforeEach(() => {
  ({ runtime: time, restore } = installVirtualRuntime());
  table = new SharedTable();
});
afterEach(() => {
  expect(time.pendingTimers).toBe(0);
  restore();
});

const DAY = 86_400_000;
const UNTIL_MIDNIGHT = DAY - (1_700_000_000_000 % DAY);

/** A process of several that share the table: one object, whose calls may cost so many tokens and use so many. */
function processWith(
  options: BudgetFields & { limiter?: Limiter } = {},
  whenDown: LimiterStore['whenDown'] = 'closed',
) {
  const { limiter, ...own } = options;
  const store = new ReferenceStore(table);
  store.whenDown = whenDown;
  const budget = new SpendingBudget({
    ...('limits' in own ? {} : { tokens: 100 }),
    per: 'limits' in own ? undefined : 'day',
    cost: (call) => ({ inputTokens: call.args[0] as number, usd: (call.args[0] as number) / 1000 }),
    store,
    ...own,
  } as BudgetOptions);
  class Service {
    sent = 0;
    @Budget(budget)
    @RateLimited(() => limiter ?? false)
    async ask(_tokens: number, uses?: number, until?: Promise<unknown>, _options?: CallOptions) {
      const call = currentCall();
      this.sent++;
      await until;
      if (uses !== undefined) call?.report({ usage: { inputTokens: uses, outputTokens: 0 } });
    }
  }
  const service = new Service();
  const events: PolicyEvent[] = [];
  onPolicyEvent(service, (event) => events.push(event));
  const state = () => budget.snapshot()['tokens per day']?.['default'];
  return { service, ask: service.ask.bind(service), budget, store, events, state };
}

describe('processes that share a budget', () => {
  it('spend it together', async () => {
    const [a, b] = [processWith(), processWith()];
    const end = deferred();
    const running = a.ask(60, 50, end.promise);
    await settled();
    expect(a.state()).toEqual({
      unit: 'tokens',
      used: 0,
      reserved: 60,
      limit: 100,
      resetMs: UNTIL_MIDNIGHT,
      store: 'up',
    });
    expect(await failureOf(b.ask(41))).toMatchObject({
      code: 'budget_exceeded',
      retryAfterMs: UNTIL_MIDNIGHT,
      message: expect.stringContaining(
        "budget 'tokens per day': 60 tokens of 100 tokens are used or reserved, and this call may use 41 tokens.",
      ),
    });
    // Who was refused stands in nobody's way, and is not to be woken.
    expect(table.wakers.size).toBe(0);
    await b.ask(40, 40);
    end.resolve();
    await running;
    await settled();
    expect(a.state()).toMatchObject({ used: 90, reserved: 0 });
    await b.ask(10, 10);
    expect(await failureOf(a.ask(1))).toMatchObject({ code: 'budget_exceeded' });
    expect(b.events.filter(({ type }) => type === 'budget')).toMatchObject([
      { state: 'exceeded', used: 60 },
      { state: 'warning', used: 100 },
    ]);
  });

  it('cannot overshoot it by calls at the same time', async () => {
    const processes = [processWith(), processWith(), processWith()];
    const all = await Promise.allSettled(Array.from({ length: 30 }, (_, i) => processes[i % 3]?.ask(30)));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  });

  it('do not ask for what can never fit', async () => {
    const a = processWith();
    const error = (await failureOf(a.ask(101))) as Error;
    expect(error.message).toMatch(/It can never be admitted/);
    expect(table.operations).toBe(0);
  });

  it('begin anew at the turn of the window; nothing is refilled before', async () => {
    const [a, b] = [processWith(), processWith()];
    await a.ask(100, 100);
    await settled();
    await time.advance(UNTIL_MIDNIGHT - 1);
    expect(await failureOf(b.ask(1))).toMatchObject({ code: 'budget_exceeded', retryAfterMs: 1 });
    await time.advance(1);
    expect(a.budget.snapshot()).toEqual({ 'tokens per day': {} });
    await b.ask(100, 100);
    expect(await failureOf(a.ask(1))).toMatchObject({ retryAfterMs: DAY });
    expect([...table.entries.keys()]).toEqual([
      'budget:tokens per day:default:2023-11-14T00:00:00.000Z',
      'budget:tokens per day:default:2023-11-15T00:00:00.000Z',
    ]);
  });

  it('charge the window in which a call was begun', async () => {
    const a = processWith();
    const end = deferred();
    const running = a.ask(60, 50, end.promise);
    await time.advance(UNTIL_MIDNIGHT);
    await a.ask(7, 7);
    end.resolve();
    await running;
    await settled();
    expect(a.state()).toMatchObject({ used: 7, reserved: 0 });
    expect([...table.entries.values()].map(({ used }) => used.get('tokens'))).toEqual([50, 7]);
  });

  it('count dollars to the billionth, and keys apart', async () => {
    const limits = [
      { usd: 0.1, per: 'day', key: (call: { args: readonly unknown[] }) => String(call.args[1]) },
      { tokens: 150, per: 'hour' },
    ] as const;
    const [a, b] = [processWith({ limits }), processWith({ limits })];
    for (let i = 0; i < 10; i++) await (i % 2 ? a : b).ask(10, 10);
    await settled();
    await a.ask(50, 50);
    expect(await failureOf(b.ask(1, 50))).toMatchObject({
      message: expect.stringContaining("'tokens per hour'"),
    });
    await settled();
    // As each was told last. What was taken of the first limit was given back.
    expect(b.budget.snapshot()['usd per day']).toMatchObject({
      '10': { used: 0.09 },
      '50': { used: 0.05, reserved: 0 },
    });
    expect(a.budget.snapshot()['usd per day']).toMatchObject({
      '10': { used: 0.1, reserved: 0 },
      '50': { used: 0.05 },
    });
  });

  it('keep to a limit that is changed, each for itself', async () => {
    const a = processWith();
    await a.ask(100, 100);
    expect(() => a.budget.update({ per: undefined, windowMs: 5 })).toThrow('goes by the calendar');
    a.budget.update({ tokens: 130 });
    await a.ask(30, 30);
    expect(await failureOf(a.ask(1))).toMatchObject({
      message: expect.stringContaining('130 tokens of 130 tokens'),
    });
  });

  it('give back what was granted to a call that has been aborted', async () => {
    const a = processWith();
    const controller = new AbortController();
    const running = failureOf(a.ask(60, 50, undefined, { signal: controller.signal }));
    controller.abort();
    expect(await running).toMatchObject({ code: 'aborted' });
    await settled();
    expect(a.service.sent).toBe(0);
    expect(table.entries.size === 0 || [...table.entries.values()][0]?.used.get('tokens')).toBe(0);
  });

  it('give back what a call had reserved that is aborted by who is told of it', async () => {
    const a = processWith();
    const controller = new AbortController();
    onPolicyEvent(a.service, ({ type }) => type === 'budget' && controller.abort());
    expect(await failureOf(a.ask(90, 50, undefined, { signal: controller.signal }))).toMatchObject({
      code: 'aborted',
    });
    await settled();
    expect(a.service.sent).toBe(0);
    expect(a.state()).toMatchObject({ used: 0, reserved: 0 });
  });

  it('tell the store with each operation for how long it must know what was spent', async () => {
    const a = processWith();
    const take = jest.spyOn(a.store, 'take');
    const untilEnd = () => take.mock.lastCall?.[1].limits.endsInMs;
    await a.ask(10, 10);
    expect(untilEnd()).toBe(UNTIL_MIDNIGHT);
    await time.advance(60_000);
    await a.ask(10, 10);
    expect(untilEnd()).toBe(UNTIL_MIDNIGHT - 60_000);
    expect(take.mock.lastCall?.[1].limits.rates).toMatchObject([{ limit: 100, burst: 100, windowMs: DAY }]);
  });

  it('take it when a limiter has admitted the call, and give its place back when there is no room', async () => {
    const limiter = new Limiter({ requestsPerMinute: 5, maxConcurrent: 1 });
    const a = processWith({ limiter });
    await a.ask(80, 80);
    expect(await failureOf(a.ask(30))).toMatchObject({ code: 'budget_exceeded' });
    expect(limiter.snapshot()['default']).toMatchObject({
      requests: { available: 4 },
      concurrency: { inFlight: 0 },
    });
    await a.ask(20, 20);
  });
});

describe('a limiter with a store and a budget in this process', () => {
  function joined(options: { requestsPerMinute?: number; maxConcurrent?: number }) {
    const limiter = new Limiter({ ...options, store: new ReferenceStore(table) });
    const budget = new SpendingBudget({
      tokens: 100,
      per: 'day',
      cost: (call) => ({ inputTokens: call.args[0] as number }),
    });
    class Service {
      @Budget(budget)
      @RateLimited(limiter)
      async ask(tokens: number, until?: Promise<unknown>) {
        await until;
        return tokens;
      }
    }
    return { limiter, budget, service: new Service() };
  }

  it('checks it before the store is asked, and again when it has granted', async () => {
    const { limiter, budget, service } = joined({ requestsPerMinute: 10 });
    // All three are asked for together; each had room when it came.
    const all = await Promise.allSettled([service.ask(60), service.ask(60), service.ask(40)]);
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await settled();
    expect(budget.snapshot()['tokens per day']).toMatchObject({ default: { used: 100, reserved: 0 } });
    expect(limiter.snapshot()['default']).toMatchObject({
      requests: { available: 8 },
      queued: 0,
      concurrency: { inFlight: 0 },
    });
    const { operations } = table;
    expect(await failureOf(service.ask(1))).toMatchObject({ code: 'budget_exceeded' });
    expect(table.operations).toBe(operations);
  });

  it('refuses those who wait when there is no room any more, without asking for them', async () => {
    const { limiter, service } = joined({ maxConcurrent: 1 });
    const end = deferred();
    const first = service.ask(50, end.promise);
    await settled();
    const second = service.ask(50);
    await settled();
    const others = [failureOf(service.ask(40)), failureOf(service.ask(40))];
    await settled();
    end.resolve();
    await Promise.all([first, second]);
    await time.runAll();
    expect(await Promise.all(others)).toMatchObject([
      { code: 'budget_exceeded' },
      { code: 'budget_exceeded' },
    ]);
    expect(limiter.snapshot()['default']).toMatchObject({ queued: 0, concurrency: { inFlight: 0 } });
  });
});

describe('while the store is down', () => {
  it.each([
    ['closed', ['store_unavailable', 'store_unavailable', 'store_unavailable']],
    ['open', ['ok', 'ok', 'ok']],
    // Half of the limit is this process's share.
    ['local', ['ok', 'budget_exceeded', 'ok']],
  ] as const)('%s', async (whenDown, expected) => {
    const a = processWith({}, whenDown);
    table.failure = new Error('gone');
    const outcomes: string[] = [];
    // Nothing is refilled meanwhile.
    for (const tokens of [30, 22, 20]) {
      await time.advance(1_500_000);
      await a.ask(tokens, tokens).then(
        () => outcomes.push('ok'),
        (error: { code: string }) => outcomes.push(error.code),
      );
    }
    expect(outcomes).toEqual(expected);
    expect(a.state()?.store).toBe('down');
    expect(a.state()?.reserved).toBe(0);
    table.failure = undefined;
    await time.advance(10_000);
    await a.ask(100, 100);
    expect(a.state()?.store).toBe('up');
  });

  it('waits no longer for it than it may take to answer', async () => {
    const a = processWith({}, 'closed');
    table.failure = 'silent';
    const running = failureOf(a.ask(10));
    await time.advance(250);
    expect(await running).toMatchObject({ code: 'store_unavailable' });
  });
});

it('a budget that rolls cannot be shared', () => {
  expect(() => processWith({ per: undefined, windowMs: 1000 })).toThrow(
    "SpendingBudget: 'tokens per 1000 ms' rolls, and a budget with `store` goes by the calendar: give `per` instead of `windowMs`.",
  );
});
