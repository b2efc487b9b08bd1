import { AbortError } from '../errors/index.js';
import type { Call } from '../pipeline/call.js';
import { hostOf } from '../pipeline/host.js';
import { isStream } from '../pipeline/opened-stream.js';
import { show } from '../pipeline/options.js';
import type { Next } from '../pipeline/policy.js';
import { CACHE_DEFAULTS, checkCacheOptions, type CacheOptions } from './cache-options.js';
import { Unkeyable } from './canonical.js';
import { decodeEntry, encodeResult, type Entry } from './entry.js';
import { Flight, type Landing } from './flight.js';
import { keyOf } from './key.js';
import { MemoryStore, sizeOf } from './memory-store.js';
import { NotPlain } from './plain.js';
import { RecordedStream, replayed } from './recorded-stream.js';
import { StoreAccess } from './store-access.js';
import type { CacheStore } from './store.js';

/** What a cache has done and holds, as plain data. */
export interface CacheSnapshot {
  /** Calls that were answered by what was kept. */
  readonly hits: number;
  /** Calls that found nothing, and went on. */
  readonly misses: number;
  /** Calls that waited for another that asked the same. */
  readonly joined: number;
  /** Calls that could not be cached for what they were given, or gave. */
  readonly uncacheable: number;
  /** How often the store has failed. */
  readonly failures: number;
  /** Answers kept in this process, and their bytes; 0 where a `store` keeps them. */
  readonly entries: number;
  readonly bytes: number;
}

/** Options with what holds where nothing is said. */
type Settings = CacheOptions & {
  readonly [Name in keyof typeof CACHE_DEFAULTS]: NonNullable<CacheOptions[Name]>;
};

/**
 * Answers that are kept, for several methods, objects or clients to share: give it to `@Cached` in each place. It is bounded as a
 * whole.
 *
 * @throws TypeError for an option that is unknown, missing or out of range.
 *
 * @example
 * const cache = new Cache({ ttlMs: 3_600_000, store: new Keyv('redis://localhost:6379') });
 * const client = new OpenAIClient({ policies: [Cached(cache)] });
 */
export class Cache {
  private readonly settings: Settings;
  private latest: { readonly options: CacheOptions; readonly settings: Settings } | undefined = undefined;
  private readonly memory = new MemoryStore();
  private readonly accesses = new WeakMap<CacheStore, StoreAccess>();
  /** By the keys of what is asked. */
  private readonly flights = new Map<string, Flight>();
  /** What each object has been told of its calls. */
  private readonly told = new WeakMap<object, Set<string>>();
  private readonly counts = { hits: 0, misses: 0, joined: 0, uncacheable: 0, failures: 0 };

  constructor(options: CacheOptions) {
    checkCacheOptions(options, 'new Cache()');
    this.settings = withDefaults(options);
  }

  /** What it has done since it was made, and what it holds. */
  snapshot(): CacheSnapshot {
    const entries = this.memory.count();
    return { ...this.counts, entries, bytes: this.memory.bytes };
  }

  /** Forgets the answer under `key`, as a `cache` event tells it. Rejects when the store does. */
  async delete(key: string): Promise<void> {
    await (this.settings.store ?? this.memory).delete(key);
  }

  /**
   * Answers `call` by what is kept, else by `next`; `@Cached` calls it.
   *
   * @param options In place of the cache's own.
   */
  async answer(call: Call, next: Next, options?: CacheOptions): Promise<unknown> {
    const settings = options ? this.settingsFor(options) : this.settings;
    const key = await this.keyFor(call, settings);
    if (key === undefined) return next();
    const visit = new Visit(call, next, key, settings);
    return call.streaming ? this.stream(visit) : this.result(visit);
  }

  private settingsFor(options: CacheOptions): Settings {
    if (this.latest?.options !== options) this.latest = { options, settings: withDefaults(options) };
    return this.latest.settings;
  }

  /** The key of a call that is to be cached and can be. */
  private async keyFor(call: Call, settings: Settings): Promise<string | undefined> {
    try {
      return isWanted(call, settings) ? await keyOf(call, settings) : undefined;
    } catch (error) {
      if (!(error instanceof Unkeyable)) throw call.view(error);
      const what = `What ${call.label}() was asked cannot be compared, so its answer is not cached: ${error.message}.`;
      this.warn(
        call,
        'uncacheable_call',
        `${what} Give the option \`key\`, a function that says what it depends on.`,
      );
      return undefined;
    }
  }

  private async result(visit: Visit): Promise<unknown> {
    const { call, next, key, settings } = visit;
    const flight = this.flightFor(visit);
    if (flight) return this.join(flight, visit);
    const found = await this.lookUp(visit);
    if (found) return found.value;
    const begun = this.flightFor(visit);
    if (begun) return this.join(begun, visit);
    this.missed(visit);
    if (!settings.singleFlight) {
      const { result, text } = this.land(call, await next());
      if (text !== undefined) void this.keep(visit, text);
      return result;
    }
    const own: Flight = new Flight(
      call,
      (work) => this.fly(visit, work, () => own),
      () => this.end(key, own),
    );
    this.flights.set(key, own);
    return (await own.join(call)).result;
  }

  /** The flight under way that asks the same. */
  private flightFor({ call, key, settings }: Visit): Flight | undefined {
    const flight = settings.singleFlight ? this.flights.get(key) : undefined;
    return flight?.isAround(call) ? undefined : flight;
  }

