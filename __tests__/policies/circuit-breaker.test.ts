import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import * as errors from '../../decorators/index.js';
import {
  APIError,
  Breaker,
  BudgetExceededError,
  CircuitBreaker,
  CircuitOpenError,
  ConnectionError,
  InternalServerError,
  onPolicyEvent,
  OverloadedError,
  policiesOf,
  RateLimitError,
  RateLimited,
  RetryWithBackoff,
  snapshotOf,
  Timeout,
  TimeoutError,
  type BreakerOptions,
  type CallOptions,
  type CircuitBreakerOptions,
  type CircuitChange,
  type PolicyEvent,
} from '../../decorators/index.js';
import { deferred, failureOf, onMethod } from '../support/policies';
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

const down = () => new InternalServerError('The server failed.', 500);

class Service {
  entered = 0;
  answer: () => unknown = () => 'ok';
  constructor(readonly options: CircuitBreakerOptions | false = {}) {}
  @CircuitBreaker((self: Service) => self.options)
  async ask(_question?: string, _options?: CallOptions): Promise<unknown> {
    this.entered++;
    return this.answer();
  }
}

const failing = (error: unknown) => () => Promise.reject(error as Error);

/** Calls once and tells how it went: `ok`, the code of the error, or its message. */
async function outcome(service: Service, answer?: () => unknown): Promise<string> {
  if (answer) service.answer = answer;
  return service.ask().then(
    () => 'ok',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );
}

/** Runs calls one after the other: `.` succeeds, `x` fails, `s` succeeds after 100 ms. */
async function play(service: Service, script: string): Promise<void> {
  for (const step of script) {
    if (step === 's') {
      const { promise, resolve } = deferred();
      const running = outcome(service, () => promise);
      await time.advance(100);
      resolve();
      await running;
    } else await outcome(service, step === 'x' ? failing(down()) : () => 'ok');
  }
}

const stateOf = (service: Service) => {
  const [policy] = snapshotOf(service, 'ask');
  return (policy?.snapshot['ask'] as { state?: string } | undefined)?.state ?? 'closed';
};

/** A service whose circuit has just opened. */
async function opened(options: BreakerOptions = {}): Promise<Service> {
  const service = new Service({ minimumCalls: 2, ...options });
  await play(service, 'xx');
  service.entered = 0;
  return service;
}

/** Starts `count` calls that run until they are told how to end. */
function start(service: Service, count = 1) {
  return Array.from({ length: count }, () => {
    const { promise, resolve, reject } = deferred<unknown>();
    service.answer = () => promise;
    const result = outcome(service);
    return { result, resolve: () => (resolve('ok'), result), fail: (e: unknown) => (reject(e), result) };
  });
}

describe('opening', () => {
  it.each<[string, BreakerOptions, string, string]>([
    ['at half of ten calls', {}, '.....xxxxx', 'open'],
    ['not below that', {}, '......xxxx', 'closed'],
    ['not with fewer than ten calls', {}, 'xxxxxxxxx', 'closed'],
    ['by the call that makes them ten, also a success', {}, 'xxxxxxxxx.', 'open'],
    ['at the rate that is given', { failureRate: 0.3 }, '.......xxx', 'open'],
    ['not below the rate that is given', { failureRate: 0.3 }, '........xx', 'closed'],
    ['at a rate of 1 when all fail', { failureRate: 1, minimumCalls: 3 }, 'xxx', 'open'],
    ['not at a rate of 1 when one succeeds', { failureRate: 1, minimumCalls: 3 }, '.xxx', 'closed'],
    ['from fewer calls where they are enough', { minimumCalls: 1 }, 'x', 'open'],
    ['by the last calls alone', { windowCalls: 4 }, '....xx', 'open'],
    ['not by calls before these', { windowCalls: 4 }, '.x....x', 'closed'],
    ['by a window smaller than ten', { windowCalls: 2 }, 'xx', 'open'],
    ['not before such a window is full', { windowCalls: 2 }, 'x', 'closed'],
    ['by a part of a window', { windowCalls: 100, minimumCalls: 2 }, 'xx', 'open'],
    ['by slow calls, at half of them', { slowCallMs: 100, minimumCalls: 4 }, '..ss', 'open'],
    ['not by fewer slow calls', { slowCallMs: 100, minimumCalls: 4 }, '...s', 'closed'],
    ['not by calls that are just fast enough', { slowCallMs: 101, minimumCalls: 2 }, 'ss', 'closed'],
    ['at the slow rate given', { slowCallMs: 100, slowCallRate: 1, minimumCalls: 2 }, '.s', 'closed'],
    ['at the slow rate given, reached', { slowCallMs: 100, slowCallRate: 1, minimumCalls: 2 }, 'ss', 'open'],
    ['not by slow calls where nothing is said of these', { minimumCalls: 2 }, 'ssss', 'closed'],
    ['not by failures and slow calls added up', { slowCallMs: 100, minimumCalls: 4 }, '..sx', 'closed'],
  ])('opens %s', async (_name, options, script, state) => {
    const service = new Service(options);
    await play(service, script);
    expect(stateOf(service)).toBe(state);
  });

  it('refuses calls at once and says which circuit, since when and why', async () => {
    const service = await opened();
    await time.advance(4_000);
    const error = (await failureOf(service.ask())) as CircuitOpenError;
    expect(error).toBeInstanceOf(CircuitOpenError);
    expect(service.entered).toBe(0);
    expect(error).toMatchObject({
      code: 'circuit_open',
      retryable: false,
      retryAfterMs: 6_000,
      circuit: {
        key: 'ask',
        state: 'open',
        forMs: 4_000,
        reason: '2 of 2 calls failed, the last with InternalServerError (status 500)',
      },
      attempts: [],
    });
    expect(error.message).toBe(
      'ask() was not sent: the circuit of ask has been open for 4000 ms because 2 of 2 calls failed, the last with InternalServerError (status 500). It lets a trial call through in 6000 ms.',
    );
  });

  it('names an error without a status by its code, and slow calls by their time', async () => {
    const service = new Service({ minimumCalls: 1 });
    await outcome(service, failing(new ConnectionError('secret question')));
    expect(await failureOf(service.ask())).toMatchObject({
      circuit: { reason: '1 of 1 calls failed, the last with ConnectionError (connection)' },
    });
    const slow = new Service({ minimumCalls: 2, slowCallMs: 50 });
    await play(slow, 's.');
    expect(await failureOf(slow.ask())).toMatchObject({
      circuit: { reason: '1 of 2 calls took 50 ms or longer' },
    });
    const mixed = new Service({ minimumCalls: 2 });
    await play(mixed, 'x.');
    expect(await failureOf(mixed.ask())).toMatchObject({ circuit: { reason: '1 of 2 calls failed' } });
  });

  it('forgets failures that are older than the window, however long nobody called', async () => {
    const service = new Service();
    await play(service, 'xxxxxxxxx');
    await time.advance(3_600_000);
    await play(service, 'x');
    expect(snapshotOf(service, 'ask')[0]?.snapshot['ask']).toMatchObject({ state: 'closed', calls: 1 });
  });

  it('forgets them a tenth of the window at a time', async () => {
    const service = new Service({ windowMs: 1_000 });
    for (let i = 0; i < 10; i++) {
      await play(service, 'x.');
      if (i < 3) await time.advance(100);
      else break;
    }
    const counts = () => snapshotOf(service, 'ask')[0]?.snapshot['ask'];
    expect(counts()).toMatchObject({ calls: 8, failures: 4 });
    await time.advance(700);
    expect(counts()).toMatchObject({ calls: 6, failures: 3 });
    await time.advance(200);
    expect(counts()).toMatchObject({ calls: 2, failures: 1, slow: 0 });
    await time.advance(100);
    expect(counts()).toMatchObject({ calls: 0, failures: 0 });
  });

  it('is open at least as long as the provider asks for', async () => {
    const busy = (retryAfterMs: number) => failing(new OverloadedError('', 529, {}, { retryAfterMs }));
    const service = new Service({ minimumCalls: 1 });
    await outcome(service, busy(45_000));
    expect(await failureOf(service.ask())).toMatchObject({ retryAfterMs: 45_000 });
    const patient = new Service({ minimumCalls: 1 });
    await outcome(patient, busy(2_000));
    expect(await failureOf(patient.ask())).toMatchObject({ retryAfterMs: 10_000 });
  });

  it('holds on no timer', async () => {
    await opened();
    expect(time.timersSet).toBe(0);
  });
});

