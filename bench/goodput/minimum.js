import { LIMITS } from './settings.js';

/**
 * The seconds that no client can beat for these calls, `[{ tokens, latencyMs }]`. A bucket that begins with its burst and
 * refills steadily has given `burst + rate × t` by the time t at the most. When the last call is admitted, all have
 * been paid for: so that moment is not before (total - burst) / rate, for the requests and for the tokens alike. The
 * last call then takes its latency, at least that of the shortest.
 */
export function minimumSeconds(calls) {
  const tokens = calls.reduce((sum, call) => sum + call.tokens, 0);
  const byRequests = (calls.length - LIMITS.requestBurst) / (LIMITS.requestsPerMinute / 60);
  const byTokens = (tokens - LIMITS.tokenBurst) / (LIMITS.tokensPerMinute / 60);
  const shortest = Math.min(...calls.map(({ latencyMs }) => latencyMs)) / 1000;
  return Math.max(0, byRequests, byTokens) + shortest;
}
