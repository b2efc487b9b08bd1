import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  ConnectionError,
  currentCall,
  Hedged,
  Limiter,
  onPolicyEvent,
  policyHost,
  RateLimited,
  RetryWithBackoff,
  snapshotOf,
  Timeout,
  type Call,
  type HedgedOptions,
  type PolicyEvent,
  type PolicyHost,
} from '../../decorators/index.js';
import { collect, deferred, failureOf } from '../support/policies';
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

const free: HedgedOptions = { maxExtraRatio: 100, budget: false, delayMs: 100 };
const pass = (ms: number) => new Promise<void>((resolve) => void time.setTimer(resolve, ms));
const attempt = () => (currentCall() as Call).attempt;

type Step = number | string | Error;
/** A number passes that many milliseconds, a string is an event, an error is thrown. */
async function* play(script: readonly Step[]): AsyncGenerator<string> {
  for (const step of script) {
    if (typeof step === 'number') await pass(step);
    else if (step instanceof Error) throw step;
    else yield step;
  }
}

class Streaming {
  readonly [policyHost]: PolicyHost = { carriesContent: (_method, event) => event !== 'role' };
  readonly events: PolicyEvent[] = [];
  readonly closed: number[] = [];
  readonly limiter = new Limiter({ maxConcurrent: 5 });
  constructor(
    /** The script of each attempt. */
    readonly scripts: readonly (readonly Step[])[],
    readonly options: HedgedOptions = free,
  ) {
    onPolicyEvent(this, (event) => this.events.push(event));
  }
  @Hedged((self) => self.options)
  @RateLimited((self) => self.limiter)
  @Timeout({ idleMs: 10_000 })
  async *stream(): AsyncGenerator<string> {
    const number = attempt();
    currentCall()?.report({ requestId: `r${number}` });
    try {
      yield* play(this.scripts[number - 1] ?? []);
    } finally {
      this.closed.push(number);
    }
  }
  get running() {
    return this.limiter.snapshot()['default']?.concurrency.inFlight;
  }
}

async function read(client: Streaming): Promise<unknown[]> {
  const read = collect(client.stream());
  read.catch(() => undefined);
  await time.runAll();
  return read;
}

