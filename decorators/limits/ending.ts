import { neverSent, RateLimitError } from '../errors/index.js';
import type { Call, CallFacts, CallOutcome } from '../pipeline/call.js';

/**
 * What a call that has ended is to be charged by: one that was not sent, or not even begun, has used nothing; one that the
 * provider has refused (4xx) has used no tokens; any other what it tells.
 */
export type Ending = 'unsent' | 'refused' | 'sent';

export function endingOf(call: Call, { error }: CallOutcome, facts: CallFacts): Ending {
  // A stream may be cut by a refusal: what has told its usage was accepted before, whatever it failed with.
  const accepted = facts.statusCode !== undefined && facts.statusCode < 400;
  if (accepted && facts.usage && facts.sent !== false && call.entered) return 'sent';
  const unsent = facts.sent === false || (error && (error.origin === 'client' || neverSent(error)));
  if (unsent || !call.entered) return 'unsent';
  if (!error) return 'sent';
  const status = facts.statusCode ?? error.statusCode ?? 0;
  return error instanceof RateLimitError || (status >= 400 && status < 500) ? 'refused' : 'sent';
}
