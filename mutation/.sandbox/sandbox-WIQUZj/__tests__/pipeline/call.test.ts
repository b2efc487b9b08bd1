// @ts-nocheck
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TimeoutError } from '../../decorators/index.js';
import {
  AbortError,
  APIError,
  ConnectionError,
  currentCall,
  definePolicy,
  HandleApiErrors,
  LLMError,
  policyHost,
  RetryWithBackoff,
  Timeout,
  type Call,
  type CallOptions,
  type CallOutcome,
  type PolicyHost,
} from '../../decorators/index.js';
import { collect, deferred, failureOf, takeOne } from '../support/policies';
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

let outer: Call;
const Watched = definePolicy({
  kind: 'Watched',
  place: 'Traced',
  create: () => ({
    run(call, next) {
      outer = call;
      return next();
    },
  }),
});

describe('currentCall()', () => {
  it('is the running call, also after an await, and undefined outside', async () => {
    class Client {
      @RetryWithBackoff({ baseDelayMs: 0 })
      async run(question: string) {
        const before = currentCall();
        await null;
        await Promise.resolve();
        expect(currentCall()).toBe(before);
        if (before?.attempt === 1) throw new ConnectionError('once');
        return (
          before && [
            before.self === this,
            before.method,
            before.args,
            before.attempt,
            before.streaming,
            question,
          ]
        );
      }
    }
    const running = new Client().run('why');
    expect(currentCall()).toBeUndefined();
    await time.runAll();
    expect(await running).toEqual([true, 'run', ['why'], 2, false, 'why']);
    expect(currentCall()).toBeUndefined();
  });

  it('is the running call after each yield, and never leaks to the consumer', async () => {
    const seen: unknown[] = [];
    class Client {
      @HandleApiErrors()
      async *events() {
        for (let i = 0; i < 3; i++) {
          seen.push(currentCall()?.method);
          yield i;
          await null;
          seen.push(currentCall()?.method);
        }
      }
      @HandleApiErrors()
      async consume() {
        for await (const i of this.events()) seen.push(`${String(currentCall()?.method)} ${i}`);
      }
    }
    for await (const i of new Client().events()) expect([i, currentCall()]).toEqual([i, undefined]);
    expect(seen).toEqual(Array(6).fill('events'));
    seen.length = 0;
    await new Client().consume();
    expect(seen.filter((name) => name !== 'events')).toEqual(['consume 0', 'consume 1', 'consume 2']);
  });

  it('is in the finally block of a stream that is left', async () => {
    let seen: unknown;
    class Client {
      @HandleApiErrors()
      async *events() {
        try {
          yield 1;
        } finally {
          await null;
          seen = currentCall()?.method;
        }
      }
    }
    await takeOne(new Client().events());
    expect(seen).toBe('events');
  });

  it('keeps concurrent calls apart', async () => {
    class Client {
      @HandleApiErrors()
      async run(id: number) {
        await settled();
        return [id, currentCall()?.args[0]];
      }
    }
    const client = new Client();
    expect(await Promise.all([1, 2, 3].map((id) => client.run(id)))).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
  });
});

