import { Breaker, isBreaker } from './circuit/breaker.js';
import type { CircuitSnapshot } from './circuit/circuit.js';
import { checkBreakerOptions, fingerprint, type BreakerOptions } from './circuit/options.js';
import type { Call } from './pipeline/call.js';
import { DirectStage, type Inward, type OnFailure, type OnResult } from './pipeline/direct-stage.js';
import { hostOf } from './pipeline/host.js';
import { MadeOfOptions } from './pipeline/made-of-options.js';
import { isStream } from './pipeline/opened-stream.js';
import { definePolicy, type PolicyTarget } from './pipeline/policy.js';

/** What `@CircuitBreaker` takes: the options of a breaker, made at the first call, or a `Breaker` that several share. */
export type CircuitBreakerOptions = BreakerOptions | Breaker;

/**
 * Refuses calls at once while a provider is down, instead of sending what will fail: too many failures or slow calls open
 * the circuit; after a while a few trial calls decide whether it closes. It is asked before a call waits for admission, and
 * again before it is sent; nothing is held in between.
 *
 * Options written in place make one breaker for each object and method; on a client all methods share it. Within it each model
 * has its own circuit.
 *
 * | option | unit | default |
 * |---|---|---|
 * | `failureRate` | share of calls | 0.5 |
 * | `slowCallMs`, `slowCallRate` | milliseconds, share of calls | nothing is slow, 0.5 |
 * | `windowMs` or `windowCalls` | milliseconds or calls | 30_000 ms |
 * | `minimumCalls` | calls | 10 |
 * | `openMs`, `maxOpenMs` | milliseconds | 10_000, doubling up to 120_000 |
 * | `halfOpenCalls`, `halfOpenMaxMs` | calls, milliseconds | 3, 120_000 |
 * | `key(call)` | name of the circuit | model at its host, else the method |
 * | `tripOn(error)` | | 408, 5xx, connections, timeouts, broken streams |
 * | `onChange(change)` | | |
 * | `mode` | `enforce`, `observe` | `enforce` |
 *
 * @example
 * class Assistant {
 *   @CircuitBreaker({ failureRate: 0.3, slowCallMs: 20_000 })
 *   @RetryWithBackoff()
 *   async ask(question: string) { … }
 * }
 *
 * const client = new OpenAIClient({ policies: [CircuitBreaker()] });
 *
 * @throws CircuitOpenError when the call is refused; `retryAfterMs` says when to come back. It is not retried.
 * @throws TypeError for an option that is unknown or out of range.
 */
export const CircuitBreaker = definePolicy<CircuitBreakerOptions>({
  kind: 'CircuitBreaker',
  place: ['CircuitBreaker(check)', 'CircuitBreaker(permit)'],
  neverAborts: true,
  validate(options, where) {
    if (!isBreaker(options)) checkBreakerOptions(options, where);
  },
  create(target) {
    const breakers = breakersFor(target);
    return [new CheckStage(breakers), new PermitStage(breakers)];
  },
});

/** Refuses before anything is waited for or taken. */
class CheckStage extends DirectStage<CircuitBreakerOptions> {
  constructor(private readonly breakers: Breakers) {
    super();
  }

  drive(
    call: Call,
    inward: Inward,
    options: CircuitBreakerOptions,
    onResult: OnResult | undefined,
    onFailure: OnFailure | undefined,
  ): Promise<unknown> {
    this.breakers.get(options).check(call);
    return inward(call, onResult, onFailure);
  }
}

/** Holds a permit while a call is under way. */
class PermitStage extends DirectStage<CircuitBreakerOptions> {
  constructor(private readonly breakers: Breakers) {
    super();
  }

  drive(
    call: Call,
    inward: Inward,
    options: CircuitBreakerOptions,
    onResult: OnResult | undefined,
    onFailure: OnFailure | undefined,
  ): Promise<unknown> {
    const permit = this.breakers.get(options).enter(call);
    if (!permit) return inward(call, onResult, onFailure);
    return inward(
      call,
      (result) => {
        if (isStream(result)) permit.opened();
        return onResult ? onResult(result) : result;
      },
      onFailure,
    );
  }

  snapshot(): Record<string, CircuitSnapshot> {
    return this.breakers.snapshot();
  }
}

/** The breakers of a method: those made of its options, and the one that was given last. */
class Breakers {
  private readonly own = new MadeOfOptions(fingerprint, makeBreaker);
  private given: Breaker | undefined = undefined;

  get(options: CircuitBreakerOptions): Breaker {
    this.given = isBreaker(options) ? options : undefined;
    return this.given ?? this.own.get(options as BreakerOptions);
  }

  snapshot(): Record<string, CircuitSnapshot> {
    const breakers = [...this.own.all(), ...(this.given ? [this.given] : [])];
    return Object.assign({}, ...breakers.map((breaker) => breaker.snapshot())) as Record<
      string,
      CircuitSnapshot
    >;
  }
}

function makeBreaker(options: BreakerOptions, given: () => BreakerOptions): Breaker {
  const { key, tripOn, onChange } = options;
  return new Breaker({
    ...options,
    ...(key && { key: (call) => (given().key ?? key)(call) }),
    ...(tripOn && { tripOn: (error) => (given().tripOn ?? tripOn)(error) }),
    ...(onChange && { onChange: (change) => (given().onChange ?? onChange)(change) }),
  });
}

/** The breakers of clients: a model that is down is down for all methods that ask it. */
const breakersOfClients = new WeakMap<object, Breakers>();

/** A method of a class that does not say what its calls ask for has breakers of its own: nothing else is known to fail with it. */
function breakersFor({ self }: PolicyTarget): Breakers {
  if (!hostOf(self)?.describe) return new Breakers();
  const breakers = breakersOfClients.get(self) ?? new Breakers();
  breakersOfClients.set(self, breakers);
  return breakers;
}
