// @ts-nocheck
import type { AxiosRequestConfig, GenericAbortSignal, InternalAxiosRequestConfig } from 'axios';

/** Something that may end a request: a running call is one. */
export interface Cancellation {
  readonly aborted: boolean;
  /** Made when it is first asked for. */
  readonly signal: AbortSignal;
  /** The function returned takes the listener back. */
  onAbort(listener: () => void): () => void;
}

/** What our transport understands beyond axios's own request options. */
export interface TransportHints {
  /**
   * Called once when the request is handed to the socket: until then nothing can have been used at the
   * provider. An adapter other than ours cannot tell, so there it is called before the adapter is.
   */
  onSent?: (() => void) | undefined;
  /** Ends the request, as `signal` does, at less cost: an adapter other than ours is given its signal. */
  cancellation?: Cancellation | undefined;
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

/** Gives a request that leaves our hands an ordinary signal. */
export function useSignal(config: InternalHttpRequestConfig): void {
  if (config.cancellation) config.signal ??= config.cancellation.signal;
}

/** Whether the request has been cancelled already. */
export function isCancelled({ cancellation, signal }: InternalHttpRequestConfig): boolean {
  return cancellation?.aborted === true || signal?.aborted === true;
}

/** Calls `listener` when the request is cancelled by either way; the function returned takes it back. */
export function onCancel(config: InternalHttpRequestConfig, listener: () => void): () => void {
  const signal = config.signal as GenericAbortSignal | undefined;
  const forget = config.cancellation?.onAbort(listener);
  signal?.addEventListener?.('abort', listener);
  return () => {
    forget?.();
    signal?.removeEventListener?.('abort', listener);
  };
}
