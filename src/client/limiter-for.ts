import { isLimiter, Limiter } from '../../decorators/limits/index.js';
import type { Call } from '../../decorators/pipeline/index.js';
import type { ClientOptions } from './options.js';

/** The limiter that the option `rateLimit` of a client stands for. */
export function limiterFor(
  rateLimit: ClientOptions['rateLimit'],
  model: string | undefined,
): Limiter | undefined {
  if (rateLimit === undefined || isLimiter(rateLimit)) return rateLimit;
  if (rateLimit !== 'learn') return new Limiter(rateLimit);
  // Providers have limits for each model.
  return new Limiter({ learn: true, key: (call) => modelOf(call) ?? model ?? 'default' });
}

/** The model that the arguments of a call name: in the params of a method of ours, or in the body of a request. */
function modelOf({ args }: Call): string | undefined {
  const [, second] = args as [unknown, { model?: unknown; body?: { model?: unknown } } | undefined];
  const model = second?.model ?? second?.body?.model;
  return typeof model === 'string' ? model : undefined;
}
