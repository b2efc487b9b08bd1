// @ts-nocheck
import { describePlace, type Place } from './places.js';
import { effectivePolicies, inCanonicalOrder, methodsNamed, planOf } from './plan.js';
import { kindOf, recordOf, type MethodRecord } from './record.js';

/** One line of `policiesOf()`. */
export interface PolicyDescription {
  /** The decorator's name. */
  readonly kind: string;
  /** Where the stage runs, as its policy names it. */
  readonly place: string;
  /** The options as written; a function where they are resolved at each call, `{}` where there are none. */
  readonly options: unknown;
  /** The composite that it came through, where it did. */
  readonly via?: string;
  /** The class whose method declares the policy, or whose object brought it; the function's name when a function was asked about. */
  readonly from: string;
}

/**
 * What runs around a method, outer to inner: one entry a stage. `target` is a class (with the name of a method or a
 * static method), an instance, or a decorated function itself. Empty for a method without policies.
 *
 * @example
 * policiesOf(OpenAIClient, 'chatCompletion').map(({ kind }) => kind);
 * // ['Timeout', 'RetryWithBackoff', 'RateLimited', 'Timeout', 'HandleApiErrors']
 */
export function policiesOf(target: object, method?: string | symbol): PolicyDescription[] {
  const found = method === undefined ? bareFunction(target) : declaredOn(target, method);
  if (!found) return [];
  const { record, above, owners, self } = found;
  return inCanonicalOrder(effectivePolicies(record, above, self)).map(({ applied, part }) => ({
    kind: kindOf(applied),
    place: describePlace(applied.policy.places[part] as Place),
    options: applied.options ?? {},
    ...(applied.via !== undefined && { via: applied.via }),
    from: owners.get(applied.from) ?? (record.wrapper.name || String(record.name)),
  }));
}

/** The state of one policy of a method: what its own guide says it shows. */
export interface PolicySnapshot {
  /** The decorator's name. */
  readonly kind: string;
  /** Plain data: numbers, strings, and objects of these. */
  readonly snapshot: Readonly<Record<string, unknown>>;
}

/**
 * The state of the policies of a method on one object, outer to inner, as plain data: what a circuit breaker has counted, say.
 * Policies without state are left out.
 *
 * @example
 * snapshotOf(client, 'chatCompletion'); // [{ kind: 'CircuitBreaker', snapshot: { state: 'closed', … } }, …]
 */
export function snapshotOf(target: object, method: string | symbol): PolicySnapshot[] {
  const record = recordOf((target as Record<string | symbol, unknown>)[method]);
  if (!record) return [];
  const { policies, stages } = planOf(record, target);
  return stages.flatMap(({ stage, policy }) => {
    const applied = policies[policy];
    if (!stage.snapshot || !applied) return [];
    return [{ kind: kindOf(applied), snapshot: stage.snapshot() }];
  });
}

interface Declared {
  readonly record: MethodRecord;
  readonly above: readonly MethodRecord[];
  /** The names of what declares each; under `undefined` that of the object itself. */
  readonly owners: ReadonlyMap<MethodRecord | undefined, string>;
  readonly self?: object;
}

function bareFunction(target: object): Declared | undefined {
  const record = recordOf(target);
  return record && { record, above: [], owners: new Map() };
}

function declaredOn(target: object, name: string | symbol): Declared | undefined {
  const prototype = typeof target === 'function' ? (target as { prototype?: object }).prototype : undefined;
  const start = prototype && name in prototype ? prototype : target;
  const found = [...methodsNamed(name, start)];
  const record = recordOf(found[0]?.method);
  if (!record) return undefined;
  const owners = new Map<MethodRecord | undefined, string>();
  for (const { owner, method } of found) {
    const declared = recordOf(method);
    if (declared) owners.set(declared, ownerName(owner));
  }
  const above = [...owners.keys()].filter(
    (other) => other !== undefined && other !== record,
  ) as MethodRecord[];
  owners.set(undefined, ownerName(target));
  return { record, above, owners, ...(start !== prototype && { self: start }) };
}

function ownerName(owner: object): string {
  return typeof owner === 'function' ? owner.name : owner.constructor.name;
}
