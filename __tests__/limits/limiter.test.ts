import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AbortError, QueueFullError, RateLimitError, TimeoutError } from '../../decorators/errors/index';
import { Limiter } from '../../decorators/limits/index';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';
import { Admission, FakeCall, hostEstimating } from './fake-call';

let runtime: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  ({ runtime, restore } = installVirtualRuntime());
});
afterEach(() => restore());

const states = (admissions: readonly Admission[]): string[] => admissions.map(({ state }) => state);
const enter = (limiter: Limiter, count: number): Admission[] =>
  Array.from({ length: count }, () => new Admission(limiter));

describe('admission by rates', () => {
  it('admits a minute’s worth at once, and then one by one as the rate refills', async () => {
    const limiter = new Limiter({ requestsPerMinute: 60 });
    const first = enter(limiter, 60);
    expect(states(first)).toEqual(Array(60).fill('admitted'));
    const [next, afterNext] = enter(limiter, 2) as [Admission, Admission];
    await runtime.advance(999);
    expect(next.state).toBe('waits');
    await runtime.advance(1);
    expect(states([next, afterNext])).toEqual(['admitted', 'waits']);
    await runtime.advance(1000);
    expect(afterNext.state).toBe('admitted');
    expect(runtime.pendingTimers).toBe(0);
  });

  it('takes the bursts as the sizes of the buckets', async () => {
    const limiter = new Limiter({
      requestsPerMinute: 60,
      requestBurst: 2,
      tokensPerMinute: 600,
      tokenBurst: 100,
      cost: (call) => call.args[0] as number,
    });
    const call = (tokens: number) => new Admission(limiter, new FakeCall({ args: [tokens] }));
    expect(call(101).error).toBeInstanceOf(RateLimitError);
    expect(states([call(10), call(10), call(10)])).toEqual(['admitted', 'admitted', 'waits']);
    await runtime.advance(3_600_000);
    expect(limiter.snapshot()['default']).toMatchObject({
      requests: { available: 2, limit: 60, burst: 2 },
      tokens: { available: 100, limit: 600, burst: 100 },
    });
  });

  it('holds calls to the numbers of the day as well', async () => {
    const limiter = new Limiter({ requestsPerDay: 24, tokensPerDay: 24_000, cost: () => 500 });
    expect(states(enter(limiter, 25))).toEqual([...Array<string>(24).fill('admitted'), 'refused']);
    await runtime.advance(3_600_000);
    expect(states(enter(limiter, 2))).toEqual(['admitted', 'refused']);
    expect(limiter.snapshot()['default']).toMatchObject({
      dailyRequests: { available: 0, limit: 24 },
      dailyTokens: { available: 12_500, limit: 24_000 },
    });
  });

  it('takes all dimensions together or none', () => {
    const limiter = new Limiter({
      requestsPerMinute: 10,
      tokensPerMinute: 1000,
      maxWaitMs: 0,
      cost: () => 600,
    });
    const admissions = enter(limiter, 5);
    expect(states(admissions)).toEqual(['admitted', 'refused', 'refused', 'refused', 'refused']);
    expect(limiter.snapshot()['default']).toMatchObject({
      requests: { available: 9 },
      tokens: { available: 400 },
    });
  });

  it('lets nobody past a large call at the head', async () => {
    const limiter = new Limiter({ tokensPerMinute: 60_000, cost: (call) => call.args[0] as number });
    const call = (tokens: number) => new Admission(limiter, new FakeCall({ args: [tokens] }));
    call(50_000);
    const [large, small] = [call(40_000), call(1)];
    await runtime.advance(29_999);
    expect(states([large, small])).toEqual(['waits', 'waits']);
    await runtime.advance(1);
    expect(large.state).toBe('admitted');
    await runtime.advance(1);
    expect(small.state).toBe('admitted');
  });

  it('refuses at once what can never fit, and blocks nobody by it', () => {
    const limiter = new Limiter({ tokensPerMinute: 1000, cost: (call) => call.args[0] as number });
    const refused = new Admission(limiter, new FakeCall({ args: [1001] }));
    expect(refused.error).toBeInstanceOf(RateLimitError);
    expect(refused.error).toMatchObject({ origin: 'client' });
    expect(refused.error).not.toHaveProperty('retryAfterMs');
    expect((refused.error as Error).message).toContain('1001 tokens');
    expect(refused.call.told).toEqual(['rejected']);
    expect(new Admission(limiter, new FakeCall({ args: [1000] })).state).toBe('admitted');
  });

  it('refuses at once what the rates show to take longer than maxWaitMs, with those ahead counted in', () => {
    const limiter = new Limiter({ requestsPerMinute: 60, requestBurst: 1, maxWaitMs: 3000 });
    const admissions = enter(limiter, 6);
    expect(states(admissions)).toEqual(['admitted', 'waits', 'waits', 'waits', 'refused', 'refused']);
    expect(admissions[4]?.error).toBeInstanceOf(RateLimitError);
    expect(admissions[4]?.error).toMatchObject({ origin: 'client', retryAfterMs: 4000, retryable: false });
    expect(admissions[4]?.call.signalWasMade).toBe(false);
  });

  it('counts the tokens of those ahead in as well', () => {
    const limiter = new Limiter({ tokensPerMinute: 6000, maxWaitMs: 30_000, cost: () => 3000 });
    const admissions = enter(limiter, 4);
    expect(states(admissions)).toEqual(['admitted', 'admitted', 'waits', 'refused']);
    expect(admissions[3]?.error).toMatchObject({ retryAfterMs: 60_000 });
  });

  it('refuses at once what would be admitted after the deadline of the call', () => {
    const limiter = new Limiter({ requestsPerMinute: 60, requestBurst: 1 });
    enter(limiter, 1);
    expect(new Admission(limiter, new FakeCall({ deadline: 999 })).error).toMatchObject({
      retryAfterMs: 1000,
    });
    expect(new Admission(limiter, new FakeCall({ deadline: 1000 })).state).toBe('waits');
  });

  it('names the bound that was too near, and the wait it stood against', async () => {
    const limiter = new Limiter({
      requestsPerMinute: 60,
      requestBurst: 1,
      maxConcurrent: 1,
      maxWaitMs: 2500,
    });
    const message = (admission: Admission) => (admission.error as Error | undefined)?.message;
    enter(limiter, 1);
    expect(message(new Admission(limiter, new FakeCall({ deadline: 400 })))).toBe(
      'chat() was refused by its limiter: it would be admitted in 1000 ms, but its deadline is in 400 ms.',
    );
    const [timeIsUp, next, tooLong] = enter(limiter, 3) as [Admission, Admission, Admission];
    expect(message(tooLong)).toBe(
      'chat() was refused by its limiter: it would be admitted in 3000 ms, but may wait for 2500 ms (maxWaitMs) at most.',
    );
    await runtime.advance(2500);
    expect([message(timeIsUp), message(next)]).toEqual(
      Array(2).fill(
        'chat() was refused by its limiter: no running call has ended within 2500 ms (maxWaitMs).',
      ),
    );
    expect(message(new Admission(limiter, new FakeCall({ deadline: 2500 })))).toBe(
      'chat() was refused by its limiter: its deadline has passed.',
    );
  });

  it('names the time a call has waited when the provider’s account made it too long', async () => {
    const limiter = new Limiter({ requestsPerMinute: 60, requestBurst: 1, maxWaitMs: 1500 });
    const [, waiting] = enter(limiter, 2) as [Admission, Admission];
    limiter.observe({ requests: { remaining: 0, resetMs: 2000 } });
    await runtime.advance(1500);
    expect(waiting.error).toMatchObject({
      message:
        'chat() was refused by its limiter: it has waited for 1500 ms and would be admitted in 500 ms, but may wait for 1500 ms (maxWaitMs) at most.',
      retryAfterMs: 500,
    });
  });

  it('refuses more than maxQueue waiters with a QueueFullError', async () => {
    const limiter = new Limiter({ maxConcurrent: 1, maxQueue: 2 });
    const admissions = enter(limiter, 4);
    expect(states(admissions)).toEqual(['admitted', 'waits', 'waits', 'refused']);
    expect(admissions[3]?.error).toBeInstanceOf(QueueFullError);
    admissions[0]?.end();
    await settled();
    expect(new Admission(limiter).state).toBe('waits');
  });
});

