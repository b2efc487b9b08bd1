import { describe, expect, test } from '@jest/globals';
import type { RedisStore } from '../../src/redis/index';
import { calls, clientNames, cost, DAY, limitsOf, MINUTE, redisSuite } from './support';

describe.each(clientNames)('what is stored, by %s', (name) => {
  const suite = redisSuite(name);
  const limits = limitsOf({ requests: 60, tokens: 1000.5, dailyTokens: 7777, maxConcurrent: 2 });

  /** Every operation, so that all there can be in a hash is in it. */
  async function useEverything(store: RedisStore): Promise<void> {
    const other = suite.store();
    await store.take('key', {
      limits,
      costs: [cost(1, 333.3333), cost(0.1, 0.00001), cost(1, 1)],
      running: 0,
    });
    await suite.runtime.advance(1234);
    await other.take('key', { limits, costs: calls(1, 3), running: 0 });
    await store.settle('key', { limits, reserved: cost(1, 333.3333), used: cost(1 / 3, 1234.56789) });
    await store.observe('key', {
      limits,
      requests: { remaining: 3.3 },
      tokens: { remaining: 0, resetMs: 77.7, limit: 9 },
    });
    await store.pause('key', 1000.25);
  }

  test('is one hash for each key', async () => {
    const store = suite.store();
    await useEverything(store);
    await store.take('another key', { limits, costs: calls(1), running: 0 });
    const keys = await suite.admin.keys('*');
    expect(keys.sort()).toEqual(['keelson:v1:{test}:another key', 'keelson:v1:{test}:key']);
    for (const key of keys) expect(await suite.admin.type(key)).toBe('hash');
  });

  test('holds whole numbers only', async () => {
    await useEverything(suite.store());
    const hash = await suite.hash();
    expect(Object.keys(hash).map((field) => field.slice(0, 2))).toEqual(
      expect.arrayContaining(['at', 'cl', 'pl', 'dr', 'r:', 'c:', 't:']),
    );
    for (const value of Object.values(hash)) expect(value).toMatch(/^(-?\d+|\d+(:\d+)+)$/);
  });

  test('stays exact for numbers of any size', async () => {
    const limits = limitsOf({ tokens: 1e9, dailyTokens: 987_654_321_987.653 });
    const store = suite.store();
    await store.take('key', { limits, costs: [cost(1, 999_999_999.999)], running: 0 });
    await suite.runtime.advance(59_999);
    const { used, drawn } = await store.take('key', { limits, costs: [], running: 0 });
    const left = (units: bigint, perWindow: bigint, windowMs: bigint) =>
      Number(units - (59_999n * perWindow) / windowMs) / 1000;
    expect(used).toEqual([
      left(999_999_999_999n, 10n ** 12n, BigInt(MINUTE)),
      // More has been refilled than was used.
      Math.max(0, left(999_999_999_999n, 987_654_321_987_653n, BigInt(DAY))),
    ]);
    expect(drawn.tokens).toBe(999_999_999.999);
    const [, remainder] = (await suite.hash())['r:dailyTokens']?.split(':') ?? [];
    expect(remainder).toBe(String((59_999n * 987_654_321_987_653n) % BigInt(DAY)));
  });

  test.each<[string, (store: RedisStore) => Promise<unknown>]>([
    ['take', (store) => store.take('key', { limits, costs: calls(1), running: 0 })],
    ['a take without calls', (store) => store.take('key', { limits, costs: [], running: 0 })],
    ['settle', (store) => store.settle('key', { limits, reserved: cost(1), used: cost(1) })],
    ['observe', (store) => store.observe('key', { limits, tokens: { remaining: 0 } })],
    ['pause', (store) => store.pause('key', 1)],
  ])('expires after %s', async (_, operation) => {
    await operation(suite.store());
    expect(await suite.ttl()).toBeGreaterThan(50_000);
  });

  test.each([
    ['everything is refilled', { tokens: 1000, dailyTokens: 100_000 }, cost(0, 600), 600 * (DAY / 100_000)],
    ['a running call is forgotten', { tokens: 1000, maxConcurrent: 1 }, cost(0, 1), 30_000],
    ['nothing more can matter, and not much later', { tokens: 1000 }, cost(0, 1), 60],
  ])('is kept until %s', async (_, numbers, taken, neededMs) => {
    const limits = limitsOf(numbers);
    await suite.store().take('key', { limits, costs: [taken], running: 0 });
    const ttl = await suite.ttl();
    expect(ttl).toBeGreaterThan(neededMs + 55_000);
    expect(ttl).toBeLessThanOrEqual(neededMs + 60_000);
  });

  test('expires even when a debt is paid off in a million years', async () => {
    const limits = limitsOf({ tokens: 0.001 });
    const store = suite.store();
    await store.settle('key', { limits, reserved: cost(0, 0), used: cost(0, 1e12) });
    expect(await suite.ttl()).toBeGreaterThan(365 * DAY);
    const { waitMs } = await store.take('key', { limits, costs: [cost(0, 0)], running: 0 });
    expect(waitMs).toBeGreaterThan(365 * DAY);
  });

  test('means full when it is gone', async () => {
    const store = suite.store();
    await store.take('key', { limits, costs: [cost(60, 1000)], running: 0 });
    await suite.admin.flushall();
    expect(await store.take('key', { limits, costs: [cost(60, 1000)], running: 0 })).toMatchObject({
      granted: 1,
    });
  });

  test('keeps a place in line from before it was gone in front of newer ones', async () => {
    const limits = limitsOf({ requests: 1 });
    const [first, second] = [suite.store(), suite.store()];
    const ask = (store: RedisStore, place?: number) =>
      store.take('key', { limits, costs: calls(1), running: 0, place });
    await ask(first);
    const { place } = await ask(first);
    await suite.runtime.advance(1000);
    await suite.admin.flushall();
    await ask(second);
    const newer = await ask(second);
    expect(newer.place).toBeGreaterThan(place as number);
    expect(await ask(first, place)).toMatchObject({ place, waitMs: MINUTE });
    expect(await ask(second, newer.place)).toMatchObject({ waitMs: 2 * MINUTE });
  });
});

