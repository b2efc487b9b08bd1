import { fromFailure, type AttemptSummary, type LLMError } from '../errors/index.js';
import type { CallFacts, CallOptions } from './call.js';
import type { CallState } from './call-state.js';
import type { PolicyHost } from './host.js';
import type { MethodRecord } from './record.js';
import { currentTime } from './runtime.js';
import { processWide } from './shared.js';

const numbers = processWide('callNumbers', () => ({ last: 0 }));

/** What all attempts of one call have in common. */
export class SharedState {
  /** The name under which users know the method. */
  readonly label: string;
  readonly startedAt = currentTime();
  /** Attempts that opened a stream and end with it, inner ones first. */
  readonly open: CallState[] = [];
  /** When the last attempt ended, or the call began. */
  lastEndedAt = this.startedAt;
  /** Whether somebody wants to see the events of the stream. */
  hasEventListeners = false;
  /** Whether somebody wants to know how long the consumer of the stream waits: a look at the clock costs as much as a promise. */
  isWaitingWatched = false;
  /** Since when the consumer of the stream has been waiting, where that is watched. */
  waitingSince: number | undefined = undefined;
  /** What is wrong with the method itself. */
  misuse: TypeError | undefined = undefined;
  private number = 0;
  private list: AttemptSummary[] | undefined = undefined;
  /** Attempts that run side by side fail in turn: one view would not do. */
  private views: Map<unknown, LLMError> | undefined = undefined;

  constructor(
    readonly record: MethodRecord,
    readonly self: object,
    readonly host: PolicyHost | undefined,
    readonly args: readonly unknown[],
    readonly options: CallOptions,
    readonly optionsAt: number | undefined,
    /** The call within which this one was begun. */
    readonly parent: CallState | undefined,
    /** The call in place of whose method this one runs: both have one account of attempts. */
    private readonly insteadOf: SharedState | undefined,
  ) {
    this.label = host?.methodLabel?.(record.name) ?? String(record.name);
  }

  get id(): string {
    return `call_${(this.number ||= ++numbers.last)}`;
  }

  /** The attempts that have ended; whoever keeps the list sees those to come. */
  get attempts(): readonly AttemptSummary[] {
    return this.insteadOf ? this.insteadOf.attempts : (this.list ??= []);
  }

  /** The number of the next attempt, by those that have ended. */
  get nextAttempt(): number {
    return this.insteadOf ? this.insteadOf.nextAttempt : (this.list?.length ?? 0) + 1;
  }

  addAttempt(attempt: AttemptSummary): void {
    if (this.insteadOf) this.insteadOf.addAttempt(attempt);
    else if (this.list) this.list.push(attempt);
    // Mostly it stays with one: a list that has grown has room for sixteen more.
    else this.list = [attempt];
  }

  /**
   * Gives an error what only the call knows. One that has passed through a call within this one keeps that call's
   * account, unless this one retried.
   */
  complete(error: LLMError, { requestId }: CallFacts): void {
    const { attempts } = this;
    if (error.attempts.length === 0 || attempts.length > 1) error.attempts = attempts;
    if (error.requestId === undefined && requestId !== undefined) {
      (error as { requestId?: string }).requestId = requestId;
    }
  }

  view(error: unknown): LLMError {
    const views = (this.views ??= new Map());
    const seen = views.get(error) ?? this.look(error);
    views.set(error, seen);
    return seen;
  }

  /** A host that fails while it looks at an error must not leave the call without an end: what it threw is the error then. */
  private look(error: unknown): LLMError {
    try {
      return this.host?.failure?.(error) ?? fromFailure(error);
    } catch (thrown) {
      return fromFailure(thrown);
    }
  }
}
