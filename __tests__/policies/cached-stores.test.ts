import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import Keyv from 'keyv';
import {
  AbortError,
  Cache,
  Cached,
  snapshotOf,
  StoreUnavailableError,
  type CacheOptions,
  type CacheStore,
  type PolicyEventOf,
} from '../../decorators/index.js';
import type { Runtime } from '../../decorators/pipeline/runtime';
import { counts, eventsOf, JsonStore, Library, states } from '../support/cached';
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

describe('the memory', () => {
  it('keeps maxEntries, those used last', async () => {
    const library = new Library({ ttlMs: 1000, maxEntries: 2 });
    for (const name of ['a', 'b', 'a', 'c']) await library.find(name);
    expect(library.asked).toBe(3);
    await library.find('a');
    await library.find('c');
    expect(library.asked).toBe(3);
    await library.find('b');
    expect(library.asked).toBe(4);
    expect(counts(library)).toMatchObject({ entries: 2 });
  });

  it('keeps a thousand by default', async () => {
    const library = new Library({ ttlMs: 1000 });
    for (let i = 0; i < 1001; i++) await library.find(i);
    expect(counts(library)).toMatchObject({ entries: 1000 });
  });

  it('keeps maxBytes, two for each character of key and answer', async () => {
    const text = 'x'.repeat(1000);
    class Texts {
      asked = 0;
      constructor(readonly maxBytes?: number) {}
      @Cached((self) => ({ ttlMs: 1000, maxBytes: self.maxBytes }))
      async give(_name: string, length = 1000) {
        this.asked++;
        return text.slice(0, length);
      }
    }
    // {"v":1,"value":"…"} and keelson:<64 digits>
    const each = 2 * (1000 + 18 + 72);
    const texts = new Texts(2 * each);
    await texts.give('a');
    await texts.give('b');
    expect(counts(texts, 'give')).toMatchObject({ entries: 2, bytes: 2 * each });
    await texts.give('a');
    await texts.give('b');
    expect(texts.asked).toBe(2);
    expect(counts(texts, 'give')).toMatchObject({ entries: 2, bytes: 2 * each });
    await texts.give('c', 1);
    expect(counts(texts, 'give')).toMatchObject({ entries: 2, bytes: each + 2 * (1 + 18 + 72) });
    const small = new Texts(each);
    await small.give('a');
    expect(counts(small, 'give')).toMatchObject({ entries: 1 });
    const tooSmall = new Texts(each - 1);
    await tooSmall.give('b', 10);
    const events = eventsOf(tooSmall, 'cache', 'warning');
    await tooSmall.give('a');
    expect(states(events)).toEqual(['miss']);
    // What does not fit pushes nothing out.
    expect(counts(tooSmall, 'give')).toMatchObject({ entries: 1, uncacheable: 0 });
  });

  it('forgets what has expired', async () => {
    const library = new Library({ ttlMs: 1000 });
    await library.find('a');
    await time.advance(500);
    await library.find('b');
    await time.advance(500);
    expect(counts(library)).toMatchObject({ entries: 1 });
    await time.advance(500);
    expect(counts(library)).toMatchObject({ entries: 0, bytes: 0 });
  });

  it('is like a list in the order of use, whatever is asked', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ ask: fc.integer({ min: 0, max: 5 }) }) },
      { weight: 1, arbitrary: fc.record({ pass: fc.integer({ min: 1, max: 60 }) }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, maxEntries) => {
          const library = new Library({ ttlMs: 100, maxEntries });
          /** The one used last at the end. */
          let model: { name: number; expiresAt: number; asked: number }[] = [];
          for (const { ask, pass } of steps as { ask?: number; pass?: number }[]) {
            if (pass !== undefined) await time.advance(pass);
            if (ask === undefined) continue;
            const found = model.find(({ name, expiresAt }) => name === ask && expiresAt > time.now());
            const before = library.asked;
            const { asked } = await library.find(ask);
            model = model.filter(({ name }) => name !== ask);
            model.push(found ?? { name: ask, expiresAt: time.now() + 100, asked });
            model = model.slice(-maxEntries);
            expect(asked).toBe(found?.asked ?? library.asked);
            expect(library.asked - before).toBe(found ? 0 : 1);
          }
          const alive = model.filter(({ expiresAt }) => expiresAt > time.now());
          expect(counts(library)).toMatchObject({ entries: alive.length });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('shows nothing before the first call, and forgets what it is told to', async () => {
    const cache = new Cache({ ttlMs: 1000 });
    const library = new Library(cache);
    const nothing = { hits: 0, misses: 0, joined: 0, uncacheable: 0, failures: 0, entries: 0, bytes: 0 };
    expect(snapshotOf(library, 'find')).toEqual([{ kind: 'Cached', snapshot: nothing }]);
    const [events] = [eventsOf(library, 'cache')];
    await library.find('a');
    expect(snapshotOf(library, 'find')[0]?.snapshot).toEqual(cache.snapshot());
    await cache.delete((events[0] as PolicyEventOf<'cache'>).key);
    expect(cache.snapshot()).toMatchObject({ entries: 0, bytes: 0, misses: 1 });
    expect((await library.find('a')).asked).toBe(2);
  });
});

