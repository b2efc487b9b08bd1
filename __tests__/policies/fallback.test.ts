import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import * as errors from '../../decorators/errors/index.js';
import {
  AbortError,
  APIError,
  composePolicies,
  ConnectionError,
  currentCall,
  definePolicy,
  Fallback,
  HandleApiErrors,
  LLMError,
  onPolicyEvent,
  OverloadedError,
  policiesOf,
  RateLimitError,
  RetryWithBackoff,
  snapshotOf,
  Timeout,
  TimeoutError,
  type CallOptions,
  type FallbackOptions,
  type PolicyEvent,
} from '../../decorators/index.js';
import { failureOf } from '../support/policies';
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

type Options = FallbackOptions<any, any>;
const down = () => new ConnectionError('down');
const busy = () => new OverloadedError('busy', 503);

/** Fails with each of `failures` in turn, then answers; its options are given to it. */
class Client {
  calls: string[] = [];
  backup: Client | undefined;
  constructor(
    readonly options: Options | false,
    private readonly failures: readonly unknown[] = [],
    readonly name = 'primary',
  ) {}
  @Fallback((self) => self.options)
  async ask(question: string, params?: { model: string }, _options?: CallOptions): Promise<string> {
    return this.answer(params ? `${question} of ${params.model}` : question);
  }
  async cheap(question: string): Promise<string> {
    return this.answer(`cheap ${question}`);
  }
  protected answer(question: string): string {
    const failure = this.failures[this.calls.length];
    this.calls.push(question);
    if (failure !== undefined) throw failure;
    return `${this.name} on ${question}`;
  }
}

