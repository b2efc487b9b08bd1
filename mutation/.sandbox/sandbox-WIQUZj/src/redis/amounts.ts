// @ts-nocheck
import type { Amounts, Rate, ReportedLimit } from '../../decorators/limits/index.js';

/** More thousandths than any limit has, and few enough for sums of them to be exact. */
const MOST = 2 ** 50;

/** An amount in whole thousandths, rounded up: what fits a burst in full numbers fits it in these too. */
export function thousandths(amount: number): number {
  return whole(amount * 1000, Math.ceil);
}

/** What binary fractions add to a decimal number, or take from it, does not count. */
function whole(exact: number, round: (exact: number) => number): number {
  const nearest = Math.round(exact);
  return Math.min(Math.abs(exact - nearest) <= Math.abs(exact) * 1e-12 ? nearest : round(exact), MOST);
}

/** The arguments for a pair of amounts. */
export function pair({ requests, tokens }: Amounts): string[] {
  return [String(thousandths(requests)), String(thousandths(tokens))];
}

/** The arguments for a report of `rate`: what was left, and the most that can be there now; empty where it tells nothing. */
export function reported(rate: Rate, { limit, remaining, resetMs }: ReportedLimit = {}): [string, string] {
  if (remaining === undefined || (resetMs !== undefined && resetMs <= 0)) return ['', ''];
  const left = String(whole(remaining * 1000, Math.floor));
  if (remaining > 0 || resetMs === undefined) return [left, ''];
  // Nothing is left: the next unit comes at the provider's pace (`limit` units in `resetMs`), or else with the reset.
  const refilledMeanwhile = ((resetMs / Math.max(1, limit ?? 1)) * thousandths(rate.limit)) / rate.windowMs;
  return [left, String(Math.max(-MOST, 1000 - whole(refilledMeanwhile, Math.ceil)))];
}
