// @ts-nocheck
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { Limiter } from '../../decorators/limits/index';
import { RedisStore } from '../../src/redis/index';
import { Admission } from '../limits/fake-call';
import { startRedis, type RedisServer } from '../support/redis-server';
import { virtualRedis } from '../support/virtual-redis';
import { installVirtualRuntime } from '../support/virtual-runtime';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
}, 30_000);
afterAll(() => server.stop());

test('limiters that were given the same store share its limits, and each counts its own calls', async () => {
  const { runtime, restore } = installVirtualRuntime();
  const connection = new Redis({ port: server.port });
  const { client, idle } = virtualRedis(connection);
  runtime.settle = idle;
  const store = new RedisStore(client, { name: 'one', whenDown: 'closed', timeoutMs: 1e6 });
  try {
    const limiters = [new Limiter({ maxConcurrent: 2, store }), new Limiter({ maxConcurrent: 2, store })];
    const all: Admission[] = [];
    for (const i of [0, 1, 0, 1]) {
      all.push(new Admission(limiters[i] as Limiter));
      await idle();
    }
    expect(all.map(({ state }) => state)).toEqual(['admitted', 'admitted', 'waits', 'waits']);
    for (const [i, then] of [
      [0, ['admitted', 'waits']],
      [1, ['admitted', 'admitted']],
    ] as const) {
      all[i]?.end();
      await idle();
      expect(all.slice(2).map(({ state }) => state)).toEqual(then);
    }
    for (const admission of all.slice(2)) admission.end();
    await idle();
    expect(runtime.pendingTimers).toBe(0);
  } finally {
    await store.close();
    restore();
    await connection.quit();
  }
});
