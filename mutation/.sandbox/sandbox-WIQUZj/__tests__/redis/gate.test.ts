// @ts-nocheck
import { describe, expect, test } from '@jest/globals';
import { calls, clientNames, limitsOf, MINUTE, redisSuite } from './support';

describe.each(clientNames)('a closed balance, by %s', (name) => {
  const suite = redisSuite(name);
  const limits = limitsOf({ requests: 60 });

  test('admits nobody until it opens', async () => {
    const [first, second] = [suite.store(), suite.store()];
    await first.pause('key', 4999.5);
    const ask = () => second.take('key', { limits, costs: calls(1), running: 0 });
    expect(await ask()).toMatchObject({ granted: 0, waitMs: 5000, closedForMs: 5000 });
    await suite.runtime.advance(4999);
    expect(await ask()).toMatchObject({ granted: 0, waitMs: 1 });
    await suite.runtime.advance(1);
    expect(await ask()).toMatchObject({ granted: 1, closedForMs: 0 });
    expect(await suite.hash()).not.toHaveProperty('closed');
  });

  test('stays closed for the longest time of all', async () => {
    const store = suite.store();
    const state = () => store.observe('key', { limits });
    await store.pause('key', 5000);
    await store.pause('key', 2000);
    expect(await state()).toMatchObject({ closedForMs: 5000 });
    await store.pause('key', 7000);
    expect(await state()).toMatchObject({ closedForMs: 7000 });
  });

  test('can be closed again after it has opened', async () => {
    const store = suite.store();
    await store.pause('key', 1000);
    await suite.runtime.advance(2000);
    await store.pause('key', 500);
    expect(await store.observe('key', { limits })).toMatchObject({ closedForMs: 500 });
  });

  test('is refilled meanwhile, and who lacks more waits for more', async () => {
    const store = suite.store();
    await store.take('key', { limits, costs: calls(60), running: 0 });
    await store.pause('key', 5000);
    expect(await store.take('key', { limits, costs: calls(1), running: 0 })).toMatchObject({ waitMs: 5000 });
    const heavy = [{ requests: 10, tokens: 0 }];
    expect(await store.take('key', { limits, costs: heavy, running: 0 })).toMatchObject({ waitMs: 10_000 });
    await suite.runtime.advance(5000);
    expect(await store.take('key', { limits, costs: calls(6), running: 0 })).toMatchObject({ granted: 5 });
  });

  test('is remembered for as long as it is closed', async () => {
    await suite.store().pause('key', 60 * MINUTE);
    expect(await suite.ttl()).toBeGreaterThan(60 * MINUTE - 5000);
  });
});