describe('a decorated call within a decorated call', () => {
  class Nested {
    innerSignal: AbortSignal | undefined;
    innerDeadline: number | undefined;
    @Timeout({ totalMs: 100 })
    async short() {
      return this.inner();
    }
    @Timeout({ totalMs: 5000 })
    async long() {
      return this.inner();
    }
    @Timeout({ totalMs: 1000 })
    async inner(): Promise<string> {
      this.innerSignal = currentCall()?.signal;
      this.innerDeadline = currentCall()?.deadline;
      return new Promise(() => undefined);
    }
    @HandleApiErrors()
    async starts(gate: Promise<void>) {
      void this.after(gate);
      return 'done';
    }
    afterwards = '';
    @Timeout()
    async after(gate: Promise<void>) {
      await gate;
      this.afterwards = currentCall()?.signal.aborted ? 'aborted' : 'ran on';
    }
  }

  it('keeps the earlier deadline, and is aborted with the outer', async () => {
    const nested = new Nested();
    const failure = failureOf(nested.short());
    await settled();
    expect(nested.innerDeadline).toBe(100);
    await time.advance(100);
    expect(await failure).toMatchObject({
      code: 'timeout_total',
      message: expect.stringContaining('short()'),
    });
    expect(nested.innerSignal?.aborted).toBe(true);
  });

  it('keeps its own deadline when that is earlier', async () => {
    const nested = new Nested();
    const failure = failureOf(nested.long());
    await settled();
    expect(nested.innerDeadline).toBe(1000);
    await time.advance(1000);
    expect(await failure).toMatchObject({
      code: 'timeout_total',
      message: expect.stringContaining('inner()'),
    });
  });

  it("is aborted by the outer call's signal without being given it", async () => {
    class Client {
      @HandleApiErrors()
      async outer(_options: CallOptions) {
        return this.inner();
      }
      @RetryWithBackoff()
      async inner(): Promise<void> {
        return new Promise(() => undefined);
      }
    }
    const controller = new AbortController();
    const failure = failureOf(new Client().outer({ signal: controller.signal }));
    controller.abort('enough');
    expect(await failure).toBeInstanceOf(AbortError);
  });

  it('that outlives the outer one is not disturbed by its end', async () => {
    const nested = new Nested();
    const gate = deferred();
    expect(await nested.starts(gate.promise)).toBe('done');
    gate.resolve();
    await settled();
    expect(nested.afterwards).toBe('ran on');
  });
});

describe('the signal that a method is handed', () => {
  class Client {
    readonly [policyHost]: PolicyHost = { callOptions: (method) => (method === 'hosted' ? 1 : undefined) };
    signals: (AbortSignal | undefined)[] = [];
    @RetryWithBackoff({ maxRetries: 1, baseDelayMs: 0 })
    async hosted(_question: string, options?: CallOptions) {
      this.signals.push(options?.signal);
      expect(options?.signal).toBe(currentCall()?.signal);
      if (this.signals.length === 1) throw new ConnectionError('down');
    }
    @RetryWithBackoff({ maxRetries: 1, baseDelayMs: 0 })
    async plain(_question: string, options?: { signal?: AbortSignal; method?: string }) {
      this.signals.push(options?.signal);
      if (this.signals.length === 1) throw new ConnectionError('down');
    }
    @Timeout({ attemptMs: 50 })
    async waits(options?: CallOptions): Promise<void> {
      return new Promise((_, reject) => {
        options?.signal?.addEventListener('abort', () => reject(new Error('the body saw the abort')));
      });
    }
  }

  it.each([
    ['at the position that the host names', (client: Client) => client.hosted('q')],
    ['in the last argument', (client: Client) => client.plain('q', { signal: new AbortController().signal })],
  ])('is a new one for each attempt: %s', async (_, run) => {
    const client = new Client();
    const running = run(client);
    await time.runAll();
    await running;
    expect(client.signals).toEqual([expect.any(AbortSignal), expect.any(AbortSignal)]);
    expect(client.signals[0]).not.toBe(client.signals[1]);
  });

  it("is aborted with the caller's reason", async () => {
    const controller = new AbortController();
    let signal: AbortSignal | undefined;
    class Hangs {
      @HandleApiErrors()
      async run(options: CallOptions) {
        signal = options.signal;
        return new Promise(() => undefined);
      }
    }
    const failure = failureOf(new Hangs().run({ signal: controller.signal }));
    const reason = { why: 'enough' };
    controller.abort(reason);
    await failure;
    expect(signal?.reason).toBe(reason);
  });

  it('is aborted by a timeout, whose error wins over what the body makes of it', async () => {
    const failure = failureOf(new Client().waits({ headers: {} }));
    await time.advance(50);
    expect(await failure).toMatchObject({ name: 'TimeoutError', code: 'timeout_attempt' });
  });
});

