/** Misuses: each line with a mark is to be an error, in both dialects, and no other line. */
import {
  Budget,
  Cached,
  CircuitBreaker,
  composePolicies,
  definePolicy,
  Fallback,
  HandleApiErrors,
  Hedged,
  RateLimited,
  Resilient,
  RetryWithBackoff,
  Traced,
} from 'keelson/decorators';

const Audited = definePolicy<{ log: (line: string) => void }>({
  kind: 'Audited',
  place: { inside: 'HandleApiErrors' },
  create: () => ({ run: (_call, next) => next() }),
});

definePolicy({ kind: 'Lost', place: 'NoSuchPlace', create: () => ({ run: (_call, next) => next() }) }); //~ error: '"NoSuchPlace"'

class Other {
  readonly somewhere = 'else';
}

export class Bad {
  readonly limits = { requestsPerMinute: 60 };

  @RetryWithBackoff() //~ error: AsyncMethod
  syncMethod(): number {
    return 1;
  }

  @RetryWithBackoff() //~ error: AsyncMethod
  *syncGenerator(): Generator<number> {
    yield 1;
  }

  @RetryWithBackoff() //~ error: AsyncMethod
  property = 1;

  @RetryWithBackoff() //~ error: AsyncMethod
  arrowProperty = async (): Promise<number> => 1;

  @RetryWithBackoff() //~ error
  get getter(): Promise<number> {
    return Promise.resolve(1);
  }

  @RetryWithBackoff((self: Other) => ({ maxRetries: self.somewhere.length })) //~ error: 'Other'
  async wrongSelf(): Promise<number> {
    return 1;
  }

  @RetryWithBackoff({ maxRetrys: 3 }) //~ error: 'maxRetrys'
  async optionTypo(): Promise<number> {
    return 1;
  }

  @RetryWithBackoff({ maxRetries: '3' }) //~ error: 'string'
  async optionType(): Promise<number> {
    return 1;
  }

  @HandleApiErrors({ maxRetries: 3 }) //~ error
  async optionOfAnother(): Promise<number> {
    return 1;
  }

  @Audited() //~ error
  async requiredOptions(): Promise<number> {
    return 1;
  }

  @Audited({}) //~ error: log
  async requiredOption(): Promise<number> {
    return 1;
  }

  @RetryWithBackoff //~ error
  async forgottenParentheses(): Promise<number> {
    return 1;
  }

  @HandleApiErrors //~ error
  async *forgottenOnStream(): AsyncGenerator<number> {
    yield 1;
  }

  @RetryWithBackoff() //~ error: AsyncMethod
  otherIterable(): AsyncIterable<number> {
    return new ReadableNumbers();
  }

  @RateLimited((self) => self.nolimits) //~ error: Did you mean 'limits'?
  async selfTypo(): Promise<number> {
    return 1;
  }

  @RetryWithBackoff((_self, call) => ({ maxRetries: call.atempt })) //~ error: Did you mean 'attempt'?
  async callTypo(): Promise<number> {
    return 1;
  }

  async cheap(question: string): Promise<string> {
    return question;
  }

  async count(question: string): Promise<number> {
    return question.length;
  }

  @Fallback({ method: 'chep' }) //~ error: cheap
  async fallbackTypo(question: string): Promise<string> {
    return question;
  }

  @Fallback({ method: 'count' }) //~ error: count
  async fallbackOfAnotherType(question: string): Promise<string> {
    return question;
  }

  @Fallback({ method: 'cheap' }) //~ error: cheap
  async fallbackWithOtherArguments(question: number): Promise<string> {
    return `${question}`;
  }

  @Fallback({ value: 5 }) //~ error: number
  async fallbackValue(question: string): Promise<string> {
    return question;
  }

  @Fallback({ value: 'Sorry' }) //~ error: string
  async *fallbackOfStream(question: string): AsyncGenerator<string> {
    yield question;
  }

  @Fallback({ value: (error, question) => error.code + question.lenth }) //~ error: Did you mean 'length'?
  async fallbackArgument(question: string): Promise<string> {
    return question;
  }

  @Fallback({ client: (self) => self.limit }) //~ error: Did you mean 'limits'?
  async fallbackSelf(question: string): Promise<string> {
    return question;
  }

  @Fallback({ to: [{ value: 'Sorry' }], onn: TypeError }) //~ error: onn
  async fallbackOption(question: string): Promise<string> {
    return question;
  }

  @Fallback({ value: 'Sorry', on: 'RateLimitError' }) //~ error: ErrorMatch
  async fallbackClass(question: string): Promise<string> {
    return question;
  }

  @Fallback() //~ error
  async fallbackToNothing(question: string): Promise<string> {
    return question;
  }

  @CircuitBreaker({ failureRat: 0.5 }) //~ error: failureRat
  async breakerOption(): Promise<void> {}

  @CircuitBreaker({ tripOn: (error) => error.code }) //~ error: boolean
  async breakerFunction(): Promise<void> {}

  @Hedged({ delayMs: 'p99' }) //~ error: p99
  async hedgedDelay(): Promise<void> {}

  @Cached() //~ error
  async cachedWithoutTime(): Promise<void> {}

  @Cached({ maxEntries: 5 }) //~ error: ttlMs
  async cachedWithoutTtl(): Promise<void> {}

  @Budget({ per: 'day' }) //~ error
  async budgetWithoutLimit(): Promise<void> {}

  @Traced({ semconv: 'newest' }) //~ error: newest
  async tracedNames(): Promise<void> {}

  @Resilient({ retries: 5 }) //~ error: retries
  async resilientOption(): Promise<void> {}

  @Resilient() //~ error: AsyncMethod
  syncResilient(): number {
    return 1;
  }

  @RateLimited() //~ error: AsyncMethod
  static syncStatic(): string {
    return '';
  }
}

composePolicies('Wrong', () => [RetryWithBackoff]); //~ error

class ReadableNumbers implements AsyncIterable<number> {
  async *[Symbol.asyncIterator](): AsyncGenerator<number> {
    yield 1;
  }
}
