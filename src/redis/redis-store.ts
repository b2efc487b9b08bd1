import { randomUUID } from 'node:crypto';
import type {
  LimiterStore,
  ProviderReport,
  Settlement,
  SharedLimits,
  SharedState,
  TakeAnswer,
  TakeRequest,
} from '../../decorators/limits/index.js';
import { defineAsyncDispose } from '../../decorators/pipeline/dispose.js';
import { reportedRate } from '../../decorators/limits/rates.js';
import { pair, reported, thousandths } from './amounts.js';
import { connect, type Connection, type RedisClient } from './client.js';
import { settingsOf, type RedisStoreOptions, type Settings } from './options.js';
import { scripts, type Script } from './scripts/index.js';
import { wakeHubOf, type WakeHub } from './wake-hub.js';

/** The version of the scripts and of what they store: those of different versions do not meet. */
const VERSION = 1;
const NONE: SharedLimits = { rates: [], maxConcurrent: undefined };

/**
 * Keeps the balances of limiters on Redis (6.2 or later) or Valkey, so that any number of processes share them. Each operation is one
 * script, which takes the time from the server. Each balance is one hash, which expires when everything in it is
 * as good as new. All balances of one `name` are in one slot of a cluster.
 *
 * @example
 * const redis = new Redis(process.env.REDIS_URL); // of ioredis, or a client of node-redis
 * const store = new RedisStore(redis, { name: 'openai', localShare: 1 / 4 });
 * const limiter = new Limiter({ requestsPerMinute: 500, tokensPerMinute: 200_000, store });
 *
 * @throws TypeError for a client that is none, and for an option that is missing, unknown or out of range.
 */
export class RedisStore implements LimiterStore {
  readonly timeoutMs: number;
  readonly whenDown: 'local' | 'open' | 'closed';
  readonly localShare: number;
  readonly keepAliveMs: number;
  readonly #client: RedisClient;
  readonly #options: RedisStoreOptions;
  readonly #connection: Connection;
  readonly #settings: Settings;
  readonly #hub: WakeHub;
  /** By what the others know this limiter of this process. */
  readonly #process = randomUUID();
  /** On what this store and those made of it are woken. */
  #channelsInUse = new Set<string>();
  /** Of each key, who is to be woken. */
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor(client: RedisClient, options: RedisStoreOptions) {
    this.#client = client;
    this.#options = options;
    this.#connection = connect(client);
    this.#settings = settingsOf(options);
    this.#hub = wakeHubOf(client);
    this.timeoutMs = this.#settings.timeoutMs;
    this.whenDown = this.#settings.whenDown;
    this.localShare = this.#settings.localShare;
    this.keepAliveMs = this.#settings.leaseMs / 3;
  }