describe('report(), facts, onEnd and onEvent', () => {
  const ends: CallOutcome[] = [];
  const facts: unknown[] = [];
  const events: unknown[] = [];
  const Ended = definePolicy({
    kind: 'Ended',
    place: 'admission',
    create: () => ({
      run(call, next) {
        call.onEnd((outcome) => {
          ends.push(outcome);
          facts.push({ ...call.facts });
        });
        if (call.streaming) call.onEvent((event) => events.push(event));
        return next();
      },
    }),
  });
  beforeEach(() => {
    ends.length = facts.length = events.length = 0;
  });

  class Client {
    calls = 0;
    @Ended()
    @Watched()
    @RetryWithBackoff({ baseDelayMs: 0 })
    async run() {
      const call = currentCall();
      call?.report({ sent: true });
      await null;
      call?.report({ requestId: `r${++this.calls}`, statusCode: this.calls === 1 ? 500 : 200 });
      if (this.calls === 1) throw new APIError('500', 500);
      currentCall()?.report({ usage: { inputTokens: 1, outputTokens: 2 } });
      return 'answer';
    }
    @Ended()
    async *events() {
      for (const event of ['a', 'b', 'c']) {
        currentCall()?.report({ requestId: event });
        yield event;
      }
    }
  }

  it('tell a policy what each attempt came to, and the whole call what the last one reported', async () => {
    const running = new Client().run();
    await time.runAll();
    await running;
    expect(ends).toEqual([{ error: expect.any(APIError) }, { result: 'answer' }]);
    expect(facts).toEqual([
      { sent: true, requestId: 'r1', statusCode: 500 },
      { sent: true, requestId: 'r2', statusCode: 200, usage: { inputTokens: 1, outputTokens: 2 } },
    ]);
    expect(outer.facts).toEqual(facts[1]);
    expect(outer.ended).toBe(true);
  });

  it('tell of a stream when its iteration ends, with every event', async () => {
    const stream = new Client().events();
    await stream.next();
    expect(ends).toEqual([]);
    await stream.next();
    await stream.next();
    await stream.next();
    expect(ends).toEqual([{}]);
    expect(events).toEqual(['a', 'b', 'c']);
    expect(facts).toEqual([{ requestId: 'c' }]);
  });

  it('tell of a stream that is left that it is incomplete', async () => {
    await takeOne(new Client().events());
    expect(ends).toEqual([{ incomplete: true }]);
  });

  it('are each called, even when one before fails, and never break the call', async () => {
    const called: number[] = [];
    const warnings: string[] = [];
    const silence = process.emitWarning;
    process.emitWarning = ((text: string) => warnings.push(text)) as never;
    try {
      const Failing = definePolicy({
        kind: 'Failing',
        place: 'admission',
        create: () => ({
          run(call, next) {
            call.onEnd(() => {
              called.push(1);
              throw new Error('broken listener');
            });
            call.onEnd(() => called.push(2));
            return next();
          },
        }),
      });
      class Fails {
        @Failing()
        async run() {
          return 'fine';
        }
      }
      expect(await new Fails().run()).toBe('fine');
    } finally {
      process.emitWarning = silence;
    }
    expect(called).toEqual([1, 2]);
    expect(warnings).toEqual([expect.stringContaining('broken listener')]);
  });
});

