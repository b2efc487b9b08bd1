import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LLMError } from '../../decorators/errors/index';
import {
  AbortError,
  APIError,
  BadRequestError,
  InternalServerError,
  QueueFullError,
  RateLimitError,
  StreamError,
} from '../../decorators/errors/index';
import { Limiter } from '../../decorators/limits/index';
import type { CallFacts } from '../../decorators/pipeline/call';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';
import { Admission, FakeCall, hostEstimating } from './fake-call';

let runtime: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  ({ runtime, restore } = installVirtualRuntime());
});
afterEach(() => restore());

/** A limiter of 100 requests and 1000 tokens, and a call that reserves 1 and 300 (100 input, 200 output). */
function setting(options: ConstructorParameters<typeof Limiter>[0] = {}) {
  const limiter = new Limiter({
    requestsPerMinute: 100,
    tokensPerMinute: 1000,
    maxConcurrent: 10,
    ...options,
  });
  const admit = () => new Admission(limiter, new FakeCall({ self: hostEstimating(100, 200) }));
  const left = () => {
    const { requests, tokens, concurrency } = limiter.snapshot()['default'] ?? {};
    return [requests?.available, tokens?.available, concurrency?.inFlight];
  };
  return { limiter, admit, left };
}

describe('settling', () => {
  const status = (statusCode: number) => new APIError(`status ${statusCode}`, statusCode);
  type End = { error?: LLMError; facts?: CallFacts; result?: unknown; entered?: boolean };
  const cases: [string, End, number, number, string][] = [
    [
      'the usage that was reported',
      { facts: { usage: { inputTokens: 90, outputTokens: 30 } } },
      99,
      880,
      'settled',
    ],
    [
      'more than was reserved',
      { facts: { usage: { inputTokens: 900, outputTokens: 600 } } },
      99,
      -500,
      'settled',
    ],
    [
      'cached input as used',
      { facts: { usage: { inputTokens: 90, outputTokens: 30, cachedInputTokens: 80 } } },
      99,
      880,
      'settled',
    ],
    [
      'usage in OpenAI’s words',
      { result: { usage: { prompt_tokens: 10, completion_tokens: 20 } } },
      99,
      970,
      'settled',
    ],
    [
      'usage in Anthropic’s words',
      { result: { usage: { input_tokens: 10, output_tokens: 5 } } },
      99,
      985,
      'settled',
    ],
    ['usage in our words', { result: { usage: { inputTokens: 10, outputTokens: 1 } } }, 99, 989, 'settled'],
    [
      'usage without an output',
      { result: { usage: { prompt_tokens: 10, total_tokens: 10 } } },
      99,
      990,
      'settled',
    ],
    [
      'the estimated input where only the output is told',
      { facts: { usage: { outputTokens: 1 } } },
      99,
      899,
      'settled',
    ],
    ['the reservation where no usage is told', { result: 'text' }, 99, 700, 'settled'],
    [
      'the reservation where the usage is nonsense',
      { result: { usage: { prompt_tokens: 'x' } } },
      99,
      700,
      'settled',
    ],
    ['nothing for what was not sent', { error: status(500), facts: { sent: false } }, 100, 1000, 'refunded'],
    [
      'nothing for a failure before the method was entered',
      { error: new AbortError('left'), entered: false },
      100,
      1000,
      'refunded',
    ],
    [
      'nothing for another limiter’s refusal',
      { error: new RateLimitError('no', { origin: 'client', retryAfterMs: 9 }) },
      100,
      1000,
      'refunded',
    ],
    ['nothing for a refusal before sending', { error: new QueueFullError('full') }, 100, 1000, 'refunded'],
    [
      'nothing for a refusal of any other kind by our own side',
      { error: new InternalServerError('no', 500, undefined, { origin: 'client' }) },
      100,
      1000,
      'refunded',
    ],
    [
      'what a stream has told that was accepted, though a refusal has cut it',
      {
        error: new RateLimitError('slow', { statusCode: 429 }),
        facts: { sent: true, statusCode: 200, usage: { inputTokens: 90, outputTokens: 7 } },
      },
      99,
      903,
      'settled',
    ],
    [
      'the request alone for a 4xx that tells a usage',
      {
        error: new BadRequestError('bad', 400),
        facts: { statusCode: 400, usage: { inputTokens: 90, outputTokens: 7 } },
      },
      99,
      1000,
      'refunded',
    ],
    [
      'the request alone for a refusal of which only the usage is told',
      { error: new BadRequestError('bad', 400), facts: { usage: { inputTokens: 90, outputTokens: 7 } } },
      99,
      1000,
      'refunded',
    ],
    [
      'the reservation of a stream that was accepted, told no usage and was cut by a refusal',
      { error: new BadRequestError('bad', 400), facts: { statusCode: 200 } },
      99,
      700,
      'settled',
    ],
    [
      'nothing for what was not sent, whatever is told of it',
      {
        error: new AbortError('left'),
        facts: { sent: false, statusCode: 200, usage: { inputTokens: 90, outputTokens: 7 } },
      },
      100,
      1000,
      'refunded',
    ],
    [
      'nothing for what was not entered, whatever is told of it',
      {
        error: new AbortError('left'),
        entered: false,
        facts: { statusCode: 200, usage: { inputTokens: 90, outputTokens: 7 } },
      },
      100,
      1000,
      'refunded',
    ],
    [
      'the request alone for a 4xx',
      { error: new BadRequestError('bad', 400), facts: { sent: true } },
      99,
      1000,
      'refunded',
    ],
    [
      'the request alone for a 429',
      { error: new RateLimitError('slow', { statusCode: 429 }) },
      99,
      1000,
      'refunded',
    ],
    ['the reservation for a 5xx', { error: new InternalServerError('down', 500) }, 99, 700, 'settled'],
    [
      'the reservation for an abort after sending',
      { error: new AbortError('left'), facts: { sent: true } },
      99,
      700,
      'settled',
    ],
    [
      'the reservation where a broken stream has told the input alone',
      { error: new StreamError('cut'), facts: { usage: { inputTokens: 90 } } },
      99,
      700,
      'settled',
    ],
    [
      'what was counted of a broken stream',
      { error: new StreamError('cut'), facts: { usage: { inputTokens: 90, outputTokens: 7 } } },
      99,
      903,
      'settled',
    ],
  ];
  it.each(cases)('charges %s', (_, { entered = true, ...end }, requests, tokens, event) => {
    const { admit, left } = setting();
    const admission = admit();
    admission.call.entered = entered;
    expect(left()).toEqual([99, 700, 1]);
    admission.end(end);
    expect(left()).toEqual([requests, tokens, 0]);
    expect(admission.call.told).toEqual(['admitted', event]);
  });

  it('keeps the reservation when the consumer has left a stream that told no usage', () => {
    const { admit, left } = setting();
    admit().lease?.settle({ incomplete: true }, { sent: true });
    expect(left()).toEqual([99, 700, 0]);
  });

  it('tells what it gives back', () => {
    const { admit } = setting();
    const admission = admit();
    admission.end({ facts: { sent: false } });
    expect(admission.call.events[1]).toEqual({ type: 'refunded', requests: 1, tokens: 300 });
  });

  it('lets a debt be paid off before the next call', async () => {
    const { admit } = setting();
    admit().end({ facts: { usage: { inputTokens: 100, outputTokens: 1900 } } });
    const next = admit();
    // 1000 of debt and 300 for the call, at 1000 a minute.
    await runtime.advance(77_999);
    expect(next.state).toBe('refused');
    expect(next.error).toMatchObject({ retryAfterMs: 78_000 });
  });

  it('lets those who wait go ahead the moment something is given back', async () => {
    const { admit } = setting();
    const [first] = [admit(), admit(), admit()];
    const waiting = admit();
    expect(waiting.state).toBe('waits');
    first?.end({ facts: { usage: { inputTokens: 50, outputTokens: 50 } } });
    await settled();
    expect(waiting.state).toBe('admitted');
    expect(runtime.pendingTimers).toBe(0);
  });

  it('gives back what was not used, also where the provider tells at first what the call was allowed', () => {
    const { admit, left } = setting();
    const usage = { inputTokens: 100, outputTokens: 20 };
    admit().end({ facts: { usage, limits: { tokens: { remaining: 700 } } } });
    expect(left()[1]).toBe(880);
  });

  it('tells of a refused call that reserved no tokens that its request is kept', () => {
    const admission = new Admission(new Limiter({ requestsPerMinute: 5, cost: () => 0 }));
    admission.end({ error: new BadRequestError('bad', 400) });
    expect(admission.call.events[1]).toEqual({ type: 'settled', requests: 1, tokens: 0 });
  });

  it('takes a refusal that tells of requests alone', () => {
    const { admit, left } = setting();
    admit().end({
      error: new BadRequestError('bad', 400),
      facts: { limits: { requests: { remaining: 40 } } },
    });
    expect(left()).toEqual([40, 1000, 0]);
  });

  it.each<[string, ConstructorParameters<typeof Limiter>[0]]>([
    ['estimates', {}],
    ['a cost that tells no input', { cost: () => 300 }],
  ])('keeps the reservation of %s where calls count as what they are allowed', (_what, options) => {
    const { admit, left } = setting({ tokensPerMinute: 100_000, ...options });
    const usage = { inputTokens: 100, outputTokens: 20 };
    for (let i = 0; i < 8; i++) {
      const admission = admit();
      const remaining = (admission.lease?.tokensLeft ?? 0) - 200;
      admission.end({ facts: { usage, limits: { tokens: { remaining } } } });
    }
    const before = left()[1] ?? 0;
    expect(before).toBeGreaterThan(90_000);
    admit().end({ facts: { usage } });
    expect(left()[1]).toBe(before - 300);
    admit().end();
    expect(left()[1]).toBe(before - 600);
  });

  it('never gives back more than fits', async () => {
    const { admit, left } = setting();
    const admission = admit();
    await runtime.advance(60_000);
    admission.end({ facts: { sent: false } });
    expect(left()).toEqual([100, 1000, 0]);
  });
});

