// @ts-nocheck
import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LLMError } from '../../decorators/index.js';
import {
  AbortError,
  ConnectionError,
  currentCall,
  definePolicy,
  HandleApiErrors,
  policyHost,
  RetryWithBackoff,
  Timeout,
  type CallFacts,
  type CallOptions,
  type CallOutcome,
  type PolicyHost,
} from '../../decorators/index.js';
import { collect, deferred, failureOf, takeOne } from '../support/policies';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';

let time: VirtualRuntime;
let restore: () => void;
/** How many permits are out, and how each came back. */
let held = 0;
let released: CallOutcome[] = [];
let facts: CallFacts[] = [];
beforeEach(() => {
  ({ runtime: time, restore } = installVirtualRuntime());
  held = 0;
  released = [];
  facts = [];
});
afterEach(() => {
  expect(time.pendingTimers).toBe(0);
  restore();
});

const Permit = definePolicy({
  kind: 'Permit',
  place: 'admission',
  create: () => ({
    run(call, next) {
      held++;
      call.onEnd((outcome) => {
        held--;
        released.push(outcome);
        facts.push(call.facts);
      });
      return next();
    },
  }),
});
const reset = () => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });

/** A stream whose course the test writes: what each opening yields, an `Error` to be thrown, or `hang`. */
class Client {
  opened = 0;
  closed = 0;
  thrownIn: unknown;
  constructor(private readonly script: unknown[][]) {}

  @Permit()
  @RetryWithBackoff({ baseDelayMs: 0 })
  @HandleApiErrors()
  async *events(_options?: CallOptions): AsyncGenerator<unknown, string, unknown> {
    const steps = this.script[this.opened++] ?? [];
    try {
      for (const step of steps) {
        await null;
        if (step instanceof Error) throw step;
        if (step === 'hang') await new Promise(() => undefined);
        const answer = yield step;
        if (answer !== undefined) yield { answer };
      }
      return 'the end';
    } catch (error) {
      this.thrownIn = error;
      throw error;
    } finally {
      await null;
      this.closed++;
    }
  }
}

/** Runs `promise` while virtual time passes. */
async function running<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  await time.runAll();
  return promise;
}

describe('the opening of a stream', () => {
  it('is tried again, and the consumer sees one clean stream', async () => {
    const client = new Client([[reset()], [reset()], [1, 2, 3]]);
    expect(await running(collect(client.events()))).toEqual([1, 2, 3]);
    expect([client.opened, client.closed, held]).toEqual([3, 3, 0]);
    expect(released).toEqual([
      { error: expect.any(ConnectionError) },
      { error: expect.any(ConnectionError) },
      {},
    ]);
  });

  it('fails with the mapped error and all attempts', async () => {
    const client = new Client([[reset()], [reset()], [reset()], [reset()]]);
    const error = (await running(failureOf(client.events().next()))) as LLMError;
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.attempts).toHaveLength(4);
    expect(held).toBe(0);
  });

  it('does not begin before the first next()', async () => {
    const client = new Client([[1]]);
    client.events();
    await settled();
    expect([client.opened, held]).toEqual([0, 0]);
  });

  it.each([
    [
      'return()',
      async (stream: AsyncGenerator) => expect(await stream.return('x')).toEqual({ done: true, value: 'x' }),
    ],
    ['throw()', async (stream: AsyncGenerator) => expect(await failureOf(stream.throw('x'))).toBe('x')],
  ])('does not begin at all when the stream is ended by %s first', async (_, end) => {
    const client = new Client([[1]]);
    const stream = client.events();
    await end(stream);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect([client.opened, held]).toEqual([0, 0]);
  });

  it('covers an empty stream', async () => {
    const client = new Client([[]]);
    expect(await client.events().next()).toEqual({ done: true, value: 'the end' });
    expect(released).toEqual([{}]);
  });
});

