// @ts-nocheck
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { startTestServer, useVirtualTime } from 'keelson/testing';
import type { VirtualTime } from 'keelson/testing';
import { runtime } from '../../decorators/pipeline/runtime.js';
import { chat } from './support.js';

let time: VirtualTime;
beforeEach(() => {
  time = useVirtualTime();
});
afterEach(() => time.restore());

const sleep = (ms: number): Promise<void> => new Promise((resolve) => runtime().setTimer(resolve, ms));

describe('useVirtualTime', () => {
  test('replaces clock, timers and random numbers until it is restored', () => {
    const virtual = runtime();
    expect([virtual.now(), virtual.random(), virtual.wallClock()]).toEqual([0, 0.5, Date.UTC(2025, 0, 1)]);
    time.restore();
    expect(runtime()).not.toBe(virtual);
    const inner = useVirtualTime({ random: () => 0.25, startWallClock: new Date(1000) });
    expect([runtime().random(), runtime().wallClock()]).toEqual([0.25, 1000]);
    // A second restore of the outer one must not touch the inner one.
    time.restore();
    expect(runtime().random()).toBe(0.25);
    inner[Symbol.dispose]();
    expect(runtime().random()).not.toBe(0.25);
  });

  test.each([
    [{ random: 1 }, /random.*1/],
    [{ random: NaN }, /random.*NaN/],
    [{ startWallClock: new Date('x') }, /startWallClock/],
    [{ seed: 1 }, /seed.*random and startWallClock/],
  ])('refuses %j', (options, message) => {
    expect(() => useVirtualTime(options as never)).toThrow(TypeError);
    expect(() => useVirtualTime(options as never)).toThrow(message);
  });
});

describe('advance', () => {
  test('fires what is due in order, each at its own time, and moves both clocks', async () => {
    const fired: [string, number][] = [];
    const note = (name: string) => () => fired.push([name, runtime().now()]);
    runtime().setTimer(note('b'), 20);
    runtime().setTimer(note('a'), 10);
    runtime().setTimer(note('b2'), 20);
    runtime().setTimer(note('late'), 31);
    await time.advance(30);
    expect(fired).toEqual([
      ['a', 10],
      ['b', 20],
      ['b2', 20],
    ]);
    expect([time.now, time.pendingTimers, runtime().wallClock()]).toEqual([30, 1, Date.UTC(2025, 0, 1) + 30]);
    await time.advance(1);
    expect(fired.at(-1)).toEqual(['late', 31]);
  });

  test('lets code go on between timers, so that it sets the next ones in time', async () => {
    const at: number[] = [];
    void (async () => {
      for (let index = 0; index < 5; index += 1) {
        await sleep(10);
        for (let depth = 0; depth < 50; depth += 1) await Promise.resolve();
        await new Promise((resolve) => setImmediate(resolve));
        at.push(runtime().now());
      }
    })();
    await time.advance(35);
    expect(at).toEqual([10, 20, 30]);
    await time.advance(100);
    expect(at).toEqual([10, 20, 30, 40, 50]);
    expect(time.now).toBe(135);
  });

  test('a cancelled timer never fires and is not counted', async () => {
    let fired = false;
    const cancel = runtime().setTimer(() => (fired = true), 10);
    cancel();
    cancel();
    expect(time.pendingTimers).toBe(0);
    await time.advance(20);
    expect(fired).toBe(false);
  });

  test('two at once take turns', async () => {
    const done = sleep(10)
      .then(() => sleep(10))
      .then(() => runtime().now());
    await Promise.all([time.advance(10), time.advance(10)]);
    expect(await done).toBe(20);
    expect(time.now).toBe(20);
  });

  test.each([-1, NaN, Infinity])('refuses %p', async (ms) => {
    await expect(time.advance(ms)).rejects.toThrow(TypeError);
  });

  test('rejects with what a timer throws and can go on', async () => {
    runtime().setTimer(() => {
      throw new Error('in the timer');
    }, 1);
    await expect(time.advance(5)).rejects.toThrow('in the timer');
    await time.advance(5);
    expect(time.now).toBe(6);
  });
});

describe('runAll', () => {
  test('fires all timers, also those set meanwhile', async () => {
    const done = sleep(1000).then(() => sleep(3_000_000_000));
    await time.runAll();
    await done;
    expect([time.now, time.pendingTimers]).toEqual([3_000_001_000, 0]);
  });
});

describe('settle', () => {
  test('takes exactly the time that the promise needs', async () => {
    const later = sleep(5000);
    expect(await time.settle(sleep(10).then(() => sleep(100).then(() => 'value')))).toBe('value');
    expect([time.now, time.pendingTimers]).toEqual([110, 1]);
    await time.settle(later);
    expect(time.now).toBe(5000);
  });

  test('passes a rejection on', async () => {
    await expect(time.settle(sleep(10).then(() => Promise.reject(new Error('no'))))).rejects.toThrow('no');
  });

  test('does not touch the clock for what needs none', async () => {
    void sleep(1);
    const immediate = new Promise((resolve) => setImmediate(() => setImmediate(() => resolve('done'))));
    expect(await time.settle(immediate)).toBe('done');
    expect((await time.settle(readFile(__filename, 'utf8'))).length).toBeGreaterThan(0);
    expect(time.now).toBe(0);
  });

  test('waits for a timer that is set later', async () => {
    let start = (): void => undefined;
    const settled = time.settle(
      new Promise<void>((resolve) => {
        start = () => void runtime().setTimer(resolve, 7);
      }),
    );
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    start();
    await settled;
    expect(time.now).toBe(7);
  });

  test('several at once', async () => {
    const chain = async (...steps: number[]): Promise<number> => {
      for (const step of steps) await sleep(step);
      return runtime().now();
    };
    expect(await Promise.all([time.settle(chain(10, 10, 10)), time.settle(chain(5, 20, 1))])).toEqual([
      30, 26,
    ]);
    expect(time.now).toBe(30);
  });

  test('waits for sockets of this process rather than jump over them', async () => {
    const server = await startTestServer({ reply: 'x'.repeat(200_000) });
    try {
      // What a client's timeout would be: it must not fire while the reply is on its way.
      let timedOut = false;
      for (let index = 0; index < 20; index += 1) {
        const cancel = runtime().setTimer(() => (timedOut = true), 1000);
        const reply = await time.settle(chat(server));
        cancel();
        expect([reply.status, timedOut]).toEqual([200, false]);
      }
      expect(time.now).toBe(0);
      server.fault({ delayMs: 30_000 });
      expect((await time.settle(chat(server))).status).toBe(200);
      expect(time.now).toBe(30_000);
    } finally {
      await server.close();
    }
  });
});
