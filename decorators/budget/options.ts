import type { LimiterStore } from '../limits/store.js';
import type { Call } from '../pipeline/call.js';
import { checkOptions, rules, show } from '../pipeline/options.js';
import { checkPrices, wholeNanos } from './price-of.js';
import type { PriceTable } from './prices.js';
import { calendarWindow, rollingWindow, type Period, type Window } from './window.js';

/** What may be spent within a window. */
export interface BudgetLimit {
  /** US dollars. */
  usd?: number | undefined;
  /** Tokens, input and output together. */
  tokens?: number | undefined;
  /** The window is the running hour, day or month, by UTC: what was spent in it counts until it ends. */
  per?: Period | undefined;
  /** The window is the last so many milliseconds, at every moment. Instead of `per`. */
  windowMs?: number | undefined;
  /** Whose money it is: each key has the whole limit for itself. Default: one for all. */
  key?: ((call: Call) => string) | undefined;
  /** The part of the limit, from 0 to 1, at which the event `budget` warns once a window and key. Default 0.8. */
  warnAt?: number | undefined;
  /** What it is called in messages, events and snapshots. Default: such as `usd per day`. */
  name?: string | undefined;
}

/** What a call may cost: dollars, or tokens, or both. */
export interface BudgetCost {
  readonly usd?: number | undefined;
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
}

/** Every option of a budget. */
export interface BudgetFields extends BudgetLimit {
  /** Further limits: a call needs room in all of them, and takes it in all or none. */
  limits?: readonly BudgetLimit[] | undefined;
  /** Prices that are not in our lists, or are other ones, by the model's name with or without its date. */
  prices?: PriceTable | undefined;
  /** The model, where the object does not tell it. */
  model?: string | ((call: Call) => string | undefined) | undefined;
  /**
   * What a call may cost, reserved before it is sent. Default: the tokens that the object's `estimate` under `policyHost` tells
   * (where the request names no bound of the output, the running mean of the model's outputs, 500 at first) at the model's price.
   */
  cost?: ((call: Call) => BudgetCost | Promise<BudgetCost>) | undefined;
  /** Where it is kept. Default: in this process. With `keelson/redis` any number of processes share it. */
  store?: LimiterStore | undefined;
}

/** Everything about a budget: at least one of `usd`, `tokens` and `limits`. */
export type BudgetOptions = BudgetFields &
  ({ usd: number } | { tokens: number } | { limits: readonly BudgetLimit[] });

/** One number that must not be passed. */
export interface Cap {
  readonly name: string;
  /** The same as long as what was spent under it counts for it. */
  readonly id: string;
  readonly unit: 'usd' | 'tokens';
  /** In whole tokens, or billionths of a dollar. */
  readonly limit: number;
  readonly window: Window;
  readonly per: Period | undefined;
  readonly key: ((call: Call) => string) | undefined;
  readonly warnAt: number;
}

const LIMIT = {
  usd: rules.positive,
  tokens: rules.positive,
  per: rules.oneOf('hour', 'day', 'month'),
  windowMs: rules.positive,
  key: rules.function,
  warnAt: (value: unknown) =>
    typeof value === 'number' && value >= 0 && value <= 1 ? undefined : 'give a number from 0 to 1',
  name: (value: unknown) =>
    typeof value === 'string' && /^[^{}]+$/.test(value)
      ? undefined
      : 'give a string, not empty and without braces',
};

const OPTIONS = {
  ...LIMIT,
  limits: (value: unknown) =>
    Array.isArray(value) && value.length > 0
      ? undefined
      : "give a list such as [{ usd: 1, per: 'hour' }, { usd: 10, per: 'day' }]",
  prices: (value: unknown) =>
    typeof value === 'object' && value !== null
      ? undefined
      : "give an object such as { 'my-model': { inputPerMillion: 0.15, outputPerMillion: 0.6 } }",
  model: (value: unknown) =>
    typeof value === 'string' || typeof value === 'function' ? undefined : 'give a name or a function',
  cost: rules.function,
  store: (value: unknown) =>
    typeof (value as LimiterStore | null)?.take === 'function'
      ? undefined
      : "give a store, such as `new RedisStore(redis, { name: 'openai' })` of keelson/redis",
};

/** Stands for every option that is not given, where options replace others. */
export const NO_OPTIONS: Readonly<Record<string, undefined>> = Object.fromEntries(
  Object.keys(OPTIONS).map((name) => [name, undefined]),
);

/**
 * The caps that `options` set.
 *
 * @throws TypeError, begun with `where`, naming the option, its value and the remedy.
 */
export function capsOf(options: BudgetOptions, where: string): Cap[] {
  if (typeof options !== 'object' || (options as unknown) === null) {
    throw new TypeError(
      `${where}: the options are ${show(options)}: give an object such as { usd: 10, per: 'day' }.`,
    );
  }
  checkOptions<BudgetFields>(options, OPTIONS, where);
  if (options.prices) checkPrices(options.prices, where);
  const { usd, tokens, limits = [] } = options;
  const hasOwn = usd !== undefined || tokens !== undefined;
  if (!hasOwn && limits.length === 0) {
    throw new TypeError(`${where}: there is no limit: give \`usd\`, \`tokens\` or \`limits\`.`);
  }
  const caps = [
    ...(hasOwn ? capsOfLimit(options, where) : []),
    ...limits.flatMap((limit, i) => {
      const which = `${where}, limits[${i}]`;
      if (typeof limit !== 'object' || (limit as unknown) === null) {
        throw new TypeError(
          `${which}: it is ${show(limit)}: give an object such as { usd: 10, per: 'day' }.`,
        );
      }
      checkOptions<BudgetLimit>(limit, LIMIT, which);
      return capsOfLimit(limit, which);
    }),
  ];
  for (const [i, cap] of caps.entries()) {
    if (options.store && cap.per === undefined) {
      throw new TypeError(
        `${where}: '${cap.name}' rolls, and a budget with \`store\` goes by the calendar: give \`per\` instead of \`windowMs\`.`,
      );
    }
    if (caps.findIndex(({ name }) => name === cap.name) < i) {
      throw new TypeError(`${where}: two limits are called '${cap.name}': give each a \`name\`.`);
    }
  }
  return caps;
}

function capsOfLimit(limit: BudgetLimit, where: string): Cap[] {
  const { usd, tokens, per, windowMs, key, warnAt = 0.8, name } = limit;
  if (usd === undefined && tokens === undefined) {
    throw new TypeError(`${where}: there is no limit: give \`usd\` or \`tokens\`.`);
  }
  if ((per === undefined) === (windowMs === undefined)) {
    const found = per === undefined ? 'neither is given' : 'both are given';
    throw new TypeError(
      `${where}: \`per\` or \`windowMs\` says for how long spending counts, and ${found}: give one, such as per: 'day'.`,
    );
  }
  const window = per === undefined ? rollingWindow(windowMs as number) : calendarWindow(per);
  const cap = (unit: Cap['unit'], amount: number): Cap => {
    const own = usd !== undefined && tokens !== undefined && name !== undefined ? `${name}: ${unit}` : name;
    const called = own ?? `${unit} per ${window.label}`;
    return {
      name: called,
      id: `${called}|${unit}|${window.label}`,
      unit,
      limit: amount,
      window,
      per,
      key,
      warnAt,
    };
  };
  return [
    ...(usd === undefined ? [] : [cap('usd', wholeNanos(usd))]),
    ...(tokens === undefined ? [] : [cap('tokens', tokens)]),
  ];
}