describe('admission by concurrency', () => {
  it('runs maxConcurrent at a time and admits the next the moment one ends', async () => {
    const limiter = new Limiter({ maxConcurrent: 2 });
    const admissions = enter(limiter, 4);
    expect(states(admissions)).toEqual(['admitted', 'admitted', 'waits', 'waits']);
    admissions[1]?.end();
    await settled();
    expect(states(admissions)).toEqual(['admitted', 'admitted', 'admitted', 'waits']);
    // A newcomer in the same moment does not slip in before those who wait.
    admissions[0]?.end();
    const newcomer = new Admission(limiter);
    await settled();
    expect(states([admissions[3] as Admission, newcomer])).toEqual(['admitted', 'waits']);
  });

  it('gives a slot back once, however often a lease is settled', () => {
    const limiter = new Limiter({ maxConcurrent: 1 });
    const admission = new Admission(limiter);
    admission.end();
    admission.end();
    expect(limiter.snapshot()['default']?.concurrency).toEqual({ inFlight: 0, limit: 1 });
  });

  it('refuses a waiter when its time is up, without a hint it cannot know', async () => {
    const limiter = new Limiter({ maxConcurrent: 1, maxWaitMs: 500 });
    const [, waiting] = enter(limiter, 2) as [Admission, Admission];
    await runtime.advance(499);
    expect(waiting.state).toBe('waits');
    await runtime.advance(1);
    expect(waiting.error).toBeInstanceOf(RateLimitError);
    expect(waiting.error).toMatchObject({ origin: 'client' });
    expect(waiting.error).not.toHaveProperty('retryAfterMs');
    expect(waiting.call.told).toEqual(['queued', 'rejected']);
    expect([runtime.pendingTimers, waiting.call.abortListeners]).toEqual([0, 0]);
  });

  it('refuses at once with maxWaitMs 0', () => {
    const limiter = new Limiter({ maxConcurrent: 1, maxWaitMs: 0 });
    expect(states(enter(limiter, 2))).toEqual(['admitted', 'refused']);
    expect(runtime.timersSet).toBe(0);
  });
});

