// @ts-nocheck
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { createCluster } from 'redis';
import { RedisStore, type RedisClient } from '../../src/redis/index';
import { startRedis, type RedisServer } from '../support/redis-server';
import { calls, cost, limitsOf } from './support';

let servers: RedisServer[] = [];
let nodes: Redis[] = [];

/** Two nodes that have half of the slots each. */
beforeAll(async () => {
  const options = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'];
  servers = await Promise.all([startRedis(options), startRedis(options)]);
  nodes = servers.map(({ port }) => new Redis(port, '127.0.0.1'));
  const [first, second] = nodes as [Redis, Redis];
  await first.call('CLUSTER', 'ADDSLOTSRANGE', '0', '8191');
  await second.call('CLUSTER', 'ADDSLOTSRANGE', '8192', '16383');
  await second.call('CLUSTER', 'SET-CONFIG-EPOCH', '2');
  await first.cluster('MEET', '127.0.0.1', String(servers[1]?.port));
  for (const node of nodes) {
    while (!String(await node.cluster('INFO')).includes('cluster_state:ok')) await pause();
  }
}, 60_000);
afterAll(async () => {
  for (const node of nodes) node.disconnect();
  await Promise.all(servers.map((server) => server.stop()));
});

const clusters: [string, () => Promise<{ client: RedisClient; end: () => unknown }>][] = [
  [
    'ioredis',
    async () => {
      const client = new Cluster(servers.map(({ port }) => ({ host: '127.0.0.1', port })));
      return { client, end: () => client.disconnect() };
    },
  ],
  [
    'node-redis',
    async () => {
      const client = createCluster({
        rootNodes: servers.map(({ port }) => ({ url: `redis://127.0.0.1:${port}` })),
      });
      client.on('error', () => {});
      await client.connect();
      return { client, end: () => client.destroy() };
    },
  ],
];

describe.each(clusters)('a cluster, by %s', (library, connect) => {
  const limits = limitsOf({ requests: 60, maxConcurrent: 1 });

  test('has the balances of one name on one node, and wakes over all of them', async () => {
    const { client, end } = await connect();
    const held = new Set<number>();
    for (const name of ['a', 'b', 'c', 'd'].map((letter) => `${library}-${letter}`)) {
      const options = { name, whenDown: 'open' as const };
      const [holder, waiting] = [new RedisStore(client, options), new RedisStore(client, options)];
      expect(holder.isReady()).toBe(true);
      const take = (store: RedisStore, key: string) =>
        store.take(key, { limits, costs: calls(1), running: 0 });
      let woken = 0;
      waiting.onWake('first', () => woken++);
      while (woken === 0) await pause();
      for (const key of ['first', 'second']) expect((await take(holder, key)).granted).toBe(1);
      expect(await take(waiting, 'first')).toMatchObject({ granted: 0, waitMs: Infinity });
      await holder.settle('first', { limits, reserved: cost(1), used: cost(1) });
      while (woken === 1) await pause();
      expect((await take(waiting, 'first')).granted).toBe(1);
      const keys = await Promise.all(nodes.map((node) => node.keys(`keelson:v1:{${name}}:*`)));
      expect(keys.map((found) => found.length).sort()).toEqual([0, 2]);
      held.add(keys.findIndex((found) => found.length > 0));
      await waiting.close();
    }
    expect(held.size).toBe(2);
    await end();
  }, 60_000);

  test('ends the connection for messages with its client', async () => {
    const { client, end } = await connect();
    const store = new RedisStore(client, { name: 'test', whenDown: 'open' });
    let heard = false;
    store.onWake('key', () => (heard = true));
    while (!heard) await pause();
    await end();
    // Those of this suite are left.
    while ((await connections()) > nodes.length) await pause();
  }, 60_000);
});

/** Clients of all nodes. */
async function connections(): Promise<number> {
  const lists = await Promise.all(nodes.map((node) => node.client('LIST')));
  return lists.flatMap((list) => String(list).split('\n').filter(Boolean)).length;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
