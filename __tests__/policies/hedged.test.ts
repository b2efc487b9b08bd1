import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AbortError,
  BadRequestError,
  CircuitOpenError,
  ConnectionError,
  currentCall,
  definePolicy,
  Hedged,
  Limiter,
  LLMError,
  onPolicyEvent,
  OverloadedError,
  policiesOf,
  policyHost,
  RateLimited,
  RateLimitError,
  RetryWithBackoff,
  snapshotOf,
  Timeout,
  TimeoutError,
  type AttemptSummary,
  type Call,
  type CallOptions,
  type HedgedOptions,
  type HedgeEvent,
  type Next,
  type PolicyEvent,
  type PolicyHost,
} from '../../decorators/index.js';
import { deferred, onMethod, failureOf } from '../support/policies';
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

/** Works for `ms`, unless it is aborted before. */
function work(ms: number): Promise<void> {
  const call = currentCall() as Call;
  return new Promise((resolve, reject) => {
    const cancel = time.setTimer(() => {
      forget();
      resolve();
    }, ms);
    const forget = call.onAbort((error) => {
      cancel();
      reject(error);
    });
  });
}

/** How an attempt goes: it takes so long, then answers, or fails with `fail`. */
interface Turn {
  readonly ms: number;
  readonly fail?: unknown;
}

/** A method whose attempts go as a script says, the last turn repeated. */
class Client {
  /** When each attempt began, since the client was made. */
  readonly at: number[] = [];
  private readonly madeAt = time.now();
  /** What each attempt that was aborted was aborted with. */
  readonly reasons: unknown[] = [];
  readonly events: PolicyEvent[] = [];
  constructor(
    readonly script: readonly Turn[],
    readonly options?: HedgedOptions | false,
  ) {
    onPolicyEvent(this, (event) => this.events.push(event));
  }
  @Hedged((self) => self.options)
  async run(_options?: CallOptions): Promise<string> {
    return this.turn();
  }
  protected async turn(): Promise<string> {
    const call = currentCall() as Call;
    const number = this.at.push(time.now() - this.madeAt);
    const { ms, fail } = this.script[Math.min(number, this.script.length) - 1] as Turn;
    call.onAbort(() => (this.reasons[number - 1] = call.signal.reason));
    await work(ms);
    if (fail !== undefined) throw fail;
    return `answer ${number}`;
  }
  hedges(): string[] {
    return this.events
      .filter((event): event is HedgeEvent => event.type === 'hedge')
      .map(({ state, attempt, afterMs, reason }) =>
        [state, attempt, `at ${afterMs}`, reason].filter((part) => part !== undefined).join(' '),
      );
  }
}

/** What a call came to, and after how many milliseconds. */
async function outcome(run: () => Promise<unknown>): Promise<{ value: unknown; at: number }> {
  let known = { value: undefined as unknown, at: -1 };
  const begunAt = time.now();
  const settledRun = run().then(
    (value) => (known = { value, at: time.now() - begunAt }),
    (error: unknown) => (known = { value: error, at: time.now() - begunAt }),
  );
  await time.runAll();
  await settledRun;
  return known;
}

/** Without a cap: what is tested elsewhere must not run into it. */
const free = { maxExtraRatio: 100, budget: false } as const;
const down = () => new ConnectionError('down');
const bad = () => new BadRequestError('bad', 400);
const slow = { ms: 1000 };

describe('the next attempt', () => {
  it.each<[string, HedgedOptions, Turn[], number[], string, number]>([
    ['is not begun while the first is fast', { delayMs: 100 }, [{ ms: 99 }], [0], 'answer 1', 99],
    ['is begun beside one that is slow', { delayMs: 100 }, [slow, { ms: 50 }], [0, 100], 'answer 2', 150],
    ['may lose', { delayMs: 100 }, [{ ms: 120 }, slow], [0, 100], 'answer 1', 120],
    ['is one, by default', { delayMs: 100 }, [slow, slow], [0, 100], 'answer 1', 1000],
    [
      'is followed by others, each after the delay',
      { delayMs: 100, maxHedges: 3 },
      [slow],
      [0, 100, 200, 300],
      'answer 1',
      1000,
    ],
    ['is begun at once with a delay of 0', { delayMs: 0 }, [slow, { ms: 5 }], [0, 0], 'answer 2', 5],
    [
      'is begun at once after a failure that may pass',
      { delayMs: 100 },
      [{ ms: 30, fail: down() }, { ms: 40 }],
      [0, 30],
      'answer 2',
      70,
    ],
    [
      'counts its delay from the failure on',
      { delayMs: 100, maxHedges: 2 },
      [{ ms: 30, fail: down() }, slow, { ms: 1 }],
      [0, 30, 130],
      'answer 3',
      131,
    ],
    [
      'is awaited when the first fails while it runs',
      { delayMs: 100 },
      [{ ms: 150, fail: down() }, { ms: 200 }],
      [0, 100],
      'answer 2',
      300,
    ],
    [
      'may fail while the first goes on',
      { delayMs: 100 },
      [{ ms: 500 }, { ms: 10, fail: down() }],
      [0, 100],
      'answer 1',
      500,
    ],
    [
      'is begun when an earlier one fails, although a later one runs',
      { delayMs: 100, maxHedges: 2 },
      [{ ms: 130, fail: down() }, slow, { ms: 20 }],
      [0, 100, 130],
      'answer 3',
      150,
    ],
  ])('%s', async (_, options, script, at, answer, when) => {
    const client = new Client(script, { ...free, ...options });
    expect(await outcome(() => client.run())).toEqual({ value: answer, at: when });
    expect(client.at).toEqual(at);
  });

  it('is told, with its reason, and when it wins', async () => {
    const client = new Client([slow, { ms: 50 }], { ...free, delayMs: 100 });
    await outcome(() => client.run());
    expect(client.hedges()).toEqual(['started 2 at 100 slow', 'won 2 at 150']);
    expect(client.events.at(-1)).toMatchObject({ type: 'success', attempt: 2 });
    const failing = new Client([{ ms: 30, fail: down() }, { ms: 40 }], { ...free, delayMs: 100 });
    await outcome(() => failing.run());
    expect(failing.hedges()).toEqual(['started 2 at 30 failure', 'won 2 at 70']);
    const beaten = new Client([{ ms: 120 }, slow], { ...free, delayMs: 100 });
    await outcome(() => beaten.run());
    expect(beaten.hedges()).toEqual(['started 2 at 100 slow']);
    expect(beaten.events.at(-1)).toMatchObject({ type: 'success', attempt: 1 });
  });

  it('is not begun where it is turned off', async () => {
    const client = new Client([slow], false);
    expect(await outcome(() => client.run())).toEqual({ value: 'answer 1', at: 1000 });
    expect(client.at).toEqual([0]);
  });
});

