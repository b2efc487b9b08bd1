// @ts-nocheck
import type { LimitNumbers } from './limiter-options.js';
import type { Amounts, Rate, ReportedLimit, SharedLimits } from './store.js';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/**
 * How long a call is taken to be on its way to the provider, whose account is of its arrival: what is refilled meanwhile is in
 * the account already.
 */
export const TRANSIT_MS = 50;

/** What `numbers` limit, dimension by dimension. */
export function limitsOf(numbers: LimitNumbers): SharedLimits {
  const rates: Rate[] = [];
  const add = (
    name: Rate['name'],
    unit: keyof Amounts,
    limit: number | undefined,
    windowMs: number,
    burst = limit,
  ): void => {
    if (limit !== undefined) rates.push({ name, unit, limit, windowMs, burst: burst ?? limit });
  };
  add('requests', 'requests', numbers.requestsPerMinute, MINUTE_MS, numbers.requestBurst);
  add('tokens', 'tokens', numbers.tokensPerMinute, MINUTE_MS, numbers.tokenBurst);
  add('dailyRequests', 'requests', numbers.requestsPerDay, DAY_MS);
  add('dailyTokens', 'tokens', numbers.tokensPerDay, DAY_MS);
  return { rates, maxConcurrent: numbers.maxConcurrent };
}

/** Which of the rates a report is about: that of its window, or else that of the minute, for which it is a bound too. */
export function reportedRate(
  { rates }: SharedLimits,
  unit: keyof Amounts,
  report: ReportedLimit | undefined,
): Rate['name'] {
  const daily = unit === 'requests' ? 'dailyRequests' : 'dailyTokens';
  return report?.windowMs === DAY_MS && rates.some(({ name }) => name === daily) ? daily : unit;
}

/** The most of `unit` that one call may take; undefined when it is not limited. */
export function capacityOf({ rates }: SharedLimits, unit: keyof Amounts): number | undefined {
  const bursts = rates.filter((rate) => rate.unit === unit).map(({ burst }) => burst);
  return bursts.length === 0 ? undefined : Math.min(...bursts);
}

/** Why so much can never be there at once; undefined when it can. */
export function neverFits(limits: SharedLimits, { requests, tokens }: Amounts): string | undefined {
  const mostRequests = capacityOf(limits, 'requests');
  if (mostRequests !== undefined && requests > mostRequests) {
    return `It counts as ${requests} requests, and at most ${mostRequests} can be there at once: raise requestBurst or the limit.`;
  }
  const mostTokens = capacityOf(limits, 'tokens');
  if (mostTokens !== undefined && tokens > mostTokens) {
    return `It may use ${tokens} tokens, and at most ${mostTokens} can be there at once: shorten the input, lower the bound of the output, or raise tokenBurst or the limit.`;
  }
  return undefined;
}
