// @ts-nocheck
import { StreamError } from '../../decorators/errors/index.js';
import type { EventDecoder, SseEvent } from './sse.js';
import { utf8Decoder } from './utf8.js';

/**
 * Turns bytes, however they are split, into one event a line: lines end with LF or CRLF, blank ones are none, and what
 * stands after the last line end is a line too, since servers leave out the last one.
 */
export class JsonLinesDecoder implements EventDecoder {
  readonly #onEvent: (event: SseEvent) => void;
  readonly #maxLength: number;
  readonly #toText = utf8Decoder();
  /** The beginning of a line whose end has not come, in the pieces it came in. */
  #pieces: string[] = [];
  #length = 0;

  constructor(onEvent: (event: SseEvent) => void, maxLength: number) {
    this.#onEvent = onEvent;
    this.#maxLength = maxLength;
  }

  /** Calls the listener for every line that `bytes` complete. Throws a `StreamError` for one that is too long. */
  decode(bytes: Uint8Array | string): void {
    const text = typeof bytes === 'string' ? bytes : this.#toText(bytes);
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      this.#add(text.slice(start, end));
      this.#emit();
      start = end + 1;
    }
    if (start < text.length) this.#add(text.slice(start));
  }

  end(): void {
    this.#emit();
  }

  #add(piece: string): void {
    this.#length += piece.length;
    if (this.#length > this.#maxLength) {
      throw new StreamError(`The stream has a line of more than ${this.#maxLength} characters.`);
    }
    this.#pieces.push(piece);
  }

  #emit(): void {
    const data = this.#pieces
      .join('')
      .replace(/^\uFEFF/, '')
      .trim();
    this.#pieces = [];
    this.#length = 0;
    if (data !== '') this.#onEvent({ data });
  }
}
