import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { ConnectionError, HandleApiErrors, policiesOf, RetryWithBackoff } from '../../decorators/index.js';
import { onMethod, collect, failureOf, marker } from '../support/policies';

type AnyDecorator = (...args: any[]) => any;
const log: string[] = [];
const First = marker('First', 'Traced');
const Second = marker('Second', 'admission');

/** A third party's decorator for both dialects; `copies` makes it take all metadata along, as some do. */
function Foreign(copies = false): AnyDecorator {
  return (...args) => {
    const [target, , descriptor] = args;
    const method = args.length === 2 ? target : descriptor.value;
    const wrapper = function (this: unknown, ...given: unknown[]) {
      log.push('Foreign');
      return method.apply(this, given);
    };
    if (copies) {
      for (const key of Reflect.getOwnMetadataKeys(method)) {
        Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, method), wrapper);
      }
    }
    return args.length === 2 ? wrapper : { ...descriptor, value: wrapper };
  };
}

/** A foreign decorator that only leaves a note on the function it finds. */
function Note(key: string, value: string): AnyDecorator {
  return (...args) => Reflect.defineMetadata(key, value, args.length === 2 ? args[0] : args[2].value);
}

describe('a decorated method', () => {
  class Client {
    prefix = '>';
    @HandleApiErrors()
    @RetryWithBackoff()
    async ask(question: string, _more?: string, ..._rest: string[]): Promise<string> {
      return `${this.prefix}${question}`;
    }
    @HandleApiErrors()
    async count(...args: unknown[]): Promise<number> {
      return args.length;
    }
    @HandleApiErrors()
    async *events(first: number, step = 1): AsyncGenerator<number> {
      yield first;
      yield first + step;
    }
    @HandleApiErrors()
    static async shared(): Promise<string> {
      return this.name;
    }
    @HandleApiErrors()
    async ['computed name'](): Promise<string> {
      return 'computed';
    }
    @HandleApiErrors()
    async [Symbol.for('keelson.test')](): Promise<string> {
      return 'symbol';
    }
    @HandleApiErrors()
    async thenable(): Promise<number> {
      return 1;
    }
    @HandleApiErrors()
    promised(): PromiseLike<number> {
      return { then: (resolve: any) => resolve(3) } as PromiseLike<number>;
    }
  }

  it('keeps name, length and place on the prototype', () => {
    const { ask, events } = Client.prototype;
    expect([ask.name, ask.length, events.name, events.length]).toEqual(['ask', 2, 'events', 1]);
    expect(Object.getOwnPropertyDescriptor(Client.prototype, 'ask')).toMatchObject({
      enumerable: false,
      configurable: true,
      writable: true,
    });
    expect(Object.keys(new Client())).toEqual(['prefix']);
  });

  it('keeps `this`, arguments and their number', async () => {
    expect(await new Client().ask('why')).toBe('>why');
    expect(await new Client().count()).toBe(0);
    expect(await new Client().count(undefined, undefined)).toBe(2);
    const borrowed = { prefix: '#' };
    expect(await Client.prototype.ask.call(borrowed as Client, 'x')).toBe('#x');
    expect(await new Client().ask.bind(new Client())('y')).toBe('>y');
    expect(await collect(new Client().events(1, 4))).toEqual([1, 5]);
  });

  it('may be static, computed, a symbol, or return any thenable', async () => {
    expect(await Client.shared()).toBe('Client');
    expect(await new Client()['computed name']()).toBe('computed');
    expect(await (new Client() as any)[Symbol.for('keelson.test')]()).toBe('symbol');
    expect(await new Client().promised()).toBe(3);
    expect(policiesOf(Client, Symbol.for('keelson.test'))).toHaveLength(1);
  });

  it('returns a promise and an async generator', async () => {
    const client = new Client();
    expect(client.ask('')).toBeInstanceOf(Promise);
    const stream = client.events(1);
    expect(Object.prototype.toString.call(stream)).toBe('[object AsyncGenerator]');
    expect(stream[Symbol.asyncIterator]()).toBe(stream);
    if ((Symbol as any).asyncDispose)
      expect(typeof (stream as any)[(Symbol as any).asyncDispose]).toBe('function');
  });

  it('turns a synchronous throw into a rejection', async () => {
    class Throws {
      @RetryWithBackoff({ maxRetries: 0 })
      run(): Promise<void> {
        throw new RangeError('at once');
      }
    }
    let promise!: Promise<void>;
    expect(() => (promise = new Throws().run())).not.toThrow();
    await expect(promise).rejects.toThrow(RangeError);
  });
});

