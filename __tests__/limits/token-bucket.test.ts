import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { getEventListeners } from 'node:events';
import { AbortError } from '../../decorators/errors/index';
import { TokenBucket } from '../../decorators/limits/index';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';

let runtime: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  ({ runtime, restore } = installVirtualRuntime());
});
afterEach(() => restore());

/** Notes when and in which order promises settle. */
function journal() {
  const entries: string[] = [];
  const follow = (name: string, promise: Promise<unknown>): void => {
    promise.then(
      (value) => entries.push(`${name} ${String(value)} at ${runtime.now()}`),
      (error: Error) => entries.push(`${name} ${error.name} at ${runtime.now()}`),
    );
  };
  return { entries, follow };
}

describe('TokenBucket', () => {
  it('begins full, allows a burst, then the steady rate', async () => {
    const bucket = new TokenBucket(10, 3);
    expect([1, 2, 3, 4].map(() => bucket.tryAcquire())).toEqual([true, true, true, false]);
    await runtime.advance(100);
    expect(bucket.available).toBeCloseTo(1);
    expect(bucket.tryAcquire()).toBe(true);
    await runtime.advance(3_600_000);
    expect(bucket.available).toBe(3);
  });

  it('lets waiters through at the moment their tokens are there, in order of arrival', async () => {
    const bucket = new TokenBucket(10, 5);
    const { entries, follow } = journal();
    bucket.tryAcquire(5);
    follow('large', bucket.acquire(4));
    follow('small', bucket.acquire(1));
    await runtime.advance(399);
    expect(entries).toEqual([]);
    await runtime.advance(101);
    expect(entries).toEqual(['large true at 400', 'small true at 500']);
  });

  it('does not let tryAcquire overtake a waiter', async () => {
    const bucket = new TokenBucket(1, 5);
    bucket.tryAcquire(4);
    void bucket.acquire(3);
    expect(bucket.available).toBe(1);
    expect(bucket.tryAcquire(1)).toBe(false);
    await runtime.runAll();
    expect(bucket.tryAcquire(0)).toBe(true);
  });

  it('answers false at once for more than it can ever hold, and for timeoutMs 0', async () => {
    const bucket = new TokenBucket(1, 2);
    await expect(bucket.acquire(3)).resolves.toBe(false);
    await expect(bucket.acquire(2, { timeoutMs: 0 })).resolves.toBe(true);
    await expect(bucket.acquire(1, { timeoutMs: 0 })).resolves.toBe(false);
    expect(bucket.tryAcquire(3)).toBe(false);
    expect(runtime.timersSet).toBe(0);
  });

  it('answers false when the timeout has passed, and the next one moves up at once', async () => {
    const bucket = new TokenBucket(1, 10);
    const { entries, follow } = journal();
    bucket.tryAcquire(8);
    follow('large', bucket.acquire(10, { timeoutMs: 50 }));
    follow('small', bucket.acquire(2));
    await runtime.advance(50);
    expect(entries).toEqual(['large false at 50', 'small true at 50']);
    expect(runtime.pendingTimers).toBe(0);
  });

  it('grants what is there at the very moment the timeout ends', async () => {
    const bucket = new TokenBucket(10, 1);
    bucket.tryAcquire();
    const waiting = bucket.acquire(1, { timeoutMs: 100 });
    await runtime.advance(100);
    await expect(waiting).resolves.toBe(true);
  });

  it('rejects an aborted wait with the reason as cause, and the next one moves up at once', async () => {
    const bucket = new TokenBucket(1, 10);
    const controller = new AbortController();
    const reason = new Error('the user left');
    const { entries, follow } = journal();
    bucket.tryAcquire(8);
    const large = bucket.acquire(10, { signal: controller.signal, timeoutMs: 60_000 });
    follow('large', large);
    follow('small', bucket.acquire(2));
    controller.abort(reason);
    await settled();
    expect(entries).toEqual(['large AbortError at 0', 'small true at 0']);
    await expect(large).rejects.toBeInstanceOf(AbortError);
    await expect(large).rejects.toMatchObject({ cause: reason });
    expect(runtime.pendingTimers).toBe(0);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('serves nobody whose signal is aborted, when one signal ends several waits', async () => {
    const bucket = new TokenBucket(1, 10);
    const controller = new AbortController();
    bucket.tryAcquire(8);
    const waits = [10, 1, 1].map((tokens) => bucket.acquire(tokens, { signal: controller.signal }));
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    controller.abort();
    const outcomes = await Promise.allSettled(waits);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(bucket.available).toBe(2);
  });

  it('takes nothing for a signal that is aborted already', async () => {
    const bucket = new TokenBucket(1, 1);
    await expect(bucket.acquire(1, { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(AbortError);
    expect(bucket.available).toBe(1);
  });

  it('keeps one timer for all who wait, and none when nobody does', async () => {
    const bucket = new TokenBucket(100, 1);
    bucket.tryAcquire();
    expect(runtime.timersSet).toBe(0);
    const signal = new AbortController().signal;
    const all = Promise.all(Array.from({ length: 50 }, () => bucket.acquire(1, { signal })));
    await settled();
    expect(runtime.pendingTimers).toBe(1);
    await runtime.advance(499);
    expect(runtime.pendingTimers).toBe(1);
    await runtime.advance(1);
    await all;
    expect(runtime.pendingTimers).toBe(0);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it.each([3, 7, 0.3, 1e6 / 7, 1e-3])(
    'needs one timer a waiter at %p tokens a second: rounding costs none',
    async (rate) => {
      const bucket = new TokenBucket(rate, 1);
      await runtime.advance(123_456_789.123);
      bucket.tryAcquire();
      const waiting = Array.from({ length: 20 }, () => bucket.acquire());
      await runtime.runAll();
      await Promise.all(waiting);
      expect(runtime.timersSet).toBeLessThanOrEqual(20);
    },
  );

  it('serves 100,000 waiters, each of whom may leave', async () => {
    const bucket = new TokenBucket(1e6, 1e5);
    bucket.tryAcquire(1e5);
    const controller = new AbortController();
    const outcomes = Array.from({ length: 100_000 }, (_, i) =>
      bucket.acquire(1, i % 2 === 0 ? {} : { signal: controller.signal }).catch(() => 'left'),
    );
    controller.abort();
    await runtime.runAll();
    const all = await Promise.all(outcomes);
    expect(all.filter((outcome) => outcome === 'left')).toHaveLength(50_000);
    expect(all.filter((outcome) => outcome === true)).toHaveLength(50_000);
    expect(runtime.pendingTimers).toBe(0);
  }, 60_000);

  it.each([
    [() => new TokenBucket(0, 1), 'TokenBucket: `tokensPerSecond` is 0: give a number above 0.'],
    [
      () => new TokenBucket(Infinity, 1),
      'TokenBucket: `tokensPerSecond` is Infinity: give a number above 0.',
    ],
    [() => new TokenBucket(1, NaN), 'TokenBucket: `maxTokens` is NaN: give a number above 0.'],
    [
      () => new TokenBucket(1, undefined as never),
      'TokenBucket: `maxTokens` is undefined: give a number above 0.',
    ],
    [
      () => new TokenBucket(1, 1).tryAcquire(-1),
      'TokenBucket.tryAcquire(): `tokens` is -1: give a number of at least 0.',
    ],
  ])('refuses bad arguments, saying what to do', (make, message) => {
    expect(make).toThrow(new TypeError(message));
  });

  it.each([
    [(bucket: TokenBucket) => bucket.acquire(NaN), '`tokens` is NaN: give a number of at least 0.'],
    [(bucket: TokenBucket) => bucket.acquire('2' as never), "`tokens` is '2': give a number of at least 0."],
    [
      (bucket: TokenBucket) => bucket.acquire(1, { timeoutMs: -5 }),
      '`timeoutMs` is -5: give a number of at least 0.',
    ],
    [(bucket: TokenBucket) => bucket.acquire(1, { timeout: 5 } as never), 'Did you mean `timeoutMs`?'],
    [
      (bucket: TokenBucket) => bucket.acquire(1, { signal: {} as never }),
      '`signal` is an object: give an AbortSignal',
    ],
  ])('rejects bad arguments of acquire with a TypeError', async (act, message) => {
    const bucket = new TokenBucket(1, 1);
    await expect(act(bucket)).rejects.toThrow(TypeError);
    await expect(act(bucket)).rejects.toThrow(message);
    expect(bucket.available).toBe(1);
  });
});

describe('what a bucket says', () => {
  const bucket = () => new TokenBucket(1, 2);

  it('names the method and the argument that is wrong', async () => {
    await expect(bucket().acquire(-1)).rejects.toThrow('TokenBucket.acquire(): `tokens` is -1:');
    expect(() => bucket().tryAcquire(NaN)).toThrow('TokenBucket.tryAcquire(): `tokens` is NaN:');
    await expect(bucket().acquire(1, { timeoutMs: -1 })).rejects.toThrow(
      'TokenBucket.acquire(): `timeoutMs` is -1:',
    );
    await expect(bucket().acquire(1, { signal: null as never })).rejects.toThrow(
      'TokenBucket.acquire(): `signal` is null: give an AbortSignal',
    );
  });

  it('tells that a wait was aborted', async () => {
    await expect(bucket().acquire(1, { signal: AbortSignal.abort() })).rejects.toThrow(
      'The wait for tokens was aborted.',
    );
  });
});