  private async fly(visit: Visit, work: Call, flight: () => Flight): Promise<Landing> {
    const { key, next } = visit;
    // Until then whoever begins the flight has made it known.
    await undefined;
    try {
      const landing = this.land(work, await next(work));
      // Whoever comes before it is kept is given it as well.
      const keeping = landing.text === undefined ? undefined : this.keep(visit, landing.text);
      if (keeping) void keeping.then(() => this.end(key, flight()));
      else this.end(key, flight());
      // Its first reader has left, and a stream has no other.
      if (flight().isDetached && isStream(landing.result)) {
        work.giveUp(new AbortError(`The stream of ${work.label}() has no reader any more.`));
      }
      return landing;
    } catch (error) {
      this.end(key, flight());
      throw error;
    }
  }

  private end(key: string, flight: Flight): void {
    if (this.flights.get(key) === flight) this.flights.delete(key);
  }

  private async join(flight: Flight, { call, next, key }: Visit): Promise<unknown> {
    this.counts.joined++;
    call.emit({ type: 'cache', state: 'joined', key });
    const { text } = await flight.join(call);
    if (text === undefined) return next();
    call.report({ sent: false, fromCache: true });
    return decodeEntry(text, false).value;
  }

  /** What came of a call, as the caller has it and as it is kept. */
  private land(call: Call, result: unknown): Landing {
    try {
      if (isStream(result)) throw new NotPlain('a stream, which only an `async *` method may give');
      return { result, text: encodeResult(result, { left: Infinity }) };
    } catch (error) {
      this.unkept(call, error);
      return { result, text: undefined };
    }
  }

  private async stream(visit: Visit): Promise<unknown> {
    const { call, next, settings } = visit;
    const found = await this.lookUp(visit);
    if (found) {
      const first = found.events?.[0];
      if (first !== undefined) hostOf(call.self)?.onReplay?.(call, first);
      return replayed(call, found);
    }
    this.missed(visit);
    const opened = (await next()) as AsyncIterable<unknown>;
    return new RecordedStream(
      opened,
      call,
      { left: settings.maxBytes },
      {
        complete: (text) => void this.keep(visit, text),
        failed: (error) => this.unkept(call, error),
      },
    );
  }

  private async lookUp({ call, key, settings }: Visit): Promise<Entry | undefined> {
    const access = this.accessTo(settings);
    const stored = await access.get(call, key, settings.storeTimeoutMs);
    call.throwIfAborted();
    if (stored === undefined || stored === null) return undefined;
    try {
      const entry = decodeEntry(stored, call.streaming);
      this.counts.hits++;
      call.report({ sent: false, fromCache: true });
      call.emit({ type: 'cache', state: 'hit', key });
      return entry;
    } catch (error) {
      access.failed({ call, key }, error);
      return undefined;
    }
  }

  private missed({ call, key }: Visit): void {
    this.counts.misses++;
    call.emit({ type: 'cache', state: 'miss', key });
  }

  /** Has an answer kept; a promise where the store needs time for it. */
  private keep({ call, key, settings }: Visit, text: string): void | Promise<void> {
    const { ttlMs, maxEntries, maxBytes, storeTimeoutMs, store } = settings;
    if (sizeOf(key, text) > maxBytes) return undefined;
    const kept = this.accessTo(settings).set(call, key, text, ttlMs, storeTimeoutMs);
    if (!store) this.memory.shrink(maxEntries, maxBytes);
    const tell = (isKept: boolean): void => {
      if (isKept) call.emit({ type: 'cache', state: 'stored', key });
    };
    return typeof kept === 'boolean' ? tell(kept) : kept.then(tell);
  }

  private accessTo({ store = this.memory }: Settings): StoreAccess {
    let access = this.accesses.get(store);
    if (!access) this.accesses.set(store, (access = new StoreAccess(store, () => this.counts.failures++)));
    return access;
  }

  private unkept(call: Call, error: unknown): void {
    if (!(error instanceof NotPlain)) return;
    const what = `What ${call.label}() gave is not cached: ${error.message}, and only plain data comes back as it was.`;
    this.warn(call, 'uncacheable_result', `${what} Return plain data, or take @Cached away.`);
  }

  private warn(call: Call, code: string, message: string): void {
    this.counts.uncacheable++;
    const told = this.told.get(call.self) ?? new Set();
    this.told.set(call.self, told);
    const subject = call.label;
    if (told.has(`${code} ${subject}`)) return;
    told.add(`${code} ${subject}`);
    call.emit({ type: 'warning', code, subject, message });
  }
}

/** One call at a cache. */
class Visit {
  constructor(
    readonly call: Call,
    readonly next: Next,
    readonly key: string,
    readonly settings: Settings,
  ) {}
}

function isWanted(call: Call, { when }: CacheOptions): boolean {
  if (!when) return hostOf(call.self)?.cacheable?.(call) ?? true;
  const answer: unknown = when(call);
  if (typeof answer === 'boolean') return answer;
  throw new TypeError(
    `${call.label}(): \`when\` of its cache returned ${show(answer)}: it must return true or false, and not later.`,
  );
}

function withDefaults(options: CacheOptions): Settings {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...CACHE_DEFAULTS, ...Object.fromEntries(given) } as Settings;
}

/** Whether `value` is a `Cache`: by what it can do, not by its class, since it may come from another copy of the package. */
export function isCache(value: unknown): value is Cache {
  return typeof (value as Partial<Cache> | null | undefined)?.answer === 'function';
}