describe('carriesContent of the host', () => {
  class Hosted extends Client {
    readonly [policyHost]: PolicyHost = {
      carriesContent: (method, event) => method === 'events' && event !== 'role',
    };
  }

  it('keeps an opening open to another try until content has come, and hands on what came before', async () => {
    const client = new Hosted([
      ['role', reset()],
      ['role', 'role', 'text', 'more'],
    ]);
    expect(await running(collect(client.events()))).toEqual(['role', 'role', 'text', 'more']);
    expect(client.opened).toBe(2);
  });

  it('does not retry after content', async () => {
    const client = new Hosted([['role', 'text', reset()]]);
    const seen: unknown[] = [];
    const failure = failureOf(
      (async () => {
        for await (const event of client.events()) seen.push(event);
      })(),
    );
    expect(await failure).toBeInstanceOf(ConnectionError);
    expect(seen).toEqual(['role', 'text']);
  });

  it('gives a stream without content in full', async () => {
    const client = new Hosted([['role', 'role']]);
    expect(await collect(client.events())).toEqual(['role', 'role']);
  });

  it('lets a consumer who leaves among the buffered events close the stream', async () => {
    const client = new Hosted([['role', 'text', 'more']]);
    const stream = client.events();
    await stream.next();
    await stream.return('');
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect([client.closed, held]).toEqual([1, 0]);
  });
});

describe('throw() among the events that were read ahead', () => {
  it('is answered by the method, and what it yields then comes next', async () => {
    class Recovers {
      readonly [policyHost]: PolicyHost = { carriesContent: (_method, event) => event === 'text' };
      @HandleApiErrors()
      async *events() {
        try {
          yield 'role';
          yield 'text';
        } catch {
          yield 'recovered';
        }
      }
    }
    const stream = new Recovers().events();
    expect(await stream.next()).toMatchObject({ value: 'role' });
    expect(await stream.throw(reset())).toMatchObject({ value: 'recovered' });
    expect(await stream.next()).toMatchObject({ done: true });
  });
});

