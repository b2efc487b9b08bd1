import type { Cost } from '../limits/cost.js';
import { endingOf } from '../limits/ending.js';
import type { Experience } from '../limits/experience.js';
import type { AdmissionCheck } from '../pipeline/admission-check.js';
import type { Call, CallOutcome, TokenUsage } from '../pipeline/call.js';
import { readUsage } from '../pipeline/usage.js';
import { isPromise } from '../pipeline/values.js';
import type { Hold, Ledger } from './ledger.js';
import { nanoDollars } from './price-of.js';
import type { ModelPrice } from './prices.js';
import type { Claim } from './refusals.js';

/** What a call is expected to use, and by what to see what it has used. */
export interface Expected {
  readonly claims: readonly Claim[];
  readonly cost: Pick<Cost, 'inputTokens' | 'estimatedInput'>;
  /** Undefined where it is not known, and not needed unless the call tells its usage. */
  readonly price: ModelPrice | undefined;
  readonly experience: Experience;
}

/** What one attempt of a call reserves of a budget, and is charged with in the end. */
export class Spending implements AdmissionCheck {
  private holds: readonly Hold[] | undefined = undefined;
  /** Whether the call has ended: what is reserved after it is nobody's. */
  private ended = false;

  constructor(
    private readonly ledger: Ledger,
    private readonly call: Call,
    private readonly expected: Expected,
  ) {}

  test(): void {
    if (!this.holds) this.ledger.test?.(this.call, this.expected.claims);
  }

  commit(): void {
    // A ledger that cannot tell at once is asked by `take()`.
    if (this.holds || !this.ledger.test) return;
    const holds = this.ledger.reserve(this.call, this.expected.claims);
    if (!isPromise(holds)) this.holds = holds;
  }

  take(): Promise<void> | undefined {
    if (!this.ledger.test) return this.takeShared();
    this.test();
    this.commit();
    return undefined;
  }

  /**
   * Charges the call with what it used. One that was not sent, was not even begun, or was refused (4xx) gets everything back; where
   * the usage is not known, the reservation stands.
   */
  settle(outcome: CallOutcome): void {
    const { call, holds } = this;
    this.ended = true;
    if (!holds) return;
    const { facts } = call;
    const sent = endingOf(call, outcome, facts) === 'sent';
    const usage = sent ? (facts.usage ?? readUsage(outcome.result)) : undefined;
    const used = sent ? this.usedOf(outcome, usage) : () => 0;
    this.expected.claims.forEach((claim, i) => holds[i]?.settle(used(claim)));
  }

  private async takeShared(): Promise<void> {
    this.holds = await this.ledger.reserve(this.call, this.expected.claims);
    if (this.ended) for (const hold of this.holds) hold.settle(0);
  }

  private usedOf(outcome: CallOutcome, usage: TokenUsage | undefined): (claim: Claim) => number {
    const { experience, cost, price } = this.expected;
    const tokens = experience.usedBy(outcome, usage, cost);
    return ({ cap, amount }) => {
      if (!tokens) return amount;
      if (cap.unit === 'tokens') return tokens.input + tokens.output;
      return price ? nanoDollars({ ...tokens, cached: usage?.cachedInputTokens }, price) : amount;
    };
  }
}
