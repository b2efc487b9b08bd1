import { currentTime, runtime } from '../pipeline/runtime.js';

/** A period of the calendar, by UTC. */
export type Period = 'hour' | 'day' | 'month';

export const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A rolling window moves on in so many steps: what was spent leaves it a step late at the most, and never early. */
const STEPS = 60;

/** A stretch of time, and when what was spent in it stops counting. Milliseconds by the window's clock. */
export interface Span {
  readonly start: number;
  readonly leavesAt: number;
}

/** How long spending counts. */
export interface Window {
  /** In words, after "per". */
  readonly label: string;
  /** The time by the clock that it goes by. */
  now(): number;
  /** The span in which what is spent at `at` is counted. */
  spanAt(at: number): Span;
}

/** The running hour, day or month by UTC and the wall clock: everything spent in it counts until it ends. */
export function calendarWindow(per: Period): Window {
  return {
    label: per,
    now: () => runtime().wallClock(),
    spanAt: (at) => {
      if (per === 'month') {
        const date = new Date(at);
        const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
        return { start: Date.UTC(year, month), leavesAt: Date.UTC(year, month + 1) };
      }
      const length = per === 'hour' ? HOUR_MS : DAY_MS;
      const start = Math.floor(at / length) * length;
      return { start, leavesAt: start + length };
    },
  };
}

/** The last `windowMs`, at every moment. */
export function rollingWindow(windowMs: number): Window {
  const stepMs = windowMs / STEPS;
  return {
    label: `${windowMs} ms`,
    now: () => currentTime(),
    spanAt: (at) => {
      const start = Math.floor(at / stepMs) * stepMs;
      return { start, leavesAt: start + stepMs + windowMs };
    },
  };
}