describe('what counts', () => {
  const own = { origin: 'client' } as const;
  it.each<[string, unknown, boolean]>([
    ['status 500', down(), true],
    ['status 503', new OverloadedError('', 503), true],
    [
      'status 500 that the server does not want tried again',
      new InternalServerError('', 500, {}, { retryable: false }),
      true,
    ],
    ['an overload without a status, from an event', new OverloadedError(''), true],
    ['another status from 500 on', new APIError('', 520), true],
    ['status 500 in an error of no special class', new APIError('', 500), true],
    ['status 408', new APIError('', 408), true],
    ['a connection', new ConnectionError(''), true],
    ['a certificate', new ConnectionError('', { retryable: false }), true],
    ['the timeout of an attempt', new TimeoutError('', { code: 'timeout_attempt' }), true],
    ['the timeout of a connection', new TimeoutError('', { code: 'timeout_connect' }), true],
    ['the first event', new TimeoutError('', { code: 'timeout_first_event' }), true],
    ['an idle stream', new TimeoutError('', { code: 'timeout_idle' }), true],
    ['the total time, without an answer', new TimeoutError('', { code: 'timeout_total' }), true],
    ['a broken stream', new errors.IncompleteStreamError(''), true],
    ['an error on a stream', new errors.StreamError(''), true],
    ['a socket', Object.assign(new Error('x'), { code: 'ECONNRESET' }), true],
    ['status 400', new errors.BadRequestError('', 400), false],
    [
      'status 400 that may be tried again',
      new errors.BadRequestError('', 400, {}, { retryable: true }),
      false,
    ],
    ['status 401', new errors.AuthenticationError('', { statusCode: 401 }), false],
    ['status 404', new errors.NotFoundError('', 404), false],
    ['status 409', new errors.ConflictError('', 409), false],
    ['status 429', new RateLimitError('', { statusCode: 429 }), false],
    ['a rate limit that is told by another status', new RateLimitError('', { statusCode: 503 }), false],
    ['an empty account', new errors.QuotaExceededError('', { statusCode: 402 }), false],
    ['the limiter’s own refusal', new RateLimitError('', own), false],
    ['our refusal of another kind', new InternalServerError('', 500, {}, own), false],
    ['a full queue', new errors.QueueFullError(''), false],
    ['a used up budget', new BudgetExceededError(''), false],
    ['an open circuit further in', new CircuitOpenError(''), false],
    ['a store that is away', new errors.StoreUnavailableError(''), false],
    ['a client that is closed', new errors.LLMError('', { code: 'client_closed' }), false],
    ['an abort', new errors.AbortError(''), false],
    ['an answer of the wrong form', new errors.ResponseFormatError('', { statusCode: 200 }), false],
    ['a mistake in the method', new Error('x is not a function'), false],
  ])('%s', async (_name, error, counts) => {
    const service = new Service({ minimumCalls: 1 });
    await outcome(service, failing(error));
    expect(stateOf(service)).toBe(counts ? 'open' : 'closed');
    const { calls } = snapshotOf(service, 'ask')[0]?.snapshot['ask'] as { calls: number };
    expect(calls).toBe(0);
  });

  it('asks tripOn instead', async () => {
    const asked: string[] = [];
    const tripOn = (error: errors.LLMError) => (asked.push(error.code), error instanceof RateLimitError);
    const service = new Service({ minimumCalls: 1, tripOn });
    await play(service, 'x');
    expect(stateOf(service)).toBe('closed');
    await outcome(service, failing(new RateLimitError('', { statusCode: 429, retryAfterMs: 33_000 })));
    expect(await failureOf(service.ask())).toMatchObject({ retryAfterMs: 33_000 });
    expect(asked).toEqual(['server_error', 'rate_limit']);
  });

  it.each([
    ['a refusal of our own', new RateLimitError('', own)],
    ['a full queue', new errors.QueueFullError('')],
    ['a used up budget', new BudgetExceededError('')],
    ['an open circuit further in', new CircuitOpenError('')],
    ['a store that is away', new errors.StoreUnavailableError('')],
    ['a closed client', new errors.LLMError('', { code: 'client_closed' })],
    ['an abort', new errors.AbortError('')],
  ])('does not ask tripOn about %s', async (_name, error) => {
    const service = new Service({ minimumCalls: 1, tripOn: () => true });
    await outcome(service, failing(error));
    expect(stateOf(service)).toBe('closed');
  });

  it.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('my mistake');
      },
      'my mistake',
    ],
    [
      'gives a promise',
      () => Promise.resolve(true) as never,
      'tripOn(error) gave an object: it must return true or false, and not later.',
    ],
  ])('gives the permit back and warns when tripOn %s', async (_name, tripOn, message) => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    try {
      const breaker = new Breaker({ tripOn: tripOn as never, halfOpenCalls: 1 });
      const service = new Service(breaker);
      breaker.open({ key: 'ask' });
      await time.advance(10_000);
      expect(await outcome(service, failing(down()))).toBe('server_error');
      expect(breaker.state).toBe('half_open');
      await play(service, '.');
      expect(breaker.state).toBe('closed');
      expect(String(warn.mock.calls[0]?.[0])).toContain(message);
    } finally {
      warn.mockRestore();
    }
  });
});

