/**
 * Watches signals for many waiters with one listener a signal: adding listeners to one `AbortSignal` takes time in
 * proportion to those it has, and Node warns of a leak when there are more than ten.
 */
// @ts-nocheck

export class AbortWatch {
  private readonly watched = new Map<AbortSignal, Set<() => void>>();

  /** `afterwards` is called when all waiters of an aborted signal have left: earlier, it might serve one of them. */
  constructor(private readonly afterwards: () => void = () => undefined) {}

  /** Calls `onAbort` once when `signal` is aborted; the function returned takes it back. */
  add(signal: AbortSignal, onAbort: () => void): () => void {
    let waiting = this.watched.get(signal);
    if (!waiting) {
      this.watched.set(signal, (waiting = new Set()));
      signal.addEventListener('abort', this.tellAll);
    }
    waiting.add(onAbort);
    return () => {
      waiting.delete(onAbort);
      if (waiting.size === 0) this.forget(signal);
    };
  }

  private readonly tellAll = (event: Event): void => {
    const signal = event.target as AbortSignal;
    const waiting = [...(this.watched.get(signal) ?? [])];
    this.forget(signal);
    for (const onAbort of waiting) onAbort();
    this.afterwards();
  };

  private forget(signal: AbortSignal): void {
    this.watched.delete(signal);
    signal.removeEventListener('abort', this.tellAll);
  }
}
