// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import {
  ConnectionError,
  definePolicy,
  HandleApiErrors,
  policiesOf,
  RateLimited,
  RetryWithBackoff,
  Timeout,
} from '../../decorators/index.js';
import { failureOf, marker } from '../support/policies';

const PLACES = [
  'Traced',
  'Timeout(total)',
  'Fallback',
  'Cached',
  'RetryWithBackoff',
  'Hedged',
  'CircuitBreaker(check)',
  'admission',
  'CircuitBreaker(permit)',
  'Timeout(attempt)',
  'HandleApiErrors',
] as const;

const kindsOf = (target: object, method?: string) => policiesOf(target, method).map(({ kind }) => kind);

describe('the canonical order', () => {
  const log: string[] = [];
  const markers = PLACES.map((place) => marker(`at ${place}`, place));

  it.each([
    ['as they run', markers],
    ['the other way round', [...markers].reverse()],
    ['mixed', markers.map((_, i) => markers[(i * 7) % markers.length] as (typeof markers)[number])],
  ])('is the same when the lines stand %s', async (_, lines) => {
    class Mixed {
      async run() {
        log.push('method');
      }
    }
    const descriptor = lines.reduceRight<PropertyDescriptor>(
      (below, Mark) => Mark({ log })(Mixed.prototype, 'run', below as never) as PropertyDescriptor,
      Object.getOwnPropertyDescriptor(Mixed.prototype, 'run') as PropertyDescriptor,
    );
    Object.defineProperty(Mixed.prototype, 'run', descriptor);
    log.length = 0;
    await new Mixed().run();
    expect(log).toEqual([...PLACES.map((place) => `at ${place}`), 'method']);
  });

  it('makes every attempt pass what stands inside of retry', async () => {
    const seen: string[] = [];
    const Outside = marker('Outside', { outside: 'RetryWithBackoff' });
    const Inside = marker('Inside', { inside: 'RetryWithBackoff' });
    class Client {
      @Inside({ log: seen })
      @Outside({ log: seen })
      @RetryWithBackoff({ maxRetries: 2, baseDelayMs: 0 })
      async run() {
        throw new ConnectionError('down');
      }
    }
    await failureOf(new Client().run());
    expect(seen).toEqual(['Outside', 'Inside', 'Inside', 'Inside']);
  });

  it('lets retry see mapped errors even when HandleApiErrors stands above it', async () => {
    let calls = 0;
    class Client {
      @HandleApiErrors()
      @RateLimited({ requestsPerMinute: 100 })
      @RetryWithBackoff({ baseDelayMs: 0 })
      async run() {
        calls++;
        throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
      }
    }
    expect(await failureOf(new Client().run())).toBeInstanceOf(ConnectionError);
    expect(calls).toBe(4);
  });
});

describe('definePolicy', () => {
  it('places a stage next to another policy, to any depth', async () => {
    const log: string[] = [];
    const A = marker('A', { inside: 'RetryWithBackoff' });
    const B = marker('B', { outside: 'A' });
    const C = marker('C', { inside: 'A' });
    const D = marker('D', { inside: 'C' });
    class Client {
      @D({ log })
      @A({ log })
      @C({ log })
      @B({ log })
      @RetryWithBackoff()
      async run() {}
    }
    await new Client().run();
    expect(log).toEqual(['B', 'A', 'C', 'D']);
  });

  it('orders stages at the same place by name', () => {
    const Zebra = marker('Zebra', 'admission');
    const Apple = marker('Apple', 'admission');
    class Client {
      @Zebra({ log: [] })
      @Apple({ log: [] })
      async run() {}
    }
    expect(kindsOf(Client, 'run')).toEqual(['Apple', 'Zebra']);
  });

  it('gives a policy several places, each with its stage', async () => {
    const log: string[] = [];
    const Twofold = marker('Twofold', ['Traced', 'HandleApiErrors']);
    const Between = marker('Between', 'admission');
    class Client {
      @Between({ log })
      @Twofold({ log })
      async run() {}
    }
    await new Client().run();
    expect(log).toEqual(['Twofold 1', 'Between', 'Twofold 2']);
  });

  it('means the innermost stage by `inside` and the outermost by `outside`', () => {
    const Inner = marker('InnerNeighbour', { inside: 'Timeout' });
    const Outer = marker('OuterNeighbour', { outside: 'Timeout' });
    class Client {
      @Inner({ log: [] })
      @Outer({ log: [] })
      @Timeout()
      async run() {}
    }
    expect(kindsOf(Client, 'run')).toEqual(['OuterNeighbour', 'Timeout', 'Timeout', 'InnerNeighbour']);
  });

  it('refuses a place that it does not know, and names those it knows', () => {
    expect(() => marker('Lost', { inside: 'Nowhere' })).toThrow(
      /place of Lost names 'Nowhere'.*RetryWithBackoff.*HandleApiErrors/,
    );
  });

  it.each([undefined, null, 5, []])('refuses %p as a place', (place) => {
    expect(() => marker('Lost', place as never)).toThrow(TypeError);
    expect(() => marker('Lost', place as never)).toThrow(/`place` of Lost must be/);
  });

  it('refuses a policy without a kind or without `create`', () => {
    expect(() => definePolicy({ kind: '', place: 'admission', create: () => [] })).toThrow(/`kind`/);
    expect(() => definePolicy({ kind: 'X', place: 'admission' } as never)).toThrow(/`create` of X/);
  });

  it('refuses `create` that returns fewer stages than there are places', async () => {
    const Broken = definePolicy({ kind: 'Broken', place: ['Traced', 'admission'], create: () => [] });
    class Client {
      @Broken()
      async run() {}
    }
    await expect(new Client().run()).rejects.toThrow(
      /`create` of Broken must return one stage, an object with `run`, for each/,
    );
  });

  it('makes stages once for each object and method, so that they hold state', async () => {
    const targets: unknown[] = [];
    const Counted = definePolicy({
      kind: 'Counted',
      place: 'admission',
      create: ({ self, method }) => {
        targets.push([self, method]);
        return { run: (_call, next) => next() };
      },
    });
    class Client {
      @Counted()
      async one() {}
      @Counted()
      async two() {}
    }
    const [a, b] = [new Client(), new Client()];
    await Promise.all([a.one(), a.one(), a.two(), b.one()]);
    expect(targets).toEqual([
      [a, 'one'],
      [a, 'two'],
      [b, 'one'],
    ]);
  });

  it('gives a stage the result, and its caller what the stage makes of it', async () => {
    const Doubled = definePolicy({
      kind: 'Doubled',
      place: 'Cached',
      create: () => ({ run: async (_call, next) => ((await next()) as number) * 2 }),
    });
    class Client {
      @Doubled()
      async run() {
        return 21;
      }
    }
    expect(await new Client().run()).toBe(42);
  });

  it('lets a stage answer without the method', async () => {
    const Canned = definePolicy({
      kind: 'Canned',
      place: 'Cached',
      create: () => ({ run: async () => 'canned' }),
    });
    let entered = false;
    class Client {
      @Canned()
      async run() {
        entered = true;
        return 'fresh';
      }
    }
    expect(await new Client().run()).toBe('canned');
    expect(entered).toBe(false);
  });
});

