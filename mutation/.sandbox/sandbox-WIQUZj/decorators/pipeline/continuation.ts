/** An iterator that can hand out events without a promise, when they are there already. */
// @ts-nocheck

export interface ReadyIterator<T> extends AsyncIterator<T> {
  /** The next event if it has come already; undefined when only `next()` can tell. */
  nextReady?(): T | undefined;
}

/** What `continueWith()` makes: the rest of a stream. */
export class Continuation<T> {
  constructor(readonly source: AsyncIterable<T>) {}
}

/**
 * Lets a decorated `async *` method hand its stream over: `return continueWith(source)` does what
 * `yield* source` would do, but the events no longer pass through the method's generator, which costs as much as
 * parsing them. It has to be the method's last word: nothing may have been yielded before.
 *
 * @example
 * @RetryWithBackoff()
 * async *events(path: string) {
 *   const response = await this.open(path);
 *   return continueWith<Event>(response.events());
 * }
 */
export function continueWith<T>(source: AsyncIterable<T>): Continuation<T> {
  return new Continuation(source);
}

/** A method's generator where no pipeline reads it: what it continues with is yielded. */
export async function* withContinuation(generator: AsyncGenerator): AsyncGenerator {
  const last: unknown = yield* generator;
  return last instanceof Continuation ? yield* last.source : last;
}

/** What is thrown when a method has yielded before it hands over: the events would have to be put in order. */
export function lateContinuation(label: string): TypeError {
  return new TypeError(
    `${label}() returned continueWith() after it had yielded. Return it before the first event, or use yield*.`,
  );
}
