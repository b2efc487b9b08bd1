import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import * as errors from '../../decorators/errors/index.js';
import {
  AbortError,
  APIError,
  ConnectionError,
  LLMError,
  onPolicyEvent,
  policyHost,
  RateLimitError,
  RetryWithBackoff,
  Timeout,
  TimeoutError,
  type CallOptions,
  type PolicyEvent,
  type PolicyHost,
  type RetryOptions,
} from '../../decorators/index.js';
import { backoffDelay } from '../../decorators/retry/backoff';
import { countCall, takeRetry } from '../../decorators/retry/budget';
import { onMethod, failureOf } from '../support/policies';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';

let time: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  ({ runtime: time, restore } = installVirtualRuntime());
});
afterEach(() => {
  expect(time.pendingTimers).toBe(0);
  restore();
  jest.restoreAllMocks();
});

/** Fails with each of `failures` in turn, then answers; knows when it was called. */
class Client {
  at: number[] = [];
  constructor(
    private readonly failures: readonly unknown[],
    readonly options?: RetryOptions | false,
  ) {}
  @RetryWithBackoff((self) => self.options)
  async run(_options?: CallOptions): Promise<string> {
    this.at.push(time.now());
    const failure = this.failures[this.at.length - 1];
    if (failure !== undefined) throw failure;
    return 'answer';
  }
}

/** The times of the calls; `failure` is what it failed with, if it did. */
async function run(client: Client, options?: CallOptions): Promise<{ at: number[]; failure: unknown }> {
  let failure: unknown;
  const settledRun = (options ? client.run(options) : client.run()).catch(
    (error: unknown) => (failure = error),
  );
  await time.runAll();
  await settledRun;
  return { at: client.at, failure };
}
const down = () => new ConnectionError('down');
const many = (make: () => unknown, n = 20) => Array.from({ length: n }, make);

describe('what is retried', () => {
  const status = (code: number) => new APIError(String(code), code);
  it.each<[string, unknown]>([
    ['408', status(408)],
    ['409', status(409)],
    ['429', status(429)],
    ['500', status(500)],
    ['502', status(502)],
    ['529', status(529)],
    ['ConflictError', new errors.ConflictError('', 409)],
    ['RateLimitError', new RateLimitError('')],
    ['InternalServerError', new errors.InternalServerError('', 500)],
    ['OverloadedError', new errors.OverloadedError('', 503)],
    ['ConnectionError', down()],
    ['TimeoutError of an attempt', new TimeoutError('', { code: 'timeout_attempt' })],
    ['TimeoutError of connecting', new TimeoutError('', { code: 'timeout_connect' })],
    ['TimeoutError of the first event', new TimeoutError('', { code: 'timeout_first_event' })],
    [
      'a raw socket error, without @HandleApiErrors',
      Object.assign(new Error('reset'), { code: 'ECONNRESET' }),
    ],
    ['any status that the server says to retry', new APIError('', 400, undefined, { retryable: true })],
  ])('is %s', async (_, failure) => {
    const { at, failure: thrown } = await run(new Client([failure], { baseDelayMs: 0 }));
    expect(thrown).toBeUndefined();
    expect(at).toHaveLength(2);
  });

  it.each<[string, unknown]>([
    ['400', new errors.BadRequestError('', 400)],
    ['401', new errors.AuthenticationError('', { statusCode: 401 })],
    ['403', new errors.PermissionDeniedError('', 403)],
    ['404', new errors.NotFoundError('', 404)],
    ['422', new errors.UnprocessableEntityError('', 422)],
    ['an exhausted quota', new errors.QuotaExceededError('', { statusCode: 429 })],
    ['a context that is too long', new errors.ContextLengthError('', 400)],
    ['an abort', new AbortError('')],
    ['a total timeout', new TimeoutError('', { code: 'timeout_total' })],
    ['an unexpected error', new RangeError('a bug')],
    ['a refusal of our own limiter', new RateLimitError('', { origin: 'client' })],
    ['a full queue', new errors.QueueFullError('')],
    ['a status that the server says not to retry', new APIError('', 503, undefined, { retryable: false })],
  ])('is not %s: it is thrown as it is', async (_, failure) => {
    const { at, failure: thrown } = await run(new Client([failure]));
    expect(at).toHaveLength(1);
    expect(thrown).toBe(failure);
  });

  it.each<[string, unknown]>([
    ['an abort', new AbortError('')],
    ['a total timeout', new TimeoutError('', { code: 'timeout_total' })],
    ['a refusal of our own limiter', new RateLimitError('', { origin: 'client' })],
    ['a full queue', new errors.QueueFullError('')],
    ['an open circuit', new errors.CircuitOpenError('')],
    ['an exhausted budget', new errors.BudgetExceededError('')],
    ['a store that is down', new errors.StoreUnavailableError('')],
    ['a price that nobody knows', new LLMError('', { code: 'price_unknown', origin: 'client' })],
    ['a refusal of your own policy', new errors.InternalServerError('', 500, {}, { origin: 'client' })],
  ])('is not decided by retryOn for %s', async (_, failure) => {
    const retryOn = jest.fn(() => true);
    expect((await run(new Client([failure], { retryOn }))).at).toHaveLength(1);
    expect(retryOn).not.toHaveBeenCalled();
  });

  it('is otherwise decided by retryOn, both ways, from the error as the hierarchy sees it', async () => {
    const bug = new RangeError('a bug');
    const seen: LLMError[] = [];
    const options: RetryOptions = { baseDelayMs: 0, retryOn: (error) => seen.push(error) > 0 };
    expect((await run(new Client([bug], options))).at).toHaveLength(2);
    expect(seen[0]).toBeInstanceOf(LLMError);
    expect(seen[0]).toMatchObject({ code: 'unexpected' });
    expect((await run(new Client([down()], { retryOn: () => false }))).at).toHaveLength(1);
    const unable = new errors.UnsupportedOperationError('');
    expect((await run(new Client([unable], options))).at).toHaveLength(2);
  });

  it.each<[string, () => unknown, string]>([
    ['answers later', async () => true, '`retryOn` returned an object: it must return true or false'],
    [
      'throws',
      () => {
        throw new RangeError('of the user');
      },
      'of the user',
    ],
  ])('is nothing where retryOn %s: the call fails with that', async (_how, retryOn, message) => {
    const { at, failure } = await run(new Client([down()], { retryOn: retryOn as never }));
    expect(at).toHaveLength(1);
    expect(failure).toMatchObject({ code: 'unexpected', message: expect.stringContaining(message) });
  });
});

