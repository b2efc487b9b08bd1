// @ts-nocheck
export type { IoredisClient, NodeRedisClient, RedisClient } from './client.js';
export type { RedisStoreOptions } from './options.js';
export { RedisStore } from './redis-store.js';