describe('foreign metadata', () => {
  it('survives, whether it was written below, between or above our decorators', () => {
    class Client {
      @Note('above', 'a')
      @HandleApiErrors()
      @Note('between', 'b')
      @RetryWithBackoff()
      @Note('below', 'c')
      async run() {}
    }
    const { run } = Client.prototype;
    expect(['above', 'between', 'below'].map((key) => Reflect.getOwnMetadata(key, run))).toEqual([
      'a',
      'b',
      'c',
    ]);
    expect(policiesOf(run)).toHaveLength(2);
  });
});

describe("a third party's decorator between ours", () => {
  it.each([false, true])(
    'runs, keeps its place, and nothing nests twice (metadata copied: %p)',
    async (copies) => {
      let calls = 0;
      class Client {
        @RetryWithBackoff({ maxRetries: 2, baseDelayMs: 0 })
        @First({ log })
        @Foreign(copies)
        @Second({ log })
        @HandleApiErrors()
        async run() {
          calls++;
          throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
        }
      }
      log.length = 0;
      expect(await failureOf(new Client().run())).toBeInstanceOf(ConnectionError);
      expect(calls).toBe(3);
      expect(log).toEqual(['First', 'Foreign', 'Second', 'Foreign', 'Second', 'Foreign', 'Second']);
      expect(policiesOf(Client, 'run').map(({ kind }) => kind)).toEqual(['First', 'RetryWithBackoff']);
    },
  );

  it.each([false, true])(
    'on top hides the policies from the list, but they run (metadata copied: %p)',
    async (copies) => {
      class Client {
        @Foreign(copies)
        @First({ log })
        async run() {}
      }
      log.length = 0;
      await new Client().run();
      expect(log).toEqual(['Foreign', 'First']);
      expect(policiesOf(Client, 'run')).toEqual([]);
    },
  );

  it('on top of the overridden method does not make pipelines nest', async () => {
    let calls = 0;
    class Base {
      @Foreign()
      @RetryWithBackoff({ maxRetries: 3, baseDelayMs: 0 })
      async run(): Promise<void> {
        calls++;
        throw new ConnectionError('down');
      }
    }
    class Sub extends Base {
      @RetryWithBackoff({ maxRetries: 1, baseDelayMs: 0 })
      override async run(): Promise<void> {
        return super.run();
      }
    }
    await failureOf(new Sub().run());
    expect(calls).toBe(2);
  });
});

describe('a #private method (standard dialect)', () => {
  const decorated = (method: AnyDecorator, name = '#ask') =>
    (RetryWithBackoff({ maxRetries: 1, baseDelayMs: 0 }) as AnyDecorator)(method, {
      kind: 'method',
      name,
      static: false,
      private: true,
      metadata: undefined,
      access: { has: () => true, get: () => undefined },
      addInitializer: () => undefined,
    });

  it('runs its policies, though no object has a property of its name', async () => {
    let calls = 0;
    const ask = decorated(async function () {
      if (++calls < 2) throw new ConnectionError('down');
      return 'answer';
    });
    expect(await ask.call({})).toBe('answer');
    expect(calls).toBe(2);
  });

  it('is no override of one with the same name in a base class', async () => {
    const self = {};
    let calls = 0;
    const ofBase = decorated(async () => {
      calls++;
      throw new ConnectionError('down');
    });
    const ofSub = decorated(() => ofBase.call(self));
    await failureOf(ofSub.call(self));
    expect(calls).toBe(4);
  });
});