describe('maxRetries', () => {
  it.each([
    [undefined, 4],
    [{ maxRetries: 3 }, 4],
    [{ maxRetries: 1 }, 2],
    [{ maxRetries: 0 }, 1],
    [false as const, 1],
  ])('counts retries, not attempts: %j makes %d calls', async (options, calls) => {
    const failures = many(down);
    const { at, failure } = await run(new Client(failures, options));
    expect(at).toHaveLength(calls);
    expect(failure).toBe(failures[calls - 1]);
  });

  it("of the caller takes precedence over the decorator's and the host's, and turns retry on", async () => {
    expect((await run(new Client(many(down), { maxRetries: 5 }), { maxRetries: 1 })).at).toHaveLength(2);
    expect((await run(new Client(many(down), { maxRetries: 5 }), { maxRetries: 0 })).at).toHaveLength(1);
    expect((await run(new Client(many(down), false), { maxRetries: 2 })).at).toHaveLength(3);
    class Hosted extends Client {
      readonly [policyHost]: PolicyHost = {
        policyOptions: (kind) => (kind === 'RetryWithBackoff' ? { maxRetries: 1 } : undefined),
      };
    }
    expect((await run(new Hosted(many(down)))).at).toHaveLength(2);
    expect((await run(new Hosted(many(down), { maxRetries: 2 }))).at).toHaveLength(3);
    expect((await run(new Hosted(many(down)), { maxRetries: 4 })).at).toHaveLength(5);
  });
});

