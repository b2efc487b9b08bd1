import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  Cache,
  Cached,
  policiesOf,
  policyHost,
  type CachedOptions,
  type Call,
  type CallOptions,
  type PolicyHost,
} from '../../decorators/index.js';
import { canonical } from '../../decorators/cache/canonical';
import { eventsOf, Library, JsonStore } from '../support/cached';
import { onMethod } from '../support/policies';

/** Whether a call with `b` is answered by what one with `a` was. */
async function isHit(a: readonly unknown[], b: readonly unknown[]): Promise<boolean> {
  const library = new Library();
  await library.find(...a);
  return (await library.find(...b)).asked === 1;
}

class Meters {
  constructor(readonly length: number) {}
  toJSON() {
    return this.length;
  }
}
class Feet extends Meters {}

describe('equal calls', () => {
  it.each<[string, unknown[], unknown[]]>([
    ['keys in another order', [{ a: 1, b: { c: 2, d: 3 } }], [{ b: { d: 3, c: 2 }, a: 1 }]],
    ['properties that are undefined', [{ a: 1, b: undefined }], [{ a: 1 }]],
    ['arguments left out', ['a', undefined, undefined], ['a']],
    ['the same moment', [new Date(5)], [new Date(5)]],
    ['the same URL', [new URL('http://a.example')], [new URL('http://a.example/')]],
    ['the same bytes', [new Uint8Array([1, 2])], [Buffer.from([1, 2])]],
    ['the same part of a larger buffer', [new Uint8Array([1, 2])], [new Uint8Array([0, 1, 2]).subarray(1)]],
    ['the same buffer', [new Uint8Array([1, 2]).buffer], [new Uint8Array([1, 2]).buffer]],
    ['objects without a prototype', [Object.assign(Object.create(null), { a: 1 })], [{ a: 1 }]],
    [
      'objects without a prototype that say of themselves what they are',
      [Object.assign(Object.create(null), { toJSON: () => 'a' })],
      [Object.assign(Object.create(null), { toJSON: () => 'a' })],
    ],
    ['NaN', [NaN], [NaN]],
    ['a signal', ['a'], ['a', { signal: new AbortController().signal }]],
    ['a timeout', ['a', { timeoutMs: 5 }], ['a', { timeoutMs: 6 }]],
    ['retries', ['a', { maxRetries: 5 }], ['a', { maxRetries: 6 }]],
    ['an idempotency key', ['a', { idempotencyKey: 'x' }], ['a', { idempotencyKey: 'y' }]],
    ['names of headers', ['a', { headers: { 'X-Org': 'o' } }], ['a', { headers: { 'x-org': 'o' } }]],
    [
      'headers that follow it',
      ['a', { headers: { traceparent: '1' } }],
      ['a', { headers: { TraceParent: '2', 'x-request-id': '3' } }],
    ],
    ['headers, where all follow it', ['a', { headers: { traceparent: '1' } }], ['a']],
  ])('may differ by %s', async (_what, a, b) => {
    expect(await isHit(a, b)).toBe(true);
    expect(await isHit(b, a)).toBe(true);
  });

  it.each<[string, unknown[], unknown[]]>([
    ['a value', ['a'], ['b']],
    ['its type', [1], ['1']],
    ['a number and a big one', [1], [1n]],
    ['big numbers', [1n], [2n]],
    ['null and undefined', [null], [undefined]],
    ['the order of items', [[1, 2]], [[2, 1]]],
    ['where one item ends', [[1, 2]], [[12]]],
    ['no item and -0', [[]], [[-0]]],
    ['a hole and null', [[undefined]], [[null]]],
    ['-0 and 0', [-0], [0]],
    ['NaN and null', [NaN], [null]],
    ['NaN and its name', [NaN], ['NaN']],
    ['Infinity and -Infinity', [Infinity], [-Infinity]],
    ['a date and its text', [new Date(0)], [new Date(0).toJSON()]],
    ['dates', [new Date(0)], [new Date(1)]],
    ['classes that say the same', [new Meters(1)], [new Feet(1)]],
    ['bytes', [new Uint8Array([1])], [new Uint8Array([2])]],
    ['where one byte ends', [new Uint8Array([1, 0])], [new Uint8Array([16])]],
    ['kinds of binary', [new Uint8Array([1, 0])], [new Uint16Array([1])]],
    ['a buffer and a view of it', [new Uint8Array([1])], [new Uint8Array([1]).buffer]],
    ['buffers', [new Uint8Array([1]).buffer], [new Uint8Array([2]).buffer]],
    ['where an item stands', [['a'], []], [[], ['a']]],
    ['a header', ['a', { headers: { 'x-org': 'o' } }], ['a', { headers: { 'x-org': 'p' } }]],
    ['a field of the body', ['a', { extraBody: { seed: 1 } }], ['a', { extraBody: { seed: 2 } }]],
  ])('do not differ by %s', async (_what, a, b) => {
    expect(await isHit(a, b)).toBe(false);
  });

  it('are those whose arguments say the same, and no others', async () => {
    const value = fc.anything({ maxDepth: 3, withBigInt: true, withDate: true, withTypedArray: true });
    /** The same with every object's keys turned around. */
    const turned = (of: unknown): unknown => {
      if (Array.isArray(of)) return of.map(turned);
      if (typeof of !== 'object' || of === null || Object.getPrototypeOf(of) !== Object.prototype) return of;
      return Object.fromEntries(
        Object.entries(of)
          .reverse()
          .map(([name, field]) => [name, turned(field)]),
      );
    };
    fc.assert(fc.property(value, (of) => expect(canonical(turned(of))).toBe(canonical(of))));
    const json = fc.jsonValue({ maxDepth: 2 });
    fc.assert(
      fc.property(json, json, (a, b) => {
        const same = isEqual(a, b);
        expect(canonical(a) === canonical(b)).toBe(same);
      }),
    );
  });
});

