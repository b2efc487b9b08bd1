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
import { hostOf } from '../pipeline/host.js';
import { runtime } from '../pipeline/runtime.js';
import { processWide } from '../pipeline/shared.js';

/** How many retries an object may make, over all its calls. */
export interface RetryBudgetOptions {
  /** Retries allowed for each call, on average. Default 0.2. */
  ratio?: number;
  /** Retries a second that are allowed in any case, for a client with few calls. Default 10. */
  minPerSecond?: number;
}
const WINDOW_SECONDS = 10;

/** Calls and retries of the last ten seconds, in a ring of seconds. */
class RetryCounts {
  private readonly calls = (stryMutAct_9fa48("22") ? new Array() : (stryCov_9fa48("22"), new Array<number>(WINDOW_SECONDS))).fill(0);
  private readonly retries = (stryMutAct_9fa48("23") ? new Array() : (stryCov_9fa48("23"), new Array<number>(WINDOW_SECONDS))).fill(0);
  private second = Math.floor(stryMutAct_9fa48("24") ? runtime().now() * 1000 : (stryCov_9fa48("24"), runtime().now() / 1000));
  private callsInWindow = 0;
  private retriesInWindow = 0;
  countCall(): void {
    if (stryMutAct_9fa48("25")) {
      {}
    } else {
      stryCov_9fa48("25");
      const slot = this.advance();
      this.calls[slot] = stryMutAct_9fa48("26") ? (this.calls[slot] ?? 0) - 1 : (stryCov_9fa48("26"), (stryMutAct_9fa48("27") ? this.calls[slot] && 0 : (stryCov_9fa48("27"), this.calls[slot] ?? 0)) + 1);
      stryMutAct_9fa48("28") ? this.callsInWindow-- : (stryCov_9fa48("28"), this.callsInWindow++);
    }
  }

  /** Counts a retry if there is room for it. */
  takeRetry({
    ratio = 0.2,
    minPerSecond = 10
  }: RetryBudgetOptions): boolean {
    if (stryMutAct_9fa48("29")) {
      {}
    } else {
      stryCov_9fa48("29");
      const slot = this.advance();
      if (stryMutAct_9fa48("33") ? this.retriesInWindow + 1 <= minPerSecond * WINDOW_SECONDS + ratio * this.callsInWindow : stryMutAct_9fa48("32") ? this.retriesInWindow + 1 >= minPerSecond * WINDOW_SECONDS + ratio * this.callsInWindow : stryMutAct_9fa48("31") ? false : stryMutAct_9fa48("30") ? true : (stryCov_9fa48("30", "31", "32", "33"), (stryMutAct_9fa48("34") ? this.retriesInWindow - 1 : (stryCov_9fa48("34"), this.retriesInWindow + 1)) > (stryMutAct_9fa48("35") ? minPerSecond * WINDOW_SECONDS - ratio * this.callsInWindow : (stryCov_9fa48("35"), (stryMutAct_9fa48("36") ? minPerSecond / WINDOW_SECONDS : (stryCov_9fa48("36"), minPerSecond * WINDOW_SECONDS)) + (stryMutAct_9fa48("37") ? ratio / this.callsInWindow : (stryCov_9fa48("37"), ratio * this.callsInWindow)))))) return stryMutAct_9fa48("38") ? true : (stryCov_9fa48("38"), false);
      this.retries[slot] = stryMutAct_9fa48("39") ? (this.retries[slot] ?? 0) - 1 : (stryCov_9fa48("39"), (stryMutAct_9fa48("40") ? this.retries[slot] && 0 : (stryCov_9fa48("40"), this.retries[slot] ?? 0)) + 1);
      stryMutAct_9fa48("41") ? this.retriesInWindow-- : (stryCov_9fa48("41"), this.retriesInWindow++);
      return stryMutAct_9fa48("42") ? false : (stryCov_9fa48("42"), true);
    }
  }

