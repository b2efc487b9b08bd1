// @ts-nocheck
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { getEventListeners } from 'node:events';
import { Readable } from 'node:stream';
import { ConnectionError } from '../../decorators/errors/index.js';
import { Limiter } from '../../decorators/limits/index.js';
import { definePolicy, onPolicyEvent, type CallOptions } from '../../decorators/pipeline/index.js';
import { replaceRuntime } from '../../decorators/pipeline/runtime.js';
import { HandleApiErrors } from '../../decorators/handle-api-errors.js';
import { RateLimited } from '../../decorators/rate-limited.js';
import { RetryWithBackoff } from '../../decorators/retry-with-backoff.js';
import { Timeout } from '../../decorators/timeout.js';
import { VirtualRuntime } from '../support/virtual-runtime.js';

let time: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  time = new VirtualRuntime();
  restore = replaceRuntime(time);
});
afterEach(() => {
  expect(time.pendingTimers).toBe(0);
  restore();
});

const never = new Promise<never>(() => undefined);

describe('a stream that a promise resolved with', () => {
  class Service {
    readonly limiter = new Limiter({ maxConcurrent: 1 });
    get inFlight(): number {
      return this.limiter.snapshot()['default']?.concurrency.inFlight ?? 0;
    }
    @RateLimited((self: Service) => self.limiter)
    @Timeout({ firstEventMs: 300, idleMs: 100 })
    @HandleApiErrors()
    async open(stream: AsyncIterable<string>, _options?: CallOptions): Promise<AsyncIterable<string>> {
      return stream;
    }
  }
  const silent = (): AsyncIterable<string> & { left: boolean } => {
    const stream = {
      left: false,
      [Symbol.asyncIterator]: () => ({
        next: () => never,
        return: async () => {
          stream.left = true;
          return { done: true as const, value: undefined };
        },
      }),
    };
    return stream;
  };

  it('is given firstEventMs for its first event', async () => {
    const stream = await new Service().open(silent());
    const first = stream[Symbol.asyncIterator]()
      .next()
      .catch((error: unknown) => error);
    await time.advance(299);
    await time.advance(1);
    expect(await first).toMatchObject({ code: 'timeout_first_event' });
  });

  it('gives its permit back and is closed when it is aborted before anybody reads it', async () => {
    const service = new Service();
    const controller = new AbortController();
    const stream = silent();
    await service.open(stream, { signal: controller.signal });
    expect(service.inFlight).toBe(1);
    controller.abort();
    expect(service.inFlight).toBe(0);
    expect(stream.left).toBe(true);
  });

  it('is destroyed when it is a Node stream', async () => {
    const controller = new AbortController();
    const readable = new Readable({ read: () => undefined });
    await new Service().open(readable, { signal: controller.signal });
    controller.abort();
    expect(readable.destroyed).toBe(true);
  });
});

describe('a stage that fails although the stream is open', () => {
  it('leaves no generator behind', async () => {
    const Refusing = definePolicy<Record<string, never>>({
      kind: 'Refusing',
      place: { inside: 'RetryWithBackoff' },
      create: () => ({
        async run(_call, next) {
          await next();
          throw new Error('no');
        },
      }),
    });
    let finished = 0;
    class Service {
      @Refusing()
      @RetryWithBackoff({ maxRetries: 0 })
      async *events(): AsyncGenerator<string> {
        try {
          yield 'a';
          yield 'b';
        } finally {
          finished++;
        }
      }
    }
    await expect(new Service().events().next()).rejects.toThrow('no');
    await time.advance(0);
    expect(finished).toBe(1);
  });
});

describe('what only watches', () => {
  it('may fail later, too: it becomes a warning', async () => {
    class Service {
      @RetryWithBackoff({ baseDelayMs: 0, onRetry: (async () => Promise.reject(new Error('late'))) as never })
      async ask(): Promise<void> {
        throw new ConnectionError('no');
      }
    }
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const service = new Service();
    onPolicyEvent(service, () => undefined);
    const failed = service.ask().catch((error: unknown) => error);
    await time.advance(0);
    await time.advance(0);
    await time.advance(0);
    await time.advance(0);
    expect(await failed).toBeInstanceOf(ConnectionError);
    expect(warn).toHaveBeenCalledWith('`onRetry` failed: Error: late', 'KeelsonWarning' as never);
    warn.mockRestore();
  });
});

describe('a failing retryOn', () => {
  it('ends the call with its own error, seen as one of the hierarchy', async () => {
    const bug = new TypeError('undefined is not a function');
    class Service {
      @RetryWithBackoff({
        retryOn: () => {
          throw bug;
        },
      })
      @HandleApiErrors()
      async ask(): Promise<void> {
        throw new ConnectionError('no');
      }
    }
    await expect(new Service().ask()).rejects.toMatchObject({ code: 'unexpected', cause: bug });
  });
});

describe('super after the override has returned', () => {
  it('brings the policies of the overridden method', async () => {
    let attempts = 0;
    class Base {
      @RetryWithBackoff({ maxRetries: 2, baseDelayMs: 0 })
      async ask(): Promise<void> {
        attempts++;
        throw new ConnectionError('no');
      }
    }
    let later: () => Promise<void> = async () => undefined;
    class Sub extends Base {
      @RetryWithBackoff({ maxRetries: 0 })
      override async ask(): Promise<void> {
        later = () => super.ask();
      }
    }
    const sub = new Sub();
    await sub.ask();
    const failed = later().catch((error: unknown) => error);
    for (let i = 0; i < 4; i++) await time.advance(0);
    await failed;
    expect(attempts).toBe(3);
  });
});

describe('a second policy of the same name', () => {
  it('may not stand at another place', () => {
    const create = () => ({ run: (_call: unknown, next: () => Promise<unknown>) => next() });
    definePolicy({ kind: 'Twice', place: 'Cached', create });
    expect(() => definePolicy({ kind: 'Twice', place: 'Cached', create })).not.toThrow();
    expect(() => definePolicy({ kind: 'Twice', place: 'Hedged', create })).toThrow(
      /Twice is defined already/,
    );
    expect(() => definePolicy({ kind: 'Timeout', place: 'Hedged', create })).toThrow(
      /Timeout is defined already/,
    );
  });
});

describe('the stack of an error', () => {
  it('shows who called', async () => {
    class Service {
      @RetryWithBackoff({ maxRetries: 0 })
      @Timeout()
      @HandleApiErrors()
      async ask(): Promise<void> {
        await null;
        throw new Error('boom');
      }
    }
    const businessLogic = async (): Promise<void> => {
      await null;
      await new Service().ask();
    };
    const error = (await businessLogic().catch((thrown: unknown) => thrown)) as Error;
    expect(error.stack).toMatch(/at (async )?businessLogic/);
  });
});

describe('one signal for many calls', () => {
  it('has one listener, and none when they have ended', async () => {
    class Service {
      @Timeout()
      async ask(until: Promise<void>, _options: CallOptions): Promise<void> {
        return until;
      }
    }
    const { signal } = new AbortController();
    let finish: () => void = () => undefined;
    const until = new Promise<void>((resolve) => (finish = resolve));
    const calls = Array.from({ length: 20 }, () => new Service().ask(until, { signal }));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    finish();
    await Promise.all(calls);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('retryOn', () => {
  it('may not answer later', async () => {
    class Service {
      @RetryWithBackoff({ retryOn: (async () => false) as never })
      async ask(): Promise<void> {
        throw new ConnectionError('no');
      }
    }
    await expect(new Service().ask()).rejects.toThrow(
      /`retryOn` returned an object: it must return true or false/,
    );
  });
});
