import type { LLMError } from '../errors/index.js';
import { classNameOf } from '../pipeline/class-name.js';
import type { Call, Next } from '../pipeline/index.js';
import { hostOf } from '../pipeline/host.js';
import { argsInstead, isIterable, isWithin, runInstead } from '../pipeline/instead.js';
import { nearestName } from '../pipeline/options.js';
import { methodsNamed } from '../pipeline/plan.js';
import { recordOf } from '../pipeline/record.js';
import type { AnyTarget, ClientTarget, MethodTarget, ModelTarget, ValueTarget } from './types.js';
import { argsWithModel } from './with-model.js';

/** One way to an answer after the call has failed. */
export interface Way {
  /** What is tried, in words. */
  readonly to: string;
  /** Whether it goes to the same provider with the same key: the budget of retries pays for it. */
  readonly paid: boolean;
  /** The arguments of the call's fork for it, where they are not the caller's. */
  readonly args?: readonly unknown[];
  /** @param way The call's fork for it. */
  run(way: Call, error: LLMError): Promise<unknown>;
}

/** What a way is found for. */
interface Failed {
  readonly call: Call;
  readonly next: Next;
}

type AnyFunction = (...args: unknown[]) => unknown;

/** The way that a target stands for; undefined where it is none for this call. */
export function wayTo(target: AnyTarget, failed: Failed): Way | undefined {
  if ('client' in target) return toClient(target, failed);
  if ('model' in target) return toModel(target, failed);
  return 'method' in target ? toMethod(target, failed) : toValue(target, failed);
}

/** Throws a `TypeError` where a target cannot be one of this call: the first call tells, not the first failure. */
export function checkTarget(target: AnyTarget, call: Call): void {
  if ('method' in target) methodOf(target, call);
  else if ('client' in target) {
    if (typeof target.client === 'object' || isClass(target.client)) methodOfClient(target.client, call);
  } else if ('model' in target) argsFor(call.self, call, target.model);
  else if (call.streaming && typeof target.value !== 'function' && !isIterable(target.value)) {
    throw misuse(call, 'it is a stream: give as `value` something iterable, such as an array of events.');
  }
}

function toModel({ model }: ModelTarget, { call, next }: Failed): Way | undefined {
  const args = argsFor(call.self, call, model);
  // What has just failed would be asked again.
  if (!args || hostOf(call.self)?.describe?.(call)?.model === model) return undefined;
  return {
    to: `model ${model}`,
    paid: true,
    args,
    run: (way) => next(way),
  };
}

function toClient({ client: given, model }: ClientTarget<unknown>, { call }: Failed): Way | undefined {
  const client =
    typeof given === 'function' && !isClass(given)
      ? (given as (self: object) => object | undefined)(call.self)
      : given;
  if (client === undefined || client === null) return undefined;
  const { name, method } = methodOfClient(client, call);
  if (isWithin(call, client, name)) return undefined;
  if (!hasSameVectors(call, client)) return undefined;
  const args = model === undefined ? call.args : argsFor(client, call, model, name);
  if (!args) return undefined;
  const at = model === undefined ? '' : `, model ${model}`;
  return {
    to: `client ${classNameOf(client)}${at}`,
    paid: ownerOf(client) === ownerOf(call.self),
    run: (way) => runInstead(way, () => method.apply(client, argsInstead(way, args)), !recordOf(method)),
  };
}

function toMethod(target: MethodTarget<unknown, unknown>, { call }: Failed): Way | undefined {
  const { name, method } = methodOf(target, call);
  if (isWithin(call, call.self, name)) return undefined;
  return {
    to: `method ${String(name)}()`,
    // Where the methods of other objects go is not known, and what they call pays for itself.
    paid: hostOf(call.self)?.retryBudgetOwner?.() !== undefined,
    run: (way) => runInstead(way, () => method.apply(call.self, argsInstead(way)), !recordOf(method)),
  };
}

function toValue({ value }: ValueTarget<unknown>, { call }: Failed): Way {
  const give = (way: Call, error: LLMError): unknown =>
    typeof value === 'function' ? (value as AnyFunction).call(call.self, error, ...argsInstead(way)) : value;
  return {
    to: 'a value',
    paid: false,
    run: (way, error) => runInstead(way, () => give(way, error), false),
  };
}

interface FoundMethod {
  readonly name: string | symbol;
  readonly method: AnyFunction;
}

function methodOf({ method: given }: MethodTarget<unknown, unknown>, call: Call): FoundMethod {
  const { self } = call;
  const members = self as Record<string | symbol, unknown>;
  const method: unknown =
    typeof given === 'function' ? (given as (self: object) => unknown)(self) : members[given];
  if (typeof method !== 'function') throw noMethod(call, self, given, 'the class');
  const name = recordOf(method)?.name ?? (typeof given === 'function' ? method.name : given);
  if (method === members[call.method] || name === call.method) {
    throw misuse(call, 'it would fall back on itself: name another method.');
  }
  return { name, method: method as AnyFunction };
}

/** The method of the same name; of a client that has only the public one of a stream, that. */
function methodOfClient(client: object, call: Call): FoundMethod {
  if (client === call.self) throw misuse(call, 'it would fall back on itself: give another client.');
  const members = client as Record<string | symbol, unknown>;
  const names = call.streaming ? [call.method, call.label] : [call.method];
  const name = names.find((candidate) => typeof members[candidate] === 'function');
  if (name === undefined)
    throw noMethod(call, client, call.method, `the client, of class ${classNameOf(client)},`);
  return { name, method: members[name] as AnyFunction };
}

/** The arguments with another model; undefined where the object says that it would be no substitute. */
function argsFor(
  self: object,
  call: Call,
  model: string,
  method: string | symbol = call.method,
): readonly unknown[] | undefined {
  const args = argsWithModel(self, method, call.args, model);
  if (args || hostOf(self)?.withModel) return args;
  throw misuse(
    call,
    '`model` has no place in this call, for none of its arguments is an object with a `model`. ' +
      'Give a `method` that takes the other model instead, or tell it by `withModel` of the object’s policyHost.',
  );
}

/** Vectors of different models cannot be compared: where a call is for vectors, only the same model can answer. */
function hasSameVectors(call: Call, client: object): boolean {
  const own = hostOf(call.self)?.describe?.(call);
  return own?.operation !== 'embeddings' || hostOf(client)?.describe?.(call)?.model === own.model;
}

/** Objects of one owner go to one provider with one key. */
function ownerOf(self: object): object {
  return hostOf(self)?.retryBudgetOwner?.() ?? self;
}

/** Functions have a prototype that can be replaced, or none. */
function isClass(value: object): boolean {
  return Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false;
}

function misuse(call: Call, what: string): TypeError {
  return new TypeError(`@Fallback on ${call.label}(): ${what}`);
}

function noMethod(call: Call, object: object, name: unknown, whose: string): TypeError {
  if (typeof name === 'function')
    return misuse(call, 'the function `method` gives no method: write (self) => self.method.');
  const nearest = nearestName(String(name), methodNames(object));
  const hint = nearest ? ` Did you mean \`${nearest}\`?` : '';
  return misuse(call, `${whose} has no method \`${String(name)}\`.${hint}`);
}

function methodNames(object: object): string[] {
  const names: string[] = [];
  for (
    let owner: object | null = object;
    owner && owner !== Object.prototype;
    owner = Object.getPrototypeOf(owner)
  ) {
    for (const name of Object.getOwnPropertyNames(owner)) {
      const [found] = methodsNamed(name, owner);
      if (name !== 'constructor' && typeof found?.method === 'function') names.push(name);
    }
  }
  return names;
}