describe('a failure', () => {
  it.each<[string, unknown]>([
    ['a bad request', bad()],
    ['an unexpected error', new RangeError('a bug')],
    ['an abort', new AbortError('by the method itself')],
    ['a total timeout', new TimeoutError('', { code: 'timeout_total' })],
  ])('that trying again cannot mend ends all attempts: %s', async (_, fail) => {
    const client = new Client([slow, { ms: 20, fail }], { ...free, delayMs: 100, maxHedges: 2 });
    expect(await outcome(() => client.run())).toEqual({ value: fail, at: 120 });
    expect(client.at).toEqual([0, 100]);
    expect(client.reasons[0]).toBeInstanceOf(AbortError);
    expect((client.reasons[0] as Error).message).toBe(
      'This attempt of run() was given up: attempt 2 has failed for good.',
    );
    const alone = new Client([{ ms: 20, fail }, { ms: 1 }], { ...free, delayMs: 100 });
    expect(await outcome(() => alone.run())).toMatchObject({ value: fail });
  });

  it('is judged by hedgeOn instead, both ways', async () => {
    const seen: string[] = [];
    const hedgeOn = (error: LLMError) => seen.push(error.code) > 0 && error.code === 'unexpected';
    const passing = new Client([{ ms: 10, fail: new Error('jam') }, { ms: 10 }], {
      ...free,
      delayMs: 100,
      hedgeOn,
    });
    expect((await outcome(() => passing.run())).value).toBe('answer 2');
    const fatal = new Client([{ ms: 10, fail: down() }, { ms: 10 }], { ...free, delayMs: 100, hedgeOn });
    expect((await outcome(() => fatal.run())).value).toBeInstanceOf(ConnectionError);
    expect(fatal.at).toHaveLength(1);
    expect(seen).toEqual(['unexpected', 'connection']);
  });

  it('of hedgeOn itself ends the call', async () => {
    const options = { ...free, delayMs: 100, hedgeOn: (() => 'yes') as never };
    const client = new Client([{ ms: 10, fail: down() }, { ms: 10 }], options);
    const { value } = await outcome(() => client.run());
    expect(value).toBeInstanceOf(LLMError);
    expect((value as LLMError).cause).toEqual(
      new TypeError("`hedgeOn` returned 'yes': it must return true or false, and not later."),
    );
  });

  const first = new ConnectionError('first');
  const second = new OverloadedError('second', 503);
  const patient = new OverloadedError('patient', 503, undefined, { retryAfterMs: 500 });
  const impatient = new OverloadedError('impatient', 503, undefined, { retryAfterMs: 10 });
  it.each<[string, Turn[], unknown]>([
    [
      'the first attempt’s, though it comes last',
      [
        { ms: 300, fail: first },
        { ms: 10, fail: second },
      ],
      first,
    ],
    [
      'the first attempt’s, though it came first',
      [
        { ms: 110, fail: first },
        { ms: 90, fail: second },
      ],
      first,
    ],
    [
      'the one that asks for a wait',
      [
        { ms: 300, fail: first },
        { ms: 10, fail: patient },
      ],
      patient,
    ],
    [
      'the one that asks for the longer wait',
      [
        { ms: 200, fail: impatient },
        { ms: 10, fail: patient },
      ],
      patient,
    ],
    [
      'the one that asks for the longer wait',
      [
        { ms: 200, fail: patient },
        { ms: 10, fail: impatient },
      ],
      patient,
    ],
  ])('of all attempts is %s', async (_, script, failure) => {
    const client = new Client(script, { ...free, delayMs: 100 });
    const { value } = await outcome(() => client.run());
    expect(value).toBe(failure);
    expect((value as LLMError).attempts).toHaveLength(2);
  });

  it('has all attempts, in the order in which they ended', async () => {
    const client = new Client(
      [
        { ms: 300, fail: down() },
        { ms: 10, fail: second },
      ],
      { ...free, delayMs: 100 },
    );
    const { value } = await outcome(() => client.run());
    expect((value as LLMError).attempts).toMatchObject([
      { code: 'overloaded', durationMs: 10, waitMs: 100 },
      { code: 'connection', durationMs: 300, waitMs: 0 },
    ]);
    expect(client.events.filter(({ type }) => type === 'attempt').map(({ attempt }) => attempt)).toEqual([
      2, 1,
    ]);
  });
});

