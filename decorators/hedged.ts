import type { LLMError } from './errors/index.js';
import { LatencyBook, REMEMBERED, type Latencies } from './hedged/latencies.js';
import { Race } from './hedged/race.js';
import type { HedgeEvent } from './pipeline/events.js';
import { hostOf } from './pipeline/host.js';
import { definePolicy, type Call, type Next, type PolicyTarget, type Stage } from './pipeline/index.js';
import { checkOptions, rules } from './pipeline/options.js';
import { currentTime } from './pipeline/runtime.js';
import { budgetRule, checkBudgetOptions, takeRetry, type RetryBudgetOptions } from './retry/budget.js';
import { RecentCounts } from './retry/recent-counts.js';

/** Options of `@Hedged`. */
export interface HedgedOptions {
  /**
   * How long an attempt may run, in milliseconds from its admission on, before the next is begun beside it. `'p95'`, the
   * default: as long as 95 of the last 100 attempts at the same model took to answer, a stream to its first event
   * that carries content.
   */
  delayMs?: number | 'p95';
  /** How many attempts may be begun beside the first. Default 1. */
  maxHedges?: number;
  /**
   * How many hedges there may be for each call, over the last minute, by object and method; one a minute may be in any
   * case. Default 0.05.
   */
  maxExtraRatio?: number;
  /** How many times `'p95'` must be made of, 1 to 200: before there are so many, nothing is hedged. Default 20. */
  minimumSamples?: number;
  /** Decides instead of `error.retryable` whether the next attempt is begun after a failure, or the call ended by it. */
  hedgeOn?: (error: LLMError) => boolean;
  /** The budget that hedges share with retries; `false` for none. Default `{ ratio: 0.2, minPerSecond: 10 }`. */
  budget?: RetryBudgetOptions | false;
}

const table = {
  delayMs: (value: unknown) =>
    value === 'p95' || !rules.notNegative(value) ? undefined : "give a number of at least 0, or 'p95'",
  maxHedges: rules.positiveCount,
  maxExtraRatio: rules.notNegative,
  minimumSamples: (value: unknown) =>
    rules.positiveCount(value) || (value as number) > REMEMBERED
      ? `give a whole number from 1 to ${REMEMBERED}`
      : undefined,
  hedgeOn: rules.function,
  budget: budgetRule,
};

/**
 * Begins a second attempt beside one that is slow, and takes the answer that comes first: a few calls more for far
 * shorter longest waits. The next attempt is begun after `delayMs`, or at once when one fails with what may pass; a
 * failure that trying again cannot mend ends all of them. The first success wins, for a stream the first event
 * that carries content. The others are aborted, and nobody waits for them.
 *
 * Each attempt passes the limiter by itself. None is begun when the cap or the retry budget is used up, or a server
 * has asked to be left alone (429, `retry-after`). Only for calls that may be made twice.
 *
 * @throws when all attempts fail: the failure that asks for the longest wait, else that of the first attempt; all are
 * in `error.attempts`.
 *
 * @example
 * @Hedged({ delayMs: 800 })
 * async complete(prefix: string) { … }
 */
export const Hedged = definePolicy<HedgedOptions>({
  kind: 'Hedged',
  place: 'Hedged',
  validate(options, where) {
    checkOptions(options, table, where);
    if (options.budget) checkBudgetOptions(options.budget, where);
  },
  create: (target) => new HedgedStage(target),
});

const WINDOW_SECONDS = 60;

class HedgedStage implements Stage<HedgedOptions> {
  private readonly traffic = new RecentCounts(WINDOW_SECONDS);
  private readonly latencies = new LatencyBook();
  private readonly counts: Record<HedgeEvent['state'], number> = { started: 0, won: 0, skipped: 0 };

  constructor(private readonly target: PolicyTarget) {}

  async run(call: Call, next: Next, options: HedgedOptions): Promise<unknown> {
    this.traffic.countCall();
    const { delayMs: wanted = 'p95', maxHedges = 1, minimumSamples = 20, hedgeOn } = options;
    const latencies = wanted === 'p95' ? this.latencies.of(modelOf(call)) : undefined;
    const delayMs = wanted === 'p95' ? latencies?.p95 : wanted;
    if (delayMs === undefined || (latencies && latencies.size < minimumSamples)) {
      return measured(call, next, latencies);
    }
    const race = new Race(call, next, {
      delayMs,
      maxHedges,
      hedgeOn,
      admit: () => this.admit(options),
      measured: (ms) => latencies?.add(ms),
      count: (state) => this.counts[state]++,
    });
    return race.run();
  }

  snapshot() {
    return { ...this.counts, models: this.latencies.snapshot() };
  }

  private admit({ maxExtraRatio = 0.05, budget }: HedgedOptions): 'cap' | 'budget' | undefined {
    const { calls, extras } = this.traffic.read();
    if (extras + 1 > Math.max(1, maxExtraRatio * calls)) return 'cap';
    if (!takeRetry(this.target.self, budget)) return 'budget';
    this.traffic.countExtra();
    return undefined;
  }
}

/** Runs the call alone, and remembers how long it took to answer. */
async function measured(call: Call, next: Next, latencies: Latencies | undefined): Promise<unknown> {
  let enteredAt = currentTime();
  call.onEnter(() => (enteredAt = currentTime()));
  const result = await next();
  latencies?.add(currentTime() - enteredAt);
  return result;
}

function modelOf(call: Call): string {
  return hostOf(call.self)?.describe?.(call)?.model ?? 'default';
}
