import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Charging } from '../../decorators/limits/charging';
import { costOf } from '../../decorators/limits/cost';
import { Experience } from '../../decorators/limits/experience';
import { GateSpread } from '../../decorators/limits/gate-spread';
import { Limiter } from '../../decorators/limits/index';
import { OneTimer } from '../../decorators/limits/one-timer';
import { limitsOf, reportedRate } from '../../decorators/limits/rates';
import { RefillingLevel } from '../../decorators/limits/refilling-level';
import { ReportedWindow } from '../../decorators/limits/reported-window';
import { EstimateFactor } from '../../decorators/limits/running-mean';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';
import { Admission, FakeCall, hostEstimating } from './fake-call';

let runtime: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  ({ runtime, restore } = installVirtualRuntime());
});
afterEach(() => restore());

const times = (n: number, act: () => void) => Array.from({ length: n }, act);

describe('what a provider counts a call as', () => {
  it.each<[string, number, number, boolean]>([
    ['less is left by more than half a call', 51, 8, true],
    ['less is left by half a call', 50, 8, false],
    ['less is left by a little', 10, 8, false],
    ['more is left', -1000, 8, false],
    ['it has told that seven times', 1000, 7, false],
  ])('is what the call was allowed or what it used: when %s', (_what, missing, reports, inFull) => {
    const charging = new Charging();
    times(reports, () => charging.compare(1000, 1000 - missing, 100, 0));
    expect(charging.inFull).toBe(inFull);
  });

  it.each<[string, number, number, number, boolean]>([
    ['more is left by many calls', 1000, 0, 8, false],
    ['it has told that seven times', 1000, 0, 7, true],
    ['more is left by a call and a half', 150, 0, 8, true],
    ['calls that run explain it', 1000, 2000, 8, true],
    ['less is left', -1000, 0, 8, true],
  ])('is what it used again, once that shows: when %s', (_what, more, running, reports, inFull) => {
    const charging = new Charging();
    times(8, () => charging.compare(1000, 0, 100, 0));
    expect(charging.inFull).toBe(true);
    times(reports, () => charging.compare(0, more, 100, running));
    expect(charging.inFull).toBe(inFull);
  });
});

describe('the factor of estimates', () => {
  const after = (...samples: [actual: number, estimated: number][]) => {
    const factor = new EstimateFactor();
    times(60, () => samples.forEach(([actual, estimated]) => factor.add(actual, estimated)));
    return factor.value;
  };

  it('is one at first, and follows what calls tell', () => {
    expect(new EstimateFactor().value).toBe(1);
    expect(after([2000, 1000])).toBeCloseTo(2, 0);
    expect(after([500, 1000])).toBeCloseTo(0.5, 0);
  });

  it('is raised where calls differ, so that few are too low', () => {
    // The mean is one; from it they are off by a half.
    const value = after([500, 1000], [1500, 1000]);
    expect(value).toBeGreaterThan(1.8);
    expect(value).toBeLessThan(2.3);
  });

  it('stays between a quarter and four', () => {
    expect(after([1, 1000])).toBe(0.25);
    expect(after([1_000_000, 1000])).toBe(4);
  });
});

describe('what calls have used so far', () => {
  const known = { inputTokens: 10, estimatedInput: 10 };
  const unknown = { inputTokens: undefined, estimatedInput: undefined };
  const usage = { inputTokens: 1400, outputTokens: 100 };

  it('is learned from those that ended well: their output, or all where the input is not known', () => {
    const experience = new Experience();
    expect(experience.usedBy({}, usage, known)).toEqual({ input: 1400, output: 100 });
    expect(experience.meanOutputTokens.value).toBe(300);
    const other = new Experience();
    other.usedBy({}, usage, unknown);
    expect(other.meanOutputTokens.value).toBe(1000);
  });

  it.each([{ incomplete: true }, { error: new Error('cut') as never }])(
    'is charged but not learned from one that broke off: %j',
    (outcome) => {
      const experience = new Experience();
      expect(experience.usedBy(outcome, usage, known)).toEqual({ input: 1400, output: 100 });
      expect(experience.meanOutputTokens.value).toBe(500);
    },
  );

  it('corrects estimates by inputs that are told, and by no others', () => {
    const experience = new Experience();
    experience.usedBy({}, { outputTokens: 5 }, known);
    experience.usedBy({}, usage, unknown);
    expect(experience.inputFactor.value).toBe(1);
    experience.usedBy({}, usage, known);
    expect(experience.inputFactor.value).toBeGreaterThan(2);
  });
});

