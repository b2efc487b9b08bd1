import { checkOptions, rules, show } from '../pipeline/options.js';
import { checkMatches } from './matches.js';
import type { AnyOptions, AnyTarget, FallbackList } from './types.js';

const KINDS = ['model', 'client', 'method', 'value'] as const;

const isName = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? undefined : 'give the name of a model';
const isObject = (value: unknown): string | undefined =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'
    ? undefined
    : 'give an object, or a function that returns one';
const isMethod = (value: unknown): string | undefined =>
  ['string', 'symbol', 'function'].includes(typeof value) && value !== ''
    ? undefined
    : 'give the name of a method, or a function such as (self) => self.method';
const anything = (): undefined => undefined;

const ofTarget = { model: isName, client: isObject, method: isMethod, value: anything, on: checkMatches };
const ofList = {
  to: (value: unknown) =>
    typeof value === 'object' && value !== null && !(Array.isArray(value) && value.length === 0)
      ? undefined
      : "give a target such as { model: 'gpt-4o-mini' }, or a list of at least one",
  on: checkMatches,
  budget: (value: unknown) =>
    value === false || (typeof value === 'object' && value !== null) ? undefined : 'give an object or false',
};

/** The options with their list of targets, whichever way they were written. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- of any class and method
export function listed(options: AnyOptions): FallbackList<any, any> & { to: readonly AnyTarget[] } {
  if ('to' in options) return { ...options, to: [options.to].flat() as AnyTarget[] };
  const { budget, ...target } = options;
  return { to: [target], ...(budget !== undefined && { budget }) };
}

/** Throws a `TypeError` for bad options of a fallback. */
export function checkFallback(options: AnyOptions, where: string): void {
  if ('to' in options) checkOptions(options, ofList, where);
  const { to, budget } = listed(options);
  if (budget !== undefined) {
    const wrong = ofList.budget(budget);
    if (wrong) throw new TypeError(`${where}: \`budget\` is ${show(budget)}: ${wrong}.`);
    if (budget !== false) {
      checkOptions(budget, { ratio: rules.notNegative, minPerSecond: rules.notNegative }, `${where}, budget`);
    }
  }
  to.forEach((target: unknown, i) =>
    checkTarget(target, to.length > 1 ? `${where}, target ${i + 1}` : where),
  );
}

function checkTarget(target: unknown, where: string): void {
  if (typeof target !== 'object' || target === null) {
    throw new TypeError(
      `${where}: a target is ${show(target)}: give { model: … }, { client: … }, { method: … } or { value: … }.`,
    );
  }
  checkOptions(target, ofTarget, where);
  const kinds = KINDS.filter((kind) => kind in target && !(kind === 'model' && 'client' in target));
  if (kinds.length === 1) return;
  const found = kinds.length === 0 ? 'none of them' : kinds.map((kind) => `\`${kind}\``).join(' and ');
  throw new TypeError(
    `${where}: a target is one of \`model\`, \`client\` (with or without a \`model\` there), \`method\` and \`value\`; this has ${found}.`,
  );
}
