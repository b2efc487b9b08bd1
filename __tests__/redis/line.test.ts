import { describe, expect, test } from '@jest/globals';
import type { RedisStore } from '../../src/redis/index';
import { calls, clientNames, cost, limitsOf, redisSuite } from './support';

describe.each(clientNames)('the line between processes, by %s', (name) => {
  const suite = redisSuite(name);
  const limits = limitsOf({ requests: 60, tokens: 1000 });
  const ask = (store: RedisStore, tokens: number, place?: number) =>
    store.take('key', { limits, costs: [cost(1, tokens)], running: 0, place });
  const leave = (store: RedisStore) => store.take('key', { limits, costs: [], running: 0 });
  /** Processes, and 100 tokens left: those of 400 wait 18 s for the first, and 24 s more for each further one. */
  async function processes<Count extends number>(count: Count) {
    await ask(suite.store(), 900);
    return Array.from({ length: count }, () => suite.store()) as [RedisStore, RedisStore, RedisStore];
  }

  test('is the order in which they were refused, and tells how long each has to wait for those in front', async () => {
    const [first, second, third] = await processes(3);
    const places = [await ask(first, 400), await ask(second, 400), await ask(third, 400)];
    expect(places).toMatchObject([
      { granted: 0, waitMs: 18_000 },
      { granted: 0, waitMs: 42_000 },
      { granted: 0, waitMs: 66_000 },
    ]);
    const numbers = places.map(({ place }) => place as number);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(new Set(numbers).size).toBe(3);
  });

  test('lets no light call pass a heavy one', async () => {
    const [heavy, light] = await processes(2);
    let { place } = await ask(heavy, 1000);
    let admitted = 0;
    for (let seconds = 0; seconds < 53; seconds++) {
      admitted += (await ask(light, 10)).granted;
      const again = await ask(heavy, 1000, place);
      expect(again).toMatchObject({ granted: 0, waitMs: 54_000 - seconds * 1000 });
      place = again.place;
      await suite.runtime.advance(1000);
    }
    expect(admitted).toBe(0);
    await suite.runtime.advance(1000);
    expect((await ask(heavy, 1000, place)).granted).toBe(1);
    expect((await ask(light, 10)).granted).toBe(0);
  });

  test('lets one behind go when there is enough for him and for all in front', async () => {
    const [first, second] = await processes(2);
    await ask(first, 150);
    await suite.runtime.advance(2900);
    // 148 are there: too few for the first.
    expect(await ask(second, 10)).toMatchObject({ granted: 0, waitMs: 700 });
    const [fourth] = [suite.store()];
    await ask(first, 150);
    await suite.runtime.advance(1000);
    expect(await ask(second, 10)).toMatchObject({ granted: 1 });
    expect(await ask(fourth, 10)).toMatchObject({ granted: 0 });
    expect(await ask(first, 150)).toMatchObject({ granted: 1 });
  });

  test('keeps a place for whoever comes back with it, or soon', async () => {
    const [first, second] = await processes(2);
    const { place } = await ask(first, 400);
    await ask(second, 400);
    expect(await ask(first, 300)).toMatchObject({ place, waitMs: 12_000 });
    await suite.runtime.advance(2999);
    expect(await ask(first, 300)).toMatchObject({ place, waitMs: 9001 });
    await suite.runtime.advance(3000);
    await ask(second, 400);
    // Forgotten by now, but still known to him.
    expect(await ask(first, 300, place)).toMatchObject({ place, waitMs: 6001 });
    expect(await ask(second, 400)).toMatchObject({ waitMs: 30_001 });
  });

  test('gives a new place to the next call of one who was served, behind all that wait', async () => {
    const [first, second] = await processes(2);
    const { place } = await ask(first, 400);
    await ask(second, 400);
    await suite.runtime.advance(2000);
    await ask(first, 400, place);
    await ask(second, 400);
    await suite.runtime.advance(2999);
    // 183 are there.
    const both = await first.take('key', { limits, costs: [cost(1, 100), cost(1, 10)], running: 0, place });
    expect(both).toMatchObject({ granted: 1, waitMs: 19_601 });
    expect(both.place).toBeGreaterThan(place as number);
    expect(await ask(second, 400)).toMatchObject({ waitMs: 19_001 });
  });

  test('serves the further calls of the first only from what is not needed by those behind him', async () => {
    const limits = limitsOf({ requests: 4 });
    const take = (store: RedisStore, count: number) =>
      store.take('key', { limits, costs: calls(count), running: 0 });
    const [first, second] = [suite.store(), suite.store()];
    await first.pause('key', 2000);
    await take(first, 4);
    await take(second, 1);
    await suite.runtime.advance(2000);
    expect((await take(first, 4)).granted).toBe(3);
    expect((await take(second, 1)).granted).toBe(1);
  });

  test('has nobody in it who was served or has left', async () => {
    const [first, second] = await processes(2);
    await ask(first, 400);
    expect(await ask(second, 50)).toMatchObject({ granted: 0, waitMs: 21_000 });
    expect(await leave(first)).toMatchObject({ granted: 0, waitMs: 0 });
    expect((await leave(first)).place).toBeUndefined();
    expect(await ask(second, 50)).toMatchObject({ granted: 1 });
    expect(await ask(first, 400)).toMatchObject({ waitMs: 21_000 });
  });

  test('forgets a process that has not come back for 3 s', async () => {
    const [dead, living] = await processes(2);
    await ask(dead, 1000);
    await suite.runtime.advance(2999);
    expect(await ask(living, 10)).toMatchObject({ granted: 0 });
    await suite.runtime.advance(1);
    expect(await ask(living, 10)).toMatchObject({ granted: 1 });
  });

  test('has no meaning for what another key has', async () => {
    const [first] = await processes(1);
    await ask(first, 400);
    expect((await suite.store().take('other', { limits, costs: calls(1), running: 0 })).granted).toBe(1);
  });
});