describe('what a call is expected to use', () => {
  /** Whose calls have had twice the input that was estimated. */
  const raised = () => {
    const experience = new Experience();
    times(60, () => experience.inputFactor.add(2000, 1000));
    return experience;
  };
  const call = (inputTokens: number, maxOutputTokens?: number) =>
    new FakeCall({ self: hostEstimating(inputTokens, maxOutputTokens) });

  it('is its input as calls before it correct it, and the bound of its output', () => {
    const cost = costOf(call(100, 50), undefined, 1000, raised());
    expect(cost).toMatchObject({ requests: 1, estimatedInput: 100 });
    const { inputTokens = 0, tokens } = cost as { inputTokens?: number; tokens: number };
    expect(inputTokens).toBeGreaterThan(190);
    expect(tokens).toBe(inputTokens + 50);
  });

  it.each<[string, number, number | undefined, number, number]>([
    ['a correction', 100, 50, 180, 180],
    ['a correction, where it does not fit anyway', 100, 50, 120, 150],
    ['a correction and a guess', 100, undefined, 150, 150],
  ])('is not made impossible by %s', (_what, input, output, capacity, tokens) => {
    expect(costOf(call(input, output), undefined, capacity, raised())).toMatchObject({ tokens });
  });

  it.each([
    [500, 500],
    [5000, 600],
    [50, 100],
  ])('is guessed where no bound is told, but not beyond what fits: of %d, %d', (capacity, tokens) => {
    expect(costOf(call(100), undefined, capacity, new Experience())).toMatchObject({ tokens });
  });

  it('may be told later', async () => {
    const self = {
      [Symbol.for('keelson.policyHost')]: { estimate: async () => ({ inputTokens: 7, maxOutputTokens: 3 }) },
    };
    const cost = await costOf(new FakeCall({ self }), undefined, 1000, new Experience());
    expect(cost).toEqual({ requests: 1, tokens: 10, inputTokens: 7, estimatedInput: 7 });
  });

  it.each<[ConstructorParameters<typeof Limiter>[0], object, string]>([
    [
      { cost: () => ({ requests: -1 }) },
      {},
      'cost(call) gave -1 for `requests`: give a number of at least 0.',
    ],
    [{ cost: () => ({ tokens: NaN }) }, {}, 'cost(call) gave NaN for `tokens`: give a number of at least 0.'],
    [{ cost: () => null as never }, {}, 'cost(call) gave null for `tokens`'],
    [{}, hostEstimating('x' as never), "estimate(call) gave 'x' for `inputTokens`"],
    [{}, hostEstimating(5, -5), 'estimate(call) gave -5 for `maxOutputTokens`'],
  ])('must be amounts: %#', (options, self, message) => {
    const limiter = new Limiter({ tokensPerMinute: 1000, ...options });
    const { error } = new Admission(limiter, new FakeCall({ self }));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain(`Limiter: ${message}`);
  });
});

describe('the return of those who waited for a gate', () => {
  it('is spread over a tenth of the wait, and ends by itself or when nobody waits any more', () => {
    runtime.chance = 0.5;
    const spread = new GateSpread();
    expect(spread.begin(2000)).toBe(100);
    // 2000 and 100, and 200 in which they return.
    expect([spread.isOn(2299), spread.isOn(2300)]).toEqual([true, false]);
    spread.step(10, 2100);
    expect(spread.heldForMs(2100)).toBe(20);
    spread.end();
    expect([spread.isOn(2100), spread.heldForMs(2100)]).toEqual([false, 0]);
    spread.step(10, 2100);
    spread.begin(4000);
    expect(spread.heldForMs(2150)).toBe(0);
  });
});