describe('half-open', () => {
  it('lets three through after the open time, refuses the rest at once, and closes when all succeed', async () => {
    const service = await opened();
    await time.advance(9_999);
    expect(await outcome(service)).toBe('circuit_open');
    await time.advance(1);
    expect(stateOf(service)).toBe('half_open');
    const trials = start(service, 3);
    await settled();
    const refused = (await failureOf(service.ask())) as CircuitOpenError;
    expect(refused.circuit).toMatchObject({ state: 'half_open', forMs: 0 });
    expect(refused.retryAfterMs).toBeUndefined();
    expect(refused.message).toContain(
      'the circuit of ask is half-open, and its trial calls are under way. It had opened because 2 of 2 calls failed',
    );
    expect(service.entered).toBe(3);
    await trials[0]?.resolve();
    // All three decide: one that has ended does not make room for a fourth.
    expect(await outcome(service)).toBe('circuit_open');
    await trials[1]?.resolve();
    expect(stateOf(service)).toBe('half_open');
    await trials[2]?.resolve();
    expect(stateOf(service)).toBe('closed');
    expect(await outcome(service, () => 'ok')).toBe('ok');
  });

  it.each([
    ['xx.', 'open'],
    ['.xx', 'open'],
    ['x..', 'closed'],
    ['.x', 'half_open'],
  ])('decides by the rates of the trial calls: %s', async (script, state) => {
    const service = await opened();
    await time.advance(10_000);
    await play(service, script);
    expect(stateOf(service)).toBe(state);
  });

  it('decides by slow trial calls too', async () => {
    const service = await opened({ slowCallMs: 100, halfOpenCalls: 2 });
    await time.advance(10_000);
    await play(service, 's.');
    expect(await failureOf(service.ask())).toMatchObject({
      circuit: { state: 'open', reason: '1 of 2 trial calls took 100 ms or longer' },
    });
  });

  it('starts with an empty window when it closes', async () => {
    const service = await opened();
    await time.advance(10_000);
    await play(service, '...x');
    expect(snapshotOf(service, 'ask')[0]?.snapshot['ask']).toMatchObject({ calls: 1, failures: 1 });
  });

  it('doubles the open time each time in a row, up to the longest, and begins anew when it has closed', async () => {
    const service = await opened({ openMs: 1_000, maxOpenMs: 3_000, halfOpenCalls: 1 });
    const lasts: number[] = [];
    for (let i = 0; i < 4; i++) {
      const { retryAfterMs = 0 } = (await failureOf(service.ask())) as CircuitOpenError;
      lasts.push(retryAfterMs);
      await time.advance(retryAfterMs);
      await play(service, 'x');
    }
    expect(lasts).toEqual([1_000, 2_000, 3_000, 3_000]);
    await time.advance(3_000);
    await play(service, '.xx');
    expect(await failureOf(service.ask())).toMatchObject({ retryAfterMs: 1_000 });
  });

  it.each<[string, unknown]>([
    ['an error that does not count', new errors.BadRequestError('', 400)],
    ['the provider pacing its callers', new RateLimitError('', { statusCode: 429 })],
  ])('gives the permit of %s to another call', async (_name, error) => {
    const service = await opened({ halfOpenCalls: 1 });
    await time.advance(10_000);
    for (let i = 0; i < 3; i++) {
      await outcome(service, failing(error));
      expect(stateOf(service)).toBe('half_open');
    }
    await play(service, '.');
    expect(stateOf(service)).toBe('closed');
  });

  it('gives the permit back when the caller aborts: that is no success', async () => {
    const service = await opened({ halfOpenCalls: 1 });
    await time.advance(10_000);
    const controller = new AbortController();
    service.answer = () => new Promise(() => undefined);
    const aborted = failureOf(service.ask('?', { signal: controller.signal }));
    await settled();
    expect(await outcome(service)).toBe('circuit_open');
    controller.abort();
    expect(await aborted).toMatchObject({ code: 'aborted' });
    expect(stateOf(service)).toBe('half_open');
    await play(service, '.');
    expect(stateOf(service)).toBe('closed');
  });

  it('opens again when its trial calls give no sign of life, and lets new ones through after that', async () => {
    const service = await opened({ halfOpenCalls: 2, halfOpenMaxMs: 5_000 });
    await time.advance(10_000);
    const [hung, late] = start(service, 2);
    await time.advance(4_999);
    expect(stateOf(service)).toBe('half_open');
    await time.advance(1);
    expect(await failureOf(service.ask())).toMatchObject({
      retryAfterMs: 20_000,
      circuit: { state: 'open', forMs: 0, reason: 'its trial calls gave no sign of life for 5000 ms' },
    });
    await late?.resolve();
    expect(stateOf(service)).toBe('open');
    await time.advance(20_000);
    await play(service, '..');
    expect(stateOf(service)).toBe('closed');
    await hung?.fail(down());
    expect(stateOf(service)).toBe('closed');
  });

  it('takes the end of a trial call for a sign of life', async () => {
    const service = await opened({ halfOpenCalls: 2, halfOpenMaxMs: 5_000 });
    await time.advance(10_000);
    const [first, second] = start(service, 2);
    await time.advance(4_000);
    await first?.resolve();
    await time.advance(4_000);
    await second?.resolve();
    expect(stateOf(service)).toBe('closed');
  });

  it('does not open again while it could let a call through', async () => {
    const service = await opened({ halfOpenCalls: 2, halfOpenMaxMs: 5_000 });
    await time.advance(10_000);
    await play(service, '.');
    await time.advance(60_000);
    await play(service, '.');
    expect(stateOf(service)).toBe('closed');
  });

  it('comes to the same whenever somebody looks', async () => {
    const service = await opened({ halfOpenCalls: 1, halfOpenMaxMs: 5_000, openMs: 10_000 });
    await time.advance(10_000);
    const [hung] = start(service);
    // Silent for 5 s, open for 20 s, and half-open since.
    await time.advance(26_000);
    expect(snapshotOf(service, 'ask')[0]?.snapshot['ask']).toMatchObject({
      state: 'half_open',
      forMs: 1_000,
      openings: 2,
    });
    await hung?.resolve();
    expect(stateOf(service)).toBe('half_open');
  });
});

