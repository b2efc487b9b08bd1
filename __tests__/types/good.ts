/** Every kind of method that a decorator may stand on: compiles without an error, in both dialects. */
import {
  Breaker,
  Budget,
  Cache,
  Cached,
  CircuitBreaker,
  composePolicies,
  currentCall,
  definePolicy,
  Fallback,
  HandleApiErrors,
  Hedged,
  onPolicyEvent,
  OverloadedError,
  policiesOf,
  RateLimited,
  Resilient,
  RetryWithBackoff,
  SpendingBudget,
  Timeout,
  Traced,
} from 'keelson/decorators';
import type { CallOptions, FallbackOptions } from 'keelson/decorators';

class Reply<T> extends Promise<T> {
  asResponse(): Promise<string> {
    return Promise.resolve('raw');
  }
}
class Stream implements AsyncIterable<number> {
  async *[Symbol.asyncIterator](): AsyncGenerator<number> {
    yield 1;
  }
}
const computed = Symbol('computed');

class Base {
  readonly limits = { requestsPerMinute: 60 };
  protected retry = { maxRetries: 2 };
  private timeout = { totalMs: 1000 };

  @RetryWithBackoff()
  async text(prompt: string): Promise<string> {
    return prompt;
  }

  @RetryWithBackoff({ maxRetries: 5, baseDelayMs: 10 })
  async nothing(): Promise<void> {}

  @RetryWithBackoff(false)
  @RateLimited({ requestsPerMinute: 60 })
  @HandleApiErrors()
  @Timeout({ totalMs: 1000 })
  async stacked(count: number, unit?: string): Promise<string> {
    return `${count} ${unit ?? ''}`;
  }

  @RetryWithBackoff()
  async *events(count: number): AsyncGenerator<number, string, boolean | undefined> {
    for (let i = 0; i < count; i++) if (yield i) break;
    return 'done';
  }

  @RetryWithBackoff()
  open(): Promise<Stream> {
    return Promise.resolve(new Stream());
  }

  @RetryWithBackoff()
  reply(): Reply<number> {
    return Reply.resolve(1) as Reply<number>;
  }

  @RetryWithBackoff()
  thenable(): PromiseLike<number> {
    return Promise.resolve(1);
  }

  @RetryWithBackoff()
  async generic<T extends { id: string }, K extends keyof T>(items: T[], key: K): Promise<T[K][]> {
    return items.map((item) => item[key]);
  }

  overloaded(input: string): Promise<number[]>;
  overloaded(input: string[]): Promise<number[][]>;
  @RetryWithBackoff()
  async overloaded(input: string | string[]): Promise<number[] | number[][]> {
    return typeof input === 'string' ? [input.length] : input.map((text) => [text.length]);
  }

  @RetryWithBackoff()
  async rest(first: number, ...others: readonly string[]): Promise<number> {
    return first + others.length;
  }

  @RetryWithBackoff({ maxRetries: 1 })
  static async shared(): Promise<number> {
    return 1;
  }

  @RetryWithBackoff()
  protected async guarded(): Promise<number> {
    return 1;
  }

  @RetryWithBackoff()
  private async hidden(): Promise<number> {
    return 1;
  }

  @RetryWithBackoff()
  async declaredThis(this: Base, by: number): Promise<number> {
    return (await this.hidden()) + by;
  }

  @RetryWithBackoff()
  async [computed](): Promise<number> {
    return 1;
  }

  @RetryWithBackoff()
  async 'quoted name'(): Promise<number> {
    return 1;
  }

  @RateLimited((self) => self.limits)
  async fromSelf(): Promise<number> {
    return 1;
  }

  @RetryWithBackoff((self) => self.retry)
  async fromProtected(): Promise<number> {
    return 1;
  }

  @Timeout((self) => self.timeout)
  async fromPrivate(): Promise<number> {
    return 1;
  }

  @RetryWithBackoff((self, call) => (call.attempt > 1 ? false : self.retry))
  async fromCall(): Promise<number> {
    return 1;
  }

  @RetryWithBackoff((_self, call) => ({ maxRetries: call.options.maxRetries ?? 1 }))
  async *eventsFromCall(): AsyncGenerator<number> {
    yield 1;
  }

  @RetryWithBackoff((self: Base) => self.retry)
  async declaredSelf(): Promise<number> {
    return 1;
  }

  @RetryWithBackoff(() => undefined)
  async undefinedOptions(): Promise<number> {
    return 1;
  }

  static readonly sharedLimits = { requestsPerMinute: 1 };

  @RateLimited((self) => self.sharedLimits)
  static async sharedFromSelf(): Promise<number> {
    return 1;
  }
}

class Sub extends Base {
  @RetryWithBackoff({ maxRetries: 1 })
  override async text(prompt: string): Promise<string> {
    return super.text(`${prompt}!`);
  }

  @RetryWithBackoff((self) => self.retry)
  override async *events(count: number): AsyncGenerator<number, string, boolean | undefined> {
    return yield* super.events(count);
  }

  protected override async guarded(): Promise<number> {
    return super.guarded();
  }
}

const Audited = definePolicy<{ log: (line: string) => void }>({
  kind: 'Audited',
  place: { inside: 'RetryWithBackoff' },
  create: (target) => ({
    async run(call, next, { log }) {
      log(`${String(target.method)}, attempt ${call.attempt}`);
      return next();
    },
  }),
});
const Noted = definePolicy<{ title?: string }>({
  kind: 'Noted',
  place: { outside: 'Audited' },
  create: () => ({ run: (_call, next) => next() }),
});

class OwnPolicies {
  readonly lines: string[] = [];

