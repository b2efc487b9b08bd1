import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { EventEmitter, once } from 'node:events';
import { createClient } from 'redis';
import { RedisStore, type RedisClient } from '../../src/redis/index';
import { startRedis, type RedisServer } from '../support/redis-server';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';
import { calls, clientNames, connectClient, cost, limitsOf, redisSuite, type ClientName } from './support';

describe.each(clientNames)('a process that waits, by %s', (name) => {
  const suite = redisSuite(name);
  const limits = limitsOf({ requests: 60, tokens: 1000, maxConcurrent: 100 });
  const ask = (store: RedisStore, tokens: number, key = 'key') =>
    store.take(key, { limits, costs: [cost(1, tokens)], running: 0 });
  const give = (store: RedisStore, tokens: number) =>
    store.settle('key', { limits, reserved: cost(1, tokens), used: cost(1, 0) });

  /** Until the stores can be woken; what they were told at that moment is forgotten. */
  async function ready(woken: number[]) {
    await suite.redis.idle();
    woken.length = 0;
  }

  /** A process that has taken all tokens, and others that wait for some; `woken` are their numbers, in order. */
  async function setting(...tokens: number[]) {
    const holder = suite.store();
    await ask(holder, 1000);
    const woken: number[] = [];
    const stores: RedisStore[] = [];
    for (const [number, amount] of tokens.entries()) {
      const store = suite.store();
      store.onWake('key', () => woken.push(number));
      stores.push(store);
      await ask(store, amount);
    }
    await ready(woken);
    return { holder, stores, woken };
  }

  test('is woken when something is given back and it is the first in line: nobody else', async () => {
    const { holder, woken } = await setting(400, 400, 400);
    await give(holder, 500);
    await suite.redis.idle();
    expect(woken).toEqual([0]);
  });

  test('is woken when it begins to hear, for what it may have missed', async () => {
    const { stores, holder } = await setting(400);
    const late = suite.store();
    const woken: string[] = [];
    late.onWake('key', () => woken.push('key'));
    late.onWake('other', () => woken.push('other'));
    await give(holder, 500);
    await suite.redis.idle();
    expect(woken).toEqual(['key', 'other']);
    expect((await ask(stores[0] as RedisStore, 400)).granted).toBe(1);
  });

  test('is not woken while it is still too little', async () => {
    const { holder, woken } = await setting(400, 100);
    await give(holder, 399);
    await suite.redis.idle();
    expect(woken).toEqual([]);
  });

  test('is woken once, not again by what changes nothing for it', async () => {
    const { holder, woken } = await setting(400);
    await give(holder, 500);
    await give(holder, 0);
    await ask(holder, 1);
    await suite.redis.idle();
    expect(woken).toEqual([0]);
  });

  test('is woken together with those before it when there is enough for all of them', async () => {
    const { holder, woken } = await setting(100, 200, 300, 500);
    await give(holder, 600);
    await suite.redis.idle();
    expect([...woken].sort()).toEqual([0, 1, 2]);
  });

  test('is woken when those in front have left and there is enough for it', async () => {
    const { holder, stores, woken } = await setting(900, 300);
    await give(holder, 500);
    await suite.redis.idle();
    expect(woken).toEqual([]);
    await stores[0]?.take('key', { limits, costs: [], running: 0 });
    await suite.redis.idle();
    expect(woken).toEqual([1]);
  });

  test('is woken by its own calls too', async () => {
    const store = suite.store();
    const woken: number[] = [];
    store.onWake('key', () => woken.push(1));
    await ask(store, 1000);
    await ask(store, 500);
    await ready(woken);
    await give(store, 700);
    await suite.redis.idle();
    expect(woken).toEqual([1]);
  });

  test('is woken when a running call ends', async () => {
    const limits = limitsOf({ requests: 60, maxConcurrent: 1 });
    const [holder, waiting] = [suite.store(), suite.store()];
    const woken: number[] = [];
    waiting.onWake('key', () => woken.push(1));
    await holder.take('key', { limits, costs: calls(1), running: 0 });
    await waiting.take('key', { limits, costs: calls(1), running: 0 });
    await ready(woken);
    await holder.settle('key', { limits, reserved: cost(1), used: cost(1) });
    await suite.redis.idle();
    expect(woken).toEqual([1]);
  });

  test('is woken on its key alone, by every listener, until it stops listening', async () => {
    const { holder, stores, woken } = await setting(400);
    const heard: string[] = [];
    const stop = stores[0]?.onWake('key', () => heard.push('second'));
    const listener = () => heard.push('twice');
    stores[0]?.onWake('key', listener);
    const stopOne = stores[0]?.onWake('key', listener);
    stores[0]?.onWake('other', () => heard.push('other'));
    stop?.();
    stopOne?.();
    await give(holder, 500);
    await suite.redis.idle();
    expect([woken, heard]).toEqual([[0], ['twice']]);
  });

  test('is not woken after its store was closed, and is again when it listens anew', async () => {
    const { holder, stores, woken } = await setting(400);
    await stores[0]?.close();
    await give(holder, 500);
    await suite.redis.idle();
    expect(woken).toEqual([]);
    stores[0]?.onWake('key', () => woken.push(10));
    expect((await ask(stores[0] as RedisStore, 400)).granted).toBe(1);
    expect((await ask(stores[0] as RedisStore, 400)).granted).toBe(0);
    await ready(woken);
    await give(holder, 500);
    await suite.redis.idle();
    expect(woken).toEqual([10]);
  });

  test('shares one connection for messages with every other store of the client', async () => {
    const before = (await connections()).length;
    const { stores } = await setting(400, 400, 400);
    expect(await connections()).toHaveLength(before + 1);
    await stores[0]?.close();
    await stores[1]?.close();
    expect(await connections()).toHaveLength(before + 1);
    await stores[2]?.close();
    await eventually(async () => (await connections()).length === before);
  });

  const connections = async () =>
    String(await suite.admin.client('LIST'))
      .split('\n')
      .filter((line) => line !== '');

  test('has nothing left of that connection when the client ends', async () => {
    const own = await connectClient(name, suite.server.port);
    const emitter = own.client as unknown as EventEmitter;
    const listeners = () => ['end', 'disconnect'].map((event) => emitter.listenerCount(event));
    const [before, heard] = [(await connections()).length, listeners()];
    const store = new RedisStore(own.client, { name: 'test', whenDown: 'open' });
    store.onWake('key', () => {});
    await eventually(async () => (await connections()).length === before + 1);
    await own.end();
    await eventually(async () => (await connections()).length === before - 1);
    expect(listeners()).toEqual(heard);
    // Nothing is to be heard any more, and nobody fails for it.
    store.onWake('key', () => {});
    await store.close();
  });

  test('hears again after the connection for messages was lost', async () => {
    const { holder, stores, woken } = await setting(400);
    for (let round = 1; round <= 2; round++) {
      const before = await listening();
      await suite.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await eventually(async () => {
        await suite.runtime.advance(100);
        const now = await listening();
        return now !== '' && now !== before;
      });
      await suite.redis.idle();
    }
    await ask(stores[0] as RedisStore, 400);
    woken.length = 0;
    await give(holder, 500);
    await suite.redis.idle();
    expect(woken).toEqual([0]);
  }, 30_000);

  /** The ids of the connections that listen. */
  const listening = async () =>
    (String(await suite.admin.call('CLIENT', 'LIST', 'TYPE', 'pubsub')).match(/^id=\d+/gm) ?? []).join();
});

