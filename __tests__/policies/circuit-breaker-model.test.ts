import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  BadRequestError,
  Breaker,
  CircuitBreaker,
  CircuitOpenError,
  InternalServerError,
  type BreakerOptions,
} from '../../decorators/index.js';
import { deferred } from '../support/policies';
import { installVirtualRuntime, settled } from '../support/virtual-runtime';

type Ending = 'success' | 'failure' | 'ignored';
type State = 'closed' | 'open' | 'half_open' | 'isolated';

interface Numbers {
  failureRate: number;
  slowCallRate: number;
  slowCallMs: number;
  windowMs: number | undefined;
  windowCalls: number | undefined;
  minimumCalls: number;
  openMs: number;
  maxOpenMs: number;
  halfOpenCalls: number;
  halfOpenMaxMs: number;
}

/** A call that the model has let through. */
interface Running {
  readonly generation: number;
  readonly at: number;
}

/** A breaker as one would write it down first: it keeps every result with its time, and looks at the clock each millisecond. */
class Model {
  state: State = 'closed';
  generation = 0;
  openings = 0;
  private results: { at: number; failed: boolean; slow: boolean }[] = [];
  private openUntil = 0;
  private taken = 0;
  private aliveAt = 0;

  constructor(private readonly numbers: Numbers) {}

  /** The counts of what the window holds, or of the trial calls. */
  counts(now: number) {
    const { windowMs, windowCalls } = this.numbers;
    let inWindow = this.results;
    if (this.state !== 'half_open') {
      const tenth = (at: number) => Math.floor(at / ((windowMs ?? 0) / 10));
      if (windowCalls !== undefined) inWindow = inWindow.slice(-windowCalls);
      else inWindow = inWindow.filter(({ at }) => tenth(now) - tenth(at) < 10);
    }
    const calls = inWindow.length;
    const failures = inWindow.filter(({ failed }) => failed).length;
    return { calls, failures, slow: inWindow.filter(({ slow }) => slow).length };
  }

  tick(now: number): void {
    const { halfOpenCalls, halfOpenMaxMs } = this.numbers;
    const silent = now === this.aliveAt + halfOpenMaxMs;
    if (this.state === 'half_open' && this.taken === halfOpenCalls && silent) this.openAgain(now);
    if (this.state === 'open' && now === this.openUntil) {
      this.taken = 0;
      this.enter('half_open');
    }
  }

  begin(now: number): Running | undefined {
    if (this.state === 'open' || this.state === 'isolated') return undefined;
    if (this.state === 'half_open') {
      if (this.taken === this.numbers.halfOpenCalls) return undefined;
      this.taken++;
      this.aliveAt = now;
    }
    return { generation: this.generation, at: now };
  }

  end({ generation, at }: Running, ending: Ending, now: number): void {
    if (generation !== this.generation) return;
    if (ending === 'ignored') {
      if (this.state === 'half_open') this.taken--;
      return;
    }
    const { failureRate, slowCallRate, slowCallMs, minimumCalls, halfOpenCalls } = this.numbers;
    this.aliveAt = now;
    this.results.push({ at: now, failed: ending === 'failure', slow: now - at >= slowCallMs });
    const { calls, failures, slow } = this.counts(now);
    const isHalfOpen = this.state === 'half_open';
    if (calls < (isHalfOpen ? halfOpenCalls : minimumCalls)) return;
    if (failures / calls >= failureRate || slow / calls >= slowCallRate) this.openAgain(now);
    else if (isHalfOpen) this.close();
  }

  open(now: number, forMs: number): void {
    if (this.state === 'isolated') return;
    this.openUntil = now + forMs;
    this.enter('open');
  }

  isolate(): void {
    if (this.state === 'isolated') return;
    this.enter('isolated');
  }

  close(): void {
    this.openings = 0;
    this.enter('closed');
  }

  private openAgain(now: number): void {
    const { openMs, maxOpenMs } = this.numbers;
    this.openUntil = now + Math.min(maxOpenMs, openMs * 2 ** this.openings++);
    this.enter('open');
  }

  private enter(state: State): void {
    this.state = state;
    this.generation++;
    this.results = [];
  }
}

