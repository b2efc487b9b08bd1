import { checkOptions, rules, show } from '../pipeline/options.js';
import { PRICE_LISTS, type ModelPrice, type PriceTable } from './prices.js';

/** Tokens that a call has used or may use. */
export interface Tokens {
  readonly input: number;
  readonly output: number;
  /** The part of the input that the provider reads from its cache. */
  readonly cached?: number | undefined;
}

const listed = new Map<string, ModelPrice>(
  Object.values(PRICE_LISTS).flatMap(({ models }) => Object.entries<ModelPrice>(models)),
);

/** What may follow the name of a model without another price: a date, a short one such as 0613, a number such as 001, or `latest`. */
const VERSION = /[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|\d{3}|latest)$/;

/**
 * The price of `model` in `own` or in our lists: under its full name, or else without the date at its end.
 * Undefined where it is in neither.
 */
export function priceOf(model: string, own: PriceTable = {}): ModelPrice | undefined {
  const find = (name: string): ModelPrice | undefined =>
    Object.hasOwn(own, name) ? own[name] : listed.get(name);
  return find(model) ?? find(model.replace(VERSION, ''));
}

/** What `tokens` cost, in whole billionths of a dollar: sums of them are exact. */
export function nanoDollars({ input, output, cached = 0 }: Tokens, { long, ...usual }: ModelPrice): number {
  const price = long && input > long.aboveInputTokens ? long : usual;
  const { inputPerMillion, outputPerMillion = 0, cachedInputPerMillion = inputPerMillion } = price;
  const fromCache = Math.min(cached, input);
  const perMillion =
    (input - fromCache) * inputPerMillion + fromCache * cachedInputPerMillion + output * outputPerMillion;
  return wholeNanos(perMillion / 1e6);
}

/** Dollars as whole billionths of one, rounded up; what binary fractions add to a decimal number does not count. */
export function wholeNanos(usd: number): number {
  const exact = usd * 1e9;
  const nearest = Math.round(exact);
  return Math.abs(exact - nearest) <= Math.max(1e-6, Math.abs(exact) * 1e-12) ? nearest : Math.ceil(exact);
}

const NUMBERS = {
  inputPerMillion: rules.notNegative,
  outputPerMillion: rules.notNegative,
  cachedInputPerMillion: rules.notNegative,
};
const PRICE = {
  ...NUMBERS,
  long: (value: unknown) =>
    typeof value === 'object' && value !== null ? undefined : 'give an object with aboveInputTokens',
};
const LONG = { ...NUMBERS, aboveInputTokens: rules.positive };

/** Throws a `TypeError`, begun with `where`, unless `prices` is a table of prices. */
export function checkPrices(prices: PriceTable, where: string): void {
  for (const [model, price] of Object.entries(prices)) {
    const which = `${where}, the price of '${model}'`;
    checkPrice(price, PRICE, which);
    if (price.long) checkPrice(price.long, LONG, `${which}, \`long\``);
  }
}

function checkPrice<P extends { readonly inputPerMillion: number }>(
  price: P,
  table: Parameters<typeof checkOptions<P>>[1],
  where: string,
): void {
  if (typeof price !== 'object' || (price as unknown) === null) {
    throw new TypeError(
      `${where}: it is ${show(price)}: give an object such as { inputPerMillion: 0.15, outputPerMillion: 0.6 }.`,
    );
  }
  checkOptions(price, table, where);
  for (const name of Object.keys(table)) {
    const isRequired = name === 'inputPerMillion' || name === 'aboveInputTokens';
    if (isRequired && (price as Record<string, unknown>)[name] === undefined) {
      throw new TypeError(`${where}: \`${name}\` is not given: give a number.`);
    }
  }
}