describe('abort', () => {
  it('ends a wait at once, lets the next move up and leaves nothing behind', async () => {
    const limiter = new Limiter({ tokensPerMinute: 60_000, cost: (call) => call.args[0] as number });
    const call = (tokens: number) => new Admission(limiter, new FakeCall({ args: [tokens] }));
    call(50_000);
    const [large, small] = [call(60_000), call(10_000)];
    const reason = new Error('left');
    large.call.abort(reason);
    await settled();
    expect(large.error).toBeInstanceOf(AbortError);
    expect(large.error).toMatchObject({ cause: reason });
    expect(small.state).toBe('admitted');
    expect(runtime.pendingTimers).toBe(0);
    expect([large.call.abortListeners, small.call.abortListeners]).toEqual([0, 0]);
  });

  it('throws an error of the hierarchy that was the reason as it is', async () => {
    const limiter = new Limiter({ maxConcurrent: 1 });
    const [, waiting] = enter(limiter, 2) as [Admission, Admission];
    const timeout = new TimeoutError('10 s have passed.', { code: 'timeout_total' });
    waiting.call.abort(timeout);
    await settled();
    expect(waiting.error).toBe(timeout);
  });

  it('costs nothing', async () => {
    const limiter = new Limiter({ requestsPerMinute: 60, requestBurst: 1 });
    const [, leaves, stays] = enter(limiter, 3) as [Admission, Admission, Admission];
    leaves.call.abort(undefined);
    await runtime.advance(1000);
    expect(stays.state).toBe('admitted');
  });

  it('is looked at only by a call that has to wait', () => {
    const limiter = new Limiter({ maxConcurrent: 1 });
    const [first, second] = enter(limiter, 2) as [Admission, Admission];
    expect(first.call.abortListeners).toBe(0);
    expect(second.call.abortListeners).toBe(1);
  });

  it('before arrival admits nothing, takes nothing and asks for no cost', () => {
    let asked = 0;
    const limiter = new Limiter({ requestsPerMinute: 60, cost: () => ++asked });
    const call = new FakeCall();
    const reason = new Error('left');
    call.abort(reason);
    const admission = new Admission(limiter, call);
    expect(admission.error).toMatchObject({ name: 'AbortError', cause: reason });
    expect(limiter.snapshot()['default']).toMatchObject({
      requests: { available: 60 },
      concurrency: { inFlight: 0 },
    });
    expect([asked, call.told]).toEqual([0, []]);
  });

  it('in the moment the cost becomes known takes nothing', async () => {
    let tellCost: (tokens: number) => void = () => undefined;
    const cost = new Promise<number>((resolve) => (tellCost = resolve));
    const limiter = new Limiter({ tokensPerMinute: 100, cost: () => cost });
    const admission = new Admission(limiter);
    // Between the cost and the limiter, which hears of it a little later.
    void cost.then(() => queueMicrotask(() => admission.call.abort('left')));
    tellCost(10);
    await settled();
    expect(admission.error).toBeInstanceOf(AbortError);
    expect(limiter.snapshot()['default']).toMatchObject({
      tokens: { available: 100 },
      concurrency: { inFlight: 0 },
    });
  });

  it('ends the wait for an async cost', async () => {
    const limiter = new Limiter({ tokensPerMinute: 100, cost: () => new Promise<number>(() => undefined) });
    const admission = new Admission(limiter);
    admission.call.abort('enough');
    await settled();
    expect(admission.error).toBeInstanceOf(AbortError);
    expect(admission.call.abortListeners).toBe(0);
  });
});

