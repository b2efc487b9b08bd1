import type { AxiosInstance } from 'axios';
import { loadPeer } from '../../decorators/load-peer.js';

/** What a handler answers: status, body, headers. */
export type MockAdapterReply = readonly [
  status: number,
  data?: unknown,
  headers?: Readonly<Record<string, string>>,
];

/** The request that a handler is asked to answer, as axios hands it to an adapter. */
export interface MockAdapterRequest {
  readonly url?: string;
  readonly method?: string;
  /** The body as it would be sent. */
  readonly data?: unknown;
  readonly responseType?: string;
}

type MockHandlerReply = (
  statusOrCallback: number | ((request: MockAdapterRequest) => MockAdapterReply | Promise<MockAdapterReply>),
  data?: unknown,
  headers?: Readonly<Record<string, string>>,
) => unknown;

/** Says how the requests of a matcher are answered. */
export interface MockHandler {
  reply: MockHandlerReply;
  replyOnce: MockHandlerReply;
  networkError(): unknown;
  timeout(): unknown;
  abortRequest(): unknown;
  passThrough(): unknown;
}

type MockMatcher = (url?: string | RegExp) => MockHandler;

/** The part of axios-mock-adapter's class that tests use, written down here so that these types need no package. */
export interface MockAdapter {
  onAny: MockMatcher;
  onGet: MockMatcher;
  onPost: MockMatcher;
  onPut: MockMatcher;
  onPatch: MockMatcher;
  onDelete: MockMatcher;
  /** Every request so far, as axios hands it to an adapter. */
  readonly history: readonly MockAdapterRequest[];
  resetHandlers(): void;
  resetHistory(): void;
  reset(): void;
  restore(): void;
}

type MockAdapterClass = new (http: AxiosInstance) => MockAdapter;

/** The class of axios-mock-adapter: who uses the test server alone need not install it. */
export function loadMockAdapter(): MockAdapterClass {
  const loaded = loadPeer(
    'axios-mock-adapter',
    'mockResponses needs the package axios-mock-adapter: run `npm install --save-dev axios-mock-adapter`.',
  ) as MockAdapterClass & { default?: MockAdapterClass };
  return loaded.default ?? loaded;
}
