import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LLMError } from '../../decorators/index.js';
import {
  AbortError,
  BadRequestError,
  Cache,
  Cached,
  currentCall,
  definePolicy,
  InternalServerError,
  onPolicyEvent,
  RetryWithBackoff,
  Timeout,
  type CallFacts,
  type CallOptions,
} from '../../decorators/index.js';
import { counts, eventsOf, giver, JsonStore, Library, states } from '../support/cached';
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

/** A library that waits until it is let go on. */
function waiting(library = new Library()) {
  const { promise, resolve, reject } = deferred<unknown>();
  library.gate = promise;
  return { library, resolve, reject };
}
/** A caller who may leave. */
function caller(library: Library, ...args: unknown[]) {
  const controller = new AbortController();
  const answer = library.find(...args, { signal: controller.signal });
  answer.catch(() => undefined);
  return { answer, leave: (reason?: unknown) => controller.abort(reason) };
}

describe('calls that ask the same at the same time', () => {
  it('wait for one of them, each for a copy of its own', async () => {
    const { library, resolve } = waiting();
    const events = eventsOf(library, 'cache');
    const answers = [library.find('a'), library.find('a'), library.find('b'), library.find('a')];
    await settled();
    expect(library.asked).toBe(2);
    resolve(undefined);
    const [first, second, other, third] = await Promise.all(answers);
    expect([first.asked, second.asked, other.asked, third.asked]).toEqual([1, 1, 2, 1]);
    expect(second).not.toBe(first);
    expect(third).not.toBe(second);
    expect(states(events).sort()).toEqual(['joined', 'joined', 'miss', 'miss', 'stored', 'stored']);
    expect(counts(library)).toMatchObject({ joined: 2, misses: 2, hits: 0, entries: 2 });
  });

  it('join later too, and what joined is told as another’s', async () => {
    const { library, resolve } = waiting();
    const facts: CallFacts[] = [];
    onPolicyEvent(library, (event) => event.type === 'success' && facts.push(event.facts));
    const first = library.find('a');
    await time.advance(500);
    const second = library.find('a');
    await settled();
    resolve(undefined);
    await Promise.all([first, second]);
    expect(library.asked).toBe(1);
    expect(facts).toEqual([{}, { sent: false, fromCache: true }]);
  });

  it('share a failure, which reaches nobody later', async () => {
    const { library, reject } = waiting();
    const failure = new BadRequestError('no', 400);
    const failures = [failureOf(library.find('a')), failureOf(library.find('a'))];
    await settled();
    // Whoever asks again as soon as he is told begins anew.
    const again = library.find('a').catch(() => ((library.gate = Promise.resolve()), library.find('a')));
    await settled();
    reject(failure);
    expect(await Promise.all(failures)).toEqual([failure, failure]);
    expect((await again).asked).toBe(2);
  });

  it('share the attempts of a failure, also when the first has left', async () => {
    class Failing {
      @Cached({ ttlMs: 1000 })
      @RetryWithBackoff({ maxRetries: 1, baseDelayMs: 10, jitter: 'none' })
      async ask(_options?: CallOptions): Promise<string> {
        throw new InternalServerError('down', 500);
      }
    }
    const failing = new Failing();
    const controller = new AbortController();
    const first = failureOf(failing.ask({ signal: controller.signal }));
    const second = failureOf(failing.ask());
    await settled();
    controller.abort();
    await time.advance(10);
    expect(((await second) as LLMError).attempts).toHaveLength(2);
    expect(await first).toBeInstanceOf(AbortError);
  });

  it('each go their own way where singleFlight is false', async () => {
    const { library, resolve } = waiting(new Library({ ttlMs: 1000, singleFlight: false }));
    const answers = [library.find('a'), library.find('a')];
    await settled();
    expect(library.asked).toBe(2);
    resolve(undefined);
    await Promise.all(answers);
    await library.find('a');
    expect(counts(library)).toMatchObject({ hits: 1, misses: 2, joined: 0 });
    const date = new Date(0);
    expect(await giver({ singleFlight: false }).give(() => date)).toBe(date);
  });

  it('ask the store once', async () => {
    const store = new JsonStore();
    const { library, resolve } = waiting(new Library({ ttlMs: 1000, store }));
    const first = library.find('a');
    await settled();
    const second = library.find('a');
    await settled();
    expect(store.calls).toEqual(['get']);
    resolve(undefined);
    await Promise.all([first, second]);
  });

  it('share a failure as it is', async () => {
    const attempts = [{ name: 'Mine', code: 'mine', waitMs: 0, durationMs: 5 }];
    const told = Object.assign(new BadRequestError('no', 400), { attempts });
    for (const failure of [new RangeError('no'), told]) {
      const { library, reject } = waiting();
      const failures = [failureOf(library.find('a')), failureOf(library.find('a'))];
      await settled();
      reject(failure);
      expect(await Promise.all(failures)).toEqual([failure, failure]);
      expect((failure as LLMError).attempts).toBe(failure === told ? attempts : undefined);
    }
  });

  it('each ask for themselves when there can be no copy', async () => {
    class Point {}
    class Maker {
      made = 0;
      @Cached({ ttlMs: 1000 })
      async make() {
        this.made++;
        await settled();
        return new Point();
      }
    }
    const maker = new Maker();
    const points = await Promise.all([maker.make(), maker.make(), maker.make()]);
    expect(points.every((point) => point instanceof Point)).toBe(true);
    expect(new Set(points).size).toBe(3);
    expect(maker.made).toBe(3);
  });

  it('do not wait for themselves', async () => {
    class Recursive {
      @Cached({ ttlMs: 1000, key: () => 'one for all' })
      async down(depth: number): Promise<string> {
        return depth === 0 ? 'bottom' : `${await this.down(depth - 1)} ${depth}`;
      }
    }
    expect(await new Recursive().down(2)).toBe('bottom 1 2');
  });

  it('of different objects wait for one when they share a cache', async () => {
    const cache = new Cache({ ttlMs: 1000 });
    const [a, b] = [waiting(new Library(cache)), waiting(new Library(cache))];
    const answers = [a.library.find('a'), b.library.find('a')];
    await settled();
    expect([a.library.asked, b.library.asked]).toEqual([1, 0]);
    a.resolve(undefined);
    await Promise.all(answers);
    expect(cache.snapshot()).toMatchObject({ joined: 1, misses: 1, entries: 1 });
  });

  it('wait for it until a slow store has it: nobody asks in between', async () => {
    const store = new JsonStore();
    const stored = deferred<boolean>();
    store.set = () => stored.promise;
    const library = new Library({ ttlMs: 1000, store });
    await library.find('a');
    expect((await library.find('a')).asked).toBe(1);
    stored.resolve(true);
    await settled();
    expect((await library.find('a')).asked).toBe(2);
  });
});