describe('what a call costs', () => {
  const available = (limiter: Limiter) => limiter.snapshot()['default']?.tokens?.available;

  it('is what the object estimates: the input and the bound of the output', () => {
    const limiter = new Limiter({ tokensPerMinute: 10_000 });
    new Admission(limiter, new FakeCall({ self: hostEstimating(200, 300) }));
    expect(available(limiter)).toBe(9500);
  });

  it('counts 500 tokens for an output without a bound, then the running mean of what came', () => {
    const limiter = new Limiter({ tokensPerMinute: 1e6 });
    const self = hostEstimating(100);
    const first = new Admission(limiter, new FakeCall({ self }));
    expect(first.lease?.tokens).toBe(600);
    first.end({ facts: { usage: { inputTokens: 100, outputTokens: 100 } } });
    expect(new Admission(limiter, new FakeCall({ self })).lease?.tokens).toBe(400);
    for (let i = 0; i < 100; i++) {
      new Admission(limiter, new FakeCall({ self })).end({
        facts: { usage: { inputTokens: 100, outputTokens: 40 } },
      });
    }
    expect(new Admission(limiter, new FakeCall({ self })).lease?.tokens).toBe(141);
  });

  it('is guessed no higher than the bucket is large', () => {
    const limiter = new Limiter({ tokensPerMinute: 300 });
    expect(new Admission(limiter).lease?.tokens).toBe(300);
    expect(
      new Admission(new Limiter({ tokensPerMinute: 300 }), new FakeCall({ self: hostEstimating(301) })).state,
    ).toBe('refused');
  });

  it('is not estimated where tokens are not limited', () => {
    const self = {
      [Symbol.for('keelson.policyHost')]: {
        estimate: () => {
          throw new Error('asked in vain');
        },
      },
    };
    expect(new Admission(new Limiter({ requestsPerMinute: 1 }), new FakeCall({ self })).state).toBe(
      'admitted',
    );
  });

  it('may count several requests', () => {
    const limiter = new Limiter({ requestsPerMinute: 10, cost: () => ({ requests: 4 }), maxWaitMs: 0 });
    expect(states(enter(limiter, 3))).toEqual(['admitted', 'admitted', 'refused']);
  });

  it('makes a call arrive when it is known', async () => {
    const limiter = new Limiter({ maxConcurrent: 1, cost: (call) => call.args[0] as Promise<number> });
    let tellCost: (tokens: number) => void = () => undefined;
    const slow = new Admission(
      limiter,
      new FakeCall({ args: [new Promise<number>((resolve) => (tellCost = resolve))] }),
    );
    const quick = new Admission(limiter, new FakeCall({ args: [Promise.resolve(1)] }));
    await settled();
    tellCost(1);
    await settled();
    expect(states([slow, quick])).toEqual(['waits', 'admitted']);
  });

  it.each([NaN, -1, Infinity, 'many', { tokens: -1 }, { requests: NaN }])('must be a number: %p', (cost) => {
    const limiter = new Limiter({ tokensPerMinute: 100, cost: () => cost as number });
    expect(new Admission(limiter).error).toBeInstanceOf(TypeError);
    expect(limiter.snapshot()['default']?.concurrency.inFlight).toBe(0);
  });
});

