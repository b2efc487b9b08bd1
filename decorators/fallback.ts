import type { LLMError } from './errors/index.js';
import { matches } from './fallback/matches.js';
import { checkFallback, listed } from './fallback/options.js';
import type { AnyOptions, FallbackDecorator } from './fallback/types.js';
import { checkTarget, wayTo } from './fallback/ways.js';
import { DirectStage, type Inward, type OnFailure, type OnResult } from './pipeline/direct-stage.js';
import { definePolicy, type Call, type Next } from './pipeline/index.js';
import { currentTime } from './pipeline/runtime.js';
import { countCall, takeRetry, type RetryBudgetOptions } from './retry/budget.js';

export type {
  ClientTarget,
  ErrorClass,
  ErrorMatch,
  FallbackDecorator,
  FallbackList,
  FallbackOptions,
  FallbackTarget,
  MethodTarget,
  ModelTarget,
  ValueTarget,
} from './fallback/types.js';

/**
 * Answers in another way when the method fails for good, after its retries: by another model, another client, another
 * method, or a value. The targets are tried in their order; each only when it is meant for what the one before failed
 * with. A stream falls back until its first event that carries content, never after.
 *
 * Deadline, signal and retries are those of one call: what the method has used up of `maxRetries`, its substitutes have
 * not; each of them has its first attempt. A target at the same provider with the same key draws on the budget of retries,
 * and is passed over when there is none left.
 *
 * | option | meaning | default |
 * |---|---|---|
 * | `to` | a target or a list: `{ model }`, `{ client, model? }`, `{ method }`, `{ value }` | required, or one target in place of the options |
 * | `on` | error classes or a function, for all targets or for one | what may pass elsewhere: see `FallbackList` |
 * | `budget` | `{ ratio, minPerSecond }` or `false` | `{ ratio: 0.2, minPerSecond: 10 }` |
 *
 * @throws the last target's error, with every attempt in `error.attempts`; TypeError, at the first call, for a method that
 * there is not, or that is the method itself.
 *
 * @example
 * class Assistant {
 *   @Fallback({
 *     to: [
 *       { model: 'gpt-4.1', on: ContextLengthError },
 *       { client: (self) => self.backup, model: 'claude-sonnet-4-5' },
 *       { value: (error, question) => `No answer to "${question}" now.` },
 *     ],
 *   })
 *   @RetryWithBackoff()
 *   async ask(question: string, params: { model: string }): Promise<string> { … }
 *
 *   @Fallback({ method: 'cheapSummary' })
 *   async summary(text: string): Promise<string> { … }
 * }
 */
export const Fallback = definePolicy<AnyOptions>({
  kind: 'Fallback',
  place: 'Fallback',
  validate: checkFallback,
  create: () => new FallbackStage(),
  neverAborts: true,
}) as FallbackDecorator;

/** How often a target was used. */
interface Uses {
  tried: number;
  answered: number;
}

/** A call that has failed, and what may be done about it. */
interface Failing {
  readonly call: Call;
  readonly to: ReturnType<typeof listed>['to'];
  readonly on: ReturnType<typeof listed>['on'];
  /** When the caller's time is over. */
  readonly until: number;
  readonly budget: RetryBudgetOptions | false | undefined;
  readonly fork: (args?: readonly unknown[]) => Call;
  readonly inward: Inward;
}

class FallbackStage extends DirectStage<AnyOptions> {
  private readonly uses = new Map<string, Uses>();
  private calls = 0;
  private failed = 0;

  drive(
    call: Call,
    inward: Inward,
    options: AnyOptions,
    onResult: OnResult | undefined,
    onFailure: OnFailure | undefined,
  ): Promise<unknown> {
    const { to, on, budget } = listed(options);
    for (const target of to) checkTarget(target, call);
    this.calls++;
    const allowance = call.retryAllowance ?? { left: Infinity };
    const fork = (args = call.args): Call =>
      call.fork({ attempt: call.nextAttempt, args, retryAllowance: allowance });
    // Where no `@Timeout` keeps it, the caller's time is kept here.
    const until = currentTime() + (call.options.timeoutMs ?? Infinity);
    // Retries count the calls that they are a share of: where none are made, this does.
    const count = (): void => {
      if (allowance.left === Infinity) countCall(call.self, budget);
    };
    return inward(
      fork(),
      (result) => {
        count();
        return onResult ? onResult(result) : result;
      },
      (error) => {
        count();
        const answer = this.fallBack({ call, to, on, until, budget, fork, inward }, error);
        return answer.then(onResult, onFailure);
      },
    );
  }

  private async fallBack(
    { call, to, on, until, budget, fork, inward }: Failing,
    first: unknown,
  ): Promise<unknown> {
    const next: Next = (inner = call) => inward(inner, undefined, undefined);
    let failure = first;
    for (const target of to) {
      const error = call.view(failure);
      if (call.aborted || error.code === 'aborted' || currentTime() >= until) break;
      if (!matches(target.on ?? on, error, failure)) continue;
      const way = wayTo(target, { call, next });
      if (!way || (way.paid && !takeRetry(call.self, budget))) continue;
      try {
        return await this.use(way.to, () => way.run(fork(way.args), error), call, error);
      } catch (thrown) {
        failure = thrown;
      }
    }
    this.failed++;
    throw failure;
  }

  /** Calls; of each target that was used how often it was tried and answered; and the calls that failed in the end. */
  snapshot() {
    const targets = Object.fromEntries([...this.uses].map(([to, uses]) => [to, { ...uses }]));
    return { calls: this.calls, failed: this.failed, targets };
  }

  private async use(to: string, run: () => Promise<unknown>, call: Call, error: LLMError): Promise<unknown> {
    const uses = this.uses.get(to) ?? { tried: 0, answered: 0 };
    this.uses.set(to, uses);
    uses.tried++;
    call.emit({ type: 'fallback', to, error });
    const answer = await run();
    uses.answered++;
    return answer;
  }
}
