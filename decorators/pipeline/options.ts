/** What an option must be; each returns what is wrong with a value, or undefined. */
type Rule = (value: unknown) => string | undefined;

const finite = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

const rule =
  (allowed: (value: unknown) => boolean, remedy: string): Rule =>
  (value) =>
    allowed(value) ? undefined : remedy;

/** The rules that options are checked by. Each remedy completes "`option` is VALUE: …". */
export const rules = {
  notNegative: rule((value) => finite(value) && value >= 0, 'give a number of at least 0'),
  positive: rule((value) => finite(value) && value > 0, 'give a number above 0'),
  /** A whole number of at least 0. */
  count: rule(
    (value) => Number.isInteger(value) && (value as number) >= 0,
    'give a whole number of at least 0',
  ),
  positiveCount: rule(
    (value) => Number.isInteger(value) && (value as number) >= 1,
    'give a whole number of at least 1',
  ),
  boolean: rule((value) => typeof value === 'boolean', 'give true or false'),
  function: rule((value) => typeof value === 'function', 'give a function'),
  oneOf: (...names: readonly string[]): Rule =>
    rule(
      (value) => names.includes(value as string),
      `give one of ${names.map((name) => `'${name}'`).join(', ')}`,
    ),
};

/**
 * Checks options by a table of rules, one for each option there is; undefined stands for "not given".
 *
 * @throws TypeError naming `where`, the option, its value and the remedy; for an unknown option the nearest right name.
 */
export function checkOptions<O extends object>(
  options: O,
  table: { readonly [K in keyof Required<O>]: Rule },
  where: string,
): void {
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(table, name) ? (table as Record<string, Rule>)[name] : undefined;
    if (!rule) throw new TypeError(`${where}: ${unknownOption(name, Object.keys(table))}`);
    if (value === undefined) continue;
    const wrong = rule(value);
    if (wrong) throw new TypeError(`${where}: \`${name}\` is ${show(value)}: ${wrong}.`);
  }
}

/** Throws a `TypeError` when `options` has a name that is not among `known`; the nearest right one is told. */
export function checkNames(options: object, known: readonly string[], where: string): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${where}: the options must be an object; got ${show(options)}.`);
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new TypeError(`${where}: ${unknownOption(name, known)}`);
  }
}

/** Throws a `TypeError` unless `options` is an object, and one that is there already. */
export function checkOptionsObject(options: unknown, where: string): asserts options is object {
  const isPromise = typeof (options as PromiseLike<unknown> | null | undefined)?.then === 'function';
  if (typeof options === 'object' && options !== null && !isPromise) return;
  const found = isPromise ? 'a promise: an options function must not be async' : show(options);
  throw new TypeError(
    `${where}: the options must be an object, a function that returns one, or false; got ${found}.`,
  );
}

/** A sentence on an option that does not exist, with the name that was probably meant. */
export function unknownOption(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  const all = known.length === 0 ? 'There are none.' : `There are: ${known.join(', ')}.`;
  const hint = nearest ? `Did you mean \`${nearest}\`?` : all;
  return `there is no option \`${name}\`. ${hint}`;
}

/** A value in an error message: short, and without what may be secret. */
export function show(value: unknown): string {
  if (typeof value === 'string')
    return value.length > 40 ? `a string of ${value.length} characters` : `'${value}'`;
  if (value === null || typeof value !== 'object')
    return typeof value === 'function' ? 'a function' : String(value);
  return Array.isArray(value) ? 'an array' : 'an object';
}

/** The known name nearest to `name` by edit distance, when it is near enough to be a slip. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.ceil(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's distance, by one row of the table at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, substitution));
    }
    row = next;
  }
  return row[b.length] as number;
}