  /** Empties the slots of the seconds that have passed; gives the present one. */
  private advance(): number {
    if (stryMutAct_9fa48("43")) {
      {}
    } else {
      stryCov_9fa48("43");
      const now = Math.floor(stryMutAct_9fa48("44") ? runtime().now() * 1000 : (stryCov_9fa48("44"), runtime().now() / 1000));
      const passed = stryMutAct_9fa48("45") ? Math.max(Math.max(now - this.second, 0), WINDOW_SECONDS) : (stryCov_9fa48("45"), Math.min(stryMutAct_9fa48("46") ? Math.min(now - this.second, 0) : (stryCov_9fa48("46"), Math.max(stryMutAct_9fa48("47") ? now + this.second : (stryCov_9fa48("47"), now - this.second), 0)), WINDOW_SECONDS));
      for (let i = 1; stryMutAct_9fa48("50") ? i > passed : stryMutAct_9fa48("49") ? i < passed : stryMutAct_9fa48("48") ? false : (stryCov_9fa48("48", "49", "50"), i <= passed); stryMutAct_9fa48("51") ? i-- : (stryCov_9fa48("51"), i++)) {
        if (stryMutAct_9fa48("52")) {
          {}
        } else {
          stryCov_9fa48("52");
          const slot = stryMutAct_9fa48("53") ? (this.second + i) * WINDOW_SECONDS : (stryCov_9fa48("53"), (stryMutAct_9fa48("54") ? this.second - i : (stryCov_9fa48("54"), this.second + i)) % WINDOW_SECONDS);
          stryMutAct_9fa48("55") ? this.callsInWindow += this.calls[slot] ?? 0 : (stryCov_9fa48("55"), this.callsInWindow -= stryMutAct_9fa48("56") ? this.calls[slot] && 0 : (stryCov_9fa48("56"), this.calls[slot] ?? 0));
          stryMutAct_9fa48("57") ? this.retriesInWindow += this.retries[slot] ?? 0 : (stryCov_9fa48("57"), this.retriesInWindow -= stryMutAct_9fa48("58") ? this.retries[slot] && 0 : (stryCov_9fa48("58"), this.retries[slot] ?? 0));
          this.calls[slot] = this.retries[slot] = 0;
        }
      }
      this.second = stryMutAct_9fa48("59") ? Math.min(now, this.second) : (stryCov_9fa48("59"), Math.max(now, this.second));
      return stryMutAct_9fa48("60") ? (this.second % WINDOW_SECONDS + WINDOW_SECONDS) * WINDOW_SECONDS : (stryCov_9fa48("60"), (stryMutAct_9fa48("61") ? this.second % WINDOW_SECONDS - WINDOW_SECONDS : (stryCov_9fa48("61"), (stryMutAct_9fa48("62") ? this.second * WINDOW_SECONDS : (stryCov_9fa48("62"), this.second % WINDOW_SECONDS)) + WINDOW_SECONDS)) % WINDOW_SECONDS);
    }
  }
}

/** A retry budget as one policy sees it. */
export interface RetryBudget {
  countCall(): void;
  /** Whether one more retry fits; if so, it is counted. */
  takeRetry(): boolean;
}
const countsOf = processWide(stryMutAct_9fa48("63") ? "" : (stryCov_9fa48("63"), 'retryBudgets'), stryMutAct_9fa48("64") ? () => undefined : (stryCov_9fa48("64"), () => new WeakMap<object, RetryCounts>()));

/**
 * The budget for further attempts on `self`, which retries, hedges and fallbacks draw on; clients of one provider and key
 * share it, other objects have their own. Over the last ten seconds there may be `ratio` retries for each call and
 * `minPerSecond` for each second besides, after Finagle's RetryBudget.
 */
export function retryBudgetOf(self: object, options: RetryBudgetOptions | false = {}): RetryBudget | undefined {
  if (stryMutAct_9fa48("65")) {
    {}
  } else {
    stryCov_9fa48("65");
    if (stryMutAct_9fa48("68") ? options !== false : stryMutAct_9fa48("67") ? false : stryMutAct_9fa48("66") ? true : (stryCov_9fa48("66", "67", "68"), options === (stryMutAct_9fa48("69") ? true : (stryCov_9fa48("69"), false)))) return undefined;
    const owner = stryMutAct_9fa48("70") ? hostOf(self)?.retryBudgetOwner?.() && self : (stryCov_9fa48("70"), (stryMutAct_9fa48("72") ? hostOf(self).retryBudgetOwner?.() : stryMutAct_9fa48("71") ? hostOf(self)?.retryBudgetOwner() : (stryCov_9fa48("71", "72"), hostOf(self)?.retryBudgetOwner?.())) ?? self);
    const counts = stryMutAct_9fa48("73") ? countsOf.get(owner) && new RetryCounts() : (stryCov_9fa48("73"), countsOf.get(owner) ?? new RetryCounts());
    countsOf.set(owner, counts);
    return stryMutAct_9fa48("74") ? {} : (stryCov_9fa48("74"), {
      countCall: stryMutAct_9fa48("75") ? () => undefined : (stryCov_9fa48("75"), () => counts.countCall()),
      takeRetry: stryMutAct_9fa48("76") ? () => undefined : (stryCov_9fa48("76"), () => counts.takeRetry(options))
    });
  }
}