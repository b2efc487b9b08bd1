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
export { Breaker, isBreaker, type CircuitChoice } from './circuit/breaker.js';
export type { CircuitSnapshot } from './circuit/circuit.js';
export type { BreakerOptions, CircuitChange, CircuitStateName } from './circuit/options.js';
export { CircuitBreaker, type CircuitBreakerOptions } from './circuit-breaker.js';
export {
  Fallback,
  type ClientTarget,
  type ErrorClass,
  type ErrorMatch,
  type FallbackDecorator,
  type FallbackList,
  type FallbackOptions,
  type FallbackTarget,
  type MethodTarget,
  type ModelTarget,
  type ValueTarget,
} from './fallback.js';
export { Budget, type BudgetDecoratorOptions } from './budget.js';
export type { BudgetCost, BudgetFields, BudgetLimit, BudgetOptions } from './budget/options.js';
export { PRICE_LISTS, type ModelPrice, type PriceList, type PriceTable } from './budget/prices.js';
export { SpendingBudget, type BudgetChanges, type BudgetSnapshot } from './budget/spending-budget.js';
export { Cache, type CacheSnapshot } from './cache/cache.js';
export type { CacheOptions } from './cache/cache-options.js';
export type { Asked } from './cache/key.js';
export type { CacheStore } from './cache/store.js';
export { Cached, type CachedOptions } from './cached.js';
export { HandleApiErrors, type HandleApiErrorsOptions } from './handle-api-errors.js';
export { Hedged, type HedgedOptions } from './hedged.js';
export { RateLimited, type RateLimitedOptions } from './rate-limited.js';
export { Resilient, type ResilientOptions } from './resilient.js';
export type { Jitter } from './retry/backoff.js';
export type { RetryBudgetOptions } from './retry/budget.js';
export { RetryWithBackoff, type RetryNotice, type RetryOptions } from './retry-with-backoff.js';
export type { TelemetryApi } from './telemetry/api.js';
export type { Semconv } from './telemetry/names.js';
export { Traced, type TracedOptions } from './traced.js';
export { Timeout, type TimeoutOptions } from './timeout.js';
