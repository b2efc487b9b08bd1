import { LLMError } from '../errors/index.js';
import type { Call } from '../pipeline/call.js';
import type { CallState } from '../pipeline/call-state.js';

/** What came of a flight. */
export interface Landing {
  readonly result: unknown;
  /** The result as it is kept, from which each caller is given a copy; undefined when there cannot be one. */
  readonly text: string | undefined;
}

/**
 * A call under way for which others wait that ask the same. It runs by the options of the first, its leader. Each who
 * waits may leave; when the leader does, the flight goes on for the others, and when the last has left, it is aborted.
 */
export class Flight {
  readonly landing: Promise<Landing>;
  /** Whether nobody will take the leader's result. */
  isDetached = false;
  private readonly work: CallState;
  private waiting = 0;

  /**
   * @param begin Starts the call that others may wait for.
   * @param onAbandoned Called when the last has left: nobody may join any more.
   */
  constructor(
    private readonly leader: Call,
    begin: (work: Call) => Promise<Landing>,
    private readonly onAbandoned: () => void,
  ) {
    this.work = leader.fork() as CallState;
    this.landing = begin(this.work);
    // Those who wait have their own; when all have left, nobody has.
    this.landing.catch((error: unknown) => this.account(error));
  }

  /** Waits for the landing until `call` is aborted. */
  join(call: Call): Promise<Landing> {
    this.waiting++;
    return new Promise((resolve, reject) => {
      const forgetAbort = call.onAbort((error) => {
        reject(error);
        this.leave(call, error);
      });
      this.landing.then(
        (landing) => {
          forgetAbort();
          resolve(landing);
        },
        (error: unknown) => {
          forgetAbort();
          reject(error);
        },
      );
    });
  }

  /** Whether `call` was begun by the flight itself: it would wait for itself. */
  isAround(call: Call): boolean {
    for (let outer: CallState | undefined = call as CallState; outer; outer = outer.parent) {
      if (outer === this.work) return true;
    }
    return false;
  }

  private leave(call: Call, error: LLMError): void {
    this.waiting--;
    const isLeader = call === this.leader;
    if (this.waiting === 0) {
      this.onAbandoned();
      // With the leader, who is alone, it is aborted anyway.
      if (!isLeader) this.work.abort(error);
    } else if (isLeader) {
      this.isDetached = true;
      this.work.detach();
    }
  }

  /** All who waited are told of the attempts, whoever is told first. */
  private account(error: unknown): void {
    if (error instanceof LLMError && error.attempts.length === 0) error.attempts = this.work.attempts;
  }
}
