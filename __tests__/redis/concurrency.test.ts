import { describe, expect, test } from '@jest/globals';
import type { RedisStore } from '../../src/redis/index';
import { calls, clientNames, cost, limitsOf, redisSuite } from './support';

describe.each(clientNames)('calls at the same time, by %s', (name) => {
  const suite = redisSuite(name);
  const limits = limitsOf({ requests: 600, maxConcurrent: 3 });
  const take = (store: RedisStore, count: number, running = 0) =>
    store.take('key', { limits, costs: calls(count), running });
  const settle = (store: RedisStore) => store.settle('key', { limits, reserved: cost(1), used: cost(1) });

  test('are bounded over all processes, and only one that ends can help', async () => {
    const [first, second] = [suite.store(), suite.store()];
    expect(await take(first, 2)).toMatchObject({ granted: 2, running: 2 });
    expect(await take(second, 2)).toMatchObject({ granted: 1, running: 3, waitMs: Infinity });
    expect(await settle(first)).toMatchObject({ running: 2 });
    expect(await take(second, 1, 1)).toMatchObject({ granted: 1, running: 3 });
  });

  test('take nothing of the rates when it is they that do not fit', async () => {
    const store = suite.store();
    expect(await take(store, 4)).toMatchObject({ granted: 3, used: [3], drawn: cost(3) });
  });

  test('wait for the rates first', async () => {
    const limits = limitsOf({ requests: 60, requestBurst: 1, maxConcurrent: 1 });
    const store = suite.store();
    const ask = (running: number) => store.take('key', { limits, costs: calls(1), running });
    await ask(0);
    expect(await ask(1)).toMatchObject({ waitMs: 1000 });
    await suite.runtime.advance(1000);
    expect(await ask(1)).toMatchObject({ waitMs: Infinity });
  });

  test('are what each process says that it has: a wrong number mends itself', async () => {
    const [first, second] = [suite.store(), suite.store()];
    await take(first, 3);
    await first.take('key', { limits, costs: [], running: 1 });
    expect(await take(second, 2)).toMatchObject({ granted: 2, running: 3 });
    expect(await take(second, 1, 0)).toMatchObject({ granted: 1, running: 2 });
  });

  test('keep a place free for those who stand in front', async () => {
    const [first, second, third] = [suite.store(), suite.store(), suite.store()];
    await take(first, 3);
    await take(second, 1);
    await settle(first);
    expect(await take(third, 1)).toMatchObject({ granted: 0, waitMs: Infinity });
    expect(await take(second, 1)).toMatchObject({ granted: 1 });
    await settle(first);
    expect(await take(third, 1)).toMatchObject({ granted: 1 });
  });

  test('of a process that has died are forgotten after leaseMs', async () => {
    const [dead, living] = [suite.store({ leaseMs: 9000 }), suite.store({ leaseMs: 9000 })];
    expect(dead.keepAliveMs).toBe(3000);
    await take(dead, 2);
    await take(living, 1);
    for (let seconds = 0; seconds < 8; seconds += 2) {
      await suite.runtime.advance(2000);
      await living.take('key', { limits, costs: [], running: 1 });
    }
    await suite.runtime.advance(999);
    expect(await take(living, 1, 1)).toMatchObject({ granted: 0 });
    await suite.runtime.advance(1);
    expect(await take(living, 1, 1)).toMatchObject({ granted: 1, running: 2 });
    expect(Object.keys(await suite.hash()).filter((field) => field.startsWith('c:'))).toHaveLength(1);
  });

  test.each([
    ['a settlement', (store: RedisStore) => settle(store)],
    ['a report', (store: RedisStore) => store.observe('key', { limits })],
    ['a pause', (store: RedisStore) => store.pause('key', 1)],
  ])('are believed for longer after %s', async (_, operation) => {
    const [first, second] = [suite.store(), suite.store()];
    await take(first, 3);
    await suite.runtime.advance(29_000);
    await operation(first);
    await suite.runtime.advance(29_000);
    expect((await take(second, 3)).granted).toBeLessThan(2);
  });

  test('never count below zero', async () => {
    const store = suite.store();
    await take(store, 1);
    await settle(store);
    expect(await settle(store)).toMatchObject({ running: 0 });
    expect(await take(store, 3)).toMatchObject({ granted: 3 });
  });

  test('are not kept account of where they are not limited', async () => {
    const limits = limitsOf({ requests: 600 });
    const store = suite.store();
    expect(await store.take('key', { limits, costs: calls(5), running: 2 })).toMatchObject({ granted: 5 });
    expect(Object.keys(await suite.hash()).filter((field) => field.startsWith('c:'))).toEqual([]);
  });
});
