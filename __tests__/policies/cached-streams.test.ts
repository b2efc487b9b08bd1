import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import {
  AbortError,
  Cached,
  continueWith,
  definePolicy,
  onPolicyEvent,
  policyHost,
  RetryWithBackoff,
  Timeout,
  type CachedOptions,
  type CallFacts,
  type PolicyHost,
} from '../../decorators/index.js';
import { counts, eventsOf, JsonStore, Library, states } from '../support/cached';
import { collect, deferred, failureOf, takeOne } from '../support/policies';
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

/** A stream of whatever it is given. */
class Source {
  asked = 0;
  constructor(readonly options: CachedOptions = { ttlMs: 1000, key: () => 'one' }) {}
  @Cached((self) => self.options)
  async *events(...events: unknown[]): AsyncGenerator<any, any, any> {
    this.asked++;
    yield* events;
  }
  @Cached((self) => self.options)
  async *handedOver(events: AsyncIterable<unknown>): AsyncGenerator<any, any, any> {
    this.asked++;
    return continueWith(events);
  }
  @Cached((self) => self.options)
  async *asks(): AsyncGenerator<any, any, any> {
    this.asked++;
    try {
      const told: unknown = yield 'what?';
      yield told ?? 'nothing';
    } catch {
      yield 'caught';
    }
    return 'returned';
  }
}

