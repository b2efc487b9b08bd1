import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AbortError,
  currentCall,
  definePolicy,
  LLMError,
  onPolicyEvent,
  RateLimited,
  RetryWithBackoff,
  Timeout,
  type AttemptSummary,
  type Call,
  type CallFacts,
  type Next,
  type PolicyEvent,
} from '../../decorators/index.js';
import { collect, deferred, failureOf } from '../support/policies.js';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime.js';

let time: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  ({ runtime: time, restore } = installVirtualRuntime());
});
afterEach(() => {
  expect(time.pendingTimers).toBe(0);
  restore();
});

interface Script {
  run(call: Call, next: Next): Promise<unknown>;
}
const Scripted = definePolicy<Script>({
  kind: 'Scripted in tests of attempts side by side',
  place: 'Hedged',
  create: () => ({ run: (call, next, { run }) => run(call, next) }),
});
const pass = (ms: number) => new Promise<void>((resolve) => void time.setTimer(resolve, ms));
const late = new AbortError('too late');

/** What the call as a whole comes to. */
const Watched = definePolicy<{ seen: Seen }>({
  kind: 'Watched in tests of attempts side by side',
  place: 'Traced',
  create: () => ({
    run(call, next, { seen }) {
      call.onEnd(() => Object.assign(seen, { facts: { ...call.facts }, attempts: call.attempts }));
      return next();
    },
  }),
});
interface Seen {
  facts?: CallFacts;
  attempts?: readonly AttemptSummary[];
}

describe('chose()', () => {
  it.each([1, 2])(
    'makes the facts of the call those of attempt %i, though its stream fails later',
    async (n) => {
      const seen: Seen = {};
      class Subject {
        @Watched({ seen })
        @RetryWithBackoff()
        @Scripted({
          async run(call, next) {
            const forks = [call.fork({ attempt: 1 }), call.fork({ attempt: 2 })];
            const opened = await Promise.all(forks.map((fork) => next(fork)));
            forks[2 - n]?.giveUp(late);
            call.chose(forks[n - 1] as Call);
            return opened[n - 1];
          },
        })
        async *events() {
          currentCall()?.report({ requestId: `attempt ${currentCall()?.attempt}` });
          yield currentCall()?.attempt;
          throw new Error('broken');
        }
      }
      const stream = new Subject().events();
      expect(await stream.next()).toEqual({ done: false, value: n });
      await failureOf(stream.next());
      expect(seen.facts?.requestId).toBe(`attempt ${n}`);
      expect(seen.attempts?.map(({ requestId, code }) => [requestId, code])).toEqual([
        [`attempt ${3 - n}`, 'aborted'],
        [`attempt ${n}`, 'unexpected'],
      ]);
    },
  );

  it('numbers the success of the call', async () => {
    class Subject {
      @Scripted({
        async run(call, next) {
          const forks = [1, 2, 3].map((attempt) => call.fork({ attempt }));
          const [, answer] = await Promise.all(forks.map((fork) => next(fork)));
          call.chose(forks[1] as Call);
          return answer;
        },
      })
      async ask() {
        return currentCall()?.attempt;
      }
    }
    const subject = new Subject();
    const events: PolicyEvent[] = [];
    onPolicyEvent(subject, (event) => events.push(event));
    expect(await subject.ask()).toBe(2);
    expect(events.map(({ type, attempt }) => `${type} ${attempt}`)).toEqual([
      'attempt 1',
      'attempt 2',
      'attempt 3',
      'success 2',
    ]);
  });
});