function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [names, others] = [Object.keys(a), Object.keys(b)];
  return (
    names.length === others.length &&
    names.every((name) => Object.hasOwn(b, name) && isEqual((a as any)[name], (b as any)[name]))
  );
}

describe('what shares a cache', () => {
  class Other extends Library {}
  it('shares by method and class', async () => {
    const cache = new Cache({ ttlMs: 1000, key: () => 'the same' });
    const [a, b, other] = [new Library(cache), new Library(cache), new Other(cache)];
    await a.find('a');
    expect((await b.find('a')).asked).toBe(1);
    expect(b.asked).toBe(0);
    await other.find('a');
    expect(other.asked).toBe(1);
    await a.give(() => 'given');
    expect(a.asked).toBe(2);
    expect(cache.snapshot()).toMatchObject({ hits: 1, misses: 3, entries: 3 });
  });

  it('is split by tenant, whatever the key', async () => {
    const tenant = ({ args }: Call) => String(args[1]);
    const library = new Library({ ttlMs: 1000, tenant, key: ({ args }) => args[0] });
    await library.find('a', 'blue');
    expect((await library.find('a', 'blue')).asked).toBe(1);
    expect((await library.find('a', 'red')).asked).toBe(2);
  });

  it('is not shared by objects that have no cache in common', async () => {
    const [a, b] = [new Library(), new Library()];
    await a.find('a');
    await b.find('a');
    expect([a.asked, b.asked]).toEqual([1, 1]);
  });

  it('shares a store where it is the same, and its namespace is', async () => {
    const store = new JsonStore();
    const [a, b, c] = ['keelson', 'keelson', 'anew'].map(
      (namespace) => new Library({ ttlMs: 1000, store, namespace }),
    );
    await a!.find('a');
    await b!.find('a');
    await c!.find('a');
    expect([a!.asked, b!.asked, c!.asked]).toEqual([1, 0, 1]);
    expect([...store.kept.keys()].map((key) => key.split(':')[0])).toEqual(['keelson', 'anew']);
  });

  it.each<[string, unknown]>([
    ['of Node', { ...process, getBuiltinModule: undefined }],
    ['of a process', undefined],
  ])('has the same keys in a runtime that knows nothing %s', async (_what, found) => {
    const store = new JsonStore();
    const [here, there] = [new Library({ ttlMs: 1000, store }), new Library({ ttlMs: 1000, store })];
    await here.find('a');
    const { process: own } = globalThis;
    globalThis.process = found as never;
    try {
      expect((await there.find('a')).asked).toBe(1);
    } finally {
      globalThis.process = own;
    }
    expect(there.asked).toBe(0);
  });

  it('may be static', async () => {
    class Static {
      static asked = 0;
      @Cached({ ttlMs: 1000 })
      static async ask(_what: string) {
        return ++Static.asked;
      }
    }
    expect([await Static.ask('a'), await Static.ask('a'), await Static.ask('b')]).toEqual([1, 1, 2]);
  });
});

