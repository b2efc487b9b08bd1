import { TimeoutError } from './errors/index.js';
import { definePolicy, type Call } from './pipeline/index.js';
import {
  DirectStage,
  failWith,
  type Inward,
  type OnFailure,
  type OnResult,
} from './pipeline/direct-stage.js';
import { isStream } from './pipeline/opened-stream.js';
import { checkOptions, rules } from './pipeline/options.js';
import { type CancelTimer, currentTime, runtime } from './pipeline/runtime.js';

/** Options of `@Timeout`. Each is in milliseconds; none is enforced unless it is given or has a default. */
export interface TimeoutOptions {
  /** The whole call: every attempt, every wait, and for a stream all of its events. None by default. */
  totalMs?: number;
  /** One attempt, without its waits: until the result, for a stream until the first event that carries content. Default 600,000. */
  attemptMs?: number;
  /** Connecting. Kept by the transport of a client; of no effect on other methods. Default 10,000. */
  connectMs?: number;
  /** A stream's first event that carries content. None by default: models may think for minutes. */
  firstEventMs?: number;
  /** Between two events of a stream, counted while its consumer waits and from the first content on. Default 120,000. */
  idleMs?: number;
}

/** The defaults that `@Timeout` and the clients share. */
export const TIMEOUT_DEFAULTS = { attemptMs: 600_000, connectMs: 10_000, idleMs: 120_000 } as const;

const table = {
  totalMs: rules.positive,
  attemptMs: rules.positive,
  connectMs: rules.positive,
  firstEventMs: rules.positive,
  idleMs: rules.positive,
};

/** Throws a `TypeError` for bad timeouts. */
export function checkTimeouts(options: TimeoutOptions, where: string): void {
  checkOptions(options, table, where);
}

/**
 * Ends a call that takes too long. The method's signal is aborted, and the call rejects at once even where the
 * method does not listen to it. The caller's `timeoutMs` takes the place of `totalMs`.
 *
 * @throws TimeoutError with code `timeout_total` (never retried), `timeout_attempt`, `timeout_first_event` or
 * `timeout_idle`.
 *
 * @example
 * @Timeout({ totalMs: 30_000, attemptMs: 10_000 })
 * async ask(question: string) {
 *   return fetch(url, { method: 'POST', body: question, signal: currentCall()?.signal ?? null });
 * }
 */
export const Timeout = definePolicy<TimeoutOptions>({
  kind: 'Timeout',
  place: ['Timeout(total)', 'Timeout(attempt)'],
  validate: checkTimeouts,
  fromCallOptions: ({ timeoutMs }) => (timeoutMs === undefined ? undefined : { totalMs: timeoutMs }),
  create: () => [new TotalTimeout(), new AttemptTimeout()],
});

type Code = 'timeout_total' | 'timeout_attempt' | 'timeout_first_event' | 'timeout_idle';

function timedOut(call: Call, code: Code, limitMs: number, what: string): TimeoutError {
  return new TimeoutError(`${call.label}() ${what} within ${limitMs} ms.`, { code });
}

class TotalTimeout extends DirectStage<TimeoutOptions> {
  drive(
    call: Call,
    inward: Inward,
    { totalMs }: TimeoutOptions,
    onResult: OnResult | undefined,
    onFailure: OnFailure | undefined,
  ): Promise<unknown> {
    if (totalMs === undefined) return inward(call, onResult, onFailure);
    const limited = call.fork({ deadline: currentTime() + totalMs });
    limited.onEnd(
      runtime().setTimer(
        () =>
          limited.abort(
            timedOut(call, 'timeout_total', totalMs, 'was not finished, retries and waits included,'),
          ),
        totalMs,
      ),
    );
    return inward(limited, onResult, onFailure);
  }
}

class AttemptTimeout extends DirectStage<TimeoutOptions> {
  drive(
    call: Call,
    inward: Inward,
    options: TimeoutOptions,
    onResult: OnResult | undefined,
    onFailure: OnFailure | undefined,
  ): Promise<unknown> {
    const {
      attemptMs = TIMEOUT_DEFAULTS.attemptMs,
      idleMs = TIMEOUT_DEFAULTS.idleMs,
      firstEventMs,
    } = options;
    const abortAfter = (ms: number, code: Code, what: string): CancelTimer =>
      runtime().setTimer(() => call.abort(timedOut(call, code, ms, what)), ms);
    const cancelAttempt = abortAfter(attemptMs, 'timeout_attempt', 'did not finish an attempt');
    const cancelFirstEvent =
      firstEventMs !== undefined && call.streaming
        ? abortAfter(firstEventMs, 'timeout_first_event', 'did not yield its first content')
        : undefined;
    return inward(
      call,
      (result) => {
        cancelAttempt();
        cancelFirstEvent?.();
        if (isStream(result)) watchEvents(call, idleMs, firstEventMs ?? attemptMs);
        return onResult ? onResult(result) : result;
      },
      (error) => {
        cancelAttempt();
        cancelFirstEvent?.();
        return failWith(onFailure, error);
      },
    );
  }
}

/**
 * Aborts a stream whose consumer waits too long for an event: `idleMs`, or for the first event of a stream that a
 * promise resolved with, `firstMs`. One timer a stream, set anew only when it fires.
 */
function watchEvents(call: Call, idleMs: number, firstMs: number): void {
  // The first content of an `async *` method has come: its opening waited for it.
  let hasBegun = call.streaming;
  if (!hasBegun) call.onEvent(() => (hasBegun = true));
  const waitingSince = call.watchWaiting();
  let cancel: CancelTimer;
  const check = (): void => {
    const limitMs = hasBegun ? idleMs : firstMs;
    const now = currentTime();
    const waitedMs = now - (waitingSince() ?? now);
    if (waitedMs < limitMs) watch(limitMs - waitedMs);
    else if (hasBegun) call.abort(timedOut(call, 'timeout_idle', limitMs, 'did not yield its next event'));
    else call.abort(timedOut(call, 'timeout_first_event', limitMs, 'did not yield its first event'));
  };
  // A stream that is read keeps the process alive by itself; one that nobody reads must not.
  const watch = (delayMs: number): void => {
    cancel = runtime().setTimer(check, delayMs, { background: true });
  };
  watch(Math.min(idleMs, firstMs));
  call.onEnd(() => cancel());
}
