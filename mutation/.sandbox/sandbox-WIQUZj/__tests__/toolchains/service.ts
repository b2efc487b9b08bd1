/** Decorated methods of every kind: compiled by each toolchain in each dialect, then run; the result is always the same. */
// @ts-nocheck

import {
  currentCall,
  definePolicy,
  HandleApiErrors,
  InternalServerError,
  LLMError,
  policiesOf,
  RateLimited,
  RetryWithBackoff,
  Timeout,
} from 'keelson/decorators';
import { useVirtualTime } from 'keelson/testing';

const Noted = definePolicy<{ log: string[] }>({
  kind: 'Noted',
  place: { inside: 'RetryWithBackoff' },
  create: ({ method }) => ({
    run(call, next, { log }) {
      log.push(`${String(method)} ${call.attempt}`);
      return next();
    },
  }),
});

class Service {
  readonly log: string[] = [];
  readonly limits = { requestsPerMinute: 15, requestBurst: 1 };
  protected failures = 2;

  // In the reverse of the order in which they run.
  @HandleApiErrors()
  @Noted((self) => ({ log: self.log }))
  @RateLimited((self) => self.limits)
  @RetryWithBackoff({ maxRetries: 3, jitter: 'none' })
  @Timeout({ totalMs: 900_000 })
  async ask(question: string, ...words: string[]): Promise<string> {
    const before = currentCall();
    await null;
    if (this.failures-- > 0) throw new InternalServerError('busy', 503);
    const call = currentCall();
    return `${[question, ...words].join(' ')}: attempt ${call?.attempt}, ${call === before ? 'one call' : 'lost'}`;
  }

  @RetryWithBackoff({ maxRetries: 2 })
  async *count(to: number): AsyncGenerator<number, string, boolean | undefined> {
    if (this.failures-- > 0) throw new InternalServerError('busy', 503);
    for (let i = 1; i <= to; i++) {
      await null;
      if (yield i) return `stopped at ${i} of ${String(currentCall()?.method)}`;
    }
    return 'done';
  }

  @HandleApiErrors()
  @RetryWithBackoff({ maxRetries: 1 })
  async fail(): Promise<never> {
    throw new InternalServerError('never', 500);
  }

  @HandleApiErrors()
  async stumble(): Promise<never> {
    throw new RangeError('a bug');
  }

  @Timeout({ totalMs: 50 })
  async hang(): Promise<void> {
    await new Promise<void>(() => undefined);
  }

  @RetryWithBackoff({ maxRetries: 1 })
  async base(): Promise<string> {
    if (this.failures-- > 0) throw new InternalServerError('busy', 503);
    return 'base';
  }

  @RetryWithBackoff()
  async inherited(): Promise<string> {
    return 'inherited';
  }

  static calls = 0;

  @RetryWithBackoff({ maxRetries: 1 })
  static async shared(): Promise<number> {
    if (++this.calls < 2) throw new InternalServerError('busy', 503);
    return this.calls;
  }
}

class Special extends Service {
  protected override failures = 5;

  // One pipeline of six attempts, not one of twelve; the base's body runs bare.
  @RetryWithBackoff({ maxRetries: 5 })
  @HandleApiErrors()
  override async base(): Promise<string> {
    await null;
    return `special ${await super.base()} at attempt ${currentCall()?.attempt}`;
  }

  override async inherited(): Promise<string> {
    return `plain, then ${await super.inherited()}`;
  }
}

/** Steps through a stream by hand, so that what its consumer sends in is covered as well. */
async function stopEarly(stream: AsyncGenerator<number, string, boolean | undefined>): Promise<unknown[]> {
  return [await stream.next(), await stream.next(), await stream.next(true), await stream.next()];
}

async function leaveEarly(stream: AsyncIterable<number>): Promise<number[]> {
  const seen: number[] = [];
  for await (const item of stream) {
    seen.push(item);
    if (seen.length === 2) break;
  }
  return seen;
}

async function failure(promise: Promise<unknown>): Promise<unknown[]> {
  const error: unknown = await promise.catch((thrown: unknown) => thrown);
  if (!(error instanceof LLMError)) return [String(error)];
  return [error.name, error.code, error.attempts.length, (error.cause as Error | undefined)?.name ?? null];
}

const kinds = (target: object, method: string): string[] =>
  policiesOf(target, method).map(({ kind, place, from }) => `${kind} at ${place} from ${from}`);

/** What happened, as plain data. */
export async function main(): Promise<Record<string, unknown>> {
  const time = useVirtualTime();
  const service = new Service();
  return {
    answer: await time.settle(service.ask('a', 'b', 'c')),
    waitedMs: time.now,
    log: service.log,
    stopped: await time.settle(stopEarly(new Service().count(9))),
    left: await time.settle(leaveEarly(new Service().count(9))),
    failed: await time.settle(failure(service.fail())),
    stumbled: await time.settle(failure(service.stumble())),
    hung: await time.settle(failure(service.hang())),
    overridden: await time.settle(new Special().base()),
    inherited: await time.settle(new Special().inherited()),
    shared: await time.settle(Service.shared()),
    asked: kinds(Service, 'ask'),
    special: kinds(Special, 'base'),
    plain: kinds(Special, 'inherited'),
    static: kinds(Service, 'shared'),
    shape: [service.ask.name, service.ask.length, Object.keys(Service.prototype), Object.keys(service)],
  };
}