describe('results of an earlier state', () => {
  it('do not count: a success from before neither closes nor opens it', async () => {
    const service = new Service({ minimumCalls: 2, halfOpenCalls: 1 });
    const [good, bad, last] = start(service, 3);
    await settled();
    await play(service, 'xx');
    await good?.resolve();
    expect(stateOf(service)).toBe('open');
    await time.advance(10_000);
    expect(stateOf(service)).toBe('half_open');
    await bad?.fail(down());
    expect(snapshotOf(service, 'ask')[0]?.snapshot['ask']).toMatchObject({ state: 'half_open', calls: 0 });
    await play(service, '.');
    expect(stateOf(service)).toBe('closed');
    await last?.fail(down());
    expect(snapshotOf(service, 'ask')[0]?.snapshot['ask']).toMatchObject({ state: 'closed', calls: 0 });
  });

  it('do not free a permit of the trial calls', async () => {
    const service = new Service({ minimumCalls: 2, halfOpenCalls: 1 });
    const [early] = start(service);
    await settled();
    await play(service, 'xx');
    await time.advance(10_000);
    const [trial] = start(service);
    await early?.fail(new errors.BadRequestError('', 400));
    expect(await outcome(service)).toBe('circuit_open');
    await trial?.resolve();
  });
});

describe('with other policies', () => {
  class Limited {
    entered = 0;
    fail = true;
    seen: string[] = [];
    constructor(
      readonly limiter: errors.Limiter,
      readonly breaker: Breaker,
    ) {
      onPolicyEvent(this, ({ type }) => this.seen.push(type));
    }
    @RateLimited((self: Limited) => self.limiter)
    @CircuitBreaker((self: Limited) => self.breaker)
    @RetryWithBackoff({ maxRetries: 5, baseDelayMs: 100, jitter: 'none' })
    async ask() {
      this.entered++;
      if (this.fail) throw down();
      return 'ok';
    }
  }

  it('stands at its two places', () => {
    expect(policiesOf(Limited, 'ask').map(({ place }) => place)).toEqual([
      'RetryWithBackoff',
      'CircuitBreaker(check)',
      'admission',
      'CircuitBreaker(permit)',
    ]);
  });

  it('counts each attempt, and a retry that meets the open circuit ends the call without a wait', async () => {
    const limiter = new errors.Limiter({ requestsPerMinute: 60 });
    const service = new Limited(limiter, new Breaker({ minimumCalls: 3 }));
    const failure = failureOf(service.ask());
    await time.advance(700);
    expect(await failure).toMatchObject({ code: 'circuit_open', attempts: [{}, {}, {}] });
    expect(service.entered).toBe(3);
  });

  it('refuses before anything is taken from the limiter', async () => {
    const limiter = new errors.Limiter({ requestsPerMinute: 60 });
    const breaker = new Breaker();
    const service = new Limited(limiter, breaker);
    breaker.open();
    expect(await failureOf(service.ask())).toMatchObject({ code: 'circuit_open' });
    expect(service.seen).not.toContain('admitted');
  });

  it('refuses a call in the queue when the circuit has opened meanwhile, and the limiter gives all back', async () => {
    const limiter = new errors.Limiter({ requestsPerMinute: 60, requestBurst: 1 });
    const breaker = new Breaker();
    const service = new Limited(limiter, breaker);
    service.fail = false;
    await service.ask();
    const queued = failureOf(service.ask());
    await time.advance(500);
    breaker.open();
    await time.advance(500);
    expect(await queued).toMatchObject({ code: 'circuit_open', attempts: [] });
    expect(service.entered).toBe(1);
    expect(service.seen).toContain('refunded');
    expect(limiter.expectedWaitMs()).toBe(0);
  });

  it('holds no permit for a call in the queue', async () => {
    const limiter = new errors.Limiter({ requestsPerMinute: 60, requestBurst: 1 });
    const breaker = new Breaker({ minimumCalls: 1, halfOpenCalls: 1, openMs: 100 });
    const [service, other] = [new Limited(limiter, breaker), new Service(breaker)];
    service.fail = false;
    await service.ask();
    breaker.open({ key: 'ask' });
    await time.advance(100);
    const queued = service.ask();
    await settled();
    expect(breaker.snapshot()['ask']?.state).toBe('half_open');
    // The trial call is another's, who does not queue.
    await play(other, '.');
    expect(breaker.state).toBe('closed');
    await time.advance(1_000);
    expect(await queued).toBe('ok');
  });

  it('counts attempts that are given up', async () => {
    class Hanging {
      @CircuitBreaker({ minimumCalls: 1 })
      @Timeout({ attemptMs: 50 })
      async ask() {
        return new Promise(() => undefined);
      }
    }
    const service = new Hanging();
    const failure = failureOf(service.ask());
    await time.advance(50);
    expect(await failure).toMatchObject({ code: 'timeout_attempt' });
    expect(await failureOf(service.ask())).toMatchObject({ code: 'circuit_open' });
  });
});