describe('a server that asks to be left alone', () => {
  it.each<[string, unknown]>([
    ['a 429 that names a wait', new RateLimitError('', { retryAfterMs: 50 })],
    ['a 429 that names none', new RateLimitError('')],
    ['a 503 that names a wait', new OverloadedError('', 503, undefined, { retryAfterMs: 50 })],
  ])('gets no further attempt: %s', async (_, fail) => {
    const client = new Client([{ ms: 30, fail }, { ms: 1 }], { ...free, delayMs: 100 });
    expect(await outcome(() => client.run())).toEqual({ value: fail, at: 30 });
    expect(client.hedges()).toEqual(['skipped 1 at 30 pushback']);
    const running = new Client([{ ms: 500 }, { ms: 10, fail }, { ms: 1 }], {
      ...free,
      delayMs: 100,
      maxHedges: 5,
    });
    expect(await outcome(() => running.run())).toEqual({ value: 'answer 1', at: 500 });
    expect(running.at).toEqual([0, 100]);
    expect(running.hedges()).toEqual(['started 2 at 100 slow', 'skipped 2 at 110 pushback']);
  });

  it('is not told of where no further attempt could be made', async () => {
    const fail = new RateLimitError('', { retryAfterMs: 50 });
    const client = new Client([{ ms: 500 }, { ms: 10, fail }], { ...free, delayMs: 100 });
    await outcome(() => client.run());
    expect(client.hedges()).toEqual(['started 2 at 100 slow']);
  });

  it('is waited for by the retry around it, which begins anew', async () => {
    class Retrying extends Client {
      @RetryWithBackoff({ baseDelayMs: 0, jitter: 'none' })
      override async run() {
        return this.turn();
      }
    }
    const asks = new OverloadedError('', 503, undefined, { retryAfterMs: 400 });
    const client = new Retrying([{ ms: 150, fail: down() }, { ms: 10, fail: asks }, { ms: 20 }], {
      ...free,
      delayMs: 100,
    });
    // Both failed at 150; 400 were asked for.
    expect(await outcome(() => client.run())).toEqual({ value: 'answer 3', at: 570 });
    expect(client.events.flatMap((e) => (e.type === 'retry' ? [e.delayMs] : []))).toEqual([400]);
    expect(client.events.filter(({ type }) => type === 'attempt').map(({ attempt }) => attempt)).toEqual([
      2, 1, 3,
    ]);
  });
});

describe('the attempts that lose', () => {
  it('are aborted with a reason that tells why, and ended before the call is', async () => {
    const client = new Client([slow, { ms: 50 }], { ...free, delayMs: 100 });
    await outcome(() => client.run());
    const reason = client.reasons[0] as AbortError;
    expect(reason).toBeInstanceOf(AbortError);
    expect(reason.message).toBe('This attempt of run() was given up: attempt 2 has answered.');
    expect(client.reasons[1]).toBeUndefined();
    expect(
      client.events.filter(({ type }) => type !== 'hedge').map(({ type, attempt }) => `${type} ${attempt}`),
    ).toEqual(['attempt 2', 'attempt 1', 'success 2']);
    expect(client.events.find(({ type, attempt }) => type === 'attempt' && attempt === 1)).toMatchObject({
      error: reason,
      durationMs: 150,
    });
  });

  it('are not awaited: a method that hears of no abort holds nobody up', async () => {
    class Deaf {
      attempts: readonly AttemptSummary[] = [];
      @Hedged({ ...free, delayMs: 100 })
      async run() {
        this.attempts = (currentCall() as Call).attempts;
        if (currentCall()?.attempt === 1) await new Promise(() => undefined);
        return 'answer';
      }
    }
    const deaf = new Deaf();
    expect(await outcome(() => deaf.run())).toEqual({ value: 'answer', at: 100 });
    expect(deaf.attempts.map(({ code }) => code)).toEqual(['ok', 'aborted']);
  });

  it('leave the facts of the one that won', async () => {
    class Reporting extends Client {
      facts: unknown;
      @Hedged({ ...free, delayMs: 100 })
      override async run() {
        const call = currentCall() as Call;
        call.report({ requestId: `r${call.attempt}` });
        return this.turn();
      }
    }
    const client = new Reporting([{ ms: 150 }, slow]);
    await outcome(() => client.run());
    expect(client.events.at(-1)).toMatchObject({ type: 'success', facts: { requestId: 'r1' } });
  });

  it.each<[string, unknown[], unknown, number]>([
    ['both answer', ['first', 'second'], 'first', 1],
    ['one fails, one answers', [down(), 'second'], 'second', 2],
    ['one answers, one fails', ['first', down()], 'first', 1],
    ['one answers, one fails for good', ['first', bad()], 'first', 1],
  ])('are harmless when they end in the same breath: %s', async (_, ends, value, winner) => {
    const gate = deferred();
    class Together extends Client {
      override async turn() {
        const end = ends[this.at.push(0) - 1];
        await gate.promise;
        if (end instanceof Error) throw end;
        return end as string;
      }
    }
    const client = new Together([], { ...free, delayMs: 100, maxHedges: 2 });
    const run = client.run();
    await time.advance(150);
    gate.resolve();
    expect(await run).toBe(value);
    expect(client.at).toHaveLength(2);
    expect(client.events.at(-1)).toMatchObject({ type: 'success', attempt: winner });
    await time.runAll();
    expect(client.at).toHaveLength(2);
  });

  it('are harmless when they answer at the same moment', async () => {
    const client = new Client([{ ms: 150 }, { ms: 50 }], { ...free, delayMs: 100 });
    expect(await outcome(() => client.run())).toEqual({ value: 'answer 1', at: 150 });
    expect(client.events.at(-1)).toMatchObject({ type: 'success', attempt: 1 });
  });
});

