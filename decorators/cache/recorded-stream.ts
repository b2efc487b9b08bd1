import type { Call } from '../pipeline/call.js';
import type { CallState } from '../pipeline/call-state.js';
import type { ReadyIterator } from '../pipeline/continuation.js';
import { OpenedStream } from '../pipeline/opened-stream.js';
import { encodeStream, type Entry } from './entry.js';
import { plainCopy, type Room } from './plain.js';

type Step = IteratorResult<unknown>;

/** Who wants to know what became of a recording. */
export interface Recorder {
  /** The stream has come to its end. */
  complete(text: string): void;
  /** It cannot be kept. */
  failed(error: unknown): void;
}

/** A stream that is written down while its consumer reads it, each event as it was before the consumer had it. */
export class RecordedStream extends OpenedStream {
  private events: unknown[] | undefined = [];
  private readonly inner: ReadyIterator<unknown>;

  constructor(
    stream: AsyncIterable<unknown>,
    call: Call,
    private readonly room: Room,
    private readonly recorder: Recorder,
  ) {
    const inner = stream[Symbol.asyncIterator]();
    super(inner, [], stream instanceof OpenedStream ? stream.call : (call as CallState));
    this.inner = inner;
  }

  override async next(value?: unknown): Promise<Step> {
    // What its consumer tells it may change what comes.
    if (value !== undefined) this.events = undefined;
    const step = await this.inner.next(value);
    if (!step.done) this.take(step.value);
    else if (this.events) this.finish(this.events, step.value);
    return step;
  }

  override nextReady(): unknown {
    const event = this.inner.nextReady?.();
    if (event !== undefined) this.take(event);
    return event;
  }

  override return(value?: unknown): Promise<Step> {
    this.events = undefined;
    return super.return(value);
  }

  override throw(error?: unknown): Promise<Step> {
    this.events = undefined;
    return super.throw(error);
  }

  private take(event: unknown): void {
    if (!this.events) return;
    try {
      this.events.push(plainCopy(event, this.room));
    } catch (error) {
      this.giveUp(error);
    }
  }

  private finish(events: readonly unknown[], returned: unknown): void {
    this.events = undefined;
    let text: string;
    try {
      text = encodeStream(events, returned, this.room);
    } catch (error) {
      return this.giveUp(error);
    }
    this.recorder.complete(text);
  }

  private giveUp(error: unknown): void {
    this.events = undefined;
    this.recorder.failed(error);
  }
}

/** A kept stream as it is read again: all of it is there at once. */
export function replayed(call: Call, { events = [], value }: Entry): OpenedStream {
  let read = 0;
  const nextReady = (): unknown => (read < events.length ? events[read++] : undefined);
  const source: ReadyIterator<unknown> = {
    nextReady,
    next: async () => (read < events.length ? { value: nextReady(), done: false } : { value, done: true }),
    return: async (given) => {
      read = events.length;
      return { value: given as unknown, done: true };
    },
  };
  return new OpenedStream(source, [], call as CallState);
}
