// @ts-nocheck
import axios, { AxiosError, type AxiosAdapter, type AxiosResponse, CanceledError } from 'axios';
import type { Pool } from 'undici';

import { hasEnvironmentProxy, needsAxiosAdapter } from './axios-fallback.js';
import { Exchange } from './exchange.js';
import { bodyTooLong, connectionFailure } from './failures.js';
import { rawRequestHeaders } from './headers.js';
import { announceSent, isCancelled, type InternalHttpRequestConfig, useSignal } from './request-config.js';
import { requestUrl } from './request-url.js';

/**
 * Sockets to one origin. It is no limit on concurrency, which is the limiter's business: it is there so that a
 * loop gone wild waits here instead of using up the process's file descriptors.
 */
const MAX_CONNECTIONS = 1024;

/** How long an idle socket is kept when the server names no time. It does not keep the process alive. */
const KEEP_ALIVE_MS = 30_000;

export interface UndiciTransport {
  readonly adapter: AxiosAdapter;
  /** Refuses new requests; waits for those under way, or ends them. */
  close(options?: { abort?: boolean }): Promise<void>;
}

type PoolClass = typeof Pool;

/** Only the part of undici that sends: its front door loads fetch, caches and WebSockets, three times as much. */
async function loadPool(): Promise<PoolClass> {
  //  -- undici has types for its front door only
  const module = (await import('undici/lib/dispatcher/pool.js')) as { default: PoolClass };
  return module.default;
}

/**
 * An axios adapter over undici's connection pool, several times faster than axios's own. It keeps what axios
 * promises; `timeout` covers the whole answer, or its headers for a stream. What undici has no part for
 * (proxies, agents, progress, form data, …) is sent by axios's own adapter.
 */
export class UndiciAdapter implements UndiciTransport {
  readonly #connectMs: number;
  readonly #pools = new Map<string, Pool>();
  /** Origins that the environment wants to be reached through a proxy. */
  readonly #proxied = new Map<string, boolean>();
  readonly #closing = new AbortController();
  #poolClass: PoolClass | undefined;
  #loading: Promise<PoolClass> | undefined;
  #closed = false;

  constructor(options: { connectMs: number }) {
    this.#connectMs = options.connectMs;
  }

  readonly adapter: AxiosAdapter = (config) => {
    let url: URL;
    try {
      url = requestUrl(config);
    } catch (error) {
      if (error instanceof AxiosError) return Promise.reject(error);
      return Promise.reject(AxiosError.from(error as Error, AxiosError.ERR_INVALID_URL, config));
    }
    if (this.#closed) return Promise.reject(new CanceledError('The client was closed.', config));
    if (needsAxiosAdapter(config) || !isHttp(url) || this.#isProxied(url, config))
      return this.#fallback(config);
    if (this.#poolClass !== undefined) return this.#send(this.#poolClass, config, url);
    this.#loading ??= loadPool();
    return this.#loading.then((poolClass) => {
      this.#poolClass = poolClass;
      return this.#send(poolClass, config, url);
    });
  };

  async close(options: { abort?: boolean } = {}): Promise<void> {
    this.#closed = true;
    if (options.abort) this.#closing.abort();
    await Promise.all(
      [...this.#pools.values()].map((pool) =>
        (options.abort ? pool.destroy() : pool.close()).catch(() => undefined),
      ),
    );
  }

  #send(poolClass: PoolClass, config: InternalHttpRequestConfig, url: URL): Promise<AxiosResponse> {
    return new Promise((resolve, reject) => {
      if (isCancelled(config) || this.#closed) {
        reject(new CanceledError(this.#closed ? 'The client was closed.' : undefined, config));
        return;
      }
      const method = (config.method ?? 'get').toUpperCase();
      const body = bodyOf(config);
      if (isTooLong(body, config.maxBodyLength)) {
        reject(bodyTooLong(config));
        return;
      }
      const request = { method, url: `${url.origin}${url.pathname}` };
      const exchange = new Exchange(config, request, resolve, reject);
      const path = url.search === '' ? url.pathname : url.pathname + url.search;
      try {
        this.#pool(poolClass, url.origin).dispatch(
          { path, method, headers: rawRequestHeaders(config, url), body },
          exchange,
        );
      } catch (error) {
        reject(connectionFailure(error, config, request));
      }
    });
  }

  #pool(poolClass: PoolClass, origin: string): Pool {
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      pool = new poolClass(origin, {
        connections: MAX_CONNECTIONS,
        pipelining: 1,
        keepAliveTimeout: KEEP_ALIVE_MS,
        // Time is the pipeline's business, but for connecting.
        headersTimeout: 0,
        bodyTimeout: 0,
        connect: { timeout: this.#connectMs },
        allowH2: false,
      });
      this.#pools.set(origin, pool);
    }
    return pool;
  }

  #isProxied(url: URL, config: InternalHttpRequestConfig): boolean {
    if (config.proxy === false) return false;
    let proxied = this.#proxied.get(url.origin);
    if (proxied === undefined) {
      proxied = hasEnvironmentProxy(url, process.env);
      this.#proxied.set(url.origin, proxied);
    }
    return proxied;
  }

  #fallback(config: InternalHttpRequestConfig): Promise<AxiosResponse> {
    useSignal(config);
    announceSent(config);
    const closing = this.#closing.signal;
    const signal = config.signal ? AbortSignal.any([config.signal as AbortSignal, closing]) : closing;
    return axios.getAdapter('http')({ ...config, signal });
  }
}

function isHttp(url: URL): boolean {
  return url.protocol === 'https:' || url.protocol === 'http:';
}

type Body = Buffer | string | null;

function bodyOf({ data }: InternalHttpRequestConfig): Body {
  if (data === undefined || data === null) return null;
  return data instanceof ArrayBuffer ? Buffer.from(data) : (data as Buffer | string);
}

function isTooLong(body: Body, maxBodyLength = -1): boolean {
  return maxBodyLength > -1 && body !== null && Buffer.byteLength(body) > maxBodyLength;
}
