import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import {
  APIError,
  Budget,
  BudgetExceededError,
  HandleApiErrors,
  InternalServerError,
  LLMError,
  Limiter,
  onPolicyEvent,
  policiesOf,
  policyHost,
  RateLimited,
  RateLimitError,
  RetryWithBackoff,
  snapshotOf,
  SpendingBudget,
  type AsyncMethodDecorator,
  type BudgetEvent,
  type BudgetFields,
  type BudgetOptions,
  type BudgetSnapshot,
  type Call,
  type CallFacts,
  type CallOptions,
  currentCall,
  type PolicyEvent,
  type PolicyHost,
} from '../../decorators/index.js';
import { collect, deferred, failureOf, onMethod, takeOne } from '../support/policies';
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

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** The wall clock begins at 2023-11-14T22:13:20Z. */
const UNTIL_MIDNIGHT = DAY - (1_700_000_000_000 % DAY);

/** What a call asks for, and what becomes of it. */
interface Ask {
  model?: string | undefined;
  tenant?: string;
  input?: number;
  max?: number | undefined;
  /** What the call reports before it ends. */
  facts?: CallFacts;
  result?: unknown;
  fails?: () => Error;
  until?: Promise<unknown>;
}

const askOf = (call: Call): Ask => (call.args[0] ?? {}) as Ask;

/** An object like a client, with what its calls ask for in their first argument. */
class Client {
  sent = 0;
  events: PolicyEvent[] = [];
  readonly [policyHost]: PolicyHost;

  constructor(...policies: AsyncMethodDecorator[]) {
    this[policyHost] = {
      policies,
      describe: (call) => ({ model: 'model' in askOf(call) ? askOf(call).model : 'gpt-4o-mini' }),
      estimate: (call) => ({ inputTokens: askOf(call).input ?? 0, maxOutputTokens: askOf(call).max }),
      emit: (event) => this.events.push(event),
    };
  }

  @HandleApiErrors()
  async ask(ask: Ask = {}, _options?: CallOptions): Promise<unknown> {
    const call = currentCall();
    this.sent++;
    await ask.until;
    if (ask.facts) call?.report(ask.facts);
    if (ask.fails) throw ask.fails();
    return ask.result;
  }

  @HandleApiErrors()
  async *stream(ask: Ask = {}) {
    const call = currentCall();
    yield* ['a', 'b'];
    if (ask.facts) call?.report(ask.facts);
    if (ask.fails) throw ask.fails();
    yield 'c';
  }

  @HandleApiErrors()
  async open(ask: Ask = {}) {
    const call = currentCall();
    return (async function* () {
      yield* ['a', 'b'];
      if (ask.facts) call?.report(ask.facts);
    })();
  }

  /** The events of the budget so far. */
  get told(): BudgetEvent[] {
    return this.events.filter((event) => event.type === 'budget');
  }
}

const usage = (inputTokens: number, outputTokens: number, cachedInputTokens = 0): CallFacts => ({
  sent: true,
  usage: { inputTokens, outputTokens, cachedInputTokens },
});

/** A budget of so many tokens a day. */
const daily = (tokens: number, more: BudgetFields = {}) =>
  new SpendingBudget({ per: 'day', ...more, tokens });

function stateOf(budget: SpendingBudget, name = 'tokens per day', key = 'default'): BudgetSnapshot {
  const state = budget.snapshot()[name]?.[key];
  if (!state) throw new Error(`no state of ${name}, ${key}`);
  return state;
}

describe('a budget of tokens', () => {
  it('reserves what a call may use, and charges it with what it used', async () => {
    const budget = daily(1000);
    const client = new Client(Budget(budget));
    const end = deferred();
    const running = client.ask({ input: 100, max: 200, until: end.promise, facts: usage(90, 20) });
    await settled();
    expect(stateOf(budget)).toEqual({
      unit: 'tokens',
      used: 0,
      reserved: 300,
      limit: 1000,
      resetMs: UNTIL_MIDNIGHT,
    });
    end.resolve();
    await running;
    expect(stateOf(budget)).toMatchObject({ used: 110, reserved: 0 });
  });

  it('refuses at once what has no room, before it is sent, and says until when', async () => {
    const client = new Client(Budget({ tokens: 1000, per: 'day' }));
    await client.ask({ input: 700, max: 100, facts: usage(700, 50) });
    const error = (await failureOf(client.ask({ input: 200, max: 51 }))) as BudgetExceededError;
    expect(error).toBeInstanceOf(BudgetExceededError);
    expect(error).toMatchObject({
      code: 'budget_exceeded',
      origin: 'client',
      retryable: false,
      retryAfterMs: UNTIL_MIDNIGHT,
      message:
        "ask() was refused by its budget 'tokens per day': 750 tokens of 1000 tokens are used or reserved, and this call may use 251 tokens. " +
        `There is room for it in ${UNTIL_MIDNIGHT} ms if nothing more is spent.`,
    });
    expect(client.sent).toBe(1);
    // What fits exactly is let through.
    await client.ask({ input: 200, max: 50 });
  });

  it('warns of nothing when a call ends for which nothing was reserved', async () => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const client = new Client(
      Budget({ tokens: 100, per: 'day' }),
      RateLimited({ requestsPerMinute: 1, maxWaitMs: 0 }),
    );
    await client.ask({ input: 1, max: 0 });
    expect(await failureOf(client.ask({ input: 1, max: 0 }))).toMatchObject({ code: 'rate_limit_client' });
    expect(warned).not.toHaveBeenCalled();
    warned.mockRestore();
  });

  it('says so when a call can never fit', async () => {
    const client = new Client(Budget({ tokens: 100, per: 'day' }));
    const error = (await failureOf(client.ask({ input: 100, max: 1 }))) as LLMError;
    expect(error.message).toMatch(/It can never be admitted: lower the bound of its output/);
    expect(error.retryAfterMs).toBeUndefined();
  });

  it('cannot be overshot by calls at the same time', async () => {
    const client = new Client(Budget({ tokens: 1000, per: 'day' }));
    const all = await Promise.allSettled(
      Array.from({ length: 20 }, () => client.ask({ input: 100, max: 200 })),
    );
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    expect(client.sent).toBe(3);
  });

  it('estimates calls without a bound by the outputs so far, for each model', async () => {
    const budget = daily(1e6);
    const client = new Client(Budget(budget));
    const reservedFor = async (model: string): Promise<number> => {
      const end = deferred();
      const running = client.ask({ model, input: 100, until: end.promise, facts: usage(100, 20) });
      await settled();
      const { reserved } = stateOf(budget);
      end.resolve();
      await running;
      return reserved;
    };
    expect(await reservedFor('a')).toBe(600);
    for (let i = 0; i < 30; i++) await client.ask({ model: 'a', input: 100, facts: usage(100, 20) });
    expect(await reservedFor('a')).toBeLessThan(160);
    expect(await reservedFor('b')).toBe(600);
  });

  it('corrects estimates of the input by what calls report', async () => {
    const budget = daily(1e6);
    const client = new Client(Budget(budget));
    for (let i = 0; i < 30; i++) await client.ask({ input: 1000, max: 0, facts: usage(2000, 0) });
    const before = stateOf(budget).used;
    await client.ask({ input: 1000, max: 0 });
    expect(stateOf(budget).used - before).toBeGreaterThan(1800);
  });

  it('reads the usage of a result that tells it', async () => {
    const budget = daily(1000);
    const result = { usage: { prompt_tokens: 10, completion_tokens: 5 } };
    await new Client(Budget(budget)).ask({ input: 100, max: 200, result });
    expect(stateOf(budget).used).toBe(15);
  });

  it('works on a class that tells nothing of itself', async () => {
    const budget = daily(1200);
    class Plain {
      @Budget(budget)
      async ask(report?: number) {
        if (report !== undefined) currentCall()?.report({ usage: { inputTokens: report, outputTokens: 0 } });
      }
      @Budget(budget)
      static async summarize() {}
    }
    // 500 is the first guess, and stands where no usage is told.
    await new Plain().ask(20);
    expect(stateOf(budget).used).toBe(20);
    await Plain.summarize();
    expect(stateOf(budget).used).toBe(280);
  });

  it.each<[string, PolicyHost]>([
    ['has no words for its calls', {}],
    ['has none for this one', { describe: () => undefined }],
  ])('works on an object that %s', async (_name, host) => {
    const budget = daily(1200);
    class Plain {
      readonly [policyHost] = host;
      @Budget(budget)
      async ask() {
        return 'answer';
      }
    }
    expect(await new Plain().ask()).toBe('answer');
    expect(stateOf(budget).used).toBe(500);
  });
});

