// @ts-nocheck
import { Cluster, Redis } from 'ioredis';
import { createClient, createClientPool, createCluster, createSentinel } from 'redis';
import { RedisStore, type RedisStoreOptions } from 'keelson/redis';
import type { LimiterStore } from 'keelson/decorators';

const options = { name: 'openai', localShare: 1 / 4 };

// Clients as their packages make them.
const stores: LimiterStore[] = [
  new RedisStore(new Redis(), options),
  new RedisStore(new Redis({ replyMapping: 'resp3' }), options),
  new RedisStore(new Cluster([]), options),
  new RedisStore(createClient(), options),
  new RedisStore(createClient({ RESP: 2 }), options),
  new RedisStore(await createClient().connect(), options),
  new RedisStore(createCluster({ rootNodes: [] }), options),
  new RedisStore(createClientPool(), options),
  new RedisStore(createSentinel({ name: 'main', sentinelRootNodes: [] }), options),
];

// What holds while Redis is down is to be chosen.
new RedisStore(new Redis(), { name: 'openai', whenDown: 'open' });
new RedisStore(new Redis(), {
  name: 'openai',
  whenDown: 'closed',
  timeoutMs: 100,
  prefix: 'app',
  leaseMs: 5000,
});
declare const whenDown: 'local' | 'open' | 'closed';
new RedisStore(new Redis(), { name: 'openai', whenDown, localShare: 0.5 });
const given: RedisStoreOptions = { name: 'openai', whenDown: 'local', localShare: 0.5 };
new RedisStore(new Redis(), { name: 'openai' }); //~ error
new RedisStore(new Redis(), { name: 'openai', whenDown: 'local' }); //~ error
new RedisStore(new Redis(), { localShare: 1 }); //~ error
new RedisStore(new Redis(), { ...options, timeout: 5 }); //~ error

// No clients.
new RedisStore('redis://localhost', options); //~ error
new RedisStore(new Map(), options); //~ error

// It can be closed in two senses.
async function end(store: RedisStore): Promise<void> {
  await store.pause('key', 1000);
  await store.close();
  await store[Symbol.asyncDispose]();
  await store.close('key'); //~ error
}

export { end, given, stores };
