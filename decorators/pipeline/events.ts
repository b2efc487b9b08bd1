import type { AttemptSummary, LLMError } from '../errors/index.js';
import type { CallFacts } from './call.js';
import { hostOf, type PolicyHost } from './host.js';
import { processWide } from './shared.js';

/** What every event of a call carries. */
interface CallEventBase {
  /** Name of the object's class, or of the class itself for a static method. */
  readonly className: string;
  /** Name of the method. */
  readonly method: string;
  /** One id for a call with all its attempts; unique in the process. */
  readonly callId: string;
  /** The attempt it belongs to; the first is 1. */
  readonly attempt: number;
  /** Monotonic time in milliseconds. */
  readonly at: number;
}

/** An attempt has ended; a stream's attempt ends when iteration ends. */
export interface AttemptEvent extends CallEventBase {
  readonly type: 'attempt';
  readonly durationMs: number;
  readonly facts: CallFacts;
  /** Missing when the attempt succeeded. */
  readonly error?: LLMError;
}
/** A failed attempt will be followed by another after `delayMs`. */
export interface RetryEvent extends CallEventBase {
  readonly type: 'retry';
  readonly delayMs: number;
  readonly error: LLMError;
}
/** A call has waited, or is to wait, for `waitMs`. */
export interface WaitEvent extends CallEventBase {
  readonly type: 'wait';
  readonly reason: 'queue' | 'backoff';
  readonly waitMs: number;
}
/** The whole call succeeded. */
export interface SuccessEvent extends CallEventBase {
  readonly type: 'success';
  readonly durationMs: number;
  readonly facts: CallFacts;
}
/** The whole call failed, after all its attempts. */
export interface FailureEvent extends CallEventBase {
  readonly type: 'failure';
  readonly durationMs: number;
  readonly error: LLMError;
  readonly attempts: readonly AttemptSummary[];
}
/** What the limiter did with a call. */
export interface LimiterEvent extends CallEventBase {
  readonly type: 'queued' | 'admitted' | 'settled' | 'refunded' | 'throttled' | 'rejected';
  /** The balance the call draws on, where the limiter has several. */
  readonly key?: string;
  /** What was reserved (`queued`, `admitted`, `rejected`), used (`settled`) or given back (`refunded`). */
  readonly requests?: number;
  readonly tokens?: number;
  /** The wait that is expected (`queued`), was (`admitted`), would have been (`rejected`) or is imposed on everyone (`throttled`). */
  readonly waitMs?: number;
}

/** The store that a limiter shares with other processes has gone down, or is there again. */
export interface StoreEvent extends CallEventBase {
  readonly type: 'store';
  readonly state: 'up' | 'down';
  /** What it failed with, when it went down. */
  readonly error?: LLMError;
}

/** A circuit has changed its state. Told by the call that found it; a change by hand by the next call. */
export interface CircuitEvent extends CallEventBase {
  readonly type: 'circuit';
  readonly state: 'closed' | 'open' | 'half_open' | 'isolated';
  /** The name of the circuit. */
  readonly key: string;
  /** How long it stays open at least, in milliseconds; when it opened. */
  readonly openMs?: number;
  /** What it judged by, when calls opened it: how many ended, and the shares of these, from 0 to 1, that failed and were slow. */
  readonly calls?: number;
  readonly failureRate?: number;
  readonly slowRate?: number;
  /** What the call that opened it failed with. */
  readonly error?: LLMError;
}

/** A further attempt was begun beside one that is slow or after one that failed, has won, or was due but not begun. */
export interface HedgeEvent extends CallEventBase {
  readonly type: 'hedge';
  readonly state: 'started' | 'won' | 'skipped';
  /** Milliseconds since the first attempt began. */
  readonly afterMs: number;
  /**
   * Why it was `started` (one before it is `slow`, or has ended in `failure`) or `skipped`: the `cap` on extra traffic
   * or the retry `budget` is used up, or the server asks to be left alone (`pushback`).
   */
  readonly reason?: 'slow' | 'failure' | 'cap' | 'budget' | 'pushback';
}

/** A call has failed, and another way is tried. */
export interface FallbackEvent extends CallEventBase {
  readonly type: 'fallback';
  /** What is tried instead, in words. */
  readonly to: string;
  /** What the call failed with. */
  readonly error: LLMError;
}

/** What a cache did for a call. */
export interface CacheEvent extends CallEventBase {
  readonly type: 'cache';
  /** `joined`: it waits for a call like it that is under way. `failed`: the store could not be read or written. */
  readonly state: 'hit' | 'miss' | 'joined' | 'stored' | 'failed';
  /** Under which the answer is kept: a hash, from which nothing can be read. */
  readonly key: string;
  readonly error?: LLMError;
}

