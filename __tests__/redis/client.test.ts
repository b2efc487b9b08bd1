import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { inspect } from 'node:util';
import { createClient, createClientPool, RESP_TYPES } from 'redis';
import { RedisStore } from '../../src/redis/index';
import { failureOf } from '../support/policies';
import { startRedis, type RedisServer } from '../support/redis-server';
import { calls, clientNames, connectClient, cost, limitsOf } from './support';

const limits = limitsOf({ requests: 60, tokens: 1000 });
const options = { name: 'test', localShare: 1 };
const take = (store: RedisStore) => store.take('key', { limits, costs: calls(1, 10), running: 0 });

let server: RedisServer;
let admin: Redis;
beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.port, '127.0.0.1');
}, 30_000);
beforeEach(() => admin.flushall());
afterAll(async () => {
  admin?.disconnect();
  await server?.stop();
});

describe.each(clientNames)('a client of %s', (name) => {
  let connected: Awaited<ReturnType<typeof connectClient>>;
  beforeAll(async () => {
    connected = await connectClient(name, server.port);
  });
  afterAll(() => connected?.end());

  test('runs the scripts where Redis does not know them, and after it has forgotten them', async () => {
    const store = new RedisStore(connected.client, options);
    const settlement = { limits, reserved: cost(1), used: cost(1) };
    for (let round = 1; round <= 2; round++) {
      await admin.script('FLUSH');
      expect((await take(store)).drawn).toEqual(cost(round, round * 10));
      await store.settle('key', settlement);
      await store.observe('key', { limits });
      await store.pause('key', 1);
      await admin.hdel('keelson:v1:{test}:key', 'closed');
    }
  });

  test('sends a script whole only when Redis does not know it', async () => {
    const store = new RedisStore(connected.client, options);
    await admin.script('FLUSH');
    await take(store);
    await admin.config('RESETSTAT');
    for (let i = 0; i < 5; i++) await take(store);
    const stats = await admin.info('commandstats');
    expect(stats).toContain('cmdstat_evalsha:calls=5,');
    expect(stats).not.toContain('cmdstat_eval:');
  });

  test('goes by the clock of the server', async () => {
    const { at } = await take(new RedisStore(connected.client, options));
    const [seconds] = await admin.time();
    expect(Math.abs(at - Number(seconds) * 1000)).toBeLessThan(60_000);
  });

  test('passes on what Redis says, as a plain error', async () => {
    await admin.set('keelson:v1:{test}:key', 'a string');
    const store = new RedisStore(connected.client, options);
    const error = await failureOf(take(store));
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toContain('WRONGTYPE');
    expect(error).not.toHaveProperty('command');
  });

  test('changes nothing when there is no memory for it', async () => {
    const store = new RedisStore(connected.client, options);
    await take(store);
    const before = await admin.hgetall('keelson:v1:{test}:key');
    await admin.config('SET', 'maxmemory', '1');
    try {
      expect(String(await failureOf(take(store)))).toContain('OOM');
      expect(await admin.hgetall('keelson:v1:{test}:key')).toEqual(before);
    } finally {
      await admin.config('SET', 'maxmemory', '0');
    }
  });

  test('is ready while it is connected, also for the first time', async () => {
    const fresh = await connectClient(name, server.port);
    const store = new RedisStore(fresh.client, options);
    expect(store.isReady()).toBe(true);
    await take(store);
    expect(store.isReady()).toBe(true);
    await store.close();
    await fresh.end();
    await until(() => !store.isReady());
    expect(await failureOf(take(store))).toBeInstanceOf(Error);
  });

  test('is not ready once it has lost its server, and is again when that is back', async () => {
    const own = await startRedis();
    const { client, end } = await connectClient(name, own.port);
    const store = new RedisStore(client, options);
    try {
      await take(store);
      await own.stop();
      await until(() => !store.isReady());
      const again = await startRedis([], own.port);
      try {
        await until(() => store.isReady());
        expect((await take(store)).granted).toBe(1);
      } finally {
        await again.stop();
      }
    } finally {
      await end();
      await own.stop();
    }
  }, 30_000);
});

