import { fromFailure, type AttemptSummary, type LLMError } from '../errors/index.js';
import type { CallFacts, CallOptions } from './call.js';
import type { CallState } from './call-state.js';
import { hostOf, type PolicyHost } from './host.js';
import type { MethodRecord } from './record.js';
import { runtime } from './runtime.js';
import { processWide } from './shared.js';

const numbers = processWide('callNumbers', () => ({ last: 0 }));

/** What all attempts of one call have in common. */
export class SharedState {
  readonly host: PolicyHost | undefined;
  /** The name under which users know the method. */
  readonly label: string;
  readonly startedAt = runtime().now();
  readonly attempts: AttemptSummary[] = [];
  /** Attempts that opened a stream and end with it, inner ones first. */
  readonly open: CallState[] = [];
  /** When the last attempt ended, or the call began. */
  lastEndedAt = this.startedAt;
  /** Whether somebody wants to see the events of the stream. */
  hasEventListeners = false;
  /** Since when the consumer of the stream has been waiting. */
  waitingSince: number | undefined;
  latestAttempt = 1;
  /** What was reported of the attempt that succeeded, else of the latest, once there are several. */
  latestFacts: CallFacts | undefined;
  /** What is wrong with the method itself. */
  misuse: TypeError | undefined;
  private number = 0;
  private raw: unknown;
  private seen: LLMError | undefined;

  constructor(
    readonly record: MethodRecord,
    readonly self: object,
    readonly args: readonly unknown[],
    readonly options: CallOptions,
    readonly optionsAt: number | undefined,
    /** The call within which this one was begun. */
    readonly parent: CallState | undefined,
  ) {
    this.host = hostOf(self);
    this.label = this.host?.methodLabel?.(record.name) ?? String(record.name);
  }

  get id(): string {
    return `call_${(this.number ||= ++numbers.last)}`;
  }

  view(error: unknown): LLMError {
    if (this.seen === undefined || this.raw !== error) {
      this.raw = error;
      this.seen = this.host?.failure?.(error) ?? fromFailure(error);
    }
    return this.seen;
  }
}
