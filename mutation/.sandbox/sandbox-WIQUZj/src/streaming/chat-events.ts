// @ts-nocheck
import {
  errorFromResponse,
  IncompleteStreamError,
  redactText,
  StreamError,
} from '../../decorators/errors/index.js';
import type { ChatCompletionChunk } from '../wire/index.js';
import { failureIn } from '../wire/failures.js';
import { normaliseMessage, normaliseUsage } from '../wire/normalise.js';
import type { ByteSource } from './byte-source.js';
import { isObject } from './merge-delta.js';
import { END_OF_STREAM, EventIterator, type EventHandler, type SseEvent, type SseOptions } from './sse.js';

/** How a provider's stream differs from OpenAI's. One is made for each stream, so it may hold what it has seen. */
export interface ChatEvents {
  /** How the bytes are divided: into server-sent events, or into lines that are each an event (NDJSON). Default `sse`. */
  readonly format?: 'sse' | 'ndjson' | undefined;
  /**
   * Makes a chunk of what an event says; undefined skips the event. `payload` is the event's data, parsed as
   * JSON. Errors have been recognised before. Default: the payload is a chunk already.
   */
  translate?(payload: unknown, event: SseEvent): ChatCompletionChunk | undefined;
  /** Whether an event ends the stream. Default: its data is exactly `[DONE]`. */
  isDone?(event: SseEvent): boolean;
}

/** How the chunks of a stream are read. */
export interface ReadChunksOptions extends Pick<SseOptions, 'maxEventLength'> {
  /** Default: events of OpenAI's format. */
  events?: ChatEvents | undefined;
  /** Sees every chunk before it is handed on. */
  onChunk?: ((chunk: ChatCompletionChunk) => void) | undefined;
  /** Called once when the stream ends: by its last event, the end of its bytes, a failure, or because its reader leaves. */
  onEnd?: (() => void) | undefined;
  /** Finish reasons, as keys, with which the provider ends an answer that it failed to make. */
  failedFinishes?: Readonly<Record<string, unknown>> | undefined;
  /** Makes an error of the payload of an error event. Default: `errorFromResponse()`, else a `StreamError`. */
  toError?: ((payload: unknown) => Error) | undefined;
  /** What must not appear in the message of an error, such as the API key. */
  secrets?: Iterable<string> | undefined;
}

/**
 * The chunks of a streamed answer. They end at `[DONE]`, or where the bytes end once every choice has its
 * `finish_reason`: compatible servers leave `[DONE]` out.
 *
 * Throws a `StreamError` for an event that is not JSON or too long, the error that an error event stands for,
 * an `IncompleteStreamError` when the bytes end too early, and the source's own error when it fails.
 *
 * @example
 * for await (const chunk of readChunks(response.data)) process.stdout.write(chunk.choices[0]?.delta.content ?? '');
 */
export function readChunks(
  body: ByteSource,
  options: ReadChunksOptions = {},
): AsyncIterableIterator<ChatCompletionChunk> {
  const { events, maxEventLength } = options;
  return new EventIterator(body, new ChunkHandler(options), { format: events?.format, maxEventLength });
}

const EXCERPT_LENGTH = 80;

class ChunkHandler implements EventHandler<ChatCompletionChunk> {
  readonly #events: ChatEvents;
  readonly #onChunk: ((chunk: ChatCompletionChunk) => void) | undefined;
  readonly #onEnd: (() => void) | undefined;
  readonly #failedFinishes: Readonly<Record<string, unknown>> | undefined;
  readonly #toError: (payload: unknown) => Error;
  /** The choices seen, and whether each has its finish_reason. */
  readonly #finished = new Map<unknown, boolean>();
  readonly #secrets: Iterable<string> | undefined;

  constructor(options: ReadChunksOptions) {
    const { events = {}, onChunk, onEnd, failedFinishes, toError, secrets } = options;
    this.#events = events;
    this.#secrets = secrets;
    this.#onChunk = onChunk;
    this.#onEnd = onEnd;
    this.#failedFinishes = failedFinishes;
    this.#toError =
      toError ??
      ((body) =>
        errorFromResponse({ body, secrets, fallback: (message, init) => new StreamError(message, init) }));
  }

  event(event: SseEvent): ChatCompletionChunk | typeof END_OF_STREAM | undefined {
    const events = this.#events;
    if (events.isDone ? events.isDone(event) : event.data === '[DONE]') return END_OF_STREAM;
    const payload = this.#parse(event);
    const failure = failureIn(payload, this.#failedFinishes);
    if (failure !== undefined || event.event === 'error') throw this.#toError(failure ?? payload);
    const chunk = this.#normalise(events.translate ? events.translate(payload, event) : payload);
    if (chunk) this.#onChunk?.(chunk);
    return chunk;
  }

  end(): void {
    if (this.#finished.size > 0 && [...this.#finished.values()].every(Boolean)) return;
    throw new IncompleteStreamError(
      this.#finished.size === 0
        ? 'The stream ended before the answer began.'
        : 'The stream ended in the middle of the answer, without a finish_reason.',
    );
  }

  ended(): void {
    this.#onEnd?.();
  }

  #parse(event: SseEvent): unknown {
    try {
      return JSON.parse(event.data);
    } catch {
      if (event.event === 'error') return event.data;
      // In `response`, which logs leave out: an event holds a part of the answer.
      throw new StreamError('The stream has an event that is not JSON.', {
        response: this.#excerpt(event.data),
      });
    }
  }

  /** Makes `choices[i].delta` safe to read; undefined for an event that is no chunk, such as a ping. */
  #normalise(chunk: unknown): ChatCompletionChunk | undefined {
    if (!isObject(chunk)) return undefined;
    if (!Array.isArray(chunk['choices'])) {
      if (!isObject(chunk['usage']) && chunk['object'] !== 'chat.completion.chunk') return undefined;
      chunk['choices'] = [];
      normaliseUsage(chunk);
      return chunk as unknown as ChatCompletionChunk;
    }
    const choices = (chunk['choices'] as unknown[]).filter(isObject);
    chunk['choices'] = choices;
    for (const choice of choices) {
      // Some servers answer with the whole message in one event.
      if (!isObject(choice['delta'])) choice['delta'] = isObject(choice['message']) ? choice['message'] : {};
      // Some send an empty finish_reason on every chunk.
      if (choice['finish_reason']) this.#finished.set(choice['index'], true);
      else if (!this.#finished.has(choice['index'])) this.#finished.set(choice['index'], false);
      normaliseMessage(choice['delta'] as Record<string, unknown>);
    }
    normaliseUsage(chunk);
    return chunk as unknown as ChatCompletionChunk;
  }

  /** Enough to see what it is, and not more: what a stream carries is the user's. */
  #excerpt(data: string): string {
    const text = redactText(data.slice(0, 100 * EXCERPT_LENGTH), this.#secrets);
    return JSON.stringify(text.length > EXCERPT_LENGTH ? `${text.slice(0, EXCERPT_LENGTH)}…` : text);
  }
}
