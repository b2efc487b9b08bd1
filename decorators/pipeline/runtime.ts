import { processWide } from './shared.js';

/** Ends a timer before it fires; does nothing when it has fired or ended already. */
export type CancelTimer = () => void;

/** Everything a policy may know of time and chance. Tests replace it with `useVirtualTime()` of `keelson/testing`. */
export interface Runtime {
  /** Monotonic time in milliseconds. Only differences mean anything. */
  now(): number;
  /** Wall clock in milliseconds since the epoch: to read HTTP dates, never to measure. */
  wallClock(): number;
  /** A random number from 0 (included) to 1 (excluded). */
  random(): number;
  /**
   * Calls `callback` once, `delayMs` milliseconds from now. Any finite delay is allowed. A timer in the `background`
   * does not keep the process alive.
   */
  setTimer(callback: () => void, delayMs: number, options?: { readonly background?: boolean }): CancelTimer;
}

/** The longest delay that `setTimeout` keeps: a longer one would fire at once. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

// The globals are looked up at each call, so that fake timers installed later are obeyed.
const systemRuntime: Runtime = {
  now: () => performance.now(),
  wallClock: () => Date.now(),
  random: () => Math.random(),
  setTimer(callback, delayMs, options) {
    let restMs = delayMs - LONGEST_TIMEOUT_MS;
    const fire = (): void => {
      if (restMs <= 0) return callback();
      timer = start(Math.min(restMs, LONGEST_TIMEOUT_MS));
      restMs -= LONGEST_TIMEOUT_MS;
    };
    const start = (ms: number): ReturnType<typeof setTimeout> => {
      const started = setTimeout(fire, ms);
      // Where a timer is a number, as in browsers, nothing is kept alive by it.
      if (options?.background) (started as Partial<NodeJS.Timeout>).unref?.();
      return started;
    };
    let timer = start(Math.min(delayMs, LONGEST_TIMEOUT_MS));
    return () => clearTimeout(timer);
  },
};

const ambient = processWide('runtime', () => ({ current: systemRuntime }));

/** The runtime in force now. Ask for it at each use: a test may have replaced it. */
export function runtime(): Runtime {
  return ambient.current;
}

/** The time at which the step that is running began; undefined outside of steps. */
let stepTime: number | undefined;

/**
 * The monotonic time in milliseconds. In a step of a call (what it does without waiting, its method apart) it stands
 * still: all policies see the same moment, for one look at the clock.
 */
export function currentTime(): number {
  return stepTime ?? ambient.current.now();
}

/** Begins a step, or goes on with the one that is running. `endStep()` must be given what this returned. */
export function beginStep(): number | undefined {
  const outer = stepTime;
  stepTime ??= ambient.current.now();
  return outer;
}

/**
 * Ends a step; with `undefined` also one that is running around it, before code that may take its time. One within another
 * leaves it as it is: what the inner call has run may have ended both, and time must not go back.
 */
export function endStep(outer: number | undefined): void {
  if (outer === undefined) stepTime = undefined;
}

/** Looks at the clock anew, after a function of the user that may have taken its time. */
export function renewStep(): void {
  if (stepTime !== undefined) stepTime = ambient.current.now();
}

/** Replaces the ambient runtime; the function returned puts the former one back. */
export function replaceRuntime(replacement: Runtime): () => void {
  const former = ambient.current;
  ambient.current = replacement;
  return () => {
    ambient.current = former;
  };
}
