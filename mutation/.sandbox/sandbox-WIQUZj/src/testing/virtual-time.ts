// @ts-nocheck
import './disposable.js';
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers';
import { replaceRuntime } from '../../decorators/pipeline/runtime.js';
import type { Runtime } from '../../decorators/pipeline/runtime.js';

/** Options of `useVirtualTime`. */
export interface VirtualTimeOptions {
  /** What the runtime's random numbers are: one number from 0 (included) to 1 (excluded), or a function. Default: 0.5. */
  readonly random?: number | (() => number);
  /** The wall clock at the start, as a date or in milliseconds since the epoch. Default: 2025-01-01T00:00:00Z. */
  readonly startWallClock?: number | Date;
}

interface VirtualTimer {
  readonly dueAt: number;
  readonly callback: () => void;
}

/** Turns of the event loop without any progress after which nothing but a timer can go on. */
const QUIET_TURNS = 5;
/** Turns after which even a busy loop is taken for quiet: something in it never rests. */
const MOST_TURNS = 100_000;
/** Timers that `runAll` fires before it concludes that there is no last one. */
const MOST_TIMERS = 100_000;
/** Operations under way that end by themselves: file system, name lookup, connecting, writing. */
const PENDING_OPERATION = /Req|ConnectWrap|WriteWrap|ShutdownWrap/;

/** A clock that stands still until it is told to go on. Made by `useVirtualTime`. */
export class VirtualTime {
  readonly #random: () => number;
  readonly #startWallClock: number;
  readonly #restore: () => void;
  /** In the order in which they are due; of two due together, the older one first. */
  readonly #timers: VirtualTimer[] = [];
  #now = 0;
  #restored = false;
  /** Grows with every timer set, ended or fired. */
  #changes = 0;
  #onTimer: (() => void) | undefined;
  /** The last of the operations that move the clock: they take turns. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(random: () => number, startWallClock: number) {
    this.#random = random;
    this.#startWallClock = startWallClock;
    const runtime: Runtime = {
      now: () => this.#now,
      wallClock: () => this.#startWallClock + this.#now,
      random: () => this.#random(),
      setTimer: (callback, delayMs) => this.#setTimer(callback, delayMs),
    };
    const restore = replaceRuntime(runtime);
    this.#restore = () => {
      if (!this.#restored) restore();
      this.#restored = true;
    };
  }

  /** Virtual milliseconds since the start. */
  get now(): number {
    return this.#now;
  }

  /** How many timers are set. */
  get pendingTimers(): number {
    return this.#timers.length;
  }