describe('misuse', () => {
  const standard = (kind: string, value: unknown) => () =>
    (RetryWithBackoff() as AnyDecorator)(value, { kind, name: 'member', static: false, private: false });
  const legacy = (descriptor?: PropertyDescriptor) => () =>
    (RetryWithBackoff() as AnyDecorator)({}, 'member', descriptor);
  const noop = () => undefined;

  it.each([
    ['a field, standard', standard('field', undefined), 'a field'],
    ['a getter, standard', standard('getter', noop), 'a getter'],
    ['an accessor, standard', standard('accessor', { get: noop }), 'an accessor'],
    ['a class, standard', standard('class', class {}), 'a class'],
    ['a field, legacy', legacy(undefined), 'a field'],
    ['a getter, legacy', legacy({ get: noop }), 'a getter'],
  ])('on %s is a TypeError that names decorator and member', (_, misuse, what) => {
    expect(misuse).toThrow(TypeError);
    expect(misuse).toThrow(`@RetryWithBackoff on member(): it decorates methods`);
    expect(misuse).toThrow(`this is ${what}`);
  });

  it('on a legacy property called with two arguments, or on a class, is a TypeError', () => {
    expect(() => (RetryWithBackoff() as AnyDecorator)({}, 'member')).toThrow(/@RetryWithBackoff on/);
    expect(() => (RetryWithBackoff() as AnyDecorator)(class {})).toThrow(/@RetryWithBackoff on/);
  });

  it('without parentheses is a TypeError that says what to write', () => {
    const message = '@RetryWithBackoff on member() is missing its parentheses: write @RetryWithBackoff().';
    const descriptor = { value: async () => undefined };
    expect(() => (RetryWithBackoff as AnyDecorator)({}, 'member', descriptor)).toThrow(
      new TypeError(message),
    );
    const context = { kind: 'method', name: 'member' };
    expect(() => (RetryWithBackoff as AnyDecorator)(async () => undefined, context)).toThrow(
      new TypeError(message),
    );
    for (const other of [undefined, { get: noop }]) {
      expect(() => (RetryWithBackoff as AnyDecorator)({}, 'member', other)).toThrow(new TypeError(message));
    }
    expect(() => (RetryWithBackoff as AnyDecorator)({}, Symbol('ask'), descriptor)).toThrow(
      '@RetryWithBackoff on Symbol(ask)() is missing its parentheses',
    );
    expect(() => (RetryWithBackoff as AnyDecorator)(class {}, { kind: 'class' })).toThrow(
      '@RetryWithBackoff on a class member is missing its parentheses',
    );
  });

  it.each([
    [['a', 5, descriptorLike()]],
    [[{}, 'member', null]],
    [[{}, 'member', 'text']],
    [[{}, 'member', {}]],
    [[{}, { name: 'member' }]],
    [[{}, undefined]],
  ])('of the parentheses is not seen in what a user hands over: %j', (args) => {
    expect(() => marker('Plain', 'Traced')(...(args as [never]))).not.toThrow();
  });
  function descriptorLike() {
    return { value: 1 };
  }

  it('on a synchronous generator is a TypeError', () => {
    const make = () => {
      class Client {
        @(RetryWithBackoff() as AnyDecorator)
        *run() {
          yield 1;
        }
      }
      return Client;
    };
    expect(make).toThrow(
      new TypeError('@RetryWithBackoff on run(): the method is a synchronous generator. Make it `async *`.'),
    );
  });

  it.each([
    ['number', 1],
    ['undefined', undefined],
    ['object', { next: () => undefined }],
  ])(
    'on a method that returns %s is a TypeError when it is called, whatever the policies make of errors',
    async (type, result) => {
      let calls = 0;
      class Client {
        @(HandleApiErrors() as AnyDecorator)
        @(RetryWithBackoff({ retryOn: (error) => error.code !== 'unexpected' }) as AnyDecorator)
        run(): unknown {
          calls++;
          return result;
        }
      }
      const failure = await failureOf(new Client().run() as Promise<unknown>);
      expect(failure).toBeInstanceOf(TypeError);
      expect(String(failure)).toContain('@RetryWithBackoff, @HandleApiErrors on run()');
      expect(String(failure)).toContain(`it returned ${type}`);
      expect(calls).toBe(1);
    },
  );

  it.each([undefined, null, 5, 'text'])(
    'without the object (this = %p) is a TypeError with the remedy',
    async (self) => {
      class Client {
        @HandleApiErrors()
        async run() {}
        @HandleApiErrors()
        async *events() {}
      }
      const { run, events } = Client.prototype;
      const message = /run\(\) was called without its object: call it as object\.run\(…\), or bind it/;
      const failure = await failureOf(run.call(self as never));
      expect(failure).toBeInstanceOf(TypeError);
      expect(String(failure)).toMatch(message);
      await expect(events.call(self as never).next()).rejects.toThrow(
        /events\(\) was called without its object/,
      );
    },
  );

  it('of an option name is a TypeError with the right spelling', () => {
    expect(() => onMethod(RetryWithBackoff({ maxRetrys: 1 } as never))).toThrow(
      /no option `maxRetrys`. Did you mean `maxRetries`/,
    );
    expect(() => onMethod(HandleApiErrors({ maxRetries: 1 } as never))).toThrow(
      /no option `maxRetries`. There are none/,
    );
  });
});
