// @ts-nocheck
import { describe, expect, test } from '@jest/globals';
import { calls, clientNames, cost, limitsOf, MINUTE, redisSuite } from './support';

describe.each(clientNames)('settling, by %s', (name) => {
  const suite = redisSuite(name);
  const limits = limitsOf({ requests: 60, tokens: 1000, dailyTokens: 100_000 });

  test('charges what was used instead of what was reserved', async () => {
    const store = suite.store();
    await store.take('key', { limits, costs: [cost(1, 300)], running: 0 });
    const state = await store.settle('key', { limits, reserved: cost(1, 300), used: cost(1, 120) });
    expect(state).toEqual({
      at: suite.runtime.wallClock(),
      used: [1, 120, 120],
      drawn: cost(1, 120),
      closedForMs: 0,
      running: 0,
    });
  });

  test('gives everything back of a call that was not sent', async () => {
    const store = suite.store();
    await store.take('key', { limits, costs: [cost(1, 300), cost(1, 50)], running: 0 });
    const state = await store.settle('key', { limits, reserved: cost(1, 300), used: cost(0, 0) });
    expect(state).toMatchObject({ used: [1, 50, 50], drawn: cost(1, 50) });
  });

  test('leaves a debt when more was used, which is paid off before anyone is admitted', async () => {
    const store = suite.store();
    await store.take('key', { limits, costs: [cost(1, 300)], running: 0 });
    const state = await store.settle('key', { limits, reserved: cost(1, 300), used: cost(1, 2500) });
    expect(state.used).toEqual([1, 2500, 2500]);
    // Not even a call that uses no tokens.
    expect(await store.take('key', { limits, costs: [cost(1, 0)], running: 0 })).toMatchObject({
      granted: 0,
      waitMs: 1.5 * MINUTE,
    });
    await suite.runtime.advance(1.5 * MINUTE);
    expect(await store.take('key', { limits, costs: [cost(1, 0)], running: 0 })).toMatchObject({
      granted: 1,
    });
  });

  test('never makes more of a level than there can be', async () => {
    const store = suite.store();
    await store.take('key', { limits, costs: [cost(1, 300)], running: 0 });
    await suite.runtime.advance(MINUTE);
    const { used } = await store.settle('key', { limits, reserved: cost(1, 300), used: cost(0, 0) });
    expect(used).toEqual([0, 0, 0]);
    expect((await store.take('key', { limits, costs: [cost(1, 1000)], running: 0 })).granted).toBe(1);
  });

  test('rounds up fractions of a thousandth, and nothing that only binary fractions add', async () => {
    const store = suite.store();
    const odd = cost(0.07, 0.0001);
    const { used } = await store.take('key', { limits, costs: [odd], running: 0 });
    expect(used).toEqual([0.07, 0.001, 0.001]);
    expect(await store.settle('key', { limits, reserved: odd, used: cost(0, 0) })).toMatchObject({
      used: [0, 0, 0],
      drawn: cost(0, 0),
    });
  });

  test('of a call whose balance was lost meanwhile does no harm', async () => {
    const store = suite.store();
    await store.take('key', { limits, costs: calls(1, 300), running: 0 });
    await suite.admin.flushall();
    const state = await store.settle('key', { limits, reserved: cost(1, 300), used: cost(1, 100) });
    expect(state).toMatchObject({ used: [0, 0, 0], drawn: cost(0, -200) });
    expect((await store.take('key', { limits, costs: calls(1, 300), running: 0 })).granted).toBe(1);
  });
});