describe('the gate', () => {
  const tooMany = (retryAfterMs: number) =>
    new RateLimitError('slow down', { statusCode: 429, retryAfterMs });

  it('closes for everyone on the key when the provider asks to wait', async () => {
    const { limiter, admit } = setting();
    const [first, other] = [admit(), admit()];
    first.end({ error: tooMany(5000) });
    expect(first.call.events.at(-1)).toEqual({ type: 'throttled', waitMs: 5000 });
    other.end({ facts: { usage: { inputTokens: 1, outputTokens: 1 } } });
    const waiting = admit();
    expect(limiter.snapshot()['default']?.closedForMs).toBe(5000);
    await runtime.advance(4999);
    expect(waiting.state).toBe('waits');
    await runtime.advance(1);
    expect(waiting.state).toBe('admitted');
  });

  it('stays open where only one call is asked to wait: by an error that speaks of no limit', () => {
    const { admit } = setting();
    admit().end({ error: new InternalServerError('down', 503, undefined, { retryAfterMs: 5000 }) });
    expect(admit().state).toBe('admitted');
  });

  it('leaves other keys alone', () => {
    const limiter = new Limiter({ key: (call) => call.args[0] as string });
    const call = (key: string) => new Admission(limiter, new FakeCall({ args: [key] }));
    call('a').end({ error: tooMany(5000) });
    expect([call('a').state, call('b').state]).toEqual(['waits', 'admitted']);
  });

  it('stays closed for the longest time that was asked for', async () => {
    const { limiter, admit } = setting({ maxConcurrent: undefined });
    const [first, second] = [admit(), admit()];
    first.end({ error: tooMany(5000) });
    second.end({ error: tooMany(1000) });
    expect(limiter.snapshot()['default']?.closedForMs).toBe(5000);
  });

  it('reads the time from the report or from the limits where the error has none', () => {
    for (const facts of [
      { retryAfterMs: 700 },
      {
        limits: {
          requests: { remaining: 5, resetMs: 9000 },
          tokens: { remaining: 0, limit: 1000, resetMs: 700 },
        },
      },
      { limits: { requests: { remaining: 0, resetMs: 300 }, tokens: { remaining: 0, resetMs: 700 } } },
    ]) {
      const { limiter, admit } = setting();
      admit().end({ error: new RateLimitError('slow', { statusCode: 429 }), facts });
      expect(limiter.snapshot()['default']?.closedForMs).toBe(700);
    }
  });

  it('refuses at once whoever cannot outwait it, in the queue and on arrival', async () => {
    const { admit } = setting({ maxConcurrent: 1 });
    const [running, waiting] = [admit(), admit()];
    running.end({ error: tooMany(90_000) });
    await settled();
    expect(waiting.error).toMatchObject({ origin: 'client', retryAfterMs: 90_000 });
    expect(admit().error).toMatchObject({ origin: 'client', retryAfterMs: 90_000 });
    expect(runtime.pendingTimers).toBe(0);
  });

  it('opens a little later in one process than in another, and lets those who waited back one after the other', async () => {
    runtime.chance = 0.5;
    const limiter = new Limiter({ maxConcurrent: 100 });
    const first = new Admission(limiter);
    first.end({ error: tooMany(2000) });
    const waiting = Array.from({ length: 10 }, () => new Admission(limiter));
    const admitted = () => waiting.filter(({ state }) => state === 'admitted').length;
    await runtime.advance(2099);
    expect(admitted()).toBe(0);
    await runtime.advance(1);
    expect(admitted()).toBe(1);
    await runtime.advance(100);
    expect(admitted()).toBe(6);
    await runtime.advance(100);
    expect(admitted()).toBe(10);
    expect(new Admission(limiter).state).toBe('admitted');
    expect(runtime.pendingTimers).toBe(0);
  });
});