describe('policiesOf', () => {
  class Base {
    @HandleApiErrors()
    @RetryWithBackoff({ maxRetries: 3 })
    async chat() {}
    @Timeout({ totalMs: 1000 })
    async other() {}
    async plain() {}
    @HandleApiErrors()
    static async shared() {}
    @HandleApiErrors()
    async *events() {}
  }
  class Sub extends Base {
    @RetryWithBackoff({ maxRetries: 5 })
    override async chat() {}
    override async other() {}
  }

  it('lists what runs, outer to inner, with place, options and origin', () => {
    const expected = [
      { kind: 'RetryWithBackoff', place: 'RetryWithBackoff', options: { maxRetries: 3 }, from: 'Base' },
      { kind: 'HandleApiErrors', place: 'HandleApiErrors', options: {}, from: 'Base' },
    ];
    expect(policiesOf(Base, 'chat')).toEqual(expected);
    expect(policiesOf(new Base(), 'chat')).toEqual(expected);
    expect(policiesOf(Base.prototype, 'chat')).toEqual(expected);
    expect(policiesOf(Base.prototype.chat)).toEqual(expected.map((line) => ({ ...line, from: 'chat' })));
  });

  it('lists one entry a stage', () => {
    expect(policiesOf(Base, 'other').map(({ place }) => place)).toEqual([
      'Timeout(total)',
      'Timeout(attempt)',
    ]);
  });

  it('lists an override with what it declares and what it inherits', () => {
    expect(policiesOf(Sub, 'chat')).toEqual([
      { kind: 'RetryWithBackoff', place: 'RetryWithBackoff', options: { maxRetries: 5 }, from: 'Sub' },
      { kind: 'HandleApiErrors', place: 'HandleApiErrors', options: {}, from: 'Base' },
    ]);
  });

  it('knows static methods and streams', () => {
    expect(policiesOf(Base, 'shared')).toMatchObject([{ kind: 'HandleApiErrors', from: 'Base' }]);
    expect(policiesOf(Sub, 'shared')).toMatchObject([{ kind: 'HandleApiErrors', from: 'Base' }]);
    expect(kindsOf(Base, 'events')).toEqual(['HandleApiErrors']);
  });

  it('is empty for an undecorated method, an undecorated override and what does not exist', () => {
    expect(policiesOf(Base, 'plain')).toEqual([]);
    expect(policiesOf(Sub, 'other')).toEqual([]);
    expect(policiesOf(Base, 'nothing')).toEqual([]);
    expect(policiesOf(() => undefined)).toEqual([]);
  });

  it('lists a method that a subclass does not override as it is declared', () => {
    class Leaf extends Sub {}
    expect(policiesOf(new Leaf(), 'chat')).toEqual(policiesOf(Sub, 'chat'));
  });

  it('gives a function where options are resolved at each call', () => {
    const options = () => ({ maxRetries: 1 });
    class Client {
      @RetryWithBackoff(options)
      async run() {}
    }
    expect(policiesOf(Client, 'run')[0]?.options).toBe(options);
  });
});
