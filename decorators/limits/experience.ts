import type { CallOutcome, TokenUsage } from '../pipeline/call.js';
import type { Cost } from './cost.js';
import { EstimateFactor, RunningMean } from './running-mean.js';

const FIRST_MEAN_OUTPUT_TOKENS = 500;

/** What calls have used so far, to estimate the next ones by. */
export class Experience {
  /** The output of calls, to estimate those without a bound by; all of it where the input of calls is not known. */
  readonly meanOutputTokens = new RunningMean(FIRST_MEAN_OUTPUT_TOKENS);
  /** How the input that calls report compares to what was estimated. */
  readonly inputFactor = new EstimateFactor();

  /** What a call that was sent has used, as far as `usage` tells; undefined when that is not known. Learns from it. */
  usedBy(
    { error, incomplete }: CallOutcome,
    usage: TokenUsage | undefined,
    cost: Pick<Cost, 'inputTokens' | 'estimatedInput'>,
  ): { readonly input: number; readonly output: number } | undefined {
    if (!usage) return undefined;
    const { inputTokens = cost.inputTokens, outputTokens } = usage;
    const complete = error === undefined && incomplete !== true;
    // Of a call that broke off, an output that nobody has counted may still have been made.
    if (outputTokens === undefined && !complete) return undefined;
    const used = { input: inputTokens ?? 0, output: outputTokens ?? 0 };
    if (complete) {
      this.meanOutputTokens.add(cost.inputTokens === undefined ? used.input + used.output : used.output);
    }
    if (usage.inputTokens !== undefined && cost.estimatedInput !== undefined) {
      this.inputFactor.add(usage.inputTokens, cost.estimatedInput);
    }
    return used;
  }
}