describe('the connection for messages', () => {
  let server: RedisServer;
  let runtime: VirtualRuntime;
  let restore: () => void;
  beforeEach(async () => {
    ({ runtime, restore } = installVirtualRuntime());
    server = await startRedis();
  }, 30_000);
  afterEach(async () => {
    restore();
    await server?.stop();
  });
  const clients: [ClientName, () => Promise<{ client: RedisClient & EventEmitter; end: () => unknown }>][] = [
    [
      'ioredis',
      async () => {
        const options = { retryStrategy: null, enableOfflineQueue: false, autoResubscribe: false };
        const client = new Redis({ port: server.port, host: '127.0.0.1', ...options });
        await once(client, 'ready');
        return { client, end: () => client.disconnect() };
      },
    ],
    [
      'node-redis',
      async () => {
        const socket = { port: server.port, host: '127.0.0.1', reconnectStrategy: false as const };
        const client = createClient({ socket, disableOfflineQueue: true });
        await client.connect();
        return { client, end: () => client.destroy() };
      },
    ],
  ];

  test.each(clients)('is opened anew when that of %s has given up', async (_, connect) => {
    const { client, end } = await connect();
    client.on('error', () => {});
    const store = new RedisStore(client, { name: 'test', whenDown: 'open' });
    const admin = new Redis(server.port, '127.0.0.1');
    let heard = 0;
    store.onWake('key', () => heard++);
    for (let round = 1; round <= 3; round++) {
      await eventually(async () => {
        await runtime.advance(1000);
        return heard === round;
      });
      await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    }
    await store.close();
    await end();
    admin.disconnect();
  });

  test('leaves no timer when the store is closed while it is lost', async () => {
    const { client, end } = await connectClient('ioredis', server.port);
    const store = new RedisStore(client, { name: 'test', whenDown: 'open' });
    await new Promise<void>((heard) => store.onWake('key', heard));
    await server.stop();
    await eventually(async () => runtime.pendingTimers === 1);
    await store.close();
    expect(runtime.pendingTimers).toBe(0);
    await end();
  });

  test('is not opened for a client that was closed while Redis was gone', async () => {
    const { client, end } = await connectClient('ioredis', server.port);
    const store = new RedisStore(client, { name: 'test', whenDown: 'open' });
    await new Promise<void>((heard) => store.onWake('key', heard));
    const opened = jest.spyOn(client as Redis, 'duplicate');
    await server.stop();
    await new Promise((lost) => (client as Redis).once('reconnecting', lost));
    await end();
    await eventually(async () => runtime.pendingTimers === 1);
    await runtime.advance(10 * 60_000);
    expect(opened).not.toHaveBeenCalled();
    await store.close();
  });

  test('does not wait for sentinels by itself', async () => {
    await server.stop();
    const sentinels = [{ host: '127.0.0.1', port: server.port }];
    const client = new Redis({ sentinels, name: 'test', sentinelRetryStrategy: () => 500 });
    client.on('error', () => {});
    const store = new RedisStore(client, { name: 'test', whenDown: 'open' });
    store.onWake('key', () => {});
    await eventually(async () => runtime.pendingTimers === 1);
    client.disconnect();
    await store.close();
    expect(runtime.pendingTimers).toBe(0);
  });

  test.each(clientNames)(
    'by %s leaves it to the client to complain of a server that is gone',
    async (name) => {
      const { client, end } = await connectClient(name, server.port);
      const complaints: unknown[] = [];
      const complain = console.error;
      console.error = (...words) => complaints.push(words);
      try {
        const store = new RedisStore(client, { name: 'test', whenDown: 'open' });
        await new Promise<void>((heard) => store.onWake('key', heard));
        await server.stop();
        let attempts = 0;
        (client as unknown as EventEmitter).on('reconnecting', () => attempts++);
        await eventually(async () => {
          await runtime.advance(1000);
          return attempts >= 3;
        });
      } finally {
        console.error = complain;
        await end();
      }
      expect(complaints).toEqual([]);
    },
    30_000,
  );
});

