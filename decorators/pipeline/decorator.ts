import { checkOptionsObject } from './options.js';
import { attach } from './record.js';
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

/* eslint-enable @typescript-eslint/no-explicit-any */

/** The decorator for one use of a policy: `factoryArgs` is what stood between its parentheses. */
export function decorate(policy: Policy, factoryArgs: readonly unknown[]): AsyncMethodDecorator {
  const label = `@${policy.definition.kind}`;
  if (looksLikeDecoration(factoryArgs)) {
    const name = memberName(factoryArgs);
    throw new TypeError(`${label} on ${name} is missing its parentheses: write ${label}().`);
  }
  return (...args: readonly unknown[]): unknown => {
    const where = `${label} on ${memberName(args)}`;
    const options = checkedOptions(policy, factoryArgs[0], where);
    if (args.length === 2) {
      const [method, context] = args as [unknown, { kind?: string; name?: string | symbol } | undefined];
      if (context?.kind !== 'method' || typeof method !== 'function') throw misuse(where, context?.kind);
      return attach(method as AsyncMethod, context.name as string | symbol, policy, options, where);
    }
    const [, name, descriptor] = args as [unknown, string | symbol, PropertyDescriptor | undefined];
    if (typeof descriptor?.value !== 'function') throw misuse(where, descriptor?.get ? 'getter' : 'field');
    const value = attach(descriptor.value as AsyncMethod, name, policy, options, where);
    return { ...descriptor, value };
  };
}

/** `@Name` without parentheses hands the factory what is meant for the decorator. */
function looksLikeDecoration(args: readonly unknown[]): boolean {
  if (args.length === 3) return typeof args[1] === 'string' || typeof args[1] === 'symbol';
  return args.length === 2 && typeof (args[1] as { kind?: unknown } | undefined)?.kind === 'string';
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
