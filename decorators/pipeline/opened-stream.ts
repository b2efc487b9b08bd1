import { callContext } from './context.js';
import { Continuation, lateContinuation, type ReadyIterator } from './continuation.js';
import { hostOf } from './host.js';
import type { CallState } from './call-state.js';

/**
 * A stream whose opening has succeeded: the events read so far, then the rest. It is what `next()` resolves with
 * in a policy around an `async *` method.
 */
export class OpenedStream implements AsyncIterableIterator<unknown>, ReadyIterator<unknown> {
  private read = 0;

  constructor(
    private readonly source: ReadyIterator<unknown>,
    private readonly buffered: readonly IteratorResult<unknown>[],
    /** The innermost call, which sees every abort. */
    readonly call: CallState,
  ) {}

  next(value?: unknown): Promise<IteratorResult<unknown>> {
    if (this.read < this.buffered.length) {
      return Promise.resolve(this.buffered[this.read++] as IteratorResult<unknown>);
    }
    const { call } = this;
    const step = callContext.run(call, nextOf, this.source, value);
    if (!call.shared.hasEventListeners) return step;
    return step.then((result) => {
      if (!result.done) call.saw(result.value);
      return result;
    });
  }

  nextReady(): unknown {
    if (this.read < this.buffered.length) {
      const ready = this.buffered[this.read] as IteratorResult<unknown>;
      if (ready.done) return undefined;
      this.read++;
      return ready.value;
    }
    const event = this.source.nextReady?.();
    if (event !== undefined && this.call.shared.hasEventListeners) this.call.saw(event);
    return event;
  }

  async return(value?: unknown): Promise<IteratorResult<unknown>> {
    const { source } = this;
    if (!source.return) return { done: true, value };
    return callContext.run(this.call, returnTo, source, value) as Promise<IteratorResult<unknown>>;
  }

  async throw(error?: unknown): Promise<IteratorResult<unknown>> {
    // The method is past what was read ahead: its answer comes next.
    this.read = this.buffered.length;
    const { source } = this;
    if (!source.throw) throw error;
    return callContext.run(this.call, throwInto, source, error) as Promise<IteratorResult<unknown>>;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const returnTo = (source: AsyncIterator<unknown>, value: unknown) => source.return?.(value);
const throwInto = (source: AsyncIterator<unknown>, error: unknown) => source.throw?.(error);

function nextOf(source: AsyncIterator<unknown>, value: unknown): Promise<IteratorResult<unknown>> {
  // An iterator written by hand may give its step without a promise.
  return Promise.resolve(source.next(value));
}

/** Whether what a call resolved with is iterated over time. A web stream is not: its end cannot be seen from here. */
export function isStream(result: unknown): result is AsyncIterable<unknown> {
  if (typeof result !== 'object' || result === null) return false;
  if (result instanceof OpenedStream) return true;
  if (typeof ReadableStream !== 'undefined' && result instanceof ReadableStream) return false;
  return (
    typeof (result as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function' &&
    Object.isExtensible(result)
  );
}

/** Closes a stream that nobody reads, without waiting for it. */
export function closeStream(
  stream: AsyncIterable<unknown>,
  iterate: () => AsyncIterator<unknown> = () => stream[Symbol.asyncIterator](),
): void {
  const { destroy } = stream as { destroy?: () => unknown };
  if (destroy) destroy.call(stream);
  else void (async () => iterate().return?.())().catch(() => undefined);
}

/** Enters an `async *` method and reads up to its first event that carries content. */
export async function openStream(call: CallState): Promise<OpenedStream> {
  call.throwIfAborted();
  call.enter();
  return openFrom(
    call,
    call.shared.record.original.apply(call.self, call.argsForMethod() as unknown[]) as AsyncGenerator,
  );
}

/** Reads `source`, as what the streaming method of `call` yields, up to its first event that carries content. */
export async function openFrom(call: CallState, source: ReadyIterator<unknown>): Promise<OpenedStream> {
  const { self } = call;
  const carriesContent = hostOf(self)?.carriesContent?.bind(hostOf(self));
  const buffered: IteratorResult<unknown>[] = [];
  try {
    for (;;) {
      const step = await call.race(callContext.run(call, nextOf, source, undefined));
      if (step.done && step.value instanceof Continuation) {
        if (buffered.length > 0) throw lateContinuation(call.label);
        source = step.value.source[Symbol.asyncIterator]();
        continue;
      }
      buffered.push(step);
      if (step.done) break;
      call.saw(step.value);
      if (!carriesContent || carriesContent(call.method, step.value)) break;
    }
  } catch (error) {
    // Not awaited: a method that is still busy must not hold up the failure.
    source.return?.(undefined)?.then(undefined, () => undefined);
    throw error;
  }
  // A stage that fails although the stream is open never hands it on: nobody else would close it.
  call.onEnd(({ error }) => {
    if (error) source.return?.(undefined)?.then(undefined, () => undefined);
  });
  return new OpenedStream(source, buffered, call);
}