describe('the limiter', () => {
  class Limited extends Client {
    constructor(
      script: Turn[],
      options: HedgedOptions,
      readonly limiter: Limiter,
    ) {
      super(script, options);
    }
    @RateLimited((self) => self.limiter)
    override async run() {
      return this.turn();
    }
    get left() {
      return this.limiter.snapshot()['default'];
    }
  }

  it('is paid by each attempt', async () => {
    const limiter = new Limiter({ requestsPerMinute: 1e-6, requestBurst: 10 });
    const client = new Limited([slow, { ms: 50 }], { ...free, delayMs: 100 }, limiter);
    await outcome(() => client.run());
    expect(client.left?.requests?.available).toBeCloseTo(8, 3);
  });

  it('is left, and costs nothing, by a hedge that still waits when the first has answered', async () => {
    const limiter = new Limiter({ maxConcurrent: 1, requestsPerMinute: 1e-6, requestBurst: 10 });
    const client = new Limited([{ ms: 300 }], { ...free, delayMs: 100 }, limiter);
    expect(await outcome(() => client.run())).toEqual({ value: 'answer 1', at: 300 });
    expect(client.at).toEqual([0]);
    expect(client.left).toMatchObject({ concurrency: { inFlight: 0 }, queued: 0 });
    expect(client.left?.requests?.available).toBeCloseTo(9, 3);
    expect(client.events.filter(({ type }) => type === 'attempt')).toHaveLength(1);
  });

  it('is not what the delay measures: a call in the queue is not hedged', async () => {
    const limiter = new Limiter({ maxConcurrent: 1 });
    const client = new Limited([{ ms: 90 }], { ...free, delayMs: 100 }, limiter);
    const both = await outcome(() => Promise.all([client.run(), client.run(), client.run()]));
    expect(both.at).toBe(270);
    expect(client.hedges()).toEqual([]);
  });

  it('is not what is told as the time that a hedge came after', async () => {
    const limiter = new Limiter({ requestsPerMinute: 600, requestBurst: 1 });
    const client = new Limited([{ ms: 10 }, { ms: 400 }, { ms: 10 }], { ...free, delayMs: 150 }, limiter);
    // The second waits for 100; its hedge finds a place at once.
    await outcome(() => Promise.all([client.run(), client.run()]));
    expect(client.hedges()).toEqual(['started 2 at 150 slow', 'won 2 at 160']);
  });

  it('that refuses an attempt within the method ends the hedging: nothing comes later', async () => {
    const refusal = new CircuitOpenError('within');
    const alone = new Client([{ ms: 10, fail: refusal }], { ...free, delayMs: 100, maxHedges: 3 });
    expect(await outcome(() => alone.run())).toEqual({ value: refusal, at: 10 });
    expect(alone.at).toEqual([0]);
    const beside = new Client([{ ms: 500 }, { ms: 50, fail: refusal }, { ms: 1 }], {
      ...free,
      delayMs: 100,
      maxHedges: 3,
    });
    expect(await outcome(() => beside.run())).toEqual({ value: 'answer 1', at: 500 });
    expect(beside.at).toEqual([0, 100]);
  });

  it('is not queued at twice: while one waits there, a failure begins no other', async () => {
    const limiter = new Limiter({ maxConcurrent: 1 });
    const script = [{ ms: 150, fail: down() }, { ms: 10 }];
    const client = new Limited(script, { ...free, delayMs: 100, maxHedges: 3 }, limiter);
    expect(await outcome(() => client.run())).toEqual({ value: 'answer 2', at: 160 });
    expect(client.hedges()).toEqual(['started 2 at 100 slow', 'won 2 at 160']);
  });

  it('may refuse a hedge without ending the first', async () => {
    const limiter = new Limiter({ requestsPerMinute: 1e-6, requestBurst: 1, maxWaitMs: 10 });
    const client = new Limited([{ ms: 300 }], { ...free, delayMs: 100, maxHedges: 3 }, limiter);
    expect(await outcome(() => client.run())).toEqual({ value: 'answer 1', at: 300 });
    // One is enough to know.
    expect(client.hedges()).toEqual(['started 2 at 100 slow']);
  });

  it('that refuses the hedge after a failure leaves the failure', async () => {
    const limiter = new Limiter({ requestsPerMinute: 1e-6, requestBurst: 1, maxWaitMs: 10 });
    const fail = down();
    const client = new Limited([{ ms: 30, fail }], { ...free, delayMs: 100, maxHedges: 3 }, limiter);
    expect(await outcome(() => client.run())).toEqual({ value: fail, at: 30 });
  });

  it('that refuses the first attempt ends the call', async () => {
    const limiter = new Limiter({ requestsPerMinute: 1e-6, requestBurst: 1, maxWaitMs: 10 });
    const client = new Limited([{ ms: 1 }], { ...free, delayMs: 100, maxHedges: 3 }, limiter);
    await outcome(() => client.run());
    const { value } = await outcome(() => client.run());
    expect(value).toMatchObject({ code: 'rate_limit_client', origin: 'client' });
    expect(client.hedges()).toEqual([]);
  });
});

