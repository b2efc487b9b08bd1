// @ts-nocheck
import { AbortError, LLMError } from '../../decorators/errors/index.js';

interface Abortable {
  abort(reason: unknown): void;
}

/** The calls of a client that are in flight, and its end. */
export class Lifecycle {
  /** In the order of their beginning. What is made of several calls has the name of the method that these call. */
  readonly #inFlight = new Map<Abortable, string | undefined>();
  readonly #className: string;
  readonly #release: (options: { abort: boolean }) => Promise<void>;
  #closing: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;

  /** @param release Closes what the client holds, once nothing is in flight. */
  constructor(className: string, release: (options: { abort: boolean }) => Promise<void>) {
    this.#className = className;
    this.#release = release;
  }

  /**
   * Refuses a call once the client is closed, unless it belongs to one of several calls that is in flight.
   *
   * @throws LLMError with code `client_closed`.
   */
  checkOpen(method?: string): void {
    if (!this.#closing) return;
    if (method !== undefined && [...this.#inFlight.values()].includes(method)) return;
    throw new LLMError(`${this.#className} is closed: make a new one.`, { code: 'client_closed' });
  }

  /** Has `close()` wait for a call, or abort it, until `end()` is told of it. */
  begin(call: Abortable, madeOf?: string): void {
    this.#inFlight.set(call, madeOf);
  }

  end(call: Abortable): void {
    this.#inFlight.delete(call);
    if (this.#inFlight.size === 0) this.#whenIdle?.();
  }

  /** Runs what is made of several calls of `method` as one: it is waited for, or `ending` aborted, as a whole. */
  async run<T>(method: string, run: (ending: AbortController) => Promise<T>): Promise<T> {
    this.checkOpen();
    const ending = new AbortController();
    this.begin(ending, method);
    try {
      return await run(ending);
    } finally {
      this.end(ending);
    }
  }

  close(abort: boolean): Promise<void> {
    const closing = (this.#closing ??= this.#close(abort));
    // The latest first: a call within another is to fail with this reason, not with what the other makes of it.
    if (abort)
      for (const call of [...this.#inFlight.keys()].reverse())
        call.abort(new AbortError('The client was closed.'));
    return closing;
  }

  async #close(abort: boolean): Promise<void> {
    if (!abort && this.#inFlight.size > 0) {
      await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    }
    await this.#release({ abort });
  }
}
