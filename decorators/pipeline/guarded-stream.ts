import type { CallState } from './call-state.js';
import { Continuation, lateContinuation, type ReadyIterator } from './continuation.js';
import { defineAsyncDispose } from './dispose.js';
import { OpenedStream } from './opened-stream.js';
import { beginStep, currentTime, endStep } from './runtime.js';

type Step = IteratorResult<unknown>;

/** Something asked of the stream, and who waits for it. */
interface Operation {
  run(): Promise<Step>;
  resolve(step: Step): void;
  reject(error: unknown): void;
}

/** A call that has begun and is to open its stream. */
export interface Opening {
  readonly call: CallState;
  /** Whether something may end the call while a step is waited for. */
  readonly mayBeAborted: boolean;
  open(): Promise<AsyncIterator<unknown>>;
  /** Makes of an error that came after the opening what the policies want to be thrown. */
  mapError(error: unknown): unknown;
}

/** A step of a stream that nothing can abort: who asked for it waits for the stream's own promise. */
const DIRECT_STEP: Operation = {
  run: () => Promise.reject(new Error('A direct step runs by itself.')),
  resolve: () => undefined,
  reject: () => undefined,
};

/**
 * What a decorated `async *` method returns: an async generator that begins the call with the first `next()`,
 * rejects at once when the call is aborted, and ends the call when iteration ends, in whichever way.
 *
 * Hand-written, because a stream's events all pass through here: an async generator around the method's own
 * would cost several promises an event.
 */
export class GuardedStream implements AsyncGenerator<unknown, unknown, unknown>, ReadyIterator<unknown> {
  private opening: Opening | undefined = undefined;
  private stream: ReadyIterator<unknown> | undefined = undefined;
  private finished = false;
  /** A failure that came while nobody was waiting: the next step tells it. */
  private untold: { readonly error: unknown } | undefined = undefined;
  /** What is under way, and what was asked for meanwhile. */
  private current: Operation | undefined = undefined;
  private queue: Operation[] | undefined = undefined;

  /** @param leaveUnread Ends what was opened before, where the consumer leaves without a first `next()`. */
  constructor(
    private readonly begin: () => Opening,
    private readonly leaveUnread?: () => void,
  ) {}

  next(value?: unknown): Promise<Step> {
    const ready = this.nextReady();
    if (ready !== undefined) return Promise.resolve({ value: ready, done: false });
    const { stream, opening } = this;
    if (stream && opening && !opening.mayBeAborted && !this.current && !this.finished) {
      this.current = DIRECT_STEP;
      try {
        return this.ask(stream, opening, value).then(this.onDirectStep, this.onDirectFailure);
      } catch (error) {
        return Promise.reject(error as Error).catch(this.onDirectFailure);
      }
    }
    return this.perform(() => {
      const { stream, opening } = this;
      if (this.finished) return this.afterEnd();
      if (!stream || !opening) return this.open();
      return this.ask(stream, opening, value);
    });
  }

  /** Hands out what has come already; what must wait, fail or end goes through `next()`. */
  nextReady(): unknown {
    return this.current || this.finished ? undefined : this.stream?.nextReady?.();
  }

  return(value?: unknown): Promise<Step> {
    return this.perform(() => this.leave(value));
  }

  throw(error?: unknown): Promise<Step> {
    return this.perform(async () => {
      if (this.finished || !this.stream?.throw) {
        await this.leave(undefined);
        throw error;
      }
      return this.stream.throw(error);
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** `await using` leaves the stream. Defined below, where the symbol exists. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  get [Symbol.toStringTag](): string {
    return 'AsyncGenerator';
  }

  /** Runs one operation at a time, in the order asked for. */
  private perform(run: () => Promise<Step>): Promise<Step> {
    return new Promise((resolve, reject) => {
      const operation = { run, resolve, reject };
      if (this.current) (this.queue ??= []).push(operation);
      else this.start(operation);
    });
  }

  private start(operation: Operation): void {
    this.current = operation;
    let running: Promise<Step>;
    try {
      running = operation.run();
    } catch (error) {
      running = Promise.reject(error as Error);
    }
    // An abort may have answered the operation meanwhile: what it comes to then concerns nobody.
    running.then(
      (step) => this.current === operation && this.succeed(step),
      (error: unknown) => this.current === operation && this.fail(error),
    );
  }

  private ask(stream: ReadyIterator<unknown>, opening: Opening, value: unknown): Promise<Step> {
    const { shared } = opening.call;
    if (shared.isWaitingWatched) shared.waitingSince = currentTime();
    return stream.next(value);
  }

  private readonly onDirectStep = (step: Step): Step => {
    if (this.current === DIRECT_STEP) this.succeed(step);
    this.tell();
    return step;
  };

  private readonly onDirectFailure = (error: unknown): never => {
    if (this.current === DIRECT_STEP) this.fail(error);
    this.tell();
    throw error;
  };

  private async open(): Promise<Step> {
    const step = beginStep();
    let opened: Promise<AsyncIterator<unknown>>;
    try {
      this.opening = this.begin();
      opened = this.opening.open();
    } finally {
      endStep(step);
    }
    const { call } = this.opening;
    const stream = (this.stream = await opened);
    const innermost = stream instanceof OpenedStream ? stream.call : (call.shared.open[0] ?? call);
    innermost.onAbort((error) => this.finished || this.fail(error));
    innermost.throwIfAborted();
    return this.ask(stream, this.opening, undefined);
  }

  private async afterEnd(): Promise<Step> {
    this.tell();
    return { done: true, value: undefined };
  }

  /** Throws the failure that nobody has been told. */
  private tell(): void {
    const { untold } = this;
    this.untold = undefined;
    if (untold) throw untold.error;
  }

  private async leave(value: unknown): Promise<Step> {
    const { stream, opening } = this;
    if (this.finished) return { done: true, value };
    if (!opening) this.leaveUnread?.();
    const left = await stream?.return?.(value);
    this.finished = true;
    opening?.call.endAll({ incomplete: true });
    return left ?? { done: true, value };
  }

  private succeed(step: Step): void {
    const { current, opening } = this;
    if (opening) opening.call.shared.waitingSince = undefined;
    if (step.done && step.value instanceof Continuation) {
      return this.fail(lateContinuation(opening?.call.label ?? ''));
    }
    if (step.done && !this.finished) {
      this.finished = true;
      opening?.call.endAll({});
    }
    this.proceed();
    current?.resolve(step);
  }

  private fail(error: unknown): void {
    const { current, opening, stream } = this;
    let thrown = error;
    if (!this.finished) {
      this.finished = true;
      if (stream && opening) thrown = opening.mapError(error);
      // The stream may be in the middle of a step that will never end: its return is not awaited.
      stream?.return?.(undefined)?.then(undefined, () => undefined);
      opening?.call.endAll({}, { error });
      if (!current || current === DIRECT_STEP) this.untold = { error: thrown };
    }
    this.proceed();
    current?.reject(thrown);
  }

  private proceed(): void {
    this.current = undefined;
    const next = this.queue?.shift();
    if (next) this.start(next);
  }
}

defineAsyncDispose(GuardedStream.prototype, (stream) => stream.return());
