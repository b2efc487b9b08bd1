import { LLMError, register, type LLMErrorInit } from './llm-error.js';

/** The provider does not accept the key, or there is none (401). */
export class AuthenticationError extends LLMError {}

/**
 * Too many requests or tokens: the provider's refusal (429), or with `origin: 'client'` that of our own limiter,
 * which is not retried. `retryAfterMs` says how long to wait, where it is known.
 */
export class RateLimitError extends LLMError {}

/** The account's money or quota is used up (402, or 429 with `insufficient_quota`): waiting does not help. */
export class QuotaExceededError extends RateLimitError {}

/**
 * The provider answered with an error that has no more precise class. Retried when the status is 408, 409, 429
 * or at least 500.
 *
 * @example
 * throw new APIError('503 The model is loading.', 503, body, { requestId });
 */
export class APIError extends LLMError {
  constructor(message: string, statusCode?: number, response?: unknown, init: LLMErrorInit = {}) {
    super(message, {
      ...init,
      statusCode: statusCode ?? init.statusCode,
      response: response ?? init.response,
    });
  }
}

/** The request is wrong (400): `param` and `message` say where. */
export class BadRequestError extends APIError {}

/** Prompt and wanted output do not fit into the model's context window. */
export class ContextLengthError extends BadRequestError {}

/** The key is valid but may not do this (403). */
export class PermissionDeniedError extends APIError {}

/** There is no such model, path or object (404). */
export class NotFoundError extends APIError {}

/** The request collided with another one (409). */
export class ConflictError extends APIError {}

/** The request is well-formed but its content is not accepted (422). */
export class UnprocessableEntityError extends APIError {}

/** The provider failed (500 and above). */
export class InternalServerError extends APIError {}

/** The provider has no capacity at the moment (503, 529). */
export class OverloadedError extends InternalServerError {}

/** The connection could not be made, or broke before the response was complete. */
export class ConnectionError extends LLMError {}

/**
 * Something took too long. `code` says what: `timeout_total` (the whole call; not retried), `timeout_attempt`,
 * `timeout_connect`, `timeout_first_event` or `timeout_idle`.
 */
export class TimeoutError extends LLMError {}

/** A stream is not what it should be: an error event, or something that cannot be read. */
export class StreamError extends LLMError {}

/** A stream ended before it was complete. */
export class IncompleteStreamError extends StreamError {}

/** The caller aborted the call; `cause` is the signal's reason. */
export class AbortError extends LLMError {}

/** The circuit that refused a call. */
export interface CircuitRefusal {
  /** The name of the circuit. */
  readonly key: string;
  readonly state: 'open' | 'half_open' | 'isolated';
  /** For how many milliseconds it had been in this state. */
  readonly forMs: number;
  /** Why it is not closed, in words. */
  readonly reason: string;
}

/**
 * The circuit breaker is open: the call was refused before it was sent. `retryAfterMs` says when it lets a trial call through,
 * where that is a matter of time; `circuit` which circuit it is, since when and why.
 */
export class CircuitOpenError extends LLMError {
  /** What refused the call. */
  declare readonly circuit?: CircuitRefusal;

  constructor(message: string, init: LLMErrorInit & { circuit?: CircuitRefusal | undefined } = {}) {
    super(message, init);
    if (init.circuit !== undefined) this.circuit = init.circuit;
  }
}

/** The queue of the limiter is full: the call was refused before it was sent. */
export class QueueFullError extends LLMError {}

/** The money or tokens set aside for this are used up: the call was refused before it was sent. */
export class BudgetExceededError extends LLMError {}

/** The shared store of the limiter cannot be reached, and the caller chose to refuse calls then. */
export class StoreUnavailableError extends LLMError {}

/** The response arrived but is not of the form that was asked for. */
export class ResponseFormatError extends LLMError {}

/** The provider has no such operation. */
export class UnsupportedOperationError extends LLMError {}

// One by one, not in a loop over an object: so each name stands beside its class for a minifier and for a reader.
register('AuthenticationError', AuthenticationError);
register('RateLimitError', RateLimitError);
register('QuotaExceededError', QuotaExceededError);
register('APIError', APIError);
register('BadRequestError', BadRequestError);
register('ContextLengthError', ContextLengthError);
register('PermissionDeniedError', PermissionDeniedError);
register('NotFoundError', NotFoundError);
register('ConflictError', ConflictError);
register('UnprocessableEntityError', UnprocessableEntityError);
register('InternalServerError', InternalServerError);
register('OverloadedError', OverloadedError);
register('ConnectionError', ConnectionError);
register('TimeoutError', TimeoutError);
register('StreamError', StreamError);
register('IncompleteStreamError', IncompleteStreamError);
register('AbortError', AbortError);
register('CircuitOpenError', CircuitOpenError);
register('QueueFullError', QueueFullError);
register('BudgetExceededError', BudgetExceededError);
register('StoreUnavailableError', StoreUnavailableError);
register('ResponseFormatError', ResponseFormatError);
register('UnsupportedOperationError', UnsupportedOperationError);
