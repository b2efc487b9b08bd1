import { AbortError, RateLimitError, type LLMError } from '../errors/index.js';
import type { Call } from '../pipeline/call.js';
import type { HedgeEvent } from '../pipeline/events.js';
import type { Next } from '../pipeline/policy.js';
import { type CancelTimer, currentTime, runtime } from '../pipeline/runtime.js';
import { isRefusal, isRetryable } from '../retry/retryable.js';

/** What a race keeps to, and whom it tells. */
export interface RaceRules {
  /** How long the latest attempt runs before the next is begun. */
  readonly delayMs: number;
  readonly maxHedges: number;
  readonly hedgeOn: ((error: LLMError) => boolean) | undefined;
  /** Takes leave for one more attempt; undefined when it is given, else what stands against it. */
  admit(): 'cap' | 'budget' | undefined;
  /** How long the first attempt took to answer, or had taken when a hedge answered before it. */
  measured(ms: number): void;
  /** Counts what is told as an event. */
  count(state: HedgeEvent['state']): void;
}

interface Failure {
  readonly attempt: Call;
  readonly error: LLMError;
  /** Whether the next attempt is due because of it. */
  readonly isCue: boolean;
  /** As it was thrown; known a moment later. */
  thrown?: unknown;
}

/**
 * Attempts at one answer, side by side: the first success is the answer, a failure that trying again cannot mend the
 * end. Whoever has not ended by then is given up at once.
 *
 * What an attempt comes to is decided while it ends, before the limiter hands on what it held: a hedge that waits for
 * that must be gone by then. It is acted upon when `next()` has settled.
 */
export class Race {
  /** The attempts whose `next()` has not settled. */
  private readonly pending = new Set<Call>();
  private readonly failures: Failure[] = [];
  private readonly startedAt = currentTime();
  private readonly first: Call;
  private latest: Call;
  private enteredAt: number | undefined = undefined;
  private hedges = 0;
  /** Whether another hedge is out of the question. */
  private isClosed = false;
  /** The attempt that has decided the race. */
  private decider: Call | undefined = undefined;
  /** What `hedgeOn` threw when it was asked. */
  private misjudged: { readonly thrown: unknown } | undefined = undefined;
  private isOver = false;
  private cancelTimer: CancelTimer = () => undefined;
  private resolve!: (result: unknown) => void;
  private reject!: (reason: unknown) => void;

  constructor(
    private readonly call: Call,
    private readonly next: Next,
    private readonly rules: RaceRules,
  ) {
    this.first = this.latest = call.fork({ attempt: Math.max(call.attempt, call.nextAttempt) });
  }