  @Audited((self) => ({ log: (line) => self.lines.push(line) }))
  @Noted()
  async ask(question: string, options?: CallOptions): Promise<string> {
    options?.signal?.throwIfAborted();
    return `${question} (attempt ${currentCall()?.attempt ?? 1})`;
  }

  @Audited({ log: (line) => console.log(line) })
  @Noted({ title: 'events' })
  async *events(): AsyncGenerator<string> {
    yield 'a';
  }
}

class Answers {
  backup: Answers | undefined;
  protected spare = new Map<string, string>();
  fallback: FallbackOptions = { model: 'small' };

  @Fallback({
    to: [
      { model: 'small', on: OverloadedError },
      { client: (self) => self.backup, model: 'other' },
      { client: (self) => self.spare },
      { method: 'cheap', on: [OverloadedError, (error) => error.retryable] },
      { method: (self) => self.hidden },
      { value: 'Sorry' },
      { value: async (error, question, params) => error.code + question.length + (params?.model ?? '') },
    ],
    on: (error) => error.statusCode === 503,
    budget: { ratio: 0.1 },
  })
  async ask(question: string, params?: { model: string }): Promise<string> {
    return `${question} ${params?.model}`;
  }

  async cheap(question: string): Promise<string> {
    return question;
  }

  private async hidden(question: string): Promise<string> {
    return question;
  }

  @Fallback({ method: 'other' })
  @RetryWithBackoff()
  async *words(text: string): AsyncGenerator<string> {
    yield text;
  }

  async *other(): AsyncGenerator<string> {
    yield 'other';
  }

  @Fallback({ value: (_error, text) => [text] })
  async *events(text: string): AsyncGenerator<string> {
    yield text;
  }

  @Fallback({ value: undefined, budget: false })
  async nothing(): Promise<void> {}

  @Fallback({ value: [] })
  async generic<T>(items: T[]): Promise<T[]> {
    return items;
  }

  @Fallback((self) => ({ client: self.backup ?? {} }))
  async resolved(question: string): Promise<string> {
    return question;
  }

  @Fallback((self) => self.fallback)
  async kept(question: string): Promise<string> {
    return question;
  }

  @Fallback((_self, call) => (call.attempt > 1 ? false : { value: 'Sorry' }))
  async fromCall(question: string): Promise<string> {
    return question;
  }

  @Fallback({ value: 1 })
  static async shared(): Promise<number> {
    return 2;
  }
}
export const Careful = composePolicies('Careful', (sorry: string) => [
  Fallback({ to: [{ model: 'small' }, { value: (error) => sorry + error.code }] }),
  RetryWithBackoff(),
]);

class Guarded {
  readonly breaker = new Breaker({ failureRate: 0.3 });
  readonly answers = new Cache({ ttlMs: 60_000 });
  readonly budget = new SpendingBudget({ tokens: 1000, per: 'day' });

  @CircuitBreaker({ failureRate: 0.3, onChange: ({ state, key }) => console.log(state, key) })
  @Hedged({ delayMs: 800, hedgeOn: (error) => error.retryable })
  @Cached({ ttlMs: 60_000, tenant: (call) => call.id })
  @Budget({
    limits: [
      { usd: 1, per: 'hour' },
      { tokens: 1e6, windowMs: 60_000 },
    ],
    model: 'gpt-4o-mini',
  })
  @Traced({ spanName: (call) => call.label, metrics: false })
  async ask(question: string): Promise<string> {
    return question;
  }

  @CircuitBreaker((self) => self.breaker)
  @Cached((self) => self.answers)
  @Budget((self) => self.budget)
  @Hedged()
  @Traced()
  async *tell(question: string): AsyncGenerator<string> {
    yield question;
  }

  @Resilient({ timeouts: { totalMs: 1000 }, retry: false, rateLimit: { requestsPerMinute: 60 } })
  async look(): Promise<number> {
    return 1;
  }

  @Resilient()
  @Careful('Sorry: ')
  static async shared(): Promise<string> {
    return 'shared';
  }
}
const guarded: {
  ask: Same<Guarded['ask'], (question: string) => Promise<string>>;
  tell: Same<Guarded['tell'], (question: string) => AsyncGenerator<string>>;
} = { ask: true, tell: true };
void guarded;

abstract class Template<Item> {
  protected abstract readonly retry: { maxRetries: number };

  @RetryWithBackoff((self) => self.retry)
  async all(items: Item[]): Promise<Item[]> {
    return items;
  }

  @HandleApiErrors()
  abstractLike(): Promise<Item | undefined> {
    return Promise.resolve(undefined);
  }
}

/** A decorator leaves the types of what it stands on as they are. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const kept: {
  text: Same<Base['text'], (prompt: string) => Promise<string>>;
  stacked: Same<Base['stacked'], (count: number, unit?: string) => Promise<string>>;
  events: Same<Base['events'], (count: number) => AsyncGenerator<number, string, boolean | undefined>>;
  reply: Same<Base['reply'], () => Reply<number>>;
  shared: Same<(typeof Base)['shared'], () => Promise<number>>;
} = { text: true, stacked: true, events: true, reply: true, shared: true };

export async function uses(): Promise<unknown> {
  const sub = new Sub();
  const one: number[] = await sub.overloaded('a');
  const many: number[][] = await sub.overloaded(['a']);
  const ids: string[] = await sub.generic([{ id: 'a', size: 1 }], 'id');
  const kinds: string[] = policiesOf(OwnPolicies, 'ask').map((policy) => policy.kind);
  const stopListening = onPolicyEvent(OwnPolicies.prototype, (event) => {
    if (event.type === 'retry') console.log(event.delayMs, event.error.code);
  });
  stopListening();
  return [one, many, ids, kinds, kept, Template, Answers];
}