describe('what a call that has ended is charged', () => {
  const cases: [string, Ask, number][] = [
    ['one that succeeded without telling its usage: what was reserved', {}, 300],
    ['one that was not sent: nothing', { facts: { sent: false }, fails: () => new Error('no route') }, 0],
    [
      'one that could not connect: nothing',
      { fails: () => Object.assign(new Error('x'), { code: 'ECONNREFUSED', syscall: 'connect' }) },
      0,
    ],
    [
      'one that was refused (400): nothing',
      { facts: { sent: true }, fails: () => new APIError('bad', 400) },
      0,
    ],
    [
      'one with a status reported: nothing',
      { facts: { sent: true, statusCode: 422 }, fails: () => new Error('bad') },
      0,
    ],
    [
      'one that was refused (429): nothing',
      { facts: { sent: true }, fails: () => new RateLimitError('slow') },
      0,
    ],
    ['one that failed (500): what was reserved', { fails: () => new InternalServerError('x', 500) }, 300],
    [
      'one that failed and told its usage: that',
      { facts: usage(80, 7), fails: () => new InternalServerError('x', 500) },
      87,
    ],
    [
      'one that told its input alone and broke off: what was reserved',
      { facts: { usage: { inputTokens: 80 } }, fails: () => new Error('x') },
      300,
    ],
    [
      'one that was accepted, and cut by a refusal: what it told',
      { facts: { ...usage(80, 7), statusCode: 200 }, fails: () => new RateLimitError('slow') },
      87,
    ],
    ['one that told its input alone and succeeded: that', { facts: { usage: { inputTokens: 80 } } }, 80],
    [
      'one that told its output alone: that, and its input as estimated',
      { facts: { usage: { outputTokens: 7 } } },
      107,
    ],
    ['one that used more than was reserved: all of it', { facts: usage(300, 200) }, 500],
  ];
  it.each(cases)('%s', async (_name, ask, used) => {
    const budget = daily(1000);
    await new Client(Budget(budget)).ask({ input: 100, max: 200, ...ask }).catch(() => undefined);
    expect(stateOf(budget)).toMatchObject({ used, reserved: 0 });
  });

  it.each(['stream', 'open'] as const)(
    '%s(): what is told at its end, and the reservation stands until then',
    async (method) => {
      const budget = daily(1000);
      const client = new Client(Budget(budget));
      const events = (await client[method]({ input: 100, max: 200, facts: usage(90, 3) }))[
        Symbol.asyncIterator
      ]();
      await events.next();
      expect(stateOf(budget)).toMatchObject({ used: 0, reserved: 300 });
      while (!(await events.next()).done);
      expect(stateOf(budget)).toMatchObject({ used: 93, reserved: 0 });
    },
  );

  it('a stream that broke: what it has counted; one that was left: what was reserved', async () => {
    const budget = daily(1000);
    const client = new Client(Budget(budget));
    const facts: CallFacts = { usage: { inputTokens: 100, outputTokens: 2, counted: true } };
    await failureOf(collect(client.stream({ input: 100, max: 200, facts, fails: () => new Error('cut') })));
    expect(stateOf(budget)).toMatchObject({ used: 102, reserved: 0 });
    await takeOne(client.stream({ input: 100, max: 200 }));
    expect(stateOf(budget)).toMatchObject({ used: 402, reserved: 0 });
  });

  it('a stream that is refused fails with its first event', async () => {
    const client = new Client(Budget({ tokens: 100, per: 'day' }));
    expect(await failureOf(client.stream({ input: 101, max: 0 }).next())).toBeInstanceOf(BudgetExceededError);
  });

  it('an aborted call: what was reserved', async () => {
    const budget = daily(1000);
    const controller = new AbortController();
    const running = new Client(Budget(budget)).ask(
      { input: 100, max: 200, until: new Promise(() => undefined) },
      { signal: controller.signal },
    );
    await settled();
    controller.abort();
    await failureOf(running);
    expect(stateOf(budget)).toMatchObject({ used: 300, reserved: 0 });
  });

  it('every attempt by itself', async () => {
    const budget = daily(1000);
    const client = new Client(Budget(budget), RetryWithBackoff({ maxRetries: 5, baseDelayMs: 1 }));
    const running = failureOf(
      client.ask({ input: 100, max: 200, fails: () => new InternalServerError('x', 500) }),
    );
    await time.runAll();
    // The fourth attempt has no room, and is not tried again.
    expect(await running).toMatchObject({ code: 'budget_exceeded', attempts: [{}, {}, {}] });
    expect(stateOf(budget)).toMatchObject({ used: 900, reserved: 0 });
  });
});

