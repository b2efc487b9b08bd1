import type { AdmissionCheck } from '../../decorators/pipeline/admission-check';
import type { Call, CallFacts, CallOptions, CallOutcome } from '../../decorators/pipeline/call';
import type { PolicyEventBody } from '../../decorators/pipeline/events';
import type { Lease } from '../../decorators/limits/lease';
import type { Limiter } from '../../decorators/limits/limiter';
import { AbortError, LLMError } from '../../decorators/errors/index';

/** A call as the pipeline hands it to the limiter, made by hand. */
export class FakeCall implements Call {
  readonly id = 'call_fake';
  readonly retryAllowance = undefined;
  readonly method = 'chat';
  readonly label = 'chat';
  readonly options: CallOptions = {};
  readonly attempt = 1;
  readonly streaming = false;
  readonly observed = true;
  readonly ended = false;
  readonly attempts = [];
  readonly nextAttempt = 1;
  readonly facts: CallFacts = {};
  readonly events: PolicyEventBody[] = [];
  self: object = {};
  args: readonly unknown[] = [];
  deadline: number | undefined;
  admissionCheck: AdmissionCheck | undefined;
  entered = true;
  private controller: AbortController | undefined;
  private abortion: LLMError | undefined;
  private readonly listeners = new Set<(error: LLMError) => void>();
  private readonly reportListeners: ((facts: CallFacts) => void)[] = [];

  constructor(
    changes: Partial<Pick<FakeCall, 'self' | 'args' | 'deadline' | 'entered' | 'admissionCheck'>> = {},
  ) {
    Object.assign(this, changes);
  }

  get signal(): AbortSignal {
    return (this.controller ??= new AbortController()).signal;
  }

  /** Whether anybody has asked for the signal. */
  get signalWasMade(): boolean {
    return this.controller !== undefined;
  }

  get aborted(): boolean {
    return this.abortion !== undefined;
  }

  onEnter(): void {}
  giveUp(): void {}
  chose(): void {}

  throwIfAborted(): void {
    if (this.abortion) throw this.abortion;
  }

  get abortListeners(): number {
    return this.listeners.size;
  }

  onAbort(listener: (error: LLMError) => void): () => void {
    if (this.abortion) listener(this.abortion);
    else this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The types of the events told so far. */
  get told(): string[] {
    return this.events.map(({ type }) => type);
  }

  abort(reason: unknown): void {
    this.abortion = reason instanceof LLMError ? reason : new AbortError('Aborted.', { cause: reason });
    const listeners = [...this.listeners];
    this.listeners.clear();
    for (const listener of listeners) listener(this.abortion);
  }

  emit(event: PolicyEventBody): void {
    this.events.push(event);
  }

  report(facts: CallFacts): void {
    Object.assign(this.facts, facts);
    for (const listener of this.reportListeners) listener(facts);
  }

  onReport(listener: (facts: CallFacts) => void): void {
    this.reportListeners.push(listener);
  }

  view(error: unknown): LLMError {
    return error as LLMError;
  }

  onEnd(_listener: (outcome: CallOutcome) => void): void {}
  onEvent(): void {}

  watchWaiting(): () => undefined {
    return () => undefined;
  }
  fork(): Call {
    return this;
  }
  wait(): Promise<void> {
    return Promise.resolve();
  }
}

/** What has become of an admission: the lease, the refusal, or nothing yet. */
export class Admission {
  lease: Lease | undefined;
  error: unknown;
  readonly call: FakeCall;

  constructor(limiter: Limiter, call = new FakeCall()) {
    this.call = call;
    try {
      const admitted = limiter.admit(call);
      if (!(admitted instanceof Promise)) this.hold(admitted);
      else {
        admitted.then(
          (lease) => this.hold(lease),
          (error: unknown) => (this.error = error),
        );
      }
    } catch (error) {
      this.error = error;
    }
  }

  get state(): 'waits' | 'admitted' | 'refused' {
    if (this.error !== undefined) return 'refused';
    return this.lease ? 'admitted' : 'waits';
  }

  private hold(lease: Lease): void {
    this.lease = lease;
    this.call.onReport((facts) => lease.observe(facts));
  }

  /** The call has ended: well, with what it is said to have used, or with `error`. */
  end({ error, facts = {}, result }: { error?: LLMError; facts?: CallFacts; result?: unknown } = {}): void {
    this.call.report(facts);
    this.lease?.settle(error ? { error } : { result }, this.call.facts);
  }
}

/** An object that tells what its calls will use. */
export function hostEstimating(inputTokens: number, maxOutputTokens?: number): object {
  return {
    [Symbol.for('keelson.policyHost')]: { estimate: () => ({ inputTokens, maxOutputTokens }) },
  };
}
