// @ts-nocheck
import { definePolicy, type PolicyDefinition } from '../../decorators/index.js';

/** Options of a policy that writes down where it runs. */
export interface MarkOptions {
  readonly log: string[];
}

/** A policy that writes `<kind>` into its log when it is entered. */
export function marker(kind: string, place: PolicyDefinition<MarkOptions>['place']) {
  const stage = (name: string) => ({
    run(_call: unknown, next: () => Promise<unknown>, { log }: MarkOptions) {
      log.push(name);
      return next();
    },
  });
  const places = Array.isArray(place) ? place : [place];
  return definePolicy<MarkOptions>({
    kind,
    place,
    create: () => places.map((_, part) => stage(places.length === 1 ? kind : `${kind} ${part + 1}`)),
  });
}

/** A promise with its handles. */
export function deferred<T = void>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((res, rej) => ([resolve, reject] = [res, rej]));
  return { promise, resolve, reject };
}

/** What `promise` was rejected with; fails when it was not. */
export async function failureOf(promise: PromiseLike<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`expected a failure, got ${String(value)}`);
}

/** Everything an iterable yields. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** The first item of an iterable, which is then left. */
export async function takeOne<T>(source: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of source) return item;
  return undefined;
}

/** Puts a decorator on a method `ask()`, as a class would. */
export function onMethod(decorator: (...args: any[]) => unknown): unknown {
  return decorator(async () => undefined, { kind: 'method', name: 'ask', static: false, private: false });
}
