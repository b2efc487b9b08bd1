import { describe, expect, test } from '@jest/globals';
import { calls, clientNames, cost, DAY, limitsOf, MINUTE, redisSuite } from './support';

describe.each(clientNames)('the rates of a balance, by %s', (name) => {
  const suite = redisSuite(name);

  test('are full at first, and are used up by calls in their order', async () => {
    const limits = limitsOf({ requests: 60, tokens: 1000, tokenBurst: 500 });
    const costs = [cost(1, 200), cost(1, 200), cost(1, 200), cost(1, 50)];
    const answer = await suite.store().take('key', { limits, costs, running: 0 });
    expect(answer).toMatchObject({
      granted: 2,
      used: [2, 400],
      drawn: cost(2, 400),
      closedForMs: 0,
    });
    // 100 are missing of 1000 a minute.
    expect(answer.waitMs).toBe(6000);
    expect(answer.at).toBe(suite.runtime.wallClock());
  });

  test('grant everything at once when all of it fits', async () => {
    const limits = limitsOf({ requests: 3 });
    const answer = await suite.store().take('key', { limits, costs: calls(3), running: 0 });
    expect(answer).toMatchObject({ granted: 3, waitMs: 0, used: [3] });
    expect(answer.place).toBeUndefined();
  });

  test('give up nothing of a call that does not fit in every one of them', async () => {
    const limits = limitsOf({ requests: 60, tokens: 1000, dailyRequests: 100, dailyTokens: 1500 });
    const store = suite.store();
    await store.take('key', { limits, costs: [cost(1, 1000)], running: 0 });
    await suite.runtime.advance(MINUTE);
    const answer = await store.take('key', { limits, costs: [cost(1, 600)], running: 0 });
    const refilledDaily = 1500 / 1440;
    expect(answer.granted).toBe(0);
    expect(answer.used.slice(0, 2)).toEqual([0, 0]);
    expect(answer.used[3]).toBeCloseTo(1000 - refilledDaily, 2);
    expect(answer.waitMs).toBeCloseTo(((100 - refilledDaily) * DAY) / 1500, -3);
    expect(answer.drawn).toEqual(cost(1, 1000));
  });

  test('are refilled steadily, and admit at the very millisecond that was named', async () => {
    const limits = limitsOf({ requests: 7, requestBurst: 2 });
    const store = suite.store();
    const ask = (costs = calls(1)) => store.take('key', { limits, costs, running: 0 });
    await ask(calls(2));
    const { waitMs } = await ask();
    expect(waitMs).toBe(Math.ceil(MINUTE / 7));
    await suite.runtime.advance(waitMs - 1);
    expect(await ask()).toMatchObject({ granted: 0, waitMs: 1 });
    await suite.runtime.advance(1);
    expect(await ask()).toMatchObject({ granted: 1 });
  });

  test('lose nothing by being asked often', async () => {
    const limits = limitsOf({ requests: 7, requestBurst: 2 });
    const store = suite.store();
    await store.take('key', { limits, costs: calls(2), running: 0 });
    for (let i = 0; i < 50; i++) {
      await suite.runtime.advance(1);
      await store.take('key', { limits, costs: [], running: 0 });
    }
    const { used } = await store.take('key', { limits, costs: [], running: 0 });
    expect(used).toEqual([2 - Math.floor((50 * 7000) / MINUTE) / 1000]);
  });

  test('know fractions: of half a request a minute, two minutes make one', async () => {
    const limits = limitsOf({ requests: 0.5, requestBurst: 1 });
    const store = suite.store();
    await store.take('key', { limits, costs: calls(1), running: 0 });
    expect(await store.take('key', { limits, costs: calls(1), running: 0 })).toMatchObject({
      granted: 0,
      waitMs: 2 * MINUTE,
    });
    await suite.runtime.advance(2 * MINUTE);
    expect(await store.take('key', { limits, costs: calls(1), running: 0 })).toMatchObject({ granted: 1 });
  });

  test('are those told with each request: what is used counts against new ones', async () => {
    const store = suite.store();
    await store.take('key', { limits: limitsOf({ requests: 10 }), costs: calls(8), running: 0 });
    const less = limitsOf({ requests: 5 });
    expect(await store.take('key', { limits: less, costs: calls(1), running: 0 })).toMatchObject({
      granted: 0,
      used: [8],
      waitMs: (4 * MINUTE) / 5,
    });
    const more = limitsOf({ requests: 20, tokens: 100 });
    expect(await store.take('key', { limits: more, costs: calls(12, 5), running: 0 })).toMatchObject({
      granted: 12,
      used: [20, 60],
    });
  });

  test('keep what another process counts that knows more of them', async () => {
    const store = suite.store();
    const daily = limitsOf({ requests: 60, dailyRequests: 100 });
    await store.take('key', { limits: daily, costs: calls(50), running: 0 });
    await suite.runtime.advance(MINUTE);
    await store.take('key', { limits: limitsOf({ requests: 60 }), costs: calls(1), running: 0 });
    expect(await suite.ttl()).toBeGreaterThan(DAY / 3);
    const { used } = await store.take('key', { limits: daily, costs: [], running: 0 });
    expect(used[1]).toBeCloseTo(50 - 100 / 1440, 2);
  });

  test('of different keys, names and prefixes do not touch each other', async () => {
    const limits = limitsOf({ requests: 1 });
    const ask = (store: ReturnType<typeof suite.store>, key: string) =>
      store.take(key, { limits, costs: calls(1), running: 0 });
    const store = suite.store();
    expect((await ask(store, 'a')).granted).toBe(1);
    expect((await ask(store, 'b')).granted).toBe(1);
    expect((await ask(suite.store({ name: 'other' }), 'a')).granted).toBe(1);
    expect((await ask(suite.store({ prefix: 'other' }), 'a')).granted).toBe(1);
    expect((await ask(suite.store(), 'a')).granted).toBe(0);
  });
});
