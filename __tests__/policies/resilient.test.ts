import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OpenAIClient } from 'keelson';
import {
  CircuitOpenError,
  ConnectionError,
  LLMError,
  policiesOf,
  Resilient,
  RetryWithBackoff,
  type ResilientOptions,
} from '../../decorators/index.js';
import { failureOf } from '../support/policies.js';
import { installVirtualRuntime, type VirtualRuntime } from '../support/virtual-runtime.js';

let time: VirtualRuntime;
let restore: () => void;
beforeEach(() => void ({ runtime: time, restore } = installVirtualRuntime()));
afterEach(() => restore());

const kinds = (target: object): string[] =>
  policiesOf(target, 'ask').map(({ kind, place }) => `${kind} at ${place}`);

describe('@Resilient', () => {
  it('brings timeouts, retries, a circuit breaker and the mapping of errors', () => {
    class Subject {
      @Resilient()
      async ask() {}
    }
    expect(kinds(Subject)).toEqual([
      'Timeout at Timeout(total)',
      'RetryWithBackoff at RetryWithBackoff',
      'CircuitBreaker at CircuitBreaker(check)',
      'CircuitBreaker at CircuitBreaker(permit)',
      'Timeout at Timeout(attempt)',
      'HandleApiErrors at HandleApiErrors',
    ]);
    expect(policiesOf(Subject, 'ask').every(({ via }) => via === 'Resilient')).toBe(true);
  });

  it('retries, and refuses calls while everything fails', async () => {
    class Subject {
      attempts = 0;
      @Resilient({ retry: { maxRetries: 1, baseDelayMs: 0 } })
      async ask() {
        this.attempts++;
        throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      }
    }
    const subject = new Subject();
    const call = async () => {
      const failure = failureOf(subject.ask());
      await time.advance(1);
      return failure;
    };
    expect(await call()).toBeInstanceOf(ConnectionError);
    expect(subject.attempts).toBe(2);
    for (let i = 0; i < 4; i++) await call();
    expect(subject.attempts).toBe(10);
    expect(await call()).toBeInstanceOf(CircuitOpenError);
    expect(subject.attempts).toBe(10);
  });

  it('hands on the options of each, leaves out what is false, and limits where limits are given', () => {
    class Subject {
      @Resilient({
        timeouts: { totalMs: 5000 },
        retry: false,
        circuitBreaker: false,
        rateLimit: { requestsPerMinute: 5 },
      })
      async ask() {}
    }
    const options = Object.fromEntries(
      policiesOf(Subject, 'ask').map(({ kind, options: given }) => [kind, given]),
    );
    expect(options).toEqual({
      Timeout: { totalMs: 5000 },
      RetryWithBackoff: false,
      CircuitBreaker: false,
      RateLimited: { requestsPerMinute: 5 },
      HandleApiErrors: {},
    });
  });

  it('gives way to a single decorator on the method', () => {
    class Subject {
      @Resilient()
      @RetryWithBackoff({ maxRetries: 9 })
      async ask() {}
    }
    expect(policiesOf(Subject, 'ask').find(({ kind }) => kind === 'RetryWithBackoff')?.options).toEqual({
      maxRetries: 9,
    });
  });

  it('adds to a client what it has not', () => {
    const client = new OpenAIClient({ apiKey: 'sk-0123456789abcdef', policies: [Resilient()] });
    expect(policiesOf(client, 'chatCompletion').map(({ kind }) => kind)).toContain('CircuitBreaker');
  });

  it.each([
    [{ retries: 3 }, '@Resilient: there is no option `retries`. Did you mean `retry`?'],
    [{ retry: { maxRetries: -1 } }, '@RetryWithBackoff of @Resilient: `maxRetries` is -1'],
    [5, '@Resilient: the options must be an object; got 5.'],
  ])('refuses %j', (options, message) => {
    expect(() => Resilient(options as ResilientOptions)).toThrow(TypeError);
    expect(() => Resilient(options as ResilientOptions)).toThrow(message);
  });

  it('throws errors of the hierarchy alone', async () => {
    class Subject {
      @Resilient()
      async ask() {
        throw new RangeError('odd');
      }
    }
    expect(await failureOf(new Subject().ask())).toBeInstanceOf(LLMError);
  });
});
