// @ts-nocheck
import type { Call, CallOptions } from './call.js';
import { decorate, type AsyncMethodDecorator } from './decorator.js';
import { registerPlaces, type Place, type Rank } from './places.js';

/** Runs the rest of the pipeline: for the stage's own call, or for one that the stage has forked from it. */
export type Next = (call?: Call) => Promise<unknown>;

/** What a policy does around the stages within it and the method. */
export interface Stage<O extends object> {
  /**
   * Runs once for each time the stages around it call their `next`. Resolves with what `next` resolved with; for
   * a stream that is the opened stream, and what was registered by `call.onEnd()` runs when its iteration ends.
   */
  run(call: Call, next: Next, options: O): Promise<unknown>;
  /** Replaces an error thrown after the stream was opened, when `run` has long returned. */
  mapStreamError?(call: Call, error: unknown): unknown;
  /** The stage's state as plain data, for `snapshotOf()`. */
  snapshot?(): Readonly<Record<string, unknown>>;
}

/** The object and the method for which `create` makes its stages: the place for state of their own. */
export interface PolicyTarget {
  /** The instance, or for a static method the class. */
  readonly self: object;
  readonly method: string | symbol;
}

/** A policy as `definePolicy()` takes it. */
export interface PolicyDefinition<O extends object> {
  /** The decorator's name: in `policiesOf()`, in error messages, and for the rule of one of a kind a method. */
  readonly kind: string;
  /** Where the policy's stage runs; a list for a policy with several stages, outer first. */
  readonly place: Place | readonly Place[];
  /** Throws a `TypeError` for bad options. `where` names decorator and method: begin the message with it. */
  validate?(options: O, where: string): void;
  /** What the caller's options say for this policy: laid over its options, and turns it on when it is off. */
  fromCallOptions?(options: CallOptions): Partial<O> | undefined;
  /** Makes the stages, one a place, once for each object and method: they may hold state. */
  create(target: PolicyTarget): Stage<O> | readonly Stage<O>[];
  /** Promises that no stage calls `call.abort()`: the method's promise is then awaited as it is. */
  readonly neverAborts?: boolean;
}

/** A policy's options, or a function that gives them anew for each call; `false` turns the policy off. */
export type Configurable<O, This> = O | false | ((self: This, call: Call) => O | false | undefined);

/* eslint-disable @typescript-eslint/no-explicit-any -- where `self` cannot be inferred it may be anything */

/** Takes a policy's options and gives the decorator; the options may be left out when none is required. */
export type PolicyDecorator<O extends object> =
  Record<never, never> extends O
    ? <This = any>(options?: Configurable<O, This>) => AsyncMethodDecorator<This>
    : <This = any>(options: Configurable<O, This>) => AsyncMethodDecorator<This>;

/* eslint-enable @typescript-eslint/no-explicit-any */

/** A definition, ready to be attached to methods. */
export interface Policy {
  readonly definition: PolicyDefinition<object>;
  readonly places: readonly Place[];
  readonly ranks: readonly Rank[];
}

/**
 * Defines a policy and returns its decorator. It has the same standing as the built-in ones: canonical place,
 * both decorator dialects, inheritance, streams, `policiesOf()`.
 *
 * @example
 * const Audited = definePolicy<{ log: (line: string) => void }>({
 *   kind: 'Audited',
 *   place: { inside: 'RetryWithBackoff' },
 *   create: () => ({
 *     async run(call, next, { log }) {
 *       log(`${String(call.method)}, attempt ${call.attempt}`);
 *       return next();
 *     },
 *   }),
 * });
 *
 * @throws TypeError when the place names something unknown.
 */
export function definePolicy<O extends object>(definition: PolicyDefinition<O>): PolicyDecorator<O> {
  const { kind, place } = definition;
  if (typeof kind !== 'string' || kind === '') {
    throw new TypeError('definePolicy: `kind` must be a non-empty string, the name of the decorator.');
  }
  if (typeof definition.create !== 'function') {
    throw new TypeError(`definePolicy: \`create\` of ${kind} must be a function that returns its stage.`);
  }
  const places = Array.isArray(place) ? (place as readonly Place[]) : [place as Place];
  if (
    places.length === 0 ||
    !places.every((one) => typeof one === 'string' || (typeof one === 'object' && one))
  ) {
    throw new TypeError(
      `definePolicy: \`place\` of ${kind} must be the name of a place, { inside: … }, { outside: … } or a list of these.`,
    );
  }
  const policy: Policy = {
    definition: definition as unknown as PolicyDefinition<object>,
    places,
    ranks: registerPlaces(kind, places),
  };
  const factory = (...args: unknown[]): AsyncMethodDecorator => decorate(policy, args);
  Object.defineProperty(factory, 'name', { value: kind, configurable: true });
  return factory as PolicyDecorator<O>;
}
