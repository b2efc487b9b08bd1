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

/** Adds a policy to a method: the one wrapper is made anew, so that nothing shared is changed. */
export function attach(
  method: AsyncMethod,
  name: string | symbol,
  policy: Policy,
  options: object | false | undefined,
  where: string,
): AsyncMethod {
  if (method instanceof GeneratorFunction) {
    throw new TypeError(`${where}: the method is a synchronous generator. Make it \`async *\`.`);
  }
  const below = recordOf(method);
  if (below?.applied.some((other) => other.policy.definition.kind === policy.definition.kind)) {
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
    applied: [...(below?.applied ?? []), { policy, options }],
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
