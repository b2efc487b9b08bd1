import { createRequire } from 'node:module';
import type { AxiosInstance } from 'axios';

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

// Only the CommonJS build has these.
declare const module: { require?: (name: string) => unknown } | undefined;
declare const __filename: string | undefined;

/**
 * The class of axios-mock-adapter, loaded only when it is wanted: who uses the test server alone need not install it.
 * Loading is synchronous, because jest's CommonJS mode has no `import()`.
 */
export function loadMockAdapter(): MockAdapterClass {
  let cause: unknown;
  for (const load of loaders()) {
    try {
      const loaded = load('axios-mock-adapter') as MockAdapterClass & { default?: MockAdapterClass };
      return loaded.default ?? loaded;
    } catch (error) {
      cause = error;
    }
  }
  throw new Error(
    'mockResponses needs the package axios-mock-adapter: run `npm install --save-dev axios-mock-adapter`.',
    {
      cause,
    },
  );
}

/** Ways to load a package: as this package would, else as the project would in whose folder the process runs. */
function* loaders(): Generator<(name: string) => unknown> {
  // `module.require` is also jest's own: it keeps to the test's module registry.
  if (typeof module === 'object' && module?.require !== undefined) yield (name) => module.require?.(name);
  if (typeof __filename === 'string') yield createRequire(__filename);
  yield createRequire(`${process.cwd()}/package.json`);
}
