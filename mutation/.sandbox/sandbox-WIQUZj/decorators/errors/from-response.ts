// @ts-nocheck
import { APIError, QuotaExceededError } from './classes.js';
import { classify, makerOf, type ResponseErrorClass } from './classify.js';
import { headerOf } from './each-header.js';
import { readRateLimit, readRequestId, readRetryAfterMs } from './headers.js';
import type { LLMError, LLMErrorInit } from './llm-error.js';
import type { RateLimitInfo } from './rate-limit-info.js';
import { hideAndCut, redactorFor, redactValue } from './redact.js';
import { parseBody, readErrorBody, type ErrorBody } from './response-body.js';
import { scrubCause } from './scrub.js';
import { withoutQuery } from './address.js';

/** A response that reports an error. */
export interface ErrorResponse {
  /** HTTP status. Missing or below 300 for an error inside a 200 body or an event of a stream. */
  statusCode?: number | undefined;
  /** A plain object, `AxiosHeaders` or `Headers`. */
  headers?: unknown;
  /** Parsed or not: data, text or bytes. An unread stream counts as no body. */
  body?: unknown;
  provider?: string | undefined;
  /** Values that must not appear anywhere in the error. */
  secrets?: Iterable<string> | undefined;
  cause?: unknown;
  /** The request, to name it where the response does not explain itself. */
  method?: string | undefined;
  url?: string | undefined;
  /** What the provider's own codes and types mean, before anything else is looked at. */
  meanings?: Readonly<Record<string, ResponseErrorClass>> | undefined;
  /** Whether another try may succeed, where status and words say otherwise. */
  retryable?: boolean | undefined;
  /** What the headers say of the provider's limits, where `readRateLimit()` would not understand them. */
  rateLimit?: RateLimitInfo | undefined;
  /** Makes the error when neither status nor body say what it is; an `APIError` by default. */
  fallback?: ((message: string, init: LLMErrorInit) => LLMError) | undefined;
}

const MAX_MESSAGE_LENGTH = 1000;
const MAX_PAGE_LENGTH = 120;

/**
 * The error that a response reports: its class by status, by the provider's `code` and `type`, and by the message;
 * a message that a person can act on; request id, wait and limits from the headers.
 *
 * @example
 * if (response.statusCode >= 400) {
 *   throw errorFromResponse({ ...response, provider: 'acme', secrets: [apiKey] });
 * }
 */
export function errorFromResponse(response: ErrorResponse): LLMError {
  const { headers, provider, fallback } = response;
  const secrets = [...(response.secrets ?? [])];
  const hide = redactorFor(secrets);
  // Hidden first: whatever is taken from it, and cut, is without secrets.
  const body = readErrorBody(redactValue(parseBody(response.body), hide));
  const outerStatus = response.statusCode ?? 0;
  const statusCode = outerStatus >= 300 ? outerStatus : body.status;
  const message = hideAndCut(describe(response, statusCode, body), hide, MAX_MESSAGE_LENGTH);
  const make = meaningOf(response, body) ?? classify(statusCode, body) ?? fallback ?? asAPIError;
  const rateLimit = response.rateLimit ?? readRateLimit(headers);
  const requestId = readRequestId(headers) ?? body.requestId;
  const init: LLMErrorInit = {
    statusCode,
    provider,
    requestId: requestId && hide(requestId),
    type: body.type ?? body.code,
    param: body.param,
    response: body.parsed,
    retryAfterMs: mayPass(statusCode) ? readRetryAfterMs(headers, body.parsed, rateLimit) : undefined,
    rateLimit,
  };
  if (response.cause !== undefined) init.cause = scrubCause(response.cause, secrets);
  const error = make(message, init);
  const retryable = shouldRetry(headers) ?? response.retryable;
  // An account without money is without money, whatever a proxy's header says.
  if (retryable === undefined || retryable === error.retryable || error instanceof QuotaExceededError)
    return error;
  return make(message, { ...init, retryable });
}

function meaningOf(
  { meanings }: ErrorResponse,
  { code, type }: ErrorBody,
): ReturnType<typeof makerOf> | undefined {
  const word = [code, type].find((name) => name !== undefined && Object.hasOwn(meanings ?? {}, name));
  const Class = word === undefined ? undefined : meanings?.[word];
  return Class && makerOf(Class);
}

function asAPIError(message: string, init: LLMErrorInit): LLMError {
  return new APIError(message, init.statusCode, init.response, init);
}

/** Where a wait may help at all: a 400 that shows a used up limit in passing is no matter of waiting. */
function mayPass(statusCode: number | undefined): boolean {
  return statusCode === undefined || statusCode >= 498 || [402, 403, 408, 409, 425, 429].includes(statusCode);
}

function shouldRetry(headers: unknown): boolean | undefined {
  const value = headerOf(headers, 'x-should-retry');
  return value === 'true' ? true : value === 'false' ? false : undefined;
}

function describe(response: ErrorResponse, statusCode: number | undefined, body: ErrorBody): string {
  const status = statusCode === undefined ? '' : `${statusCode} `;
  const request = requestOf(response);
  if (statusCode !== undefined && statusCode < 400) {
    const location = headerOf(response.headers, 'location');
    const target = location ? ` to ${withoutQuery(location)}` : '';
    return `${status}redirect${target}${request}: redirects are not followed, set the base URL to the final address.`;
  }
  if (body.isHTML) {
    const title = body.message ? `: "${body.message.slice(0, MAX_PAGE_LENGTH)}"` : '';
    return `${status}with a web page instead of data${title}${request}`;
  }
  if (!body.message) {
    return statusCode === undefined
      ? `The provider reported an error without a message${request}`
      : `${status}with an empty body${request}`;
  }
  // The text of a missing path or method seldom says which.
  return `${status}${body.message}${statusCode === 404 || statusCode === 405 ? request : ''}`;
}

function requestOf({ method, url }: ErrorResponse): string {
  return url ? ` (${method ? `${method.toUpperCase()} ` : ''}${withoutQuery(url)})` : '';
}
