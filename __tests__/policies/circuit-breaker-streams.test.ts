import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Breaker,
  CircuitBreaker,
  HandleApiErrors,
  InternalServerError,
  LLMError,
  onPolicyEvent,
  policyHost,
  StreamError,
  Timeout,
  type BreakerOptions,
  type CallOptions,
  type PolicyHost,
} from '../../decorators/index.js';
import { collect, failureOf, takeOne } from '../support/policies';
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

const pass = (ms: number) => new Promise<void>((resolve) => void time.setTimer(resolve, ms));
type Step = number | string | Error;

/** A number passes that many milliseconds, a string is an event (in brackets: without content), an error is thrown. */
async function* play(script: readonly Step[]) {
  for (const step of script) {
    if (typeof step === 'number') await pass(step);
    else if (typeof step === 'string') yield step;
    else throw step;
  }
}

/** Streams in the three forms that a decorated method may give them. */
class Streams {
  readonly [policyHost]: PolicyHost = { carriesContent: (_method, event) => !String(event).startsWith('[') };
  totalMs: number | undefined;
  /** What is yielded instead of what a script says. */
  script: (() => AsyncGenerator<string>) | undefined;
  constructor(readonly breaker: Breaker) {}

  @CircuitBreaker((self: Streams) => self.breaker)
  @Timeout(({ totalMs }: Streams) => (totalMs === undefined ? false : { totalMs }))
  @HandleApiErrors()
  async *generated(script: readonly Step[], _options?: CallOptions) {
    yield* this.script?.() ?? play(script);
  }

  @CircuitBreaker((self: Streams) => self.breaker)
  @Timeout(({ totalMs }: Streams) => (totalMs === undefined ? false : { totalMs }))
  async promise(script: readonly Step[], _options?: CallOptions): Promise<AsyncIterable<string>> {
    if (this.script) return this.script();
    if (typeof script[0] === 'number') await pass(script[0]);
    return play(typeof script[0] === 'number' ? script.slice(1) : script);
  }

  /** The stream of a promise, as one that is iterated at once. */
  async *promised(script: readonly Step[], options?: CallOptions) {
    yield* await this.promise(script, ...(options ? [options] : []));
  }
}

const open = (options: BreakerOptions = {}) => {
  const breaker = new Breaker({ key: () => 'it', ...options });
  return { breaker, streams: new Streams(breaker), counts: () => breaker.snapshot()['it'] };
};

const down = new InternalServerError('The server failed.', 500);

