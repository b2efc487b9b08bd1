import type { LLMError } from '../errors/index.js';
import type { Call } from '../pipeline/call.js';
import { checkOptions, rules, show } from '../pipeline/options.js';

/** What a circuit is doing: `half_open` lets a few trial calls through, `isolated` nothing until it is closed by hand. */
export type CircuitStateName = 'closed' | 'open' | 'half_open' | 'isolated';

/** A circuit has changed its state. */
export interface CircuitChange {
  /** The name of the circuit. */
  readonly key: string;
  readonly state: CircuitStateName;
  /** How long it stays open at least, in milliseconds; when it opened. */
  readonly openMs?: number;
  /** What it judged by, when calls opened it: how many ended, and the shares of these that failed and were slow. */
  readonly calls?: number;
  readonly failureRate?: number;
  readonly slowRate?: number;
  /** What the call that opened it failed with. */
  readonly error?: LLMError;
}

/** Everything about a `Breaker`. */
export interface BreakerOptions {
  /** The share of failed calls, above 0 and up to 1, from which on the circuit opens. Default 0.5. */
  failureRate?: number | undefined;
  /** The share of slow calls from which on it opens. Needs `slowCallMs`. Default 0.5. */
  slowCallRate?: number | undefined;
  /**
   * From how many milliseconds on a call is slow: until its answer, for a stream until its first content. Waiting for
   * admission does not count. By default nothing is slow.
   */
  slowCallMs?: number | undefined;
  /** The time over which calls are counted, in milliseconds. Default 30,000. */
  windowMs?: number | undefined;
  /** Counts the last so many calls, however old, instead of a time. */
  windowCalls?: number | undefined;
  /** With fewer calls than this in the window it stays closed. Default 10, or `windowCalls` where that is less. */
  minimumCalls?: number | undefined;
  /** How long it is open the first time, in milliseconds; each time in a row twice as long. Default 10,000. */
  openMs?: number | undefined;
  /** The longest it is open, unless the provider asks for more. Default 120,000. */
  maxOpenMs?: number | undefined;
  /** How many trial calls are let through after that; when all have answered (a stream: with its first content), they decide. Default 3. */
  halfOpenCalls?: number | undefined;
  /**
   * How long all trial calls may be under way without a sign of life (an answer, an event of a stream), in
   * milliseconds; then it opens again. Default 120,000.
   */
  halfOpenMaxMs?: number | undefined;
  /**
   * Names the circuit of a call: each has its own. Default: the model and the host it is at, for a client; else the
   * name of the method.
   */
  key?: ((call: Call) => string) | undefined;
  /**
   * Whether an error counts as a failure. Not asked about aborts and what our own policies have refused: these never
   * count. Default: status 408 and 500 or more, connections, timeouts and broken streams.
   */
  tripOn?: ((error: LLMError) => boolean) | undefined;
  /** Told of each change of state. */
  onChange?: ((change: CircuitChange) => void) | undefined;
  /** `observe` counts, changes its state and tells of it, but refuses nothing. Default `enforce`. */
  mode?: 'enforce' | 'observe' | undefined;
}

const share = (value: unknown): string | undefined =>
  typeof value === 'number' && value > 0 && value <= 1 ? undefined : 'give a share above 0 and up to 1';

const OPTIONS = {
  failureRate: share,
  slowCallRate: share,
  slowCallMs: rules.positive,
  windowMs: rules.positive,
  windowCalls: rules.positiveCount,
  minimumCalls: rules.positiveCount,
  openMs: rules.positive,
  maxOpenMs: rules.positive,
  halfOpenCalls: rules.positiveCount,
  halfOpenMaxMs: rules.positive,
  key: rules.function,
  tripOn: rules.function,
  onChange: rules.function,
  mode: rules.oneOf('enforce', 'observe'),
};

/** Throws a `TypeError`, begun with `where`, unless a breaker can be made of `options`. */
export function checkBreakerOptions(options: BreakerOptions, where: string): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      `${where}: the options are ${show(options)}: give an object such as { failureRate: 0.5 }.`,
    );
  }
  checkOptions(options, OPTIONS, where);
  const { windowMs, windowCalls, minimumCalls, slowCallRate, slowCallMs, openMs, maxOpenMs } = options;
  if (windowMs !== undefined && windowCalls !== undefined) {
    throw new TypeError(
      `${where}: \`windowMs\` and \`windowCalls\` are both given: a window is of time or of calls, leave one out.`,
    );
  }
  if (windowCalls !== undefined && minimumCalls !== undefined && minimumCalls > windowCalls) {
    throw new TypeError(
      `${where}: \`minimumCalls\` is ${minimumCalls}, but the window holds only ${windowCalls} calls and would never open: give at most \`windowCalls\`.`,
    );
  }
  if (slowCallRate !== undefined && slowCallMs === undefined) {
    throw new TypeError(
      `${where}: \`slowCallRate\` is ${slowCallRate}, but \`slowCallMs\` is not given: say from when on a call is slow.`,
    );
  }
  if (openMs !== undefined && maxOpenMs !== undefined && openMs > maxOpenMs) {
    throw new TypeError(
      `${where}: \`openMs\` is ${openMs}, more than \`maxOpenMs\`, ${maxOpenMs}: give at most that.`,
    );
  }
}

/** The numbers of a circuit, with all defaults filled in. */
export interface CircuitSettings {
  readonly failureRate: number;
  readonly slowCallRate: number;
  readonly slowCallMs: number;
  readonly windowMs: number;
  readonly windowCalls: number | undefined;
  readonly minimumCalls: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
  readonly halfOpenCalls: number;
  readonly halfOpenMaxMs: number;
}

/** Fills in the defaults. One number given moves the default of the other out of its way. */
export function settingsOf(options: BreakerOptions): CircuitSettings {
  const { windowCalls, maxOpenMs } = options;
  const openMs = options.openMs ?? Math.min(10_000, maxOpenMs ?? Infinity);
  return {
    failureRate: options.failureRate ?? 0.5,
    slowCallRate: options.slowCallRate ?? 0.5,
    slowCallMs: options.slowCallMs ?? Infinity,
    windowMs: options.windowMs ?? 30_000,
    windowCalls,
    minimumCalls: options.minimumCalls ?? Math.min(10, windowCalls ?? Infinity),
    openMs,
    maxOpenMs: maxOpenMs ?? Math.max(openMs, 120_000),
    halfOpenCalls: options.halfOpenCalls ?? 3,
    halfOpenMaxMs: options.halfOpenMaxMs ?? 120_000,
  };
}

/**
 * The same for options that ask for the same breaker. Functions are told apart by being there alone: they are often
 * written in place.
 */
export function fingerprint(options: BreakerOptions): string {
  return (Object.keys(OPTIONS) as (keyof BreakerOptions)[])
    .map((name) => (typeof options[name] === 'function' ? 'function' : options[name]))
    .join();
}
