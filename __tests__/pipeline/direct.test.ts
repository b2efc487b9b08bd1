import { describe, expect, it } from '@jest/globals';
import {
  AbortError,
  continueWith,
  currentCall,
  definePolicy,
  HandleApiErrors,
  InternalServerError,
  Limiter,
  LLMError,
  onPolicyEvent,
  policyHost,
  RateLimited,
  RetryWithBackoff,
  type Call,
  type PolicyEvent,
} from '../../decorators/index.js';
import { DirectStage } from '../../decorators/pipeline/direct-stage.js';
import { collect, deferred, failureOf } from '../support/policies.js';

/** A stream whose steps are given by hand, in a call that nothing can abort. */
function byHand() {
  const steps = [deferred<IteratorResult<number>>()];
  let asked = 0;
  const source = {
    [Symbol.asyncIterator]: () => source,
    next: () => {
      const step = (steps[asked++] ??= deferred());
      return step.promise;
    },
    returned: 0,
    async return() {
      source.returned++;
      return { done: true as const, value: undefined };
    },
  };
  class Service {
    @HandleApiErrors()
    async *events(): AsyncGenerator<number> {
      return continueWith(source);
    }

    @HandleApiErrors()
    async *own(): AsyncGenerator<number> {
      yield 1;
      currentCall()?.abort('enough');
      await steps[0]?.promise;
      yield 2;
    }
  }
  const service = new Service();
  const events: PolicyEvent[] = [];
  onPolicyEvent(service, (event) => events.push(event));
  const step = (at: number) => (steps[at] ??= deferred());
  step(0).resolve({ done: false, value: 0 });
  return { service, source, events, step };
}

const typesOf = (events: readonly PolicyEvent[]): string[] => events.map(({ type }) => type);