  /**
   * Lets `ms` milliseconds pass: fires what is due, in order and each at its own time, and lets everything that waits
   * for it go on before the next one. Sockets of this process get their turns too.
   *
   * @throws TypeError for a negative or infinite `ms`; and whatever a timer's callback throws.
   */
  async advance(ms: number): Promise<void> {
    if (!Number.isFinite(ms) || ms < 0) {
      throw new TypeError(`advance(ms) takes milliseconds from 0 up, got ${String(ms)}.`);
    }
    await this.#alone(async () => {
      const end = this.#now + ms;
      await this.#quiet();
      while (this.#fireNext(end)) await this.#quiet();
      this.#now = end;
    });
  }

  /**
   * Fires timer after timer, also those set meanwhile, until none is left.
   *
   * @throws Error after 100,000 timers: then one always sets the next.
   */
  async runAll(): Promise<void> {
    await this.#alone(async () => {
      await this.#quiet();
      for (let fired = 0; this.#fireNext(Infinity); fired += 1) {
        if (fired >= MOST_TIMERS)
          throw new Error(`runAll fired ${MOST_TIMERS} timers and more are set: use advance(ms).`);
        await this.#quiet();
      }
    });
  }

  /**
   * Lets as much time pass as `promise` needs to settle, and gives what it gives.
   *
   * The clock jumps to the next timer only when nothing else can go on: after several turns of the event loop in which
   * no timer changed, no socket or other handle had an event, and no file, lookup or connection was under way. A server
   * in this process is thereby waited for. What takes real time outside (another process, a real `setTimeout`) cannot be
   * seen: there await the outside first and use `advance`.
   *
   * @example
   * const reply = await time.settle(client.chatCompletion(messages)); // however often it backs off
   */
  async settle<T>(promise: PromiseLike<T>): Promise<T> {
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    const end = Promise.resolve(promise).then(done, done);
    while (!settled) {
      const fired = await this.#alone(async () => {
        await this.#quiet(() => settled);
        return settled || this.#fireNext(Infinity);
      });
      // Without a timer there is nothing to hurry: sleep until the promise settles or sets one.
      if (!fired) await Promise.race([end, this.#nextTimer()]);
    }
    return promise;
  }

  /** Puts the former runtime back. Timers still set never fire. May be called again. */
  restore(): void {
    this.#restore();
  }

  [Symbol.dispose](): void {
    this.restore();
  }

  #setTimer(callback: () => void, delayMs: number): () => void {
    const timer: VirtualTimer = { callback, dueAt: this.#now + Math.max(0, delayMs) };
    this.#timers.splice(this.#positionAfter(timer.dueAt), 0, timer);
    this.#changes += 1;
    this.#onTimer?.();
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index === -1) return;
      this.#timers.splice(index, 1);
      this.#changes += 1;
    };
  }

  /** The position behind every timer due at `dueAt` or before. */
  #positionAfter(dueAt: number): number {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#timers[middle]?.dueAt ?? Infinity) <= dueAt) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #fireNext(until: number): boolean {
    const [timer] = this.#timers;
    if (timer === undefined || timer.dueAt > until) return false;
    this.#timers.shift();
    this.#changes += 1;
    this.#now = timer.dueAt;
    timer.callback();
    return true;
  }

  #nextTimer(): Promise<void> {
    if (this.#timers.length > 0) return Promise.resolve();
    return new Promise((resolve) => {
      const former = this.#onTimer;
      this.#onTimer = () => {
        this.#onTimer = undefined;
        former?.();
        resolve();
      };
    });
  }

  /** Two operations at once would fire timers without letting the code between them go on. */
  #alone<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(operation);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Resolves when only a timer can make anything go on, or when `enough` says so. */
  async #quiet(enough: () => boolean = () => false): Promise<void> {
    let quiet = 0;
    let before = this.#progress();
    for (let turn = 0; turn < MOST_TURNS && quiet < QUIET_TURNS && !enough(); turn += 1) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      const after = this.#progress();
      quiet = after === before && !operationPending() ? quiet + 1 : 0;
      before = after;
    }
  }

  /** A number that grows when a timer changes or the event loop hands out an event of a socket, pipe or file. */
  #progress(): number {
    return this.#changes + loopEvents();
  }
}

/** Events the loop has handed out so far; 0 on runtimes that do not count them. */
function loopEvents(): number {
  const timing = performance.nodeTiming as Partial<typeof performance.nodeTiming> | undefined;
  return timing?.uvMetricsInfo?.events ?? 0;
}

function operationPending(): boolean {
  return process.getActiveResourcesInfo?.().some((name) => PENDING_OPERATION.test(name)) ?? false;
}

/**
 * Replaces the clock, timers and random numbers of the whole package by virtual ones, so that a test of waits, limits
 * and retries takes no time and always goes alike. `setTimeout` and `Date` themselves are left alone.
 *
 * @throws TypeError for an option that is unknown or has a wrong value.
 * @example
 * const time = useVirtualTime();
 * try {
 *   const reply = client.chatCompletion(messages); // the first attempt fails
 *   await time.advance(500); // the backoff passes
 *   await reply;
 * } finally {
 *   time.restore();
 * }
 */
export function useVirtualTime(options: VirtualTimeOptions = {}): VirtualTime {
  const unknown = Object.keys(options).find((name) => name !== 'random' && name !== 'startWallClock');
  if (unknown !== undefined) {
    throw new TypeError(`useVirtualTime has no option '${unknown}'; it takes random and startWallClock.`);
  }
  const { random = 0.5, startWallClock = Date.UTC(2025, 0, 1) } = options;
  if (typeof random !== 'function' && !(typeof random === 'number' && random >= 0 && random < 1)) {
    throw new TypeError(
      `Option 'random' must be a function or a number from 0 up to, not including, 1, got ${String(random)}.`,
    );
  }
  const start = Number(startWallClock);
  if (!Number.isFinite(start)) {
    throw new TypeError(
      `Option 'startWallClock' must be a valid date or milliseconds, got ${String(startWallClock)}.`,
    );
  }
  return new VirtualTime(typeof random === 'function' ? random : () => random, start);
}