describe('the provider’s own account', () => {
  const requests = (remaining: number, resetMs?: number, limit?: number) => ({
    requests: { remaining, ...(resetMs !== undefined && { resetMs }), ...(limit !== undefined && { limit }) },
  });

  it('lowers the balance and never raises it', () => {
    const { limiter, left } = setting();
    limiter.observe({ requests: { remaining: 40 }, tokens: { remaining: 500 } });
    expect(left()).toEqual([40, 500, 0]);
    limiter.observe({ requests: { remaining: 9000, limit: 10_000 }, tokens: { remaining: 800 } });
    expect(left()).toEqual([40, 500, 0]);
  });

  it('does not contain the calls that run when it comes without one', () => {
    const { limiter, admit, left } = setting();
    admit();
    admit();
    limiter.observe({ requests: { remaining: 50 }, tokens: { remaining: 900 } });
    expect(left()).toEqual([48, 300, 2]);
  });

  it('contains the calls before the one it came with, and not those after it', () => {
    const { admit, left } = setting();
    const [first, second] = [admit(), admit()];
    admit();
    const usage = { inputTokens: 100, outputTokens: 200 };
    second?.end({ facts: { usage, limits: requests(60) } });
    expect(left()).toEqual([59, 100, 2]);
    // An older account, of which the newer one has told already, changes nothing.
    first?.end({ facts: { usage, limits: requests(61) } });
    expect(left()).toEqual([59, 100, 1]);
  });

  it('agrees with ours where nobody else calls, however many calls run', () => {
    const { admit, left } = setting({ tokensPerMinute: undefined });
    const running = Array.from({ length: 10 }, admit);
    running.forEach((admission, i) => admission.end({ facts: { limits: requests(99 - i) } }));
    expect(left()[0]).toBe(90);
  });

  it('is of the past: what has refilled since counts', async () => {
    const { admit, left } = setting();
    const admission = admit();
    await runtime.advance(6000);
    admission.end({ facts: { limits: requests(50) } });
    expect(left()[0]).toBeCloseTo(60 - (50 * 100) / 60_000);
  });

  it('holds everyone back until the reset when nothing is left', async () => {
    const { limiter, admit } = setting();
    limiter.observe(requests(0, 20_000));
    const next = admit();
    await runtime.advance(19_999);
    expect(next.state).toBe('waits');
    await runtime.advance(1);
    expect(next.state).toBe('admitted');
  });

  it('takes the pace from limit and reset where both are told: the reset is when all of it is back', async () => {
    const { limiter, admit } = setting();
    limiter.observe(requests(0, 60_000, 20));
    const next = admit();
    await runtime.advance(2999);
    expect(next.state).toBe('waits');
    await runtime.advance(1);
    expect(next.state).toBe('admitted');
  });

  it('holds everyone back from the moment it is reported, while the call it came with still runs', async () => {
    const { admit } = setting();
    const stream = admit();
    stream.call.report({ statusCode: 200, limits: requests(0, 20_000) });
    const next = admit();
    await runtime.advance(19_999);
    expect([stream.state, next.state]).toEqual(['admitted', 'waits']);
    await runtime.advance(1);
    expect(next.state).toBe('admitted');
  });

  it('is outdated by the end of a long call, and then holds nobody back', async () => {
    const { admit, left } = setting();
    const stream = admit();
    stream.call.report({ statusCode: 200, limits: requests(0, 1000) });
    await runtime.advance(120_000);
    stream.end();
    expect(left()[0]).toBe(100);
    expect(admit().state).toBe('admitted');
  });

  it('counts once when the error carries what was reported before', async () => {
    const { admit, left } = setting();
    const stream = admit();
    stream.call.report({ limits: requests(0, 1000) });
    await runtime.advance(120_000);
    stream.end({ error: new StreamError('cut', { rateLimit: requests(0, 1000) }) });
    expect(left()[0]).toBe(100);
  });

  it('is taken from the error where nothing was reported', () => {
    const { admit, left } = setting();
    admit().end({ error: new InternalServerError('down', 500, undefined, { rateLimit: requests(40) }) });
    expect(left()[0]).toBe(40);
  });

  it('says nothing when its reset has passed', () => {
    const { limiter, left } = setting();
    limiter.observe(requests(0, 0));
    expect(left()[0]).toBe(100);
  });
});