describe('a step of a stream that nothing can abort', () => {
  it('that fails is mapped, ends the call and closes the source', async () => {
    const { service, source, events, step } = byHand();
    const stream = service.events();
    await stream.next();
    step(1).reject(new TypeError('fetch failed'));
    const error = await failureOf(stream.next());
    expect(error).toBeInstanceOf(LLMError);
    expect(typesOf(events)).toEqual(['attempt', 'failure']);
    expect(source.returned).toBeGreaterThan(0);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('whose source throws at once fails in the same way', async () => {
    const { service, source, events } = byHand();
    const stream = service.events();
    await stream.next();
    source.next = () => {
      throw new RangeError('no');
    };
    expect((await failureOf(stream.next())) as Error).toMatchObject({ code: 'unexpected' });
    expect(typesOf(events)).toEqual(['attempt', 'failure']);
  });

  it('waits for the one before it', async () => {
    const { service, events, step } = byHand();
    const stream = service.events();
    await stream.next();
    const answers: unknown[] = [];
    const asked = [stream.next(), stream.next(), stream.return(undefined)].map((answer) =>
      answer.then(({ value, done }) => answers.push(done ? 'done' : value)),
    );
    step(2).resolve({ done: false, value: 2 });
    await Promise.resolve();
    expect(answers).toEqual([]);
    expect(events).toEqual([]);
    step(1).resolve({ done: false, value: 1 });
    await Promise.all(asked);
    expect(answers).toEqual([1, 2, 'done']);
    expect(typesOf(events)).toEqual(['attempt', 'success']);
  });

  it('that is the last ends the call', async () => {
    const { service, events, step } = byHand();
    step(1).resolve({ done: true, value: undefined as never });
    expect(await collect(service.events())).toEqual([0]);
    expect(typesOf(events)).toEqual(['attempt', 'success']);
  });

  it('of a method that aborts its own call fails with that', async () => {
    const { service } = byHand();
    const stream = service.own();
    expect(await stream.next()).toEqual({ done: false, value: 1 });
    expect(await failureOf(stream.next())).toBeInstanceOf(AbortError);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('is seen to be waited for, and only then', async () => {
    let waitingSince: (() => number | undefined) | undefined;
    const Watched = definePolicy({
      kind: 'Watched',
      place: 'Traced',
      neverAborts: true,
      create: () => ({
        run(call, next) {
          waitingSince = call.watchWaiting();
          return next(call);
        },
      }),
    });
    const second = deferred();
    class Service {
      @Watched()
      async *events(): AsyncGenerator<number> {
        yield 1;
        await second.promise;
        yield 2;
      }
    }
    const stream = new Service().events();
    await stream.next();
    expect(waitingSince?.()).toBeUndefined();
    const step = stream.next();
    expect(waitingSince?.()).toEqual(expect.any(Number));
    second.resolve();
    await step;
    expect(waitingSince?.()).toBeUndefined();
    await stream.return(undefined);
  });
});

describe('a stage that passes functions inward', () => {
  class Doubling extends DirectStage<object> {
    drive: DirectStage<object>['drive'] = (call, inward, _options, onResult) =>
      inward(
        call,
        (result) => (onResult ?? ((value) => value))(Number(result) * 2),
        (error) => (onResult ?? ((value) => value))(`after ${String(error)}`),
      );
  }
  const stage = new Doubling();

  it.each([
    ['by itself', () => stage],
    // As where another copy of the package has defined it.
    ['by its promise', () => ({ run: stage.run.bind(stage) })],
  ])('makes of a result and of a failure what it wants, %s', async (how, create) => {
    const Doubled = definePolicy({ kind: `Doubled ${how}`, place: 'Fallback', create });
    class Service {
      @Doubled()
      @HandleApiErrors()
      async double(n: number): Promise<unknown> {
        if (n < 0) throw new InternalServerError('down', 500);
        return n;
      }
    }
    expect(await new Service().double(21)).toBe(42);
    expect(await new Service().double(-1)).toMatch(/^after InternalServerError: down/);
  });

  it('hands on what a host throws while it looks at an error, and retries by it', async () => {
    let looks = 0;
    class Service {
      get [policyHost]() {
        return {
          failure: (): undefined => {
            if (++looks === 1) throw new InternalServerError('the host is down', 500);
          },
        };
      }

      calls = 0;

      @RetryWithBackoff({ maxRetries: 1, baseDelayMs: 0 })
      @HandleApiErrors()
      async ask(): Promise<string> {
        if (++this.calls === 1) throw new Error('first');
        return 'answer';
      }
    }
    expect(await new Service().ask()).toBe('answer');
  });
});

describe('a host that fails while it looks at an error', () => {
  it('leaves no call without its end, and what it threw is the error', async () => {
    class Service {
      readonly [policyHost] = {
        failure: () => {
          throw new RangeError('odd');
        },
      };

      @RetryWithBackoff({ maxRetries: 0 })
      @HandleApiErrors()
      async ask(): Promise<string> {
        throw new Error('first');
      }
    }
    const service = new Service();
    const events: PolicyEvent[] = [];
    onPolicyEvent(service, (event) => events.push(event));
    const error = await failureOf(service.ask());
    expect(error).toMatchObject({ code: 'unexpected', cause: { message: 'odd' } });
    expect(typesOf(events)).toEqual(['attempt', 'failure']);
  });
});

describe('a host that fails when it is asked whether anybody listens', () => {
  it('is not told, and its calls go on', async () => {
    const limiter = new Limiter({ maxConcurrent: 1 });
    class Service {
      readonly [policyHost] = {
        emit: () => undefined,
        observed: () => {
          throw new Error('odd');
        },
      };

      @RateLimited(limiter)
      async ask() {
        return 'answer';
      }
    }
    expect(await new Service().ask()).toBe('answer');
    expect(limiter.snapshot()['default']?.concurrency.inFlight).toBe(0);
  });
});

describe('next() of a stage', () => {
  it('rejects and never throws', async () => {
    let thrown: unknown;
    const Ending = definePolicy({
      kind: 'Ending',
      place: 'Fallback',
      create: () => ({
        run(call: Call, next: () => Promise<unknown>) {
          call.abort('over');
          try {
            return next();
          } catch (error) {
            thrown = error;
            throw error;
          }
        },
      }),
    });
    class Service {
      @Ending()
      async ask(): Promise<void> {}
    }
    expect(await failureOf(new Service().ask())).toBeInstanceOf(AbortError);
    expect(thrown).toBeUndefined();
  });
});

describe('listeners of an abort', () => {
  it('are all told, those that have left are not', async () => {
    const told: string[] = [];
    class Service {
      @HandleApiErrors()
      async ask(): Promise<void> {
        const call = currentCall() as Call;
        const leave = ['a', 'b', 'c', 'd'].map((name) => call.onAbort(() => told.push(name)));
        leave[0]?.();
        leave[2]?.();
        call.onAbort(() => told.push('e'));
        leave[0]?.();
        call.abort('over');
      }
    }
    await new Service().ask();
    expect(told.sort()).toEqual(['b', 'd', 'e']);
  });
});