describe('a stream', () => {
  it('is given again as the same events, once it has been read to its end', async () => {
    const library = new Library();
    const events = eventsOf(library, 'cache');
    const first = await collect(library.pages('a'));
    expect(first).toHaveLength(3);
    expect(await collect(library.pages('a'))).toEqual(first);
    expect((await collect(library.pages('b')))[0]?.asked).toBe(2);
    expect(states(events)).toEqual(['miss', 'stored', 'hit', 'miss', 'stored']);
    expect(counts(library, 'pages')).toMatchObject({ hits: 1, misses: 2, entries: 2 });
    await time.advance(1000);
    expect((await collect(library.pages('a')))[0]?.asked).toBe(3);
  });

  it.each<[string, (library: Library) => Promise<unknown>]>([
    ['is left', (library) => takeOne(library.pages('a'))],
    ['is never begun', async (library) => library.pages('a').return(undefined)],
    [
      'fails',
      async (library) => {
        const pages = library.pages('a');
        await pages.next();
        library.gate = Promise.reject(new Error('torn'));
        await failureOf(collect(pages));
        library.gate = Promise.resolve();
      },
    ],
    [
      'is aborted',
      async (library) => {
        const controller = new AbortController();
        const pages = library.pages('a', { signal: controller.signal });
        await pages.next();
        controller.abort();
        expect(await failureOf(collect(pages))).toBeInstanceOf(AbortError);
      },
    ],
    [
      'is thrown into',
      async (library) => {
        const pages = library.pages('a');
        await pages.next();
        await failureOf(pages.throw(new Error('enough')));
      },
    ],
  ])('is not kept when it %s', async (_what, read) => {
    const library = new Library();
    await read(library);
    const before = library.asked;
    await collect(library.pages('a'));
    expect(library.asked).toBe(before + 1);
    expect(counts(library, 'pages')).toMatchObject({ hits: 0, entries: 1 });
  });

  it('is no longer the same for who changes what it gave', async () => {
    const source = new Source();
    for await (const event of source.events({ list: [1] })) event.list.push('changed');
    for await (const event of source.events()) event.list.push('changed again');
    expect(await collect(source.events())).toEqual([{ list: [1] }]);
  });

  it('gives back whatever JSON gives back, to readers of every kind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue()), async (events) => {
        const source = new Source();
        await collect(source.events(...events));
        expect(JSON.stringify(await collect(source.events()))).toBe(JSON.stringify(events));
        expect(source.asked).toBe(1);
      }),
    );
  });

  it('that was empty stays so, and tells nobody of a first event', async () => {
    const onReplay = jest.fn();
    const source = Object.assign(new Source(), { [policyHost]: { onReplay } });
    await collect(source.events());
    expect(await collect(source.events('more'))).toEqual([]);
    expect(onReplay).not.toHaveBeenCalled();
  });

  it('is closed when it is left while it is written down', async () => {
    const closed: string[] = [];
    class Closing {
      @Cached({ ttlMs: 1000 })
      async *events() {
        try {
          yield 1;
          yield 2;
        } finally {
          closed.push('events');
        }
      }
      @Cached({ ttlMs: 1000 })
      async *within() {
        return continueWith(this.events());
      }
    }
    const closing = new Closing();
    expect(await takeOne(closing.events())).toBe(1);
    expect(closed).toEqual(['events']);
    expect(await takeOne(closing.within())).toBe(1);
    expect(closed).toEqual(['events', 'events']);
  });

  it('that is handed over is kept as well, also where its events are there already', async () => {
    const events = [{ n: 1 }, { n: 2 }, { n: 3 }];
    let at = 0;
    const ready = {
      next: async () =>
        at < events.length ? { value: events[at++], done: false } : { value: undefined, done: true },
      nextReady: () => (at > 0 && at < events.length ? events[at++] : undefined),
      [Symbol.asyncIterator]: () => ready,
    };
    const source = new Source();
    expect(await collect(source.handedOver(ready as never))).toEqual(events);
    expect(await collect(source.handedOver(ready as never))).toEqual(events);
    expect(source.asked).toBe(1);
  });

  it('that is told something by its reader is not kept; what it returns is', async () => {
    const source = new Source();
    const told = source.asks();
    await told.next();
    expect(await told.next('this')).toEqual({ value: 'this', done: false });
    await told.next();
    for (let i = 0; i < 2; i++) {
      const untold = source.asks();
      expect([await untold.next(), await untold.next(), await untold.next()]).toEqual([
        { value: 'what?', done: false },
        { value: 'nothing', done: false },
        { value: 'returned', done: true },
      ]);
    }
    expect(source.asked).toBe(2);
    const thrown = source.asks();
    await thrown.next();
    expect(await failureOf(thrown.throw(new Error('no')))).toEqual(new Error('no'));
    expect(await thrown.next()).toEqual({ value: undefined, done: true });
  });

  it('that catches what is thrown into it is not kept', async () => {
    const source = new Source();
    const thrown = source.asks();
    await thrown.next();
    expect(await thrown.throw(new Error('no'))).toEqual({ value: 'caught', done: false });
    await collect(thrown);
    await collect(source.asks());
    expect(source.asked).toBe(2);
  });

  it('may be left while it is given again', async () => {
    const library = new Library();
    await collect(library.pages('a'));
    const again = library.pages('a');
    expect((await again.next()).value).toMatchObject({ page: 1 });
    expect(await again.return('enough')).toEqual({ value: 'enough', done: true });
    expect(await again.next()).toEqual({ value: undefined, done: true });
    expect(await collect(library.pages('a'))).toHaveLength(3);
  });

  it('is not shared while it runs, and kept by each', async () => {
    const library = new Library();
    await Promise.all([collect(library.pages('a')), collect(library.pages('a'))]);
    expect(library.asked).toBe(2);
    expect(counts(library, 'pages')).toMatchObject({ misses: 2, joined: 0, entries: 1 });
  });

  it('with an event that is no plain data passes, with one warning', async () => {
    const source = new Source();
    const events = eventsOf(source, 'warning');
    for (const odd of [new Date(0), undefined]) {
      expect(await collect(source.events(1, odd, odd, 2))).toEqual([1, odd, odd, 2]);
    }
    expect(source.asked).toBe(2);
    expect(events).toMatchObject([{ code: 'uncacheable_result', subject: 'events' }]);
    expect(counts(source, 'events')).toMatchObject({ uncacheable: 2, entries: 0 });
  });

  it('that returns no plain data passes, with a warning', async () => {
    class Odd {
      @Cached({ ttlMs: 1000 })
      async *events() {
        yield 1;
        return new Date(0);
      }
    }
    const odd = new Odd();
    const events = eventsOf(odd, 'warning');
    expect(await collect(odd.events())).toEqual([1]);
    expect(events).toHaveLength(1);
  });

  it('larger than maxBytes passes, and is not kept', async () => {
    const source = new Source({ ttlMs: 1000, key: () => 'one', maxBytes: 1000 });
    const events = eventsOf(source, 'warning', 'cache');
    const large = Array.from({ length: 20 }, (_, i) => `event ${i} `.repeat(5));
    for (let i = 0; i < 2; i++) expect(await collect(source.events(...large))).toEqual(large);
    expect(source.asked).toBe(2);
    expect(states(events)).toEqual(['miss', 'miss']);
  });

  it.each<[string, unknown]>([
    ['a long text', 'x'.repeat(495)],
    ['many small values', Array.from({ length: 100 }, () => 0)],
    ['long names', { ['x'.repeat(490)]: true }],
  ])('that has outgrown maxBytes by %s is not written down any further', async (_what, event) => {
    const source = new Source({ ttlMs: 1000, key: () => 'one', maxBytes: 1000 });
    const events = eventsOf(source, 'warning');
    const looked = jest.fn();
    const later = Object.defineProperty({}, 'field', { enumerable: true, get: looked });
    await collect(source.events(event, later, new Date(0)));
    expect(looked).not.toHaveBeenCalled();
    expect(events).toEqual([]);
  });

  it('is seen by policies around the cache as it is given again, and told as the cache’s', async () => {
    const seen: unknown[] = [];
    const Watched = definePolicy<object>({
      kind: 'Watched by tests of caches',
      place: { outside: 'Cached' },
      create: () => ({
        run(call, next) {
          call.onEvent((event) => seen.push(event));
          return next();
        },
      }),
    });
    const facts: CallFacts[] = [];
    const replays: unknown[] = [];
    class Watching {
      [policyHost]: PolicyHost = { onReplay: (call, first) => replays.push([call.method, first]) };
      @Watched({})
      @Cached({ ttlMs: 1000 })
      async *events() {
        yield 'a';
        yield 'b';
      }
    }
    const watching = new Watching();
    onPolicyEvent(watching, (event) => event.type === 'success' && facts.push(event.facts));
    await collect(watching.events());
    expect(replays).toEqual([]);
    await collect(watching.events());
    expect(seen).toEqual(['a', 'b', 'a', 'b']);
    expect(facts).toEqual([{}, { sent: false, fromCache: true }]);
    expect(replays).toEqual([['events', 'a']]);
    watching[policyHost] = {};
    expect(await collect(watching.events())).toEqual(['a', 'b']);
  });

  it('is kept through policies within, and mapped by others', async () => {
    const Doubled = definePolicy<object>({
      kind: 'Doubled by tests of caches',
      place: { inside: 'Cached' },
      create: () => ({
        async run(_call, next) {
          const stream = (await next()) as AsyncIterable<number>;
          return (async function* () {
            for await (const event of stream) yield event * 2;
          })();
        },
      }),
    });
    class Inner {
      asked = 0;
      @Cached({ ttlMs: 1000 })
      @Doubled({})
      @RetryWithBackoff({ baseDelayMs: 10, jitter: 'none' })
      @Timeout({ idleMs: 100 })
      async *events() {
        if (++this.asked === 1) throw Object.assign(new Error('down'), { code: 'ECONNRESET' });
        yield 1;
        yield 2;
      }
    }
    const inner = new Inner();
    const first = collect(inner.events());
    await time.advance(10);
    expect(await first).toEqual([2, 4]);
    expect(await collect(inner.events())).toEqual([2, 4]);
    expect(inner.asked).toBe(2);
  });

  it('still ends by the timeouts within, and is not kept then', async () => {
    class Idle {
      @Cached({ ttlMs: 1000 })
      @Timeout({ idleMs: 100 })
      async *events() {
        yield 1;
        await new Promise(() => undefined);
      }
    }
    const idle = new Idle();
    const failed = failureOf(collect(idle.events()));
    await time.advance(100);
    expect(await failed).toMatchObject({ code: 'timeout_idle' });
    expect(counts(idle, 'events')).toMatchObject({ entries: 0 });
  });

  it('goes through a store', async () => {
    const store = new JsonStore();
    const [a, b] = [new Library({ ttlMs: 1000, store }), new Library({ ttlMs: 1000, store })];
    const pages = await collect(a.pages('a'));
    await settled();
    expect(await collect(b.pages('a'))).toEqual(pages);
    expect(b.asked).toBe(0);
  });

  it('does not wait for its store in the end', async () => {
    const store = new JsonStore();
    const stored = deferred<boolean>();
    store.set = () => stored.promise;
    const library = new Library({ ttlMs: 1000, store });
    const events = eventsOf(library, 'cache');
    expect(await collect(library.pages('a'))).toHaveLength(3);
    expect(states(events)).toEqual(['miss']);
    stored.resolve(true);
    await settled();
    expect(states(events)).toEqual(['miss', 'stored']);
  });
});
