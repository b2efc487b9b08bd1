import type { AttemptSummary, LLMError } from '../errors/index.js';
import { AbortScope } from './abort-scope.js';
import type { CallOptions } from './call.js';
import { classNameOf } from './class-name.js';
import { isObserved } from './events.js';
import type { SharedState } from './shared-state.js';

/** What an attempt shows of what it has in common with the others of its call. */
export abstract class CallView extends AbortScope {
  constructor(readonly shared: SharedState) {
    super();
  }

  get id(): string {
    return this.shared.id;
  }

  get self(): object {
    return this.shared.self;
  }

  get className(): string {
    return classNameOf(this.self);
  }

  get method(): string | symbol {
    return this.shared.record.name;
  }

  get label(): string {
    return this.shared.label;
  }

  get options(): CallOptions {
    return this.shared.options;
  }

  get streaming(): boolean {
    return this.shared.record.streaming;
  }

  get observed(): boolean {
    return isObserved(this.self, this.shared.host);
  }

  /** Whether something beyond the policies may end this call: its caller, the call around it, or the host. */
  get mayBeAborted(): boolean {
    const { options, host, parent } = this.shared;
    return parent !== undefined || options.signal !== undefined || host?.onCall !== undefined;
  }

  watchWaiting(): () => number | undefined {
    const { shared } = this;
    shared.isWaitingWatched = true;
    return () => shared.waitingSince;
  }

  get attempts(): readonly AttemptSummary[] {
    return this.shared.attempts;
  }

  get nextAttempt(): number {
    return this.shared.nextAttempt;
  }

  view(error: unknown): LLMError {
    return this.shared.view(error);
  }
}
