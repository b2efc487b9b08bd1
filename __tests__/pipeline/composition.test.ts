import { describe, expect, it } from '@jest/globals';
import {
  composePolicies,
  HandleApiErrors,
  policiesOf,
  policyHost,
  RetryWithBackoff,
  snapshotOf,
  Timeout,
  definePolicy,
  type AsyncMethodDecorator,
} from '../../decorators/index.js';
import { collect, marker, onMethod } from '../support/policies.js';

const Robust = composePolicies('Robust', (maxRetries: number = 3) => [
  RetryWithBackoff({ maxRetries }),
  Timeout({ totalMs: 1000 }),
  HandleApiErrors(),
]);
const Patient = composePolicies('Patient', () => [Robust(7), Timeout({ totalMs: 9000 })]);

const optionsOf = (target: object, kind: string): unknown =>
  policiesOf(target, 'ask').find((policy) => policy.kind === kind)?.options;

describe('a composite', () => {
  it('attaches each of its policies, in canonical order', () => {
    class Subject {
      @Robust()
      async ask() {}
    }
    expect(policiesOf(Subject, 'ask').map(({ kind, place, via }) => [kind, place, via])).toEqual([
      ['Timeout', 'Timeout(total)', 'Robust'],
      ['RetryWithBackoff', 'RetryWithBackoff', 'Robust'],
      ['Timeout', 'Timeout(attempt)', 'Robust'],
      ['HandleApiErrors', 'HandleApiErrors', 'Robust'],
    ]);
  });

  it('hands on what stands between its parentheses', () => {
    class Subject {
      @Robust(5)
      async ask() {}
    }
    expect(optionsOf(Subject, 'RetryWithBackoff')).toEqual({ maxRetries: 5 });
  });

  it('runs its policies', async () => {
    const log: string[] = [];
    const Inner = marker('Inner of a composite', { inside: 'RetryWithBackoff' });
    const Outer = marker('Outer of a composite', { outside: 'RetryWithBackoff' });
    const Both = composePolicies('Both', () => [Inner({ log }), Outer({ log })]);
    class Subject {
      @Both()
      async ask() {
        log.push('method');
        return 'answer';
      }
      @Both()
      async *events() {
        yield 'event';
      }
      @Both()
      static async shared() {
        return 'shared';
      }
    }
    expect(await new Subject().ask()).toBe('answer');
    expect(log.splice(0)).toEqual(['Outer of a composite', 'Inner of a composite', 'method']);
    expect(await collect(new Subject().events())).toEqual(['event']);
    expect(log.splice(0)).toEqual(['Outer of a composite', 'Inner of a composite']);
    expect(await Subject.shared()).toBe('shared');
  });

  it.each(['above', 'below'])('gives way to a single decorator %s it', (side) => {
    class Above {
      @RetryWithBackoff({ maxRetries: 1 })
      @Robust()
      async ask() {}
    }
    class Below {
      @Robust()
      @RetryWithBackoff({ maxRetries: 1 })
      async ask() {}
    }
    const Subject = side === 'above' ? Above : Below;
    expect(optionsOf(Subject, 'RetryWithBackoff')).toEqual({ maxRetries: 1 });
    expect(optionsOf(Subject, 'Timeout')).toEqual({ totalMs: 1000 });
    expect(policiesOf(Subject, 'ask')).toHaveLength(4);
  });

  it('goes before a composite within it', () => {
    class Subject {
      @Patient()
      async ask() {}
    }
    expect(optionsOf(Subject, 'Timeout')).toEqual({ totalMs: 9000 });
    expect(optionsOf(Subject, 'RetryWithBackoff')).toEqual({ maxRetries: 7 });
    expect(policiesOf(Subject, 'ask').map(({ via }) => via)).toEqual(Array(4).fill('Patient'));
  });

  it('of an override replaces what it overrides, and inherits the rest', () => {
    const Quick = composePolicies('Quick', () => [RetryWithBackoff({ maxRetries: 0 })]);
    class Base {
      @RetryWithBackoff({ maxRetries: 9 })
      @HandleApiErrors()
      async ask() {}
    }
    class Derived extends Base {
      @Quick()
      override async ask() {}
    }
    expect(policiesOf(Derived, 'ask').map(({ kind, from }) => [kind, from])).toEqual([
      ['RetryWithBackoff', 'Derived'],
      ['HandleApiErrors', 'Base'],
    ]);
    expect(optionsOf(Derived, 'RetryWithBackoff')).toEqual({ maxRetries: 0 });
  });

  it('leaves out what is false or undefined', () => {
    const Maybe = composePolicies('Maybe', (retry: boolean) => [retry && RetryWithBackoff(), undefined]);
    class Subject {
      @Maybe(false)
      async ask() {}
    }
    expect(policiesOf(Subject, 'ask')).toEqual([]);
  });

  it('has its name', () => {
    expect(Robust.name).toBe('Robust');
  });
});