describe('a stream that has begun', () => {
  it('is mapped when it fails, and never replayed', async () => {
    const client = new Client([[1, reset()]]);
    const stream = client.events();
    expect(await stream.next()).toEqual({ done: false, value: 1 });
    expect(await failureOf(stream.next())).toBeInstanceOf(ConnectionError);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect([client.opened, client.closed, held]).toEqual([1, 1, 0]);
    expect(released).toEqual([{ error: expect.any(ConnectionError) }]);
  });

  it.each<[string, (stream: AsyncGenerator<unknown, string, unknown>) => Promise<unknown>, CallOutcome]>([
    ['its end', collect, {}],
    [
      'break',
      async (stream) => {
        await takeOne(stream);
      },
      { incomplete: true },
    ],
    [
      'a throw of the consumer',
      async (stream) => {
        await failureOf(
          (async () => {
            for await (const event of stream) throw new Error(`mine: ${String(event)}`);
          })(),
        );
      },
      { incomplete: true },
    ],
    [
      'return()',
      async (stream) => {
        await stream.next();
        expect(await stream.return('early')).toEqual({ done: true, value: 'early' });
      },
      { incomplete: true },
    ],
    [
      'throw()',
      async (stream) => {
        await stream.next();
        await failureOf(stream.throw(reset()));
      },
      { error: expect.any(ConnectionError) as never },
    ],
    [
      'return() of another generator that delegates to it',
      async (stream) => {
        async function* outer() {
          yield* stream;
        }
        const outside = outer();
        await outside.next();
        await outside.return();
      },
      { incomplete: true },
    ],
  ])('ends the call exactly once by %s', async (_, consume, outcome) => {
    const client = new Client([[1, 2]]);
    await consume(client.events());
    expect(released).toEqual([outcome]);
    expect([held, client.closed]).toEqual([0, 1]);
  });

  it('ends by throw() of a generator that delegates to it, and the body sees the error', async () => {
    const client = new Client([[1, 2]]);
    const outside = (async function* () {
      return yield* client.events();
    })();
    await outside.next();
    const mine = reset();
    expect(await failureOf(outside.throw(mine))).toBeInstanceOf(ConnectionError);
    expect(client.thrownIn).toBe(mine);
    expect([held, client.closed]).toEqual([0, 1]);
  });

  it('takes the values given to next(), and gives the return value', async () => {
    const stream = new Client([[1, 2]]).events();
    await stream.next('ignored, as by any generator');
    expect(await stream.next('hello')).toEqual({ done: false, value: { answer: 'hello' } });
    await stream.next();
    expect(await stream.next()).toEqual({ done: true, value: 'the end' });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('answers concurrent calls in their order', async () => {
    const client = new Client([[1, 2]]);
    const stream = client.events();
    const steps = await Promise.all([stream.next(), stream.next(), stream.return('x'), stream.next()]);
    expect(steps).toEqual([
      { done: false, value: 1 },
      { done: false, value: 2 },
      { done: true, value: 'x' },
      { done: true, value: undefined },
    ]);
    expect(released).toEqual([{ incomplete: true }]);
  });

  it('rejects as it is what is thrown into it after its end', async () => {
    const stream = new Client([[1]]).events();
    await collect(stream);
    const mine = new Error('mine');
    expect(await failureOf(stream.throw(mine))).toBe(mine);
  });

  it('that fails while it is being left ends the call with that failure', async () => {
    class Sloppy {
      @Permit()
      @HandleApiErrors()
      async *events() {
        try {
          yield 1;
        } finally {
          throw reset();
        }
      }
    }
    const stream = new Sloppy().events();
    await stream.next();
    expect(await failureOf(stream.return())).toBeInstanceOf(ConnectionError);
    expect(held).toBe(0);
  });

  it('is left by `await using`', async () => {
    const client = new Client([[1, 2]]);
    const stream = client.events();
    await stream.next();
    await (stream as never as Record<symbol, () => Promise<void>>)[Symbol.asyncDispose]?.();
    expect(released).toEqual([{ incomplete: true }]);
  });
});

describe('an abort of a stream', () => {
  it('ends a step under way at once, though the body hears nothing', async () => {
    const controller = new AbortController();
    const client = new Client([[1, 'hang']]);
    const stream = client.events({ signal: controller.signal });
    await stream.next();
    const step = failureOf(stream.next());
    controller.abort('enough');
    expect(await step).toBeInstanceOf(AbortError);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(released).toEqual([{ error: expect.any(AbortError) }]);
  });

  it('between events makes the next step reject: it is never a silent end', async () => {
    const controller = new AbortController();
    const client = new Client([[1, 2]]);
    const stream = client.events({ signal: controller.signal });
    await stream.next();
    controller.abort('enough');
    await settled();
    expect([client.closed, held]).toEqual([1, 0]);
    expect(await failureOf(stream.next())).toBeInstanceOf(AbortError);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('while it is opened lets the method clean up as soon as it goes on', async () => {
    const gate = deferred();
    const controller = new AbortController();
    let closed = false;
    class Slow {
      @HandleApiErrors()
      async *events(_options: CallOptions) {
        try {
          await gate.promise;
          yield 1;
          yield 2;
        } finally {
          closed = true;
        }
      }
    }
    const step = failureOf(new Slow().events({ signal: controller.signal }).next());
    await settled();
    controller.abort();
    expect(await step).toBeInstanceOf(AbortError);
    gate.resolve();
    await settled();
    expect(closed).toBe(true);
  });

  it('answers what was asked for meanwhile with the end', async () => {
    const controller = new AbortController();
    const stream = new Client([[1, 'hang']]).events({ signal: controller.signal });
    await stream.next();
    const [first, second] = [failureOf(stream.next()), stream.next()];
    controller.abort();
    expect(await first).toBeInstanceOf(AbortError);
    expect(await second).toEqual({ done: true, value: undefined });
  });

  it('is not confused by a step that the body finishes late', async () => {
    const gate = deferred();
    const controller = new AbortController();
    class Late {
      @HandleApiErrors()
      async *events(_options: CallOptions) {
        yield 1;
        await gate.promise;
        throw new Error('too late to matter');
      }
    }
    const stream = new Late().events({ signal: controller.signal });
    await stream.next();
    const first = failureOf(stream.next());
    controller.abort();
    expect(await first).toBeInstanceOf(AbortError);
    gate.resolve();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });
});

describe('a method that resolves with a stream', () => {
  class Numbers implements AsyncIterable<number> {
    readonly title = 'numbers';
    returned = 0;
    constructor(readonly items: (number | Error)[]) {}
    async *[Symbol.asyncIterator]() {
      try {
        for (const item of this.items) {
          if (item instanceof Error) throw item;
          currentCall()?.report({ requestId: `r${item}` });
          yield item;
        }
      } finally {
        this.returned++;
      }
    }
  }
  class Opener {
    opened = 0;
    constructor(private readonly scripts: (Numbers | Error | AsyncIterable<unknown>)[]) {}
    @RetryWithBackoff({ baseDelayMs: 0 })
    @Permit()
    @HandleApiErrors()
    async open(_options?: CallOptions): Promise<AsyncIterable<unknown>> {
      const script = this.scripts[this.opened++];
      if (script instanceof Error || !script) throw script;
      return script;
    }
  }

  it('keeps object and class, is retried until it resolves, and holds its permit to the end', async () => {
    const numbers = new Numbers([1, 2]);
    const stream = await running(new Opener([reset(), numbers]).open());
    expect(stream).toBe(numbers);
    expect(stream).toBeInstanceOf(Numbers);
    expect(Object.keys(numbers)).not.toContain('next');
    expect(held).toBe(1);
    expect(await collect(stream)).toEqual([1, 2]);
    expect(held).toBe(0);
    expect(released).toEqual([{ error: expect.any(ConnectionError) }, {}]);
    expect(facts[1]).toEqual({ requestId: 'r2' });
  });

  it('ends when its consumer leaves, and maps what it throws', async () => {
    const numbers = new Numbers([1, 2]);
    await takeOne(await new Opener([numbers]).open());
    expect([numbers.returned, held]).toEqual([1, 0]);
    const failing = await new Opener([new Numbers([1, reset()])]).open();
    expect(await failureOf(collect(failing))).toBeInstanceOf(ConnectionError);
    expect(held).toBe(0);
    expect(released).toEqual([{ incomplete: true }, { error: expect.any(ConnectionError) }]);
  });

  it('ends by an abort', async () => {
    const controller = new AbortController();
    const hanging = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) };
    const stream = await new Opener([hanging]).open({ signal: controller.signal });
    const step = failureOf(stream[Symbol.asyncIterator]().next());
    await settled();
    controller.abort();
    expect(await step).toBeInstanceOf(AbortError);
    expect(held).toBe(0);
  });

  it('does not mistake the late failure of an aborted step for that of the next', async () => {
    const controller = new AbortController();
    const late = deferred<never>();
    const slow = { [Symbol.asyncIterator]: () => ({ next: () => late.promise }) };
    const stream = (await new Opener([slow]).open({ signal: controller.signal }))[Symbol.asyncIterator]();
    const first = failureOf(stream.next());
    await settled();
    controller.abort();
    expect(await first).toBeInstanceOf(AbortError);
    late.reject(new Error('too late to matter'));
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('may have an iterator that gives its steps without promises', async () => {
    let n = 0;
    const plain = { [Symbol.asyncIterator]: () => ({ next: () => ({ done: ++n > 2, value: n }) as never }) };
    expect(await collect(await new Opener([plain]).open())).toEqual([1, 2]);
    expect(held).toBe(0);
  });

  it.each([
    ['read to its end', (stream: Readable) => stream.resume(), {}],
    ['destroyed', (stream: Readable) => stream.destroy(), { incomplete: true }],
    [
      'broken',
      (stream: Readable) => stream.on('error', () => undefined).destroy(reset()),
      {
        error: expect.any(ConnectionError),
      },
    ],
  ])('and is a Node stream ends when that is %s without iteration', async (_, end, outcome) => {
    const stream = (await new Opener([Readable.from(['a', 'b'])]).open()) as Readable;
    expect(stream).toBeInstanceOf(EventEmitter);
    end(stream);
    await settled();
    await settled();
    await settled();
    expect(released).toEqual([outcome]);
  });

  it('leaves arrays, strings, frozen objects and web streams as results', async () => {
    for (const result of [[1], 'text', Object.freeze(new Numbers([])), new ReadableStream()]) {
      await new Opener([result as never]).open();
      expect(held).toBe(0);
    }
  });

  it('gives back every permit when an outer stage throws the stream away', async () => {
    const Discards = definePolicy({
      kind: 'Discards',
      place: 'Cached',
      create: () => ({
        async run(_call, next) {
          await next();
          throw new Error('no');
        },
      }),
    });
    class Wasteful {
      @Discards()
      @RetryWithBackoff()
      @Permit()
      async open() {
        return new Numbers([1]);
      }
    }
    await failureOf(new Wasteful().open());
    expect(held).toBe(0);
  });
});

describe('an idle or total timeout of a stream', () => {
  it('ends a step though the body ignores the signal', async () => {
    class Stalls {
      @Timeout({ idleMs: 100 })
      @RetryWithBackoff()
      @Permit()
      async *events() {
        yield 1;
        await new Promise(() => undefined);
      }
    }
    const stream = new Stalls().events();
    await stream.next();
    const step = failureOf(stream.next());
    await time.advance(100);
    expect(await step).toMatchObject({ code: 'timeout_idle' });
    expect(held).toBe(0);
  });
});