describe('a shared breaker', () => {
  it('is one for all that are given it, a circuit for each method’s name', async () => {
    const breaker = new Breaker({ minimumCalls: 2 });
    const [a, b] = [new Service(breaker), new Service(breaker)];
    await play(a, 'x');
    await play(b, 'x');
    expect(await outcome(a)).toBe('circuit_open');
    expect(Object.keys(breaker.snapshot())).toEqual(['ask']);
    expect(breaker.state).toBe('open');
    expect(snapshotOf(a, 'ask')).toEqual([{ kind: 'CircuitBreaker', snapshot: breaker.snapshot() }]);
  });

  it('is opened by hand, for the time given or its own', async () => {
    const breaker = new Breaker({ openMs: 1_000, halfOpenCalls: 1 });
    const service = new Service(breaker);
    await play(service, '.');
    breaker.open({ forMs: 300 });
    expect(await failureOf(service.ask())).toMatchObject({
      retryAfterMs: 300,
      circuit: { reason: 'it was opened by hand' },
    });
    await time.advance(300);
    expect(breaker.state).toBe('half_open');
    await play(service, 'x');
    expect(await failureOf(service.ask())).toMatchObject({ retryAfterMs: 1_000 });
    breaker.close();
    expect(await outcome(service, () => 'ok')).toBe('ok');
    breaker.open();
    expect(await failureOf(service.ask())).toMatchObject({ retryAfterMs: 1_000 });
  });

  it('is opened before any call, for circuits to come', async () => {
    const breaker = new Breaker({ openMs: 1_000 });
    breaker.open();
    expect(breaker.state).toBe('open');
    await time.advance(400.5);
    const service = new Service(breaker);
    expect(await failureOf(service.ask())).toMatchObject({ retryAfterMs: 600 });
    await time.advance(599.5);
    expect(breaker.state).toBe('half_open');
    const later = new Service(new Breaker({ openMs: 1_000 }));
    expect(await outcome(later)).toBe('ok');
    const fresh = new Breaker({ openMs: 1_000 });
    fresh.open();
    await time.advance(1_000);
    expect(fresh.state).toBe('closed');
    expect(await outcome(new Service(fresh))).toBe('ok');
    expect(fresh.snapshot()['ask']?.state).toBe('closed');
  });

  it('is opened by hand no longer than the longest, where no time is given', async () => {
    const breaker = new Breaker({ maxOpenMs: 5_000 });
    breaker.open();
    expect(await failureOf(new Service(breaker).ask())).toMatchObject({ retryAfterMs: 5_000 });
  });

  it('lets nothing through while it is isolated, until it is closed', async () => {
    const breaker = new Breaker();
    const service = new Service(breaker);
    await play(service, '.');
    breaker.isolate();
    await time.advance(10_000_000);
    const error = (await failureOf(service.ask())) as CircuitOpenError;
    expect(error.message).toBe(
      'ask() was not sent: the circuit of ask has been isolated for 10000000 ms because it was isolated by hand. It lets nothing through until close() is called.',
    );
    expect(error.retryAfterMs).toBeUndefined();
    breaker.open({ forMs: 1 });
    breaker.isolate();
    await time.advance(1_000);
    expect(breaker.state).toBe('isolated');
    expect(breaker.snapshot()['ask']).toMatchObject({ state: 'isolated', forMs: 10_001_000 });
    expect(await outcome(service)).toBe('circuit_open');
    breaker.close();
    expect(await outcome(service)).toBe('ok');
  });

  it('isolates circuits to come, and stays so when it is opened', async () => {
    const breaker = new Breaker();
    breaker.isolate();
    breaker.open({ forMs: 1 });
    await time.advance(10);
    expect(breaker.state).toBe('isolated');
    expect(await outcome(new Service(breaker))).toBe('circuit_open');
    breaker.close();
    expect(breaker.state).toBe('closed');
    expect(await outcome(new Service(breaker))).toBe('ok');
  });

  it('opens, isolates and closes one of its circuits', async () => {
    const breaker = new Breaker({ key: (call) => String(call.args[0]) });
    const service = new Service(breaker);
    const outcomes = () =>
      Promise.all(
        ['a', 'b'].map((key) =>
          service.ask(key).then(
            () => 'ok',
            () => 'no',
          ),
        ),
      );
    breaker.isolate({ key: 'a' });
    expect(await outcomes()).toEqual(['no', 'ok']);
    breaker.close({ key: 'b' });
    expect(await outcomes()).toEqual(['no', 'ok']);
    breaker.open({ key: 'b' });
    breaker.close({ key: 'a' });
    expect(await outcomes()).toEqual(['ok', 'no']);
    breaker.isolate();
    breaker.close({ key: 'a' });
    expect(breaker.state).toBe('isolated');
    expect(await outcomes()).toEqual(['ok', 'no']);
    expect(await failureOf(service.ask('c'))).toMatchObject({ circuit: { state: 'isolated' } });
  });

  it('does not count calls from before it was closed', async () => {
    const breaker = new Breaker({ minimumCalls: 1 });
    const service = new Service(breaker);
    const [early] = start(service);
    await settled();
    breaker.close();
    await early?.fail(down());
    expect(breaker.state).toBe('closed');
  });

  it('forgets what it counted when it is closed', async () => {
    const breaker = new Breaker({ minimumCalls: 2 });
    const service = new Service(breaker);
    await play(service, 'x');
    breaker.close();
    await play(service, 'x');
    expect(breaker.snapshot()['ask']).toMatchObject({ state: 'closed', calls: 1 });
  });

  it.each([
    [() => new Breaker().open({ forMs: 0 }), 'Breaker.open(): `forMs` is 0: give a number above 0.'],
    [() => new Breaker().open({ ms: 5 } as never), 'Breaker.open(): there is no option `ms`'],
    [
      () => new Breaker().isolate({ key: 5 } as never),
      'Breaker.isolate(): `key` is 5: give the name of a circuit',
    ],
    [
      () => new Breaker().close({ kee: 'a' } as never),
      'Breaker.close(): there is no option `kee`. Did you mean `key`?',
    ],
    [() => new Breaker('fast' as never), "Breaker: the options are 'fast': give an object"],
    [() => new Breaker(null as never), 'Breaker: the options are null: give an object'],
    [() => new Breaker({ failureRate: 2 }), 'Breaker: `failureRate` is 2: give a share above 0 and up to 1.'],
  ])('refuses wrong use: %p', (act, message) => {
    expect(act).toThrow(TypeError);
    expect(act).toThrow(message);
  });

  it('forgets circuits that nobody has used for long, and no others', async () => {
    const breaker = new Breaker({ minimumCalls: 1, key: (call) => String(call.args[0]) });
    const service = new Service(breaker);
    const ask = (key: string) => service.ask(key).catch(() => undefined);
    const { promise, resolve } = deferred();
    service.answer = () => promise;
    const running = ask('running');
    await settled();
    service.answer = () => 'ok';
    await ask('isolated');
    breaker.isolate({ key: 'isolated' });
    await ask('long');
    breaker.open({ key: 'long', forMs: 2_000_000 });
    breaker.open({ key: 'refused' });
    const last = deferred();
    service.answer = () => last.promise;
    const ended = ask('ended');
    await settled();
    service.answer = () => 'ok';
    for (let i = 0; i < 94; i++) await ask(`old ${i}`);
    await time.advance(1);
    last.resolve();
    await ended;
    await ask('refused');
    await ask('recent');
    await time.advance(599_999);
    await ask('new');
    expect(Object.keys(breaker.snapshot())).toEqual([
      'running',
      'isolated',
      'long',
      'refused',
      'ended',
      'recent',
      'new',
    ]);
    resolve();
    await running;
  });

  it('forgets none while there are few', async () => {
    const breaker = new Breaker({ key: (call) => String(call.args[0]) });
    const service = new Service(breaker);
    const known = () => Object.keys(breaker.snapshot());
    await service.ask('old');
    await time.advance(600_000);
    for (let i = 0; i < 99; i++) await service.ask(`more ${i}`);
    expect(known()).toHaveLength(100);
    await time.advance(600_000);
    await service.ask('first of many');
    expect(known()).toEqual(['first of many']);
    await time.advance(600_000);
    await service.ask('second');
    expect(known()).toEqual(['first of many', 'second']);
  });

  it('keeps a circuit as long as its window', async () => {
    const breaker = new Breaker({ windowMs: 1_000_000, key: (call) => String(call.args[0]) });
    const service = new Service(breaker);
    for (let i = 0; i < 100; i++) await service.ask(`old ${i}`);
    await time.advance(999_999);
    await service.ask('new');
    expect(Object.keys(breaker.snapshot())).toHaveLength(101);
  });
});