it.each<[string, LLMError]>([
  ['an open circuit', new CircuitOpenError('open')],
  ['a failure before the method begins', new ConnectionError('down')],
])('%s that a hedge meets leaves the first alone', async (_, refusal) => {
  const Gate = definePolicy({
    kind: 'Gate in tests of hedges',
    place: 'CircuitBreaker(check)',
    create: () => ({
      async run(call: Call, next: Next) {
        if (call.attempt > 1) throw refusal;
        return next();
      },
    }),
  });
  class Gated extends Client {
    @Gate()
    override async run() {
      return this.turn();
    }
  }
  const client = new Gated([{ ms: 300 }], { ...free, delayMs: 100 });
  expect(await outcome(() => client.run())).toEqual({ value: 'answer 1', at: 300 });
});

describe('the cap on extra traffic', () => {
  const capped = { delayMs: 100, budget: false } as const;
  /** Calls one after the other, each hedged if that may be; how many were. */
  async function hedged(client: Client, calls: number): Promise<number> {
    const before = snapshot(client).started;
    for (let i = 0; i < calls; i++) await outcome(() => client.run());
    return snapshot(client).started - before;
  }
  const snapshot = (client: object) =>
    snapshotOf(client, 'run')[0]?.snapshot as Record<HedgeEvent['state'], number>;

  it('is 5 % of the calls of the last minute by default, and one a minute in any case', async () => {
    const client = new Client([{ ms: 101 }], capped);
    // The 1st by the floor, the 40th as the second of 5 % of 40.
    expect(await hedged(client, 39)).toBe(1);
    expect(await hedged(client, 1)).toBe(1);
    expect(await hedged(client, 19)).toBe(0);
    expect(await hedged(client, 1)).toBe(1);
  });

  it.each([
    [0, 1],
    [0.1, 3],
    [0.5, 15],
    [1, 30],
  ])('of %d allows, of 30 calls, %i', async (maxExtraRatio, allowed) => {
    expect(await hedged(new Client([{ ms: 101 }], { ...capped, maxExtraRatio }), 30)).toBe(allowed);
  });

  it('counts the last minute only', async () => {
    const client = new Client([{ ms: 101 }], capped);
    expect(await hedged(client, 5)).toBe(1);
    await time.advance(58_000);
    expect(await hedged(client, 1)).toBe(0);
    await time.advance(1_900);
    expect(await hedged(client, 5)).toBe(1);
  });

  it('is told when it holds back an attempt', async () => {
    const client = new Client([{ ms: 150 }], capped);
    await hedged(client, 2);
    expect(client.hedges()).toEqual(['started 2 at 100 slow', 'skipped 1 at 100 cap']);
    expect(snapshot(client)).toMatchObject({ started: 1, won: 0, skipped: 1 });
  });

  it('is asked once a call', async () => {
    const script = [{ ms: 150 }, { ms: 1 }, { ms: 150, fail: down() }];
    const client = new Client(script, { ...capped, maxHedges: 3 });
    await hedged(client, 2);
    expect(client.hedges()).toEqual(['started 2 at 100 slow', 'won 2 at 101', 'skipped 1 at 100 cap']);
  });

  it('holds back the attempt after a failure as well: the failure is thrown', async () => {
    const fail = down();
    const client = new Client([{ ms: 150 }, { ms: 1 }, { ms: 30, fail }], capped);
    await hedged(client, 1);
    expect(await outcome(() => client.run())).toMatchObject({ value: fail });
    expect(client.at).toHaveLength(3);
  });

  it('counts each attempt of a retry as a call, and is each object’s own', async () => {
    const [one, other] = [new Client([{ ms: 101 }], capped), new Client([{ ms: 101 }], capped)];
    expect([await hedged(one, 1), await hedged(one, 1), await hedged(other, 1)]).toEqual([1, 0, 1]);
  });
});

describe('the budget of retries', () => {
  const tight = { delayMs: 100, maxExtraRatio: 100, budget: { ratio: 0, minPerSecond: 0.1 } } as const;
  it('is drawn on by hedges', async () => {
    const client = new Client([{ ms: 150 }], tight);
    await outcome(() => client.run());
    await outcome(() => client.run());
    expect(client.hedges()).toEqual(['started 2 at 100 slow', 'skipped 1 at 100 budget']);
    const unbound = new Client([{ ms: 150 }], { ...tight, budget: false });
    await outcome(() => unbound.run());
    await outcome(() => unbound.run());
    expect(unbound.hedges()).toHaveLength(2);
  });

  it('is shared with retries', async () => {
    class Retrying extends Client {
      @RetryWithBackoff({ baseDelayMs: 0, budget: tight.budget })
      override async run() {
        return this.turn();
      }
    }
    const client = new Retrying(
      [
        { ms: 150, fail: down() },
        { ms: 20, fail: down() },
      ],
      tight,
    );
    // The hedge has used up what there was.
    expect((await outcome(() => client.run())).value).toBeInstanceOf(ConnectionError);
    expect(client.at).toEqual([0, 100]);
  });

  it('is not charged for what the cap holds back', async () => {
    const budget = { ratio: 0, minPerSecond: 0.2 };
    const client = new Client([{ ms: 101 }], { delayMs: 100, budget });
    for (let i = 0; i < 3; i++) await outcome(() => client.run());
    expect(client.hedges()).toEqual([
      'started 2 at 100 slow',
      'skipped 1 at 100 cap',
      'skipped 1 at 100 cap',
    ]);
  });
});