describe('a client of ioredis', () => {
  test('may be lazy: it connects with the first operation', async () => {
    const client = new Redis({ port: server.port, host: '127.0.0.1', lazyConnect: true });
    const store = new RedisStore(client, options);
    expect([client.status, store.isReady()]).toEqual(['wait', true]);
    expect((await take(store)).granted).toBe(1);
    client.disconnect();
  });

  test('counts as ready while it connects for the first time, not when it does so again', async () => {
    const client = new Redis({ port: server.port, host: '127.0.0.1', retryStrategy: () => 1 });
    client.on('error', () => {});
    const store = new RedisStore(client, options);
    expect([client.status, store.isReady()]).toEqual(['connecting', true]);
    await take(store);
    const states = new Map<string, boolean>();
    for (const event of ['reconnecting', 'connecting', 'connect', 'ready'])
      client.on(event, () => states.set(event, store.isReady()));
    const back = new Promise((resolve) => client.once('ready', resolve));
    client.disconnect(true);
    await back;
    expect(Object.fromEntries(states)).toEqual({
      reconnecting: false,
      connecting: false,
      connect: false,
      ready: true,
    });
    client.disconnect();
  });

  test.each([
    ['a prefix of its own for keys', { keyPrefix: 'mine:' }, 'mine:keelson:v1:{test}:key'],
    ['numbers as strings', { stringNumbers: true }, 'keelson:v1:{test}:key'],
    ['pipelines made by itself', { enableAutoPipelining: true }, 'keelson:v1:{test}:key'],
    ['the older protocol', { protocol: 2 as const }, 'keelson:v1:{test}:key'],
  ])('may have %s', async (_, more, key) => {
    const client = new Redis({ port: server.port, host: '127.0.0.1', ...more });
    expect(await take(new RedisStore(client, options))).toMatchObject({ granted: 1, used: [1, 10] });
    expect(await admin.exists(key)).toBe(1);
    client.disconnect();
  });

  test('tells no password in its errors', async () => {
    const own = await startRedis(['--requirepass', 'right-password']);
    const client = new Redis({
      port: own.port,
      host: '127.0.0.1',
      password: 'secret-password',
      retryStrategy: null,
    });
    client.on('error', () => {});
    const error = await failureOf(take(new RedisStore(client, options)));
    expect(String(error)).toMatch(/WRONGPASS|invalid|Connection/);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('secret-password');
    client.disconnect();
    await own.stop();
  });
});

describe('a client of node-redis', () => {
  test('is not ready before it is connected, and says so', async () => {
    const store = new RedisStore(createClient({ url: `redis://127.0.0.1:${server.port}` }), options);
    expect(store.isReady()).toBe(false);
    expect(String(await failureOf(take(store)))).toContain('closed');
  });

  test.each([
    ['a prefix of its own for keys', { keyPrefix: 'mine:' }, 'mine:keelson:v1:{test}:key'],
    ['the older protocol', { RESP: 2 as const }, 'keelson:v1:{test}:key'],
    [
      'types of its own',
      { commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.NUMBER]: String } } },
      'keelson:v1:{test}:key',
    ],
  ])('may have %s', async (_, more, key) => {
    const client = createClient({ url: `redis://127.0.0.1:${server.port}`, ...more } as object);
    await client.connect();
    expect(await take(new RedisStore(client, options))).toMatchObject({
      granted: 1,
      used: [1, 10],
    });
    expect(await admin.exists(key)).toBe(1);
    client.destroy();
  });

  test('may be a pool', async () => {
    const pool = createClientPool({ url: `redis://127.0.0.1:${server.port}` });
    await pool.connect();
    const store = new RedisStore(pool, options);
    expect(store.isReady()).toBe(true);
    expect((await take(store)).granted).toBe(1);
    // It cannot be duplicated: there is nobody to wake.
    store.onWake('key', () => {})();
    await store.close();
    await pool.close();
  });
});

test('a refused connection is told with its code, though it was refused at several addresses', async () => {
  const refused = Object.assign(
    new AggregateError([new Error('connect ECONNREFUSED ::1:1'), new Error('and more')]),
    {
      code: 'ECONNREFUSED',
    },
  );
  const client = { evalsha: () => Promise.reject(refused), eval: () => Promise.reject(refused) };
  const error = await failureOf(take(new RedisStore(client, options)));
  expect(error).toMatchObject({ message: 'connect ECONNREFUSED ::1:1; and more', code: 'ECONNREFUSED' });
  expect(error).not.toBeInstanceOf(AggregateError);
});

test('what has failed is not sent again, for Redis may have done it', async () => {
  const sent: string[] = [];
  const fail = (script: string) => {
    sent.push(script);
    return Promise.reject(new Error('ETIMEDOUT'));
  };
  expect(String(await failureOf(take(new RedisStore({ evalsha: fail, eval: fail }, options))))).toContain(
    'ETIMEDOUT',
  );
  expect(sent).toHaveLength(1);
});

test.each(['OK', 'true', '1 2 3', ''])('an answer that cannot be one (%s) is an error', async (answer) => {
  const client = { evalsha: async () => answer, eval: async () => answer };
  expect(String(await failureOf(take(new RedisStore(client, options))))).toContain('answer');
});

/** Waits for what another process brings about. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
