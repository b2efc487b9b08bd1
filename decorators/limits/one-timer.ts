import { runtime, type CancelTimer } from '../pipeline/runtime.js';
import { timerDelay } from './refilling-level.js';

/** One timer, which is set anew for every other time. */
export class OneTimer {
  private cancel: CancelTimer | undefined = undefined;
  private at = Infinity;

  constructor(private readonly callback: () => void) {}

  /** Has the callback called at `at`, and not when it was to be called before. */
  set(at: number, now: number): void {
    if (this.at === at) return;
    this.clear();
    this.at = at;
    this.cancel = runtime().setTimer(
      () => {
        this.cancel = undefined;
        this.at = Infinity;
        this.callback();
      },
      timerDelay(at - now),
    );
  }

  clear(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.at = Infinity;
  }
}
