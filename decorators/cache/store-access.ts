import { redactText, StoreUnavailableError } from '../errors/index.js';
import type { Call } from '../pipeline/call.js';
import { currentTime, runtime } from '../pipeline/runtime.js';
import { isPromise } from '../pipeline/values.js';
import type { CacheStore } from './store.js';

/** A store that has let calls wait in vain is left alone for so many times as long. */
const TIMES_LEFT_ALONE = 10;

/** One question to the store. */
interface Question {
  readonly call: Call;
  readonly key: string;
  readonly timeoutMs: number;
  /** Whether nobody needs the answer any more when the call is aborted. */
  readonly endsWithCall: boolean;
}

/**
 * What stands between a cache and its store: a store that fails, or does not answer in time, is told of by an event and
 * answers undefined. Where the store answers at once, so does this.
 */
export class StoreAccess {
  private askAgainAt = -Infinity;

  /** @param onFailure Counts what has failed. */
  constructor(
    readonly store: CacheStore,
    private readonly onFailure: () => void,
  ) {}

  /** What is stored. Rejects only with what the call is aborted with. */
  get(call: Call, key: string, timeoutMs: number): unknown {
    return this.ask({ call, key, timeoutMs, endsWithCall: true }, () => this.store.get(key));
  }

  /** Whether it has been stored. Never rejects. */
  set(call: Call, key: string, text: string, ttlMs: number, timeoutMs: number): boolean | Promise<boolean> {
    const question = { call, key, timeoutMs, endsWithCall: false };
    const read = (answer: unknown): boolean => {
      if (answer === false) this.failed(question, new Error('The store did not take the entry.'));
      return answer !== false && answer !== FAILED;
    };
    const answer = this.ask(question, () => this.store.set(key, text, ttlMs), FAILED);
    return isPromise(answer) ? Promise.resolve(answer).then(read) : read(answer);
  }

  /** Tells of an entry that cannot be read. */
  failed({ call, key }: Pick<Question, 'call' | 'key'>, cause: unknown): void {
    this.onFailure();
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `The store of the cache of ${call.label}() failed, and the call goes on without it: ${redactText(why)}`;
    call.emit({ type: 'cache', state: 'failed', key, error: new StoreUnavailableError(message, { cause }) });
  }

  private ask(question: Question, operation: () => unknown, otherwise?: unknown): unknown {
    if (currentTime() < this.askAgainAt) return otherwise;
    let answer: unknown;
    try {
      answer = operation();
    } catch (error) {
      this.failed(question, error);
      return otherwise;
    }
    return isPromise(answer) ? this.answerInTime(question, answer, otherwise) : answer;
  }

  private answerInTime(
    question: Question,
    answer: PromiseLike<unknown>,
    otherwise: unknown,
  ): Promise<unknown> {
    const { call, timeoutMs, endsWithCall } = question;
    return new Promise((resolve, reject) => {
      let isOver = false;
      let forgetAbort = (): void => undefined;
      const once = (end: () => void) => (): void => {
        if (isOver) return;
        isOver = true;
        cancelTimer();
        forgetAbort();
        end();
      };
      const fail = (error: unknown): void => {
        this.failed(question, error);
        resolve(otherwise);
      };
      const late = once(() => {
        this.askAgainAt = currentTime() + TIMES_LEFT_ALONE * timeoutMs;
        fail(new Error(`it has not answered within ${timeoutMs} ms (storeTimeoutMs).`));
      });
      // What is being stored must not keep the process alive.
      const cancelTimer = runtime().setTimer(late, timeoutMs, { background: !endsWithCall });
      answer.then(
        (value) => once(() => resolve(value))(),
        (error: unknown) => once(() => fail(error))(),
      );
      if (endsWithCall) forgetAbort = call.onAbort((error) => once(() => reject(error))());
    });
  }
}

/** Stands for the answer of a store that has none. */
const FAILED = Symbol('failed');
