import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  AbortError,
  ConnectionError,
  currentCall,
  definePolicy,
  Limiter,
  policiesOf,
  policyHost,
  RateLimited,
  RetryWithBackoff,
  Timeout,
  TimeoutError,
  type Call,
  type CallOptions,
  type LLMError,
  type PolicyHost,
  type TimeoutOptions,
} from '../../decorators/index.js';
import type { Runtime } from '../../decorators/pipeline/runtime.js';
import { onMethod, collect, failureOf, takeOne } from '../support/policies';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';

let time: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  ({ runtime: time, restore } = installVirtualRuntime());
});
afterEach(() => {
  expect(time.pendingTimers).toBe(0);
  restore();
});

const hang = () => new Promise<never>(() => undefined);
/** Lets virtual time pass within a method, without hearing its signal. */
const pass = (ms: number) => new Promise<void>((resolve) => void time.setTimer(resolve, ms));

/** A script of steps: a number passes that many milliseconds, a string is an event. */
class Client {
  attempts = 0;
  constructor(readonly options?: TimeoutOptions) {}
  @Timeout((self) => self.options)
  async answer(afterMs: number, _options?: CallOptions) {
    await pass(afterMs);
    return 'answer';
  }
  @Timeout((self) => self.options)
  @RetryWithBackoff({ baseDelayMs: 30, jitter: 'none' })
  async hangs(_options?: CallOptions) {
    this.attempts++;
    return hang();
  }
  @Timeout((self) => self.options)
  async *events(...script: (number | string)[]) {
    for (const step of script) {
      if (typeof step === 'number') await pass(step);
      else yield step;
    }
  }
  @Timeout((self) => self.options)
  async open(...script: (number | string)[]) {
    return (async function* () {
      for (const step of script) {
        if (typeof step === 'number') await pass(step);
        else yield step;
      }
    })();
  }
}
class Hosted extends Client {
  readonly [policyHost]: PolicyHost = { carriesContent: (_method, event) => event !== 'role' };
}

/** The outcome of `promise` once `ms` have passed, or that it is still under way. */
async function after(ms: number, promise: Promise<unknown>): Promise<unknown> {
  let outcome: unknown = 'under way';
  promise.then(
    (value) => (outcome = value),
    (error: unknown) => (outcome = error instanceof TimeoutError ? error.code : error),
  );
  await time.advance(ms);
  return outcome;
}

describe('totalMs', () => {
  it('bounds the whole call with its attempts and waits, and is not retried', async () => {
    const client = new Client({ totalMs: 100, attemptMs: 40 });
    const running = client.hangs();
    expect(await after(99, running)).toBe('under way');
    expect(await after(1, running)).toBe('timeout_total');
    // 0 to 40, then a wait of 30, then 70 to 100.
    expect(client.attempts).toBe(2);
    const error = (await failureOf(running)) as TimeoutError;
    expect(error.message).toBe('hangs() was not finished, retries and waits included, within 100 ms.');
    expect(error).toMatchObject({
      name: 'TimeoutError',
      retryable: false,
      attempts: [{}, { code: 'timeout_total' }],
    });
  });

  it('bounds a wait in the middle', async () => {
    const client = new Client({ totalMs: 60, attemptMs: 40 });
    expect(await after(60, client.hangs())).toBe('timeout_attempt');
    // The wait of 30 from 40 on would have passed the deadline: it is not begun.
    expect(client.attempts).toBe(1);
  });

  it('bounds all of a stream', async () => {
    const client = new Client({ totalMs: 100 });
    const consumed = collect(client.events('a', 60, 'b', 60, 'c'));
    expect(await after(100, consumed)).toBe('timeout_total');
    await time.runAll();
  });

  it('is not set by default', async () => {
    const running = new Client({ attemptMs: 1e9 }).answer(1e8);
    expect(await after(1e8, running)).toBe('answer');
  });

  it('gives way to timeoutMs of the caller, who needs no other option', async () => {
    expect(await after(50, new Client({ totalMs: 1000 }).hangs({ timeoutMs: 50 }))).toBe('timeout_total');
    expect(await after(50, new Client().hangs({ timeoutMs: 50 }))).toBe('timeout_total');
    const longer = new Client({ totalMs: 10 }).answer(50, { timeoutMs: 1000 });
    expect(await after(50, longer)).toBe('answer');
  });

  it('is on the call as its deadline', async () => {
    let deadline: number | undefined;
    class Peeks {
      @Timeout({ totalMs: 70 })
      async run() {
        deadline = currentCall()?.deadline;
      }
    }
    await time.advance(5);
    await new Peeks().run();
    expect(deadline).toBe(75);
  });
});