const numbers: fc.Arbitrary<Numbers> = fc
  .record({
    failureRate: fc.constantFrom(0.1, 0.3, 0.5, 2 / 3, 1),
    slowCallRate: fc.constantFrom(0.25, 0.5, 1),
    slowCallMs: fc.integer({ min: 1, max: 60 }),
    ofTime: fc.boolean(),
    size: fc.integer({ min: 1, max: 8 }),
    windowMs: fc.constantFrom(10, 70, 200),
    minimumCalls: fc.integer({ min: 1, max: 8 }),
    openMs: fc.integer({ min: 1, max: 60 }),
    more: fc.integer({ min: 0, max: 150 }),
    halfOpenCalls: fc.integer({ min: 1, max: 3 }),
    halfOpenMaxMs: fc.integer({ min: 1, max: 80 }),
  })
  .map(({ ofTime, size, windowMs, more, minimumCalls, ...rest }) => ({
    ...rest,
    windowMs: ofTime ? windowMs : undefined,
    windowCalls: ofTime ? undefined : size,
    minimumCalls: ofTime ? minimumCalls : Math.min(minimumCalls, size),
    maxOpenMs: rest.openMs + more,
  }));

type Act =
  { begin: true } | { end: number; as: Ending } | { pass: number } | { hand: 'open' | 'close' | 'isolate' };

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ begin: fc.constant(true as const) }) },
  {
    weight: 20,
    arbitrary: fc.record({
      end: fc.nat(2),
      as: fc.constantFrom<Ending>('success', 'success', 'failure', 'failure', 'ignored'),
    }),
  },
  { weight: 8, arbitrary: fc.record({ pass: fc.integer({ min: 1, max: 70 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      hand: fc.constantFrom('open' as const, 'close' as const, 'close' as const, 'isolate' as const),
    }),
  },
);

// Long ones: it takes some calls to open a circuit, and time until it is half-open.
const courses = fc.array(act, { minLength: 30, maxLength: 120, size: 'max' });

/** Ends one of the calls under way. */
type End = (as: Ending) => void;

class Service {
  constructor(readonly breaker: Breaker) {}
  @CircuitBreaker((self: Service) => self.breaker)
  async ask(started: (end: End) => void): Promise<unknown> {
    const { promise, resolve, reject } = deferred();
    started((as) => {
      if (as === 'success') resolve();
      else reject(as === 'failure' ? new InternalServerError('', 500) : new BadRequestError('', 400));
    });
    return promise;
  }
}

const forMs = 25;

describe('a circuit against any course of events', () => {
  it('does as a breaker that writes everything down', async () => {
    await fc.assert(
      fc.asyncProperty(numbers, courses, async (given, course) => {
        const { runtime, restore } = installVirtualRuntime();
        try {
          const breaker = new Breaker({ ...given, key: () => 'it' } as BreakerOptions);
          const [service, model] = [new Service(breaker), new Model(given)];
          const underWay: { running: Running; end: End; trial: boolean }[] = [];
          // So that there is a circuit to compare, and to open by hand.
          breaker.close({ key: 'it' });
          model.close();
          let isolated = false;
          for (const step of course) {
            if ('begin' in step) {
              const expected = model.begin(runtime.now());
              let end: End | undefined;
              const call = service.ask((given) => (end = given)).catch((error: unknown) => error);
              await settled();
              if ((end !== undefined) !== (expected !== undefined)) expect(end).toBe(expected);
              if (isolated) expect(end).toBeUndefined();
              if (end && expected)
                underWay.push({ running: expected, end, trial: model.state === 'half_open' });
              else expect(await call).toBeInstanceOf(CircuitOpenError);
              const trials = underWay.filter(
                ({ trial, running }) => trial && running.generation === model.generation,
              );
              expect(trials.length).toBeLessThanOrEqual(given.halfOpenCalls);
            } else if ('end' in step) {
              const [ended] = underWay.splice(step.end, 1);
              if (!ended) continue;
              model.end(ended.running, step.as, runtime.now());
              ended.end(step.as);
              await settled();
            } else if ('pass' in step) {
              for (let ms = 1; ms <= step.pass; ms++) model.tick(runtime.now() + ms);
              await runtime.advance(step.pass);
            } else if (step.hand === 'open') {
              breaker.open({ key: 'it', forMs });
              model.open(runtime.now(), forMs);
            } else {
              isolated = step.hand === 'isolate';
              breaker[step.hand]({ key: 'it' });
              model[step.hand]();
            }
            // Not looked at between: what time has changed is found by the next call too.
            if ('pass' in step) continue;
            const shown = breaker.snapshot()['it'];
            const counts = model.counts(runtime.now());
            const wanted = { state: model.state, openings: model.openings, ...counts };
            // `expect` alone would take most of the time.
            const differs = Object.entries(wanted).some(
              ([name, value]) => shown?.[name as keyof typeof wanted] !== value,
            );
            if (differs) expect(shown).toMatchObject(wanted);
          }
        } finally {
          restore();
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
