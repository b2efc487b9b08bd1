import 'reflect-metadata';
import type { AsyncMethod } from './decorator.js';
import type { Policy } from './policy.js';
import { runMethod, runStream } from './run.js';
import type { Plan } from './plan.js';

/** One use of a policy on a method. */
export interface AppliedPolicy {
  readonly policy: Policy;
  /** As written between the parentheses; undefined when nothing was. */
  readonly options: object | false | undefined;
  /** How many composites it came through: 0 when it was written above the method itself. */
  readonly depth: number;
  /** The name of the composite, where it came through one. */
  readonly via?: string;
}

/** What is known of a decorated method, kept under the function that took its place. */
export interface MethodRecord {
  readonly name: string | symbol;
  readonly original: AsyncMethod;
  readonly streaming: boolean;
  readonly applied: readonly AppliedPolicy[];
  readonly wrapper: AsyncMethod;
  /** What runs, for each object it was called on. */
  readonly plans: WeakMap<object, Plan>;
}

const RECORD = Symbol.for('keelson.record');
const AsyncGeneratorFunction = async function* () {}.constructor;
const GeneratorFunction = function* () {}.constructor;

/**
 * The record of a function that one of our decorators returned. A foreign wrapper that copies metadata carries our
 * record too: unwrapping it would drop that wrapper, so a record counts only on its own function.
 */
export function recordOf(fn: unknown): MethodRecord | undefined {
  if (typeof fn !== 'function') return undefined;
  const record = Reflect.getOwnMetadata(RECORD, fn) as MethodRecord | undefined;
  return record?.wrapper === fn ? record : undefined;
}

/** Adds policies to a method: the one wrapper is made anew, so that nothing shared is changed. */
export function attach(
  method: AsyncMethod,
  name: string | symbol,
  added: readonly AppliedPolicy[],
  where: string,
): AsyncMethod {
  if (method instanceof GeneratorFunction) {
    throw new TypeError(`${where}: the method is a synchronous generator. Make it \`async *\`.`);
  }
  const below = recordOf(method);
  const direct = below?.applied.filter(({ depth }) => depth === 0) ?? [];
  if (added.some((use) => use.depth === 0 && direct.some((other) => kindOf(other) === kindOf(use)))) {
    throw new TypeError(`${where} stands twice on the same method: keep one of them.`);
  }
  const original = below?.original ?? method;
  const streaming = original instanceof AsyncGeneratorFunction;
  const wrapper: AsyncMethod = streaming
    ? function (this: object, ...args: unknown[]) {
        return runStream(record, this, args);
      }
    : function (this: object, ...args: unknown[]) {
        return runMethod(record, this, args);
      };
  const record: MethodRecord = {
    name,
    original,
    streaming,
    applied: [...(below?.applied ?? []), ...added],
    wrapper,
    plans: new WeakMap(),
  };
  for (const property of ['name', 'length'] as const) {
    Object.defineProperty(wrapper, property, { value: method[property], configurable: true });
  }
  for (const key of Reflect.getOwnMetadataKeys(method) as unknown[]) {
    Reflect.defineMetadata(key, Reflect.getOwnMetadata(key as string, method), wrapper);
  }
  Reflect.defineMetadata(RECORD, record, wrapper);
  return wrapper;
}

/** The name of the decorator that a policy was attached by. */
export function kindOf({ policy }: AppliedPolicy): string {
  return policy.definition.kind;
}

/**
 * One use a kind: what is written above the method itself goes before what a composite brings, and that before what a
 * composite within it does.
 *
 * @throws TypeError when two composites bring the same kind and nothing says which is meant.
 */
export function nearestUses(applied: readonly AppliedPolicy[], where: string): AppliedPolicy[] {
  const byKind = new Map<string, AppliedPolicy>();
  const rivals = new Map<string, AppliedPolicy>();
  // From the deepest to the nearest, so that a use which settles a dispute comes after it.
  for (const use of [...applied].sort((a, b) => b.depth - a.depth)) {
    const kind = kindOf(use);
    if (byKind.get(kind)?.depth === use.depth) rivals.set(kind, use);
    else rivals.delete(kind);
    byKind.set(kind, use);
  }
  for (const [kind, rival] of rivals) {
    const both = applied.filter((use) => kindOf(use) === kind && use.depth === rival.depth);
    const names = [...new Set(both.map(({ via }) => `@${via}`))].join(' and ');
    throw new TypeError(
      `${where}: @${kind} is brought twice, by ${names}. Write the one you want above the method itself.`,
    );
  }
  return [...byKind.values()];
}