describe('whose circuit it is', () => {
  it('is each object’s and each method’s, where options are written in place', async () => {
    class Two {
      @CircuitBreaker({ minimumCalls: 1 })
      async good() {
        return 'ok';
      }
      @CircuitBreaker({ minimumCalls: 1 })
      async bad() {
        throw down();
      }
    }
    const [one, other] = [new Two(), new Two()];
    await failureOf(one.bad());
    expect(await failureOf(one.bad())).toMatchObject({ code: 'circuit_open', circuit: { key: 'bad' } });
    expect(await failureOf(other.bad())).toMatchObject({ code: 'server_error' });
    expect(await one.good()).toBe('ok');
  });

  it('is each method’s also where their keys are alike', async () => {
    class Alike {
      @CircuitBreaker({ minimumCalls: 1, key: () => 'k' })
      async good() {
        return 'ok';
      }
      @CircuitBreaker({ minimumCalls: 1, key: () => 'k' })
      async bad() {
        throw down();
      }
    }
    const service = new Alike();
    await failureOf(service.bad());
    expect(await service.good()).toBe('ok');
  });

  it('stays the same when options are made anew for each call, with the latest functions', async () => {
    const asked: string[] = [];
    class Fresh {
      turn = 0;
      @CircuitBreaker((self: Fresh) => {
        const turn = ++self.turn;
        return {
          minimumCalls: 3,
          tripOn: () => (asked.push(`tripOn ${turn}`), true),
          key: () => (asked.push(`key ${turn}`), 'mine'),
          onChange: ({ key, state }: CircuitChange) => asked.push(`${key} ${state} ${turn}`),
        };
      })
      async ask() {
        throw down();
      }
    }
    const service = new Fresh();
    for (let i = 0; i < 3; i++) await failureOf(service.ask());
    expect(await failureOf(service.ask())).toMatchObject({ code: 'circuit_open' });
    expect(asked).toEqual([
      'key 1',
      'tripOn 1',
      'key 2',
      'tripOn 2',
      'key 3',
      'tripOn 3',
      'mine open 3',
      'key 4',
    ]);
  });

  it('stays the same when a function is another one, and is another when there is none', async () => {
    const tripOns = [() => true, (error: errors.LLMError) => error.code === 'server_error'];
    class Turning {
      turn = 0;
      @CircuitBreaker((self: Turning) => ({ minimumCalls: 2, tripOn: tripOns[self.turn++] }))
      async ask() {
        throw down();
      }
    }
    const service = new Turning();
    await failureOf(service.ask());
    await failureOf(service.ask());
    expect(snapshotOf(service, 'ask')[0]?.snapshot['ask']).toMatchObject({ state: 'open' });
    expect(await failureOf(service.ask())).toMatchObject({ code: 'server_error' });
  });

  it('shows the circuits of every breaker that its options have asked for', async () => {
    class Tiers {
      tier = 'free';
      @CircuitBreaker(({ tier }: Tiers) => ({ minimumCalls: tier === 'free' ? 5 : 50, key: () => tier }))
      async ask() {
        return 'ok';
      }
    }
    const service = new Tiers();
    await service.ask();
    service.tier = 'paid';
    await service.ask();
    expect(Object.keys(snapshotOf(service, 'ask')[0]?.snapshot ?? {})).toEqual(['free', 'paid']);
  });

  it('is another for other numbers, and the hundred used last are kept', async () => {
    class Tuned {
      minimumCalls = 1;
      @CircuitBreaker((self: Tuned) => ({ minimumCalls: self.minimumCalls }))
      async ask() {
        throw down();
      }
    }
    const service = new Tuned();
    const code = async () => ((await failureOf(service.ask())) as errors.LLMError).code;
    await code();
    expect(await code()).toBe('circuit_open');
    for (service.minimumCalls = 2; service.minimumCalls <= 100; service.minimumCalls++) await code();
    service.minimumCalls = 1;
    expect(await code()).toBe('circuit_open');
    for (service.minimumCalls = 101; service.minimumCalls <= 150; service.minimumCalls++) await code();
    service.minimumCalls = 1;
    expect(await code()).toBe('circuit_open');
    for (service.minimumCalls = 201; service.minimumCalls <= 300; service.minimumCalls++) await code();
    service.minimumCalls = 1;
    expect(await code()).toBe('server_error');
  });

  it('is split by `key`, which must give a string', async () => {
    const service = new Service({ minimumCalls: 1, key: (call) => call.args[0] as string });
    service.answer = failing(down());
    await failureOf(service.ask('a'));
    expect(await failureOf(service.ask('a'))).toMatchObject({ code: 'circuit_open', circuit: { key: 'a' } });
    expect(await failureOf(service.ask('b'))).toMatchObject({ code: 'server_error' });
    const error = (await failureOf(service.ask(5 as never))) as Error;
    expect(error.message).toContain('CircuitBreaker: key(call) gave 5: give a string.');
  });

  it('is asked for once a call', async () => {
    const key = jest.fn(() => 'k');
    await new Service({ key }).ask();
    expect(key).toHaveBeenCalledTimes(1);
  });

  it('is asked for once a call, also when several calls wait for admission meanwhile', async () => {
    const key = jest.fn(() => 'k');
    class Waiting {
      @RateLimited({ requestsPerMinute: 60, requestBurst: 1 })
      @CircuitBreaker({ key })
      async ask() {
        return 'ok';
      }
    }
    const service = new Waiting();
    const answers = Promise.all([service.ask(), service.ask(), service.ask()]);
    await time.runAll();
    expect(await answers).toEqual(['ok', 'ok', 'ok']);
    expect(key).toHaveBeenCalledTimes(3);
  });

  it.each<[errors.CallDescription | undefined, string]>([
    [{ model: 'm', baseURL: 'https://user:secret@api.example.com:8443/v1' }, 'api.example.com:8443/m'],
    [{ model: 'm' }, 'm'],
    [{ model: 'm', baseURL: 'no address' }, 'm'],
    [{ baseURL: 'https://api.example.com/v1' }, 'api.example.com/ask'],
    [undefined, 'ask'],
  ])('is named by what the object says of itself: %p', async (described, key) => {
    class Described {
      readonly [errors.policyHost]: errors.PolicyHost = { describe: () => described };
      @CircuitBreaker({ minimumCalls: 1 })
      async ask() {
        return 'ok';
      }
      @CircuitBreaker({ minimumCalls: 1 })
      async tell() {
        throw down();
      }
    }
    const service = new Described();
    await service.ask();
    expect(Object.keys(snapshotOf(service, 'ask')[0]?.snapshot ?? {})).toEqual([key]);
    await service.tell().catch(() => undefined);
    // One that says what its calls ask for shares its circuits over its methods.
    const shared = described?.model !== undefined;
    expect(
      await service.ask().then(
        () => 'ok',
        (error: errors.LLMError) => error.code,
      ),
    ).toBe(shared ? 'circuit_open' : 'ok');
  });

  it('is named by the method where the object says other things of itself', async () => {
    class Silent {
      readonly [errors.policyHost]: errors.PolicyHost = {};
      @CircuitBreaker()
      async ask() {
        return 'ok';
      }
    }
    const service = new Silent();
    expect(await service.ask()).toBe('ok');
    expect(Object.keys(snapshotOf(service, 'ask')[0]?.snapshot ?? {})).toEqual(['ask']);
  });

  it('works on static methods and in overrides, where the subclass’s decorator replaces the base’s', async () => {
    class Base {
      @CircuitBreaker({ minimumCalls: 1 })
      static async ask(): Promise<string> {
        throw down();
      }
      @CircuitBreaker({ minimumCalls: 5 })
      async tell(): Promise<string> {
        throw down();
      }
    }
    class Derived extends Base {
      @CircuitBreaker({ minimumCalls: 2 })
      override async tell() {
        return super.tell();
      }
    }
    await failureOf(Base.ask());
    expect(await failureOf(Base.ask())).toMatchObject({ code: 'circuit_open' });
    const derived = new Derived();
    await failureOf(derived.tell());
    await failureOf(derived.tell());
    expect(await failureOf(derived.tell())).toMatchObject({ code: 'circuit_open' });
    expect(policiesOf(Derived, 'tell').map(({ from }) => from)).toEqual(['Derived', 'Derived']);
  });

  it('is off with `false`', async () => {
    const service = new Service(false);
    await play(service, 'xxxxxxxxxxxx');
    expect(service.entered).toBe(12);
    expect(snapshotOf(service, 'ask')).toEqual([{ kind: 'CircuitBreaker', snapshot: {} }]);
  });
});