/** What a budget says of a call: that it is nearly or quite used up. */
export interface BudgetEvent extends CallEventBase {
  readonly type: 'budget';
  readonly state: 'warning' | 'exceeded';
  /** Which limit it is, such as `usd per day`. */
  readonly name: string;
  /** Whose budget it is, where there are several. */
  readonly key?: string;
  readonly unit: 'usd' | 'tokens';
  /** Spent and reserved in the running window, and what may be. */
  readonly used: number;
  readonly limit: number;
  /** Milliseconds until the window ends. */
  readonly resetMs?: number;
}

/** A router has chosen where a call goes, or leaves a destination out for a while. */
export interface RouteEvent extends CallEventBase {
  readonly type: 'route';
  readonly state: 'chosen' | 'cooling';
  /** The name of the destination. */
  readonly to: string;
  /** How long it is left out. */
  readonly coolDownMs?: number;
  readonly error?: LLMError;
}

/** The method does not do quite what it was asked to. Told once an object and `subject`. */
export interface WarningEvent extends CallEventBase {
  readonly type: 'warning';
  /** A stable word for programs, such as `field_dropped`. */
  readonly code: string;
  /** What it is about, such as the name of the field. */
  readonly subject: string;
  readonly message: string;
}

/** Everything that policies and methods tell. */
export type PolicyEvent =
  | AttemptEvent
  | RetryEvent
  | WaitEvent
  | SuccessEvent
  | FailureEvent
  | LimiterEvent
  | StoreEvent
  | CircuitEvent
  | HedgeEvent
  | FallbackEvent
  | CacheEvent
  | BudgetEvent
  | RouteEvent
  | WarningEvent;

/** The event of one kind; several kinds may share a type of event. */
export type PolicyEventOf<Kind, E = PolicyEvent> = E extends { type: infer Kinds }
  ? Kind extends Kinds
    ? E
    : never
  : never;

/** An event as a policy writes it: the pipeline adds what every event carries. */
export type PolicyEventBody = PolicyEvent extends infer E
  ? E extends PolicyEvent
    ? Omit<E, keyof CallEventBase>
    : never
  : never;

export type PolicyEventListener = (event: PolicyEvent) => void;

interface DiagnosticsChannel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

interface Subscribers {
  readonly byTarget: WeakMap<object, Set<PolicyEventListener>>;
  /** Listeners in `byTarget`: while there are none, no target is looked up. */
  count: number;
  readonly channel: DiagnosticsChannel | undefined;
}

const subscribers = processWide<Subscribers>('subscribers', () => ({
  byTarget: new WeakMap(),
  count: 0,
  channel: globalThis.process?.getBuiltinModule?.('node:diagnostics_channel')?.channel('keelson:policy'),
}));

/**
 * Calls `listener` for every event of the calls on `target`: an object with decorated methods, or a class for its
 * static ones. The function returned ends it. The same events are published on the `diagnostics_channel`
 * `keelson:policy`.
 *
 * @example
 * const off = onPolicyEvent(client, (event) => {
 *   if (event.type === 'retry') metrics.increment('llm.retries', { code: event.error.code });
 * });
 */
export function onPolicyEvent(target: object, listener: PolicyEventListener): () => void {
  const { byTarget } = subscribers;
  const listeners = byTarget.get(target) ?? new Set();
  const before = listeners.size;
  byTarget.set(target, listeners.add(listener));
  subscribers.count += listeners.size - before;
  return () => {
    if (listeners.delete(listener)) subscribers.count--;
    if (listeners.size === 0 && byTarget.get(target) === listeners) byTarget.delete(target);
  };
}

/** Whether anybody listens to the calls of `self`. While nobody does, no event is built. */
export function isObserved(self: object, host: PolicyHost | undefined): boolean {
  const { byTarget, count, channel } = subscribers;
  if ((count > 0 && byTarget.has(self)) || channel?.hasSubscribers) return true;
  if (!host?.emit) return false;
  try {
    return host.observed?.() ?? true;
  } catch {
    return false;
  }
}

/** Hands an event to everybody who listens. A listener's failure is its own: it never reaches the call. */
export function deliver(self: object, event: PolicyEvent): void {
  const listeners = [...(subscribers.byTarget.get(self) ?? [])];
  const host = hostOf(self);
  if (host?.emit) listeners.push((told) => host.emit?.(told));
  for (const listener of listeners) tell(listener, event, `A listener of '${event.type}'`);
  subscribers.channel?.publish(event);
}

/** Tells somebody who only watches. A failure of theirs becomes a warning of the process and stays out of the call. */
export function tell<T>(listener: (told: T) => unknown, told: T, who: string): void {
  try {
    const answer = listener(told) as PromiseLike<unknown> | undefined;
    if (typeof answer?.then === 'function') answer.then(undefined, (error: unknown) => warn(who, error));
  } catch (error) {
    warn(who, error);
  }
}

function warn(who: string, error: unknown): void {
  globalThis.process?.emitWarning?.(`${who} failed: ${String(error)}`, 'KeelsonWarning');
}