describe('attemptMs', () => {
  it('bounds each attempt, and is retried', async () => {
    const client = new Client({ attemptMs: 10 });
    const running = client.hangs();
    // Four attempts of 10, with waits of 30, 60 and 120 between them.
    expect(await after(249, running)).toBe('under way');
    expect(await after(1, running)).toBe('timeout_attempt');
    expect(client.attempts).toBe(4);
  });

  it('is ten minutes by default', async () => {
    const running = new Client().answer(700_000);
    expect(await after(599_999, running)).toBe('under way');
    expect(await after(1, running)).toBe('timeout_attempt');
    await time.runAll();
  });

  it('does not count the wait for admission', async () => {
    const Queue = definePolicy({
      kind: 'Queue',
      place: 'admission',
      create: () => ({
        async run(call: Call, next) {
          await call.wait(1000, 'queue');
          return next();
        },
      }),
    });
    class Queued {
      @Queue()
      @Timeout({ attemptMs: 10 })
      async run() {
        await pass(5);
        return 'answer';
      }
    }
    expect(await after(1005, new Queued().run())).toBe('answer');
  });

  it('bounds a stream up to its first content, and does not cut one that has begun', async () => {
    const client = new Client({ attemptMs: 100 });
    const consumed = collect(client.events(90, 'a', 90, 'b', 90, 'c'));
    expect(await after(270, consumed)).toEqual(['a', 'b', 'c']);
    const late = collect(new Hosted({ attemptMs: 100 }).events('role', 110, 'text'));
    expect(await after(100, late)).toBe('timeout_attempt');
    await time.runAll();
  });

  it('bounds the opening of a stream that a promise resolves with', async () => {
    const stream = await new Client({ attemptMs: 100 }).open('a', 150, 'b');
    expect(await after(150, collect(stream))).toEqual(['a', 'b']);
  });
});

describe('firstEventMs', () => {
  it('bounds the first event that carries content', async () => {
    const consumed = collect(new Hosted({ firstEventMs: 100 }).events('role', 60, 'role', 60, 'text'));
    expect(await after(99, consumed)).toBe('under way');
    expect(await after(1, consumed)).toBe('timeout_first_event');
    await time.runAll();
  });

  it('does not bound what follows, nor a method that is no stream', async () => {
    const consumed = collect(new Client({ firstEventMs: 100 }).events(50, 'a', 150, 'b'));
    expect(await after(200, consumed)).toEqual(['a', 'b']);
    expect(await after(200, new Client({ firstEventMs: 100 }).answer(200))).toBe('answer');
  });

  it('bounds the first event of a stream that a promise resolved with', async () => {
    const late = collect(await new Client({ firstEventMs: 100 }).open(150, 'a'));
    expect(await after(99, late)).toBe('under way');
    expect(await after(1, late)).toBe('timeout_first_event');
    await time.runAll();
  });

  it('is retried like any opening', async () => {
    class Slow {
      attempts = 0;
      @Timeout({ firstEventMs: 10 })
      @RetryWithBackoff({ baseDelayMs: 0 })
      async *events() {
        if (++this.attempts === 1) await hang();
        yield 'a';
      }
    }
    const slow = new Slow();
    expect(await after(10, collect(slow.events()))).toEqual(['a']);
    expect(slow.attempts).toBe(2);
  });
});