describe('the window of a reported limit', () => {
  const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];
  type Report = Parameters<ReportedWindow['read']>[0];
  const used = (limit: number, count: number, resetMs: number): Report => ({
    limit,
    remaining: limit - count,
    resetMs,
  });
  it.each<[string, Report[], number | undefined]>([
    ['is what is told, and stays so', [{ windowMs: DAY }, { limit: 5 }], DAY],
    ['is a minute where a steady refill says so', [used(600, 11, 1100)], MINUTE],
    ['is a minute where whole seconds allow it', [used(3600, 1, 1000)], MINUTE],
    ['is not said by one report to be more than a minute', [used(3600, 1, 1001)], undefined],
    ['is a day where two reports agree', [used(14_400, 30, 180_000), used(14_400, 60, 360_000)], DAY],
    [
      'is not said by one that is told twice',
      [used(14_400, 30, 180_000), used(14_400, 30, 180_000)],
      undefined,
    ],
    ['is fixed where they differ', [used(14_400, 30, 180_000), used(14_400, 40, 194_444)], HOUR],
    [
      'is fixed where they differ the other way',
      [used(14_400, 40, 194_444), used(14_400, 30, 180_001)],
      HOUR,
    ],
    ['is fixed where they differ by a fifth', [used(14_400, 30, 216_000), used(14_400, 60, 360_000)], HOUR],
    [
      'is fixed where they differ by a fifth the other way',
      [used(14_400, 60, 360_000), used(14_400, 30, 216_000)],
      HOUR,
    ],
    ['is not said by one report in whole seconds to be more', [used(3600, 2, 2000)], undefined],
    ['is fixed where no steady refill fits', [used(14_400, 60, 180_000)], HOUR],
    ['is no shorter than any reset', [used(600, 11, 1100), used(600, 300, 120_000)], HOUR],
    [
      'is no shorter than a reset before, whatever a report says',
      [used(14_400, 30, 180_000), used(600, 30, 3001)],
      HOUR,
    ],
    ['is a second shorter where clocks differ', [used(600, 300, 61_000)], MINUTE],
    ['is not said by a reset of more than a day', [used(10, 5, 2 * DAY)], undefined],
    ['stays while nothing speaks against it', [used(600, 11, 1100), used(600, 0, 0)], MINUTE],
    ['stays where another report is not sure', [used(600, 11, 1100), used(3600, 1, 1001)], MINUTE],
    ['is forgotten where a reset is longer', [used(600, 11, 1100), used(14_400, 30, 180_000)], undefined],
    [
      'is a day where the last two reports agree',
      [used(14_400, 30, 180_000), used(14_400, 40, 194_444), used(14_400, 41, 199_306)],
      DAY,
    ],
    ['is not said where nothing is used', [used(10, 0, 5000)], undefined],
    ['is not said where more is left than there is', [used(10, -2, 5000)], undefined],
    ['is not said without a limit', [{ remaining: 5, resetMs: 5000 }], undefined],
    ['is not said without what is left', [{ limit: 10, resetMs: 5000 }], undefined],
    ['is not said without a reset', [{ limit: 10, remaining: 5 }], undefined],
    ['is not said by a reset of now', [used(10, 5, 0)], undefined],
  ])('%s', (_what, reports, windowMs) => {
    const window = new ReportedWindow();
    for (const report of reports) window.read(report);
    expect(window.windowMs).toBe(windowMs);
  });

  it.each<[string, Parameters<typeof limitsOf>[0], 'requests' | 'tokens', number | undefined, string]>([
    ['the day', { requestsPerMinute: 5, requestsPerDay: 50 }, 'requests', DAY, 'dailyRequests'],
    ['the day, of tokens', { tokensPerMinute: 5, tokensPerDay: 50 }, 'tokens', DAY, 'dailyTokens'],
    ['the minute where no day is limited', { requestsPerMinute: 5 }, 'requests', DAY, 'requests'],
    [
      'the minute where the day of another is',
      { tokensPerMinute: 5, requestsPerDay: 5 },
      'tokens',
      DAY,
      'tokens',
    ],
    ['the minute', { requestsPerMinute: 5, requestsPerDay: 50 }, 'requests', MINUTE, 'requests'],
    ['the minute where no window is told', { requestsPerDay: 50 }, 'requests', undefined, 'requests'],
  ])('is held against the limit of %s', (_what, numbers, unit, windowMs, name) => {
    expect(reportedRate(limitsOf(numbers), unit, windowMs === undefined ? {} : { windowMs })).toBe(name);
  });
});