describe('keys', () => {
  const byModel = { key: (call: { args: readonly unknown[] }) => call.args[0] as string };
  const call = (limiter: Limiter, key: unknown) => new Admission(limiter, new FakeCall({ args: [key] }));

  it('split the balance, and may have numbers of their own', () => {
    const limiter = new Limiter({
      ...byModel,
      requestsPerMinute: 1,
      maxConcurrent: 5,
      maxWaitMs: 0,
      limits: (key) => (key === 'large' ? { requestsPerMinute: 2, maxConcurrent: undefined } : undefined),
    });
    const admissions = ['small', 'small', 'large', 'large', 'large'].map((key) => call(limiter, key));
    expect(states(admissions)).toEqual(['admitted', 'refused', 'admitted', 'admitted', 'refused']);
    expect(limiter.snapshot()).toMatchObject({
      small: { requests: { limit: 1 }, concurrency: { inFlight: 1, limit: 5 } },
      large: { requests: { limit: 2 }, concurrency: { inFlight: 2, limit: 5 } },
    });
    expect(admissions[0]?.call.events[0]).toMatchObject({
      type: 'admitted',
      key: 'small',
      requests: 1,
      waitMs: 0,
    });
  });

  it('are forgotten once their balances are full and idle', async () => {
    const limiter = new Limiter({ ...byModel, requestsPerMinute: 60 });
    const busy = call(limiter, 'busy');
    for (let i = 0; i < 5000; i++) {
      call(limiter, `user ${i}`).end();
      if (i % 50 === 0) await runtime.advance(2000);
    }
    expect(Object.keys(limiter.snapshot()).length).toBeLessThan(300);
    expect(limiter.snapshot()).toHaveProperty('busy');
    busy.end();
    expect(runtime.pendingTimers).toBe(0);
  });

  it('are not forgotten while they are short of anything', () => {
    const limiter = new Limiter({ ...byModel, requestsPerMinute: 1, maxWaitMs: 0 });
    for (let i = 0; i < 1000; i++) call(limiter, `user ${i}`).end();
    const again = Array.from({ length: 1000 }, (_, i) => call(limiter, `user ${i}`));
    expect(again.every(({ state }) => state === 'refused')).toBe(true);
  });

  it('must be strings, and the numbers for them in order', () => {
    expect(call(new Limiter({ key: () => 7 as never }), 'x').error).toEqual(
      new TypeError('Limiter: key(call) gave 7: give a string.'),
    );
    const wrong = new Limiter({ ...byModel, limits: () => ({ requestsPerMinut: 5 }) as never });
    expect((call(wrong, 'x').error as Error).message).toBe(
      "Limiter: limits('x'): there is no option `requestsPerMinut`. Did you mean `requestsPerMinute`?",
    );
    const withoutRate = new Limiter({ ...byModel, limits: () => ({ tokenBurst: 5 }) });
    expect((call(withoutRate, 'x').error as Error).message).toBe(
      "Limiter: limits('x'): `tokenBurst` is 5, but `tokensPerMinute` is not given: give the rate too.",
    );
    const learning = new Limiter({ ...byModel, limits: () => ({ tokenBurst: 5 }), learn: true });
    expect(call(learning, 'x').state).toBe('admitted');
  });

  it('are counted again before any is forgotten: at a hundred, and whenever as many more have come', () => {
    const limiter = new Limiter({ ...byModel, requestsPerMinute: 60, cost: () => ({ requests: 0 }) });
    const kept = () => Object.keys(limiter.snapshot()).length;
    const enterKeys = (count: number) =>
      Array.from({ length: count }, () => call(limiter, `user ${users++}`));
    let users = 0;
    enterKeys(80);
    for (const admission of enterKeys(20)) admission.end();
    expect(kept()).toBe(100);
    const [newcomer] = enterKeys(1);
    expect(kept()).toBe(81);
    newcomer?.end();
    for (const admission of enterKeys(79)) admission.end();
    expect(kept()).toBe(160);
    enterKeys(1);
    expect(kept()).toBe(81);
  });

  it('are kept in no small number, though they are full and idle', () => {
    const limiter = new Limiter({ ...byModel, maxConcurrent: 1 });
    for (let i = 0; i <= 150; i++) call(limiter, `user ${i}`).end();
    expect(Object.keys(limiter.snapshot())).toHaveLength(51);
  });

  it('that have not come yet need not wait', () => {
    const limiter = new Limiter({ ...byModel, requestsPerMinute: 1 });
    call(limiter, 'known');
    expect(limiter.expectedWaitMs({}, 'known')).toBe(60_000);
    expect(limiter.expectedWaitMs({}, 'unknown')).toBe(0);
  });
});

