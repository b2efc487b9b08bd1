import fc from 'fast-check';
import { describe, it } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  BadRequestError,
  ConnectionError,
  currentCall,
  Hedged,
  Limiter,
  onPolicyEvent,
  RateLimited,
  snapshotOf,
  type Call,
  type HedgedOptions,
} from '../../decorators/index.js';
import { installVirtualRuntime, type VirtualRuntime } from '../support/virtual-runtime';

const RUNS = 100;

/** How an attempt goes. */
interface Turn {
  readonly ms: number;
  readonly ends: 'answers' | 'may pass' | 'for good';
}

const turn: fc.Arbitrary<Turn> = fc.record({
  ms: fc.integer({ min: 1, max: 400 }),
  ends: fc.constantFrom('answers', 'answers', 'may pass', 'may pass', 'for good'),
});

class Client {
  begun = 0;
  ended = 0;
  /** When and how each attempt of the method ended by itself. */
  readonly own: { id: number; attempt: number; at: number; ends: Turn['ends'] }[] = [];
  constructor(
    private readonly time: VirtualRuntime,
    readonly options: HedgedOptions,
    readonly limiter: Limiter,
    private readonly turnOf: (call: Call) => Turn,
  ) {}

  @Hedged((self) => self.options)
  @RateLimited((self) => self.limiter)
  async run(id: number): Promise<number> {
    const call = currentCall() as Call;
    const { ms, ends } = this.turnOf(call);
    this.begun++;
    call.onEnd(() => this.ended++);
    await new Promise<void>((resolve, reject) => {
      const cancel = this.time.setTimer(resolve, ms);
      call.onAbort((error) => {
        cancel();
        reject(error);
      });
    });
    this.own.push({ id, attempt: call.attempt, at: this.time.now(), ends });
    call.report({ usage: { inputTokens: 1, outputTokens: ms } });
    if (ends === 'may pass') throw new ConnectionError(`attempt ${call.attempt}`);
    if (ends === 'for good') throw new BadRequestError(`attempt ${call.attempt}`, 400);
    return call.attempt;
  }
}

/** Runs `check` on a clock of its own; nothing may be left on it. */
async function virtually(check: (time: VirtualRuntime) => Promise<void>): Promise<void> {
  const { runtime: time, restore } = installVirtualRuntime();
  try {
    await check(time);
    assert.equal(time.pendingTimers, 0, 'a timer is left');
  } finally {
    restore();
  }
}

