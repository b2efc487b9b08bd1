import { AbortError, LLMError } from '../errors/index.js';
import { AbortWatch } from './abort-watch.js';
import { tell } from './events.js';

const callersSignals = new AbortWatch();

/** What can be aborted, with everything within it: an abort runs down to the leaves. */
export abstract class AbortScope {
  ended = false;
  private failure: LLMError | undefined = undefined;
  private reason: unknown = undefined;
  private controller: AbortController | undefined = undefined;
  /** The scopes within, as a list through their `before` and `after`: adding and taking away cost nothing but that. */
  private child: AbortScope | undefined = undefined;
  private before: AbortScope | undefined = undefined;
  private after: AbortScope | undefined = undefined;
  /** Most scopes have one listener at a time: a set is made for a second one only. */
  private listener: ((error: LLMError) => void) | undefined = undefined;
  private listeners: Set<(error: LLMError) => void> | undefined = undefined;
  private unfollow: (() => void) | undefined = undefined;

  /** The name of the method that is aborted, for messages. */
  abstract readonly label: string;

  get aborted(): boolean {
    return this.failure !== undefined;
  }

  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.failure) this.controller.abort(this.reason);
    }
    return this.controller.signal;
  }

  abort(reason: unknown): void {
    if (this.ended || this.failure) return;
    const error =
      reason instanceof LLMError ? reason : new AbortError(`${this.label}() was aborted.`, { cause: reason });
    this.fail(error, reason);
  }

  throwIfAborted(): void {
    if (this.failure) throw this.failure;
  }

  onAbort(listener: (error: LLMError) => void): () => void {
    if (this.failure) {
      listener(this.failure);
      return () => undefined;
    }
    if (!this.listener) {
      this.listener = listener;
      return () => {
        if (this.listener === listener) this.listener = undefined;
      };
    }
    const listeners = (this.listeners ??= new Set());
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Settles as `promise` does, or at once with the reason when the call is aborted; `tooLate` gets what comes after that. */
  race<T>(promise: PromiseLike<T>, tooLate?: (value: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const forget = this.onAbort(reject);
      promise.then(
        (value) => {
          forget();
          if (this.failure) tooLate?.(value);
          resolve(value);
        },
        (error: unknown) => {
          forget();
          reject(error);
        },
      );
    });
  }

  /** Aborts with the caller's signal. */
  protected follow(signal: AbortSignal | undefined): void {
    if (!signal) return;
    const onAbort = (): void => {
      const message = `${this.label}() was aborted by its caller.`;
      this.fail(new AbortError(message, { cause: signal.reason }), signal.reason);
    };
    if (signal.aborted) return onAbort();
    this.unfollow = callersSignals.add(signal, onAbort);
  }

  private fail(error: LLMError, reason: unknown): void {
    if (this.ended || this.failure) return;
    this.failure = error;
    this.reason = reason;
    // The pipeline's own waits first: what a method makes of the signal must not come before the true reason.
    const { listener: first, listeners } = this;
    this.listener = this.listeners = undefined;
    const who = 'A listener of an abort';
    if (first) tell(first, error, who);
    if (listeners) for (const listener of listeners) tell(listener, error, who);
    for (const child of this.children()) child.fail(error, reason);
    this.controller?.abort(reason);
  }

  /** Aborts `child` with this one. */
  protected adopt(child: AbortScope): void {
    const { child: first } = this;
    child.after = first;
    if (first) first.before = child;
    this.child = child;
    if (this.failure) child.fail(this.failure, this.reason);
  }

  /** Lets go of the scope around this one, whose abort then is not its own any more. */
  protected leave(parent: AbortScope | undefined): void {
    const { before, after } = this;
    if (before) before.after = after;
    else if (parent?.child === this) parent.child = after;
    if (after) after.before = before;
    this.before = this.after = undefined;
  }

  /** Lets go of everything that could abort this scope, which has ended. */
  protected release(parent: AbortScope | undefined): void {
    this.leave(parent);
    this.unfollow?.();
    this.listener = this.listeners = undefined;
  }

  /** Those that are there now, first come first. */
  private children(): AbortScope[] {
    const children: AbortScope[] = [];
    for (let child = this.child; child; child = child.after) children.unshift(child);
    return children;
  }
}