describe('options', () => {
  it.each([
    [{ requestsPerMinute: 0 }, '`requestsPerMinute` is 0: give a number above 0.'],
    [{ tokensPerDay: Infinity }, '`tokensPerDay` is Infinity: give a number above 0.'],
    [{ maxConcurrent: 1.5 }, '`maxConcurrent` is 1.5: give a whole number of at least 1.'],
    [{ maxWaitMs: NaN }, '`maxWaitMs` is NaN: give a number of at least 0.'],
    [{ maxQueue: -1 }, '`maxQueue` is -1: give a whole number of at least 0.'],
    [{ cost: 5 }, '`cost` is 5: give a function.'],
    [{ learn: 'fast' }, "`learn` is 'fast': give true or false."],
    [
      { store: {} },
      "`store` is an object: give a store, such as `new RedisStore(redis, { name: 'openai' })` of keelson/redis.",
    ],
    [{ store: null }, '`store` is null: give a store'],
    [{ rpm: 5, tokenPerMinute: 5 }, 'there is no option `rpm`.'],
    [{ tokenPerMinute: 5 }, 'there is no option `tokenPerMinute`. Did you mean `tokensPerMinute`?'],
    [{ tokenBurst: 5 }, '`tokenBurst` is 5, but `tokensPerMinute` is not given'],
    [{ limits: () => undefined }, '`limits` is given without `key`'],
    [null, 'the options are null'],
    ['openai', "the options are 'openai': give an object such as { requestsPerMinute: 60 }."],
  ])('that are wrong are refused with the remedy: %p', (options, message) => {
    expect(() => new Limiter(options as never)).toThrow(TypeError);
    expect(() => new Limiter(options as never)).toThrow(`Limiter: ${message}`);
  });

  it.each<[string, object]>([
    ['is learned', { learn: true }],
    ['each key may have', { key: () => 'all', limits: () => ({ tokensPerMinute: 9 }) }],
  ])('may bound the burst of a rate that %s', (_what, options) => {
    const limiter = new Limiter({ tokenBurst: 5, ...options });
    limiter.update({ tokenBurst: 4 });
    expect(new Admission(limiter).state).toBe('admitted');
  });

  it('may be empty: nothing is limited', () => {
    expect(states(enter(new Limiter({}), 1000)).every((state) => state === 'admitted')).toBe(true);
  });
});

