import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AbortError, RateLimitError } from '../../decorators/errors/index';
import type * as limits from '../../decorators/limits/index';
import { isLimiter, Limiter, type LimiterOptions } from '../../decorators/limits/index';
import { currentCall, definePolicy, policiesOf, policyHost } from '../../decorators/pipeline/index';
import { RateLimited } from '../../decorators/rate-limited';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';
import { Admission } from './fake-call';
import { onMethod } from '../support/policies';
import { ReferenceStore } from '../support/reference-store';

let runtime: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  ({ runtime, restore } = installVirtualRuntime());
});
afterEach(() => restore());

/** Notes how many of several promises are fulfilled so far. */
function fulfilled(promises: readonly Promise<unknown>[]): { count: number } {
  const seen = { count: 0 };
  for (const promise of promises) {
    promise.then(
      () => seen.count++,
      () => undefined,
    );
  }
  return seen;
}

/** The limits of the package a second time, as an application has them that loads it as ESM and as CommonJS. */
function loadCopy(): typeof limits {
  let copy: unknown;
  jest.isolateModules(() => (copy = jest.requireActual('../../decorators/limits/index')));
  return copy as typeof limits;
}

describe('@RateLimited', () => {
  it('makes one limiter for each object and method from options written in place', async () => {
    class Service {
      @RateLimited({ requestsPerMinute: 60, requestBurst: 1, maxWaitMs: 0 })
      async one(): Promise<string> {
        return 'one';
      }

      @RateLimited({ requestsPerMinute: 60, requestBurst: 1, maxWaitMs: 0 })
      async two(): Promise<string> {
        return 'two';
      }
    }
    const [a, b] = [new Service(), new Service()];
    await expect(a.one()).resolves.toBe('one');
    await expect(a.one()).rejects.toMatchObject({
      name: 'RateLimitError',
      origin: 'client',
      retryAfterMs: 1000,
    });
    await expect(a.two()).resolves.toBe('two');
    await expect(b.one()).resolves.toBe('one');
    await runtime.advance(1000);
    await expect(a.one()).resolves.toBe('one');
    expect(policiesOf(Service, 'one')).toMatchObject([
      { kind: 'RateLimited', place: 'admission', from: 'Service' },
    ]);
  });

  it('shares a Limiter among methods and objects, given itself or by a function', async () => {
    const shared = new Limiter({ maxConcurrent: 1, maxWaitMs: 0 });
    let finish: () => void = () => undefined;
    class Service {
      limiter = shared;

      @RateLimited((self: Service) => self.limiter)
      async slow(): Promise<void> {
        await new Promise<void>((resolve) => (finish = resolve));
      }

      @RateLimited(shared)
      static async quick(): Promise<string> {
        return 'quick';
      }
    }
    const slow = new Service().slow();
    await expect(Service.quick()).rejects.toBeInstanceOf(RateLimitError);
    finish();
    await slow;
    await expect(Service.quick()).resolves.toBe('quick');
  });

  it('keeps its limiter while a function gives the same numbers, with the functions of the latest call', async () => {
    const asked: unknown[] = [];
    class Service {
      perMinute = 60;

      @RateLimited((self: Service, call) => ({
        tokensPerMinute: self.perMinute,
        maxWaitMs: 0,
        cost: () => {
          asked.push(call.args[0]);
          return 20;
        },
      }))
      async ask(_question: string): Promise<string> {
        return 'answer';
      }
    }
    const service = new Service();
    await service.ask('a');
    await service.ask('b');
    await service.ask('c');
    await expect(service.ask('d')).rejects.toBeInstanceOf(RateLimitError);
    expect(asked).toEqual(['a', 'b', 'c', 'd']);
    service.perMinute = 120;
    await expect(service.ask('e')).resolves.toBe('answer');
  });

  it('has one limiter for each set of numbers, however a function alternates between them', async () => {
    let entered = 0;
    class Service {
      @RateLimited((_self: Service, call) => ({
        requestsPerMinute: call.args[0] === 'large' ? 4 : 2,
        maxWaitMs: 0,
        cost: () => ({ requests: 1 }),
      }))
      async ask(_model: string): Promise<void> {
        entered++;
      }
    }
    const service = new Service();
    const outcomes = [];
    for (let i = 0; i < 20; i++) outcomes.push(service.ask(i % 2 ? 'large' : 'small').catch(() => undefined));
    await Promise.all(outcomes);
    expect(entered).toBe(6);
  });

  it('splits balances by the key, and takes the numbers for it, that the functions of the latest call give', async () => {
    class Service {
      @RateLimited((_self: Service, call) => ({
        requestsPerMinute: 1,
        maxWaitMs: 0,
        key: () => call.args[0] as string,
        limits: (key) => (key === call.args[1] ? { requestsPerMinute: 2 } : undefined),
      }))
      async ask(_user: string, _large: string): Promise<void> {}
    }
    const service = new Service();
    const states = [];
    for (const [user, large] of ['a-', 'bb', 'bb', 'b-', 'a-'] as const) {
      states.push(
        await service.ask(user as string, large as string).then(
          () => 'admitted',
          () => 'refused',
        ),
      );
    }
    expect(states).toEqual(['admitted', 'admitted', 'admitted', 'refused', 'refused']);
  });

  /** In which no limiter sees what another has taken. */
  const storeOfItsOwn = () => Object.assign(new ReferenceStore(), { forLimiter: () => new ReferenceStore() });
  it.each<[string, number, () => [LimiterOptions, LimiterOptions]]>([
    ['functions, however they are written', 1, () => [{ cost: () => ({ requests: 1 }) }, { cost: () => 0 }]],
    ['a function and none', 2, () => [{ key: () => 'default' }, {}]],
    ['two stores', 2, () => [{ store: new ReferenceStore() }, { store: new ReferenceStore() }]],
    ['one store', 1, () => Array(2).fill({ store: storeOfItsOwn() }) as [object, object]],
  ])('tells sets of options apart: by %s, it makes %d', async (_what, limiters, options) => {
    class Service {
      @RateLimited((_self: Service, call) => ({
        requestsPerMinute: 1,
        maxWaitMs: 0,
        ...(call.args[0] as LimiterOptions),
      }))
      async ask(_options: LimiterOptions): Promise<void> {}
    }
    const service = new Service();
    const [first, second] = options();
    const asked = [first, second, first, second].map((one) => service.ask(one));
    const admitted = (await Promise.allSettled(asked)).filter(({ status }) => status === 'fulfilled');
    expect(admitted).toHaveLength(limiters);
  });

  it('forgets the set of numbers that was not used for longest when there are more than a hundred', async () => {
    class Service {
      @RateLimited((_self: Service, call) => ({ requestsPerMinute: call.args[0] as number, maxWaitMs: 0 }))
      async ask(_perMinute: number): Promise<void> {}
    }
    const service = new Service();
    const state = (perMinute: number) =>
      service.ask(perMinute).then(
        () => 'admitted',
        () => 'refused',
      );
    expect([await state(1), await state(1)]).toEqual(['admitted', 'refused']);
    for (let perMinute = 2; perMinute <= 100; perMinute++) await state(perMinute);
    expect(await state(1)).toBe('refused');
    await state(101);
    expect(await state(1)).toBe('refused');
    for (let perMinute = 102; perMinute <= 201; perMinute++) await state(perMinute);
    expect(await state(1)).toBe('admitted');
  });

  it('takes the limiter of another copy of the package', async () => {
    const foreign = loadCopy();
    const limiter = new foreign.Limiter({ requestsPerMinute: 1, maxWaitMs: 0 });
    expect(limiter).not.toBeInstanceOf(Limiter);
    class Service {
      @RateLimited(limiter)
      async ask(): Promise<void> {}
    }
    await new Service().ask();
    await expect(new Service().ask()).rejects.toBeInstanceOf(RateLimitError);
    expect(isLimiter(limiter)).toBe(true);
  });

  it('knows a limiter from what is none', () => {
    expect([new Limiter({}), {}, { requestsPerMinute: 1 }, null, undefined, 'x'].map(isLimiter)).toEqual([
      true,
      ...Array<boolean>(5).fill(false),
    ]);
  });

  it('slows others by what the provider tells while the stream it told it on still runs', async () => {
    const limiter = new Limiter({ requestsPerMinute: 60 });
    class Service {
      @RateLimited(limiter)
      async *stream(): AsyncGenerator<number> {
        currentCall()?.report({ limits: { requests: { remaining: 0, resetMs: 5000 } } });
        yield 1;
        yield 2;
      }
    }
    const stream = new Service().stream();
    await stream.next();
    const next = new Admission(limiter);
    expect(next.state).toBe('waits');
    await runtime.advance(5000);
    expect(next.state).toBe('admitted');
    await runtime.advance(120_000);
    await stream.return(undefined);
    expect(limiter.snapshot()['default']?.requests?.available).toBe(60);
  });

  it('is off where a function gives false, and limits nothing without options or a host that has some', async () => {
    class Service {
      @RateLimited(() => false)
      async off(): Promise<number> {
        return 1;
      }

      @RateLimited()
      async bare(): Promise<number> {
        return 2;
      }
    }
    const service = new Service();
    const results = await Promise.all([service.off(), service.off(), service.bare(), service.bare()]);
    expect(results).toEqual([1, 1, 2, 2]);
  });

  it('takes the options of the host where the decorator has none', async () => {
    class Service {
      [policyHost] = { policyOptions: (kind: string) => (kind === 'RateLimited' ? limiter : undefined) };

      @RateLimited()
      async ask(): Promise<void> {}
    }
    const limiter = new Limiter({ requestsPerMinute: 1, maxWaitMs: 0 });
    const service = new Service();
    await service.ask();
    await expect(service.ask()).rejects.toBeInstanceOf(RateLimitError);
  });

  it('settles to the usage the method reports or returns', async () => {
    const limiter = new Limiter({ tokensPerMinute: 10_000 });
    class Service {
      @RateLimited(limiter)
      async reports(): Promise<number[]> {
        currentCall()?.report({ usage: { inputTokens: 30, outputTokens: 70 } });
        return [1, 2];
      }

      @RateLimited(limiter)
      async returns(): Promise<object> {
        return { usage: { prompt_tokens: 300, completion_tokens: 700 } };
      }
    }
    const service = new Service();
    const left = () => limiter.snapshot()['default']?.tokens?.available;
    await service.reports();
    expect(left()).toBe(9900);
    await service.returns();
    expect(left()).toBe(8900);
  });

  it('holds the slot of a stream until its iteration ends, also by break', async () => {
    const limiter = new Limiter({ maxConcurrent: 1 });
    class Service {
      @RateLimited(limiter)
      async *count(): AsyncGenerator<number> {
        yield 1;
        yield 2;
      }
    }
    const service = new Service();
    const inFlight = () => limiter.snapshot()['default']?.concurrency.inFlight;
    for await (const number of service.count()) {
      expect(inFlight()).toBe(1);
      if (number === 1) break;
    }
    expect(inFlight()).toBe(0);
    const seen: number[] = [];
    for await (const number of service.count()) seen.push(number);
    expect([seen, inFlight()]).toEqual([[1, 2], 0]);
  });

  it('ends the wait of an aborted call, and leaves no timer', async () => {
    class Service {
      [policyHost] = { callOptions: () => 0 };

      @RateLimited({ maxConcurrent: 1 })
      async ask(_options?: { signal?: AbortSignal }): Promise<void> {
        await new Promise((resolve) => runtime.setTimer(() => resolve(undefined), 1000));
      }
    }
    const service = new Service();
    const controller = new AbortController();
    const all = [service.ask(), service.ask({ signal: controller.signal }), service.ask()];
    const seen = fulfilled(all);
    await settled();
    controller.abort();
    await expect(all[1]).rejects.toBeInstanceOf(AbortError);
    await runtime.advance(2000);
    expect(seen.count).toBe(2);
    expect(runtime.pendingTimers).toBe(0);
  });

  it('gives back what was granted in the moment of the abort', async () => {
    const limiter = new Limiter({ requestsPerMinute: 60, maxConcurrent: 1 });
    let entered = false;
    class Service {
      [policyHost] = { callOptions: () => 0 };

      @RateLimited(limiter)
      async ask(_options?: { signal?: AbortSignal }): Promise<void> {
        entered = true;
      }
    }
    const running = new Admission(limiter);
    const controller = new AbortController();
    const asked = new Service().ask({ signal: controller.signal });
    await settled();
    running.end({ facts: { sent: false } });
    controller.abort();
    await expect(asked).rejects.toBeInstanceOf(AbortError);
    expect(entered).toBe(false);
    expect(limiter.snapshot()['default']).toMatchObject({
      requests: { available: 60 },
      concurrency: { inFlight: 0 },
    });
  });

  it('charges nothing for a call that was aborted before it began', async () => {
    const limiter = new Limiter({ requestsPerMinute: 60, tokensPerMinute: 600 });
    class Service {
      [policyHost] = { callOptions: () => 0 };

      @RateLimited(limiter)
      async ask(_options?: { signal?: AbortSignal }): Promise<void> {}

      @RateLimited(limiter)
      async *stream(_options?: { signal?: AbortSignal }): AsyncGenerator<number> {
        yield 1;
      }
    }
    const signal = AbortSignal.abort('left');
    await expect(new Service().ask({ signal })).rejects.toBeInstanceOf(AbortError);
    await expect(new Service().stream({ signal }).next()).rejects.toBeInstanceOf(AbortError);
    expect(limiter.snapshot()['default']).toMatchObject({
      requests: { available: 60 },
      tokens: { available: 600 },
      concurrency: { inFlight: 0 },
    });
  });

  it.each(['ask', 'stream'] as const)(
    'gives everything back when the call is aborted after its admission and before %s() is entered',
    async (method) => {
      const limiter = new Limiter({ requestsPerMinute: 60, tokensPerMinute: 600 });
      const controller = new AbortController();
      let entered = false;
      const AbortsFirst = definePolicy({
        kind: `AbortsBefore_${method}`,
        place: { inside: 'RateLimited' },
        create: () => ({
          run(_call, next) {
            controller.abort();
            return next();
          },
        }),
      });
      class Service {
        [policyHost] = { callOptions: () => 0 };

        @RateLimited(limiter)
        @AbortsFirst()
        async ask(_options?: { signal?: AbortSignal }): Promise<void> {
          entered = true;
        }

        @RateLimited(limiter)
        @AbortsFirst()
        async *stream(_options?: { signal?: AbortSignal }): AsyncGenerator<number> {
          entered = true;
          yield 1;
        }
      }
      const service = new Service();
      const { signal } = controller;
      const asked = method === 'ask' ? service.ask({ signal }) : service.stream({ signal }).next();
      await expect(asked).rejects.toBeInstanceOf(AbortError);
      expect(entered).toBe(false);
      expect(limiter.snapshot()['default']).toMatchObject({
        requests: { available: 60 },
        tokens: { available: 600 },
        concurrency: { inFlight: 0 },
      });
    },
  );

  it('refuses wrong options where they are written, and naming the method where a function gives them', async () => {
    expect(() => onMethod(RateLimited({ requestPerMinute: 5 } as LimiterOptions))).toThrow(
      new TypeError(
        '@RateLimited on ask(): there is no option `requestPerMinute`. Did you mean `requestsPerMinute`?',
      ),
    );
    class Service {
      @RateLimited(() => ({ maxConcurrent: 0 }))
      async ask(): Promise<void> {}
    }
    await expect(new Service().ask()).rejects.toEqual(
      new TypeError('@RateLimited on ask(): `maxConcurrent` is 0: give a whole number of at least 1.'),
    );
  });
});
