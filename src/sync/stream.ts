import { StreamError } from '../../decorators/errors/index.js';
import type { ChatCompletion, ChatCompletionChunk } from '../wire/index.js';
import { reasonAsData } from './data.js';
import { defineDispose } from './dispose.js';
import type { AbortNotice, Answer, Order, PackedFailure, PackedValue } from './protocol.js';
import { unpackResult, type Abort } from './result.js';
import type { SyncChatCompletionStream } from './types.js';

/** The way to the worker that a stream is in. */
export interface Line {
  readonly ended: boolean;
  /** @param id The number of the question, where it was taken before. */
  ask(order: Order, id?: number): Answer;
  tell(notice: AbortNotice): void;
}

/** A stream in the worker, read from here: `ChatCompletionStream`, but blocking. */
export class BlockingStream implements SyncChatCompletionStream {
  declare readonly [Symbol.dispose]: () => void;
  readonly #line: Line;
  readonly #id: number;
  readonly #isCompletion: boolean;
  readonly #signal: AbortSignal | undefined;
  #taken = false;
  #ended = false;
  /** Whether a reader is told of the failure; the final results are in any case. */
  #failed = false;
  #abort: Abort | undefined;
  /** How it ended: with the whole answer, or what it failed with. */
  #outcome: PackedValue | PackedFailure | undefined;
  #final: { readonly value: ChatCompletion } | { readonly error: unknown } | undefined;

  static {
    defineDispose(this.prototype, (stream) => stream.#leave());
  }

  /** @param isCompletion Whether it has a final result. */
  constructor(line: Line, id: number, isCompletion: boolean, signal: AbortSignal | undefined) {
    this.#line = line;
    this.#id = id;
    this.#isCompletion = isCompletion;
    this.#signal = signal;
  }

  [Symbol.iterator](): Iterator<ChatCompletionChunk, undefined> {
    this.#take();
    return this.#chunks();
  }

  /** The whole answer. Reads the stream when nobody has; within its own loop it throws, for it would wait for itself. */
  finalCompletion(): ChatCompletion {
    if (!this.#isCompletion)
      throw new TypeError('This stream is not of a chat completion: read it by a loop.');
    if (!this.#taken && !this.#ended) {
      this.#take();
      this.#ask({ do: 'finalCompletion', stream: this.#id });
    } else if (!this.#ended) {
      throw new StreamError(
        'The final result is asked for while the stream is read, and would wait for that. Ask for it after the loop.',
      );
    }
    return this.#result();
  }

  finalText(): string {
    return this.finalCompletion().choices[0]?.message.content ?? '';
  }

  /** Ends the stream. Its loop, and the final results, get an `AbortError` with `reason` as cause. */
  abort(reason?: unknown): void {
    if (this.#ended) return;
    this.#abort = { aborted: true, reason };
    this.#failed = true;
    this.#ask({ do: 'abortStream', stream: this.#id, reason: reasonAsData(reason) });
  }

  *#chunks(): Generator<ChatCompletionChunk, undefined> {
    try {
      while (!this.#ended) {
        const answer = this.#ask({ do: 'next', stream: this.#id });
        if ('value' in answer) yield unpackResult(answer) as ChatCompletionChunk;
      }
      if (this.#failed) this.#result();
      return undefined;
    } finally {
      this.#leave();
    }
  }

  #leave(): void {
    if (this.#ended || this.#line.ended) return;
    this.#taken = true;
    this.#ask({ do: 'leave', stream: this.#id });
  }

  #ask(order: Order): Answer {
    if (this.#signal?.aborted && !this.#abort) {
      this.#abort = this.#signal;
      this.#line.tell({ abort: this.#id, reason: reasonAsData(this.#signal.reason) });
    }
    const answer = this.#answer(order);
    if ('error' in answer) {
      this.#failed = true;
      this.#outcome = answer;
    } else if ('ended' in answer) this.#outcome = answer.ended;
    this.#ended = !('value' in answer);
    return answer;
  }

  #answer(order: Order): Answer {
    try {
      return this.#line.ask(order);
    } catch (error) {
      this.#ended = true;
      this.#final = { error };
      throw error;
    }
  }

  /** The final result, one and the same however often it is asked for. */
  #result(): ChatCompletion {
    this.#final ??= this.#unpack();
    if ('error' in this.#final) throw this.#final.error;
    return this.#final.value;
  }

  #unpack(): { readonly value: ChatCompletion } | { readonly error: unknown } {
    try {
      return { value: unpackResult(this.#outcome as PackedValue, this.#abort) as ChatCompletion };
    } catch (error) {
      return { error };
    }
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
}