/** Lets time pass until `promise` settles; gives what came of it. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  const settledOutcome = promise.then(
    (value) => value,
    (error: unknown) => error,
  );
  await time.runAll();
  return settledOutcome;
}

describe('the targets', () => {
  it('are not used while the method answers', async () => {
    const client = new Client({ value: 'Sorry' });
    expect(await client.ask('why')).toBe('primary on why');
    expect(snapshotOf(client, 'ask')).toEqual([
      { kind: 'Fallback', snapshot: { calls: 1, failed: 0, targets: {} } },
    ]);
  });

  it('may be another model, which the method is called with', async () => {
    const client = new Client({ model: 'small' }, [busy()]);
    const params = { model: 'large' };
    expect(await client.ask('why', params)).toBe('primary on why of small');
    expect(client.calls).toEqual(['why of large', 'why of small']);
    expect(params).toEqual({ model: 'large' });
  });

  it('may be a model in the body of a request', async () => {
    class Raw {
      bodies: unknown[] = [];
      @Fallback({ model: 'small' })
      async post(_path: string, init: { body: { model: string; n: number } }) {
        this.bodies.push(init.body);
        if (this.bodies.length === 1) throw busy();
        return 'ok';
      }
    }
    const raw = new Raw();
    await raw.post('/chat', { body: { model: 'large', n: 2 } });
    expect(raw.bodies).toEqual([
      { model: 'large', n: 2 },
      { model: 'small', n: 2 },
    ]);
  });

  it('may be a model in an object without a prototype, after arguments that are none', async () => {
    const answers: unknown[] = [];
    class Loose {
      @Fallback({ model: 'small' })
      async ask(..._args: unknown[]) {
        answers.push(_args);
        if (answers.length === 1) throw busy();
      }
    }
    const params = Object.assign(Object.create(null) as object, { model: 'large' });
    await new Loose().ask(null, undefined, 'why', params);
    expect(answers[1]).toEqual([null, undefined, 'why', { model: 'small' }]);
  });

  it('may be the method of that name of another client', async () => {
    const client = new Client({ client: (self: Client) => self.backup }, [busy()]);
    client.backup = new Client(false, [], 'backup');
    expect(await client.ask('why', { model: 'large' })).toBe('backup on why of large');
  });

  it('may be another client with a model of its own', async () => {
    const backup = new Client(false, [], 'backup');
    const client = new Client({ client: backup, model: 'other' }, [busy()]);
    expect(await client.ask('why', { model: 'large' })).toBe('backup on why of other');
  });

  it('may be a static method of another class', async () => {
    class Backup {
      static async ask(question: string) {
        return `static ${question}`;
      }
    }
    class Primary {
      @Fallback({ client: Backup })
      static async ask(_question: string): Promise<string> {
        throw busy();
      }
    }
    expect(await Primary.ask('why')).toBe('static why');
  });

  it('may be another method of the object, by name or, where it is not public, by a function', async () => {
    const client = new Client({ method: 'cheap' }, [busy()]);
    expect(await client.ask('why')).toBe('primary on cheap why');
    const other = new Client({ method: (self: any) => self.answer }, [busy()]);
    expect(await other.ask('why')).toBe('primary on why');
  });

  it('may be a value of any kind', async () => {
    const nothing: { value: any } = { value: undefined };
    expect(await new Client({ value: 'Sorry' }, [busy()]).ask('why')).toBe('Sorry');
    expect(await new Client({ value: null }, [busy()]).ask('why')).toBeNull();
    expect(await new Client(nothing, [busy()]).ask('why')).toBeUndefined();
  });

  it('may be a function of error and arguments that gives a value, now or later', async () => {
    const seen: unknown[] = [];
    const failure = busy();
    const client: Client = new Client(
      {
        value(this: Client, ...given: unknown[]) {
          seen.push(this, ...given);
          return Promise.resolve('later');
        },
      },
      [failure],
    );
    expect(await client.ask('why', { model: 'm' })).toBe('later');
    expect(seen).toEqual([client, failure, 'why', { model: 'm' }]);
  });

  it('see an error of the hierarchy, whatever was thrown', async () => {
    const value = jest.fn((_error: LLMError) => 'ok');
    await new Client({ value, on: RangeError }, [new RangeError('a bug')]).ask('why');
    expect(value.mock.calls[0]?.[0]).toMatchObject({ name: 'LLMError', code: 'unexpected' });
  });

  it('are tried in their order until one answers', async () => {
    const backup = new Client(false, [busy()], 'backup');
    const to = [{ model: 'small' }, { client: backup }, { method: 'cheap' }, { value: 'Sorry' }];
    const client = new Client({ to }, [busy(), busy()]);
    expect(await client.ask('why', { model: 'large' })).toBe('primary on cheap why');
    expect(client.calls).toEqual(['why of large', 'why of small', 'cheap why']);
    expect(backup.calls).toEqual(['why of large']);
  });

  it('are passed over where there is no client', async () => {
    const client = new Client({ to: [{ client: () => undefined }, { value: 'Sorry' }] }, [busy()]);
    expect(await client.ask('why')).toBe('Sorry');
  });

  it('that all fail throw what the last one failed with, untouched', async () => {
    const cause = new Error('the reason');
    const last = new OverloadedError('last', 503, undefined, { cause });
    const client = new Client({ to: [{ method: 'cheap' }] }, [busy(), last]);
    const failure = await failureOf(client.ask('why'));
    expect(failure).toBe(last);
    expect(last.cause).toBe(cause);
    expect(snapshotOf(client, 'ask')[0]?.snapshot).toEqual({
      calls: 1,
      failed: 1,
      targets: { 'method cheap()': { tried: 1, answered: 0 } },
    });
  });

  it('are counted by name', async () => {
    const client = new Client({ to: [{ method: 'cheap' }, { value: 'Sorry' }] }, [busy(), busy(), busy()]);
    await client.ask('a');
    await client.ask('b');
    await client.ask('c');
    expect(snapshotOf(client, 'ask')[0]?.snapshot).toEqual({
      calls: 3,
      failed: 0,
      targets: {
        'method cheap()': { tried: 2, answered: 1 },
        'a value': { tried: 1, answered: 1 },
      },
    });
  });

  it('may be written without a list, inside a composite, and turned off', async () => {
    const Careful = composePolicies('Careful', () => [Fallback({ value: 'Sorry' }), RetryWithBackoff(false)]);
    class Subject {
      @Careful()
      async ask(): Promise<string> {
        throw busy();
      }
      @Fallback(false)
      async off(): Promise<string> {
        throw busy();
      }
    }
    expect(await new Subject().ask()).toBe('Sorry');
    expect(await failureOf(new Subject().off())).toBeInstanceOf(OverloadedError);
    expect(policiesOf(Subject, 'ask').map(({ place }) => place)).toEqual(['Fallback', 'RetryWithBackoff']);
  });

  it('of a subclass replace those of its base', async () => {
    class Base {
      @Fallback({ value: 'base' })
      async ask(): Promise<string> {
        throw busy();
      }
    }
    class Sub extends Base {
      @Fallback({ value: 'sub' })
      override async ask(): Promise<string> {
        return super.ask();
      }
    }
    expect(await new Sub().ask()).toBe('sub');
  });
});

describe('what is fallen back from', () => {
  const falls = async (failure: unknown, options: Partial<Options> = {}): Promise<boolean> => {
    const client = new Client({ value: 'Sorry', ...options } as Options, [failure]);
    const answer = await outcome(client.ask('why'));
    if (answer !== 'Sorry') expect(answer).toBe(failure);
    return answer === 'Sorry';
  };

  it.each<[string, unknown]>([
    ['a connection', down()],
    ['a connection that is refused for good', new ConnectionError('', { retryable: false })],
    ['500', new errors.InternalServerError('', 500)],
    ['503', busy()],
    ['a server that says not to retry', new OverloadedError('', 503, undefined, { retryable: false })],
    ['408', new APIError('', 408)],
    ['409', new errors.ConflictError('', 409)],
    ['429', new RateLimitError('', { statusCode: 429 })],
    ['an exhausted quota', new errors.QuotaExceededError('')],
    ['a refusal of our own limiter', new RateLimitError('', { origin: 'client' })],
    ['a full queue', new errors.QueueFullError('')],
    ['an open circuit', new errors.CircuitOpenError('')],
    ['an attempt that took too long', new TimeoutError('', { code: 'timeout_attempt' })],
    ['a call within that took too long', new TimeoutError('', { code: 'timeout_total' })],
    ['a stream that broke off', new errors.IncompleteStreamError('')],
    ['what the server says to retry', new APIError('', 400, undefined, { retryable: true })],
    ['a raw socket error', Object.assign(new Error('reset'), { code: 'ECONNRESET' })],
  ])('is by default %s', async (_, failure) => {
    expect(await falls(failure)).toBe(true);
  });

  it.each<[string, unknown]>([
    ['400', new errors.BadRequestError('', 400)],
    ['a context that is too long', new errors.ContextLengthError('', 400)],
    ['401', new errors.AuthenticationError('')],
    ['403', new errors.PermissionDeniedError('', 403)],
    ['404', new errors.NotFoundError('', 404)],
    ['422', new errors.UnprocessableEntityError('', 422)],
    ['an unexpected error', new RangeError('a bug')],
    ['an exhausted budget', new errors.BudgetExceededError('')],
    ['an answer that cannot be read', new errors.ResponseFormatError('')],
  ])('is not %s unless it is asked for: it is thrown as it is', async (_, failure) => {
    expect(await falls(failure)).toBe(false);
    expect(await falls(failure, { on: Error })).toBe(true);
  });

  it('is never an abort', async () => {
    expect(await falls(new AbortError(''), { on: Error })).toBe(false);
  });

  it('is chosen by class, by several, or by a function of the error', async () => {
    const wrongKey = new errors.AuthenticationError('wrong');
    expect(await falls(wrongKey, { on: errors.AuthenticationError })).toBe(true);
    expect(await falls(wrongKey, { on: [TimeoutError, errors.AuthenticationError] })).toBe(true);
    expect(await falls(wrongKey, { on: [TimeoutError, ConnectionError] })).toBe(false);
    expect(await falls(wrongKey, { on: (error) => error.code === 'authentication' })).toBe(true);
    expect(await falls(busy(), { on: (error) => error.code === 'authentication' })).toBe(false);
    expect(await falls(busy(), { on: errors.AuthenticationError })).toBe(false);
    expect(await falls(busy(), { on: APIError })).toBe(true);
  });

  it('may be a class of your own, also where @HandleApiErrors has wrapped it', async () => {
    class Jam extends Error {}
    expect(await falls(new Jam('jammed'), { on: Jam })).toBe(true);
    const known = Object.assign(new Jam('jammed'), { code: 'ECONNRESET' });
    expect(await falls(known, { on: Jam })).toBe(true);
    expect(await falls(known, { on: ConnectionError })).toBe(true);
    const because = new OverloadedError('', 503, undefined, { cause: new Jam('jammed') });
    expect(await falls(because, { on: Jam })).toBe(false);
    class Robot {
      @Fallback({ value: 'by hand', on: Jam })
      @HandleApiErrors()
      async fetch(jam: boolean): Promise<string> {
        throw jam ? new Jam('jammed') : new Error('another');
      }
    }
    expect(await new Robot().fetch(true)).toBe('by hand');
    expect(await failureOf(new Robot().fetch(false))).toMatchObject({ code: 'unexpected' });
  });

  it('may differ from target to target: one that is not meant is passed over', async () => {
    const to = [
      { value: 'wide', on: errors.ContextLengthError },
      { value: 'other', on: [OverloadedError] },
    ];
    const ask = (failure: unknown) => new Client({ to, on: Error }, [failure]).ask('why');
    expect(await ask(new errors.ContextLengthError('', 400))).toBe('wide');
    expect(await ask(busy())).toBe('other');
    expect(await failureOf(ask(down()))).toBeInstanceOf(ConnectionError);
  });

  it('is for each further target the error of the one before', async () => {
    const to = [{ method: 'cheap' }, { value: 'Sorry', on: errors.AuthenticationError }];
    const wrongKey = new errors.AuthenticationError('');
    expect(await new Client({ to }, [busy(), wrongKey]).ask('why')).toBe('Sorry');
    const last = busy();
    expect(await failureOf(new Client({ to }, [busy(), last]).ask('why'))).toBe(last);
  });

  it('is a TypeError where a function answers neither true nor false', async () => {
    const on = (async () => true) as never;
    const failure = await failureOf(new Client({ value: 'Sorry', on }, [busy()]).ask('why'));
    expect(failure).toBeInstanceOf(TypeError);
    expect(String(failure)).toContain('`on` returned an object: it must return true or false');
  });
});

describe('one call', () => {
  class Robust {
    attempts: string[] = [];
    backup = new Failing();
    @Fallback({ to: [{ client: (self) => self.backup }, { method: 'cheap' }, { value: 'Sorry' }], on: Error })
    @RetryWithBackoff({ maxRetries: 2, baseDelayMs: 10, jitter: 'none' })
    async ask(question: string, _options?: CallOptions): Promise<string> {
      this.attempts.push(question);
      throw down();
    }
    @RetryWithBackoff({ maxRetries: 5, baseDelayMs: 10 })
    async cheap(question: string, _options?: CallOptions): Promise<string> {
      this.attempts.push(`cheap ${question}`);
      throw down();
    }
  }
  class Failing {
    attempts = 0;
    constructor(private readonly after = Infinity) {}
    @RetryWithBackoff({ maxRetries: 4, baseDelayMs: 10, jitter: 'none' })
    async ask(_question: string, _options?: CallOptions): Promise<string> {
      if (++this.attempts > this.after) return 'backup';
      throw down();
    }
  }

  it('has its retries once: what the primary has used up the substitutes have not, but each has its first attempt', async () => {
    const robust = new Robust();
    expect(await outcome(robust.ask('why'))).toBe('Sorry');
    expect(robust.attempts).toEqual(['why', 'why', 'why', 'cheap why']);
    expect(robust.backup.attempts).toBe(1);
  });

  it("hands on the caller's maxRetries", async () => {
    const robust = new Robust();
    await outcome(robust.ask('why', { maxRetries: 0 }));
    expect(robust.attempts).toEqual(['why', 'cheap why']);
    expect(robust.backup.attempts).toBe(1);
  });

  it('leaves the substitutes what the primary has not used up', async () => {
    class Refused {
      backup = new Failing();
      @Fallback({ client: (self) => self.backup, on: Error })
      @RetryWithBackoff({ maxRetries: 2 })
      async ask(_question: string): Promise<string> {
        throw new errors.BadRequestError('no', 400);
      }
    }
    const refused = new Refused();
    const error = (await outcome(refused.ask('why'))) as LLMError;
    expect(refused.backup.attempts).toBe(3);
    expect(error.attempts.map(({ name }) => name)).toEqual([
      'BadRequestError',
      'ConnectionError',
      'ConnectionError',
      'ConnectionError',
    ]);
  });

  it('has one account of attempts, in order, with and without retries', async () => {
    class Plain {
      @Fallback({
        to: [{ method: 'undecorated' }, { method: 'decorated' }, { client: new Failing() }],
        on: Error,
      })
      async ask(_question: string): Promise<string> {
        throw down();
      }
      async undecorated(): Promise<string> {
        throw busy();
      }
      @HandleApiErrors()
      async decorated(): Promise<string> {
        throw new RateLimitError('slow');
      }
    }
    const events: PolicyEvent[] = [];
    const plain = new Plain();
    onPolicyEvent(plain, (event) => events.push(event));
    const error = (await outcome(plain.ask('why'))) as LLMError;
    expect(error.attempts.map(({ name }) => name)).toEqual([
      'ConnectionError',
      'OverloadedError',
      'RateLimitError',
      'ConnectionError',
      'ConnectionError',
      'ConnectionError',
      'ConnectionError',
      'ConnectionError',
    ]);
    expect(events.map(({ type, method, attempt }) => `${type} ${method} ${attempt}`)).toEqual([
      'attempt ask 1',
      'fallback ask 1',
      'attempt ask 2',
      'fallback ask 2',
      'attempt decorated 3',
      'failure decorated 3',
      'fallback ask 3',
      'failure ask 8',
    ]);
  });

  it('counts a substitute without decorators as an attempt, and a value as none', async () => {
    const attempts = async (options: Options): Promise<string[]> => {
      const client = new Client(options, [busy()]);
      const told: string[] = [];
      onPolicyEvent(client, (event) => {
        if (event.type === 'attempt') told.push(event.error?.code ?? 'ok');
      });
      await client.ask('why');
      return told;
    };
    expect(await attempts({ method: 'cheap' })).toEqual(['overloaded', 'ok']);
    expect(await attempts({ value: () => 'Sorry' })).toEqual(['overloaded']);
  });

  it('sums up an attempt once that is retried', async () => {
    class Subject {
      calls = 0;
      @Fallback({ model: 'small' })
      @RetryWithBackoff({ maxRetries: 1, baseDelayMs: 0 })
      async ask(_params: { model: string }): Promise<string> {
        if (++this.calls <= 2) throw down();
        return 'ok';
      }
    }
    const events: PolicyEvent[] = [];
    const subject = new Subject();
    onPolicyEvent(subject, (event) => events.push(event));
    expect(await outcome(subject.ask({ model: 'large' }))).toBe('ok');
    expect(events.filter(({ type }) => type === 'attempt').map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(events[events.length - 1]).toMatchObject({ type: 'success', attempt: 3 });
  });

  it('tells what the answer has used, not what the failure had', async () => {
    class Subject {
      @Fallback({ to: [{ method: 'other' }, { value: 'Sorry' }] })
      async ask(fail: boolean): Promise<string> {
        currentCall()?.report({ requestId: 'first', statusCode: 503 });
        if (fail) throw busy();
        return 'ok';
      }
      fails = false;
      @HandleApiErrors()
      async other(): Promise<string> {
        if (this.fails) throw busy();
        currentCall()?.report({ requestId: 'second', usage: { inputTokens: 3 } });
        return 'other';
      }
    }
    const subject = new Subject();
    const facts: unknown[] = [];
    onPolicyEvent(subject, (event) => {
      if (event.type === 'success' && event.method === 'ask') facts.push(event.facts);
    });
    await subject.ask(true);
    subject.fails = true;
    await subject.ask(true);
    expect(facts).toEqual([{ requestId: 'second', usage: { inputTokens: 3 } }, {}]);
  });

  it('tells of each fallback what is tried and why', async () => {
    const told: unknown[] = [];
    const failures = [busy(), down()];
    const backup = new Client(false, [], 'backup');
    const to = [{ model: 'small' }, { client: backup, model: 'other' }];
    const client = new Client({ to }, failures);
    onPolicyEvent(client, (event) => {
      if (event.type === 'fallback') told.push([event.to, event.error]);
    });
    await client.ask('why', { model: 'large' });
    expect(told).toEqual([
      ['model small', failures[0]],
      ['client Client, model other', failures[1]],
    ]);
  });

  it('tells of a method by its name, whoever gives it', async () => {
    const told: string[] = [];
    class Client {
      aliased = async function original(): Promise<string> {
        throw busy();
      };
      @Fallback({ to: [{ method: 'aliased' }, { method: (self) => self.hidden }] })
      async ask(): Promise<string> {
        throw busy();
      }
      async hidden(): Promise<string> {
        return 'hidden';
      }
    }
    const client = new Client();
    onPolicyEvent(client, (event) => event.type === 'fallback' && told.push(event.to));
    expect(await client.ask()).toBe('hidden');
    expect(told).toEqual(['method aliased()', 'method hidden()']);
  });

  it('keeps the deadline', async () => {
    const deadlines: (number | undefined)[] = [];
    class Subject {
      @Timeout({ totalMs: 100 })
      @Fallback({ method: 'other' })
      async ask(): Promise<string> {
        await currentCall()?.wait(40, 'backoff');
        throw busy();
      }
      @HandleApiErrors()
      async other(): Promise<string> {
        deadlines.push(currentCall()?.deadline);
        return new Promise(() => undefined);
      }
    }
    const failure = outcome(new Subject().ask());
    expect(await failure).toMatchObject({ code: 'timeout_total' });
    expect(time.now()).toBe(100);
    expect(deadlines).toEqual([100]);
  });

  it('is not fallen back from when the time of the whole is up', async () => {
    class Subject {
      @Timeout({ totalMs: 100 })
      @Fallback({ value: 'Sorry', on: Error })
      async ask(): Promise<string> {
        return new Promise(() => undefined);
      }
    }
    expect(await outcome(new Subject().ask())).toMatchObject({ code: 'timeout_total' });
  });

  it('gives a substitute what is left of timeoutMs, and none when nothing is', async () => {
    const given: unknown[] = [];
    class Subject {
      @Fallback({ method: 'other' })
      async ask(takesMs: number, _options: CallOptions): Promise<string> {
        await new Promise<void>((resolve) => void time.setTimer(resolve, takesMs));
        throw busy();
      }
      async other(_takesMs: number, options: CallOptions): Promise<string> {
        given.push(options.timeoutMs);
        return 'other';
      }
    }
    expect(await outcome(new Subject().ask(30, { timeoutMs: 100 }))).toBe('other');
    expect(await outcome(new Subject().ask(100, { timeoutMs: 100 }))).toBeInstanceOf(OverloadedError);
    expect(given).toEqual([70]);
  });

  it('leaves nothing of the failed attempt behind', async () => {
    const signals: AbortSignal[] = [];
    class Subject {
      @Fallback({ value: () => signals.map(({ aborted }) => aborted) })
      @Timeout({ attemptMs: 10 })
      async ask(options: CallOptions): Promise<boolean[]> {
        signals.push(options.signal as AbortSignal);
        return new Promise(() => undefined);
      }
    }
    expect(await outcome(new Subject().ask({ maxRetries: 0 }))).toEqual([true]);
  });

  it.each(['method', 'client', 'value'] as const)(
    'ends at once with an abort while a %s answers',
    async (kind) => {
      const seen: (AbortSignal | undefined)[] = [];
      const hang = (...args: unknown[]) => {
        seen.push((args[args.length - 1] as CallOptions).signal);
        return new Promise<string>(() => undefined);
      };
      class Other {
        ask(question: string, options?: CallOptions): Promise<string> {
          return hang(question, options);
        }
      }
      const target = { method: { method: 'other' }, client: { client: new Other() }, value: { value: hang } }[
        kind
      ];
      class Subject {
        @Fallback<any>(target)
        async ask(_question: string, _options?: CallOptions): Promise<string> {
          throw busy();
        }
        async other(question: string, options?: CallOptions): Promise<string> {
          return hang(question, options);
        }
      }
      const controller = new AbortController();
      const failure = failureOf(new Subject().ask('why', { signal: controller.signal }));
      await settled();
      expect(seen[0]?.aborted).toBe(false);
      controller.abort('left');
      expect(await failure).toMatchObject({ name: 'AbortError', cause: 'left' });
      expect(seen[0]?.aborted).toBe(true);
    },
  );

  it('has its retries once over fallbacks within fallbacks', async () => {
    const last = new Failing();
    class Middle {
      @Fallback({ client: last })
      async ask(_question: string): Promise<string> {
        throw busy();
      }
    }
    class First {
      @Fallback({ client: new Middle() })
      @RetryWithBackoff({ maxRetries: 1, baseDelayMs: 10 })
      async ask(_question: string): Promise<string> {
        throw down();
      }
    }
    const error = (await outcome(new First().ask('why'))) as LLMError;
    expect(last.attempts).toBe(1);
    expect(error.attempts).toHaveLength(4);
  });

  it('is not fallen back from when it was ended from outside, with whatever error', async () => {
    const Ended = definePolicy({
      kind: 'Ended by tests of fallbacks',
      place: 'Traced',
      create: () => ({
        run(call, next) {
          void settled().then(() => call.abort(busy()));
          return next();
        },
      }),
    });
    const told: string[] = [];
    class Subject {
      @Ended()
      @Fallback({ value: 'Sorry' })
      async ask(): Promise<string> {
        return new Promise(() => undefined);
      }
    }
    const subject = new Subject();
    onPolicyEvent(subject, ({ type }) => told.push(type));
    expect(await failureOf(subject.ask())).toBeInstanceOf(OverloadedError);
    expect(told).not.toContain('fallback');
  });

  it('tries nothing more once it is aborted', async () => {
    const controller = new AbortController();
    class Subject {
      others = 0;
      @Fallback({ to: [{ method: 'other' }, { value: 'Sorry' }], on: Error })
      async ask(_options: CallOptions): Promise<string> {
        controller.abort();
        throw busy();
      }
      async other(): Promise<string> {
        this.others++;
        return 'other';
      }
    }
    const subject = new Subject();
    expect(await failureOf(subject.ask({ signal: controller.signal }))).toBeInstanceOf(LLMError);
    expect(subject.others).toBe(0);
  });

  it('aborts decorated calls that a substitute makes without its options', async () => {
    const aborted: boolean[] = [];
    class Inner {
      @HandleApiErrors()
      async work(): Promise<string> {
        const call = currentCall();
        call?.onAbort(() => aborted.push(true));
        return new Promise(() => undefined);
      }
    }
    class Subject {
      inner = new Inner();
      @Fallback({ method: 'other' })
      async ask(_options: CallOptions): Promise<string> {
        throw busy();
      }
      async other(): Promise<string> {
        await settled();
        return this.inner.work();
      }
    }
    const controller = new AbortController();
    const failure = failureOf(new Subject().ask({ signal: controller.signal }));
    await settled();
    await settled();
    controller.abort();
    await failure;
    expect(aborted).toEqual([true]);
  });

  it('maps what a substitute throws where the method’s errors are mapped', async () => {
    class Mapped {
      @Fallback({ value: () => Promise.reject(new RangeError('a bug')) })
      @HandleApiErrors()
      async ask(): Promise<string> {
        throw busy();
      }
      @Fallback({ value: () => Promise.reject(new RangeError('a bug')) })
      async raw(): Promise<string> {
        throw busy();
      }
    }
    expect(await failureOf(new Mapped().ask())).toMatchObject({ name: 'LLMError', code: 'unexpected' });
    expect(await failureOf(new Mapped().raw())).toBeInstanceOf(RangeError);
  });

  it('answers after any number of failures with the first target that does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }), async (answers) => {
        const tried: number[] = [];
        const last = new Error();
        const to = answers.map((answer, i) => ({
          value: () => {
            tried.push(i);
            if (!answer) throw i === answers.length - 1 ? last : busy();
            return `${i}`;
          },
        }));
        const client = new Client({ to }, [busy()]);
        const first = answers.indexOf(true);
        const result = await client.ask('why').catch((error: unknown) => error);
        expect(result).toBe(first < 0 ? last : `${first}`);
        expect(tried).toEqual(answers.slice(0, first < 0 ? undefined : first + 1).map((_, i) => i));
      }),
    );
  });
});
