// @ts-nocheck
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AbortError, ConnectionError } from '../../decorators/errors/index.js';
import { HandleApiErrors } from '../../decorators/handle-api-errors.js';
import { asksAtOnce } from '../../decorators/pipeline/asks-at-once.js';
import {
  continueWith,
  currentCall,
  definePolicy,
  type Call,
  type CallOptions,
  type CallOutcome,
  type ReadyIterator,
} from '../../decorators/pipeline/index.js';
import { replaceRuntime } from '../../decorators/pipeline/runtime.js';
import { RetryWithBackoff } from '../../decorators/retry-with-backoff.js';
import { VirtualRuntime } from '../support/virtual-runtime.js';

let restore: () => void;
let time: VirtualRuntime;
beforeEach(() => {
  time = new VirtualRuntime();
  restore = replaceRuntime(time);
});
afterEach(() => restore());

const outcomes: CallOutcome[] = [];
const seen: unknown[] = [];
const Watched = definePolicy<{ events?: boolean }>({
  kind: 'Watched',
  place: { outside: 'RetryWithBackoff' },
  create: () => ({
    run(call: Call, next, { events }) {
      call.onEnd((outcome) => outcomes.push(outcome));
      if (events) call.onEvent((event) => seen.push(event));
      return next();
    },
  }),
});
beforeEach(() => {
  outcomes.length = 0;
  seen.length = 0;
});

/** Hands out what it has without a promise; counts how often it was asked for one. */
class Source implements ReadyIterator<string>, AsyncIterable<string> {
  asked = 0;
  left = false;
  private readonly items: (string | Error)[];
  constructor(...items: (string | Error)[]) {
    this.items = items;
  }
  nextReady(): string | undefined {
    return typeof this.items[0] === 'string' ? (this.items.shift() as string) : undefined;
  }
  async next(): Promise<IteratorResult<string>> {
    this.asked++;
    const item = this.items.shift();
    if (item instanceof Error) throw item;
    return item === undefined ? { done: true, value: undefined } : { done: false, value: item };
  }
  async return(): Promise<IteratorResult<string>> {
    this.left = true;
    return { done: true, value: undefined };
  }
  [Symbol.asyncIterator](): this {
    return this;
  }
}

class Streamer {
  opened = 0;
  constructor(readonly open: (n: number) => AsyncIterable<string>) {}

  @Watched({})
  @RetryWithBackoff({ baseDelayMs: 0 })
  @HandleApiErrors()
  async *events(): AsyncGenerator<string, unknown> {
    await null;
    return continueWith(this.open(++this.opened));
  }
}

const collect = async (source: AsyncIterable<string>): Promise<string[]> => {
  const all: string[] = [];
  for await (const item of source) all.push(item);
  return all;
};

describe('continueWith()', () => {
  it('yields the rest of the stream in place of the method', async () => {
    expect(await collect(new Streamer(() => new Source('a', 'b', 'c')).events())).toEqual(['a', 'b', 'c']);
    expect(outcomes).toHaveLength(1);
  });

  it('asks the source for a promise only where it has nothing ready', async () => {
    const source = new Source('a', 'b', 'c', 'd');
    await collect(new Streamer(() => source).events());
    expect(source.asked).toBe(2);
  });

  it('takes any async iterable', async () => {
    const plain = async function* () {
      yield 'x';
      yield 'y';
    };
    expect(await collect(new Streamer(plain).events())).toEqual(['x', 'y']);
  });

  it('opens anew while nothing has come, and maps a failure afterwards', async () => {
    const failing = new Streamer((n) => (n < 3 ? new Source(new ConnectionError('no')) : new Source('a')));
    const collected = collect(failing.events());
    await time.advance(10);
    expect(await collected).toEqual(['a']);
    const late = new Streamer(() => new Source('a', new Error('boom')));
    await expect(collect(late.events())).rejects.toMatchObject({ code: 'unexpected' });
    expect(late.opened).toBe(1);
  });

  it('closes the source when the consumer leaves or the call is aborted', async () => {
    const source = new Source('a', 'b');
    for await (const item of new Streamer(() => source).events()) if (item === 'a') break;
    expect(source.left).toBe(true);
    expect(outcomes).toEqual([{ incomplete: true }]);
  });

  it('is followed by a decorated override through super, and by a plain one', async () => {
    class Decorated extends Streamer {
      @RetryWithBackoff({ maxRetries: 1, baseDelayMs: 0 })
      override async *events(): AsyncGenerator<string, unknown> {
        for await (const item of super.events()) yield item.toUpperCase();
        return undefined;
      }
    }
    class Plain extends Streamer {
      override async *events(): AsyncGenerator<string, unknown> {
        for await (const item of super.events()) yield `${item}!`;
        return undefined;
      }
    }
    expect(await collect(new Decorated(() => new Source('a', 'b')).events())).toEqual(['A', 'B']);
    expect(await collect(new Plain(() => new Source('a', 'b')).events())).toEqual(['a!', 'b!']);
  });

  it('shows every event to the policies', async () => {
    class Seen extends Streamer {
      @Watched({ events: true })
      override async *events(): AsyncGenerator<string, unknown> {
        return continueWith(new Source('a', 'b', 'c'));
      }
    }
    await collect(new Seen(() => new Source()).events());
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('is refused after a yield', async () => {
    class Late {
      @RetryWithBackoff()
      async *events(): AsyncGenerator<string, unknown> {
        yield 'a';
        return continueWith(new Source('b'));
      }
    }
    await expect(collect(new Late().events())).rejects.toThrow(
      /events\(\) returned continueWith\(\) after it had yielded/,
    );
  });
});

describe('a method that asks for its call at once', () => {
  class Client {
    inner: Client | undefined;
    seen: (Call | undefined)[] = [];
    @RetryWithBackoff()
    async quick(): Promise<Call | undefined> {
      const call = currentCall();
      await null;
      return call;
    }
    @RetryWithBackoff()
    async slow(other: Client): Promise<(string | undefined)[]> {
      const before = currentCall()?.label;
      const inner = (await other.quick())?.label;
      return [before, inner, currentCall()?.label];
    }
  }
  asksAtOnce(Client.prototype, 'quick');

  it('gets its own call, and leaves that of the method around it alone', async () => {
    expect((await new Client().quick())?.label).toBe('quick');
    expect(await new Client().slow(new Client())).toEqual(['slow', 'quick', 'slow']);
    expect(currentCall()).toBeUndefined();
  });
});

describe('the signal of an attempt', () => {
  class Client {
    @RetryWithBackoff()
    async ask(options?: CallOptions): Promise<CallOptions | undefined> {
      return options;
    }
    @RetryWithBackoff()
    async hang(options?: CallOptions): Promise<void> {
      const copy = { ...options };
      await new Promise((_, reject) =>
        copy.signal?.addEventListener('abort', () => reject(copy.signal?.reason)),
      );
    }
  }

  it('survives a copy of the options, and is aborted with the call', async () => {
    const controller = new AbortController();
    const pending = new Client().hang({ signal: controller.signal });
    controller.abort('enough');
    const error: unknown = await pending.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AbortError);
    const options = await new Client().ask({ signal: new AbortController().signal });
    expect(options?.signal).toBeInstanceOf(AbortSignal);
    expect(options?.signal).toBe(options?.signal);
  });
});
