import { capsOf, NO_OPTIONS, type BudgetOptions } from './budget/options.js';
import { isSpendingBudget, SpendingBudget } from './budget/spending-budget.js';
import type { Spending } from './budget/spending.js';
import { untilAborted } from './limits/until-aborted.js';
import type { CallState } from './pipeline/call-state.js';
import type { Call } from './pipeline/call.js';
import {
  DirectStage,
  failWith,
  type Inward,
  type OnFailure,
  type OnResult,
} from './pipeline/direct-stage.js';
import { definePolicy } from './pipeline/policy.js';
import { isPromise } from './pipeline/values.js';

/**
 * What `@Budget` takes: the options of a budget, made at the first call for each object and method, or a `SpendingBudget` that
 * several share.
 */
export type BudgetDecoratorOptions = BudgetOptions | SpendingBudget;

/**
 * Keeps the money or tokens that calls spend within limits an hour, a day or a month, for all or for each tenant. Every attempt
 * reserves what it may cost (input and `max_tokens` at the model's price), all or nothing, and is charged with what it used when
 * it ends. Nobody waits: a call for which there is no room is refused. Together with `@RateLimited` a call that waits its
 * turn is checked in the step that admits it, so that neither takes anything when the other refuses.
 *
 * Options written in place make one budget for each object and method. A function is asked at each call: it may give a
 * `SpendingBudget`, or options; what was spent counts under changed numbers too.
 *
 * | option | unit | default |
 * |---|---|---|
 * | `usd`, `tokens` | dollars, tokens | at least one |
 * | `per` | `'hour'`, `'day'`, `'month'` by UTC | this or `windowMs` |
 * | `windowMs` | milliseconds, rolling | |
 * | `key` | function | one for all |
 * | `warnAt` | part of the limit | 0.8 |
 * | `limits` | more of the above | none |
 *
 * @example
 * class Assistant {
 *   @Budget({ usd: 10, per: 'day', model: 'gpt-4o-mini' })
 *   async ask(question: string) { … }
 * }
 *
 * const client = new OpenAIClient({
 *   policies: [Budget({ tokens: 1_000_000, per: 'month', key: (call) => tenantOf(call), warnAt: 0.9 })],
 * });
 *
 * @throws BudgetExceededError when there is no room for what the call may cost; `retryAfterMs` says when there is. It is not retried.
 * @throws LLMError with code `price_unknown` when money is limited and the price of the model is not known.
 * @throws TypeError for an option that is missing, unknown or out of range.
 */
export const Budget = definePolicy<BudgetDecoratorOptions>({
  kind: 'Budget',
  // Before the limiter, which stands at the same place and comes later in the alphabet, and right after it.
  place: ['admission', { inside: 'admission' }],
  neverAborts: true,
  validate(options, where) {
    if (!isSpendingBudget(options)) capsOf(options, where);
  },
  create: () => [new BeginStage(), new TakeStage()],
});

/** Finds out what the attempt may cost, and has a limiter ask for it when it admits the call. */
class BeginStage extends DirectStage<BudgetDecoratorOptions> {
  private own: SpendingBudget | undefined = undefined;
  private latest: SpendingBudget | undefined = undefined;
  private latestOptions: BudgetDecoratorOptions | undefined = undefined;

  drive(
    call: Call,
    inward: Inward,
    options: BudgetDecoratorOptions,
    onResult: OnResult | undefined,
    onFailure: OnFailure | undefined,
  ): Promise<unknown> {
    const beginning = this.budgetOf(options).begin(call);
    if (!isPromise(beginning)) {
      begin(call, beginning);
      return inward(call, onResult, onFailure);
    }
    return untilAborted(call, beginning).then((spending) => {
      try {
        begin(call, spending);
      } catch (error) {
        return failWith(onFailure, error);
      }
      return inward(call, onResult, onFailure);
    }, onFailure);
  }

  snapshot(): Readonly<Record<string, unknown>> {
    return this.latest?.snapshot() ?? {};
  }

  private budgetOf(options: BudgetDecoratorOptions): SpendingBudget {
    if (this.latest && this.latestOptions === options) return this.latest;
    if (isSpendingBudget(options)) this.latest = options;
    else {
      if (this.own) this.own.update({ ...NO_OPTIONS, ...options });
      else this.own = new SpendingBudget(options);
      this.latest = this.own;
    }
    this.latestOptions = options;
    return this.latest;
  }
}

function begin(call: Call, spending: Spending): void {
  call.throwIfAborted();
  spending.test();
  (call as CallState).admissionCheck = spending;
  call.onEnd((outcome) => spending.settle(outcome));
}

/** Reserves what no limiter has had reserved. */
class TakeStage extends DirectStage<BudgetDecoratorOptions> {
  drive(
    call: Call,
    inward: Inward,
    _options: BudgetDecoratorOptions,
    onResult: OnResult | undefined,
    onFailure: OnFailure | undefined,
  ): Promise<unknown> {
    call.throwIfAborted();
    const taking = (call as CallState).admissionCheck?.take();
    return taking
      ? taking.then(() => inward(call, onResult, onFailure), onFailure)
      : inward(call, onResult, onFailure);
  }
}
