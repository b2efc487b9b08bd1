// @ts-nocheck
import { AbortError, IncompleteStreamError, StreamError } from '../../decorators/errors/index.js';
import { defineAsyncDispose } from '../../decorators/pipeline/dispose.js';
import type { ReadyIterator } from '../../decorators/pipeline/index.js';
import type { ChatCompletion, ChatCompletionChunk } from '../wire/index.js';
import { ChatCompletionAccumulator } from './accumulate.js';

declare global {
  // Declared here too, so that the types compile without the library that declares it.
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}

type Step = IteratorResult<ChatCompletionChunk, undefined>;

const DONE: Step = { value: undefined, done: true };

/**
 * A streamed answer. It is read once: by `for await`, by `toReadableStream()`, or as a whole by
 * `finalCompletion()` or `finalText()`. The request is sent when the first chunk is asked for.
 *
 * Leaving the loop closes the connection. A failure is thrown by the loop, and by the final results as well.
 *
 * @example
 * const stream = client.streamChatCompletion(messages);
 * for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '');
 * const { usage } = await stream.finalCompletion();
 */
export class ChatCompletionStream implements AsyncIterable<ChatCompletionChunk> {
  readonly #open: (signal: AbortSignal) => AsyncIterable<ChatCompletionChunk>;
  readonly #onCompletion: ((completion: ChatCompletion, first: ChatCompletionChunk) => void) | undefined;
  readonly #controller = new AbortController();
  readonly #accumulator = new ChatCompletionAccumulator();
  #source: ReadyIterator<ChatCompletionChunk> | undefined;
  #taken = false;
  #ended = false;
  /** Whether the reader left before the end. */
  #left = false;
  #aborted = false;
  #failure: { readonly error: unknown } | undefined;
  #completion: ChatCompletion | undefined;
  #first: ChatCompletionChunk | undefined;
  /** How many `next()` calls have not been answered. */
  #pending = 0;
  #onEnd: (() => void)[] = [];

  /**
   * @param open Starts the answer; called once, when the first chunk is asked for. `abort()` aborts the signal:
   * a step that is under way must then fail.
   * @param onCompletion Called with the whole answer when it is first asked for, and with the stream's first chunk.
   */
  constructor(
    open: (signal: AbortSignal) => AsyncIterable<ChatCompletionChunk>,
    onCompletion?: (completion: ChatCompletion, first: ChatCompletionChunk) => void,
  ) {
    this.#open = open;
    this.#onCompletion = onCompletion;
  }

  /** The chunks. Throws a `StreamError` when the stream is being read, or has been read, already. */
  [Symbol.asyncIterator](): AsyncIterator<ChatCompletionChunk, undefined> {
    this.#take();
    return {
      next: () => this.#next(),
      return: () => this.#leave(),
      throw: async (error: unknown) => {
        await this.#leave();
        throw error;
      },
    };
  }

