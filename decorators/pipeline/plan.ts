import type { Call } from './call.js';
import { NO_OPTIONS } from './call-options.js';
import { usesOf } from './decorator.js';
import { DirectStage } from './direct-stage.js';
import { hostOf } from './host.js';
import { compareRanks } from './places.js';
import type { Policy, Stage } from './policy.js';
import { checkOptionsObject } from './options.js';
import { kindOf, nearestUses, recordOf, type AppliedPolicy, type MethodRecord } from './record.js';

/** One stage of a method on one object. `policy` is its index among the plan's policies. */
interface PlannedStage {
  readonly stage: Stage<object>;
  /** The same, where it can do without a promise of its own. */
  readonly direct: DirectStage<object> | undefined;
  readonly policy: number;
}

/** What runs when a decorated method is called on one object. */
export interface Plan {
  readonly policies: readonly AppliedPolicy[];
  /** Outer to inner. */
  readonly stages: readonly PlannedStage[];
  /** Whether a stage may abort the call. */
  readonly mayAbort: boolean;
  /** The options of each policy, where they are the same for every call; undefined where a function or the host gives them. */
  readonly fixedOptions: readonly (object | false)[] | undefined;
}

/** Whether a policy of this kind is in the plan. */
export function runsKind(plan: Plan, kind: string): boolean {
  return plan.policies.some((applied) => kindOf(applied) === kind);
}

/** An own method of an object or of one of its prototypes, nearest first. */
export function* methodsNamed(
  name: string | symbol,
  self: object,
): Generator<{ owner: object; method: unknown }> {
  for (let owner: object | null = self; owner; owner = Object.getPrototypeOf(owner) as object | null) {
    const method: unknown = Object.getOwnPropertyDescriptor(owner, name)?.value;
    if (method !== undefined) yield { owner, method };
  }
}

interface Effective extends AppliedPolicy {
  /** The method that declares it; undefined when the object brought it. */
  readonly from: MethodRecord | undefined;
}

/**
 * A method's own policies; for each kind it lacks, the nearest overridden method's; for each kind that is written nowhere,
 * or without options, that of the object itself.
 */
export function effectivePolicies(
  record: MethodRecord,
  above: readonly MethodRecord[],
  self?: object,
): Effective[] {
  const byKind = new Map<string, Effective>();
  const where = `${String(record.name)}()`;
  for (const from of [record, ...above]) {
    for (const applied of nearestUses(from.applied, where)) {
      const kind = kindOf(applied);
      if (!byKind.has(kind)) byKind.set(kind, { ...applied, from });
    }
  }
  for (const applied of nearestUses(usesOf(hostOf(self)?.policies ?? [], ' in `policies`'), where)) {
    const kind = kindOf(applied);
    if (byKind.get(kind)?.options === undefined) byKind.set(kind, { ...applied, from: undefined });
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
  readonly applied: Effective;
  /** Which of the policy's places. */
  readonly part: number;
}

export function inCanonicalOrder(policies: readonly Effective[]): PlacedPolicy[] {
  const rank = ({ applied, part }: PlacedPolicy): readonly number[] => applied.policy.ranks[part] ?? [];
  return policies
    .flatMap((applied) => applied.policy.places.map((_, part) => ({ applied, part })))
    .sort((a, b) => compareRanks(rank(a), rank(b)) || byCodeUnits(kindOf(a.applied), kindOf(b.applied)));
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
  const policies = effectivePolicies(record, recordsAbove(record, self), self);
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
        throw new TypeError(
          `definePolicy: \`create\` of ${kindOf(applied)} must return one stage, an object with \`run\`, for each of its places.`,
        );
      }
      return { stage, direct: stage instanceof DirectStage ? stage : undefined, policy };
    }),
    mayAbort: policies.some(({ policy }) => policy.definition.neverAborts !== true),
    fixedOptions: fixedOptions(policies, self),
  };
}

function fixedOptions(
  policies: readonly AppliedPolicy[],
  self: object,
): readonly (object | false)[] | undefined {
  const asksHost = hostOf(self)?.policyOptions !== undefined;
  const fixed = policies.map(({ options }) => options ?? (asksHost ? undefined : DEFAULTS));
  const isFixed = (options: unknown): options is object | false =>
    typeof options === 'object' || options === false;
  return fixed.every(isFixed) ? fixed : undefined;
}

/** The policy by which an object of options was last found right. */
const validated = new WeakMap<object, Policy>();
const DEFAULTS: object = Object.freeze({});

/** The options of each policy of the plan for this call; `false` where a policy is off, or runs in the plan `around` it. */
export function resolveOptions(
  plan: Plan,
  call: Call,
  around: Plan | undefined,
): readonly (object | false)[] {
  if (plan.fixedOptions && !around && call.options === NO_OPTIONS) return plan.fixedOptions;
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
