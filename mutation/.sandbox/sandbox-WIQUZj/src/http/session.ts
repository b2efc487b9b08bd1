// @ts-nocheck
import axios, { type AxiosInstance, type CreateAxiosDefaults, type InternalAxiosRequestConfig } from 'axios';

import { drainFailedStream, signRequest } from './interceptors.js';
import { leanDefaults } from './lean-defaults.js';
import { UndiciAdapter } from './undici-adapter.js';

/**
 * The user's own axios options. Addresses and redirects are the client's business; headers and parameters have
 * options of their own.
 */
export type HttpOptions = Omit<
  CreateAxiosDefaults,
  'baseURL' | 'url' | 'method' | 'data' | 'maxRedirects' | 'signal'
>;

export interface HttpSessionOptions {
  readonly baseURL: string;
  /** Sent with every request to the origin of `baseURL`, and to no other. */
  readonly headers: Readonly<Record<string, string>>;
  /** Query parameters of every request to that origin. */
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds to connect; 0 for no bound. */
  readonly connectMs: number;
  readonly http?: HttpOptions | undefined;
  /** Sets the credentials of a request to the origin of `baseURL`; called for every attempt. */
  authenticate(config: InternalAxiosRequestConfig): void | Promise<void>;
}

export interface HttpSession {
  readonly axios: AxiosInstance;
  /**
   * Refuses new requests and waits for those under way; with `abort` it ends them, and they fail with axios's
   * `CanceledError`. Connections are closed. An adapter of the user's own is left to the user.
   */
  close(options?: { abort?: boolean }): Promise<void>;
}

/**
 * An axios instance of its own for one client. On Node its default adapter is ours; the user's `http.adapter`,
 * or one put on `instance.defaults` later, takes its place.
 */
export function createHttpSession(options: HttpSessionOptions): HttpSession {
  const { baseURL, headers, query = {}, connectMs, http = {}, authenticate } = options;
  const origin = originOf(baseURL);
  const transport = http.adapter === undefined && isNode() ? new UndiciAdapter({ connectMs }) : undefined;
  const params = { ...(http.params as Record<string, unknown> | undefined), ...query };
  const defaultHeaders = { ...(http.headers as Record<string, string> | undefined), ...headers };
  const instance = axios.create({
    ...http,
    baseURL,
    headers: defaultHeaders,
    ...(Object.keys(params).length > 0 && { params }),
    ...(transport && { adapter: transport.adapter }),
  });
  if (transport !== undefined) leanDefaults(instance);
  instance.interceptors.request.use(
    signRequest({
      baseURL,
      origin,
      headers: defaultHeaders,
      params,
      auth: http.auth,
      adapter: transport?.adapter,
      authenticate,
    }),
  );
  instance.interceptors.response.use(undefined, drainFailedStream);
  return {
    axios: instance,
    close: (closeOptions) => transport?.close(closeOptions) ?? Promise.resolve(),
  };
}

function originOf(baseURL: string): string {
  const url = URL.canParse(baseURL) ? new URL(baseURL) : undefined;
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url.origin;
  throw new TypeError(
    `baseURL is ${JSON.stringify(baseURL)}: give an absolute http or https URL, like 'https://api.example.com/v1'.`,
  );
}

/** Bun and Deno call themselves Node too, but serve sockets better by their own means. */
function isNode(): boolean {
  const { process } = globalThis as { process?: { versions?: Record<string, string | undefined> } };
  return Boolean(process?.versions?.['node']) && !process?.versions?.['bun'] && !('Deno' in globalThis);
}
