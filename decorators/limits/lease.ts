import { RateLimitError, type RateLimitInfo } from '../errors/index.js';
import type { AdmissionCheck } from '../pipeline/admission-check.js';
import type { CallState } from '../pipeline/call-state.js';
import type { Call, CallFacts, CallOutcome, TokenUsage } from '../pipeline/call.js';
import { currentTime } from '../pipeline/runtime.js';
import { readUsage } from '../pipeline/usage.js';
import type { AdmissionQueue } from './admission-queue.js';
import type { Balance, Holding } from './balance.js';
import type { Cost } from './cost.js';
import { endingOf } from './ending.js';

/** What an admitted call holds: its reservation and its place among the calls that run. To be settled once, when it ends. */
export class Lease implements Holding {
  at = 0;
  admittedAt = 0;
  drawnRequests = 0;
  drawnTokens = 0;
  tokensLeft: number | undefined = undefined;
  tokensRunning = 0;
  heldBy: Balance | undefined = undefined;
  /** What is reserved. */
  readonly requests: number;
  readonly tokens: number;
  /** What else has to agree to its admission. */
  readonly check: AdmissionCheck | undefined;
  private ended = false;
  private observed = false;

  constructor(
    private readonly queue: AdmissionQueue,
    readonly call: Call,
    private readonly cost: Cost,
  ) {
    this.requests = cost.requests;
    this.tokens = cost.tokens;
    this.check = (call as CallState).admissionCheck;
  }

  /** Takes the provider's account of its limits. To be told when it is read, since it is about that moment. */
  observe({ limits }: CallFacts): void {
    if (!limits) return;
    this.observed = true;
    this.queue.observe(limits, this);
  }

  /**
   * Charges the call with what it used. A call that was not sent, or not even begun, gets everything back, a refused one (4xx)
   * its tokens; where the usage is not known, the reservation stands. Tokens that the provider read from its cache count as used.
   */
  settle(outcome: CallOutcome, facts: CallFacts): void {
    if (this.ended) return;
    this.ended = true;
    const { queue, requests, tokens } = this;
    const { error } = outcome;
    const ending = endingOf(this.call, outcome, facts);
    if (ending === 'unsent') {
      queue.settle(this, 0, 0);
      queue.tell(this.call, 'refunded', requests, tokens);
    } else {
      const throttled = error !== undefined && error instanceof RateLimitError;
      const refused = ending === 'refused';
      const usage = facts.usage ?? readUsage(outcome.result);
      const used = refused ? 0 : this.usedTokens(outcome, usage);
      const charged = refused || !queue.charging.inFull ? used : Math.max(used, this.allowedTokens(usage));
      const limits = facts.limits ?? error?.rateLimit;
      if (limits && (refused || queue.charging.inFull)) this.correct(limits, charged);
      queue.settle(this, requests, charged);
      if (refused && tokens > 0) queue.tell(this.call, 'refunded', 0, tokens);
      else queue.tell(this.call, 'settled', requests, used);
      // What was reported is observed already, and may be long out of date.
      if (limits && !this.observed) queue.observe(limits, this);
      if (throttled) {
        const retryAfterMs = error.retryAfterMs ?? facts.retryAfterMs ?? resetOf(limits);
        queue.throttle(this, retryAfterMs);
      } else if (!error) queue.learner?.succeeded();
    }
    queue.wake();
  }

  /**
   * The provider's account holds what it has charged the call with in the end, not what was reserved: what is given back must
   * not come on top of it. Told beforehand, so that nobody can take it in between. Its resets are out of date by now.
   */
  private correct({ tokens }: RateLimitInfo, charged: number): void {
    this.drawnTokens += charged - this.tokens;
    if (tokens?.remaining === undefined || charged >= this.tokens) return;
    this.heldBy?.observe(undefined, { remaining: tokens.remaining }, this, currentTime());
  }

  /** The input as far as it is known, and all of the output that the call might have made. */
  private allowedTokens(usage: TokenUsage | undefined): number {
    const { inputTokens } = this.cost;
    if (inputTokens === undefined) return this.tokens;
    return this.tokens - inputTokens + (usage?.inputTokens ?? inputTokens);
  }

  private usedTokens(outcome: CallOutcome, usage: TokenUsage | undefined): number {
    const used = this.queue.experience.usedBy(outcome, usage, this.cost);
    return used ? used.input + used.output : this.tokens;
  }
}

/** When the window that is used up is full again. */
function resetOf(limits: RateLimitInfo | undefined): number | undefined {
  const exhausted = [limits?.requests, limits?.tokens, limits?.inputTokens, limits?.outputTokens].filter(
    (window) => window?.remaining === 0,
  );
  const resets = exhausted.map((window) => window?.resetMs ?? 0);
  return resets.length === 0 ? undefined : Math.max(...resets);
}
