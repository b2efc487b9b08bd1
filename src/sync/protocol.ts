import type { MessagePort } from 'node:worker_threads';
import type { CallRecord } from '../client/response-info.js';
import type { PackedThrown } from './errors.js';

/** Which client the worker makes or finds. */
export interface Target {
  /** The address of a module. */
  readonly url: string;
  /** The name of its export: a class, or a client that is ready. */
  readonly name: string;
  /** What the class is given. */
  readonly options: unknown;
  /** The client's name in messages. */
  readonly label: string;
}

/** What the worker is started with. */
export interface WorkerSetup {
  readonly target: Target;
  readonly port: MessagePort;
  /** Counts the answers: the thread that blocks sleeps on it. */
  readonly answered: Int32Array;
}

/** Where the caller's signal stood among the arguments, and what is known of it. */
export interface PackedSignal {
  /** It was the `signal` of the argument at this place. */
  readonly at: number;
  readonly aborted: boolean;
  readonly reason?: unknown;
}

/** What is asked of the worker; all but `abort` are answered. */
export type Order =
  | { readonly do: 'call'; readonly method: string; readonly args: unknown[]; readonly signal?: PackedSignal }
  /** The next item of a stream, its end by its reader, or the whole. */
  | { readonly do: 'next' | 'leave' | 'finalCompletion'; readonly stream: number }
  | { readonly do: 'abortStream'; readonly stream: number; readonly reason: unknown }
  | { readonly do: 'close' };

/** The caller's signal was aborted after it had been sent: it belongs to the stream that the call `id` opened. */
export interface AbortNotice {
  readonly abort: number;
  readonly reason: unknown;
}

export interface Question {
  readonly id: number;
  readonly order: Order;
}

export interface PackedValue {
  readonly value: unknown;
  /** What `responseInfo()` tells of it. */
  readonly calls?: readonly CallRecord[];
}

export interface PackedFailure {
  readonly error: PackedThrown;
  /** There is no client: this worker is of no use. */
  readonly fatal?: boolean;
}

export type Answer =
  | PackedValue
  | PackedFailure
  /** A stream, under the number of the call that opened it. */
  | { readonly stream: number; readonly isCompletion: boolean }
  /** The end of a stream, with its final result where it has one. */
  | { readonly ended: PackedValue | PackedFailure | undefined };

/** What comes from the worker: answers, and what it dies of. */
export type Reply = { readonly id: number; readonly answer: Answer } | { readonly dying: PackedThrown };
