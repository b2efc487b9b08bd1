// @ts-nocheck
export * from './classes.js';
export { neverSent } from './failure-kinds.js';
export { fromFailure, type FailureContext } from './from-failure.js';
export type { ResponseErrorClass } from './classify.js';
export { errorFromResponse, type ErrorResponse } from './from-response.js';
export { readRateLimit, readRequestId, readRetryAfterMs } from './headers.js';
export { LLMError, type AttemptSummary, type LLMErrorInit } from './llm-error.js';
export type { RateLimitInfo, RateLimitWindow } from './rate-limit-info.js';
export { redact, redactText } from './redact.js';
export { scrubCause } from './scrub.js';
export type { LLMErrorCode } from './table.js';
