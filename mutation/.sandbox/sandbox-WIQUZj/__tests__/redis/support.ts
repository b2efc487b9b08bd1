// @ts-nocheck
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import type { Amounts, Rate, SharedLimits } from '../../decorators/limits/index';
import { RedisStore, type RedisClient, type RedisStoreOptions } from '../../src/redis/index';
import { startRedis, type RedisServer } from '../support/redis-server';
import { installVirtualRuntime, type VirtualRuntime } from '../support/virtual-runtime';
import { virtualRedis, type VirtualRedis } from '../support/virtual-redis';

export const MINUTE = 60_000;
export const DAY = 1440 * MINUTE;

export type ClientName = 'ioredis' | 'node-redis';
export const clientNames: ClientName[] = ['ioredis', 'node-redis'];

/** A connected client of either library, and how it is ended. */
export async function connectClient(name: ClientName, port: number) {
  if (name === 'ioredis') {
    const client = new Redis(port, '127.0.0.1');
    client.on('error', () => {});
    await client.ping();
    return { client, end: async () => void client.disconnect() };
  }
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on('error', () => {});
  await client.connect();
  return { client, end: async () => client.destroy() };
}

/** A server, and for each test an empty one on virtual time, with as many processes as the test makes stores. */
export function redisSuite(name: ClientName) {
  let server: RedisServer;
  let own: Awaited<ReturnType<typeof connectClient>>;
  let admin: Redis;
  let redis: VirtualRedis<RedisClient>;
  let runtime: VirtualRuntime;
  let restore: () => void;
  let stores: RedisStore[] = [];

  beforeAll(async () => {
    server = await startRedis();
    admin = new Redis(server.port, '127.0.0.1');
    own = await connectClient(name, server.port);
  }, 30_000);
  beforeEach(async () => {
    await admin.flushall();
    ({ runtime, restore } = installVirtualRuntime());
    redis = virtualRedis(own.client);
    runtime.settle = () => redis.idle();
  });
  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()));
    stores = [];
    restore();
  });
  afterAll(async () => {
    await own?.end();
    admin?.disconnect();
    await server?.stop();
  });

  return {
    get runtime() {
      return runtime;
    },
    get redis() {
      return redis;
    },
    get server() {
      return server;
    },
    /** A client on real time, to look at what is stored. */
    get admin() {
      return admin;
    },
    /** A store as another process would have it. */
    store(options: Partial<RedisStoreOptions> = {}): RedisStore {
      const store = new RedisStore(redis.client, {
        name: 'test',
        localShare: 1,
        ...options,
      } as RedisStoreOptions);
      stores.push(store);
      return store;
    },
    hash: (key = 'key') => admin.hgetall(`keelson:v1:{test}:${key}`),
    ttl: (key = 'key') => admin.pttl(`keelson:v1:{test}:${key}`),
  };
}

type Numbers = {
  requests?: number;
  tokens?: number;
  dailyRequests?: number;
  dailyTokens?: number;
  requestBurst?: number;
  tokenBurst?: number;
  maxConcurrent?: number;
};

/** Limits as the limiter makes them of its options. */
export function limitsOf(numbers: Numbers): SharedLimits {
  const rates: Rate[] = [];
  const add = (name: Rate['name'], unit: Rate['unit'], windowMs: number, burst = numbers[name]): void => {
    const limit = numbers[name];
    if (limit !== undefined) rates.push({ name, unit, limit, windowMs, burst: burst ?? limit });
  };
  add('requests', 'requests', MINUTE, numbers.requestBurst);
  add('tokens', 'tokens', MINUTE, numbers.tokenBurst);
  add('dailyRequests', 'requests', DAY);
  add('dailyTokens', 'tokens', DAY);
  return { rates, maxConcurrent: numbers.maxConcurrent };
}

export const cost = (requests: number, tokens = 0): Amounts => ({ requests, tokens });
/** So many calls of one request each. */
export const calls = (count: number, tokens = 0): Amounts[] =>
  Array.from({ length: count }, () => cost(1, tokens));
