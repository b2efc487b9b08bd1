import { checkOptionsObject } from './options.js';
import { attach, nearestUses, type AppliedPolicy } from './record.js';
import type { Policy } from './policy.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- `this` and the parameters of a decorated method are its own business */

/** Any method a policy can guard: it returns a promise, or is an async generator. */
export type AsyncMethod = (
  this: any,
  ...args: any[]
) => PromiseLike<unknown> | AsyncGenerator<unknown, unknown, any>;

/** What the runtime hands to a method decorator: TC39 standard, or TypeScript's `experimentalDecorators`. */
export type MethodDecoratorArgs<This, F extends AsyncMethod> =
  | [method: F, context: ClassMethodDecoratorContext<This, F>]
  | [prototype: This, name: string | symbol, descriptor: TypedPropertyDescriptor<F>];

/** A decorator for async methods, usable in both dialects. It leaves the method's type as it is. */
export type AsyncMethodDecorator<This = any> = <F extends AsyncMethod>(
  ...args: MethodDecoratorArgs<This, F>
) => any;

/**
 * A decorator that stands in a list, for methods of any type. Its member says nothing new: it keeps the compiler from
 * looking for one type of method that the decorator's options would have to fit.
 */
export type PolicyUse = AsyncMethodDecorator & { readonly name?: string };

/* eslint-enable @typescript-eslint/no-explicit-any */

/** Checks and gives what a decorator attaches; `on` completes "@Name", for messages. */
type Uses = (on: string) => readonly AppliedPolicy[];

const USES = Symbol.for('keelson.uses');

/** The decorator for one use of a policy: `factoryArgs` is what stood between its parentheses. */
export function decorate(policy: Policy, factoryArgs: readonly unknown[]): AsyncMethodDecorator {
  const { kind } = policy.definition;
  checkParentheses(kind, factoryArgs);
  return decoratorOf(kind, (on) => {
    const options = checkedOptions(policy, factoryArgs[0], `@${kind}${on}`);
    return [{ policy, options, depth: 0 }];
  });
}

/**
 * Makes one decorator of several. What stands above a method itself takes precedence over the same kind in a
 * composite, on whichever line it stands; a composite may hold other composites.
 *
 * @param kind The name of the decorator, for messages and for `via` in `policiesOf()`.
 * @param make Gives the decorators for what stands between the parentheses; `false` and `undefined` are left out.
 *
 * @example
 * const Patient = composePolicies('Patient', (totalMs: number = 120_000) => [
 *   RetryWithBackoff({ maxRetries: 6 }),
 *   Timeout({ totalMs }),
 *   HandleApiErrors(),
 * ]);
 *
 * class Reports {
 *   @Patient(300_000)
 *   @RetryWithBackoff({ maxRetries: 2 }) // instead of the six
 *   async write(topic: string) { … }
 * }
 *
 * @throws TypeError when `make` gives something that is no policy's decorator, or the same kind twice.
 */
export function composePolicies<Args extends unknown[]>(
  kind: string,
  make: (...args: Args) => readonly (AsyncMethodDecorator | false | undefined)[],
): (...args: Args) => AsyncMethodDecorator {
  if (typeof kind !== 'string' || kind === '') {
    throw new TypeError('composePolicies: the first argument must be the name of the decorator.');
  }
  if (typeof make !== 'function') {
    throw new TypeError(
      `composePolicies: the second argument of ${kind} must be a function that returns decorators.`,
    );
  }
  const composite = (...args: Args): AsyncMethodDecorator => {
    checkParentheses(kind, args);
    const parts: unknown = make(...args);
    if (!Array.isArray(parts)) {
      throw new TypeError(`composePolicies: the function of ${kind} must return an array of decorators.`);
    }
    const decorators = parts.filter((part) => part !== false && part !== undefined) as AsyncMethodDecorator[];
    const uses: Uses = (on) =>
      usesOf(decorators, ` of @${kind}${on}`).map((use) => ({ ...use, depth: use.depth + 1, via: kind }));
    nearestUses(uses(''), `@${kind}`);
    return decoratorOf(kind, uses);
  };
  Object.defineProperty(composite, 'name', { value: kind, configurable: true });
  return composite;
}

/**
 * What several decorators attach, without a method to attach it to.
 *
 * @throws TypeError when one is no policy's decorator, or its options are wrong; `on` says where it stands.
 */
export function usesOf(decorators: readonly AsyncMethodDecorator[], on: string): AppliedPolicy[] {
  return decorators.flatMap((decorator) => {
    const uses = (decorator as { [USES]?: Uses } | null | undefined)?.[USES];
    if (uses) return uses(on);
    const name = (decorator as { name?: unknown } | null | undefined)?.name;
    const called = typeof name === 'string' && name !== '' ? `\`${name}\`` : 'a value';
    throw new TypeError(
      `${called}${on} is no policy's decorator: give what a factory such as RetryWithBackoff() returns, with its parentheses.`,
    );
  });
}

function decoratorOf(kind: string, uses: Uses): AsyncMethodDecorator {
  const decorator = (...args: readonly unknown[]): unknown => {
    const on = ` on ${memberName(args)}`;
    const where = `@${kind}${on}`;
    const added = uses(on);
    if (args.length === 2) {
      const [method, context] = args as [unknown, { kind?: string; name?: string | symbol } | undefined];
      if (context?.kind !== 'method' || typeof method !== 'function') throw misuse(where, context?.kind);
      return attach(method as AsyncMethod, context.name as string | symbol, added, where);
    }
    const [, name, descriptor] = args as [unknown, string | symbol, PropertyDescriptor | undefined];
    if (typeof descriptor?.value !== 'function') throw misuse(where, descriptor?.get ? 'getter' : 'field');
    return { ...descriptor, value: attach(descriptor.value as AsyncMethod, name, added, where) };
  };
  return Object.assign(decorator, { [USES]: uses });
}

/** `@Name` without parentheses hands the factory what is meant for the decorator. */
function checkParentheses(kind: string, args: readonly unknown[]): void {
  const [, second, third] = args;
  const isLegacy =
    args.length === 3 &&
    (typeof second === 'string' || typeof second === 'symbol') &&
    (third === undefined ||
      (typeof third === 'object' && third !== null && ('value' in third || 'get' in third)));
  const isStandard =
    args.length === 2 && typeof (second as { kind?: unknown } | undefined)?.kind === 'string';
  if (!isLegacy && !isStandard) return;
  throw new TypeError(`@${kind} on ${memberName(args)} is missing its parentheses: write @${kind}().`);
}

function checkedOptions(policy: Policy, options: unknown, where: string): object | false | undefined {
  if (options === undefined || options === false || typeof options === 'function') {
    return options as object | false | undefined;
  }
  checkOptionsObject(options, where);
  policy.definition.validate?.(options, where);
  return options;
}

function memberName(args: readonly unknown[]): string {
  const name = args.length === 2 ? (args[1] as { name?: unknown } | undefined)?.name : args[1];
  return typeof name === 'string' || typeof name === 'symbol' ? `${String(name)}()` : 'a class member';
}

function misuse(where: string, found: string | undefined): TypeError {
  const what =
    found === undefined || found === 'method'
      ? 'something that is not a method'
      : `${found === 'accessor' ? 'an' : 'a'} ${found}`;
  return new TypeError(
    `${where}: it decorates methods that return a promise or are \`async *\`, and this is ${what}. Make it an async method.`,
  );
}
