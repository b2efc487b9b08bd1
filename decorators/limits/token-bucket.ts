import { AbortError } from '../errors/index.js';
import { checkOptions, rules, show } from '../pipeline/options.js';
import { currentTime, runtime } from '../pipeline/runtime.js';
import { AbortWatch } from '../pipeline/abort-watch.js';
import { OneTimer } from './one-timer.js';
import { RefillingLevel } from './refilling-level.js';
import { WaitList, type Linked } from './wait-list.js';

/** How long `TokenBucket.acquire()` may wait. */
export interface AcquireOptions {
  /** Milliseconds to wait at most; 0 does not wait. Left out, it waits as long as it takes. */
  timeoutMs?: number | undefined;
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
}

interface Waiter extends Linked<Waiter> {
  readonly tokens: number;
  readonly grant: () => void;
}

const ACQUIRE_OPTIONS = {
  timeoutMs: rules.notNegative,
  signal: (value: unknown) =>
    typeof (value as AbortSignal | null)?.addEventListener === 'function'
      ? undefined
      : 'give an AbortSignal, such as `controller.signal`',
};

/**
 * A token bucket: it holds up to `maxTokens`, begins full and refills steadily with `tokensPerSecond`, so
 * a burst of `maxTokens` is allowed and `tokensPerSecond` on the average. Whoever waits is served in strict order of
 * arrival. It costs no timer while nobody waits.
 *
 * @example
 * const bucket = new TokenBucket(10, 20);              // 10 a second, bursts of 20
 * await bucket.acquire();                              // waits for one token
 * if (!(await bucket.acquire(5, { timeoutMs: 200 }))) throw new Error('busy');
 *
 * @throws TypeError when a number is not finite and above 0.
 */
export class TokenBucket {
  private readonly level: RefillingLevel;
  private readonly waiters = new WaitList<Waiter>();
  private readonly aborts = new AbortWatch(() => this.serve());
  private readonly timer = new OneTimer(() => this.serve());

  constructor(
    /** Tokens added a second. */
    readonly tokensPerSecond: number,
    /** The most tokens it holds: the size of a burst. */
    readonly maxTokens: number,
  ) {
    for (const [name, value] of Object.entries({ tokensPerSecond, maxTokens })) {
      const wrong = rules.positive(value);
      if (wrong) throw new TypeError(`TokenBucket: \`${name}\` is ${show(value)}: ${wrong}.`);
    }
    this.level = new RefillingLevel(tokensPerSecond / 1000, maxTokens, currentTime());
  }

  /** Tokens that are there now, fractions included. */
  get available(): number {
    return Math.max(0, this.level.levelAt(currentTime()));
  }

  /**
   * Takes `tokens`, waiting for them where necessary, behind everyone who came before.
   *
   * @returns true when they were taken; false when `timeoutMs` has passed, and at once when `tokens` exceeds `maxTokens`.
   * @throws AbortError when `signal` is aborted; its `cause` is the signal's reason.
   * @throws TypeError for an invalid argument.
   */
  async acquire(tokens = 1, options: AcquireOptions = {}): Promise<boolean> {
    checkTokens(tokens, 'acquire');
    checkOptions(options, ACQUIRE_OPTIONS, 'TokenBucket.acquire()');
    const { timeoutMs, signal } = options;
    if (signal?.aborted) throw aborted(signal);
    if (this.take(tokens)) return true;
    if (tokens > this.maxTokens || timeoutMs === 0) return false;
    return this.wait(tokens, timeoutMs, signal);
  }

  /**
   * Takes `tokens` if they are there and nobody waits for earlier ones; says whether it did.
   *
   * @throws TypeError when `tokens` is not a finite number of at least 0.
   */
  tryAcquire(tokens = 1): boolean {
    checkTokens(tokens, 'tryAcquire');
    return this.take(tokens);
  }

  private take(tokens: number): boolean {
    if (tokens > this.maxTokens || this.waiters.head) return false;
    const now = currentTime();
    if (this.level.waitFor(tokens, now) > 0) return false;
    this.level.take(tokens, now);
    return true;
  }

  private wait(
    tokens: number,
    timeoutMs: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.waiters.remove(waiter);
        cancelTimeout?.();
        unwatch?.();
      };
      const onAbort = (): void => {
        leave();
        reject(aborted(signal as AbortSignal));
      };
      const onTimeout = (): void => {
        // Tokens that are there at this very moment are still in time.
        this.serve();
        if (granted) return;
        leave();
        resolve(false);
        this.serve();
      };
      let granted = false;
      const grant = (): void => {
        granted = true;
        leave();
        resolve(true);
      };
      const waiter: Waiter = { tokens, grant, previous: undefined, next: undefined };
      const cancelTimeout = timeoutMs === undefined ? undefined : runtime().setTimer(onTimeout, timeoutMs);
      const unwatch = signal && this.aborts.add(signal, onAbort);
      this.waiters.push(waiter);
      if (this.waiters.head === waiter) this.serve();
    });
  }

  /** Grants what can be granted, and sets the one timer for the waiter that is then at the head. */
  private serve(): void {
    const now = currentTime();
    for (let head = this.waiters.head; head; head = this.waiters.head) {
      const waitMs = this.level.waitFor(head.tokens, now);
      if (waitMs > 0) {
        this.timer.set(now + waitMs, now);
        return;
      }
      this.level.take(head.tokens, now);
      head.grant();
    }
    this.timer.clear();
  }
}

function aborted(signal: AbortSignal): AbortError {
  return new AbortError('The wait for tokens was aborted.', { cause: signal.reason });
}

function checkTokens(tokens: unknown, method: string): void {
  const wrong = rules.notNegative(tokens);
  if (wrong) throw new TypeError(`TokenBucket.${method}(): \`tokens\` is ${show(tokens)}: ${wrong}.`);
}