describe('telling', () => {
  it('tells each change of state to listeners and onChange', async () => {
    const changes: CircuitChange[] = [];
    const events: PolicyEvent[] = [];
    const breaker = new Breaker({
      minimumCalls: 2,
      halfOpenCalls: 1,
      slowCallMs: 1_000,
      onChange: (change) => changes.push(change),
    });
    const service = new Service(breaker);
    onPolicyEvent(service, (event) => event.type === 'circuit' && events.push(event));
    await play(service, '.x');
    await time.advance(10_000);
    await play(service, '.');
    breaker.isolate();
    await outcome(service);
    breaker.close();
    await outcome(service);
    const opening = { key: 'ask', state: 'open', openMs: 10_000, calls: 2, failureRate: 0.5, slowRate: 0 };
    const expected = [
      { ...opening, error: expect.any(InternalServerError) },
      { key: 'ask', state: 'half_open' },
      { key: 'ask', state: 'closed' },
      { key: 'ask', state: 'isolated' },
      { key: 'ask', state: 'closed' },
    ];
    expect(changes).toEqual(expected);
    expect(events).toMatchObject(
      expected.map((change) => ({ ...change, type: 'circuit', className: 'Service', method: 'ask' })),
    );
    expect(events.map(({ at }) => at)).toEqual([0, 10_000, 10_000, 10_000, 10_000]);
  });

  it('tells nothing of what stays as it is', async () => {
    const changes: string[] = [];
    const breaker = new Breaker({
      onChange: ({ state, openMs }) => changes.push(openMs === undefined ? state : `${state} ${openMs}`),
    });
    const service = new Service(breaker);
    const events: unknown[] = [];
    onPolicyEvent(service, ({ type }) => events.push(type));
    await play(service, '.');
    expect(events).toEqual(['attempt', 'success']);
    breaker.close();
    breaker.isolate();
    breaker.isolate();
    breaker.open();
    breaker.close();
    expect(changes).toEqual(['isolated', 'closed']);
    // Open for another time is news.
    breaker.open();
    breaker.open({ forMs: 5 });
    expect(changes.slice(2)).toEqual(['open 10000', 'open 5']);
    await outcome(service);
    await outcome(service);
    expect(events.slice(2)).toEqual([...Array<string>(4).fill('circuit'), 'failure', 'failure']);
  });

  it('keeps the failure of a listener out of the call', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    try {
      const onChange = () => {
        throw new Error('deaf');
      };
      const service = new Service({ minimumCalls: 1, onChange });
      expect(await outcome(service, failing(down()))).toBe('server_error');
      expect(stateOf(service)).toBe('open');
      expect(String(warn.mock.calls[0]?.[0])).toContain('`onChange` failed: Error: deaf');
    } finally {
      warn.mockRestore();
    }
  });

  it('shows its state as plain data', async () => {
    const service = new Service({ minimumCalls: 2, slowCallMs: 100, failureRate: 1, halfOpenCalls: 2 });
    expect(snapshotOf(service, 'ask')).toEqual([{ kind: 'CircuitBreaker', snapshot: {} }]);
    const snapshot = () => snapshotOf(service, 'ask')[0]?.snapshot['ask'];
    await play(service, 's');
    expect(snapshot()).toEqual({ state: 'closed', forMs: 100, calls: 1, failures: 0, slow: 1, openings: 0 });
    await play(service, '.');
    await time.advance(2_500.4);
    const reason = '1 of 2 calls took 100 ms or longer';
    expect(snapshot()).toEqual({
      state: 'open',
      forMs: 2_500,
      calls: 0,
      failures: 0,
      slow: 0,
      openings: 1,
      reason,
      retryAfterMs: 7_500,
    });
    await time.advance(7_500);
    await play(service, 'x');
    expect(snapshot()).toEqual({
      state: 'half_open',
      forMs: 0,
      calls: 1,
      failures: 1,
      slow: 0,
      openings: 1,
      reason,
    });
    expect(JSON.parse(JSON.stringify(snapshot()))).toEqual(snapshot());
  });
});