describe('idleMs', () => {
  it('bounds the time between two events', async () => {
    const consumed = collect(new Client({ idleMs: 100 }).events('a', 99, 'b', 99, 'c', 150, 'd'));
    expect(await after(99 + 99 + 99, consumed)).toBe('under way');
    expect(await after(1, consumed)).toBe('timeout_idle');
    await time.runAll();
  });

  it('is two minutes by default', async () => {
    const consumed = collect(new Client().events('a', 200_000, 'b'));
    expect(await after(119_999, consumed)).toBe('under way');
    expect(await after(1, consumed)).toBe('timeout_idle');
    await time.runAll();
  });

  it('is counted from the first content on', async () => {
    const consumed = collect(new Hosted({ idleMs: 100 }).events('role', 500, 'text', 99, 'end'));
    expect(await after(599, consumed)).toEqual(['role', 'text', 'end']);
  });

  it('is not counted while the consumer is busy', async () => {
    const seen: string[] = [];
    const consumed = (async () => {
      for await (const event of new Client({ idleMs: 100 }).events('a', 50, 'b', 50, 'c')) {
        seen.push(event);
        await pass(1000);
      }
      return 'done';
    })();
    expect(await after(3100, consumed)).toBe('done');
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('ends a step after the consumer has been busy', async () => {
    const stream = new Client({ idleMs: 100 }).events('a', 500, 'b');
    await stream.next();
    await time.advance(250);
    const step = stream.next();
    expect(await after(99, step)).toBe('under way');
    expect(await after(1, step)).toBe('timeout_idle');
    await time.runAll();
  });

  it('bounds each event of a stream that a promise resolved with, once the first has come', async () => {
    const stream = await new Client({ idleMs: 100 }).open(150, 'a');
    expect(await after(150, collect(stream))).toEqual(['a']);
    const other = await new Client({ idleMs: 100 }).open('a', 99, 'b', 101, 'c');
    expect(await after(199, collect(other))).toBe('timeout_idle');
    await time.runAll();
  });

  it('leaves no timer when the consumer leaves', async () => {
    await takeOne(new Client({ totalMs: 1000, idleMs: 100 }).events('a', 'b'));
    expect(time.pendingTimers).toBe(0);
  });
});

describe('the error', () => {
  const limits: TimeoutOptions = { totalMs: 400, attemptMs: 300, firstEventMs: 200, idleMs: 100 };
  const only = (name: keyof TimeoutOptions): TimeoutOptions => ({ [name]: limits[name] as number });
  it.each<[string, TimeoutOptions, (client: Client) => Promise<unknown>, string, boolean]>([
    [
      'totalMs',
      only('totalMs'),
      (client) => client.answer(1e6),
      'was not finished, retries and waits included,',
      false,
    ],
    ['attemptMs', only('attemptMs'), (client) => client.answer(1e6), 'did not finish an attempt', true],
    [
      'firstEventMs',
      only('firstEventMs'),
      (client) => collect(client.events(1e6)),
      'did not yield its first content',
      true,
    ],
    [
      'idleMs',
      only('idleMs'),
      (client) => collect(client.events('a', 1e6)),
      'did not yield its next event',
      true,
    ],
    [
      'firstEventMs, of a stream that a promise resolved with',
      only('firstEventMs'),
      async (client) => collect(await client.open(1e6)),
      'did not yield its first event',
      true,
    ],
  ])(
    'of %s is a TimeoutError, no AbortError, and says what did not come within how long',
    async (_, options, run, what, retryable) => {
      const failure = failureOf(run(new Client(options)));
      await time.advance(400);
      const error = (await failure) as TimeoutError;
      expect(error).toBeInstanceOf(TimeoutError);
      expect(error).not.toBeInstanceOf(AbortError);
      expect(error.name).toBe('TimeoutError');
      expect(error.retryable).toBe(retryable);
      expect(error.message).toMatch(
        new RegExp(`^\\w+\\(\\) ${what} within ${Object.values(options)[0]} ms\\.$`),
      );
      await time.runAll();
    },
  );

  it('is what the signal of the method was aborted with', async () => {
    let reason: unknown;
    class Listens {
      @Timeout({ attemptMs: 10 })
      async run(): Promise<void> {
        const signal = currentCall()?.signal as AbortSignal;
        await new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject((reason = signal.reason))),
        );
      }
    }
    const failure = failureOf(new Listens().run());
    await time.advance(10);
    expect(await failure).toBe(reason);
    expect(reason).toMatchObject({ code: 'timeout_attempt' });
  });

  it('is the caller’s abort when that comes first, and no timeout any more', async () => {
    const controller = new AbortController();
    const failure = failureOf(
      new Client({ totalMs: 100, attemptMs: 50 }).hangs({ signal: controller.signal }),
    );
    await time.advance(40);
    controller.abort('enough');
    expect(await failure).toMatchObject({ name: 'AbortError', cause: 'enough' });
    expect(time.pendingTimers).toBe(0);
  });
});

describe('the earlier of two limits', () => {
  it.each([
    [{ totalMs: 100, attemptMs: 200 }, 'timeout_total', 100],
    [{ totalMs: 200, attemptMs: 100 }, 'timeout_attempt', 100],
  ])('of %o holds', async ({ totalMs, attemptMs }, code, ms) => {
    const running = new Client({ totalMs, attemptMs }).hangs({ maxRetries: 0 });
    expect(await after(ms - 1, running)).toBe('under way');
    expect(await after(1, running)).toBe(code);
  });

  it('holds for a call within another', async () => {
    class Inner {
      @Timeout({ totalMs: 1000 })
      async run() {
        return hang();
      }
    }
    class Outer {
      @Timeout({ totalMs: 50 })
      async run() {
        await time.advance(20);
        return new Inner().run();
      }
    }
    const running = new Outer().run();
    expect(await after(50, running)).toBe('timeout_total');
    expect(((await failureOf(running)) as Error).message).toMatch(/^run\(\) was not finished.* within 50 ms/);
  });

  it('holds in the queue: a wait that is longer than what is left is not begun', async () => {
    class Queued {
      readonly limiter = new Limiter({ requestsPerMinute: 60, requestBurst: 1 });
      calls = 0;
      @Timeout({ totalMs: 100 })
      @RateLimited((self: Queued) => self.limiter)
      async run() {
        this.calls++;
      }
    }
    const queued = new Queued();
    await queued.run();
    // The next place is free after a second.
    const error = (await failureOf(queued.run())) as LLMError;
    expect(error).toMatchObject({ code: 'rate_limit_client', retryAfterMs: 1000 });
    expect(time.now()).toBe(0);
    expect(queued.calls).toBe(1);
  });

  it('ends a wait in the queue whose length nobody could know, which then costs nothing', async () => {
    class Queued {
      readonly limiter = new Limiter({ maxConcurrent: 1, requestsPerMinute: 1e-6, requestBurst: 5 });
      calls = 0;
      @Timeout((_, call) => (call.args[0] ? { totalMs: 100 } : {}))
      @RateLimited((self: Queued) => self.limiter)
      async run(_isShort: boolean) {
        this.calls++;
        await pass(500);
      }
    }
    const queued = new Queued();
    const first = queued.run(false);
    const second = queued.run(true);
    expect(await after(99, second)).toBe('under way');
    expect(await after(1, second)).toBe('timeout_total');
    await time.runAll();
    await first;
    expect(queued.calls).toBe(1);
    expect(queued.limiter.snapshot()['default']?.requests?.available).toBeCloseTo(4, 3);
  });
});