describe("the delay 'p95'", () => {
  class Models {
    readonly [policyHost]: PolicyHost = { describe: ({ args }) => ({ model: String(args[1]) }) };
    readonly at: number[] = [];
    constructor(readonly options: HedgedOptions = free) {}
    @Hedged((self) => self.options)
    async ask(ms: number, _model: string): Promise<number> {
      this.at.push(time.now());
      await work(currentCall()?.attempt === 1 ? ms : 1);
      return ms;
    }
    /** Asks for each of `times` in turn; gives how many attempts that took. */
    async all(times: readonly number[], model = 'm'): Promise<number> {
      const before = this.at.length;
      for (const ms of times) await outcome(() => this.ask(ms, model));
      return this.at.length - before;
    }
    get models() {
      return (snapshotOf(this, 'ask')[0]?.snapshot as any).models;
    }
  }
  const range = (n: number, from = 1) => Array.from({ length: n }, (_, i) => i + from);

  it('is not known before twenty answers: nothing is hedged, after a failure neither', async () => {
    const models = new Models();
    expect(await models.all(range(19))).toBe(19);
    expect(await models.all([5000])).toBe(1);
    expect(models.models).toEqual({ m: { samples: 20, p95Ms: 19 } });
    // Of 1 to 19 and 5000 the 19th: now what takes longer than 19 is hedged.
    expect(await models.all([18])).toBe(1);
    expect(await models.all([20])).toBe(2);
    const failing = new Client([{ ms: 1, fail: down() }], free);
    expect((await outcome(() => failing.run())).value).toBeInstanceOf(ConnectionError);
    expect(failing.at).toHaveLength(1);
  });

  it('takes as many answers as are asked for', async () => {
    const models = new Models({ ...free, minimumSamples: 3 });
    expect(await models.all([10, 10, 100])).toBe(3);
    expect(await models.all([101])).toBe(2);
  });

  it('is that of the last 200', async () => {
    const models = new Models({ ...free, maxExtraRatio: 0 });
    await models.all(range(200));
    expect(models.models.m).toEqual({ samples: 200, p95Ms: 190 });
    await models.all(range(100, 1001));
    expect(models.models.m.samples).toBe(200);
    // 101 to 200 are left of the first: the 190th of all is the 90th of the second.
    expect(models.models.m.p95Ms).toBeLessThanOrEqual(1090);
    expect(models.models.m.p95Ms).toBeGreaterThan(1000);
    await models.all(Array<number>(200).fill(5));
    expect(models.models.m).toEqual({ samples: 200, p95Ms: 5 });
  });

  it('is each model’s own', async () => {
    const models = new Models({ ...free, minimumSamples: 1 });
    await models.all([10], 'fast');
    await models.all([1000], 'slow');
    expect(await models.all([500], 'slow')).toBe(1);
    expect(await models.all([500], 'fast')).toBe(2);
    expect(await models.all([500], 'new')).toBe(1);
    expect(Object.keys(models.models)).toEqual(['slow', 'fast', 'new']);
  });

  it('remembers a hundred models, and forgets the one asked for longest ago', async () => {
    const models = new Models({ ...free, minimumSamples: 1 });
    for (const i of range(100)) await models.all([10], `m${i}`);
    await models.all([10], 'm1');
    await models.all([10], 'new');
    expect(Object.keys(models.models)).toHaveLength(100);
    expect(models.models).toHaveProperty('m1');
    expect(models.models).not.toHaveProperty('m2');
  });

  it('counts a first attempt that a hedge has outrun for as long as it ran: hedges do not lower it', async () => {
    const models = new Models({ ...free, minimumSamples: 1 });
    await models.all([10, 10, 10, 10]);
    await models.all([500]);
    expect(models.models.m).toEqual({ samples: 5, p95Ms: 11 });
  });

  it('does not count a hedge, nor a first attempt that failed', async () => {
    class Failing extends Models {
      @Hedged((self) => self.options)
      override async ask(ms: number, _model: string) {
        await work(currentCall()?.attempt === 1 ? ms : 1);
        if (ms === 7 && currentCall()?.attempt === 1) throw down();
        return ms;
      }
    }
    const models = new Failing({ ...free, minimumSamples: 2 });
    await models.all([10]);
    await failureOf(outcomeOf(models.ask(7, 'm')));
    expect(models.models.m.samples).toBe(1);
    await models.all([10]);
    await models.all([7]);
    expect(models.models.m).toEqual({ samples: 2, p95Ms: 10 });
  });
  const outcomeOf = async (promise: Promise<unknown>) => {
    promise.catch(() => undefined);
    await time.runAll();
    return promise;
  };

  it('is not counted from the wait for admission', async () => {
    class Queued extends Models {
      @RateLimited({ maxConcurrent: 1 })
      override async ask(ms: number, _model: string) {
        await work(ms);
        return ms;
      }
    }
    const alone = new Queued({ ...free, minimumSamples: 100 });
    await outcome(() => Promise.all([alone.ask(50, 'm'), alone.ask(50, 'm'), alone.ask(50, 'm')]));
    expect(alone.models.m).toEqual({ samples: 3, p95Ms: 50 });
    const racing = new Queued({ ...free, minimumSamples: 1 });
    await racing.all([60]);
    await outcome(() => Promise.all([racing.ask(50, 'm'), racing.ask(50, 'm'), racing.ask(50, 'm')]));
    expect(racing.models.m.p95Ms).toBe(60);
  });

  it('is not kept where the delay is a number', async () => {
    const models = new Models({ ...free, delayMs: 100 });
    await models.all([10]);
    expect(models.models).toEqual({});
  });

  it('is one for all calls of an object that knows no models', async () => {
    const silent: PolicyHost = { describe: () => undefined };
    const [plain, hosted] = [new Client([{ ms: 10 }], free), new Client([{ ms: 10 }], free)];
    for (const client of [plain, Object.assign(hosted, { [policyHost]: silent })]) {
      await outcome(() => client.run());
      expect(snapshotOf(client, 'run')).toEqual([
        {
          kind: 'Hedged',
          snapshot: { started: 0, won: 0, skipped: 0, models: { default: { samples: 1, p95Ms: 10 } } },
        },
      ]);
    }
  });
});

