export type { BalanceSnapshot, RateSnapshot } from './balance.js';
export type { Lease } from './lease.js';
export { isLimiter, Limiter } from './limiter.js';
export type { CallCost, LimiterOptions, LimitNumbers } from './limiter-options.js';
export { TokenBucket, type AcquireOptions } from './token-bucket.js';
