import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import {
  AbortError,
  Cached,
  currentCall,
  LLMError,
  onPolicyEvent,
  RateLimited,
  RetryWithBackoff,
  type CacheOptions,
  type CallFacts,
} from '../../decorators/index.js';
import { counts, eventsOf, giver, Library, states } from '../support/cached';
import { collect, failureOf } from '../support/policies';
import { installVirtualRuntime, type VirtualRuntime } from '../support/virtual-runtime';

let time: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  ({ runtime: time, restore } = installVirtualRuntime());
});
afterEach(() => {
  expect(time.pendingTimers).toBe(0);
  restore();
});

describe('a hit', () => {
  it('answers an equal call until ttlMs have passed, without entering the method', async () => {
    const library = new Library({ ttlMs: 1000 });
    expect(await library.find('a')).toEqual({ asked: 1, args: 1 });
    await time.advance(999);
    expect(await library.find('a')).toEqual({ asked: 1, args: 1 });
    await time.advance(1);
    expect(await library.find('a')).toEqual({ asked: 2, args: 1 });
    expect(library.asked).toBe(2);
  });

  it('does not prolong what it hits', async () => {
    const library = new Library({ ttlMs: 1000 });
    await library.find('a');
    await time.advance(600);
    await library.find('a');
    await time.advance(600);
    expect((await library.find('a')).asked).toBe(2);
  });

  it('is a copy: changing it changes nothing for others', async () => {
    const library = giver();
    const first = await library.give(() => ({ list: [1] }));
    first.list.push(2);
    const second = await library.give(() => 'not asked');
    expect(second).toEqual({ list: [1] });
    second.list.push(3);
    expect(await library.give(() => 'not asked')).toEqual({ list: [1] });
  });

  it('pays no limiter, and is no attempt', async () => {
    class Limited {
      @Cached({ ttlMs: 1000 })
      @RateLimited({ requestsPerMinute: 1, maxWaitMs: 0 })
      @RetryWithBackoff()
      async ask(_question: string) {
        return 'answer';
      }
    }
    const limited = new Limited();
    const events = eventsOf(limited, 'admitted', 'attempt', 'success');
    for (let i = 0; i < 3; i++) expect(await limited.ask('?')).toBe('answer');
    expect(events.map(({ type }) => type)).toEqual(['admitted', 'attempt', 'success', 'success', 'success']);
    expect(await failureOf(limited.ask('another'))).toMatchObject({ code: 'rate_limit_client' });
  });

  it('is told as such in the facts of its call, and has no usage', async () => {
    class Client {
      @Cached({ ttlMs: 1000 })
      async ask() {
        currentCall()?.report({ sent: true, usage: { inputTokens: 5 } });
        return 'answer';
      }
    }
    const client = new Client();
    const facts: CallFacts[] = [];
    onPolicyEvent(client, (event) => event.type === 'success' && facts.push(event.facts));
    await client.ask();
    await client.ask();
    expect(facts).toEqual([
      { sent: true, usage: { inputTokens: 5 } },
      { sent: false, fromCache: true },
    ]);
  });

  it('is told with the miss before it and what was stored, under one key that shows nothing', async () => {
    const library = new Library();
    const events = eventsOf(library, 'cache');
    await library.find('sk-secret');
    await library.find('sk-secret');
    expect(states(events)).toEqual(['miss', 'stored', 'hit']);
    const keys = new Set(events.map((event) => (event as { key?: string }).key));
    expect(keys.size).toBe(1);
    expect([...keys][0]).toMatch(/^keelson:[0-9a-f]{64}$/);
  });

  it.each([
    undefined,
    null,
    false,
    0,
    '',
    [],
    {},
    [null, { a: [1.5, 'x'] }],
    { ['__proto__']: 1, b: '\ud800' },
    runInNewContext('[{ a: [1] }]'),
  ])('gives back %j as it was', async (value) => {
    const library = giver();
    await library.give(() => value);
    expect(await library.give(() => 'not asked')).toEqual(value);
    expect(library.asked).toBe(1);
  });

  it('gives back what JSON gives back, whatever was returned', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const library = giver();
        await library.give(() => value);
        expect(JSON.stringify(await library.give(() => 'not asked'))).toBe(JSON.stringify(value));
        expect(library.asked).toBe(1);
      }),
    );
  });

  it('leaves properties out that are undefined', async () => {
    const library = giver();
    await library.give(() => ({ a: 1, b: undefined }));
    expect(Object.keys(await library.give(() => 'not asked'))).toEqual(['a']);
  });

  it('is not given to who has left', async () => {
    const library = new Library();
    await library.find('a', { signal: new AbortController().signal });
    const signal = AbortSignal.abort(new Error('gone'));
    expect(await failureOf(library.find('a', { signal }))).toBeInstanceOf(AbortError);
    expect(await failureOf(collect(library.pages('a', { signal })))).toBeInstanceOf(AbortError);
  });
});