describe.each(clientNames)('a clock of Redis that steps back, by %s', (name) => {
  const suite = redisSuite(name);

  test('refills nothing by that, loses nothing, and takes times along', async () => {
    const limits = limitsOf({ requests: 60, requestBurst: 10, maxConcurrent: 20 });
    const [first, second] = [suite.store(), suite.store()];
    const back = 50 * MINUTE;
    let shift = 0;
    const clock = suite.runtime.wallClock.bind(suite.runtime);
    suite.runtime.wallClock = () => clock() - shift;

    const before = await first.take('key', { limits, costs: calls(10), running: 0 });
    await first.pause('key', 8000);
    await second.take('key', { limits, costs: calls(1), running: 0 });
    await suite.runtime.advance(1000);
    shift = back;
    const after = await first.observe('key', { limits });
    expect(after).toMatchObject({ used: [10], closedForMs: 8000, running: 10 });
    expect(after.at).toBe(before.at);
    await suite.runtime.advance(2000);
    expect(await first.observe('key', { limits })).toMatchObject({ used: [8], closedForMs: 6000 });
    // The line and the running calls end in their time.
    const many = { limits, costs: [cost(9, 0)], running: 10 };
    expect(await first.take('key', many)).toMatchObject({ waitMs: 8000 });
    await suite.runtime.advance(1000);
    expect(await first.take('key', many)).toMatchObject({ waitMs: 6000 });
    await suite.runtime.advance(30_000);
    expect(await second.observe('key', { limits })).toMatchObject({ running: 0 });
    expect(await suite.ttl()).toBeLessThan(5 * MINUTE);
  });
});