describe('an end from outside', () => {
  it('aborts every attempt at once, with the caller’s reason', async () => {
    const client = new Client([slow], { ...free, delayMs: 100, maxHedges: 2 });
    const controller = new AbortController();
    const run = client.run({ signal: controller.signal });
    const failure = failureOf(run);
    await time.advance(150);
    controller.abort('enough');
    const error = (await failure) as AbortError;
    expect(time.now()).toBe(150);
    expect(error).toBeInstanceOf(AbortError);
    expect(error.cause).toBe('enough');
    expect(client.reasons).toEqual(['enough', 'enough']);
    expect(error.attempts.map(({ code }) => code)).toEqual(['aborted', 'aborted']);
    expect(client.events.at(-1)?.type).toBe('failure');
    expect(time.pendingTimers).toBe(0);
  });

  it('does not wait for a stage that hears of no abort', async () => {
    const Deaf = definePolicy({
      kind: 'Deaf in tests of hedges',
      place: 'admission',
      create: () => ({ run: () => new Promise<never>(() => undefined) }),
    });
    class Stuck extends Client {
      @Deaf()
      override async run(_options?: CallOptions) {
        return this.turn();
      }
    }
    const controller = new AbortController();
    const failure = failureOf(
      new Stuck([slow], { ...free, delayMs: 100 }).run({ signal: controller.signal }),
    );
    await settled();
    controller.abort();
    expect(await failure).toBeInstanceOf(AbortError);
  });

  it('in the moment of a failure begins no further attempt', async () => {
    const client = new Client([{ ms: 30, fail: down() }, slow], { ...free, delayMs: 100 });
    const controller = new AbortController();
    onPolicyEvent(client, ({ type }) => type === 'attempt' && controller.abort());
    const { value, at } = await outcome(() => client.run({ signal: controller.signal }));
    expect([(value as Error).name, at]).toEqual(['AbortError', 30]);
    expect(client.hedges()).toEqual([]);
  });

  it('before anything has begun begins nothing', async () => {
    const client = new Client([slow], { ...free, delayMs: 100 });
    await failureOf(client.run({ signal: AbortSignal.abort() }));
    expect(client.at).toEqual([]);
  });

  it('by the total timeout is that of every attempt; the attempt’s own is a failure that may pass', async () => {
    class Timed extends Client {
      @Timeout({ totalMs: 250, attemptMs: 120 })
      override async run(_options?: CallOptions) {
        return this.turn();
      }
    }
    const client = new Timed([slow], { ...free, delayMs: 100, maxHedges: 9 });
    const { value, at } = await outcome(() => client.run());
    expect(at).toBe(250);
    expect(value).toMatchObject({ name: 'TimeoutError', code: 'timeout_total' });
    // The first ends at 120, the second at 220, the third at 240.
    expect((value as LLMError).attempts.map(({ code }) => code)).toEqual([
      ...['timeout_attempt', 'timeout_attempt', 'timeout_attempt'],
      ...['timeout_total', 'timeout_total'],
    ]);
    expect(client.at).toEqual([0, 100, 120, 220, 240]);
  });
});