describe('a host', () => {
  class Hosted {
    asked = 0;
    constructor(
      readonly options: CachedOptions,
      host: PolicyHost,
    ) {
      this[policyHost] = host;
    }
    readonly [policyHost]: PolicyHost;
    @Cached((self) => self.options)
    async ask(..._args: unknown[]) {
      return ++this.asked;
    }
  }
  const chat = { operation: 'chat', provider: 'p', baseURL: 'http://a', model: 'm', request: { model: 'm' } };

  it('says what is asked: the arguments matter only as far as it tells', async () => {
    const hosted = new Hosted({ ttlMs: 1000 }, { describe: () => chat });
    expect([await hosted.ask(1), await hosted.ask(2)]).toEqual([1, 1]);
    const silent = new Hosted({ ttlMs: 1000 }, { describe: () => ({ ...chat, operation: undefined }) });
    expect([await silent.ask(1), await silent.ask(2)]).toEqual([1, 2]);
    const short = new Hosted({ ttlMs: 1000 }, { describe: () => ({ operation: 'chat' }) });
    expect([await short.ask(1), await short.ask(2)]).toEqual([1, 2]);
  });

  it.each<[string, PolicyHost]>([
    ['provider', { describe: () => ({ ...chat, provider: 'q' }) }],
    ['address', { describe: () => ({ ...chat, baseURL: 'http://b' }) }],
    ['model', { describe: () => ({ ...chat, model: 'n' }) }],
    ['request', { describe: () => ({ ...chat, request: { model: 'm', seed: 1 } }) }],
    ['account', { describe: () => chat, account: () => 'another' }],
  ])('tells answers apart by its %s', async (_what, host) => {
    const cache = new Cache({ ttlMs: 1000 });
    await new Hosted(cache, { describe: () => chat, account: () => 'one' }).ask();
    await new Hosted(cache, { describe: () => chat, account: () => 'one' }).ask();
    expect(cache.snapshot().hits).toBe(1);
    await new Hosted(cache, { account: () => 'one', ...host }).ask();
    expect(cache.snapshot().hits).toBe(1);
  });

  it('may keep a call from the cache, unless `when` says otherwise', async () => {
    const host: PolicyHost = { cacheable: () => false };
    const hosted = new Hosted({ ttlMs: 1000 }, host);
    expect([await hosted.ask(), await hosted.ask()]).toEqual([1, 2]);
    const told = new Hosted({ ttlMs: 1000, when: () => true }, host);
    expect([await told.ask(), await told.ask()]).toEqual([1, 1]);
  });

  it('gives `key` what the answer depends on, to leave something out', async () => {
    const options: CachedOptions = {
      ttlMs: 1000,
      key: (_call, { account: _account, ...asked }) => asked,
    };
    const cache = new Cache(options);
    await new Hosted(cache, { describe: () => chat, account: () => 'one' }).ask();
    await new Hosted(cache, { describe: () => chat, account: () => 'two' }).ask();
    expect(cache.snapshot().hits).toBe(1);
  });
});