describe('the waits', () => {
  it('double from baseDelayMs up to maxDelayMs', async () => {
    const options: RetryOptions = { maxRetries: 5, baseDelayMs: 100, maxDelayMs: 500, jitter: 'none' };
    expect((await run(new Client(many(down, 5), options))).at).toEqual([0, 100, 300, 700, 1200, 1700]);
  });

  it('are by default spread from 0 up to the doubling second', async () => {
    time.chance = 0.5;
    expect((await run(new Client(many(down, 3)))).at).toEqual([0, 500, 1500, 3500]);
  });

  it('are spread from the first retry on with decorrelated jitter', async () => {
    time.chance = 0.5;
    const options: RetryOptions = { jitter: 'decorrelated', baseDelayMs: 100, maxDelayMs: 10_000 };
    // From 100 to 300, then from 100 to 600, then from 100 to 1050, each in the middle.
    expect((await run(new Client(many(down, 3), options))).at).toEqual([0, 200, 550, 1125]);
  });

  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const delays = fc.record({
    baseDelayMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
    maxDelayMs: fc.double({ min: 0, max: 1e7, noNaN: true }),
  });
  const attempt = fc.integer({ min: 1, max: 2000 });

  it('obey the law of full jitter: from 0 to the ceiling, in proportion to chance', () => {
    fc.assert(
      fc.property(delays, attempt, random, (options, n, chance) => {
        const ceiling = backoffDelay(n, 0, { ...options, jitter: 'none' }, chance);
        const wait = backoffDelay(n, 0, { ...options, jitter: 'full' }, chance);
        expect(ceiling).toBeLessThanOrEqual(options.maxDelayMs);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(ceiling);
        expect(wait).toBeCloseTo(chance * ceiling, 5);
      }),
    );
  });

  it('obey the law of decorrelated jitter: from the base to the cap', () => {
    fc.assert(
      fc.property(delays, fc.array(random, { maxLength: 30 }), (options, chances) => {
        let last = 0;
        chances.forEach((chance, i) => {
          const wait = backoffDelay(i + 1, last, { ...options, jitter: 'decorrelated' }, chance);
          expect(wait).toBeGreaterThanOrEqual(Math.min(options.baseDelayMs, options.maxDelayMs));
          expect(wait).toBeLessThanOrEqual(options.maxDelayMs);
          expect(wait).toBeLessThanOrEqual(Math.max(options.baseDelayMs, last) * 3);
          last = wait;
        });
      }),
    );
  });

  it('never shrink from one retry to the next without jitter, and never overflow', () => {
    fc.assert(
      fc.property(delays, attempt, (options, n) => {
        const none = { ...options, jitter: 'none' as const };
        const [wait, following] = [backoffDelay(n, 0, none, 0), backoffDelay(n + 1, 0, none, 0)];
        expect(Number.isFinite(following)).toBe(true);
        expect(following).toBeGreaterThanOrEqual(wait);
      }),
    );
    expect(backoffDelay(2000, 0, { baseDelayMs: 0 }, 0.5)).toBe(0);
    expect(backoffDelay(2000, 0, { jitter: 'none' }, 0.5)).toBe(60_000);
  });
});

describe('a server that asks for a wait', () => {
  const busy = (retryAfterMs: number) => new RateLimitError('busy', { retryAfterMs, statusCode: 429 });

  it('is given at least that, and a tenth more at random', async () => {
    expect((await run(new Client([busy(5000)]))).at).toEqual([0, 5000]);
    time.chance = 0.999;
    const [first = 0, second = 0] = (await run(new Client([busy(5000)], { baseDelayMs: 0 }))).at;
    expect(second - first).toBeGreaterThan(5400);
    expect(second - first).toBeLessThanOrEqual(5500);
  });

  it('is given the backoff when that is longer', async () => {
    expect((await run(new Client([busy(10)], { baseDelayMs: 800, jitter: 'none' }))).at).toEqual([0, 800]);
  });

  it('is not waited for above maxRetryAfterMs: the error comes at once and says how long', async () => {
    const { at, failure } = await run(new Client([busy(60_001)]));
    expect(at).toEqual([0]);
    expect(failure).toMatchObject({ retryAfterMs: 60_001, attempts: [{ code: 'rate_limit' }] });
    expect((await run(new Client([busy(60_000)]))).at).toEqual([0 + time.now() - 60_000, time.now()]);
    expect((await run(new Client([busy(11)], { maxRetryAfterMs: 10 }))).at).toHaveLength(1);
  });

  it.each([
    ['the server', busy(1000)],
    ['the backoff', down()],
  ])('past the deadline is not waited for either: a wait asked for by %s', async (_, failure) => {
    class Bounded {
      calls = 0;
      @Timeout({ totalMs: 1000 })
      @RetryWithBackoff({ baseDelayMs: 1000, jitter: 'none' })
      async run() {
        this.calls++;
        throw failure;
      }
    }
    const bounded = new Bounded();
    expect(await failureOf(bounded.run())).toBe(failure);
    expect(bounded.calls).toBe(1);
    expect(time.now()).toBe(0);
  });
});