describe('error.attempts', () => {
  class Client {
    calls = 0;
    @RetryWithBackoff({ maxRetries: 2, baseDelayMs: 100, jitter: 'none' })
    @HandleApiErrors()
    async run(takesMs: number) {
      const call = currentCall() as Call;
      await call.wait(takesMs, 'queue');
      call.report({ requestId: `r${++this.calls}` });
      if (this.calls === 2) throw new ConnectionError('down');
      throw new APIError('503', 503);
    }
    @HandleApiErrors()
    async once() {
      throw new LLMError('no');
    }
  }

  it('sums up every attempt, the last included, with waits and durations', async () => {
    const failure = failureOf(new Client().run(7));
    await time.runAll();
    expect((await failure) as LLMError).toMatchObject({
      attempts: [
        { name: 'APIError', code: 'api_error', statusCode: 503, requestId: 'r1', waitMs: 0, durationMs: 7 },
        { name: 'ConnectionError', code: 'connection', requestId: 'r2', waitMs: 100, durationMs: 7 },
        { name: 'APIError', code: 'api_error', statusCode: 503, requestId: 'r3', waitMs: 200, durationMs: 7 },
      ],
    });
  });

  it('has one entry for a call without retry', async () => {
    expect(await failureOf(new Client().once())).toMatchObject({ attempts: [{ code: 'unexpected' }] });
  });

  it('counts a wait for admission as waiting, not as duration', async () => {
    const Queue = definePolicy({
      kind: 'Queue',
      place: 'admission',
      create: () => ({
        async run(call, next) {
          await call.wait(40, 'queue');
          return next();
        },
      }),
    });
    class Queued {
      @Queue()
      async run() {
        throw new ConnectionError('down');
      }
    }
    const failure = failureOf(new Queued().run());
    await time.advance(40);
    expect(await failure).toMatchObject({ attempts: [{ waitMs: 40, durationMs: 0 }] });
  });

  it('is on the total timeout too', async () => {
    class Slow {
      @Timeout({ totalMs: 250 })
      @RetryWithBackoff({ baseDelayMs: 200, jitter: 'none' })
      async run() {
        if (currentCall()?.attempt === 1) throw new ConnectionError('down');
        return new Promise(() => undefined);
      }
    }
    const failure = failureOf(new Slow().run());
    await time.advance(250);
    const error = (await failure) as TimeoutError;
    expect(error.code).toBe('timeout_total');
    expect(error.attempts).toMatchObject([
      { code: 'connection', waitMs: 0 },
      { code: 'timeout_total', waitMs: 200, durationMs: 50 },
    ]);
  });
});