describe('a limit of weeks', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 31 + 60_000, 3 * 2 ** 31])(
    'of %d ms is kept by the timers of the runtime',
    async (totalMs) => {
      restore();
      jest.useFakeTimers();
      const running = new Client({ totalMs, attemptMs: 2 * totalMs }).hangs({ maxRetries: 0 });
      const outcome = running.catch((error: TimeoutError) => error.code);
      let known: unknown;
      void outcome.then((code) => (known = code));
      await jest.advanceTimersByTimeAsync(totalMs - 1);
      expect(known).toBeUndefined();
      await jest.advanceTimersByTimeAsync(1);
      expect(known).toBe('timeout_total');
      expect(jest.getTimerCount()).toBe(0);
    },
  );
});

describe('listeners', () => {
  it('of the caller’s signal are gone after a hundred calls that ended in time, and after one that did not', async () => {
    const { signal } = new AbortController();
    const client = new Client({ totalMs: 1000, attemptMs: 10 });
    for (let i = 0; i < 100; i++) expect(await after(5, client.answer(5, { signal }))).toBe('answer');
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect(await after(10, client.answer(50, { signal }))).toBe('timeout_attempt');
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    await time.runAll();
  });
});

describe('timers', () => {
  it('are gone after a success and after a failure', async () => {
    const options = { totalMs: 1000, attemptMs: 500, firstEventMs: 400, idleMs: 300 };
    await after(1, new Client(options).answer(1));
    expect(time.pendingTimers).toBe(0);
    await collect(new Client(options).events('a', 'b'));
    expect(time.pendingTimers).toBe(0);
    class Fails {
      @Timeout(options)
      async run() {
        throw new ConnectionError('down');
      }
      @Timeout(options)
      throws(): Promise<void> {
        throw new ConnectionError('at once');
      }
    }
    await failureOf(new Fails().run());
    await failureOf(new Fails().throws());
    expect(time.pendingTimers).toBe(0);
    await settled();
  });

  it('of a stream that nobody reads keep no process alive', async () => {
    const setTimer = jest.spyOn(time as Runtime, 'setTimer');
    const stream = await new Client().open('a');
    expect(setTimer).toHaveBeenLastCalledWith(expect.any(Function), 120_000, { background: true });
    await collect(stream);
  });

  it('are one for an answer: of the attempt', async () => {
    await after(1, new Client().answer(1));
    // The other is that in which the method passes its time.
    expect(time.timersSet).toBe(2);
  });
});

describe('the options', () => {
  it.each(['totalMs', 'attemptMs', 'connectMs', 'firstEventMs', 'idleMs'])(
    '%s must be a number above 0',
    (name) => {
      for (const value of [0, -1, Number.NaN, Infinity, '5']) {
        expect(() => onMethod(Timeout({ [name]: value }))).toThrow(TypeError);
        expect(() => onMethod(Timeout({ [name]: value }))).toThrow(`@Timeout on ask(): \`${name}\` is `);
        expect(() => onMethod(Timeout({ [name]: value }))).toThrow('give a number above 0');
      }
    },
  );

  it('with a slip are corrected', () => {
    expect(() => onMethod(Timeout({ total: 5 } as never))).toThrow(/Did you mean `totalMs`/);
  });

  it('make two stages, around the call and around the attempt', () => {
    expect(policiesOf(Client, 'hangs').map(({ place }) => place)).toEqual([
      'Timeout(total)',
      'RetryWithBackoff',
      'Timeout(attempt)',
    ]);
  });
});