describe('changes', () => {
  it.each([
    [5, 'got 5: give an object such as { requestsPerMinute: 60 }.'],
    [null, 'got null: give an object'],
    [{ requestsPerMinute: 0 }, '`requestsPerMinute` is 0: give a number above 0.'],
    [{ maxConcurrent: 2, maxWait: 5 }, 'there is no option `maxWait`. Did you mean `maxWaitMs`?'],
    [{ cost: () => 1 }, 'there is no option `cost`.'],
    [
      { maxConcurrent: 2, tokenBurst: 5 },
      '`tokenBurst` is 5, but `tokensPerMinute` is not given: give the rate too.',
    ],
    [{ requestsPerMinute: undefined, requestBurst: 5 }, '`requestBurst` is 5, but `requestsPerMinute`'],
  ])('that are wrong are refused with the remedy, and nothing is changed: %p', (changes, message) => {
    const limiter = new Limiter({ requestsPerMinute: 60 });
    const before = limiter.snapshot();
    expect(() => limiter.update(changes as never)).toThrow(TypeError);
    expect(() => limiter.update(changes as never)).toThrow(`Limiter.update(): ${message}`);
    expect(limiter.snapshot()).toEqual(before);
  });

  it('may bound the burst of a rate that stays as it is', () => {
    const limiter = new Limiter({ requestsPerMinute: 60 });
    limiter.update({ requestBurst: 5 });
    expect(limiter.snapshot()['default']?.requests).toEqual({ available: 5, limit: 60, burst: 5 });
  });
});

describe('scale and economy', () => {
  it('keeps one timer for a balance with waiters, and sets none for a call that is admitted at once', async () => {
    const limiter = new Limiter({ requestsPerMinute: 60, maxConcurrent: 100 });
    const admissions = enter(limiter, 60);
    expect(runtime.timersSet).toBe(0);
    const waiting = enter(limiter, 30);
    expect(runtime.pendingTimers).toBe(1);
    await runtime.advance(15_000);
    expect(runtime.pendingTimers).toBe(1);
    for (const { call } of waiting) call.abort('enough');
    await settled();
    expect(runtime.pendingTimers).toBe(0);
    for (const admission of admissions) admission.end();
  });

  it('carries 100,000 waiters, in order', async () => {
    const limiter = new Limiter({ maxConcurrent: 1 });
    const order: number[] = [];
    const running = new Admission(limiter);
    const all = Array.from({ length: 100_000 }, (_, i) => {
      const call = new FakeCall();
      return Promise.resolve(limiter.admit(call)).then((lease) => {
        order.push(i);
        lease.settle({}, {});
      });
    });
    expect(limiter.snapshot()['default']?.queued).toBe(100_000);
    running.end();
    await Promise.all(all);
    expect(order).toEqual(Array.from({ length: 100_000 }, (_, i) => i));
    expect(runtime.pendingTimers).toBe(0);
  }, 60_000);

  it('tells how long a call waited', async () => {
    const limiter = new Limiter({ requestsPerMinute: 60, requestBurst: 1 });
    const [, waiting] = enter(limiter, 2) as [Admission, Admission];
    await runtime.advance(1000);
    expect(waiting.call.events).toEqual([
      { type: 'queued', requests: 1, tokens: 0, waitMs: 1000 },
      { type: 'admitted', requests: 1, tokens: 0, waitMs: 1000 },
      { type: 'wait', reason: 'queue', waitMs: 1000 },
    ]);
  });
});
