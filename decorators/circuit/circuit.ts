import type { CircuitRefusal, LLMError } from '../errors/index.js';
import { currentTime } from '../pipeline/runtime.js';
import type { CircuitChange, CircuitSettings, CircuitStateName } from './options.js';
import { CountWindow, Tally, TimeWindow, type Counts, type Result, type Window } from './window.js';

/** The state of a circuit as plain data. Times are in milliseconds. */
export interface CircuitSnapshot {
  readonly state: CircuitStateName;
  /** For how long it has been in this state. */
  readonly forMs: number;
  /** The calls that have ended and count: those in the window, or while it is half-open the trial calls. */
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
  /** How often calls have opened it since one has ended well. */
  readonly openings: number;
  /** Why it is not closed. */
  readonly reason?: string;
  /** How long until it lets a trial call through; while it is open. */
  readonly retryAfterMs?: number;
}

/** Why a call is not let through. */
export interface Refusal extends CircuitRefusal {
  /** When a call may be let through; undefined when that is not a matter of time. */
  readonly retryAfterMs: number | undefined;
}

/** How a call went, with what it failed with. */
export interface CallResult extends Result {
  readonly error?: LLMError | undefined;
}

/**
 * One circuit: it counts the results of calls, opens when too many failed or were slow, lets trial calls through after a
 * while, and closes or opens again by these. Nothing in it runs by itself: what time has changed is found when somebody asks.
 */
export class Circuit {
  private state: CircuitStateName = 'closed';
  /** Grows with each change of state: results of calls let through before are dropped. */
  private generation = 0;
  private since = currentTime();
  private window: Window;
  private openUntil = 0;
  private openings = 0;
  private reason = '';
  /** Trial calls that were let through and have not been taken back, and what those that ended came to. */
  private trialsTaken = 0;
  private readonly trials = new Tally();
  /** When a trial call was let through or gave a sign of life last. */
  private aliveAt = 0;
  /** Calls let through that have not ended. */
  private running = 0;
  private usedAt = this.since;

  constructor(
    readonly key: string,
    private readonly settings: CircuitSettings,
    private readonly tell: (change: CircuitChange) => void,
  ) {
    this.window = this.newWindow();
  }

  /** Why a call would be refused now; undefined when it would be let through. */
  refusal(now: number): Refusal | undefined {
    this.usedAt = now;
    this.advance(now);
    const { key, state, since, reason } = this;
    if (state === 'closed') return undefined;
    if (state === 'half_open' && this.trialsTaken < this.settings.halfOpenCalls) return undefined;
    const retryAfterMs = state === 'open' ? Math.ceil(this.openUntil - now) : undefined;
    return { key, state, forMs: Math.round(now - since), reason, retryAfterMs };
  }

  /** Lets a call through that is not refused: gives the generation, which its result must name. */
  take(now: number): number {
    if (this.state === 'half_open') {
      this.trialsTaken++;
      this.aliveAt = now;
    }
    this.running++;
    return this.generation;
  }

  /** Whether a call of this generation is one by which the half-open circuit decides. */
  isTrial(generation: number): boolean {
    return this.state === 'half_open' && generation === this.generation;
  }

  /** A trial call shows that it goes on. */
  sawLife(generation: number, now: number): void {
    this.advance(now);
    if (generation === this.generation) this.aliveAt = now;
  }

  /** A call has answered that has not ended: whether it is a trial call, which decides by that. */
  trialAnswered(generation: number, result: CallResult, now: number): boolean {
    this.advance(now);
    if (!this.isTrial(generation)) return false;
    this.endTrial(result, now);
    return true;
  }

  /** A call has ended whose result is known. */
  leave(now: number): void {
    this.running--;
    this.usedAt = now;
    this.advance(now);
  }

  /** A call has ended. Without a result it tells nothing of the provider: its permit goes to another. */
  end(generation: number, result: CallResult | undefined, now: number): void {
    this.leave(now);
    if (generation !== this.generation) return;
    if (this.state === 'closed' && result) this.count(result, now);
    else if (this.state === 'half_open') {
      this.endTrial(result, now);
      if (this.stateAt(now) === 'closed') this.openings = 0;
    }
  }

  /** Opens it for `forMs`, by default as long as after failures. One that is isolated stays so. */
  open(now: number, forMs: number = this.settings.openMs): void {
    this.advance(now);
    if (this.state === 'isolated') return;
    this.reason = 'it was opened by hand';
    this.openUntil = now + forMs;
    this.enter('open', now, { openMs: forMs });
  }

  /** Lets nothing through until it is closed. */
  isolate(now: number): void {
    this.advance(now);
    this.reason = 'it was isolated by hand';
    if (this.state !== 'isolated') this.enter('isolated', now);
  }

