// @ts-nocheck
import type { ReadyIterator } from '../../decorators/pipeline/index.js';
import { createParser } from 'eventsource-parser';

import { StreamError } from '../../decorators/errors/index.js';
import { type ByteReader, type ByteSource, readerOf } from './byte-source.js';
import { JsonLinesDecoder } from './json-lines.js';
import { utf8Decoder } from './utf8.js';

/** One server-sent event, or one line of JSON lines. */
export interface SseEvent {
  /** Name of the event; undefined for the default, `message`, and for a line. */
  readonly event?: string | undefined;
  /** Its data lines, joined by line feeds; never empty. */
  readonly data: string;
}

export interface SseOptions {
  /** The most characters one event may have before it is refused. Default 64 Mi. */
  readonly maxEventLength?: number | undefined;
  /** How the bytes are divided: into server-sent events, or into lines that are each an event (NDJSON). Default `sse`. */
  readonly format?: 'sse' | 'ndjson' | undefined;
}

/** Turns bytes into events, which it gives to a listener. */
export interface EventDecoder {
  decode(bytes: Uint8Array | string): void;
  /** The bytes have ended: gives what they leave complete. */
  end(): void;
}

/** What a consumer of events makes of them, one at a time. */
export interface EventHandler<T> {
  /** The item an event stands for; undefined when it stands for none, `END_OF_STREAM` when it is the last. */
  event(event: SseEvent): T | typeof END_OF_STREAM | undefined;
  /** The bytes have ended without a last event: throws if they may not. */
  end(): void;
  /** Nothing more will be read, for whatever reason. Called once, before whoever reads is told. */
  ended?(): void;
}

/** Returned by `EventHandler.event()` for an event that ends the stream and is no item itself. */
export const END_OF_STREAM: unique symbol = Symbol('end of stream');

const MAX_EVENT_LENGTH = 64 * 1024 * 1024;

/**
 * Turns bytes, however they are split, into server-sent events by the WHATWG rules: lines end with LF, CR or
 * CRLF; a byte order mark, comments and unknown fields are skipped; an event without data is none; what is not
 * closed by a blank line when the bytes end is dropped.
 */
export class SseDecoder implements EventDecoder {
  readonly #feed: (text: string) => void;
  readonly #toText = utf8Decoder();
  #atStart = true;
  #afterCarriageReturn = false;

  constructor(onEvent: (event: SseEvent) => void, maxEventLength: number) {
    const parser = createParser({
      maxBufferSize: maxEventLength,
      onEvent(event) {
        if (event.data !== '') onEvent(event);
      },
      onError(error) {
        if (error.type !== 'max-buffer-size-exceeded') return; // unknown fields are to be ignored
        throw new StreamError(`The stream has an event of more than ${maxEventLength} characters.`);
      },
    });
    this.#feed = parser.feed;
  }

  /** Calls the listener for every event that `bytes` complete. Throws a `StreamError` for one that is too long. */
  decode(bytes: Uint8Array | string): void {
    let text = typeof bytes === 'string' ? bytes : this.#toText(bytes);
    if (text === '') return;
    if (this.#atStart) {
      this.#atStart = false;
      if (text.startsWith('\uFEFF')) text = text.slice(1);
    }
    // A CR ends its line at once, so that the event is not held back; a LF that comes later belongs to it.
    if (this.#afterCarriageReturn && text.startsWith('\n')) text = text.slice(1);
    else if (text === '') return;
    this.#afterCarriageReturn = text.endsWith('\r');
    this.#feed(this.#afterCarriageReturn ? `${text}\n` : text);
  }

  /** What no blank line has closed is dropped. */
  end(): void {}
}

const FINISHED = { value: undefined, done: true } as const;

/**
 * The items of a stream of events. All events of one piece of bytes are decoded together and then handed out by
 * promises that are already resolved: an async generator, here or as a layer above, costs more per event than
 * decoding it does. Nothing is read ahead of demand. Concurrent `next()` calls are answered in order.
 */
export class EventIterator<T> implements AsyncIterableIterator<T>, ReadyIterator<T> {
  readonly #bytes: ByteReader;
  readonly #decoder: EventDecoder;
  readonly #handler: EventHandler<T>;
  #events: SseEvent[] = [];
  #position = 0;
  #done = false;
  /** What `nextReady()` met and `next()` is to tell. */
  #untold: { readonly error: unknown } | undefined;
  /** The read that is under way, with everyone who waits behind it. */
  #turn: Promise<unknown> | undefined;

  constructor(source: ByteSource, handler: EventHandler<T>, options: SseOptions = {}) {
    this.#handler = handler;
    const { format, maxEventLength = MAX_EVENT_LENGTH } = options;
    const Decoder = format === 'ndjson' ? JsonLinesDecoder : SseDecoder;
    this.#decoder = new Decoder((event) => this.#events.push(event), maxEventLength);
    this.#bytes = readerOf(source);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#turn !== undefined) return this.#inTurn(this.#turn.then(this.#read, this.#read));
    try {
      const result = this.#take();
      return result === undefined ? this.#inTurn(this.#read()) : Promise.resolve(result);
    } catch (error) {
      this.#close();
      return Promise.reject(error as Error);
    }
  }

  nextReady(): T | undefined {
    if (this.#turn !== undefined || this.#untold) return undefined;
    try {
      return this.#takeItem();
    } catch (error) {
      this.#untold = { error };
      return undefined;
    }
  }

  /** Closes the source, also while a `next()` is waiting: that one is then done. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#close();
    return Promise.resolve(FINISHED);
  }

  throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    this.#close();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next item of those already decoded; undefined when there is none. */
  #takeItem(): T | undefined {
    while (this.#position < this.#events.length) {
      const item = this.#handler.event(this.#events[this.#position++] as SseEvent);
      if (item === END_OF_STREAM) {
        this.#end();
        void this.#bytes.drain();
      } else if (item !== undefined) return item;
    }
    return undefined;
  }

  #take(): IteratorResult<T, undefined> | undefined {
    const { error } = this.#untold ?? {};
    this.#untold = undefined;
    if (error !== undefined) throw error;
    const item = this.#takeItem();
    if (item !== undefined) return { value: item, done: false };
    return this.#done ? FINISHED : undefined;
  }

  readonly #read = async (): Promise<IteratorResult<T, undefined>> => {
    try {
      for (;;) {
        const result = this.#take();
        if (result !== undefined) return result;
        this.#events = [];
        this.#position = 0;
        const bytes = await this.#bytes.read();
        if (this.#done) return FINISHED;
        if (bytes !== undefined) {
          this.#decoder.decode(bytes);
          continue;
        }
        this.#decoder.end();
        if (this.#events.length > 0) continue;
        this.#end();
        this.#handler.end();
      }
    } catch (error) {
      this.#close();
      throw error;
    }
  };

  /** Lets whoever calls `next()` meanwhile wait for `promise`. */
  #inTurn<R>(promise: Promise<R>): Promise<R> {
    this.#turn = promise;
    const over = (): void => {
      if (this.#turn === promise) this.#turn = undefined;
    };
    promise.then(over, over);
    return promise;
  }

  #close(): void {
    this.#end();
    this.#bytes.close();
  }

  #end(): void {
    if (this.#done) return;
    this.#done = true;
    this.#events = [];
    this.#position = 0;
    this.#handler.ended?.();
  }
}

/** The server-sent events of a response body. */
export function sseEvents(body: ByteSource, options?: SseOptions): AsyncIterableIterator<SseEvent> {
  return new EventIterator<SseEvent>(body, { event: (event) => event, end: () => undefined }, options);
}