describe('a budget of money', () => {
  const name = 'usd per day';
  it('charges input, cached input and output at the prices of the model', async () => {
    const budget = new SpendingBudget({ usd: 1, per: 'day' });
    const client = new Client(Budget(budget));
    const end = deferred();
    const running = client.ask({
      model: 'gpt-4o',
      input: 1000,
      max: 1000,
      until: end.promise,
      facts: usage(1000, 100, 400),
    });
    await settled();
    expect(stateOf(budget, name)).toMatchObject({ unit: 'usd', used: 0, reserved: 0.0125, limit: 1 });
    end.resolve();
    await running;
    // 600 × $2.5 + 400 × $1.25 + 100 × $10, for a million.
    expect(stateOf(budget, name).used).toBe(0.003);
  });

  it('adds up exactly', async () => {
    const budget = new SpendingBudget({ usd: 0.00003, per: 'day' });
    const client = new Client(Budget(budget));
    // Ten times 3 millionths: in binary fractions more than 30.
    for (let i = 0; i < 10; i++) await client.ask({ input: 20, max: 0, facts: usage(20, 0) });
    expect(stateOf(budget, name).used).toBe(0.00003);
    expect(await failureOf(client.ask({ input: 1, max: 0 }))).toMatchObject({
      message: expect.stringContaining(
        '$0.00003 of $0.00003 are used or reserved, and this call may use $1.5e-7.',
      ),
    });
  });

  it.each([
    ['rounds up what is no whole billionth', 0.0000000022, 0.000000003],
    ['rounds up the smallest part of one', 1e-15, 0.000000001],
    // In binary fractions, a billion times as much is more than 67,000,000.
    ['adds nothing to a decimal number', 0.067, 0.067],
    ['adds nothing to a large one', 16384.49, 16384.49],
  ])('%s: $%d', async (_what, usd, used) => {
    const budget = new SpendingBudget({ usd: 1e6, per: 'day', cost: () => ({ usd }) });
    await new Client(Budget(budget)).ask();
    expect(stateOf(budget, name).used).toBe(used);
  });

  it('takes no more from the cache than there was input', async () => {
    const budget = new SpendingBudget({ usd: 1, per: 'day' });
    await new Client(Budget(budget)).ask({ model: 'gpt-4o', input: 1, max: 0, facts: usage(1000, 0, 5000) });
    expect(stateOf(budget, name).used).toBe(0.00125);
  });

  it('takes the prices of long inputs where they differ', async () => {
    const budget = new SpendingBudget({ usd: 100, per: 'day' });
    const client = new Client(Budget(budget));
    const spent = async (input: number): Promise<number> => {
      const before = stateOf(budget, name).used;
      await client.ask({ model: 'gpt-5.4', input, max: 0, facts: usage(input, 0) });
      return Number((stateOf(budget, name).used - before).toFixed(9));
    };
    await client.ask({ model: 'gpt-5.4', input: 1, max: 0, facts: usage(0, 0) });
    expect(await spent(272_000)).toBe(0.68);
    expect(await spent(272_001)).toBe(1.360005);
  });

  it.each([
    ['a date', 'gpt-4o-mini-2024-07-18', 0.15],
    ['no date', 'gpt-4o', 2.5],
    ['another price for one of its dates', 'gpt-4o-2024-05-13', 5],
    ['a date without dashes', 'claude-haiku-4-5-20251001', 1],
    ['the date of another cloud', 'claude-haiku-4-5@20251001', 1],
    ['a short date', 'gpt-4-0613', 30],
    ['a number', 'gemini-2.0-flash-001', 0.1],
    ['the latest', 'claude-3-5-sonnet-latest', 3],
  ])('knows a model by its name with %s', async (_what, model, perMillion) => {
    const budget = new SpendingBudget({ usd: 100, per: 'day' });
    await new Client(Budget(budget)).ask({ model, input: 100_000, max: 0, facts: usage(100_000, 0) });
    expect(stateOf(budget, name).used).toBe(perMillion / 10);
  });

  it.each([
    'gpt-4o-mega',
    'gpt-4o-mini-tts',
    'my-gpt-4o',
    'ft:gpt-4o:acme',
    'gpt-4-0125-preview',
    'toString',
    'gpt-4o-12',
  ])('refuses a model whose price nobody knows: %s', async (model) => {
    const client = new Client(Budget({ usd: 1, per: 'day' }));
    const error = (await failureOf(client.ask({ model, input: 1, max: 1 }))) as LLMError;
    expect(error).toBeInstanceOf(LLMError);
    expect(error).toMatchObject({ code: 'price_unknown', origin: 'client', retryable: false });
    expect(error.message).toBe(
      `ask() was refused by its budget: the price of '${model}' is not known: give it by prices: { '${model}': { inputPerMillion: …, outputPerMillion: … } } ` +
        'among the options of the budget (0 for a model that costs nothing).',
    );
    expect(client.sent).toBe(0);
  });

  it('takes prices of the user, before ours, with and without a date', async () => {
    const prices = {
      mine: { inputPerMillion: 7 },
      'gpt-4o': { inputPerMillion: 1, outputPerMillion: 2, cachedInputPerMillion: 0 },
    };
    const budget = new SpendingBudget({ usd: 100, per: 'day', prices });
    const client = new Client(Budget(budget));
    await client.ask({ model: 'mine-2026-01-01', input: 1e6, max: 5, facts: usage(1e6, 5, 10) });
    expect(stateOf(budget, name).used).toBe(7);
    await client.ask({ model: 'gpt-4o', input: 1e6, max: 1e6, facts: usage(1e6, 1e6, 5e5) });
    expect(stateOf(budget, name).used).toBe(9.5);
  });

  it('does not ask for the price of what uses no tokens', async () => {
    const client = new Client(Budget({ usd: 1, per: 'day' }));
    await client.ask({ model: undefined, input: 0, max: 0 });
    expect(await failureOf(client.ask({ model: undefined, input: 1, max: 0 }))).toMatchObject({
      code: 'price_unknown',
      message:
        'ask() was refused by its budget: its model is not known: give `model`, or what it costs by `cost`, among the options of the budget.',
    });
  });

  it('is told the model of an object that does not tell it', async () => {
    for (const model of ['gpt-4o', (call: Call) => (call.args[0] as string) || undefined]) {
      const budget = new SpendingBudget({ usd: 1, per: 'day', model });
      class Plain {
        @Budget(budget)
        async ask(_model: string) {
          return { usage: { input_tokens: 1000, output_tokens: 0 } };
        }
      }
      await new Plain().ask('gpt-4o');
      expect(stateOf(budget, name).used).toBe(0.0025);
    }
  });

  it.each([
    ['dollars', { usd: 0.25 }, 0.25],
    ['tokens', { inputTokens: 1e5, outputTokens: 1e5 }, 0.075],
    ['tokens of the input', { inputTokens: 1e5 }, 0.015],
    ['nothing', {}, 0],
  ])('is told what calls cost: %s', async (_what, cost, used) => {
    for (const given of [cost, Promise.resolve(cost)]) {
      const budget = new SpendingBudget({ usd: 1, per: 'day', cost: () => given });
      const client = new Client(Budget(budget));
      await client.ask();
      expect(stateOf(budget, name).used).toBe(used);
      await client.ask({ facts: usage(1e6, 0) });
      expect(stateOf(budget, name).used).toBeCloseTo(used + 0.15);
    }
  });

  it('keeps what it was told a call costs where it does not know the model', async () => {
    const budget = new SpendingBudget({
      limits: [
        { usd: 1, per: 'day' },
        { tokens: 1000, per: 'day' },
      ],
      cost: () => ({ usd: 0.25, inputTokens: 5 }),
    });
    await new Client(Budget(budget)).ask({ model: 'mine', facts: usage(10, 20) });
    expect(stateOf(budget, name).used).toBe(0.25);
    expect(stateOf(budget).used).toBe(30);
  });

  it.each([
    ['of input', { inputTokens: 5 }],
    ['of output', { outputTokens: 5 }],
    ['of both', { inputTokens: 5, outputTokens: 5 }],
  ])('refuses tokens %s that it was told of where it does not know the model', async (_what, cost) => {
    const client = new Client(Budget({ usd: 1, per: 'day', cost: () => cost }));
    expect(await failureOf(client.ask({ model: 'mine' }))).toMatchObject({ code: 'price_unknown' });
    expect(client.sent).toBe(0);
  });

  it('lets through what it was told uses nothing, whatever the model', async () => {
    const budget = new SpendingBudget({ usd: 1, per: 'day', cost: () => ({}) });
    await new Client(Budget(budget)).ask({ model: 'mine' });
    expect(stateOf(budget, name)).toMatchObject({ used: 0, reserved: 0 });
  });

  it('reserves the tokens it was told of, and charges the input where the call tells its output alone', async () => {
    const budget = daily(1000, { cost: () => ({ inputTokens: 100, outputTokens: 200 }) });
    const client = new Client(Budget(budget));
    const end = deferred();
    const running = client.ask({ until: end.promise, facts: { usage: { outputTokens: 7 } } });
    await settled();
    expect(stateOf(budget).reserved).toBe(300);
    end.resolve();
    await running;
    expect(stateOf(budget)).toMatchObject({ used: 107, reserved: 0 });
  });

  it('ends the wait for the cost of a call with the call', async () => {
    const controller = new AbortController();
    const client = new Client(Budget({ usd: 1, per: 'day', cost: () => new Promise(() => undefined) }));
    const running = failureOf(client.ask({}, { signal: controller.signal }));
    await settled();
    controller.abort();
    expect(await running).toMatchObject({ code: 'aborted' });
    expect(client.sent).toBe(0);
  });
});