describe('who leaves', () => {
  it('leaves alone, when others wait', async () => {
    const { library, resolve } = waiting();
    const [leader, joined, third] = [caller(library, 'a'), caller(library, 'a'), caller(library, 'a')];
    await settled();
    joined.leave(new Error('bored'));
    expect(await failureOf(joined.answer)).toMatchObject({ code: 'aborted', cause: new Error('bored') });
    resolve(undefined);
    expect((await leader.answer).asked).toBe(1);
    expect((await third.answer).asked).toBe(1);
    expect(library.asked).toBe(1);
  });

  it('may be the one who began: the call goes on for the others, and is kept', async () => {
    const { library, resolve } = waiting();
    const [leader, joined] = [caller(library, 'a'), caller(library, 'a')];
    await settled();
    leader.leave();
    expect(await failureOf(leader.answer)).toBeInstanceOf(AbortError);
    expect(library.signals[0]?.aborted).toBe(false);
    const late = library.find('a');
    await settled();
    resolve(undefined);
    expect((await joined.answer).asked).toBe(1);
    expect((await late).asked).toBe(1);
    expect((await library.find('a')).asked).toBe(1);
    expect(library.asked).toBe(1);
  });

  it('ends the call when he is the last, and whoever comes then begins anew', async () => {
    const { library } = waiting();
    const [leader, joined] = [caller(library, 'a'), caller(library, 'a')];
    await settled();
    leader.leave();
    await settled();
    expect(library.signals[0]?.aborted).toBe(false);
    joined.leave(new Error('the last'));
    expect(library.signals[0]?.aborted).toBe(true);
    library.gate = Promise.resolve();
    expect((await library.find('a')).asked).toBe(2);
    expect(await failureOf(joined.answer)).toBeInstanceOf(AbortError);
  });

  it('ends it at once, however long a policy within takes to hear of it', async () => {
    const heard = deferred();
    const Deaf = definePolicy<object>({
      kind: 'Deaf in tests of caches',
      place: { inside: 'Cached' },
      create: () => ({ run: (_call, next) => next().finally(() => heard.promise) }),
    });
    const gate = deferred();
    class Deep {
      asked = 0;
      @Cached({ ttlMs: 1000 })
      @Deaf({})
      async ask(_options?: CallOptions): Promise<number> {
        if (++this.asked === 1) return new Promise(() => undefined);
        await gate.promise;
        return this.asked;
      }
    }
    const deep = new Deep();
    const controller = new AbortController();
    const left = failureOf(deep.ask({ signal: controller.signal }));
    await settled();
    controller.abort();
    await left;
    const again = deep.ask();
    await settled();
    expect(deep.asked).toBe(2);
    heard.resolve();
    await settled();
    // The end of the first is not that of the second, which others join, and which is kept.
    const joined = deep.ask();
    await settled();
    gate.resolve();
    expect(await Promise.all([again, joined])).toEqual([2, 2]);
    expect(await deep.ask()).toBe(2);
  });

  it('ends it with his own reason when he is alone', async () => {
    const { library } = waiting();
    const leader = caller(library, 'a');
    await settled();
    const reason = new Error('gone');
    leader.leave(reason);
    expect(library.signals[0]?.reason).toBe(reason);
    expect(await failureOf(leader.answer)).toMatchObject({ cause: reason });
    library.gate = Promise.resolve();
    expect((await library.find('a')).asked).toBe(2);
  });

  it('ends the joined when others have left before the one who began', async () => {
    const { library } = waiting();
    const [leader, joined] = [caller(library, 'a'), caller(library, 'a')];
    await settled();
    joined.leave();
    expect(library.signals[0]?.aborted).toBe(false);
    leader.leave();
    expect(library.signals[0]?.aborted).toBe(true);
    await Promise.all([failureOf(leader.answer), failureOf(joined.answer)]);
  });

  it('leaves a wait for a retry to the others', async () => {
    class Flaky {
      asked = 0;
      @Cached({ ttlMs: 1000 })
      @RetryWithBackoff({ baseDelayMs: 100, jitter: 'none' })
      async ask(_options?: CallOptions) {
        if (++this.asked === 1) throw new InternalServerError('down', 500);
        return 'up';
      }
    }
    const flaky = new Flaky();
    const controller = new AbortController();
    const first = failureOf(flaky.ask({ signal: controller.signal }));
    const second = flaky.ask();
    await settled();
    controller.abort();
    await time.advance(100);
    expect(await second).toBe('up');
    await first;
  });

  it('may be timed out alone', async () => {
    const gate = deferred();
    class Slow {
      asked = 0;
      @Timeout()
      @Cached({ ttlMs: 1e6 })
      async ask(_options?: CallOptions) {
        this.asked++;
        await gate.promise;
        return 'late';
      }
    }
    const slow = new Slow();
    const [leader, joined] = [failureOf(slow.ask({ timeoutMs: 50 })), failureOf(slow.ask({ timeoutMs: 20 }))];
    const patient = slow.ask();
    await time.advance(20);
    expect(await joined).toMatchObject({ code: 'timeout_total' });
    await time.advance(30);
    expect(await leader).toMatchObject({ code: 'timeout_total' });
    gate.resolve();
    expect(await patient).toBe('late');
    expect(slow.asked).toBe(1);
  });

  it('has a stream closed that nobody takes', async () => {
    let gate = deferred();
    const closed: string[] = [];
    class Opener {
      opened = 0;
      @Cached({ ttlMs: 1000 })
      async open(_options?: CallOptions): Promise<any> {
        const name = `stream ${++this.opened}`;
        await gate.promise;
        if (this.opened > 1)
          return {
            [Symbol.asyncIterator]: async function* () {
              yield name;
            },
          };
        return {
          [Symbol.asyncIterator]: () => ({
            next: async () => ({ done: true }),
            return: async () => closed.push(name),
          }),
        };
      }
      @Cached({ ttlMs: 1000 })
      async node(_options?: CallOptions): Promise<any> {
        await gate.promise;
        return { destroy: () => closed.push('node'), [Symbol.asyncIterator]: async function* () {} };
      }
    }
    for (const method of ['open', 'node'] as const) {
      gate = deferred();
      const opener = new Opener();
      const controller = new AbortController();
      const first = failureOf(opener[method]({ signal: controller.signal }));
      const second = opener[method]();
      await settled();
      controller.abort();
      gate.resolve();
      await first;
      await collect(await second);
    }
    expect(closed).toEqual(['stream 1', 'node']);
  });

  it('keeps the call running in the eyes of what it calls', async () => {
    const gate = deferred();
    let inner: unknown;
    class Outer {
      @RetryWithBackoff()
      async within() {
        return 'inner';
      }
      @Cached({ ttlMs: 1000 })
      async ask(_options?: CallOptions) {
        await gate.promise;
        inner = currentCall()?.ended;
        return this.within();
      }
    }
    const outer = new Outer();
    const controller = new AbortController();
    const first = failureOf(outer.ask({ signal: controller.signal }));
    const second = outer.ask();
    await settled();
    controller.abort();
    gate.resolve();
    expect(await second).toBe('inner');
    expect(inner).toBe(false);
    await first;
  });
});
