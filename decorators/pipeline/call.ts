import type { PolicyEventBody } from './events.js';
import type { AttemptSummary, LLMError, RateLimitInfo } from '../errors/index.js';

/** What the caller may say about one call, as the last argument of a client's method. */
export interface CallOptions {
  /** Ends the call, wherever it waits. */
  signal?: AbortSignal | undefined;
  /** Milliseconds for the whole call: every attempt and every wait. */
  timeoutMs?: number | undefined;
  /** How many retries may follow the first attempt. */
  maxRetries?: number | undefined;
  /** One key for all attempts of the call, sent in the provider's idempotency header. */
  idempotencyKey?: string | undefined;
  /** Further headers of this call. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** Further fields of the request body. */
  extraBody?: Readonly<Record<string, unknown>> | undefined;
}

/** Tokens that a call used, in words that know no provider. */
export interface TokenUsage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  /** The part of the input that the provider read from its cache. */
  readonly cachedInputTokens?: number;
  /** True when the output is what has been counted of a stream, since the provider had not told the usage. */
  readonly counted?: boolean;
}

/** What a method learns while it runs and policies want to know. */
export interface CallFacts {
  /** Whether the request left this process: while it is false, nothing was used at the provider. */
  sent?: boolean;
  usage?: TokenUsage;
  /** The provider's own account of its limits. */
  limits?: RateLimitInfo;
  /** How long the provider asks to wait. */
  retryAfterMs?: number;
  requestId?: string;
  statusCode?: number;
  /** True when the result is that of another call, as a cache has kept it: this call has used nothing. */
  fromCache?: boolean;
}

/** How a call, or one attempt of it, ended. */
export interface CallOutcome {
  /** What it failed with, seen as an error of the hierarchy; undefined when it succeeded. */
  readonly error?: LLMError;
  /** What it returned; undefined for a failure and for a stream. */
  readonly result?: unknown;
  /** True when the consumer of a stream left before its end. */
  readonly incomplete?: boolean;
}

/** Retries that may still be made; what several attempts at one answer share. */
export interface RetryAllowance {
  left: number;
}

/** What is different for a forked call. */
export interface CallChanges {
  /** Makes it an attempt of its own, with this number. */
  readonly attempt?: number;
  /** The earlier of this and the call's own holds. */
  readonly deadline?: number | undefined;
  /** What the method is given instead of the caller's arguments. */
  readonly args?: readonly unknown[];
  /** The retries that it may make; a call that a policy begins in its course draws on it too. */
  readonly retryAllowance?: RetryAllowance;
}

/**
 * A call as the policies see it. A policy that makes attempts gives each its own by `fork()`; what is
 * registered on it then belongs to that attempt alone.
 */
export interface Call {
  /** The object (or, for a static method, the class) the method was called on. */
  readonly self: object;
  readonly method: string | symbol;
  /** The name under which users know the method, for messages. */
  readonly label: string;
  readonly args: readonly unknown[];
  /** The caller's options; empty when there are none. */
  readonly options: CallOptions;
  /** One id for the call with all its attempts, as events carry it; unique in the process. */
  readonly id: string;
  /** The number of this attempt; the first is 1. */
  readonly attempt: number;
  /** True for an `async *` method. */
  readonly streaming: boolean;
  /** What became of the attempts of this call that have ended. */
  readonly attempts: readonly AttemptSummary[];
  /** The number that the next attempt is to have, by those that have ended. */
  readonly nextAttempt: number;
  /** Whether the method itself has begun: until then nothing can have been sent. */
  readonly entered: boolean;
  /** Whether this attempt has ended. */
  readonly ended: boolean;
  /** Aborted when the caller, a timeout or a policy ends this attempt. Made when it is first asked for. */
  readonly signal: AbortSignal;
  /** Whether this attempt has been aborted. */
  readonly aborted: boolean;
  /** When the call must have ended, in the runtime's monotonic milliseconds; undefined when never. */
  readonly deadline: number | undefined;
  /** The retries it may make together with others, where a policy has bounded them. */
  readonly retryAllowance: RetryAllowance | undefined;
  /** What has been reported of this attempt so far. */
  readonly facts: CallFacts;
  /** Adds to what is known of this attempt; a later fact of the same name replaces an earlier one. */
  report(facts: CallFacts): void;
  /** Calls `listener` once when the attempt has ended, at once when it has already; for a stream, when its iteration has. */
  onEnd(listener: (outcome: CallOutcome) => void): void;
  /** Calls `listener` when the method begins: every wait for admission is over then. */
  onEnter(listener: () => void): void;
  /** Calls `listener` with what is reported of this attempt, at the time it is. */
  onReport(listener: (facts: CallFacts) => void): void;
  /** Calls `listener` for every event that a stream yields. */
  onEvent(listener: (event: unknown) => void): void;
  /**
   * Begins to look at the clock when the consumer of the stream asks for an event. The function returned tells since
   * when it has been waiting, in the runtime's monotonic milliseconds; undefined while it is not.
   */
  watchWaiting(): () => number | undefined;
  /**
   * Calls `listener` when this attempt is aborted, at once when it has been; the function returned takes it back.
   * Cheaper than `signal`.
   */
  onAbort(listener: (error: LLMError) => void): () => void;
  /** Throws what this attempt was aborted with; does nothing while it was not. */
  throwIfAborted(): void;
  /** Ends this attempt with `reason`; an `LLMError` is thrown as it is, anything else as the cause of an `AbortError`. */
  abort(reason: unknown): void;
  /**
   * Ends this attempt at once because another is preferred: aborts it with `reason`, settles it, and does not wait for
   * it. A stream that it opens nevertheless is closed.
   */
  giveUp(reason: LLMError): void;
  /** A call within this one: aborted with it, but not the other way round. */
  fork(changes?: CallChanges): Call;
  /** Tells which of several forks this call comes to: what that one reports is this call's too. By default the one made last. */
  chose(fork: Call): void;
  /** Waits for the runtime's `delayMs`; rejects at once when the call is aborted. */
  wait(delayMs: number, reason: 'queue' | 'backoff'): Promise<void>;
  /** What was thrown, seen as an error of the hierarchy. The same error gives the same view. */
  view(error: unknown): LLMError;
  /** Whether anybody listens to the events of these calls: while nobody does, none need be built. */
  readonly observed: boolean;
  /** Tells the listeners, if there are any. */
  emit(event: PolicyEventBody): void;
}
