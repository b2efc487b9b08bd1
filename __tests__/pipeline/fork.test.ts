import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  currentCall,
  definePolicy,
  RetryWithBackoff,
  ConnectionError,
  type Call,
  type Next,
} from '../../decorators/index.js';
import { installVirtualRuntime, type VirtualRuntime } from '../support/virtual-runtime.js';
import { failureOf } from '../support/policies.js';

let time: VirtualRuntime;
let restore: () => void;
beforeEach(() => void ({ runtime: time, restore } = installVirtualRuntime()));
afterEach(() => restore());

interface Script {
  run(call: Call, next: Next): Promise<unknown>;
}
const Scripted = definePolicy<Script>({
  kind: 'Scripted in tests of forks',
  place: 'Fallback',
  create: () => ({ run: (call, next, { run }) => run(call, next) }),
});

/** Waits for what may need the clock to go on. */
async function finished(promise: Promise<unknown>): Promise<unknown> {
  const failure = failureOf(promise);
  await time.runAll();
  return failure;
}

describe('a forked call', () => {
  it('gives the method other arguments, and its own forks as well', async () => {
    class Subject {
      @Scripted({ run: (call, next) => next(call.fork({ args: ['other'] })) })
      @RetryWithBackoff()
      async ask(word: string) {
        return word;
      }
    }
    expect(await new Subject().ask('given')).toBe('other');
  });

  it('keeps the call options where they stand', async () => {
    class Subject {
      @Scripted({ run: (call, next) => next(call.fork({ args: ['other', call.args[1]] })) })
      async ask(word: string, options: { signal?: AbortSignal }) {
        return [word, options.signal instanceof AbortSignal];
      }
    }
    expect(await new Subject().ask('given', { signal: new AbortController().signal })).toEqual([
      'other',
      true,
    ]);
  });
});

describe('an allowance of retries', () => {
  class Failing {
    attempts: string[] = [];
    @RetryWithBackoff({ maxRetries: 2, baseDelayMs: 0 })
    async ask(word: string) {
      this.attempts.push(word);
      throw new ConnectionError('down');
    }
  }

  it('bounds what the ways to one answer retry together', async () => {
    const allowance = { left: Infinity };
    class Subject extends Failing {
      @Scripted({
        run: async (call, next) => {
          for (const word of ['a', 'b']) {
            const fork = call.fork({ args: [word], retryAllowance: allowance });
            await next(fork).catch(() => undefined);
          }
          throw new ConnectionError('all down');
        },
      })
      override async ask(word: string) {
        return super.ask(word);
      }
    }
    const subject = new Subject();
    const error = await finished(subject.ask('given'));
    expect(subject.attempts).toEqual(['a', 'a', 'a', 'b']);
    expect(allowance.left).toBe(0);
    expect((error as ConnectionError).attempts).toHaveLength(4);
  });

  it('leaves to the next way what the first did not use', async () => {
    const allowance = { left: 2 };
    class Subject extends Failing {
      @Scripted({ run: (call, next) => next(call.fork({ retryAllowance: allowance })) })
      override async ask(word: string) {
        if (this.attempts.length === 1) return 'answer' as never;
        return super.ask(word);
      }
    }
    const subject = new Subject();
    const answer = subject.ask('given');
    await time.runAll();
    expect(await answer).toBe('answer');
    expect(allowance.left).toBe(1);
  });

  it('holds for a call that a policy begins, not for one of the body', async () => {
    const nested = new Failing();
    class Subject {
      @Scripted({ run: (call, next) => next(call.fork({ retryAllowance: { left: 0 } })) })
      async ask() {
        await nested.ask('nested').catch(() => undefined);
      }
    }
    const asked = new Subject().ask();
    await time.runAll();
    await asked;
    expect(nested.attempts).toHaveLength(3);
  });
});

describe('an attempt that is made of others', () => {
  const info = () => {
    const seen: { attempts: Call['attempts']; facts: Call['facts'] } = { attempts: [], facts: {} };
    const Watched = definePolicy<object>({
      kind: 'Watched in tests of forks',
      place: 'Traced',
      create: () => ({
        run(call, next) {
          call.onEnd(() => Object.assign(seen, { attempts: call.attempts, facts: { ...call.facts } }));
          return next();
        },
      }),
    });
    return { seen, Watched };
  };
  const SideBySide = definePolicy<object>({
    kind: 'SideBySide in tests of forks',
    place: 'Hedged',
    create: () => ({
      async run(call, next) {
        const [first, second] = [call.fork({ attempt: 1 }), call.fork({ attempt: 2 })];
        const loser = next(second).catch(() => undefined);
        const answer = await next(first);
        second.abort(new Error('too late'));
        await loser;
        return answer;
      },
    }),
  });

  it('is told as these, and the call knows what the one that succeeded reported', async () => {
    const { seen, Watched } = info();
    class Subject {
      @Watched()
      @SideBySide()
      @RetryWithBackoff()
      async ask() {
        const call = currentCall();
        call?.report({ requestId: `attempt ${call.attempt}` });
        if (call?.attempt === 2) await new Promise(() => undefined);
        return call?.attempt;
      }
    }
    expect(await new Subject().ask()).toBe(1);
    expect(seen.attempts.map(({ code, requestId }) => [code, requestId])).toEqual([
      ['ok', 'attempt 1'],
      ['aborted', 'attempt 2'],
    ]);
    expect(seen.facts.requestId).toBe('attempt 1');
  });
});

describe('numbers of attempts', () => {
  it('go on where a call is tried in several ways', async () => {
    const numbers: number[] = [];
    class Subject {
      @Scripted({
        run: async (call, next) => {
          await next(call.fork()).catch(() => undefined);
          return next(call.fork());
        },
      })
      @RetryWithBackoff({ maxRetries: 1, baseDelayMs: 0, onRetry: ({ attempt }) => numbers.push(attempt) })
      async ask() {
        throw new ConnectionError('down');
      }
    }
    await finished(new Subject().ask());
    expect(numbers).toEqual([1, 3]);
  });
});
