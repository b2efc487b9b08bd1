import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AbortError, RateLimitError } from '../../decorators/errors/index';
import { Limiter, type LimiterOptions } from '../../decorators/limits/index';
import { currentCall, policiesOf, policyHost } from '../../decorators/pipeline/index';
import { RateLimited } from '../../decorators/rate-limited';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';
import { Admission } from './fake-call';

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

  it('refuses wrong options where they are written, and naming the method where a function gives them', async () => {
    expect(() => RateLimited({ requestPerMinute: 5 } as LimiterOptions)).toThrow(
      new TypeError('@RateLimited: there is no option `requestPerMinute`. Did you mean `requestsPerMinute`?'),
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
