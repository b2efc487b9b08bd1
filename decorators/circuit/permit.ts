import type { LLMError } from '../errors/index.js';
import type { Call, CallOutcome } from '../pipeline/call.js';
import { hostOf } from '../pipeline/host.js';
import { currentTime } from '../pipeline/runtime.js';
import type { CallResult, Circuit } from './circuit.js';
import { isFailure } from './failures.js';
import type { BreakerOptions } from './options.js';

/** What a call that was let through holds until it ends, for a stream until its iteration does. */
export class Permit {
  /** How long the answer, or the first content of a stream, took to come; undefined while it has not. */
  private answeredAfterMs: number | undefined = undefined;
  /** While a stream has shown no content: how long it took to open, and its consumer has waited for its events so far. */
  private waitedMs: number | undefined = undefined;
  private waitingSince: (() => number | undefined) | undefined = undefined;
  /** Whether the circuit knows already what the call came to. */
  private counted = false;

  constructor(
    private readonly circuit: Circuit,
    private readonly generation: number,
    private readonly call: Call,
    private readonly tripOn: BreakerOptions['tripOn'],
    private readonly slowCallMs: number,
    private readonly startedAt: number,
    /** Tells by the call what has become of the circuit. */
    private readonly tellThrough: (call: Call) => void,
  ) {
    // Only trial calls are watched: every event of a stream that is listened to has its price.
    if (circuit.isTrial(generation)) {
      call.onEvent(() => {
        // One that has had its say does not keep the circuit waiting for the others.
        if (!this.counted) circuit.sawLife(generation, currentTime());
        this.tellThrough(call);
      });
    }
  }

  /** The method has yielded its first content, or promised a stream that is still to be read. */
  opened(): void {
    const elapsedMs = currentTime() - this.startedAt;
    const { call } = this;
    if (call.streaming) {
      this.answered(elapsedMs);
      return;
    }
    this.waitedMs = elapsedMs;
    this.waitingSince = call.watchWaiting();
    const host = hostOf(call.self);
    call.onEvent((event) => {
      if (this.answeredAfterMs !== undefined) return;
      this.waitedMs = this.latencyMs(currentTime());
      if (host?.carriesContent?.(call.method, event) !== false) this.answered(this.waitedMs);
    });
  }

  /** The first content of a stream is here. By it a trial call decides: the rest may take minutes. */
  private answered(afterMs: number): void {
    this.answeredAfterMs = afterMs;
    const result = { failed: false, slow: afterMs >= this.slowCallMs };
    this.counted = this.circuit.trialAnswered(this.generation, result, currentTime());
    if (this.counted) this.tellThrough(this.call);
  }

  /** Gives it back with what the call came to. */
  end({ error }: CallOutcome): void {
    try {
      this.settle(error, currentTime());
    } finally {
      this.tellThrough(this.call);
    }
  }

  private settle(error: LLMError | undefined, now: number): void {
    const { circuit, generation } = this;
    if (this.counted) return circuit.leave(now);
    let result: CallResult | undefined;
    try {
      const answered = this.answeredAfterMs !== undefined;
      const failed = error !== undefined && isFailure(error, answered, this.tripOn);
      if (!error || failed) result = { failed, slow: this.latencyMs(now) >= this.slowCallMs, error };
    } finally {
      circuit.end(generation, result, now);
    }
  }

  /** How long the caller has waited for the answer, or for a first sign of it. What a consumer takes to ask does not count. */
  private latencyMs(now: number): number {
    if (this.answeredAfterMs !== undefined) return this.answeredAfterMs;
    if (this.waitedMs === undefined) return now - this.startedAt;
    return this.waitedMs + (now - (this.waitingSince?.() ?? now));
  }
}