describe('what is not kept', () => {
  class Point {
    constructor(readonly x = 1) {}
  }
  class List extends Array<number> {}
  const loop: { self?: unknown } = {};
  loop.self = loop;
  const listLoop: unknown[] = [];
  listLoop.push(listLoop);
  it.each<[string, unknown]>([
    ['an instance of Point', new Point()],
    ['an instance of Date', { at: new Date(0) }],
    ['an instance of Map', [new Map()]],
    ['an instance of List', List.from([1])],
    ['a function', { f: () => 1 }],
    ['a bigint', 1n],
    ['a symbol', { s: Symbol('s') }],
    ['a property named by a symbol', { [Symbol('s')]: 1 }],
    ['NaN', [NaN]],
    ['-Infinity', -Infinity],
    ['undefined', [undefined]],
    ['itself, or a thousand objects in one another', loop],
    ['itself, or a thousand objects in one another', listLoop],
    ['an instance of a class', Object.create(Object.create(Object.create(null) as object) as object)],
  ])('is %s in a result, which passes as it is, with one warning', async (what, value) => {
    const library = giver();
    const events = eventsOf(library, 'warning');
    for (let i = 0; i < 2; i++) expect(await library.give(() => value)).toBe(value);
    expect(library.asked).toBe(2);
    expect(events).toMatchObject([{ code: 'uncacheable_result', subject: 'give' }]);
    expect((events[0] as { message: string }).message).toBe(
      `What give() gave is not cached: it holds ${what}, and only plain data comes back as it was. Return plain data, or take @Cached away.`,
    );
    expect(counts(library, 'give')).toMatchObject({ uncacheable: 2, entries: 0, misses: 2 });
  });

  it.each<[string, unknown]>([
    ['args[0] is a function', () => 1],
    ['args[0].f is a function', { f: () => 1 }],
    ['args[0].list[1] is a symbol', { list: [1, Symbol('s')] }],
    ['args[0] is an instance of Point', new Point()],
    ['args[0] is an instance of Map', new Map()],
    ['args[0].self is part of itself', loop],
    ['args[0] is an instance of a class', new (class {})()],
    [
      'args[0] is an instance of a class',
      Object.create(Object.create(Object.create(null) as object) as object),
    ],
    [
      'it is what fails when it is read (Error: no)',
      {
        get a() {
          throw new Error('no');
        },
      },
    ],
  ])('is a call of which %s: it passes, with one warning', async (why, value) => {
    const library = new Library();
    const events = eventsOf(library, 'warning');
    for (let i = 1; i <= 2; i++) expect((await library.find(value)).asked).toBe(i);
    expect(events).toMatchObject([{ code: 'uncacheable_call', subject: 'find' }]);
    expect((events[0] as { message: string }).message).toContain(
      `so its answer is not cached: ${why}. Give the option \`key\``,
    );
    expect(counts(library)).toMatchObject({ uncacheable: 2, misses: 0 });
  });

  it('is a failure: the next call begins anew', async () => {
    const library = giver();
    const fail = () => {
      throw new Error('no');
    };
    await failureOf(library.give(fail));
    expect(await library.give(() => 'yes')).toBe('yes');
    expect(library.asked).toBe(2);
  });

  it('is the stream that a promise resolves with', async () => {
    const library = giver();
    const events = eventsOf(library, 'warning');
    const open = () =>
      (async function* () {
        yield 1;
        yield 2;
      })();
    for (let i = 0; i < 2; i++) expect(await collect(await library.give(open))).toEqual([1, 2]);
    expect(library.asked).toBe(2);
    expect(events).toMatchObject([
      { message: expect.stringContaining('it holds a stream, which only an `async *` method may give,') },
    ]);
  });

  it('is what `when` says no to', async () => {
    const library = new Library({ ttlMs: 1000, when: ({ args }) => args[0] === 'yes' });
    for (const word of ['yes', 'yes', 'no', 'no']) await library.find(word);
    expect(library.asked).toBe(3);
    expect(counts(library)).toMatchObject({ hits: 1, misses: 1, uncacheable: 0 });
  });

  it('is a call whose `key` is undefined', async () => {
    const library = new Library({ ttlMs: 1000, key: () => undefined });
    const events = eventsOf(library, 'warning');
    await library.find('a');
    await library.find('a');
    expect(library.asked).toBe(2);
    expect(events).toEqual([]);
  });

  it('is anything while the policy is off', async () => {
    const library = new Library(false);
    await library.find('a');
    await library.find('a');
    expect(library.asked).toBe(2);
  });

  it.each<[string, Partial<CacheOptions>, string]>([
    [
      'tenant',
      { tenant: () => '' },
      '`tenant` of its cache returned an empty string: it must return the name',
    ],
    ['tenant', { tenant: (() => undefined) as never }, '`tenant` of its cache returned undefined'],
    [
      'when',
      { when: (async () => true) as never },
      '`when` of its cache returned an object: it must return true or false',
    ],
    [
      'key',
      {
        key: () => {
          throw new TypeError('no title');
        },
      },
      'no title',
    ],
  ])('is anything when `%s` fails: nobody is asked, nothing is shared', async (_name, options, message) => {
    const library = new Library({ ttlMs: 1000, ...options });
    const error = (await failureOf(library.find('a'))) as LLMError;
    expect(error).toBeInstanceOf(LLMError);
    expect(error.message).toContain(message);
    expect(library.asked).toBe(0);
  });
});
