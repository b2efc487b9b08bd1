// @ts-nocheck
import './disposable.js';
import type { Fault } from './faults.js';
import type { RecordedRequest } from './recorder.js';

/** A local stand-in for an OpenAI-compatible API. Made by `startTestServer`. */
export interface TestServer {
  /** The port it listens on. */
  readonly port: number;
  /** The base URL for clients, such as `http://127.0.0.1:4010/v1`. */
  readonly baseURL: string;
  /** A line to print at the start: it says that no model answers here. */
  readonly banner: string;
  /** The requests received, oldest first: at most the last 1000. */
  readonly requests: readonly RecordedRequest[];
  /**
   * Scripts misbehaviour: each fault strikes the next request that it fits and is then used up.
   *
   * @throws TypeError for a fault that is none.
   * @example
   * server.fault([{ status: 503, times: 2 }, { delayMs: 200 }, { truncate: 3, path: '/chat/completions' }]);
   */
  fault(fault: Fault | readonly Fault[]): void;
  /** Forgets recorded requests and faults, and fills the rate limits again. Requests in flight go on. */
  reset(): void;
  /** Stops listening and breaks every connection. Resolves when the port is free again. */
  close(): Promise<void>;
  /** The same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
