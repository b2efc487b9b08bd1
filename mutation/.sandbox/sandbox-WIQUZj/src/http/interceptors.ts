// @ts-nocheck
import axios, {
  type AxiosAdapter,
  CanceledError,
  type GenericAbortSignal,
  type InternalAxiosRequestConfig,
} from 'axios';

import type { ByteSource } from '../streaming/byte-source.js';
import {
  announceSent,
  isCancelled,
  onCancel,
  type InternalHttpRequestConfig,
  useSignal,
} from './request-config.js';
import { jsonOrText } from './json-or-text.js';
import { ERROR_BODY_BYTES, readBounded } from './read-bounded.js';
import { isBelowBaseUrl, requestUrl } from './request-url.js';

/** What belongs to a session's own origin and may go nowhere else. */
export interface SessionSecrets {
  readonly baseURL: string;
  readonly origin: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly params: Readonly<Record<string, unknown>>;
  /** Our own adapter, which tells by itself when a request is sent. */
  readonly adapter: AxiosAdapter | undefined;
  readonly auth: { readonly username?: string; readonly password?: string } | undefined;
  authenticate(config: InternalAxiosRequestConfig): void | Promise<void>;
}

type RequestInterceptor = (
  config: InternalAxiosRequestConfig,
) => InternalAxiosRequestConfig | Promise<InternalAxiosRequestConfig>;

/**
 * Signs a request that goes to the session's own origin, and takes the session's defaults off one that goes
 * elsewhere. Being the first interceptor added it is the last to run, so that it judges the final URL.
 */
export function signRequest(session: SessionSecrets): RequestInterceptor {
  const { origin, adapter } = session;
  const handOver = (config: InternalAxiosRequestConfig): InternalAxiosRequestConfig => {
    if (config.adapter !== adapter) {
      useSignal(config);
      announceSent(config);
    }
    return config;
  };
  return (config) => {
    // A followed redirect would take the credentials with it.
    config.maxRedirects = 0;
    const isHome =
      (config.baseURL === session.baseURL && isBelowBaseUrl(config)) || requestUrl(config).origin === origin;
    if (!isHome) {
      stripDefaults(config, session);
      return handOver(config);
    }
    const signing = session.authenticate(config);
    return signing === undefined
      ? handOver(config)
      : untilAborted(signing, config).then(() => handOver(config));
  };
}

function stripDefaults(config: InternalAxiosRequestConfig, session: SessionSecrets): void {
  for (const [name, value] of Object.entries(session.headers)) {
    if (config.headers.get(name) === String(value)) config.headers.delete(name);
  }
  if (typeof config.params === 'object' && config.params !== null) {
    const params = config.params as Record<string, unknown>;
    for (const [name, value] of Object.entries(session.params)) {
      if (params[name] === value) delete params[name];
    }
  }
  const { auth } = config;
  if (auth && auth.username === session.auth?.username && auth.password === session.auth?.password)
    delete config.auth;
}

/** Waits for the credentials no longer than the caller waits for the answer. */
async function untilAborted(signing: Promise<void>, config: InternalAxiosRequestConfig): Promise<void> {
  let forget = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    const stop = (): void => reject(new CanceledError(undefined, config));
    if (isCancelled(config)) stop();
    else forget = onCancel(config, stop);
  });
  try {
    await Promise.race([signing, aborted]);
  } finally {
    forget();
  }
}

/**
 * Reads the body of a failed response that was asked for as a stream, bounded, and puts what it says into
 * `error.response.data`: parsed when it is JSON, else the text.
 */
export async function drainFailedStream(error: unknown): Promise<never> {
  if (axios.isAxiosError(error) && error.response !== undefined && error.config?.responseType === 'stream') {
    const { response } = error;
    if (isStream(response.data)) {
      useSignal(error.config as InternalHttpRequestConfig);
      const { signal } = error.config;
      const text = await readBounded(response.data, ERROR_BODY_BYTES, signal as GenericAbortSignal);
      response.data = jsonOrText(text);
    }
  }
  throw error;
}

function isStream(data: unknown): data is ByteSource {
  if (typeof data !== 'object' || data === null) return false;
  return Symbol.asyncIterator in data || 'getReader' in data;
}