describe('a store', () => {
  it('is asked in place of the memory, for ttlMs', async () => {
    const store = new JsonStore();
    const library = new Library({ ttlMs: 1000, store });
    await library.find('a');
    await settled();
    expect((await library.find('a')).asked).toBe(1);
    expect(store.calls).toEqual(['get', 'set', 'get']);
    expect(counts(library)).toMatchObject({ hits: 1, entries: 0, bytes: 0 });
    await time.advance(1000);
    expect((await library.find('a')).asked).toBe(2);
  });

  it('may be Keyv itself', async () => {
    const store = new Keyv();
    const cache = new Cache({ ttlMs: 60_000, store });
    const [a, b] = [new Library(cache), new Library({ ttlMs: 60_000, store })];
    const events = eventsOf(a, 'cache');
    await a.find('a');
    await settled();
    expect(await b.find('a')).toEqual({ asked: 1, args: 1 });
    const pages = await collect(a.pages('a'));
    await settled();
    expect(await collect(b.pages('a'))).toEqual(pages);
    expect(b.asked).toBe(0);
    await cache.delete((events[0] as PolicyEventOf<'cache'>).key);
    await b.find('a');
    expect(b.asked).toBe(1);
  });

  it('may answer at once, by null, and by JSON that it has read itself', async () => {
    const kept = new Map<string, unknown>();
    const store: CacheStore = {
      get: (key) => kept.get(key) ?? null,
      set: (key, value) => void kept.set(key, JSON.parse(value)),
      delete: (key) => kept.delete(key),
    };
    const library = new Library({ ttlMs: 1000, store });
    const first = await library.find('a');
    const second = await library.find('a');
    expect(second).toEqual(first);
    second.asked = 'changed';
    expect(await library.find('a')).toEqual(first);
    expect(counts(library)).toMatchObject({ failures: 0 });
  });

  const down = new Error('connect ECONNREFUSED');
  const failing = (fail: () => unknown): CacheStore => ({ get: fail, set: fail, delete: fail });
  it.each<[string, CacheStore]>([
    ['rejects', failing(() => Promise.reject(down))],
    [
      'throws',
      failing(() => {
        throw down;
      }),
    ],
  ])('that %s fails no call: each failure is told', async (_how, store) => {
    const library = new Library({ ttlMs: 1000, store });
    const events = eventsOf(library, 'cache');
    expect((await library.find('a')).asked).toBe(1);
    await settled();
    expect((await library.find('a')).asked).toBe(2);
    expect(await collect(library.pages('a'))).toHaveLength(3);
    await settled();
    expect(states(events).slice(0, 3)).toEqual(['failed', 'miss', 'failed']);
    const { error, key } = events[0] as PolicyEventOf<'cache'>;
    expect(key).toMatch(/^keelson:/);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error?.message).toBe(
      'The store of the cache of find() failed, and the call goes on without it: connect ECONNREFUSED',
    );
    expect(error?.cause).toBe(down);
    expect(counts(library)).toMatchObject({ failures: 4, hits: 0, misses: 2 });
  });

  it('that says it did not keep an answer has failed', async () => {
    for (const set of [() => false, async () => false]) {
      const library = new Library({ ttlMs: 1000, store: { get: () => undefined, set, delete: () => true } });
      const events = eventsOf(library, 'cache');
      await library.find('a');
      await settled();
      expect(states(events)).toEqual(['miss', 'failed']);
      expect((events[1] as PolicyEventOf<'cache'>).error?.message).toContain(
        'The store did not take the entry.',
      );
    }
  });

  it.each(['{', '1', 'null', '"text"', '{"v":2,"value":1}', '{"v":1,"events":[]}'])(
    'that holds %s, which is no answer of the cache, is told of and written anew',
    async (text) => {
      const store = new JsonStore();
      const library = new Library({ ttlMs: 1000, store });
      await library.find('a');
      await settled();
      const [key] = [...store.kept.keys()];
      store.kept.set(key!, { json: JSON.stringify(text), expiresAt: Infinity });
      const events = eventsOf(library, 'cache');
      expect((await library.find('a')).asked).toBe(2);
      await settled();
      expect((await library.find('a')).asked).toBe(2);
      expect(states(events)).toEqual(['failed', 'miss', 'stored', 'hit']);
    },
  );

  it('that holds a value where a stream is asked for is not believed', async () => {
    const store = new JsonStore();
    const library = new Library({ ttlMs: 1000, store });
    await collect(library.pages('a'));
    await settled();
    const [key] = [...store.kept.keys()];
    store.kept.set(key!, { json: JSON.stringify('{"v":1,"value":1}'), expiresAt: Infinity });
    const events = eventsOf(library, 'cache');
    expect(await collect(library.pages('a'))).toHaveLength(3);
    expect(library.asked).toBe(2);
    expect((events[0] as PolicyEventOf<'cache'>).error?.message).toContain(
      'What the store holds was not written by this cache.',
    );
  });

  it('that hangs holds a call up for storeTimeoutMs, and is then left alone for ten times as long', async () => {
    let asked = 0;
    const hang = () => (asked++, new Promise(() => undefined));
    const library = new Library({ ttlMs: 1000, storeTimeoutMs: 100, store: failing(hang) });
    const events = eventsOf(library, 'cache');
    let answer: unknown;
    void library.find('a').then((given) => (answer = given));
    await time.advance(99);
    expect(answer).toBeUndefined();
    await time.advance(1);
    expect(answer).toEqual({ asked: 1, args: 1 });
    // Neither is the answer stored, nor the next looked up.
    expect((await library.find('b')).asked).toBe(2);
    expect(asked).toBe(1);
    expect(states(events)).toEqual(['failed', 'miss', 'miss']);
    expect((events[0] as PolicyEventOf<'cache'>).error?.message).toContain(
      'it has not answered within 100 ms (storeTimeoutMs).',
    );
    await time.advance(999);
    await library.find('c');
    expect(asked).toBe(1);
    await time.advance(1);
    void library.find('d');
    await settled();
    expect(asked).toBe(2);
    await time.advance(100);
  });

  it('that hangs while it stores is not waited for', async () => {
    const store = new JsonStore();
    store.set = () => new Promise(() => undefined);
    const library = new Library({ ttlMs: 1000, store });
    const events = eventsOf(library, 'cache');
    expect((await library.find('a')).asked).toBe(1);
    await time.advance(999);
    expect(states(events)).toEqual(['miss']);
    await time.advance(1);
    expect(states(events)).toEqual(['miss', 'failed']);
  });

  it('is not waited for by a process that ends, while it stores', async () => {
    const setTimer = jest.spyOn(time as Runtime, 'setTimer');
    await new Library({ ttlMs: 1000, store: new JsonStore() }).find('a');
    await settled();
    expect(setTimer.mock.calls.map(([, , options]) => options?.background)).toEqual([false, true]);
  });

  it('stores also what a caller has asked for who has left since', async () => {
    const store = new JsonStore();
    const stored = deferred<boolean>();
    store.set = () => stored.promise;
    const library = new Library({ ttlMs: 1000, store, singleFlight: false });
    const events = eventsOf(library, 'cache');
    const controller = new AbortController();
    await library.find('a', { signal: controller.signal });
    controller.abort();
    stored.resolve(true);
    await settled();
    expect(states(events)).toEqual(['miss', 'stored']);
  });

  it('that answers too late, or after the call has been left, is not heard', async () => {
    const slow = deferred<unknown>();
    const store = new JsonStore();
    store.get = () => slow.promise;
    const library = new Library({ ttlMs: 1000, store, storeTimeoutMs: 100 });
    const events = eventsOf(library, 'cache');
    const controller = new AbortController();
    const left = failureOf(library.find('a', { signal: controller.signal }));
    await settled();
    controller.abort();
    expect(await left).toBeInstanceOf(AbortError);
    expect(time.pendingTimers).toBe(0);
    const answer = library.find('a');
    await time.advance(100);
    slow.reject(new Error('late'));
    expect((await answer).asked).toBe(1);
    await settled();
    expect(states(events)).toEqual(['failed', 'miss']);
  });

  it('hides what looks like a key in what it failed with', async () => {
    const store = failing(() => Promise.reject(new Error('redis://user:hunter2secret@host refused')));
    const library = new Library({ ttlMs: 1000, store });
    const events = eventsOf(library, 'cache');
    await library.find('a');
    expect((events[0] as PolicyEventOf<'cache'>).error?.message).not.toContain('hunter2secret');
  });

  it('of a given Cache rejects what it cannot delete', async () => {
    const cache = new Cache({ ttlMs: 1, store: failing(() => Promise.reject(down)) } satisfies CacheOptions);
    expect(await failureOf(cache.delete('key'))).toBe(down);
  });
});