describe('a client that cannot be listened with', () => {
  const scripts = { evalsha: async () => '', eval: async () => '' };
  const options = { name: 'test', whenDown: 'open' as const };

  test.each<[string, object]>([
    ['cannot be duplicated', {}],
    [
      'fails to',
      {
        duplicate() {
          throw new Error('no');
        },
      },
    ],
    ['is duplicated by something that knows no messages', { duplicate: () => new EventEmitter() }],
    [
      'may not subscribe',
      {
        duplicate: () =>
          Object.assign(new EventEmitter(), {
            subscribe: () => Promise.reject(new Error('NOPERM')),
            disconnect: () => {
              throw new Error('neither that');
            },
          }),
      },
    ],
  ])('since it %s wakes nobody, and fails nobody', async (_, more) => {
    const store = new RedisStore(Object.assign(new EventEmitter(), scripts, more), options);
    const stop = store.onWake('key', () => {});
    await settled();
    stop();
    await store.close();
    await settled();
  });

  test('is tried again after 1 s, and then after twice as long each time, up to a minute', async () => {
    const { runtime, restore } = installVirtualRuntime();
    const tried: number[] = [];
    const duplicate = () => {
      tried.push(runtime.now() / 1000);
      throw new Error('no');
    };
    const store = new RedisStore({ ...scripts, duplicate } as typeof scripts, options);
    store.onWake('key', () => {});
    store.onWake('other', () => {});
    await runtime.advance(4 * 60_000);
    expect(tried).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183]);
    await store.close();
    expect(runtime.pendingTimers).toBe(0);
    restore();
  });
});

/** Waits for what happens outside of this process. */
async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