describe('a stream', () => {
  it('is won by the first event that carries content, not by the first event', async () => {
    const client = new Streaming([
      ['role', 500, 'slow'],
      ['role', 50, 'a', 400, 'b'],
    ]);
    expect(await read(client)).toEqual(['role', 'a', 'b']);
    const [started, won] = client.events.filter(({ type }) => type === 'hedge');
    expect(started).toMatchObject({ state: 'started', attempt: 2, afterMs: 100 });
    expect(won).toMatchObject({ state: 'won', attempt: 2, afterMs: 150 });
    expect(client.events.at(-1)).toMatchObject({ type: 'success', attempt: 2, facts: { requestId: 'r2' } });
  });

  it('that has begun is not hedged, however long it takes', async () => {
    const client = new Streaming([[90, 'a', 900, 'b', 900, 'c']]);
    expect(await read(client)).toEqual(['a', 'b', 'c']);
    expect(client.events.filter(({ type }) => type === 'hedge')).toEqual([]);
  });

  it('that loses is closed at once, and gives back what it held', async () => {
    const client = new Streaming([
      [500, 'late'],
      [50, 'a', 10, 'b'],
    ]);
    const stream = client.stream();
    const first = stream.next();
    await time.advance(150);
    expect((await first).value).toBe('a');
    expect(client.running).toBe(1);
    // It is in the middle of a step, and closed after it.
    await time.advance(350);
    expect(client.closed).toEqual([1]);
    const rest = collect(stream);
    await time.runAll();
    expect(await rest).toEqual(['b']);
    expect(client.closed).toEqual([1, 2]);
    expect(client.running).toBe(0);
    expect(client.events.filter(({ type }) => type === 'attempt')).toMatchObject([
      { attempt: 1, error: { code: 'aborted' } },
      { attempt: 2 },
    ]);
  });

  it('that opens at the same moment as the one that wins is closed', async () => {
    const client = new Streaming([
      [150, 'a', 10, 'b'],
      [50, 'other'],
    ]);
    const stream = client.stream();
    const first = stream.next();
    await time.advance(150);
    expect((await first).value).toBe('a');
    await settled();
    expect(client.closed).toEqual([2]);
    expect(client.running).toBe(1);
    const rest = collect(stream);
    await time.runAll();
    expect(await rest).toEqual(['b']);
    expect(client.events.at(-1)).toMatchObject({ type: 'success', attempt: 1, facts: { requestId: 'r1' } });
  });

  it('that opens in the same breath as the one that wins is closed', async () => {
    const gate = deferred();
    class Together extends Streaming {
      @Hedged((self: Streaming) => self.options)
      override async *stream() {
        const number = attempt();
        try {
          await gate.promise;
          yield `${number}`;
          await pass(10);
          yield 'more';
        } finally {
          this.closed.push(number);
        }
      }
    }
    const client = new Together([]);
    const stream = client.stream();
    const first = stream.next();
    await time.advance(150);
    gate.resolve();
    expect((await first).value).toBe('1');
    await settled();
    expect(client.closed).toEqual([2]);
    expect(client.running).toBe(1);
    const rest = collect(stream);
    await time.runAll();
    expect(await rest).toEqual(['more']);
    expect(client.running).toBe(0);
  });

  it.each([
    ['left', (stream: AsyncGenerator) => stream.return(undefined)],
    ['thrown into', (stream: AsyncGenerator) => failureOf(stream.throw(new Error('enough')))],
  ])('that is %s leaves nothing open', async (_, leave) => {
    const client = new Streaming([
      [500, 'late'],
      [50, 'a', 'b'],
    ]);
    const stream = client.stream();
    const first = stream.next();
    await time.advance(150);
    await first;
    await leave(stream);
    await time.runAll();
    expect(client.closed.sort()).toEqual([1, 2]);
    expect(client.running).toBe(0);
  });

  it('that fails after its first content is not hedged: the facts are its own', async () => {
    const broken = new ConnectionError('broken');
    const client = new Streaming([
      [150, 'a', 10, broken],
      [500, 'late'],
    ]);
    expect(await failureOf(read(client))).toBe(broken);
    expect(broken.requestId).toBe('r1');
    expect(client.events.at(-1)).toMatchObject({ type: 'failure' });
    expect(broken.attempts.map(({ requestId, code }) => [requestId, code])).toEqual([
      ['r2', 'aborted'],
      ['r1', 'connection'],
    ]);
    expect(client.running).toBe(0);
  });

  it('that fails before it is followed by another at once', async () => {
    const client = new Streaming([
      ['role', 20, new ConnectionError('down')],
      [30, 'a'],
    ]);
    expect(await read(client)).toEqual(['a']);
    expect(time.now()).toBe(50);
  });

  it('is hedged anew by each retry', async () => {
    class Retrying extends Streaming {
      @RetryWithBackoff({ baseDelayMs: 0 })
      override async *stream() {
        yield* play(this.scripts[attempt() - 1] ?? []);
      }
    }
    const down = new ConnectionError('down');
    const client = new Retrying([
      [150, down],
      [20, down],
      [200, 'late'],
      [10, 'a'],
    ]);
    expect(await read(client)).toEqual(['a']);
    expect(client.events.filter(({ type }) => type === 'hedge')).toMatchObject([
      { state: 'started', attempt: 2 },
      { state: 'started', attempt: 4 },
      { state: 'won', attempt: 4, afterMs: 110 },
    ]);
  });

  it('is measured to its first content', async () => {
    const client = new Streaming([['role', 40, 'a', 900, 'b']], { ...free, delayMs: 'p95' });
    await read(client);
    expect(snapshotOf(client, 'stream')[0]?.snapshot).toMatchObject({
      models: { default: { samples: 1, p95Ms: 40 } },
    });
  });
});

describe('a stream that a promise resolves with', () => {
  class Opening {
    readonly made: Readable[] = [];
    constructor(readonly openMs: readonly number[]) {}
    @Hedged(free)
    @RateLimited({ maxConcurrent: 5 })
    async open() {
      const number = attempt();
      // It does not hear of its abortion.
      await pass(this.openMs[number - 1] as number);
      return (this.made[number] = Readable.from([`${number} a`, `${number} b`]));
    }
  }

  it.each([
    ['later', [500, 50], 2],
    ['at the same moment', [150, 50], 1],
  ])('is won by what is open first; one that opens %s is closed', async (_, openMs, winner) => {
    const client = new Opening(openMs);
    const opened = client.open();
    await time.advance(150);
    const stream = (await opened) as AsyncIterable<string>;
    await time.advance(350);
    expect(client.made[3 - winner]?.destroyed).toBe(true);
    expect(await collect(stream)).toEqual([`${winner} a`, `${winner} b`]);
  });

  it('may be iterated although the one that lost knows no way to be closed', async () => {
    class Plain {
      @Hedged(free)
      async open(): Promise<AsyncIterable<number>> {
        const number = attempt();
        await pass(number === 1 ? 500 : 50);
        let left = 2;
        const next = async () =>
          left-- > 0 ? { value: number, done: false } : { value: number, done: true };
        return { [Symbol.asyncIterator]: () => ({ next }) as AsyncIterator<number> };
      }
    }
    const opened = new Plain().open();
    await time.runAll();
    expect(await collect(await opened)).toEqual([2, 2]);
  });
});