describe('options', () => {
  it.each<[unknown, string]>([
    [
      {},
      '@Cached on ask(): `ttlMs` is missing: say how long an answer is kept, in milliseconds, such as { ttlMs: 60_000 }.',
    ],
    [{ ttlMs: 0 }, '@Cached on ask(): `ttlMs` is 0: give a number above 0.'],
    [{ ttl: 1 }, '@Cached on ask(): there is no option `ttl`. Did you mean `ttlMs`?'],
    [{ ttlMs: 1, maxEntries: 0.5 }, '`maxEntries` is 0.5: give a whole number of at least 1.'],
    [{ ttlMs: 1, maxBytes: -1 }, '`maxBytes` is -1: give a number above 0.'],
    [{ ttlMs: 1, tenant: 'blue' }, "`tenant` is 'blue': give a function."],
    [{ ttlMs: 1, key: 'k' }, "`key` is 'k': give a function."],
    [{ ttlMs: 1, when: true }, '`when` is true: give a function.'],
    [{ ttlMs: 1, storeTimeoutMs: 0 }, '`storeTimeoutMs` is 0: give a number above 0.'],
    [{ ttlMs: 1, singleFlight: 1 }, '`singleFlight` is 1: give true or false.'],
    [{ ttlMs: 1, namespace: '' }, "`namespace` is '': give a name such as 'answers-v2'."],
    [{ ttlMs: 1, namespace: 1 }, "`namespace` is 1: give a name such as 'answers-v2'."],
    [
      { ttlMs: 1, store: new Map() },
      '`store` is an object: a Map forgets nothing: leave `store` out to keep answers in memory, or give `new Keyv({ store: map })`.',
    ],
    ...[{ get() {}, set() {} }, { get() {}, delete() {} }, { set() {}, delete() {} }, 'redis', null].map(
      (store): [unknown, string] => [
        { ttlMs: 1, store },
        'give what has get(key), set(key, value, ttlMs) and delete(key), such as `new Keyv()`.',
      ],
    ),
  ])('refuse %j', (options, message) => {
    expect(() => onMethod(Cached(options as never))).toThrow(TypeError);
    expect(() => onMethod(Cached(options as never))).toThrow(message);
    expect(() => new Cache(options as never)).toThrow(message.replace('@Cached on ask()', 'new Cache()'));
  });

  it('of a Cache must be an object', () => {
    expect(() => new Cache(undefined as never)).toThrow(
      'new Cache(): the options are undefined: give an object such as { ttlMs: 60_000 }.',
    );
    expect(() => new Cache(null as never)).toThrow('the options are null');
  });

  it('may be undefined: then the defaults hold', async () => {
    const library = new Library({
      ttlMs: 1000,
      namespace: undefined,
      maxEntries: undefined,
      store: undefined,
    });
    const events = eventsOf(library, 'cache');
    await library.find('a');
    expect(events).toMatchObject([{ key: expect.stringMatching(/^keelson:/) }, { state: 'stored' }]);
  });

  it('may come anew with each call: what was kept stays', async () => {
    class Changing {
      asked = 0;
      ttlMs = 1000;
      @Cached((self) => ({ ttlMs: self.ttlMs }))
      async ask(_options?: CallOptions) {
        return ++this.asked;
      }
    }
    const changing = new Changing();
    await changing.ask();
    changing.ttlMs = 5;
    expect(await changing.ask()).toBe(1);
  });

  it('show in policiesOf, at the place of the cache', () => {
    expect(policiesOf(Library, 'find')).toMatchObject([{ kind: 'Cached', place: 'Cached', from: 'Library' }]);
  });

  it('of an override replace those above it', async () => {
    class Short extends Library {
      @Cached({ ttlMs: 1, when: () => false })
      override async find(...args: unknown[]) {
        return super.find(...args);
      }
    }
    const short = new Short();
    await short.find('a');
    expect((await short.find('a')).asked).toBe(2);
  });
});