describe('the retry budget', () => {
  const busy = () => new RateLimitError('busy', { retryAfterMs: 1 });
  class Shared extends Client {
    readonly [policyHost]: PolicyHost;
    constructor(failures: readonly unknown[], options: RetryOptions, owner?: object) {
      super(failures, options);
      this[policyHost] = { retryBudgetOwner: () => owner };
    }
  }
  const scarce: RetryOptions = { maxRetries: 100, baseDelayMs: 0, budget: { ratio: 0.5, minPerSecond: 0 } };

  it('allows `ratio` retries for each call', async () => {
    const client = new Client(many(down, 100), scarce);
    expect((await run(client)).at).toHaveLength(1);
    expect((await run(client)).at).toHaveLength(3);
    expect((await run(client)).at).toHaveLength(4);
    expect((await run(client)).at).toHaveLength(6);
  });

  it('allows `minPerSecond` over ten seconds in any case, and forgets what is older', async () => {
    const options: RetryOptions = { ...scarce, budget: { ratio: 0, minPerSecond: 1 } };
    const client = new Client(many(down, 100), options);
    expect((await run(client)).at).toHaveLength(11);
    expect((await run(client)).at).toHaveLength(12);
    await time.advance(10_000);
    expect((await run(client)).at).toHaveLength(23);
  });

  it('is by default 0.2 a call and 10 a second', async () => {
    const client = new Client(many(down, 500), { maxRetries: 400, baseDelayMs: 0 });
    expect((await run(client)).at).toHaveLength(1 + 100);
    for (let i = 0; i < 4; i++) await run(client);
    expect(client.at).toHaveLength(1 + 100 + 4 + 1);
  });

  it('throws the last error when it is used up', async () => {
    const failures = many(down);
    expect((await run(new Client(failures, scarce))).failure).toBe(failures[0]);
  });

  it('is not charged for a 429 with a known wait', async () => {
    const { at } = await run(new Client(many(busy, 5), scarce));
    expect(at).toHaveLength(6);
    expect((await run(new Client([new RateLimitError('no wait named')], scarce))).at).toHaveLength(1);
  });

  it('is shared by those whose host names the same owner, else each has its own', async () => {
    const owner = {};
    const [a, b] = [new Shared(many(down), scarce, owner), new Shared(many(down), scarce, owner)];
    await run(a);
    expect((await run(b)).at).toHaveLength(2);
    const alone = new Shared(many(down), scarce);
    expect((await run(alone)).at).toHaveLength(1);
  });

  it('never exceeds its bound in any ten seconds, and makes use of it', () => {
    const step = fc.oneof(
      fc.constant('call' as const),
      fc.constant('retry' as const),
      fc.integer({ min: 1, max: 12 }).map((seconds) => seconds * 1000),
    );
    const bounds = fc.record({
      ratio: fc.constantFrom(0, 0.2, 0.5, 2),
      minPerSecond: fc.constantFrom(0, 0.3, 1),
    });
    fc.assert(
      fc.property(bounds, fc.array(step, { maxLength: 120 }), ({ ratio, minPerSecond }, steps) => {
        const [self, budget] = [{}, { ratio, minPerSecond }];
        const [calls, retries]: [number[], number[]] = [[], []];
        let now = time.now();
        const inWindow = (times: number[]) =>
          times.filter((at) => Math.floor(at / 1000) > Math.floor(now / 1000) - 10).length;
        for (const each of steps) {
          if (typeof each === 'number') {
            now += each;
            jest.spyOn(time, 'now').mockReturnValue(now);
          } else if (each === 'call') {
            countCall(self, budget);
            calls.push(now);
          } else {
            const fits = inWindow(retries) + 1 <= minPerSecond * 10 + ratio * inWindow(calls);
            expect(takeRetry(self, budget)).toBe(fits);
            if (fits) retries.push(now);
          }
        }
        jest.restoreAllMocks();
      }),
    );
  });

  it('is switched off by false', async () => {
    const options: RetryOptions = { maxRetries: 300, baseDelayMs: 0, budget: false };
    expect((await run(new Client(many(down, 400), options))).at).toHaveLength(301);
  });
});

describe('onRetry', () => {
  it('is told of the error, the attempt and the wait before each wait', async () => {
    const notices: unknown[] = [];
    const onRetry: RetryOptions['onRetry'] = (notice) => notices.push([time.now(), notice]);
    const error = down();
    await run(new Client([error, error], { baseDelayMs: 10, jitter: 'none', onRetry }));
    expect(notices).toEqual([
      [0, { error, attempt: 1, delayMs: 10 }],
      [10, { error, attempt: 2, delayMs: 20 }],
    ]);
  });

  it('that fails does not break the call', async () => {
    jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const onRetry = () => {
      throw new Error('broken');
    };
    expect((await run(new Client([down()], { onRetry }))).failure).toBeUndefined();
  });
});

