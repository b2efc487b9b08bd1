import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  Cached,
  ConnectionError,
  definePolicy,
  Limiter,
  type LLMError,
  RateLimited,
  RateLimitError,
  currentCall,
  RetryWithBackoff,
  Timeout,
  type Call,
} from '../../decorators/index.js';
import { collect, deferred, failureOf } from '../support/policies.js';
import { installVirtualRuntime, type VirtualRuntime } from '../support/virtual-runtime.js';

let time: VirtualRuntime;
let restore: () => void;
beforeEach(() => void ({ runtime: time, restore } = installVirtualRuntime()));
afterEach(() => restore());

const pass = (ms: number) => new Promise<void>((resolve) => time.setTimer(resolve, ms));

it('a body that goes on after its attempt was aborted can begin no further call', async () => {
  class Agent {
    asked: number[] = [];
    @RetryWithBackoff({ baseDelayMs: 0, maxRetries: 1 })
    @Timeout({ attemptMs: 10 })
    async run() {
      const number = currentCall()?.attempt ?? 0;
      await pass(number === 1 ? 20 : 5);
      return this.ask(number);
    }
    @RetryWithBackoff()
    async ask(number: number) {
      this.asked.push(number);
      return number;
    }
  }
  const agent = new Agent();
  const answer = agent.run();
  await time.runAll();
  expect(await answer).toBe(2);
  expect(agent.asked).toEqual([2]);
});

it('a stream that is left before its first event gives back what it holds, and is closed', async () => {
  let closed = 0;
  const source = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false, value: 1 }),
      return: () => {
        closed++;
        return Promise.resolve({ done: true as const, value: undefined });
      },
    }),
  };
  const limiter = new Limiter({ maxConcurrent: 1 });
  class Subject {
    @RateLimited(limiter)
    async open(): Promise<AsyncIterable<number>> {
      return { ...source };
    }
  }
  const stream = await new Subject().open();
  expect(limiter.snapshot()['default']).toMatchObject({ concurrency: { inFlight: 1 } });
  await stream[Symbol.asyncIterator]().return?.();
  expect(closed).toBe(1);
  expect(limiter.snapshot()['default']).toMatchObject({ concurrency: { inFlight: 0 } });
});

it('a listener of an abort that fails keeps it from nobody', async () => {
  const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const Failing = definePolicy<object>({
    kind: 'Failing at aborts',
    place: 'Fallback',
    create: () => ({
      run(call: Call, next) {
        call.onAbort(() => {
          throw new Error('of the listener');
        });
        return next();
      },
    }),
  });
  class Subject {
    @Failing()
    @RetryWithBackoff()
    async hang(_options: { signal: AbortSignal }) {
      await new Promise(() => undefined);
    }
  }
  const controller = new AbortController();
  const [one, other] = [1, 2].map(() => failureOf(new Subject().hang({ signal: controller.signal })));
  controller.abort();
  expect(((await one) as LLMError).code).toBe('aborted');
  expect(((await other) as LLMError).code).toBe('aborted');
  expect(warn.mock.calls.map(([message]) => message)).toEqual(
    Array(2).fill('A listener of an abort failed: Error: of the listener'),
  );
  warn.mockRestore();
});

it('what a stream has brought is charged although a refusal cuts it', async () => {
  const limiter = new Limiter({ tokensPerMinute: 1000, cost: () => 500 });
  class Subject {
    @RateLimited(limiter)
    async *events() {
      yield 'a';
      currentCall()?.report({ usage: { inputTokens: 100, outputTokens: 200 }, statusCode: 200 });
      throw new RateLimitError('slow');
    }
  }
  await failureOf(collect(new Subject().events()));
  expect(limiter.snapshot()['default']?.tokens).toMatchObject({ available: 700 });
});

describe('a flight whose first caller has left', () => {
  it('has not the deadline of who has left', async () => {
    let calls = 0;
    class Subject {
      @Timeout()
      @Cached({ ttlMs: 1000 })
      @RetryWithBackoff({ baseDelayMs: 10, jitter: 'none' })
      async ask(_question: string, _options?: { timeoutMs?: number }) {
        await pass(100);
        if (++calls === 1) throw new ConnectionError('down');
        return 'answer';
      }
    }
    const subject = new Subject();
    const first = failureOf(subject.ask('same', { timeoutMs: 50 }));
    const second = subject.ask('same');
    await time.runAll();
    expect(((await first) as LLMError).code).toBe('timeout_total');
    expect(await second).toBe('answer');
  });

  it('that opens a stream gives back what it holds', async () => {
    const limiter = new Limiter({ maxConcurrent: 1 });
    const gate = deferred();
    class Subject {
      @Cached({ ttlMs: 1000 })
      @RateLimited(limiter)
      async open(_question: string, _options?: { signal?: AbortSignal }): Promise<AsyncIterable<number>> {
        await gate.promise;
        return {
          async *[Symbol.asyncIterator]() {
            yield 1;
          },
        };
      }
    }
    const subject = new Subject();
    const controller = new AbortController();
    const first = failureOf(subject.open('same', { signal: controller.signal }));
    const second = subject.open('same');
    await time.settle();
    controller.abort();
    await first;
    gate.resolve();
    const stream = await second;
    for await (const event of stream) expect(event).toBe(1);
    expect(limiter.snapshot()['default']).toMatchObject({ concurrency: { inFlight: 0 } });
  });
});