describe('windows', () => {
  it.each([
    ['hour', HOUR - (1_700_000_000_000 % HOUR), HOUR],
    ['day', UNTIL_MIDNIGHT, DAY],
    // From 14 November to 1 December 2023.
    ['month', Date.UTC(2023, 11, 1) - 1_700_000_000_000, 31 * DAY],
  ] as const)('by the calendar, %s: begins anew at its turn', async (per, untilTurn, length) => {
    const budget = new SpendingBudget({ tokens: 100, per });
    const client = new Client(Budget(budget));
    await client.ask({ input: 100, max: 0 });
    await time.advance(untilTurn - 1);
    expect(await failureOf(client.ask({ input: 1, max: 0 }))).toMatchObject({ retryAfterMs: 1 });
    await time.advance(1);
    expect(budget.snapshot()[`tokens per ${per}`]?.['default']).toMatchObject({ used: 0, resetMs: 0 });
    await client.ask({ input: 100, max: 0 });
    expect(await failureOf(client.ask({ input: 1, max: 0 }))).toMatchObject({ retryAfterMs: length });
  });

  it('that roll: what was spent counts for so long, and not a step less', async () => {
    const budget = new SpendingBudget({ tokens: 100, windowMs: 60_000 });
    const client = new Client(Budget(budget));
    await time.advance(500);
    await client.ask({ input: 60, max: 0 });
    await time.advance(30_000);
    await client.ask({ input: 40, max: 0 });
    expect(budget.snapshot()['tokens per 60000 ms']?.['default']).toMatchObject({
      used: 100,
      resetMs: 60_500,
    });
    // In steps of a second: 500 counts as 1,000.
    expect(await failureOf(client.ask({ input: 60, max: 0 }))).toMatchObject({ retryAfterMs: 30_500 });
    expect(await failureOf(client.ask({ input: 61, max: 0 }))).toMatchObject({ retryAfterMs: 60_500 });
    await time.advance(30_499);
    await failureOf(client.ask({ input: 1, max: 0 }));
    await time.advance(1);
    await client.ask({ input: 60, max: 0 });
  });

  it('that roll: what running calls have reserved leaves them as it would if it were spent', async () => {
    const client = new Client(Budget({ tokens: 100, windowMs: 60_000 }));
    const end = deferred();
    const running = [client.ask({ input: 60, max: 0, until: end.promise })];
    await time.advance(30_000);
    running.push(client.ask({ input: 40, max: 0, until: end.promise }));
    await settled();
    expect(await failureOf(client.ask({ input: 60, max: 0 }))).toMatchObject({
      retryAfterMs: 31_000,
      message: expect.stringContaining('100 tokens of 100 tokens are used or reserved'),
    });
    end.resolve();
    await Promise.all(running);
  });

  it('charge what was begun in them, though it ends in the next', async () => {
    const budget = daily(1000);
    const client = new Client(Budget(budget));
    const end = deferred();
    const running = client.ask({ input: 100, max: 200, until: end.promise, facts: usage(90, 20) });
    await time.advance(UNTIL_MIDNIGHT);
    await client.ask({ input: 7, max: 0 });
    end.resolve();
    await running;
    expect(stateOf(budget)).toMatchObject({ used: 7, reserved: 0 });
  });

  it('do not begin anew when the clock is set back', async () => {
    const budget = daily(100);
    const client = new Client(Budget(budget));
    await time.advance(UNTIL_MIDNIGHT);
    await client.ask({ input: 100, max: 0 });
    const wallClock = time.wallClock.bind(time);
    time.wallClock = () => wallClock() - HOUR;
    expect(await failureOf(client.ask({ input: 1, max: 0 }))).toMatchObject({ code: 'budget_exceeded' });
  });
});

