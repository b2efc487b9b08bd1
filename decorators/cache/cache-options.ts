import type { Call } from '../pipeline/call.js';
import { checkOptions, rules, show } from '../pipeline/options.js';
import type { Asked } from './key.js';
import type { CacheStore } from './store.js';

/** Everything about a cache. */
export interface CacheOptions {
  /** How long an answer is kept, in milliseconds. */
  ttlMs: number;
  /** How many answers are kept in this process; those used least recently go. Of no effect on a `store`. Default 1000. */
  maxEntries?: number | undefined;
  /**
   * How many bytes they may take, two for each character. A larger answer is not kept, in a `store` either. Default
   * 64,000,000.
   */
  maxBytes?: number | undefined;
  /** For whom a call is made: calls for different tenants share nothing. Default: all are for the same. */
  tenant?: ((call: Call) => string) | undefined;
  /**
   * What an answer depends on, in place of `asked`, which is that by default. Calls for which this is the same, and class, method
   * and tenant are too, share an answer. A call for which it is undefined is not cached.
   */
  key?: ((call: Call, asked: Asked) => unknown) | undefined;
  /** Whether a call is looked up and kept. Default: all are but `request()` of a client, whose effects nobody knows. */
  when?: ((call: Call) => boolean) | undefined;
  /** Where answers are kept: a Keyv, or what has its `get`, `set` and `delete`. Default: in this process. */
  store?: CacheStore | undefined;
  /** How long the store may take to answer, in milliseconds; then the call goes on without it. Default 1000. */
  storeTimeoutMs?: number | undefined;
  /** Whether calls that ask the same at the same time wait for one of them. Streams never do. Default true. */
  singleFlight?: boolean | undefined;
  /** What the keys in the store begin with. Change it to begin anew. Default `keelson`. */
  namespace?: string | undefined;
}

/** What holds where nothing is said. */
export const CACHE_DEFAULTS = {
  maxEntries: 1000,
  maxBytes: 64_000_000,
  storeTimeoutMs: 1000,
  singleFlight: true,
  namespace: 'keelson',
} as const;

const table = {
  ttlMs: rules.positive,
  maxEntries: rules.positiveCount,
  maxBytes: rules.positive,
  tenant: rules.function,
  key: rules.function,
  when: rules.function,
  store: whatIsWrongWithStore,
  storeTimeoutMs: rules.positive,
  singleFlight: rules.boolean,
  namespace: (value: unknown) =>
    typeof value === 'string' && value !== '' ? undefined : "give a name such as 'answers-v2'",
};

/** Throws a `TypeError`, begun with `where`, unless a cache can be made of `options`. */
export function checkCacheOptions(options: CacheOptions, where: string): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      `${where}: the options are ${show(options)}: give an object such as { ttlMs: 60_000 }.`,
    );
  }
  checkOptions(options, table, where);
  if (options.ttlMs === undefined) {
    throw new TypeError(
      `${where}: \`ttlMs\` is missing: say how long an answer is kept, in milliseconds, such as { ttlMs: 60_000 }.`,
    );
  }
}

function whatIsWrongWithStore(value: unknown): string | undefined {
  const { get, set, delete: remove } = (value ?? {}) as Partial<CacheStore>;
  if (typeof get !== 'function' || typeof set !== 'function' || typeof remove !== 'function') {
    return 'give what has get(key), set(key, value, ttlMs) and delete(key), such as `new Keyv()`';
  }
  // Whatever realm it is of.
  if (Object.prototype.toString.call(value) !== '[object Map]') return undefined;
  return 'a Map forgets nothing: leave `store` out to keep answers in memory, or give `new Keyv({ store: map })`';
}
