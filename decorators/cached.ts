import { Cache, isCache, type CacheSnapshot } from './cache/cache.js';
import { checkCacheOptions, type CacheOptions } from './cache/cache-options.js';
import type { Call } from './pipeline/call.js';
import { definePolicy, type Next, type Stage } from './pipeline/policy.js';

/** What `@Cached` takes: the options of a cache, made at the first call for each object and method, or a `Cache` that several share. */
export type CachedOptions = CacheOptions | Cache;

/**
 * Answers a call by the answer that an equal call was given before, without sending anything; a hit pays no limiter and no
 * breaker sees it. Calls that ask the same at the same time wait for one of them. A stream is kept once it has been
 * read to its end, and given again as the same events, at once. Failures are never kept.
 *
 * Two calls are equal when class, method, provider, address, account, tenant and all that is asked are. Their signals, timeouts
 * and retries do not matter. What is given is a copy: whoever changes it changes it for nobody else.
 *
 * | option | unit | default |
 * |---|---|---|
 * | `ttlMs` | milliseconds | required |
 * | `maxEntries` | answers | 1000 |
 * | `maxBytes` | bytes | 64,000,000 |
 * | `tenant`, `key`, `when` | functions of the call | one tenant, all that is asked, every call |
 * | `store` | a Keyv or the like | this process |
 * | `storeTimeoutMs` | milliseconds | 1000 |
 * | `singleFlight` | boolean | true |
 * | `namespace` | string | `keelson` |
 *
 * @throws TypeError for an option that is unknown, missing or out of range.
 *
 * @example
 * const client = new OpenAIClient({ policies: [Cached({ ttlMs: 3_600_000 })] });
 *
 * class Library {
 *   @Cached({ ttlMs: 60_000 })
 *   async find(title: string) { … }
 * }
 */
export const Cached = definePolicy<CachedOptions>({
  kind: 'Cached',
  place: 'Cached',
  validate(options, where) {
    if (!isCache(options)) checkCacheOptions(options, where);
  },
  create: () => new CachedStage(),
});

class CachedStage implements Stage<CachedOptions> {
  private own: Cache | undefined = undefined;
  private latest: Cache | undefined = undefined;

  run(call: Call, next: Next, options: CachedOptions): Promise<unknown> {
    if (isCache(options)) {
      this.latest = options;
      return options.answer(call, next);
    }
    this.own ??= new Cache(options);
    this.latest = this.own;
    return this.own.answer(call, next, options);
  }

  snapshot(): Readonly<Record<string, unknown>> {
    return { ...(this.latest?.snapshot() ?? EMPTY) };
  }
}

const EMPTY: CacheSnapshot = {
  hits: 0,
  misses: 0,
  joined: 0,
  uncacheable: 0,
  failures: 0,
  entries: 0,
  bytes: 0,
};