describe('keys', () => {
  const options = { tokens: 100, per: 'day', key: (call: Call) => askOf(call).tenant ?? 'nobody' } as const;

  it('have the whole limit each', async () => {
    const budget = new SpendingBudget(options);
    const client = new Client(Budget(budget));
    await client.ask({ tenant: 'a', input: 100, max: 0 });
    await client.ask({ tenant: 'b', input: 50, max: 0 });
    expect(await failureOf(client.ask({ tenant: 'a', input: 1, max: 0 }))).toMatchObject({
      message: expect.stringContaining("refused by its budget 'tokens per day' of 'a': 100 tokens"),
    });
    expect(budget.snapshot()['tokens per day']).toMatchObject({ a: { used: 100 }, b: { used: 50 } });
    expect(client.told).toMatchObject([
      { state: 'warning', key: 'a' },
      { state: 'exceeded', key: 'a' },
    ]);
  });

  it('are forgotten when their windows are over', async () => {
    const budget = new SpendingBudget(options);
    const client = new Client(Budget(budget));
    const keys = () => Object.keys(budget.snapshot()['tokens per day'] ?? {}).length;
    for (let i = 0; i < 100; i++) await client.ask({ tenant: `early ${i}`, input: 1, max: 0 });
    await time.advance(DAY);
    const end = deferred();
    const running = client.ask({ tenant: 'early 7', input: 1, max: 0, until: end.promise });
    await client.ask({ tenant: 'late', input: 1, max: 0 });
    expect(keys()).toBe(2);
    for (let i = 0; i < 150; i++) await client.ask({ tenant: `late ${i}`, input: 1, max: 0 });
    expect(keys()).toBe(152);
    end.resolve();
    await running;
    // Next when there are twice as many as were left the last time.
    await time.advance(DAY);
    for (let i = 0; i < 48; i++) await client.ask({ tenant: `new ${i}`, input: 1, max: 0 });
    expect(keys()).toBe(200);
    await client.ask({ tenant: 'last', input: 1, max: 0 });
    expect(keys()).toBe(49);
  });

  it('are not forgotten while there are few', async () => {
    const budget = new SpendingBudget(options);
    const client = new Client(Budget(budget));
    await client.ask({ tenant: 'old', input: 1, max: 0 });
    await time.advance(DAY);
    await client.ask({ tenant: 'new', input: 1, max: 0 });
    expect(budget.snapshot()['tokens per day']).toMatchObject({ old: { used: 0 }, new: { used: 1 } });
  });

  it('must be strings', async () => {
    const client = new Client(Budget({ ...options, key: () => 7 as never }));
    expect(await failureOf(client.ask())).toMatchObject({
      message: expect.stringContaining(
        "SpendingBudget: key(call) of 'tokens per day' gave 7: give a string.",
      ),
    });
  });
});

describe('several limits', () => {
  it('are taken together or not at all', async () => {
    const budget = new SpendingBudget({
      usd: 1,
      per: 'day',
      limits: [
        { tokens: 500, per: 'hour' },
        { tokens: 300, per: 'hour', key: (call) => askOf(call).tenant ?? '', name: 'tenant' },
      ],
    });
    const client = new Client(Budget(budget));
    await client.ask({ tenant: 'a', input: 300, max: 0 });
    const before = budget.snapshot();
    expect(await failureOf(client.ask({ tenant: 'a', input: 1, max: 0 }))).toMatchObject({
      message: expect.stringContaining("budget 'tenant' of 'a'"),
    });
    expect(await failureOf(client.ask({ tenant: 'b', input: 201, max: 0 }))).toMatchObject({
      message: expect.stringContaining("budget 'tokens per hour'"),
    });
    expect(budget.snapshot()).toEqual(before);
    await client.ask({ tenant: 'b', input: 200, max: 0 });
    expect(Object.keys(budget.snapshot())).toEqual(['usd per day', 'tokens per hour', 'tenant']);
  });

  it('of dollars and tokens may share a window and a name', async () => {
    const budget = new SpendingBudget({ usd: 1, tokens: 5, per: 'day', name: 'team' });
    expect(await failureOf(new Client(Budget(budget)).ask({ input: 6, max: 0 }))).toMatchObject({
      message: expect.stringContaining("'team: tokens'"),
    });
    expect(Object.keys(budget.snapshot())).toEqual(['team: usd', 'team: tokens']);
  });

  it.each([
    [{ usd: 1, tokens: 5, per: 'day' }, ['usd per day', 'tokens per day']],
    [{ usd: 1, per: 'day', name: 'team' }, ['team']],
    [{ tokens: 5, per: 'day', name: 'team' }, ['team']],
  ] as const)('are told apart by unit only where both stand under one name: %j', (options, names) => {
    expect(Object.keys(new SpendingBudget(options).snapshot())).toEqual(names);
  });
});

describe('events', () => {
  it('warn once a window when so much is used or reserved', async () => {
    const client = new Client(Budget({ tokens: 100, per: 'day', warnAt: 0.5 }));
    await client.ask({ input: 49, max: 0, facts: usage(49, 0) });
    expect(client.told).toEqual([]);
    await client.ask({ input: 1, max: 0 });
    expect(client.told).toMatchObject([
      {
        type: 'budget',
        state: 'warning',
        name: 'tokens per day',
        unit: 'tokens',
        used: 50,
        limit: 100,
        resetMs: UNTIL_MIDNIGHT,
        method: 'ask',
      },
    ]);
    expect(client.told[0]).not.toHaveProperty('key');
    await client.ask({ input: 30, max: 0 });
    expect(client.told).toHaveLength(1);
    await time.advance(UNTIL_MIDNIGHT);
    await client.ask({ input: 50, max: 0 });
    expect(client.told).toHaveLength(2);
  });

  it('warn at four fifths by default, also when a call used more than was reserved for it', async () => {
    const client = new Client(Budget({ tokens: 100, per: 'day' }));
    await client.ask({ input: 79, max: 0, facts: usage(79, 0) });
    expect(client.told).toEqual([]);
    await client.ask({ input: 0, max: 0, facts: usage(0, 1) });
    expect(client.told).toMatchObject([{ state: 'warning', used: 80 }]);
  });

  it('may warn when all is used, and at the first call', async () => {
    const late = new Client(Budget({ tokens: 100, per: 'day', warnAt: 1 }));
    await late.ask({ input: 99, max: 0 });
    expect(late.told).toEqual([]);
    await late.ask({ input: 1, max: 0 });
    expect(late.told).toMatchObject([{ state: 'warning', used: 100 }]);
    const early = new Client(Budget({ tokens: 100, per: 'day', warnAt: 0 }));
    await early.ask({ input: 0, max: 0 });
    expect(early.told).toMatchObject([{ state: 'warning', used: 0 }]);
  });

  it('tell of refusals, in dollars where these are limited', async () => {
    const client = new Client(Budget({ usd: 0.001, per: 'hour' }));
    await failureOf(client.ask({ model: 'gpt-4o', input: 401, max: 0 }));
    expect(client.told).toMatchObject([
      { state: 'exceeded', name: 'usd per hour', unit: 'usd', used: 0, limit: 0.001, resetMs: 0 },
    ]);
  });
});