describe.each(['generated', 'promised'] as const)('a stream that is %s', (form) => {
  /** Reads all of it while time passes. */
  async function read(streams: Streams, script: Step[], options?: CallOptions): Promise<unknown> {
    const reading = collect(streams[form](script, ...(options ? [options] : []))).catch((e: unknown) => e);
    await time.runAll();
    return reading;
  }

  it('counts once, when it has ended', async () => {
    const { streams, counts } = open();
    const reading = collect(streams[form](['a', 100, 'b']));
    await time.advance(50);
    expect(counts()).toMatchObject({ calls: 0 });
    await time.advance(50);
    expect(await reading).toEqual(['a', 'b']);
    expect(counts()).toMatchObject({ calls: 1, failures: 0 });
  });

  it.each<[string, Step[]]>([
    ['before its first event', [down]],
    ['in the middle', ['a', 'b', down]],
    ['by an error event', ['a', new StreamError('')]],
  ])('is a failure when it breaks %s', async (_name, script) => {
    const { breaker, streams } = open({ minimumCalls: 1 });
    expect(await read(streams, script)).toBeInstanceOf(LLMError);
    expect(breaker.state).toBe('open');
    expect(await read(streams, ['a'])).toMatchObject({ code: 'circuit_open' });
  });

  it('is a success when its consumer leaves early', async () => {
    const { streams, counts } = open();
    expect(await takeOne(streams[form](['a', 'b', down]))).toBe('a');
    expect(counts()).toMatchObject({ calls: 1, failures: 0 });
  });

  it('counts as nothing when it is aborted', async () => {
    const { streams, counts } = open();
    const controller = new AbortController();
    const reading = failureOf(collect(streams[form](['a', 500, 'b'], { signal: controller.signal })));
    await time.advance(100);
    controller.abort();
    expect(await reading).toMatchObject({ code: 'aborted' });
    expect(counts()).toMatchObject({ calls: 0 });
    await time.runAll();
  });

  it('decides by its first content, however long the rest takes', async () => {
    const { breaker, streams } = open({ halfOpenCalls: 2 });
    breaker.open({ forMs: 10, key: 'it' });
    await time.advance(10);
    const trials = [
      [20, 'a', 5_000, 'b'],
      ['[role]', 30, 'a', 5_000, down],
    ].map((script) => collect(streams[form](script)).catch((error: unknown) => error));
    await time.advance(29);
    expect(await failureOf(collect(streams[form](['a'])))).toMatchObject({ code: 'circuit_open' });
    expect(breaker.snapshot()['it']).toMatchObject({ state: 'half_open', calls: 1 });
    await time.advance(1);
    expect(breaker.state).toBe('closed');
    await time.runAll();
    expect(await trials[1]).toBeInstanceOf(LLMError);
    // What became of them afterwards is of an earlier state.
    expect(breaker.snapshot()['it']).toMatchObject({ state: 'closed', calls: 0, failures: 0 });
  });

  it('backs off further each time, though streams begin well, when they all break', async () => {
    const { breaker, streams } = open({ minimumCalls: 5, openMs: 1_000 });
    let sent = 0;
    const broken = async function* () {
      sent++;
      yield 'a';
      throw down;
    };
    streams.script = broken;
    for (let i = 0; i < 300; i++) {
      await collect(streams[form]([])).catch(() => undefined);
      await time.advance(100);
    }
    // Five each time, and three trial calls: open for 1, 2, 4, 8 and 16 seconds.
    expect(sent).toBeLessThan(50);
    streams.script = undefined;
    await time.advance(60_000);
    for (let i = 0; i < 4; i++) await collect(streams[form](['a']));
    expect(breaker.snapshot()['it']).toMatchObject({ state: 'closed', openings: 0 });
  });

  it('tells that it has closed when it has, though the stream goes on', async () => {
    const { breaker, streams } = open({ halfOpenCalls: 1 });
    const told: unknown[] = [];
    onPolicyEvent(streams, (event) => {
      if (event.type === 'circuit') told.push([event.state, event.at]);
    });
    breaker.open({ forMs: 10, key: 'it' });
    await time.advance(10);
    const reading = collect(streams[form]([20, 'a', 5_000, 'b']));
    await time.advance(5_020);
    await reading;
    expect(told).toEqual([
      ['open', 10],
      ['half_open', 10],
      ['closed', 30],
    ]);
  });

  it('does not keep the circuit waiting for another trial call once it has had its say', async () => {
    const { breaker, streams } = open({ halfOpenCalls: 2, halfOpenMaxMs: 100, openMs: 1_000 });
    breaker.open({ forMs: 10, key: 'it' });
    await time.advance(10);
    const long = collect(streams[form](['a', 60, 'b', 60, 'c', 60, 'd']));
    const silent = collect(streams[form]([500, 'a']));
    await time.advance(100);
    expect(breaker.state).toBe('open');
    await time.advance(400);
    await Promise.all([long, silent]);
  });

  it('decides against closing when its first content is slow', async () => {
    const { breaker, streams } = open({ halfOpenCalls: 1, slowCallMs: 50, openMs: 1_000 });
    breaker.open({ forMs: 10, key: 'it' });
    await time.advance(10);
    const reading = collect(streams[form]([50, 'a', 500, 'b']));
    await time.advance(50);
    expect(breaker.state).toBe('open');
    await time.advance(500);
    expect(await reading).toEqual(['a', 'b']);
  });

  it('holds its permit until it shows content', async () => {
    const { breaker, streams } = open({ halfOpenCalls: 1 });
    breaker.open({ forMs: 10, key: 'it' });
    await time.advance(10);
    const reading = collect(streams[form](['[role]', 1_000, 'b']));
    await time.advance(999);
    expect(await failureOf(collect(streams[form](['a'])))).toMatchObject({ code: 'circuit_open' });
    await time.advance(1);
    await reading;
    expect(breaker.state).toBe('closed');
  });

  it('passes an open circuit that only observes', async () => {
    const { breaker, streams } = open({ mode: 'observe' });
    breaker.open();
    expect(await read(streams, ['a', 'b'])).toEqual(['a', 'b']);
    expect(breaker.state).toBe('open');
  });

  it('gives signs of life by its events', async () => {
    const { breaker, streams } = open({ halfOpenCalls: 1, halfOpenMaxMs: 100 });
    breaker.open({ forMs: 10, key: 'it' });
    await time.advance(10);
    const reading = collect(streams[form](['[a]', 90, '[b]', 90, '[c]', 90, 'd']));
    await time.advance(269);
    expect(breaker.state).toBe('half_open');
    await time.advance(1);
    await reading;
    expect(breaker.state).toBe('closed');
  });

  it('gives no sign of life once it is too late', async () => {
    const { breaker, streams } = open({ halfOpenCalls: 1, halfOpenMaxMs: 100, openMs: 1_000 });
    breaker.open({ forMs: 10, key: 'it' });
    await time.advance(10);
    const reading = collect(streams[form](['[a]', 101, '[b]', 50, 'c']));
    await time.advance(151);
    await reading;
    expect(breaker.snapshot()['it']).toMatchObject({ state: 'open', forMs: 51 });
  });

  it('gives no sign of life for the trial calls after it', async () => {
    const { breaker, streams } = open({ halfOpenCalls: 1, halfOpenMaxMs: 100, openMs: 50 });
    breaker.open({ forMs: 10, key: 'it' });
    await time.advance(10);
    const early = collect(streams[form](['[a]', 240, 'b']));
    // Silent from 10 to 110, open until 160.
    await time.advance(150);
    const late = collect(streams[form](['[a]', 200, 'b']));
    await time.advance(101);
    expect(breaker.snapshot()['it']).toMatchObject({ state: 'open', forMs: 1, openings: 2 });
    await early;
    await time.advance(99);
    await late;
  });

  it.each<[string, Step[], number]>([
    ['its first content comes late', [100, 'a', 'b'], 1],
    ['what comes first carries no content', [60, '[role]', 40, 'a'], 1],
    ['it fails late, before any content', [100, down], 1],
    ['its first content comes in time, whatever comes after', [99, 'a', 500, 'b'], 0],
    ['its first content comes in time and it fails late', ['a', 500, down], 0],
    ['all comes in time', [40, '[role]', 40, 'a', 40, 'b', 40, '[end]'], 0],
  ])('is slow by its first content: when %s', async (_name, script, slow) => {
    const { streams, counts } = open({ slowCallMs: 100 });
    await time.advance(5_000);
    await read(streams, script);
    expect(counts()).toMatchObject({ calls: 1, slow });
  });

  it('is not slow by what its consumer does meanwhile', async () => {
    const { streams, counts } = open({ slowCallMs: 100 });
    for await (const event of streams[form](['a', 'b'])) {
      expect(event).toBeDefined();
      const waited = pass(500);
      await time.advance(500);
      await waited;
    }
    expect(counts()).toMatchObject({ calls: 1, slow: 0 });
  });

  it('is a failure when the total time is over before its first content, and else counts as nothing', async () => {
    const { streams, counts } = open();
    streams.totalMs = 100;
    expect(await read(streams, [200, 'a'])).toMatchObject({ code: 'timeout_total' });
    expect(counts()).toMatchObject({ calls: 1, failures: 1 });
    expect(await read(streams, ['a', 200, 'b'])).toMatchObject({ code: 'timeout_total' });
    expect(counts()).toMatchObject({ calls: 1, failures: 1 });
  });
});

