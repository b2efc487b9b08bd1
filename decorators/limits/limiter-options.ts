import { checkOptions, rules, show } from '../pipeline/options.js';
import type { Call } from '../pipeline/call.js';
import type { LimiterStore } from './store.js';

/** The numbers of one balance. What is left out is not limited. */
export interface LimitNumbers {
  /** Requests a minute, refilled steadily. */
  requestsPerMinute?: number | undefined;
  /** Tokens a minute, input and output together, refilled steadily. */
  tokensPerMinute?: number | undefined;
  /** Requests a day, refilled steadily over 24 hours. */
  requestsPerDay?: number | undefined;
  /** Tokens a day, refilled steadily over 24 hours. */
  tokensPerDay?: number | undefined;
  /** Calls that may run at the same time; a stream runs until its iteration ends. */
  maxConcurrent?: number | undefined;
  /** The most requests that may be sent at once after a pause. Default: one minute's worth. */
  requestBurst?: number | undefined;
  /** The most tokens that may be used at once after a pause; a call that needs more is refused. Default: one minute's worth. */
  tokenBurst?: number | undefined;
}

/** What a call uses: a number of tokens (and one request), or both told apart. */
export type CallCost = number | { readonly requests?: number; readonly tokens?: number };

/** Everything about a `Limiter`. */
export interface LimiterOptions extends LimitNumbers {
  /** The longest a call may wait for admission, in milliseconds; 0 never waits. Default 60_000. */
  maxWaitMs?: number | undefined;
  /** How many calls may wait at the same time, on each key. Default: no bound. */
  maxQueue?: number | undefined;
  /**
   * What a call uses. Where it is a promise, the call arrives when that resolves. Default: one request, and the tokens
   * that the object's `estimate` under `policyHost` tells: the input and the bound of the output, or, where the request
   * names no bound, the running mean of the key's outputs (500 at first). Settled against the usage the call reports.
   */
  cost?: ((call: Call) => CallCost | Promise<CallCost>) | undefined;
  /** Splits the balance: calls with different keys do not count against each other. Default: one for all. */
  key?: ((call: Call) => string) | undefined;
  /** Numbers of one key; each replaces the number of the same name above. Asked when the key's balance is made, and after `update()`. */
  limits?: ((key: string) => LimitNumbers | undefined) | undefined;
  /**
   * Whether the limits are learned: from the headers of the provider, or, where it sends none, by lowering the rate
   * when it refuses and raising it while it does not. Numbers given here are never exceeded. Default false.
   */
  learn?: boolean | undefined;
  /** Where the balances are kept. Default: in this process. With `keelson/redis` any number of processes share them. */
  store?: LimiterStore | undefined;
}

/** What `Limiter.update()` can change. */
export type LimiterChanges = LimitNumbers & Pick<LimiterOptions, 'maxWaitMs' | 'maxQueue'>;

const NUMBERS = {
  requestsPerMinute: rules.positive,
  tokensPerMinute: rules.positive,
  requestsPerDay: rules.positive,
  tokensPerDay: rules.positive,
  maxConcurrent: rules.positiveCount,
  requestBurst: rules.positive,
  tokenBurst: rules.positive,
};

const CHANGES = { ...NUMBERS, maxWaitMs: rules.notNegative, maxQueue: rules.count };

const OPTIONS = {
  ...CHANGES,
  cost: rules.function,
  key: rules.function,
  limits: rules.function,
  learn: rules.boolean,
  store: (value: unknown) =>
    typeof (value as LimiterStore | null)?.take === 'function'
      ? undefined
      : "give a store, such as `new RedisStore(redis, { name: 'openai' })` of keelson/redis",
};

/** Throws a `TypeError`, begun with `where`, unless a limiter can be made of `options`. */
export function checkLimiterOptions(options: LimiterOptions, where: string): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      `${where}: the options are ${show(options)}: give an object such as { requestsPerMinute: 60 }.`,
    );
  }
  checkOptions(options, OPTIONS, where);
  if (options.limits && !options.key) {
    throw new TypeError(
      `${where}: \`limits\` is given without \`key\`: give \`key(call)\` too, it names the balance of a call.`,
    );
  }
  if (!options.limits && !options.learn) checkBursts(options, where);
}

/** Throws a `TypeError` unless a limiter with `options` can be changed by `changes`. */
export function checkLimiterChanges(changes: LimiterChanges, options: LimiterOptions): void {
  const where = 'Limiter.update()';
  if (typeof changes !== 'object' || changes === null) {
    throw new TypeError(`${where}: got ${show(changes)}: give an object such as { requestsPerMinute: 60 }.`);
  }
  checkOptions(changes, CHANGES, where);
  if (!options.limits && !options.learn) checkBursts({ ...options, ...changes }, where);
}

/** A burst without a rate would limit nothing, though its reader thinks it does. */
function checkBursts(numbers: LimitNumbers, where: string): void {
  const { requestBurst, requestsPerMinute, tokenBurst, tokensPerMinute } = numbers;
  for (const [burst, rate, names] of [
    [requestBurst, requestsPerMinute, ['requestBurst', 'requestsPerMinute']],
    [tokenBurst, tokensPerMinute, ['tokenBurst', 'tokensPerMinute']],
  ] as const) {
    if (burst !== undefined && rate === undefined) {
      throw new TypeError(
        `${where}: \`${names[0]}\` is ${burst}, but \`${names[1]}\` is not given: give the rate too.`,
      );
    }
  }
}

/** The numbers in force for `key`. */
export function numbersFor(options: LimiterOptions, key: string): LimitNumbers {
  const own = options.limits?.(key);
  if (own === undefined) return pickNumbers(options);
  const where = `Limiter: limits('${key}')`;
  checkOptions(own, NUMBERS, where);
  const given = Object.entries(own).filter(([, value]) => value !== undefined);
  const numbers: LimitNumbers = { ...pickNumbers(options), ...Object.fromEntries(given) };
  if (!options.learn) checkBursts(numbers, where);
  return numbers;
}

function pickNumbers(options: LimiterOptions): LimitNumbers {
  const names = Object.keys(NUMBERS) as (keyof LimitNumbers)[];
  return Object.fromEntries(names.map((name) => [name, options[name]]));
}

/**
 * The same for options that ask for the same limiter. Functions are told apart by being there alone: they are often
 * written in place.
 */
export function fingerprint(options: LimiterOptions): string {
  const values = (Object.keys(OPTIONS) as (keyof LimiterOptions)[]).map((name) => options[name]);
  return values
    .map((value) =>
      typeof value === 'object' ? numberOf(value) : typeof value === 'function' ? 'function' : value,
    )
    .join();
}

const storeNumbers = new WeakMap<LimiterStore, number>();
let lastStoreNumber = 0;

/** Tells stores apart. */
function numberOf(store: LimiterStore): number {
  let number = storeNumbers.get(store);
  if (number === undefined) storeNumbers.set(store, (number = ++lastStoreNumber));
  return number;
}