  /** Closes it and forgets what was counted; calls under way are not counted any more. */
  close(now: number): void {
    this.advance(now);
    this.openings = 0;
    this.enter('closed', now);
  }

  /** Whether nobody would miss it: it is not used, and what it knows is out of date. */
  isForgettable(now: number, afterMs: number): boolean {
    const { state, running, usedAt, openUntil } = this;
    return state !== 'isolated' && running === 0 && now >= Math.max(usedAt + afterMs, openUntil);
  }

  stateAt(now: number): CircuitStateName {
    this.advance(now);
    return this.state;
  }

  snapshot(now: number): CircuitSnapshot {
    const state = this.stateAt(now);
    const { calls, failures, slow } = state === 'half_open' ? this.trials : this.window.counts(now);
    return {
      state,
      forMs: Math.round(now - this.since),
      calls,
      failures,
      slow,
      openings: this.openings,
      ...(state !== 'closed' && { reason: this.reason }),
      ...(state === 'open' && { retryAfterMs: Math.ceil(this.openUntil - now) }),
    };
  }

  /** Makes up for the changes that time has brought, at the times at which they were due. */
  private advance(now: number): void {
    const { halfOpenCalls, halfOpenMaxMs } = this.settings;
    if (this.state === 'half_open' && this.trialsTaken >= halfOpenCalls) {
      const silentUntil = this.aliveAt + halfOpenMaxMs;
      if (now >= silentUntil) {
        this.openAgain(silentUntil, `its trial calls gave no sign of life for ${halfOpenMaxMs} ms`, {});
      }
    }
    if (this.state === 'open' && now >= this.openUntil) this.halfOpen(this.openUntil);
  }

  private halfOpen(at: number): void {
    this.trialsTaken = 0;
    this.trials.clear();
    this.enter('half_open', at);
  }

  private count(result: CallResult, now: number): void {
    this.window.add(result, now);
    // Streams that began well have closed it, which may break all the same: it is well when a call has ended so.
    if (!result.failed && !result.slow) this.openings = 0;
    const counts = this.window.counts(now);
    if (counts.calls < this.settings.minimumCalls) return;
    this.openIfBad(counts, 'calls', result.error, now);
  }

  private endTrial(result: CallResult | undefined, now: number): void {
    if (!result) {
      this.trialsTaken--;
      return;
    }
    this.aliveAt = now;
    this.trials.add(result);
    if (this.trials.calls < this.settings.halfOpenCalls) return;
    if (!this.openIfBad(this.trials, 'trial calls', result.error, now)) this.enter('closed', now);
  }

  /** Opens when too many of the calls failed, or too many were slow. */
  private openIfBad(counts: Counts, what: string, error: LLMError | undefined, now: number): boolean {
    const { failureRate, slowCallRate, slowCallMs } = this.settings;
    const { calls, failures, slow } = counts;
    const rates = { failureRate: failures / calls, slowRate: slow / calls };
    const failed = rates.failureRate >= failureRate;
    if (!failed && rates.slowRate < slowCallRate) return false;
    const reason = failed
      ? `${failures} of ${calls} ${what} failed${error ? `, the last with ${nameOf(error)}` : ''}`
      : `${slow} of ${calls} ${what} took ${slowCallMs} ms or longer`;
    this.openAgain(now, reason, { calls, ...rates, ...(error && { error }) });
    return true;
  }

  /** Opens for twice as long as the last time in a row, and no shorter than the provider asks for. */
  private openAgain(at: number, reason: string, why: Partial<CircuitChange>): void {
    const { openMs, maxOpenMs } = this.settings;
    const ownMs = Math.min(openMs * 2 ** this.openings, maxOpenMs);
    const wantedMs = Math.max(ownMs, why.error?.retryAfterMs ?? 0);
    this.openings++;
    this.reason = reason;
    this.openUntil = at + wantedMs;
    this.enter('open', at, { ...why, openMs: wantedMs });
  }

  private enter(state: CircuitStateName, at: number, why: Partial<CircuitChange> = {}): void {
    const isNews = state !== this.state || state === 'open';
    this.state = state;
    this.since = at;
    this.generation++;
    this.window = this.newWindow();
    if (isNews) this.tell({ ...why, key: this.key, state });
  }

  private newWindow(): Window {
    const { windowCalls, windowMs } = this.settings;
    return windowCalls === undefined ? new TimeWindow(windowMs) : new CountWindow(windowCalls);
  }
}

/** No message: it may quote what another caller has asked. */
function nameOf({ name, code, statusCode }: LLMError): string {
  return statusCode === undefined ? `${name} (${code})` : `${name} (status ${statusCode})`;
}
