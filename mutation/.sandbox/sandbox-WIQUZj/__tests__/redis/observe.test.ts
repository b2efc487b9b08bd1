// @ts-nocheck
import { describe, expect, test } from '@jest/globals';
import { calls, clientNames, cost, limitsOf, MINUTE, redisSuite } from './support';

describe.each(clientNames)('a report of the provider, by %s', (name) => {
  const suite = redisSuite(name);
  const limits = limitsOf({ requests: 60, tokens: 1000, dailyRequests: 500, dailyTokens: 100_000 });

  test('lowers the levels of the minute to what it had left, and those of the day not at all', async () => {
    const report = { limits, requests: { remaining: 10 }, tokens: { remaining: 400.5 } };
    expect(await suite.store().observe('key', report)).toMatchObject({
      used: [50, 599.5, 0, 0],
      drawn: cost(0, 0),
    });
  });

  test('raises no level', async () => {
    const store = suite.store();
    await store.take('key', { limits, costs: [cost(1, 900)], running: 0 });
    const { used } = await store.observe('key', {
      limits,
      requests: { remaining: 60 },
      tokens: { remaining: 5000 },
    });
    expect(used.slice(0, 2)).toEqual([1, 900]);
  });

  test('says nothing where it names no rest, or a window that is over already', async () => {
    const store = suite.store();
    const report = { limits, requests: { limit: 5, resetMs: 1000 }, tokens: { remaining: 0, resetMs: 0 } };
    expect((await store.observe('key', report)).used).toEqual([0, 0, 0, 0]);
    expect((await store.observe('key', { limits })).used).toEqual([0, 0, 0, 0]);
  });

  test('counts from the call that brought it: what was refilled since is added, what was drawn since is taken off', async () => {
    const store = suite.store();
    const taken = await store.take('key', { limits, costs: [cost(1, 100)], running: 0 });
    await suite.runtime.advance(MINUTE / 10);
    await store.take('key', { limits, costs: [cost(1, 250)], running: 1 });
    const since = { at: taken.at, drawn: taken.drawn };
    const { used } = await store.observe('key', { limits, tokens: { remaining: 300 }, since });
    // 300 left, and 100 refilled, without the 250 of the other call.
    expect(used[1]).toBe(1000 - 150);
  });

  test('without a call counts from now', async () => {
    const store = suite.store();
    await store.take('key', { limits, costs: [cost(1, 100)], running: 0 });
    const { used } = await store.observe('key', { limits, tokens: { remaining: 300 } });
    expect(used[1]).toBe(700);
  });

  test('of a balance that was lost since is not taken for one of calls that gave back', async () => {
    const store = suite.store();
    const since = { at: suite.runtime.wallClock(), drawn: cost(50, 5000) };
    const { used } = await store.observe('key', { limits, tokens: { remaining: 300 }, since });
    expect(used[1]).toBe(700);
  });

  test('from before the clock of Redis stepped back adds no refill', async () => {
    const store = suite.store();
    const since = { at: suite.runtime.wallClock() + MINUTE, drawn: cost(0, 0) };
    const { used } = await store.observe('key', { limits, tokens: { remaining: 300 }, since });
    expect(used[1]).toBe(700);
  });

  test('of nothing left lets the next unit come at the pace of the provider, or else with its reset', async () => {
    const store = suite.store();
    // One of 10 requests in 30 s: the first comes after 3 s.
    await store.observe('key', { limits, requests: { limit: 10, remaining: 0, resetMs: 30_000 } });
    expect(await store.take('key', { limits, costs: calls(1), running: 0 })).toMatchObject({ waitMs: 3000 });
    await store.observe('other', { limits, requests: { remaining: 0, resetMs: 30_000 } });
    expect(await store.take('other', { limits, costs: calls(1), running: 0 })).toMatchObject({
      waitMs: 30_000,
    });
    await store.observe('third', { limits, requests: { remaining: 0 } });
    expect(await store.take('third', { limits, costs: calls(1), running: 0 })).toMatchObject({
      waitMs: 1000,
    });
  });
});