describe('an abort', () => {
  const hang = () => new Promise<never>(() => undefined);
  class Client {
    entered = 0;
    @HandleApiErrors()
    async ignores(_options: CallOptions): Promise<void> {
      this.entered++;
      return hang();
    }
    @RetryWithBackoff({ baseDelayMs: 60_000, jitter: 'none' })
    async backsOff(_options: CallOptions): Promise<void> {
      this.entered++;
      throw new ConnectionError('down');
    }
    @Timeout({ totalMs: 1000, attemptMs: 500 })
    @RetryWithBackoff()
    async bounded(_options: CallOptions): Promise<void> {
      this.entered++;
      return hang();
    }
    @RetryWithBackoff()
    async *opening(_options: CallOptions): AsyncGenerator<number> {
      this.entered++;
      await hang();
      yield 1;
    }
    @RetryWithBackoff()
    async succeeds(_options: CallOptions): Promise<string> {
      return 'done';
    }
    @RetryWithBackoff()
    async *streams(_options: CallOptions): AsyncGenerator<number> {
      yield 1;
      await hang();
    }
  }
  const cases: [string, (client: Client, options: CallOptions) => Promise<unknown>][] = [
    ['in a method that ignores the signal', (client, options) => client.ignores(options)],
    ['while it waits to try again', (client, options) => client.backsOff(options)],
    ['under timeouts', (client, options) => client.bounded(options)],
    ['while a stream is opened', (client, options) => client.opening(options).next()],
    ['within a stream', (client, options) => collect(client.streams(options))],
  ];

  it.each(cases)('ends the call at once %s, and leaves no listener and no timer', async (_, run) => {
    const controller = new AbortController();
    const failure = failureOf(run(new Client(), { signal: controller.signal }));
    await settled();
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    const reason = new Error('the user left');
    controller.abort(reason);
    const error = (await failure) as AbortError;
    expect(error).toBeInstanceOf(AbortError);
    expect(error.code).toBe('aborted');
    expect(error.cause).toMatchObject({ message: 'the user left' });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    expect(time.pendingTimers).toBe(0);
  });

  it.each(cases)('before the call lets nothing begin %s', async (_, run) => {
    const client = new Client();
    expect(await failureOf(run(client, { signal: AbortSignal.abort('early') }))).toBeInstanceOf(AbortError);
    expect(client.entered).toBe(0);
    expect(time.pendingTimers).toBe(0);
  });

  it('by the method itself, before its first await, ends the call', async () => {
    const controller = new AbortController();
    class Client {
      @HandleApiErrors()
      async run(_options: CallOptions) {
        controller.abort('inside');
        return hang();
      }
    }
    expect(await failureOf(new Client().run({ signal: controller.signal }))).toBeInstanceOf(AbortError);
  });

  it.each([
    ['success', (client: Client, options: CallOptions) => client.succeeds(options)],
    [
      'a stream that is left',
      async (client: Client, options: CallOptions) => {
        await takeOne(client.streams(options));
      },
    ],
  ])('is not listened for after %s', async (_, run) => {
    const controller = new AbortController();
    await run(new Client(), { signal: controller.signal });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('is not retried, whatever retryOn says', async () => {
    const asked: unknown[] = [];
    const controller = new AbortController();
    class Eager {
      @RetryWithBackoff({ retryOn: (error) => Boolean(asked.push(error)) })
      async run(_options: CallOptions) {
        return hang();
      }
    }
    const failure = failureOf(new Eager().run({ signal: controller.signal }));
    controller.abort();
    expect(await failure).toBeInstanceOf(AbortError);
    expect(asked).toEqual([]);
  });

  it('by the host, through the call it was shown, ends the call', async () => {
    const calls: Call[] = [];
    class Hosted {
      readonly [policyHost]: PolicyHost = { onCall: (call) => calls.push(call) };
      @HandleApiErrors()
      async run() {
        return hang();
      }
    }
    const failure = failureOf(new Hosted().run());
    calls[0]?.abort(new AbortError('The client was closed.'));
    expect(await failure).toMatchObject({ message: 'The client was closed.' });
  });
});

describe('a fork that a stage makes', () => {
  it('ends with what came of it, also when the next stage throws at once', async () => {
    const outcomes: CallOutcome[] = [];
    const Forking = definePolicy({
      kind: 'Forking',
      place: 'Hedged',
      create: () => ({
        run(call, next) {
          const forked = call.fork();
          forked.onEnd((outcome) => outcomes.push(outcome));
          return next(forked);
        },
      }),
    });
    const Throwing = definePolicy({
      kind: 'Throwing',
      place: 'admission',
      create: () => ({
        run() {
          throw new ConnectionError('at once');
        },
      }),
    });
    class Client {
      @Forking()
      @Throwing()
      async run() {}
      @Forking()
      @Throwing()
      async *events() {
        yield 1;
      }
      @Forking()
      async fine() {
        return 5;
      }
    }
    await failureOf(new Client().run());
    await failureOf(new Client().events().next());
    await new Client().fine();
    expect(outcomes).toEqual([
      { error: expect.any(ConnectionError) },
      { error: expect.any(ConnectionError) },
      { result: 5 },
    ]);
  });

  it('is aborted alone, or with the call it stems from', async () => {
    const Racing = definePolicy({
      kind: 'Racing',
      place: 'Hedged',
      create: () => ({
        async run(call, next) {
          const [slow, fast] = [call.fork(), call.fork()];
          const lost = next(slow).catch((error: unknown) => error);
          const won = await next(fast);
          slow.abort('lost');
          return [won, await lost];
        },
      }),
    });
    let calls = 0;
    class Client {
      @Racing()
      async run(): Promise<unknown> {
        return ++calls === 1 ? new Promise(() => undefined) : 'fast';
      }
    }
    const [won, lost] = (await new Client().run()) as unknown[];
    expect(won).toBe('fast');
    expect(lost).toBeInstanceOf(AbortError);
  });
});
