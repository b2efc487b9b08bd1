// @ts-nocheck
import { isLimiter, Limiter } from '../../decorators/limits/index.js';
import type { Call } from '../../decorators/pipeline/index.js';
import type { ClientOptions } from './options.js';

/** The limiter that the option `rateLimit` of a client stands for. */
export function limiterFor(
  rateLimit: ClientOptions['rateLimit'],
  modelOf: (call: Call) => string | undefined,
): Limiter | undefined {
  if (rateLimit === undefined || isLimiter(rateLimit)) return rateLimit;
  if (rateLimit !== 'learn') return new Limiter(rateLimit);
  // Providers have limits for each model.
  return new Limiter({ learn: true, key: (call) => modelOf(call) ?? 'default' });
}
