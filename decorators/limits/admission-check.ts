import type { Call, CallFacts } from '../pipeline/call.js';
import { processWide } from '../pipeline/shared.js';

/** What else must agree in the step in which a limiter admits a call. */
export interface AdmissionCheck {
  /** Throws when the call may not be admitted now; takes nothing. */
  test(): void;
  /** Takes what the call needs: called in the step in which `test()` has not thrown. */
  commit(): void;
}

// By what is reported of an attempt: all views of one attempt share it. Limiters of other copies of the package look here too.
const checks = processWide('admissionChecks', () => ({
  any: false,
  of: new WeakMap<CallFacts, AdmissionCheck>(),
}));

/** Has limiters ask `check` before they admit `call`. */
export function addAdmissionCheck(call: Call, check: AdmissionCheck): void {
  checks.any = true;
  checks.of.set(call.facts, check);
}

/** What has to agree to admit `call`, if anything does. */
export function admissionCheckOf(call: Call): AdmissionCheck | undefined {
  // Every call passes here: those of a program without such checks do so for nothing.
  return checks.any ? checks.of.get(call.facts) : undefined;
}
