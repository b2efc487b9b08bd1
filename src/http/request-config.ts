import type { AxiosRequestConfig, InternalAxiosRequestConfig } from 'axios';

/** What our transport understands beyond axios's own request options. */
export interface TransportHints {
  /**
   * Called once when the request is handed to the socket: until then nothing can have been used at the
   * provider. An adapter other than ours cannot tell, so there it is called before the adapter is.
   */
  onSent?: (() => void) | undefined;
}

/** An axios request, with the hints of our transport. */
export type HttpRequestConfig<D = unknown> = AxiosRequestConfig<D> & TransportHints;

/** The same, as interceptors and adapters see it. */
export type InternalHttpRequestConfig = InternalAxiosRequestConfig<unknown> & TransportHints;

/** Says once that the request goes out. */
export function announceSent(config: InternalHttpRequestConfig): void {
  const { onSent } = config;
  if (onSent === undefined) return;
  config.onSent = undefined;
  onSent();
}
