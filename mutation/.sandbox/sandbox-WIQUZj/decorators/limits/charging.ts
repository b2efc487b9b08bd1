// @ts-nocheck
import { RunningMean } from './running-mean.js';

/** So many reports are heard before anything is concluded. */
const FEWEST_REPORTS = 8;
/** A mean difference of so many calls is no accident of the order in which they arrived. */
const CALLS_TOO_FEW = 0.5;
const CALLS_TOO_MANY = 2;

/**
 * Finds out what a provider counts a call as: what it was allowed (input and `max_tokens`: OpenAI, Azure), or what it
 * has used (Anthropic). Nothing says so but its own account: where unused tokens are given back here and not there, it has
 * less left than was believed, time after time. Where they are given back there and not here, it has more: more by far than
 * cautious reservations of calls that run could explain.
 */
export class Charging {
  /** Whether what a call was allowed stays charged, though it used less. */
  inFull = false;
  private reports = 0;
  private shortage = new RunningMean(0);
  private readonly callTokens = new RunningMean(0);

  /**
   * A call that reserved `tokens` left `believed` by our account, and `reported` by the provider's, while calls ran that had
   * reserved `running`.
   */
  compare(believed: number, reported: number, tokens: number, running: number): void {
    this.reports++;
    this.shortage.add(believed - reported);
    this.callTokens.add(tokens);
    if (this.reports < FEWEST_REPORTS) return;
    const { value: shortage } = this.shortage;
    const { value: callTokens } = this.callTokens;
    const isOff = this.inFull
      ? shortage < -(running + CALLS_TOO_MANY * callTokens)
      : shortage > CALLS_TOO_FEW * callTokens;
    if (!isOff) return;
    this.inFull = !this.inFull;
    this.reports = 0;
    this.shortage = new RunningMean(0);
  }
}