describe('two composites with the same kind', () => {
  const Other = composePolicies('Other', () => [RetryWithBackoff({ maxRetries: 8 })]);

  it('are refused at the first call, and by policiesOf()', async () => {
    class Subject {
      @Robust()
      @Other()
      async ask() {}
    }
    const message =
      'ask(): @RetryWithBackoff is brought twice, by @Other and @Robust. Write the one you want above the method itself.';
    expect(() => policiesOf(Subject, 'ask')).toThrow(new TypeError(message));
    await expect(new Subject().ask()).rejects.toThrow(message);
  });

  it('are fine once a single decorator decides, on whichever line', async () => {
    class Subject {
      @Robust()
      @RetryWithBackoff({ maxRetries: 2 })
      @Other()
      async ask() {
        return 'answer';
      }
    }
    expect(optionsOf(Subject, 'RetryWithBackoff')).toEqual({ maxRetries: 2 });
    expect(await new Subject().ask()).toBe('answer');
  });

  it('are refused although another kind that both bring is decided', () => {
    const Third = composePolicies('Third', () => [
      RetryWithBackoff({ maxRetries: 8 }),
      Timeout({ totalMs: 8 }),
    ]);
    class Subject {
      @Robust()
      @Third()
      @Timeout({ totalMs: 5 })
      async ask() {}
    }
    expect(() => policiesOf(Subject, 'ask')).toThrow('@RetryWithBackoff is brought twice');
  });

  it('are refused within a composite when it is used', () => {
    const Twice = composePolicies('Twice', () => [Robust(), Other()]);
    expect(() => Twice()).toThrow('@RetryWithBackoff is brought twice, by @Twice');
    const Direct = composePolicies('Direct', () => [Timeout(), Timeout()]);
    expect(() => Direct()).toThrow('@Timeout is brought twice, by @Direct');
  });
});

describe('a misuse of a composite', () => {
  it('is told with the names of decorator, part and member', () => {
    const Wrong = composePolicies('Wrong', () => [RetryWithBackoff({ maxRetries: -1 })]);
    expect(() => Wrong()).toThrow('@RetryWithBackoff of @Wrong: `maxRetries` is -1');
    expect(() => onMethod(Robust as never)).toThrow('@Robust on ask() is missing its parentheses');
    expect(() => Robust()({} as never, { kind: 'field', name: 'ask' } as never)).toThrow('@Robust on ask()');
    expect(() => composePolicies('', () => [])).toThrow('the name of the decorator');
    expect(() => composePolicies('Lost', undefined as never)).toThrow('Lost must be a function');
    const NoList = composePolicies('NoList', () => RetryWithBackoff() as never);
    expect(() => NoList()).toThrow('the function of NoList must return an array');
    const Foreign = composePolicies('Foreign', () => [RetryWithBackoff as unknown as AsyncMethodDecorator]);
    expect(() => Foreign()).toThrow(/`RetryWithBackoff` of @Foreign is no policy's decorator.*parentheses/);
    const Nothing = composePolicies('Nothing', () => [null as never]);
    expect(() => Nothing()).toThrow("a value of @Nothing is no policy's decorator");
  });

  it('does not take arguments for a decoration', () => {
    const Named = composePolicies('Named', (_a: object, _b: string, _c: string) => [HandleApiErrors()]);
    expect(() => Named({}, 'x', 'y')).not.toThrow();
  });
});

describe('policies of the object itself', () => {
  const subject = (...policies: AsyncMethodDecorator[]) => {
    class Subject {
      readonly [policyHost] = { policies };
      @RetryWithBackoff()
      @Timeout({ totalMs: 5 })
      async ask() {
        return 'answer';
      }
    }
    return new Subject();
  };

  it('are added to what the method has, in their places', async () => {
    const log: string[] = [];
    const Marked = marker('Marked by the object', { outside: 'RetryWithBackoff' });
    const object = subject(Marked({ log }));
    expect(await object.ask()).toBe('answer');
    expect(log).toEqual(['Marked by the object']);
    expect(policiesOf(object, 'ask').map(({ kind, from }) => [kind, from])).toEqual([
      ['Timeout', 'Subject'],
      ['Marked by the object', 'Subject'],
      ['RetryWithBackoff', 'Subject'],
      ['Timeout', 'Subject'],
    ]);
    expect(policiesOf(object.constructor, 'ask')).toHaveLength(3);
  });

  it('stand in for a decorator without options, not for one with', () => {
    const object = subject(RetryWithBackoff({ maxRetries: 1 }), Timeout({ totalMs: 1 }));
    expect(optionsOf(object, 'RetryWithBackoff')).toEqual({ maxRetries: 1 });
    expect(optionsOf(object, 'Timeout')).toEqual({ totalMs: 5 });
  });

  it('may be composites', () => {
    expect(optionsOf(subject(Robust(4)), 'RetryWithBackoff')).toEqual({ maxRetries: 4 });
  });

  it('are refused at the first call when they are no policies', async () => {
    await expect(subject((() => undefined) as never).ask()).rejects.toThrow(
      "in `policies` is no policy's decorator",
    );
  });
});

describe('snapshotOf()', () => {
  const Counting = definePolicy<object>({
    kind: 'Counting',
    place: ['admission', 'HandleApiErrors'],
    create: () => {
      let calls = 0;
      return [
        {
          run: (_call, next) => {
            calls++;
            return next();
          },
          snapshot: () => ({ calls }),
        },
        { run: (_call, next) => next() },
      ];
    },
  });
  class Subject {
    @Counting()
    @HandleApiErrors()
    async ask() {}
    async plain() {}
  }

  it('shows the state of each policy that has one, for this object', async () => {
    const [one, other] = [new Subject(), new Subject()];
    await one.ask();
    await one.ask();
    expect(snapshotOf(one, 'ask')).toEqual([{ kind: 'Counting', snapshot: { calls: 2 } }]);
    expect(snapshotOf(other, 'ask')).toEqual([{ kind: 'Counting', snapshot: { calls: 0 } }]);
  });

  it('is empty for a method without policies', () => {
    expect(snapshotOf(new Subject(), 'plain')).toEqual([]);
    expect(snapshotOf(new Subject(), 'nothing')).toEqual([]);
  });
});
