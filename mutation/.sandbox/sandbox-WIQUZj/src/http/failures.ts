// @ts-nocheck
import { AxiosError, CanceledError, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios';

/** undici's codes, in the words of Node and axios, which users of axios know. */
const CODES: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: 'ETIMEDOUT',
  UND_ERR_SOCKET: 'ECONNRESET',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'ECONNRESET',
  UND_ERR_HEADERS_OVERFLOW: 'HPE_HEADER_OVERFLOW',
  UND_ERR_INVALID_ARG: AxiosError.ERR_BAD_REQUEST,
  UND_ERR_NOT_SUPPORTED: AxiosError.ERR_BAD_REQUEST,
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: AxiosError.ERR_BAD_REQUEST,
};

function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (typeof code === 'string') return CODES[code] ?? code;
  return name === 'HTTPParserError' ? 'HPE_INVALID_CONSTANT' : AxiosError.ERR_NETWORK;
}

/** A failure of the connection, as axios tells it: `code` is the system's, `cause` the original. */
export function connectionFailure(
  error: unknown,
  config: InternalAxiosRequestConfig,
  request: unknown,
): AxiosError | CanceledError<unknown> {
  if (error instanceof AxiosError) return error;
  const { code } = error as { code?: unknown };
  if (code === 'UND_ERR_CLOSED' || code === 'UND_ERR_DESTROYED') {
    return new CanceledError('The client was closed.', config, request);
  }
  return AxiosError.from(error as Error, codeOf(error), config, request);
}

/** A body that broke off. Like axios's adapter, it carries no request: streams' errors are logged as they are. */
export function brokenBody(error: unknown): Error {
  if (error instanceof AxiosError) return error;
  const { message } = error as Error;
  return Object.assign(new Error(`The response broke off: ${message}`, { cause: error }), {
    code: codeOf(error),
  });
}

export function timeoutFailure(config: InternalAxiosRequestConfig, request: unknown): AxiosError {
  return new AxiosError(
    config.timeoutErrorMessage || `timeout of ${config.timeout}ms exceeded`,
    config.transitional?.clarifyTimeoutError ? AxiosError.ETIMEDOUT : AxiosError.ECONNABORTED,
    config,
    request,
  );
}

export function contentTooLong(config: InternalAxiosRequestConfig, request: unknown): AxiosError {
  const message = `maxContentLength size of ${config.maxContentLength} exceeded`;
  return new AxiosError(message, AxiosError.ERR_BAD_RESPONSE, config, request);
}

export function bodyTooLong(config: InternalAxiosRequestConfig): AxiosError {
  return new AxiosError('Request body larger than maxBodyLength limit', AxiosError.ERR_BAD_REQUEST, config);
}

/** Whether `validateStatus` takes the response for a success; the error it stands for when not. */
export function statusFailure(response: AxiosResponse): AxiosError | undefined {
  const { status, config, request } = response;
  if (!status || !config.validateStatus || config.validateStatus(status)) return undefined;
  return new AxiosError(
    `Request failed with status code ${status}`,
    status >= 400 && status < 500 ? AxiosError.ERR_BAD_REQUEST : AxiosError.ERR_BAD_RESPONSE,
    config,
    request,
    response,
  );
}