describe('a stream that a promise gives', () => {
  it('is not slow by the time until somebody reads it', async () => {
    const { streams, counts } = open({ slowCallMs: 100 });
    const stream = await streams.promise(['a']);
    await time.advance(500);
    await collect(stream);
    expect(counts()).toMatchObject({ calls: 1, slow: 0 });
  });

  it('is slow by its first event, where nobody says what carries content', async () => {
    const breaker = new Breaker({ key: () => 'it', slowCallMs: 100 });
    class Plain {
      readonly [policyHost]: PolicyHost = {};
      @CircuitBreaker(breaker)
      async events() {
        return play(['a', 500, 'b']);
      }
    }
    const reading = collect(await new Plain().events());
    await time.advance(500);
    await reading;
    expect(breaker.snapshot()['it']).toMatchObject({ calls: 1, slow: 0 });
  });

  it('is slow by opening and waiting added up', async () => {
    const { streams, counts } = open({ slowCallMs: 100 });
    const opening = streams.promise([60, 40, 'a']);
    await time.advance(60);
    const stream = await opening;
    await time.advance(500);
    const reading = collect(stream);
    await time.advance(40);
    await reading;
    expect(counts()).toMatchObject({ calls: 1, slow: 1 });
  });

  it('holds its permit while nobody reads it, until it is aborted', async () => {
    const { breaker, streams } = open({ halfOpenCalls: 1 });
    breaker.open({ forMs: 10, key: 'it' });
    await time.advance(10);
    const controller = new AbortController();
    await streams.promise(['a'], { signal: controller.signal });
    expect(await failureOf(streams.promise(['a']))).toMatchObject({ code: 'circuit_open' });
    controller.abort();
    await settled();
    await collect(await streams.promise(['a']));
    expect(breaker.state).toBe('closed');
  });
});