describe('together with a limiter', () => {
  /** A client with both; the limiter's numbers are given. */
  function both(limiter: Limiter, budget: SpendingBudget): Client {
    return new Client(RateLimited(limiter), Budget(budget));
  }

  it('stands before the limiter and right after it', () => {
    const client = new Client(
      RateLimited({ maxConcurrent: 1 }),
      Budget({ tokens: 1, per: 'day' }),
      RetryWithBackoff(),
    );
    expect(policiesOf(client, 'ask').map(({ kind, place }) => `${kind}, ${place}`)).toEqual([
      'RetryWithBackoff, RetryWithBackoff',
      'Budget, admission',
      'RateLimited, admission',
      'Budget, inside admission',
      'HandleApiErrors, HandleApiErrors',
    ]);
  });

  it('holds nothing while a call waits, and checks it in the step in which it is admitted', async () => {
    const limiter = new Limiter({ maxConcurrent: 1 });
    const budget = daily(300);
    const client = both(limiter, budget);
    const [first, second] = [deferred(), deferred()];
    const a = client.ask({ input: 100, max: 0, until: first.promise });
    const b = client.ask({ input: 100, max: 0, until: second.promise });
    const c = failureOf(client.ask({ input: 200, max: 0 }));
    const d = client.ask({ input: 100, max: 0 });
    await settled();
    expect(stateOf(budget)).toMatchObject({ reserved: 100 });
    first.resolve();
    await a;
    await settled();
    expect(stateOf(budget)).toMatchObject({ used: 100, reserved: 100 });
    second.resolve();
    await b;
    // There was room for it when it came: it is refused when its turn has come, and the next goes ahead.
    expect(await c).toMatchObject({ code: 'budget_exceeded' });
    await d;
    expect(stateOf(budget)).toMatchObject({ used: 300, reserved: 0 });
    expect(limiter.snapshot()['default']).toMatchObject({ queued: 0, concurrency: { inFlight: 0 } });
    expect(client.sent).toBe(3);
    expect(client.events.filter(({ type }) => type === 'rejected')).toEqual([]);
  });

  it('is refused without waiting when there is no room as it comes', async () => {
    const limiter = new Limiter({ maxConcurrent: 1 });
    const client = both(limiter, daily(100));
    const end = deferred();
    const running = client.ask({ input: 100, max: 0, until: end.promise });
    expect(await failureOf(client.ask({ input: 1, max: 0 }))).toMatchObject({
      code: 'budget_exceeded',
      message: expect.stringContaining("'tokens per day': 100 tokens of 100 tokens are used or reserved"),
    });
    end.resolve();
    await running;
  });

  it('takes nothing of the budget when the limiter refuses, and of the limiter when the budget does', async () => {
    const limiter = new Limiter({ requestsPerMinute: 2, maxWaitMs: 0 });
    const budget = daily(100);
    const client = both(limiter, budget);
    await failureOf(client.ask({ input: 101, max: 0 }));
    expect(limiter.snapshot()['default']?.requests?.available).toBe(2);
    await client.ask({ input: 1, max: 0 });
    await client.ask({ input: 1, max: 0 });
    expect(await failureOf(client.ask({ input: 1, max: 0 }))).toMatchObject({ code: 'rate_limit_client' });
    expect(stateOf(budget)).toMatchObject({ used: 2, reserved: 0 });
  });

  it('gives back what a call had reserved that is aborted as it is admitted', async () => {
    const limiter = new Limiter({ maxConcurrent: 1 });
    const budget = daily(100);
    const client = both(limiter, budget);
    const controller = new AbortController();
    const end = deferred();
    const running = client.ask({ input: 10, max: 0, until: end.promise, facts: usage(1, 0) });
    const waiting = failureOf(client.ask({ input: 20, max: 0 }, { signal: controller.signal }));
    await settled();
    end.resolve();
    onPolicyEvent(client, ({ type }) => type === 'admitted' && controller.abort());
    await running;
    expect(await waiting).toMatchObject({ code: 'aborted' });
    expect(stateOf(budget)).toMatchObject({ used: 1, reserved: 0 });
    expect(limiter.snapshot()['default']).toMatchObject({ concurrency: { inFlight: 0 } });
  });

  it('is charged once a call', async () => {
    const budget = daily(100);
    await both(new Limiter({ maxConcurrent: 1 }), budget).ask({ input: 30, max: 0 });
    expect(stateOf(budget)).toMatchObject({ used: 30, reserved: 0 });
  });

  it('law: whoever refuses leaves the other untouched, nothing is lost, and no limit is passed', async () => {
    const asks = fc.array(
      fc.record({
        gapMs: fc.integer({ min: 0, max: 20_000 }),
        input: fc.integer({ min: 0, max: 60 }),
        output: fc.integer({ min: 0, max: 60 }),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
        takesMs: fc.integer({ min: 0, max: 30_000 }),
        ends: fc.constantFrom('usage', 'nothing', 'refused', 'unsent'),
      }),
      { maxLength: 25 },
    );
    await fc.assert(
      fc.asyncProperty(asks, fc.constantFrom(0, 10_000, 60_000), async (list, maxWaitMs) => {
        const limiter = new Limiter({ tokensPerMinute: 150, maxConcurrent: 2, maxWaitMs });
        const budget = new SpendingBudget({ tokens: 400, windowMs: 300_000 });
        const client = both(limiter, budget);
        const state = (): BudgetSnapshot | undefined =>
          budget.snapshot()['tokens per 300000 ms']?.['default'];
        let charged = 0;
        const all: Promise<unknown>[] = [];
        for (const { gapMs, input, output, share, takesMs, ends } of list) {
          await time.advance(gapMs);
          const actual = Math.floor(output * share);
          const until = new Promise<void>((resolve) => void time.setTimer(resolve, takesMs));
          const ask: Ask = {
            input,
            max: output,
            until,
            ...(ends === 'usage' && { facts: usage(input, actual) }),
            ...(ends === 'refused' && { facts: { sent: true }, fails: () => new APIError('bad', 400) }),
            ...(ends === 'unsent' && { facts: { sent: false }, fails: () => new Error('x') }),
          };
          const refusals = client.events.length;
          const sent = client.sent;
          const now = limiter.snapshot()['default'];
          const before = state();
          all.push(
            client.ask(ask).then(
              () => (charged += input + (ends === 'usage' ? actual : output)),
              (error: LLMError) => error,
            ),
          );
          await settled();
          const told = client.events.slice(refusals).map(({ type }) => type);
          const refused = told.includes('failure') && client.sent === sent;
          if (refused) {
            expect(limiter.snapshot()['default']?.tokens).toEqual(now?.tokens);
            if (before) expect(state()).toMatchObject({ used: before.used, reserved: before.reserved });
          }
          const { used = 0, reserved = 0 } = state() ?? {};
          expect(used + reserved).toBeLessThanOrEqual(400);
        }
        await time.runAll();
        await Promise.all(all);
        expect(state()?.reserved ?? 0).toBe(0);
        expect(state()?.used ?? 0).toBeLessThanOrEqual(charged);
        expect(limiter.snapshot()['default']).toMatchObject({ queued: 0, concurrency: { inFlight: 0 } });
      }),
      { numRuns: 40 },
    );
  });
});

