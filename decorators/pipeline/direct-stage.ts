import type { Call } from './call.js';
import type { Next, Stage } from './policy.js';

/** What a stage makes of a result that comes from within; it may throw. */
export type OnResult = (result: unknown) => unknown;
/** What a stage makes of a failure that comes from within: it throws it on, or another, or gives a result in its place. */
export type OnFailure = (error: unknown) => unknown;

/**
 * Runs the rest of the pipeline, for the stage's own call or for a fork of it, and lets its outcome pass through the two
 * functions. Never throws.
 */
export type Inward = (
  call: Call,
  onResult: OnResult | undefined,
  onFailure: OnFailure | undefined,
) => Promise<unknown>;

/**
 * A stage that adds no promise to a call: it does not wait for what runs within, but passes functions inward, and in the end
 * the promise of the method is waited for once, by those of all stages. Worth it for policies of our own, which run around
 * every call; `run` is the same for whoever wants a promise.
 */
export abstract class DirectStage<O extends object> implements Stage<O> {
  /**
   * `onResult` and `onFailure` are those of the stages around: what is passed inward must end in calling the one or the
   * other, for a failure that it has an answer to `onResult`. What `drive` itself throws is handed to `onFailure`.
   */
  abstract drive(
    call: Call,
    inward: Inward,
    options: O,
    onResult: OnResult | undefined,
    onFailure: OnFailure | undefined,
  ): Promise<unknown>;

  run(call: Call, next: Next, options: O): Promise<unknown> {
    return this.drive(
      call,
      (inner, onResult, onFailure) => next(inner).then(onResult, onFailure),
      options,
      undefined,
      undefined,
    );
  }
}

/** Hands a failure to the stages around. */
export function failWith(onFailure: OnFailure | undefined, error: unknown): unknown {
  if (!onFailure) throw error;
  return onFailure(error);
}
