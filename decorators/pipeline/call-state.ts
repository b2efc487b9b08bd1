import type { LLMError } from '../errors/index.js';
import type { AdmissionCheck } from './admission-check.js';
import type { Call, CallChanges, CallFacts, CallOptions, CallOutcome, RetryAllowance } from './call.js';
import { attemptOptions } from './call-options.js';
import { CallView } from './call-view.js';
import { deliver, tell, type PolicyEventBody } from './events.js';
import { closeStream } from './opened-stream.js';
import type { PolicyHost } from './host.js';
import type { MethodRecord } from './record.js';
import { currentTime, runtime } from './runtime.js';
import { SharedState } from './shared-state.js';

const NOTHING_REPORTED: CallFacts = Object.freeze({});

/** The one implementation of `Call`. */
export class CallState extends CallView implements Call {
  /** When the method was entered; undefined while the call waits for admission. */
  private enteredAt: number | undefined = undefined;
  /** Since when it could have been: when the attempt before it had ended, or the call begun. */
  private readonly dueAt: number;
  /** The attempt that this call comes to, once it is made of attempts: the one chosen, else the latest. */
  private answer: CallState | undefined = undefined;
  /** What the attempt has opened. */
  private stream: AsyncIterable<unknown> | undefined = undefined;
  private enterListeners: (() => void)[] | undefined = undefined;
  /** What it ended with. */
  private failed: LLMError | undefined = undefined;
  /** Two fields: a list of two takes as much room as one of seventeen. */
  private endListener: ((outcome: CallOutcome) => void) | undefined = undefined;
  private endListeners: ((outcome: CallOutcome) => void)[] | undefined = undefined;
  private ownCheck: AdmissionCheck | undefined = undefined;
  /** What was reported of it. */
  private ownFacts: CallFacts | undefined = undefined;
  private reportListeners: ((facts: CallFacts) => void)[] | undefined = undefined;
  private eventListeners: ((event: unknown) => void)[] | undefined = undefined;

  private constructor(
    shared: SharedState,
    readonly parent: CallState | undefined,
    readonly attempt: number,
    public deadline: number | undefined,
    /** Whether this call counts as an attempt of its own, told and summed up when it ends. One made of others does not. */
    private readonly isAttempt: boolean,
    readonly args: readonly unknown[],
    readonly retryAllowance: RetryAllowance | undefined,
  ) {
    super(shared);
    this.dueAt = shared.lastEndedAt;
  }

  /** Begins a call; within another decorated call (`outer`) it ends with that one and keeps its deadline. */
  static begin(
    record: MethodRecord,
    self: object,
    host: PolicyHost | undefined,
    args: readonly unknown[],
    options: CallOptions,
    optionsAt: number | undefined,
    outer: CallState | undefined,
  ): CallState {
    // Who has returned may leave work behind; who was aborted may not begin any.
    const parent = outer && (!outer.ended || outer.aborted) ? outer : undefined;
    // What a method's body calls has attempts and retries of its own; what a policy calls in its place has not.
    const instead = parent?.entered === false ? parent : undefined;
    const shared = new SharedState(record, self, host, args, options, optionsAt, parent, instead?.shared);
    const call = new CallState(
      shared,
      parent,
      shared.nextAttempt,
      parent?.deadline,
      true,
      args,
      instead?.retryAllowance,
    );
    parent?.adopt(call);
    instead?.chose(call);
    call.follow(options.signal);
    return call;
  }

  get facts(): CallFacts {
    return this.attemptState.ownFacts ?? NOTHING_REPORTED;
  }

  /** What limiters ask before they admit this attempt. */
  get admissionCheck(): AdmissionCheck | undefined {
    return this.attemptState.ownCheck;
  }

  set admissionCheck(check: AdmissionCheck | undefined) {
    this.attemptState.ownCheck = check;
  }

  /** The attempt that this is, or is a view of. */
  private get attemptState(): CallState {
    return this.parent && !this.isAttempt ? this.parent.attemptState : this;
  }

  get entered(): boolean {
    return this.enteredAt !== undefined;
  }

  report(facts: CallFacts): void {
    this.add(facts);
    this.tellReport(facts);
  }

  private add(facts: CallFacts): void {
    const { attemptState } = this;
    attemptState.ownFacts = Object.assign(attemptState.ownFacts ?? {}, facts);
  }

  private tellReport(facts: CallFacts): void {
    if (this.reportListeners) {
      for (const listener of this.reportListeners) tell(listener, facts, 'A listener of a report');
    }
    if (this.parent?.shared === this.shared) this.parent.tellReport(facts);
  }

  onEnter(listener: () => void): void {
    (this.enterListeners ??= []).push(listener);
  }

  onReport(listener: (facts: CallFacts) => void): void {
    if (this.reportListeners) this.reportListeners.push(listener);
    else this.reportListeners = [listener];
  }

  onEnd(listener: (outcome: CallOutcome) => void): void {
    if (this.ended) tell(listener, this.failed ? { error: this.failed } : {}, 'A listener of the end');
    else if (!this.endListener) this.endListener = listener;
    else if (this.endListeners) this.endListeners.push(listener);
    else this.endListeners = [listener];
  }

  onEvent(listener: (event: unknown) => void): void {
    if (this.eventListeners) this.eventListeners.push(listener);
    else this.eventListeners = [listener];
    this.shared.hasEventListeners = true;
  }

  emit(event: PolicyEventBody, attempt = this.answer?.attempt ?? this.attempt): void {
    if (!this.observed) return;
    deliver(this.self, {
      className: this.className,
      method: this.label,
      callId: this.shared.id,
      attempt,
      at: currentTime(),
      ...event,
    });
  }