describe('law: in any window no more is admitted than the limit', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 4000 }), fc.integer({ min: 0, max: 60 })), {
    maxLength: 60,
  });
  it.each([
    ['rolling', { windowMs: 10_000 }],
    ['of the calendar', { per: 'hour' }],
  ] as const)('%s', async (kind, window) => {
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const client = new Client(Budget({ tokens: 100, ...window }));
        const admitted: { at: number; wall: number; tokens: number }[] = [];
        for (const [gapMs, tokens] of list) {
          await time.advance(kind === 'rolling' ? gapMs : gapMs * 500);
          await client.ask({ input: tokens, max: 0 }).then(
            () => admitted.push({ at: time.now(), wall: time.wallClock(), tokens }),
            () => undefined,
          );
        }
        for (const one of admitted) {
          const together = admitted.filter(({ at, wall }) =>
            kind === 'rolling'
              ? at > one.at - 10_000 && at <= one.at
              : Math.floor(wall / HOUR) === Math.floor(one.wall / HOUR),
          );
          expect(together.reduce((sum, { tokens }) => sum + tokens, 0)).toBeLessThanOrEqual(100);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('the decorator', () => {
  it('makes one budget for each object and method of options written in place, and shows its state', async () => {
    class Plain {
      @Budget({ tokens: 100, per: 'day', cost: () => ({ inputTokens: 60 }) })
      async one() {}
      @Budget({ tokens: 100, per: 'day', cost: () => ({ inputTokens: 60 }) })
      async two() {}
    }
    const [a, b] = [new Plain(), new Plain()];
    expect(snapshotOf(a, 'one')).toEqual([{ kind: 'Budget', snapshot: {} }]);
    await a.one();
    expect(await failureOf(a.one())).toBeInstanceOf(BudgetExceededError);
    await a.two();
    await b.one();
    expect(snapshotOf(a, 'one')).toEqual([
      {
        kind: 'Budget',
        snapshot: {
          'tokens per day': {
            default: { unit: 'tokens', used: 60, reserved: 0, limit: 100, resetMs: UNTIL_MIDNIGHT },
          },
        },
      },
    ]);
  });

  it('keeps what was spent when a function gives other numbers', async () => {
    class Plain {
      tokens: number | false = 100;
      @Budget(
        (self: Plain) =>
          self.tokens !== false && { tokens: self.tokens, per: 'day', cost: () => ({ inputTokens: 60 }) },
      )
      async ask() {}
    }
    const plain = new Plain();
    await plain.ask();
    await failureOf(plain.ask());
    plain.tokens = 120;
    await plain.ask();
    expect(await failureOf(plain.ask())).toMatchObject({
      message: expect.stringContaining('120 tokens of 120 tokens'),
    });
    plain.tokens = false;
    await plain.ask();
  });

  it('forgets options that a function gives no more, and takes a budget that it gives', async () => {
    const shared = daily(100);
    const given: (BudgetOptions | SpendingBudget)[] = [
      { tokens: 100, per: 'day', key: () => 'a' },
      { tokens: 100, per: 'day' },
      shared,
    ];
    class Plain {
      @Budget(() => given[0] as BudgetOptions)
      async ask() {
        return { usage: { input_tokens: 10, output_tokens: 0 } };
      }
    }
    const plain = new Plain();
    const keys = () => snapshotOf(plain, 'ask')[0]?.snapshot['tokens per day'];
    given[0] = { tokens: 1000, per: 'day', key: () => 'a' };
    await plain.ask();
    given[0] = { tokens: 1000, per: 'day' };
    await plain.ask();
    expect(keys()).toMatchObject({ a: { used: 10 }, default: { used: 10 } });
    given[0] = daily(1000);
    await plain.ask();
    expect(keys()).toEqual({ default: expect.objectContaining({ used: 10 }) });
  });

  it('of an override replaces that of the base', async () => {
    class Base {
      @Budget({ tokens: 10, per: 'day', cost: () => ({ inputTokens: 20 }) })
      async ask() {
        return 'answer';
      }
    }
    class Richer extends Base {
      @Budget({ tokens: 30, per: 'day', cost: () => ({ inputTokens: 20 }) })
      override async ask() {
        return super.ask();
      }
    }
    await failureOf(new Base().ask());
    const richer = new Richer();
    expect(await richer.ask()).toBe('answer');
    await failureOf(richer.ask());
  });

  it('shares a budget among methods, objects and limits changed by update()', async () => {
    const budget = daily(100);
    const [a, b] = [new Client(Budget(budget)), new Client(Budget(budget))];
    await a.ask({ input: 60, max: 0 });
    await failureOf(b.ask({ input: 60, max: 0 }));
    budget.update({ tokens: 120 });
    await b.ask({ input: 60, max: 0 });
    expect(() => budget.update({ tokens: -1 })).toThrow(
      'SpendingBudget.update(): `tokens` is -1: give a number above 0.',
    );
    expect(stateOf(budget)).toMatchObject({ used: 120, limit: 120 });
    budget.update({ tokens: undefined, usd: 1 });
    expect(budget.snapshot()).toEqual({ 'usd per day': {} });
  });
});

describe('options that are wrong', () => {
  const price = (value: unknown) => ({ usd: 1, per: 'day', prices: { mine: value } });
  it.each([
    [{}, 'there is no limit: give `usd`, `tokens` or `limits`.'],
    [{ per: 'day' }, 'there is no limit: give `usd`, `tokens` or `limits`.'],
    [{ usd: 0, per: 'day' }, '`usd` is 0: give a number above 0.'],
    [{ tokens: '5', per: 'day' }, "`tokens` is '5': give a number above 0."],
    [
      { usd: 1 },
      "`per` or `windowMs` says for how long spending counts, and neither is given: give one, such as per: 'day'.",
    ],
    [
      { usd: 1, per: 'day', windowMs: 5 },
      "`per` or `windowMs` says for how long spending counts, and both are given: give one, such as per: 'day'.",
    ],
    [{ usd: 1, per: 'week' }, "`per` is 'week': give one of 'hour', 'day', 'month'."],
    [{ usd: 1, windowMs: 0 }, '`windowMs` is 0: give a number above 0.'],
    [{ usd: 1, per: 'day', warnAt: 80 }, '`warnAt` is 80: give a number from 0 to 1.'],
    [{ usd: 1, per: 'day', warnAt: -0.1 }, '`warnAt` is -0.1: give a number from 0 to 1.'],
    [{ usd: 1, per: 'day', warnAt: '1' }, "`warnAt` is '1': give a number from 0 to 1."],
    [{ usd: 1, per: 'day', key: 'a' }, "`key` is 'a': give a function."],
    [{ usd: 1, per: 'day', name: '' }, "`name` is '': give a string, not empty and without braces."],
    [{ usd: 1, per: 'day', name: '{a' }, "`name` is '{a': give a string, not empty and without braces."],
    [{ usd: 1, per: 'day', name: 'a}' }, "`name` is 'a}': give a string, not empty and without braces."],
    [{ usd: 1, per: 'day', name: 7 }, '`name` is 7: give a string, not empty and without braces.'],
    [{ usd: 1, per: 'day', model: 7 }, '`model` is 7: give a name or a function.'],
    [{ usd: 1, per: 'day', cost: 7 }, '`cost` is 7: give a function.'],
    [
      { usd: 1, per: 'day', store: {} },
      "`store` is an object: give a store, such as `new RedisStore(redis, { name: 'openai' })` of keelson/redis.",
    ],
    [{ usd: 1, per: 'day', limit: 7 }, 'there is no option `limit`. Did you mean `limits`?'],
    [
      { limits: [] },
      "`limits` is an array: give a list such as [{ usd: 1, per: 'hour' }, { usd: 10, per: 'day' }].",
    ],
    [{ usd: 1, per: 'day', store: null }, '`store` is null: give a store, such as'],
    [{ limits: [7] }, "limits[0]: it is 7: give an object such as { usd: 10, per: 'day' }."],
    [{ limits: [null] }, 'limits[0]: it is null: give an object'],
    [{ limits: [{ per: 'day' }] }, 'limits[0]: there is no limit: give `usd` or `tokens`.'],
    [
      { limits: [{ usd: 1, per: 'day', prices: {} }] },
      'limits[0]: there is no option `prices`. There are: usd, tokens, per, windowMs, key, warnAt, name.',
    ],
    [
      { usd: 1, per: 'day', limits: [{ usd: 2, per: 'day' }] },
      "two limits are called 'usd per day': give each a `name`.",
    ],
    [
      { usd: 1, per: 'day', prices: 7 },
      "`prices` is 7: give an object such as { 'my-model': { inputPerMillion: 0.15, outputPerMillion: 0.6 } }.",
    ],
    [{ usd: 1, per: 'day', prices: null }, '`prices` is null: give an object such as'],
    [price(null), "the price of 'mine': it is null: give an object such as"],
    [price({ inputPerMillion: 1, long: null }), "the price of 'mine': `long` is null: give an object"],
    [
      price(7),
      "the price of 'mine': it is 7: give an object such as { inputPerMillion: 0.15, outputPerMillion: 0.6 }.",
    ],
    [price({}), "the price of 'mine': `inputPerMillion` is not given: give a number."],
    [
      price({ inputPerMillion: -1 }),
      "the price of 'mine': `inputPerMillion` is -1: give a number of at least 0.",
    ],
    [price({ inputPerMillion: 1, input: 1 }), "the price of 'mine': there is no option `input`."],
    [
      price({ inputPerMillion: 1, long: 7 }),
      "the price of 'mine': `long` is 7: give an object with aboveInputTokens.",
    ],
    [
      price({ inputPerMillion: 1, long: { inputPerMillion: 2 } }),
      "the price of 'mine', `long`: `aboveInputTokens` is not given: give a number.",
    ],
  ])('%j', (options, message) => {
    expect(() => new SpendingBudget(options as never)).toThrow(
      `SpendingBudget${message.startsWith('limits') || message.startsWith('the price') ? ', ' : ': '}${message}`,
    );
    expect(() => onMethod(Budget(options as never))).toThrow(TypeError);
    expect(() => onMethod(Budget(options as never))).toThrow('@Budget on ask()');
  });

  it.each([null, 7, undefined])('%s instead of options', (options) => {
    expect(() => new SpendingBudget(options as never)).toThrow('SpendingBudget: the options are');
  });

  it.each([
    [7, 'gave 7: give an object such as'],
    [null, 'gave null: give an object such as'],
    [{ usd: -1 }, 'gave -1 for `usd`: give a number of at least 0.'],
    [{ inputTokens: NaN }, 'gave NaN for `inputTokens`'],
    [{ outputTokens: 'x' }, "gave 'x' for `outputTokens`"],
  ])('what cost(call) gives: %j', async (cost, message) => {
    const client = new Client(Budget({ usd: 1, per: 'day', cost: () => cost as never }));
    expect(await failureOf(client.ask())).toMatchObject({
      message: expect.stringContaining(`SpendingBudget: cost(call) ${message}`),
    });
  });
});

describe('a budget of another copy of the package', () => {
  it('is charged as one of this copy is', async () => {
    let copy: unknown;
    jest.isolateModules(() => (copy = jest.requireActual('../../decorators/index')));
    const budget = new (copy as { SpendingBudget: typeof SpendingBudget }).SpendingBudget({
      tokens: 1000,
      per: 'day',
      cost: () => ({ inputTokens: 400 }),
    });
    expect(budget).not.toBeInstanceOf(SpendingBudget);
    class Service {
      @Budget(budget)
      async ask() {
        return 'answer';
      }
    }
    const service = new Service();
    expect([await service.ask(), await service.ask()]).toEqual(['answer', 'answer']);
    expect(await failureOf(service.ask())).toBeInstanceOf(BudgetExceededError);
  });
});
