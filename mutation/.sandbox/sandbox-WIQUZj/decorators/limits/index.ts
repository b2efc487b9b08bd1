// @ts-nocheck
export type { BalanceSnapshot, RateSnapshot } from './balance.js';
export type {
  Amounts,
  LimiterStore,
  Mark,
  ProviderReport,
  Rate,
  ReportedLimit,
  Settlement,
  SharedLimits,
  SharedState,
  TakeAnswer,
  TakeRequest,
} from './store.js';
export type { Lease } from './lease.js';
export { isLimiter, Limiter } from './limiter.js';
export type { CallCost, LimiterOptions, LimitNumbers } from './limiter-options.js';
export { TokenBucket, type AcquireOptions } from './token-bucket.js';