describe('the mode `observe`', () => {
  it('changes its state and tells of it, but refuses nothing', async () => {
    const changes: string[] = [];
    const service = new Service({
      mode: 'observe',
      minimumCalls: 2,
      halfOpenCalls: 1,
      onChange: ({ state }) => changes.push(state),
    });
    await play(service, 'xx');
    expect(stateOf(service)).toBe('open');
    expect(await outcome(service, () => 'ok')).toBe('ok');
    await time.advance(10_000);
    const [trial] = start(service);
    await settled();
    // Not one by which it decides.
    await play(service, 'x');
    expect(stateOf(service)).toBe('half_open');
    await trial?.resolve();
    expect(changes).toEqual(['open', 'half_open', 'closed']);
  });

  it('obeys who isolates it', async () => {
    const breaker = new Breaker({ mode: 'observe' });
    const service = new Service(breaker);
    breaker.open();
    expect(await outcome(service)).toBe('ok');
    breaker.isolate();
    expect(await outcome(service)).toBe('circuit_open');
  });
});

describe('options', () => {
  it.each<[BreakerOptions, string]>([
    [{ failureRate: 0 }, '`failureRate` is 0: give a share above 0 and up to 1.'],
    [{ failureRate: 50 }, '`failureRate` is 50: give a share above 0 and up to 1.'],
    [{ failureRate: '1' as never }, "`failureRate` is '1': give a share above 0 and up to 1."],
    [{ slowCallRate: 1.1, slowCallMs: 1 }, '`slowCallRate` is 1.1: give a share above 0 and up to 1.'],
    [{ slowCallMs: 0 }, '`slowCallMs` is 0: give a number above 0.'],
    [{ windowMs: 0 }, '`windowMs` is 0: give a number above 0.'],
    [{ windowCalls: 1.5 }, '`windowCalls` is 1.5: give a whole number of at least 1.'],
    [{ minimumCalls: 0 }, '`minimumCalls` is 0: give a whole number of at least 1.'],
    [{ openMs: 0 }, '`openMs` is 0: give a number above 0.'],
    [{ maxOpenMs: Infinity }, '`maxOpenMs` is Infinity: give a number above 0.'],
    [{ halfOpenCalls: 0 }, '`halfOpenCalls` is 0: give a whole number of at least 1.'],
    [{ halfOpenMaxMs: -1 }, '`halfOpenMaxMs` is -1: give a number above 0.'],
    [{ key: 'a' as never }, "`key` is 'a': give a function."],
    [{ tripOn: true as never }, '`tripOn` is true: give a function.'],
    [{ onChange: 1 as never }, '`onChange` is 1: give a function.'],
    [{ mode: 'off' as never }, "`mode` is 'off': give one of 'enforce', 'observe'."],
    [{ failRate: 0.5 } as never, 'there is no option `failRate`. Did you mean `failureRate`?'],
    [
      { windowMs: 1, windowCalls: 1 },
      '`windowMs` and `windowCalls` are both given: a window is of time or of calls, leave one out.',
    ],
    [
      { windowCalls: 5, minimumCalls: 6 },
      '`minimumCalls` is 6, but the window holds only 5 calls and would never open',
    ],
    [{ slowCallRate: 0.5 }, '`slowCallRate` is 0.5, but `slowCallMs` is not given'],
    [{ openMs: 6, maxOpenMs: 5 }, '`openMs` is 6, more than `maxOpenMs`, 5: give at most that.'],
  ])('refuses %p', (options, message) => {
    const act = () => onMethod(CircuitBreaker(options));
    expect(act).toThrow(TypeError);
    expect(act).toThrow(`@CircuitBreaker on ask(): ${message}`);
  });

  it.each<[BreakerOptions, number]>([
    [{}, 10_000],
    [{ maxOpenMs: 5_000 }, 5_000],
    [{ openMs: 200_000 }, 200_000],
    [{ openMs: 300, maxOpenMs: 300 }, 300],
    [{ windowCalls: 5, minimumCalls: 2 }, 10_000],
    [{ slowCallMs: 5, slowCallRate: 1 }, 10_000],
  ])('takes %p: open for %d ms', async (options, openMs) => {
    expect(await failureOf((await opened({ minimumCalls: 2, ...options })).ask())).toMatchObject({
      retryAfterMs: openMs,
    });
  });

  it('grows up to two minutes by default', async () => {
    const service = await opened({ halfOpenCalls: 1 });
    for (let i = 0; i < 6; i++) {
      await time.advance(120_000);
      await play(service, 'x');
    }
    expect(await failureOf(service.ask())).toMatchObject({ retryAfterMs: 120_000 });
  });

  it('waits for two minutes for a sign of life by default', async () => {
    const service = await opened({ halfOpenCalls: 1 });
    await time.advance(10_000);
    const [trial] = start(service);
    await time.advance(119_999);
    expect(stateOf(service)).toBe('half_open');
    await time.advance(1);
    expect(stateOf(service)).toBe('open');
    await trial?.resolve();
  });
});

describe('the snapshot of a method', () => {
  it('is of the breaker in force, also where another was shared before', async () => {
    const shared = new Breaker({ key: () => 'it' });
    let options: Breaker | CircuitBreakerOptions = shared;
    class Service {
      @CircuitBreaker(() => options)
      async ask() {
        throw new InternalServerError('down', 500);
      }
    }
    const service = new Service();
    await failureOf(service.ask());
    options = { minimumCalls: 1, key: () => 'it' };
    await failureOf(service.ask());
    expect(await failureOf(service.ask())).toBeInstanceOf(CircuitOpenError);
    expect(snapshotOf(service, 'ask')).toMatchObject([{ snapshot: { it: { state: 'open' } } }]);
  });
});
