// @ts-nocheck
import { afterAll, beforeAll, describe } from '@jest/globals';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { RedisStore, type RedisClient } from '../../src/redis/index';
import { limiterConformance, type Setting } from '../limits/conformance';
import { startRedis, type RedisServer } from '../support/redis-server';
import { virtualRedis } from '../support/virtual-redis';
import { installVirtualRuntime } from '../support/virtual-runtime';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
}, 30_000);
afterAll(() => server.stop());

let names = 0;

describe.each<[string, () => Promise<RedisClient & { quit(): Promise<unknown> }>]>([
  ['ioredis', async () => new Redis({ port: server.port })],
  ['node-redis', async () => createClient({ url: `redis://127.0.0.1:${server.port}` }).connect()],
])('a limiter on Redis by %s', (_, connect) => {
  let connection: Awaited<ReturnType<typeof connect>>;
  beforeAll(async () => {
    connection = await connect();
  });
  afterAll(async () => void (await connection.quit()));

  limiterConformance(async (): Promise<Setting> => {
    const { runtime, restore } = installVirtualRuntime();
    const { client, idle } = virtualRedis(connection);
    runtime.settle = idle;
    const name = `limiter-${names++}`;
    const stores: RedisStore[] = [];
    return {
      store: () => {
        const store = new RedisStore(client, { name, localShare: 1, timeoutMs: 1e6 });
        stores.push(store);
        return store;
      },
      now: () => runtime.wallClock(),
      advance: (ms) => runtime.advance(ms),
      settled: idle,
      get pendingTimers() {
        return runtime.pendingTimers;
      },
      close: async () => {
        await idle();
        for (const store of stores) await store.close();
        restore();
      },
    };
  }, 25);
});