  /**
   * The whole answer, as the request would have brought it without streaming. Reads the stream when nobody
   * does; otherwise it resolves when the reader has come to the end, so it must not be awaited inside the loop.
   *
   * Rejects with what the stream failed with; with an `AbortError` when the reader left early.
   */
  async finalCompletion(): Promise<ChatCompletion> {
    if (!this.#taken) {
      this.#take();
      while (!(await this.#next()).done);
    } else if (!this.#ended) {
      await new Promise<void>((resolve) => this.#onEnd.push(resolve));
    }
    if (this.#failure) throw this.#failure.error;
    if (this.#accumulator.empty) throw new IncompleteStreamError('The stream ended before the answer began.');
    if (!this.#completion) {
      this.#completion = this.#accumulator.result();
      if (this.#first) this.#onCompletion?.(this.#completion, this.#first);
    }
    return this.#completion;
  }

  /** The text of the first choice; empty when it has none. Reads, waits and rejects as `finalCompletion()` does. */
  async finalText(): Promise<string> {
    const completion = await this.finalCompletion();
    return completion.choices[0]?.message.content ?? '';
  }

  /**
   * The chunks as lines of JSON in UTF-8, to be passed on as the body of a response. A chunk is read when one is
   * asked for, never ahead. Cancelling it closes the connection.
   */
  toReadableStream(): ReadableStream<Uint8Array> {
    this.#take();
    const encoder = new TextEncoder();
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const { value } = await this.#next();
          if (value === undefined) controller.close();
          else controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
        },
        cancel: async () => {
          await this.#leave();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** Ends the stream, wherever it is. Its reader, and the final results, get an `AbortError` with `reason` as cause. */
  abort(reason?: unknown): void {
    if (this.#ended) return;
    this.#aborted = true;
    this.#controller.abort(reason);
    if (this.#pending > 0) return; // the source fails the step that waits
    this.#end({ error: this.#abortError() });
    this.#close().catch(() => undefined);
  }

  /** `await using stream = …` closes the connection where the block ends. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  static {
    defineAsyncDispose(this.prototype, (stream) => stream.#leave());
  }

  #take(): void {
    if (this.#taken) {
      throw new StreamError(
        'A stream can be read once, and this one is being read or has been. ' +
          'For the whole answer call finalCompletion(); to read it again, keep its chunks.',
      );
    }
    this.#taken = true;
  }

  #next(): Promise<Step> {
    if (this.#ended) {
      return this.#failure && !this.#left
        ? Promise.reject(this.#failure.error as Error)
        : Promise.resolve(DONE);
    }
    const ready =
      this.#pending === 0 && !this.#controller.signal.aborted ? this.#source?.nextReady?.() : undefined;
    if (ready !== undefined) {
      this.#first ??= ready;
      this.#accumulator.add(ready);
      return Promise.resolve({ value: ready, done: false });
    }
    let step: Promise<IteratorResult<ChatCompletionChunk>>;
    try {
      this.#source ??= this.#open(this.#controller.signal)[Symbol.asyncIterator]();
      step = this.#source.next();
    } catch (error) {
      this.#end({ error });
      return Promise.reject(error as Error);
    }
    this.#pending++;
    return step.then(this.#succeed, this.#fail);
  }

  readonly #succeed = (step: IteratorResult<ChatCompletionChunk>): Step => {
    this.#pending--;
    if (this.#ended || this.#aborted) return this.#interrupted(undefined);
    if (step.done) {
      this.#end();
      return DONE;
    }
    this.#first ??= step.value;
    this.#accumulator.add(step.value);
    return step;
  };

  readonly #fail = (error: unknown): Step => {
    this.#pending--;
    return this.#interrupted(error);
  };

  /** A step was not answered with a chunk: it failed, or the stream had been ended by its reader. */
  #interrupted(error: unknown): Step {
    if (this.#left) return DONE;
    if (!this.#ended) {
      const aborted = this.#aborted && !(error instanceof AbortError);
      this.#end({ error: aborted ? this.#abortError() : error });
      if (aborted) this.#close().catch(() => undefined);
    }
    if (this.#failure) throw this.#failure.error;
    return DONE;
  }

  async #leave(): Promise<Step> {
    if (this.#ended) return DONE;
    this.#left = true;
    this.#end({ error: new AbortError('The stream was left before its end: there is no final result.') });
    // A generator takes its return() only after the step that is under way: let that one fail.
    if (this.#pending > 0) this.#controller.abort();
    await this.#close();
    return DONE;
  }

  #end(failure?: { readonly error: unknown }): void {
    this.#ended = true;
    this.#failure = failure;
    for (const listener of this.#onEnd.splice(0)) listener();
  }

  async #close(): Promise<void> {
    await this.#source?.return?.();
  }

  #abortError(): AbortError {
    return new AbortError('The stream was aborted.', { cause: this.#controller.signal.reason as unknown });
  }
}