describe('attempts', () => {
  const Gate = definePolicy<{ opensAt: number }>({
    kind: 'Gate with a number in tests of hedges',
    place: 'CircuitBreaker(check)',
    create: () => ({
      async run(call: Call, next: Next, { opensAt }) {
        if (call.attempt < opensAt) throw down();
        return next();
      },
    }),
  });

  it('that fail before the method begins are followed by another at once as well', async () => {
    class Gated extends Client {
      @Gate({ opensAt: 2 })
      override async run() {
        return this.turn();
      }
    }
    const client = new Gated([{ ms: 10 }], { ...free, delayMs: 100 });
    expect(await outcome(() => client.run())).toEqual({ value: 'answer 1', at: 10 });
    expect(client.hedges()).toEqual(['started 2 at 0 failure', 'won 2 at 10']);
  });

  it('keep the number that the retry has given', async () => {
    class Gated extends Client {
      @Gate({ opensAt: 3 })
      @RetryWithBackoff({ baseDelayMs: 10, jitter: 'none' })
      override async run() {
        return this.turn();
      }
    }
    const client = new Gated([{ ms: 10 }], { ...free, delayMs: 100 });
    // Attempt 1 and its hedge, 2, were not let in. The next begins as 2, since none has been made; its hedge is 3.
    expect((await outcome(() => client.run())).value).toBe('answer 1');
    expect(client.events.at(-1)).toMatchObject({ type: 'success', attempt: 3 });
  });

  it('are numbered through, over retries', async () => {
    class Retrying extends Client {
      @RetryWithBackoff({ baseDelayMs: 10, jitter: 'none' })
      override async run() {
        return this.turn();
      }
    }
    const failed = { ms: 150, fail: down() };
    const client = new Retrying([failed, failed, failed, { ms: 20 }], { ...free, delayMs: 100 });
    expect((await outcome(() => client.run())).value).toBe('answer 4');
    const ended = client.events.filter(({ type }) => type === 'attempt');
    expect(ended.map(({ attempt }) => attempt)).toEqual([1, 2, 4, 3]);
    expect(client.hedges().filter((line) => line.startsWith('started'))).toEqual([
      'started 2 at 100 slow',
      'started 4 at 100 slow',
    ]);
    expect(client.events.at(-1)).toMatchObject({ type: 'success', attempt: 4 });
  });

  it('go on where the call was tried before in another way', async () => {
    const Twice = definePolicy({
      kind: 'Twice in tests of hedges',
      place: 'Fallback',
      create: () => ({
        run: (call: Call, next: Next) => next(call.fork()).catch(() => next(call.fork())),
      }),
    });
    class Again extends Client {
      @Twice()
      override async run() {
        return this.turn();
      }
    }
    const failed = { ms: 10, fail: down() };
    const client = new Again([failed, failed, { ms: 20 }], { ...free, delayMs: 100 });
    await outcome(() => client.run());
    expect(client.events.filter(({ type }) => type === 'attempt').map(({ attempt }) => attempt)).toEqual([
      1, 2, 3,
    ]);
  });
});

describe('the decorator', () => {
  it('stands inside of the retry and outside of admission, on whichever line', () => {
    class Ordered {
      @RateLimited({ maxConcurrent: 1 })
      @Hedged()
      @Timeout()
      @RetryWithBackoff()
      async run() {}
    }
    expect(policiesOf(Ordered, 'run').map(({ place }) => place)).toEqual([
      'Timeout(total)',
      'RetryWithBackoff',
      'Hedged',
      'admission',
      'Timeout(attempt)',
    ]);
  });

  it('works on a static method, and in place of an overridden one’s', async () => {
    class Static {
      static calls = 0;
      @Hedged({ ...free, delayMs: 10 })
      static async run() {
        await work(++this.calls === 1 ? 100 : 1);
        return this.calls;
      }
    }
    expect(await outcome(() => Static.run())).toEqual({ value: 2, at: 11 });
    class Patient extends Client {
      @Hedged({ ...free, delayMs: 500 })
      override async run() {
        return super.run();
      }
    }
    const patient = new Patient([slow, { ms: 1 }], { ...free, delayMs: 1 });
    expect((await outcome(() => patient.run())).value).toBe('answer 2');
    expect(patient.at).toEqual([0, 500]);
  });

  it.each<[object, string]>([
    [{ delayMs: -1 }, "`delayMs` is -1: give a number of at least 0, or 'p95'."],
    [{ delayMs: 'p99' }, "`delayMs` is 'p99': give a number of at least 0, or 'p95'."],
    [{ delayMs: Number.NaN }, "`delayMs` is NaN: give a number of at least 0, or 'p95'."],
    [{ maxHedges: 0 }, '`maxHedges` is 0: give a whole number of at least 1.'],
    [{ maxHedges: 1.5 }, '`maxHedges` is 1.5: give a whole number of at least 1.'],
    [{ maxExtraRatio: -0.1 }, '`maxExtraRatio` is -0.1: give a number of at least 0.'],
    [{ minimumSamples: 0 }, '`minimumSamples` is 0: give a whole number from 1 to 200.'],
    [{ minimumSamples: 201 }, '`minimumSamples` is 201: give a whole number from 1 to 200.'],
    [{ hedgeOn: true }, '`hedgeOn` is true: give a function.'],
    [{ budget: true }, '`budget` is true: give an object or false.'],
    [{ budget: { ratio: -1 } }, 'budget: `ratio` is -1: give a number of at least 0.'],
    [{ delay: 5 }, 'there is no option `delay`. Did you mean `delayMs`?'],
  ])('refuses %o', (options, message) => {
    const decorator = () => onMethod(Hedged(options as never));
    expect(decorator).toThrow(TypeError);
    expect(decorator).toThrow(`@Hedged on ask()`);
    expect(decorator).toThrow(message);
  });

  it.each([
    {},
    { delayMs: 0 },
    { delayMs: 'p95' as const },
    { minimumSamples: 200 },
    { budget: false as const },
    { budget: { ratio: 1 } },
  ])('takes %o', (options) => {
    expect(() => onMethod(Hedged(options))).not.toThrow();
  });
});
