// @ts-nocheck
import { processWide } from './shared.js';

/** The canonical order, outer to inner: what a stage runs inside of and what runs inside it never depends on line order. */
const BUILT_IN_PLACES = [
  'Traced',
  'Timeout(total)',
  'Fallback',
  'Cached',
  'RetryWithBackoff',
  'Hedged',
  'CircuitBreaker(check)',
  'admission',
  'CircuitBreaker(permit)',
  'Timeout(attempt)',
  'HandleApiErrors',
] as const;

/** A place of the canonical order by its name. */
export type BuiltInPlace = (typeof BUILT_IN_PLACES)[number];

/**
 * Where a stage runs: at a place of the canonical order, or next to a place or to another policy's stage:
 * `{ inside: 'RetryWithBackoff' }` runs once an attempt, `{ outside: 'RetryWithBackoff' }` once a call.
 */
export type Place = BuiltInPlace | { readonly inside: string } | { readonly outside: string };

/** A path: its place in the canonical order, then -1 for each step outward and 1 for each step inward from there. */
export type Rank = readonly number[];

/** Ranks of the stages of each policy by its kind, outer first; shared, so that all copies of the package agree. */
const ranksOfKinds = processWide('places', () => new Map<string, readonly Rank[]>());

function ranksOf(name: string): readonly Rank[] | undefined {
  const builtIn = BUILT_IN_PLACES.indexOf(name as BuiltInPlace);
  return builtIn >= 0 ? [[builtIn]] : ranksOfKinds.get(name);
}

/** Registers the places of a policy and gives their ranks. */
export function registerPlaces(kind: string, places: readonly Place[]): readonly Rank[] {
  const ranks = places.map((place): Rank => {
    const name = nameOf(place);
    const neighbours = ranksOf(name);
    const [outermost, innermost] = [neighbours?.[0], neighbours?.[neighbours.length - 1]];
    if (!outermost || !innermost) {
      const known = [...new Set([...BUILT_IN_PLACES, ...ranksOfKinds.keys()])].join(', ');
      throw new TypeError(
        `definePolicy: the place of ${kind} names '${name}', which is neither a place nor a policy defined so far. Known are: ${known}.`,
      );
    }
    if (typeof place === 'string') return outermost;
    return 'inside' in place ? [...innermost, 1] : [...outermost, -1];
  });
  const known = ranksOfKinds.get(kind);
  if (known && JSON.stringify(known) !== JSON.stringify(ranks)) {
    throw new TypeError(
      `definePolicy: ${kind} is defined already, at another place. Choose another \`kind\`.`,
    );
  }
  ranksOfKinds.set(kind, ranks);
  return ranks;
}

function nameOf(place: Place): string {
  if (typeof place === 'string') return place;
  return String('inside' in place ? place.inside : place.outside);
}

/** Negative when `a` is further out than `b`. */
export function compareRanks(a: Rank, b: Rank): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A place in words, for `policiesOf()`. */
export function describePlace(place: Place): string {
  if (typeof place === 'string') return place;
  return 'inside' in place ? `inside ${place.inside}` : `outside ${place.outside}`;
}