  run(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
      // The attempts hear of it after this; then they are ended with what they were aborted with.
      this.call.onAbort((error) =>
        queueMicrotask(() => {
          this.end(() => error);
          reject(error);
        }),
      );
      this.start(this.first);
    });
  }

  private start(attempt: Call): void {
    this.latest = attempt;
    this.pending.add(attempt);
    // The wait for admission is our own slowness: another attempt would only queue behind.
    attempt.onEnter(() => this.entered(attempt));
    // Told before the limiter, which comes to know the attempt later.
    attempt.onEnd(({ error }) => (error ? this.failed(attempt, error) : this.won(attempt)));
    this.next(attempt).then(
      (result) => this.settleWith(attempt, result),
      (thrown: unknown) => this.goOn(attempt, thrown),
    );
  }

  private entered(attempt: Call): void {
    if (attempt === this.first) this.enteredAt = currentTime();
    if (this.mayHedge()) {
      this.cancelTimer = runtime().setTimer(() => this.hedge('slow'), this.rules.delayMs);
    }
  }

  private mayHedge(): boolean {
    return !this.isClosed && this.hedges < this.rules.maxHedges;
  }

  /** Begins one more attempt, if there is leave for it. */
  private hedge(reason: 'slow' | 'failure'): void {
    const obstacle = this.rules.admit();
    if (obstacle) return this.skip(obstacle);
    this.cancelTimer();
    this.hedges++;
    const attempt = this.call.fork({
      attempt: this.latest.attempt + 1,
    });
    this.tell(attempt, 'started', reason);
    this.start(attempt);
  }

  private skip(reason: 'cap' | 'budget' | 'pushback'): void {
    this.close();
    this.tell(this.call, 'skipped', reason);
  }

  private close(): void {
    this.isClosed = true;
    this.cancelTimer();
  }

  private won(attempt: Call): void {
    if (this.isOver) return;
    this.decider = attempt;
    this.call.chose(attempt);
    const ofFirst = attempt === this.first || !this.first.ended;
    if (ofFirst) this.rules.measured(currentTime() - (this.enteredAt ?? this.startedAt));
    if (attempt !== this.first) this.tell(attempt, 'won');
    this.end(() => this.givenUp(`attempt ${attempt.attempt} has answered`));
  }

  /** `next()` has given a result, which for a stream comes before the attempt ends. What is too late is closed by the pipeline. */
  private settleWith(attempt: Call, result: unknown): void {
    this.pending.delete(attempt);
    this.won(attempt);
    if (this.decider === attempt) this.resolve(result);
  }

  private failed(attempt: Call, error: LLMError): void {
    if (this.isOver) return;
    // One that has not begun yet is the next attempt.
    this.failures.push({ attempt, error, isCue: this.latest.entered || this.latest.ended });
    if (isRefusal(error)) this.close();
    else if (!this.mayPass(error)) {
      this.decider = attempt;
      this.end(() => this.givenUp(`attempt ${attempt.attempt} has failed for good`));
    }
  }

  private mayPass(error: LLMError): boolean {
    try {
      return isRetryable(this.call, error, this.rules.hedgeOn, 'hedgeOn');
    } catch (thrown) {
      this.misjudged = { thrown };
      return false;
    }
  }

  /** `next()` has thrown: the failure is thrown on, or another attempt begun, or the others are awaited. */
  private goOn(attempt: Call, thrown: unknown): void {
    this.pending.delete(attempt);
    if (this.decider === attempt) return this.reject(this.misjudged ? this.misjudged.thrown : thrown);
    const failure = this.failures.find((one) => one.attempt === attempt);
    if (!failure || this.isOver) return;
    failure.thrown = thrown;
    if (this.mayHedge()) {
      if (isPushback(failure.error)) this.skip('pushback');
      else if (failure.isCue) this.hedge('failure');
    }
    if (this.pending.size > 0) return;
    this.end(() => failure.error);
    this.reject(verdict(this.failures));
  }

  private end(why: () => LLMError): void {
    if (this.isOver) return;
    this.isOver = true;
    this.cancelTimer();
    // Mostly there are no others: an error is not made for nobody, its stack costs more than the call.
    if (![...this.pending].some((attempt) => !attempt.ended)) return;
    const reason = why();
    // First all leave the queue: what one gives back must not go to another.
    for (const attempt of this.pending) attempt.abort(reason);
    for (const attempt of this.pending) attempt.giveUp(reason);
  }

  private givenUp(why: string): LLMError {
    return new AbortError(`This attempt of ${this.call.label}() was given up: ${why}.`);
  }

  private tell(call: Call, state: HedgeEvent['state'], reason?: HedgeEvent['reason']): void {
    this.rules.count(state);
    const afterMs = currentTime() - (this.enteredAt ?? this.startedAt);
    call.emit({ type: 'hedge', state, afterMs, ...(reason && { reason }) });
  }
}

/** Whether the server asks to be left alone. */
function isPushback(error: LLMError): boolean {
  return error instanceof RateLimitError || error.retryAfterMs !== undefined;
}

/**
 * What the call fails with when every attempt has failed: with the one by which the server asks for the longest wait,
 * since whoever tries again must know of it; else as it would have failed without hedges, with the first attempt's. A
 * refusal by our own policies only where there is nothing else.
 */
function verdict(failures: readonly Failure[]): unknown {
  const theirs = failures.filter(({ error }) => !isRefusal(error));
  const byAttempt = [...(theirs.length > 0 ? theirs : failures)].sort(
    (a, b) => a.attempt.attempt - b.attempt.attempt,
  );
  const waitOf = ({ error }: Failure): number => error.retryAfterMs ?? 0;
  return byAttempt.reduce((worst, one) => (waitOf(one) > waitOf(worst) ? one : worst)).thrown;
}