  fork(changes: CallChanges = {}): CallState {
    const isAttempt = changes.attempt !== undefined;
    const child = new CallState(
      this.shared,
      this,
      changes.attempt ?? this.attempt,
      earlier(this.deadline, changes.deadline),
      isAttempt,
      changes.args ?? this.args,
      changes.retryAllowance ?? this.retryAllowance,
    );
    if (isAttempt) this.chose(child);
    this.adopt(child);
    return child;
  }

  chose(fork: Call): void {
    this.answer = fork as CallState;
    if (this.parent?.shared === this.shared) this.parent.chose(fork);
  }

  /** This attempt has opened a stream, and will end with it. */
  opened(stream: AsyncIterable<unknown>): void {
    if (this.ended) return closeStream(stream);
    this.stream = stream;
    this.shared.open.push(this);
  }

  giveUp(reason: LLMError): void {
    this.abort(reason);
    if (this.stream) closeStream(this.stream);
    const { open } = this.shared;
    for (const call of open.filter((one) => one.isWithin(this))) {
      open.splice(open.indexOf(call), 1);
      call.end({}, { error: reason });
    }
    this.end({}, { error: reason });
  }

  private isWithin(call: CallState): boolean {
    return this === call || this.parent?.isWithin(call) === true;
  }

  /** Has this call go on although the one that it was forked from is aborted: for others who wait for it. */
  detach(): void {
    this.leave(this.parent);
    // It was the deadline of who has left.
    this.deadline = undefined;
  }

  wait(delayMs: number, reason: 'queue' | 'backoff'): Promise<void> {
    return new Promise((resolve, reject) => {
      this.throwIfAborted();
      const forget = this.onAbort((error) => {
        cancel();
        reject(error);
      });
      const cancel = runtime().setTimer(() => {
        forget();
        resolve();
      }, delayMs);
      this.emit({ type: 'wait', reason, waitMs: delayMs });
    });
  }

  /** The arguments, with a copy of the call options that carries this attempt's signal. */
  argsForMethod(): readonly unknown[] {
    const { optionsAt, options } = this.shared;
    if (optionsAt === undefined) return this.args;
    const args = [...this.args];
    args[optionsAt] = attemptOptions(options, this);
    return args;
  }

  /** The method is about to run: the wait is over. */
  enter(now = currentTime()): void {
    const isFirst = this.enteredAt === undefined;
    this.enteredAt ??= now;
    if (this.parent?.shared === this.shared) this.parent.enter(now);
    if (!isFirst || !this.enterListeners) return;
    for (const listener of this.enterListeners) tell(listener, undefined, 'A listener of the beginning');
  }

  /** An event has come out of the stream. */
  saw(event: unknown): void {
    if (this.eventListeners) {
      for (const listener of this.eventListeners) tell(listener, event, 'A listener of stream events');
    }
    if (this.parent?.shared === this.shared) this.parent.saw(event);
  }

  /** Ends this attempt, or the whole call. `failure` is what was thrown, `outcome` how it went otherwise. */
  end(outcome: Omit<CallOutcome, 'error'>, failed?: { readonly error: unknown }): void {
    if (this.ended) return;
    this.ended = true;
    this.release(this.parent);
    const { shared, endListener, endListeners } = this;
    const isRoot = this.parent?.shared !== shared;
    const error = (this.failed = failed && this.view(failed.error));
    if (this.answer) {
      if (this.answer.ownFacts) this.add(this.answer.ownFacts);
    } else if (this.isAttempt && this.enteredAt !== undefined) this.summarize(this.enteredAt, error);
    // Of attempts that ran side by side, the call is the one that succeeded.
    if (!error && this.isAttempt && !this.answer && !isRoot) this.parent?.chose(this);
    if (error && isRoot) shared.complete(error, this.facts);
    if (endListener) {
      const full: CallOutcome = error ? { ...outcome, error } : outcome;
      tell(endListener, full, 'A listener of the end');
      if (endListeners) for (const listener of endListeners) tell(listener, full, 'A listener of the end');
    }
    if (isRoot && this.observed) this.tellEnd(error);
  }

  /** Ends the whole call together with the attempts whose stream was open. */
  endAll(outcome: Omit<CallOutcome, 'error'>, failed?: { readonly error: unknown }): void {
    for (const call of this.shared.open) call.end(outcome, failed);
    this.end(outcome, failed);
  }

  /** Adds this attempt to the account of the call. One that was refused before it began is none. */
  private summarize(enteredAt: number, error: LLMError | undefined): void {
    const { shared, facts } = this;
    const now = currentTime();
    const durationMs = now - enteredAt;
    shared.addAttempt({
      name: error?.name ?? 'ok',
      code: error?.code ?? 'ok',
      statusCode: error?.statusCode ?? facts.statusCode,
      requestId: error?.requestId ?? facts.requestId,
      waitMs: enteredAt - this.dueAt,
      durationMs,
    });
    shared.lastEndedAt = now;
    if (this.observed) this.emit({ type: 'attempt', durationMs, facts, ...(error && { error }) });
  }

  private tellEnd(error: LLMError | undefined): void {
    const durationMs = currentTime() - this.shared.startedAt;
    const { attempts } = this.shared;
    if (error) this.emit({ type: 'failure', durationMs, error, attempts }, Math.max(attempts.length, 1));
    else this.emit({ type: 'success', durationMs, facts: this.facts });
  }
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