describe('bad options', () => {
  it.each<[object, string]>([
    [{ maxRetries: -1 }, '`maxRetries` is -1: give a whole number of at least 0.'],
    [{ maxRetries: 1.5 }, '`maxRetries` is 1.5: give a whole number'],
    [{ maxRetries: Infinity }, '`maxRetries` is Infinity'],
    [{ maxRetries: '3' }, "`maxRetries` is '3'"],
    [{ baseDelayMs: -1 }, '`baseDelayMs` is -1: give a number of at least 0.'],
    [{ baseDelayMs: Number.NaN }, '`baseDelayMs` is NaN'],
    [{ maxDelayMs: Infinity }, '`maxDelayMs` is Infinity'],
    [{ maxRetryAfterMs: -5 }, '`maxRetryAfterMs` is -5'],
    [{ jitter: 'some' }, "`jitter` is 'some': give one of 'full', 'decorrelated', 'none'."],
    [{ retryOn: true }, '`retryOn` is true: give a function.'],
    [{ onRetry: {} }, '`onRetry` is an object: give a function.'],
    [{ budget: 5 }, '`budget` is 5: give an object or false.'],
    [{ budget: { ratio: -1 } }, 'budget: `ratio` is -1'],
    [{ budget: { minPerSecond: Number.NaN } }, 'budget: `minPerSecond` is NaN'],
    [{ budget: { rate: 1 } }, 'there is no option `rate`. Did you mean `ratio`?'],
    [{ retries: 3 }, 'there is no option `retries`. Did you mean'],
  ])('%j are a TypeError with option, value and remedy', async (options, message) => {
    expect(() => onMethod(RetryWithBackoff(options as RetryOptions))).toThrow(TypeError);
    expect(() => onMethod(RetryWithBackoff(options as RetryOptions))).toThrow('@RetryWithBackoff');
    expect(() => onMethod(RetryWithBackoff(options as RetryOptions))).toThrow(message);
    const { at, failure } = await run(new Client([], options as RetryOptions));
    expect(failure).toBeInstanceOf(TypeError);
    expect(String(failure)).toContain('@RetryWithBackoff on run()');
    expect(at).toEqual([]);
    await settled();
  });

  it('of undefined stand for the defaults', () => {
    expect(() => onMethod(RetryWithBackoff({ maxRetries: undefined } as never))).not.toThrow();
  });
});

describe('what a retry tells and keeps to', () => {
  it('is told as an event with its wait, which is told too', async () => {
    const client = new Client([down()], { baseDelayMs: 50, jitter: 'none' });
    const told: PolicyEvent[] = [];
    onPolicyEvent(client, (event) => told.push(event));
    await run(client);
    expect(told.map(({ type, attempt }) => [type, attempt])).toEqual([
      ['attempt', 1],
      ['retry', 1],
      ['wait', 1],
      ['attempt', 2],
      ['success', 2],
    ]);
    expect(told[1]).toMatchObject({ delayMs: 50, error: { code: 'connection' } });
    expect(told[2]).toMatchObject({ reason: 'backoff', waitMs: 50 });
  });

  it('warns of nothing where nobody wants to be told', async () => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    await run(new Client([down()]));
    expect(warned).not.toHaveBeenCalled();
  });

  it('names `onRetry` when that has failed', async () => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const onRetry = (): never => {
      throw new Error('of the user');
    };
    await run(new Client([down()], { onRetry }));
    expect(warned.mock.calls).toEqual([['`onRetry` failed: Error: of the user', 'KeelsonWarning']]);
  });

  it('is not kept from a retry by a deadline that is far off', async () => {
    class Hurried {
      calls = 0;
      @Timeout({ totalMs: 60_000 })
      @RetryWithBackoff({ baseDelayMs: 10, jitter: 'none' })
      async ask(): Promise<string> {
        if (++this.calls === 1) throw down();
        return 'answer';
      }
    }
    const answer = new Hurried().ask();
    await time.runAll();
    expect(await answer).toBe('answer');
  });

  it('keeps the number of its retries where the caller says other things', async () => {
    const { signal } = new AbortController();
    expect((await run(new Client(many(down), { maxRetries: 5 }), { signal })).at).toHaveLength(6);
  });

  it('refuses a budget of null', () => {
    expect(() => onMethod(RetryWithBackoff({ budget: null as never }))).toThrow(
      /`budget` is null: give an object or false/,
    );
  });
});
