import type { LLMError } from '../errors/index.js';
import type { AsyncMethod, Call } from '../pipeline/index.js';
import type { RetryBudgetOptions } from '../retry/budget.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- `this` and the parameters of a decorated method are its own business */

/** What a method of the type `F` takes. */
type ArgsOf<F> = F extends (this: any, ...args: infer Args) => any ? Args : any[];

/** What a method of the type `F` answers: what its promise resolves with, or for `async *` its events. A text is no list of events. */
type AnswerOf<F> = F extends (this: any, ...args: any[]) => AsyncGenerator<infer Event, any, any>
  ? (Iterable<Event> & object) | AsyncIterable<Event>
  : F extends (this: any, ...args: any[]) => PromiseLike<infer Result>
    ? Result
    : unknown;

/** What the decorator is put on; it leaves the method as it is. */
type Decorated<This, F extends AsyncMethod> =
  | [method: F, context: ClassMethodDecoratorContext<This, F>]
  | [prototype: This, name: string | symbol, descriptor: { value?: F }];

type Substitute<F> = (...args: ArgsOf<F>) => AnswerOf<F> | PromiseLike<AnswerOf<F>>;

/** Names of the public methods of `This` that can stand in for one of the type `F`; any where the class is not known. */
type SubstituteName<This, F> = 0 extends 1 & This
  ? any
  : { [Name in keyof This]-?: This[Name] extends Substitute<F> ? Name : never }[keyof This];

/* eslint-enable @typescript-eslint/no-explicit-any */

/** A class of errors, of the hierarchy or of your own. */
export type ErrorClass = abstract new (...args: never[]) => Error;

/** Which errors are meant: those of a class, or those for which a function says `true`. */
export type ErrorMatch = ErrorClass | ((error: LLMError) => boolean);

/** What all targets of a fallback may be given. */
interface FallbackCondition {
  /** The errors that this target is for, instead of those that the whole fallback is for. */
  on?: ErrorMatch | readonly ErrorMatch[];
}

/** The same call with another model. */
export interface ModelTarget extends FallbackCondition {
  model: string;
}

/** The method of the same name of another object. */
export interface ClientTarget<This> extends FallbackCondition {
  /** The object, or a function that gives it; where it gives none, the target is passed over. */
  client: object | ((self: This) => object | undefined);
  /** The model there; by default the call's own. */
  model?: string;
}

/** Another method of the same object. */
export interface MethodTarget<This, F> extends FallbackCondition {
  /** Its name; a private or protected one is given by a function: `(self) => self.hidden`. */
  method: SubstituteName<This, F> | ((self: This) => Substitute<F>);
}

/** A value, or a function of the error and the caller's arguments that gives one, or a promise of one. */
export interface ValueTarget<F> extends FallbackCondition {
  value: AnswerOf<F> | ((error: LLMError, ...args: ArgsOf<F>) => AnswerOf<F> | PromiseLike<AnswerOf<F>>);
}

/** What answers when a method cannot. */
export type FallbackTarget<This, F> =
  ModelTarget | ClientTarget<This> | MethodTarget<This, F> | ValueTarget<F>;

/** What a fallback may be given beside its targets. */
interface FallbackLimits {
  /**
   * Bounds the fallbacks to the same provider and key, together with its retries; `false` for no bound. Default
   * `{ ratio: 0.2, minPerSecond: 10 }`.
   */
  budget?: RetryBudgetOptions | false;
}

/** Options of `@Fallback` with several targets. */
export interface FallbackList<This, F> extends FallbackLimits {
  /** What is tried, in this order. */
  to: FallbackTarget<This, F> | readonly FallbackTarget<This, F>[];
  /**
   * The errors that are fallen back from. Default: what may pass elsewhere, which is rate limits and quotas (our own
   * limiter's refusals too), servers that fail or are overloaded, connections, timeouts, open circuits, full queues, and
   * whatever else is `retryable`. Never aborts, nor anything once the time of the whole call is up.
   */
  on?: ErrorMatch | readonly ErrorMatch[];
}

/* eslint-disable @typescript-eslint/no-explicit-any -- where neither can be inferred they may be anything */

/** Options of `@Fallback`: a list of targets, or one. `This` is the class and `F` the type of the method that it stands on. */
export type FallbackOptions<This = any, F = any> =
  FallbackList<This, F> | (FallbackTarget<This, F> & FallbackLimits);

/** The decorator's type: targets are checked against the class and the method that it stands on. */
export type FallbackDecorator = <This = any, F extends AsyncMethod = any>(
  options:
    | FallbackOptions<This, F>
    | false
    | ((self: This, call: Call) => FallbackOptions<This, F> | false | undefined),
) => (...decorated: Decorated<This, F>) => any;

/** Options and targets of any method. */
export type AnyOptions = FallbackOptions;
export type AnyTarget = FallbackTarget<any, any>;