describe('a call that is refused', () => {
  const asking = (cost: object) => ({ cost: () => cost });
  it.each<[ConstructorParameters<typeof Limiter>[0], string | undefined]>([
    [
      { requestsPerMinute: 2, ...asking({ requests: 3 }) },
      'It counts as 3 requests, and at most 2 can be there at once: raise requestBurst or the limit.',
    ],
    [
      { tokensPerMinute: 1000, tokensPerDay: 500, ...asking({ tokens: 501 }) },
      'It may use 501 tokens, and at most 500 can be there at once: shorten the input,',
    ],
    [{ requestsPerMinute: 3, tokensPerMinute: 5, ...asking({ requests: 3, tokens: 5 }) }, undefined],
    [{ requestsPerMinute: 2, ...asking({ tokens: 9000 }) }, undefined],
    [{ tokensPerMinute: 9000, ...asking({ requests: 9 }) }, undefined],
  ])('since it can never be admitted is told what of: %j', (options, message) => {
    const { state, error } = new Admission(new Limiter(options));
    expect(state).toBe(message === undefined ? 'admitted' : 'refused');
    if (message !== undefined) expect((error as Error).message).toContain(message);
  });

  it('since the queue is full is told how many wait', () => {
    const limiter = new Limiter({ maxConcurrent: 1, maxQueue: 2 });
    const [, , , refused] = [1, 2, 3, 4].map(() => new Admission(limiter));
    expect((refused?.error as Error).message).toContain(
      'was refused: 2 calls wait for the limiter already (maxQueue).',
    );
  });
});

describe('who leaves from the middle of a queue', () => {
  it('leaves those behind him in it', async () => {
    const limiter = new Limiter({ maxConcurrent: 1 });
    const running = new Admission(limiter);
    const waiting = times(4, () => undefined).map(() => new Admission(limiter, new FakeCall()));
    waiting[1]?.call.abort(new Error('bored'));
    waiting[2]?.call.abort(new Error('bored'));
    running.end();
    await settled();
    waiting[0]?.end();
    await settled();
    expect(waiting.map(({ state }) => state)).toEqual(['admitted', 'refused', 'refused', 'admitted']);
  });
});

describe('the level of a bucket', () => {
  it.each([
    [9, 0],
    [10, 0],
    [11, Infinity],
  ])('that is never refilled has %d or not at all: a wait of %d', (amount, waitMs) => {
    expect(new RefillingLevel(0, 10, 0).waitFor(amount, 0)).toBe(waitMs);
  });

  it.each([
    [10 + 1e-4, 0],
    [10.5, 0.5],
  ])('is there where only rounding is missing: %d after %d ms', (amount, waitMs) => {
    expect(new RefillingLevel(1, 10, 0).waitFor(amount, 0)).toBe(waitMs);
  });

  it('stays where a clock goes back', () => {
    const level = new RefillingLevel(1, 10, 5000);
    level.take(4, 5000);
    expect(level.levelAt(0)).toBe(6);
    expect(level.levelAt(1)).toBe(7);
  });
});

describe('one timer', () => {
  it('is left alone when it is set for the time that it has', async () => {
    let calls = 0;
    const timer = new OneTimer(() => calls++);
    for (const at of [5, 5, 7, 7]) timer.set(at, 0);
    expect([runtime.timersSet, runtime.pendingTimers]).toEqual([2, 1]);
    await runtime.advance(7);
    expect(calls).toBe(1);
    timer.set(7, 7);
    await runtime.advance(1);
    expect(calls).toBe(2);
  });
});