describe('attempts side by side', () => {
  it('have each the wait before it, and none below nothing', async () => {
    const seen: Seen = {};
    class Subject {
      @Watched({ seen })
      @Scripted({
        async run(call, next) {
          const first = next(call.fork({ attempt: 1 }));
          await pass(30);
          const second = next(call.fork({ attempt: 2 }));
          await Promise.all([first, second]);
          return second;
        },
      })
      async ask() {
        await pass(currentCall()?.attempt === 1 ? 100 : 20);
      }
    }
    const asked = new Subject().ask();
    await time.runAll();
    await asked;
    expect(seen.attempts?.map(({ waitMs, durationMs }) => [waitMs, durationMs])).toEqual([
      [30, 20],
      [0, 100],
    ]);
  });

  it('fail with one and the same view each, in whatever order they are looked at', async () => {
    const views: LLMError[] = [];
    class Subject {
      @Scripted({
        async run(call, next) {
          const failures = await Promise.all(
            [1, 2].map((attempt) => failureOf(next(call.fork({ attempt })))),
          );
          views.push(...[...failures, ...failures].map((failure) => call.view(failure)));
          throw failures[0];
        },
      })
      async ask() {
        throw new Error('raw');
      }
    }
    const subject = new Subject();
    const told: LLMError[] = [];
    onPolicyEvent(subject, (event) => 'error' in event && event.error && told.push(event.error));
    await failureOf(subject.ask());
    expect(views[2]).toBe(views[0]);
    expect(views[3]).toBe(views[1]);
    expect(views[1]).not.toBe(views[0]);
    expect(told).toEqual([views[0], views[1], views[0]]);
    expect(told[2]).toBe(told[0]);
  });
});

describe('onEnter()', () => {
  it('tells once when the method begins, which a queue holds back', async () => {
    const begun: number[] = [];
    class Subject {
      @RateLimited({ maxConcurrent: 1 })
      @Scripted({
        run(call, next) {
          const fork = call.fork({ attempt: 1 });
          call.onEnter(() => begun.push(time.now()));
          fork.onEnter(() => begun.push(time.now()));
          return next(fork);
        },
      })
      async ask() {
        await pass(40);
      }
    }
    const subject = new Subject();
    const both = [subject.ask(), subject.ask()];
    await time.runAll();
    await Promise.all(both);
    expect(begun).toEqual([0, 0, 40, 40]);
  });

  it('is told to a call around several attempts when the first of them begins', async () => {
    const begun: number[] = [];
    class Subject {
      @Scripted({
        async run(call, next) {
          call.onEnter(() => begun.push(call.attempt));
          await next(call.fork({ attempt: 1 }));
          return next(call.fork({ attempt: 2 }));
        },
      })
      async ask() {}
    }
    await new Subject().ask();
    expect(begun).toEqual([1]);
  });
});