describe('for any latencies and failures', () => {
  const scripts = fc.array(turn, { minLength: 5, maxLength: 5 });
  const options = fc.record({
    delayMs: fc.integer({ min: 0, max: 150 }),
    maxHedges: fc.integer({ min: 1, max: 4 }),
  });

  it('the answer is the earliest success, no more attempts are made than allowed, and all of them end', () =>
    fc.assert(
      fc.asyncProperty(scripts, options, (script, { delayMs, maxHedges }) =>
        virtually(async (time) => {
          const limiter = new Limiter({ tokensPerMinute: 1e-9, tokenBurst: 1e6, cost: () => 1000 });
          const client = new Client(
            time,
            { delayMs, maxHedges, maxExtraRatio: 100, budget: false },
            limiter,
            ({ attempt }) => script[attempt - 1] as Turn,
          );
          const numbers = new Set<number>();
          onPolicyEvent(client, ({ attempt }) => numbers.add(attempt));
          const settled = client.run(1).then(
            (value) => ({ value, at: time.now() }),
            (error: Error) => ({ error, at: time.now() }),
          );
          await time.runAll();
          const outcome = await settled;

          assert.ok(client.begun <= 1 + maxHedges, `${client.begun} attempts`);
          assert.equal(client.ended, client.begun);
          assert.deepEqual(
            [...numbers].sort(),
            Array.from({ length: client.begun }, (_, i) => i + 1),
          );

          // What decides: the first that answers or fails for good, in the order in which they ended.
          const decider = client.own.find(({ ends }) => ends !== 'may pass');
          if (decider?.ends === 'answers') {
            assert.deepEqual(outcome, { value: decider.attempt, at: decider.at });
          } else if (decider) {
            assert.deepEqual(
              [(outcome as { error: Error }).error.message, outcome.at],
              [`attempt ${decider.attempt}`, decider.at],
            );
          } else {
            // All have failed, and none was left to be made.
            assert.equal(client.begun, 1 + maxHedges);
            assert.equal((outcome as { error: Error }).error.message, 'attempt 1');
            assert.equal(outcome.at, client.own.at(-1)?.at);
          }

          // Answered: by usage. Refused: nothing. Broken off or given up: the reservation stays.
          const spent = client.own.reduce(
            (sum, { attempt, ends }) =>
              sum + (ends === 'for good' ? 0 : (script[attempt - 1] as Turn).ms + 1),
            1000 * (client.begun - client.own.length),
          );
          const left = limiter.snapshot()['default'];
          assert.equal(Math.round(left?.tokens?.available ?? 0), 1e6 - spent);
          assert.deepEqual([left?.concurrency.inFlight, left?.queued], [0, 0]);
        }),
      ),
      { numRuns: RUNS },
    ));

  it('with few places at a time, what waits when the answer comes costs nothing', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ script: scripts, gapMs: fc.integer({ min: 0, max: 100 }) }), {
          minLength: 1,
          maxLength: 6,
        }),
        options,
        fc.integer({ min: 1, max: 4 }),
        (calls, { delayMs, maxHedges }, maxConcurrent) =>
          virtually(async (time) => {
            const limiter = new Limiter({ maxConcurrent, requestsPerMinute: 1e-9, requestBurst: 100 });
            const client = new Client(
              time,
              { delayMs, maxHedges, maxExtraRatio: 100, budget: false },
              limiter,
              ({ args, attempt }) => calls[args[0] as number]?.script[attempt - 1] as Turn,
            );
            for (const [id, { gapMs }] of calls.entries()) {
              await time.advance(gapMs);
              void client.run(id).catch(() => undefined);
            }
            await time.runAll();
            for (const id of calls.keys()) {
              const own = client.own.filter((one) => one.id === id);
              const decider = own.findIndex(({ ends }) => ends !== 'may pass');
              // Nobody goes on after the end.
              if (decider >= 0) assert.equal(own.length, decider + 1);
            }
            assert.equal(client.ended, client.begun);
            const left = limiter.snapshot()['default'];
            assert.deepEqual([left?.concurrency.inFlight, left?.queued], [0, 0]);
            assert.equal(Math.round(left?.requests?.available ?? 0), 100 - client.begun);
          }),
      ),
      { numRuns: RUNS },
    ));

  it('of many calls, hedges stay within the cap in every minute', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ gapMs: fc.integer({ min: 0, max: 5000 }), turn }), {
          minLength: 20,
          maxLength: 60,
        }),
        fc.constantFrom(0, 0.05, 0.2, 0.5),
        (calls, maxExtraRatio) =>
          virtually(async (time) => {
            const arrivals: number[] = [];
            const hedges: number[] = [];
            const client = new Client(
              time,
              { delayMs: 20, maxHedges: 2, maxExtraRatio, budget: false },
              new Limiter({ maxConcurrent: 1000 }),
              ({ args }) => calls[args[0] as number]?.turn as Turn,
            );
            onPolicyEvent(client, (event) => {
              if (event.type === 'hedge' && event.state === 'started') hedges.push(event.at);
            });
            for (const [i, { gapMs }] of calls.entries()) {
              await time.advance(gapMs);
              arrivals.push(time.now());
              void client.run(i).catch(() => undefined);
            }
            await time.runAll();
            // The minute is counted in whole seconds.
            const within = (times: readonly number[], end: number) =>
              times.filter((at) => at <= end && Math.floor(at / 1000) > Math.floor(end / 1000) - 60).length;
            for (const at of hedges) {
              const allowed = Math.max(1, maxExtraRatio * within(arrivals, at));
              assert.ok(within(hedges, at) <= allowed, `${within(hedges, at)} hedges, allowed ${allowed}`);
            }
            const told = snapshotOf(client, 'run')[0]?.snapshot as { started: number };
            assert.equal(told.started, hedges.length);
          }),
      ),
      { numRuns: RUNS / 4 },
    ));
});
