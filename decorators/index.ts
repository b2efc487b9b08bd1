export * from './errors/classes.js';
export { errorFromResponse, fromFailure, LLMError } from './errors/index.js';
export type {
  AttemptSummary,
  ErrorResponse,
  FailureContext,
  LLMErrorCode,
  LLMErrorInit,
  RateLimitInfo,
  RateLimitWindow,
  ResponseErrorClass,
} from './errors/index.js';
export * from './limits/index.js';
export * from './pipeline/index.js';
export { HandleApiErrors, type HandleApiErrorsOptions } from './handle-api-errors.js';
export { Hedged, type HedgedOptions } from './hedged.js';
export { RateLimited, type RateLimitedOptions } from './rate-limited.js';
export type { Jitter } from './retry/backoff.js';
export type { RetryBudgetOptions } from './retry/budget.js';
export { RetryWithBackoff, type RetryNotice, type RetryOptions } from './retry-with-backoff.js';
export type { TelemetryApi } from './telemetry/api.js';
export type { Semconv } from './telemetry/names.js';
export { Traced, type TracedOptions } from './traced.js';
export { Timeout, type TimeoutOptions } from './timeout.js';