describe('giveUp()', () => {
  /** Runs two attempts, takes the second and gives the first up as soon as `when` says. */
  const takeSecond = (ends: string[] = []) =>
    Scripted({
      async run(call, next) {
        const [first, second] = [call.fork({ attempt: 1 }), call.fork({ attempt: 2 })];
        first.onEnd(({ error }) => ends.push(error?.message ?? 'ok'));
        const lost = next(first).catch((error: unknown) => error);
        const answer = await next(second);
        first.giveUp(late);
        ends.push('given up');
        call.chose(second);
        void lost.then((error) => ends.push(String(error instanceof LLMError)));
        return answer;
      },
    });

  it('aborts and settles an attempt at once, and waits for nothing', async () => {
    const ends: string[] = [];
    let reason: unknown;
    class Subject {
      @takeSecond(ends)
      async ask() {
        const call = currentCall();
        if (call?.attempt === 2) return 'answer';
        call?.signal.addEventListener('abort', () => (reason = call.signal.reason));
        return new Promise<string>(() => undefined);
      }
    }
    expect(await new Subject().ask()).toBe('answer');
    expect(ends.slice(0, 2)).toEqual(['too late', 'given up']);
    expect(reason).toBe(late);
    await settled();
    expect(ends[2]).toBe('true');
  });

  it.each(['before', 'after'])('closes the stream of an async * method that opens %s', async (when) => {
    const closed: number[] = [];
    const slow = deferred();
    class Subject {
      @Timeout({ idleMs: 100 })
      @takeSecond()
      async *events() {
        const attempt = currentCall()?.attempt as number;
        try {
          if (attempt === 1 && when === 'after') await slow.promise;
          yield attempt;
          yield attempt;
        } finally {
          closed.push(attempt);
        }
      }
    }
    const stream = new Subject().events();
    expect(await stream.next()).toEqual({ done: false, value: 2 });
    slow.resolve();
    await settled();
    expect(closed).toEqual([1]);
    expect(await collect(stream)).toEqual([2]);
    expect(closed).toEqual([1, 2]);
  });

  it.each(['before', 'after'])('closes a stream that a promise resolves with %s', async (when) => {
    const made: Readable[] = [];
    const slow = deferred();
    class Subject {
      @Timeout({ idleMs: 100 })
      @takeSecond()
      async open() {
        const attempt = currentCall()?.attempt as number;
        const stream = Readable.from([attempt, attempt]);
        made[attempt] = stream;
        if (attempt === 1 && when === 'after') await slow.promise;
        return stream;
      }
    }
    const stream = await new Subject().open();
    slow.resolve();
    await settled();
    expect(made[1]?.destroyed).toBe(true);
    expect(made[2]?.destroyed).toBe(false);
    expect(await collect(stream as AsyncIterable<number>)).toEqual([2, 2]);
  });

  it('closes a stream that a stage hands on although its attempt was given up', async () => {
    const Deaf = definePolicy({
      kind: 'Deaf in tests of attempts side by side',
      place: 'admission',
      create: () => ({
        async run(call: Call, next: Next) {
          const result = await next();
          if (call.attempt === 1) await pass(10);
          return result;
        },
      }),
    });
    const made: Readable[] = [];
    class Subject {
      @takeSecond()
      @Deaf()
      async open() {
        const stream = Readable.from([1]);
        made[currentCall()?.attempt as number] = stream;
        return stream;
      }
    }
    const stream = await new Subject().open();
    await time.runAll();
    expect([made[1]?.destroyed, made[2]?.destroyed]).toEqual([true, false]);
    expect(await collect(stream as AsyncIterable<number>)).toEqual([1]);
  });

  it('leaves a queue, which then costs nothing', async () => {
    const seen: Seen = {};
    class Subject {
      @Watched({ seen })
      @RateLimited({ maxConcurrent: 1 })
      @Scripted({
        async run(call, next) {
          const [first, second] = [call.fork({ attempt: 1 }), call.fork({ attempt: 2 })];
          const answer = next(first);
          const waits = failureOf(next(second));
          await pass(10);
          second.giveUp(late);
          expect(await waits).toBe(late);
          return answer;
        },
      })
      async ask() {
        await pass(20);
        return currentCall()?.attempt;
      }
    }
    const asked = new Subject().ask();
    await time.runAll();
    expect(await asked).toBe(1);
    expect(seen.attempts).toHaveLength(1);
    expect(time.now()).toBe(20);
  });
});

describe('onEnd()', () => {
  it('tells at once of an attempt that was given up before: what it was granted meanwhile is not lost', async () => {
    const outcomes: unknown[] = [];
    const Late = definePolicy({
      kind: 'Late in tests of attempts side by side',
      place: 'admission',
      create: () => ({
        async run(call: Call, next: Next) {
          await settled();
          call.onEnd((outcome) => outcomes.push(outcome));
          return next();
        },
      }),
    });
    let entered = 0;
    class Subject {
      @Late()
      @Scripted({
        async run(call, next) {
          const [first, second] = [call.fork({ attempt: 1 }), call.fork({ attempt: 2 })];
          const lost = failureOf(next(first));
          const answer = next(second);
          first.giveUp(late);
          expect(await lost).toBe(late);
          await answer;
          second.onEnd((outcome) => outcomes.push(outcome));
          return answer;
        },
      })
      async ask() {
        entered++;
        return 'answer';
      }
    }
    expect(await new Subject().ask()).toBe('answer');
    expect(entered).toBe(1);
    expect(outcomes).toEqual([{ error: late }, { result: 'answer' }, {}]);
  });
});
