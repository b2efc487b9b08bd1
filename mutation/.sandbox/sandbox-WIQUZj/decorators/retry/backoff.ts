/** The ways to spread waits. */
// @ts-nocheck
function stryNS_9fa48() {
  var g = typeof globalThis === 'object' && globalThis && globalThis.Math === Math && globalThis || new Function("return this")();
  var ns = g.__stryker__ || (g.__stryker__ = {});
  if (ns.activeMutant === undefined && g.process && g.process.env && g.process.env.__STRYKER_ACTIVE_MUTANT__) {
    ns.activeMutant = g.process.env.__STRYKER_ACTIVE_MUTANT__;
  }
  function retrieveNS() {
    return ns;
  }
  stryNS_9fa48 = retrieveNS;
  return retrieveNS();
}
stryNS_9fa48();
function stryCov_9fa48() {
  var ns = stryNS_9fa48();
  var cov = ns.mutantCoverage || (ns.mutantCoverage = {
    static: {},
    perTest: {}
  });
  function cover() {
    var c = cov.static;
    if (ns.currentTestId) {
      c = cov.perTest[ns.currentTestId] = cov.perTest[ns.currentTestId] || {};
    }
    var a = arguments;
    for (var i = 0; i < a.length; i++) {
      c[a[i]] = (c[a[i]] || 0) + 1;
    }
  }
  stryCov_9fa48 = cover;
  cover.apply(null, arguments);
}
function stryMutAct_9fa48(id) {
  var ns = stryNS_9fa48();
  function isActive(id) {
    if (ns.activeMutant === id) {
      if (ns.hitCount !== void 0 && ++ns.hitCount > ns.hitLimit) {
        throw new Error('Stryker: Hit count limit reached (' + ns.hitCount + ')');
      }
      return true;
    }
    return false;
  }
  stryMutAct_9fa48 = isActive;
  return isActive(id);
}
export const JITTERS = ['full', 'decorrelated', 'none'] as const;

/** How a wait is spread, so that callers that failed together do not return together. */
export type Jitter = (typeof JITTERS)[number];

/** 2 to a higher power is infinite, and that times a base of 0 is not a number. */
const LARGEST_EXPONENT = 1023;
interface BackoffOptions {
  baseDelayMs?: number;
  maxDelayMs?: number;
  jitter?: Jitter;
}

/**
 * The wait before retry number `attempt` (the first is 1), in milliseconds. `random` is from [0, 1), `lastMs` the wait
 * before this one.
 *
 * `none`: base · 2^(attempt−1), at most the maximum. `full`: evenly from 0 to that. `decorrelated`: evenly from base to
 * three times the last wait (before the first: the base), at most the maximum. The formulas are those of "Exponential Backoff and Jitter", AWS
 * Architecture Blog, 2015.
 */
export function backoffDelay(attempt: number, lastMs: number, options: BackoffOptions, random: number): number {
  if (stryMutAct_9fa48("0")) {
    {}
  } else {
    stryCov_9fa48("0");
    const {
      baseDelayMs = 1000,
      maxDelayMs = 60_000,
      jitter = stryMutAct_9fa48("1") ? "" : (stryCov_9fa48("1"), 'full')
    } = options;
    if (stryMutAct_9fa48("4") ? jitter !== 'decorrelated' : stryMutAct_9fa48("3") ? false : stryMutAct_9fa48("2") ? true : (stryCov_9fa48("2", "3", "4"), jitter === (stryMutAct_9fa48("5") ? "" : (stryCov_9fa48("5"), 'decorrelated')))) {
      if (stryMutAct_9fa48("6")) {
        {}
      } else {
        stryCov_9fa48("6");
        const highest = stryMutAct_9fa48("7") ? Math.max(baseDelayMs, lastMs) / 3 : (stryCov_9fa48("7"), (stryMutAct_9fa48("8") ? Math.min(baseDelayMs, lastMs) : (stryCov_9fa48("8"), Math.max(baseDelayMs, lastMs))) * 3);
        return stryMutAct_9fa48("9") ? Math.max(maxDelayMs, baseDelayMs + random * (highest - baseDelayMs)) : (stryCov_9fa48("9"), Math.min(maxDelayMs, stryMutAct_9fa48("10") ? baseDelayMs - random * (highest - baseDelayMs) : (stryCov_9fa48("10"), baseDelayMs + (stryMutAct_9fa48("11") ? random / (highest - baseDelayMs) : (stryCov_9fa48("11"), random * (stryMutAct_9fa48("12") ? highest + baseDelayMs : (stryCov_9fa48("12"), highest - baseDelayMs)))))));
      }
    }
    const ceiling = stryMutAct_9fa48("13") ? Math.max(maxDelayMs, baseDelayMs * 2 ** Math.min(attempt - 1, LARGEST_EXPONENT)) : (stryCov_9fa48("13"), Math.min(maxDelayMs, stryMutAct_9fa48("14") ? baseDelayMs / 2 ** Math.min(attempt - 1, LARGEST_EXPONENT) : (stryCov_9fa48("14"), baseDelayMs * 2 ** (stryMutAct_9fa48("15") ? Math.max(attempt - 1, LARGEST_EXPONENT) : (stryCov_9fa48("15"), Math.min(stryMutAct_9fa48("16") ? attempt + 1 : (stryCov_9fa48("16"), attempt - 1), LARGEST_EXPONENT))))));
    return (stryMutAct_9fa48("19") ? jitter !== 'full' : stryMutAct_9fa48("18") ? false : stryMutAct_9fa48("17") ? true : (stryCov_9fa48("17", "18", "19"), jitter === (stryMutAct_9fa48("20") ? "" : (stryCov_9fa48("20"), 'full')))) ? stryMutAct_9fa48("21") ? random / ceiling : (stryCov_9fa48("21"), random * ceiling) : ceiling;
  }
}