  /** The same store for one limiter, which counts as a process of its own: each `Limiter` asks for one. */
  forLimiter(): LimiterStore {
    const store = new RedisStore(this.#client, this.#options);
    store.#channelsInUse = this.#channelsInUse;
    return store;
  }

  isReady(): boolean {
    return this.#connection.isReady();
  }

  async take(key: string, { limits, costs, running, place, sequence }: TakeRequest): Promise<TakeAnswer> {
    const inLine = limits.endsInMs === undefined;
    const args = [String(running), inLine ? String(place ?? '') : '-1', String(costs.length)];
    for (const cost of costs) args.push(...pair(cost));
    const { state, rest } = await this.#run(scripts.take, key, limits, args, { count: 3, sequence });
    const [granted, waitMs, ownPlace] = rest as [number, number, number];
    return {
      ...state,
      granted,
      waitMs: waitMs < 0 ? Infinity : waitMs,
      ...(ownPlace >= 0 && { place: ownPlace }),
    };
  }

  async settle(
    key: string,
    { limits, calls = 1, reserved, used, sequence }: Settlement,
  ): Promise<SharedState> {
    const args = [String(calls), ...pair(reserved), ...pair(used)];
    return (await this.#run(scripts.settle, key, limits, args, { sequence })).state;
  }

  async observe(key: string, { limits, requests, tokens, since }: ProviderReport): Promise<SharedState> {
    const args = since ? [String(since.at), ...pair(since.drawn)] : ['', '', ''];
    for (const rate of limits.rates) {
      const report = rate.unit === 'requests' ? requests : tokens;
      const isMeant = rate.name === reportedRate(limits, rate.unit, report);
      args.push(...reported(rate, isMeant ? report : undefined));
    }
    return (await this.#run(scripts.observe, key, limits, args)).state;
  }

  async pause(key: string, closedForMs: number): Promise<void> {
    await this.#run(scripts.pause, key, NONE, [String(Math.ceil(closedForMs))]);
  }

  /**
   * Ends what the store has opened itself, the connection by which it is woken; `await using` does so too. The client stays open, and
   * the store can still be used.
   */
  async close(): Promise<void> {
    this.#listeners.clear();
    for (const channel of this.#channelsInUse) this.#hub.leave(channel);
    this.#channelsInUse.clear();
  }

  onWake(key: string, listener: () => void): () => void {
    this.#channelsInUse.add(this.#channel);
    // Where it is closed, with the store or with its client, it is opened anew.
    this.#hub.listen(this.#channel, {
      onMessage: (message) => this.#wake(message),
      onOpen: () => [...this.#listeners.keys()].forEach((each) => this.#wake(each)),
    });
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners);
    // Of a listener given twice, each is to be ended by its own function.
    const own = (): void => listener();
    listeners.add(own);
    return () => {
      listeners.delete(own);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  /** Closes the store: `await using` calls it. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  #wake(key: string): void {
    for (const listener of [...(this.#listeners.get(key) ?? [])]) listener();
  }

  get #channel(): string {
    return this.#channels + this.#process;
  }

  get #channels(): string {
    return `${this.#settings.prefix}:v${VERSION}:wake:`;
  }

  /** What `script` answers: the state, and before it `count` numbers of its own. */
  async #run(
    script: Script,
    key: string,
    limits: SharedLimits,
    args: readonly string[],
    { count = 0, sequence = 0 }: { count?: number; sequence?: number | undefined } = {},
  ): Promise<{ state: SharedState; rest: number[] }> {
    const { prefix, name, leaseMs } = this.#settings;
    const answer = await this.#connection.run(script, `${prefix}:v${VERSION}:{${name}}:${key}`, [
      this.#process,
      this.#channels,
      key,
      String(sequence),
      String(Math.ceil(leaseMs)),
      ...encoded(limits),
      ...args,
    ]);
    return decoded(answer, count, limits.rates.length);
  }
}

defineAsyncDispose(RedisStore.prototype, (store) => store.close());

function encoded({ rates, maxConcurrent, endsInMs }: SharedLimits): string[] {
  const ends = endsInMs === undefined ? '' : String(Math.max(0, Math.ceil(endsInMs)));
  const args = [maxConcurrent === undefined ? '' : String(maxConcurrent), ends, String(rates.length)];
  for (const { name, unit, limit, windowMs, burst } of rates) {
    const numbers = [unit === 'requests' ? 1 : 2, thousandths(limit), windowMs, thousandths(burst)];
    args.push(name, ...numbers.map(String));
  }
  return args;
}

function decoded(answer: string, count: number, rates: number): { state: SharedState; rest: number[] } {
  const numbers = answer.trim().split(' ').map(Number);
  if (numbers.length !== 5 + count + rates || numbers.some(Number.isNaN)) {
    throw new Error('RedisStore: Redis has given an answer that is none of the script.');
  }
  const [at, requests, tokens, closedForMs, running] = numbers as [number, number, number, number, number];
  return {
    rest: numbers.slice(5, 5 + count),
    state: {
      at,
      drawn: { requests: requests / 1000, tokens: tokens / 1000 },
      closedForMs,
      running,
      used: numbers.slice(5 + count).map((used) => used / 1000),
    },
  };
}
