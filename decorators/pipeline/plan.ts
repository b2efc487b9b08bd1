import type { Call } from './call.js';
import { NO_OPTIONS } from './call-options.js';
import { hostOf } from './host.js';
import { compareRanks, describePlace, type Place } from './places.js';
import type { Policy, Stage } from './policy.js';
import { checkOptionsObject } from './options.js';
import { recordOf, type AppliedPolicy, type MethodRecord } from './record.js';

/** One stage of a method on one object. `policy` is its index among the plan's policies. */
interface PlannedStage {
  readonly stage: Stage<object>;
  readonly policy: number;
}

/** What runs when a decorated method is called on one object. */
export interface Plan {
  readonly policies: readonly AppliedPolicy[];
  /** Outer to inner. */
  readonly stages: readonly PlannedStage[];
  /** Whether a stage may abort the call. */
  readonly mayAbort: boolean;
}

/** Whether a policy of this kind is in the plan. */
export function runsKind(plan: Plan, kind: string): boolean {
  return plan.policies.some(({ policy }) => policy.definition.kind === kind);
}

/** An own method of an object or of one of its prototypes, nearest first. */
function* methodsNamed(name: string | symbol, self: object): Generator<{ owner: object; method: unknown }> {
  for (let owner: object | null = self; owner; owner = Object.getPrototypeOf(owner) as object | null) {
    const method: unknown = Object.getOwnPropertyDescriptor(owner, name)?.value;
    if (method !== undefined) yield { owner, method };
  }
}

interface Inherited extends AppliedPolicy {
  readonly from: MethodRecord;
}

/** A method's own policies and, for each kind it lacks, the nearest overridden method's. */
function effectivePolicies(record: MethodRecord, above: readonly MethodRecord[]): Inherited[] {
  const byKind = new Map<string, Inherited>();
  for (const from of [record, ...above]) {
    for (const applied of from.applied) {
      const { kind } = applied.policy.definition;
      if (!byKind.has(kind)) byKind.set(kind, { ...applied, from });
    }
  }
  return [...byKind.values()];
}

/** The records that `record` overrides when it is called on `self`. */
function recordsAbove(record: MethodRecord, self: object): MethodRecord[] {
  const methods = [...methodsNamed(record.name, self)].map(({ method }) => method);
  const at = methods.indexOf(record.wrapper);
  // Not found: borrowed, private, or hidden behind a spy. What else is there stands above it.
  const above = at < 0 ? methods : methods.slice(at + 1);
  return above.map(recordOf).filter((found) => found !== undefined && found !== record) as MethodRecord[];
}

/**
 * Whether `record` stands above `active` among the methods of its name. One that is not found there is hidden behind a
 * spy or another wrapper, and counts as standing above; a private one overrides nothing.
 */
export function overriddenBy(active: MethodRecord, record: MethodRecord, self: object): boolean {
  const methods = [...methodsNamed(record.name, self)].map(({ method }) => method);
  if (methods.length === 0) return false;
  const [at, activeAt] = [methods.indexOf(record.wrapper), methods.indexOf(active.wrapper)];
  return at < 0 || activeAt < at;
}

interface PlacedPolicy {
  readonly applied: Inherited;
  /** Which of the policy's places. */
  readonly part: number;
}

function inCanonicalOrder(policies: readonly Inherited[]): PlacedPolicy[] {
  const rank = ({ applied, part }: PlacedPolicy): readonly number[] => applied.policy.ranks[part] ?? [];
  return policies
    .flatMap((applied) => applied.policy.places.map((_, part) => ({ applied, part })))
    .sort(
      (a, b) =>
        compareRanks(rank(a), rank(b)) ||
        byCodeUnits(a.applied.policy.definition.kind, b.applied.policy.definition.kind),
    );
}

/** The same on every machine, whatever its language. */
function byCodeUnits(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** The plan for calling the method on `self`; made at the first call. */
export function planOf(record: MethodRecord, self: object): Plan {
  let plan = record.plans.get(self);
  if (!plan) record.plans.set(self, (plan = makePlan(record, self)));
  return plan;
}

function makePlan(record: MethodRecord, self: object): Plan {
  const policies = effectivePolicies(record, recordsAbove(record, self));
  const stages = policies.map(({ policy }) => {
    const made = policy.definition.create({ self, method: record.name });
    return Array.isArray(made) ? (made as readonly Stage<object>[]) : [made as Stage<object>];
  });
  return {
    policies,
    stages: inCanonicalOrder(policies).map(({ applied, part }) => {
      const policy = policies.indexOf(applied);
      const stage = stages[policy]?.[part];
      if (typeof stage?.run !== 'function') {
        const { kind } = applied.policy.definition;
        throw new TypeError(
          `definePolicy: \`create\` of ${kind} must return one stage, an object with \`run\`, for each of its places.`,
        );
      }
      return { stage, policy };
    }),
    mayAbort: policies.some(({ policy }) => policy.definition.neverAborts !== true),
  };
}

/** The policy by which an object of options was last found right. */
const validated = new WeakMap<object, Policy>();
const DEFAULTS: object = Object.freeze({});

/** The options of each policy of the plan for this call; `false` where a policy is off, or runs in the plan `around` it. */
export function resolveOptions(plan: Plan, call: Call, around?: Plan): (object | false)[] {
  return plan.policies.map(({ policy, options }) => {
    const { definition } = policy;
    if (around && runsKind(around, definition.kind)) return false;
    const written = typeof options === 'function' ? (options as OptionsFunction)(call.self, call) : options;
    const wanted = written ?? hostOf(call.self)?.policyOptions?.(definition.kind) ?? DEFAULTS;
    if (wanted !== options && wanted !== DEFAULTS && wanted !== false) validate(wanted, policy, call);
    const called = call.options === NO_OPTIONS ? undefined : definition.fromCallOptions?.(call.options);
    return called ? { ...wanted, ...called } : wanted;
  });
}

type OptionsFunction = (self: object, call: Call) => object | false | undefined;

function validate(options: object, policy: Policy, call: Call): void {
  const { kind, validate } = policy.definition;
  const where = `@${kind} on ${call.label}()`;
  checkOptionsObject(options, where);
  if (validated.get(options) === policy) return;
  validate?.call(policy.definition, options, where);
  validated.set(options, policy);
}

/** One line of `policiesOf()`. */
export interface PolicyDescription {
  /** The decorator's name. */
  readonly kind: string;
  /** Where the stage runs, as its policy names it. */
  readonly place: string;
  /** The options as written; a function where they are resolved at each call, `{}` where there are none. */
  readonly options: unknown;
  /** The class whose method declares the policy; the function's name when a function was asked about. */
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
  const { record, above, owners } = found;
  return inCanonicalOrder(effectivePolicies(record, above)).map(({ applied, part }) => ({
    kind: applied.policy.definition.kind,
    place: describePlace(applied.policy.places[part] as Place),
    options: applied.options ?? {},
    from: owners.get(applied.from) ?? (record.wrapper.name || String(record.name)),
  }));
}

interface Declared {
  readonly record: MethodRecord;
  readonly above: readonly MethodRecord[];
  readonly owners: ReadonlyMap<MethodRecord, string>;
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
  const owners = new Map<MethodRecord, string>();
  for (const { owner, method } of found) {
    const declared = recordOf(method);
    if (declared) owners.set(declared, ownerName(owner));
  }
  return { record, above: [...owners.keys()].filter((other) => other !== record), owners };
}

function ownerName(owner: object): string {
  return typeof owner === 'function' ? owner.name : owner.constructor.name;
}
