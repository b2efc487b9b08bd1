import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  ConnectionError,
  continueWith,
  Fallback,
  HandleApiErrors,
  onPolicyEvent,
  OverloadedError,
  policyHost,
  RetryWithBackoff,
  snapshotOf,
  StreamError,
  type CallDescription,
  type CallOptions,
  type FallbackOptions,
  type LLMError,
  type PolicyHost,
} from '../../decorators/index.js';
import { collect, failureOf, onMethod, takeOne } from '../support/policies';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';

let time: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  ({ runtime: time, restore } = installVirtualRuntime());
});
afterEach(() => {
  expect(time.pendingTimers).toBe(0);
  restore();
  jest.restoreAllMocks();
});

type Options = FallbackOptions<any, any>;
const busy = () => new OverloadedError('busy', 503);

describe('a stream', () => {
  /** Each word is an event; `!` fails there. */
  class Speaker {
    closed: string[] = [];
    opened: string[] = [];
    readonly [policyHost]: PolicyHost = { carriesContent: (_method, event) => event !== 'role' };
    constructor(
      readonly options: Options | false,
      private readonly texts: readonly string[],
    ) {}
    @Fallback((self) => self.options)
    async *speak(topic: string): AsyncGenerator<string, void, unknown> {
      yield* this.words(topic);
    }
    async *other(topic: string): AsyncGenerator<string, void, unknown> {
      yield* this.words(`other ${topic}`);
    }
    async *handedOver(topic: string): AsyncGenerator<string, unknown, unknown> {
      return continueWith(this.words(`handed over ${topic}`));
    }
    async *words(topic: string): AsyncGenerator<string, void, unknown> {
      const text = this.texts[this.opened.length] ?? '';
      this.opened.push(topic);
      try {
        for (const word of text.split(' ')) {
          if (word === '!') throw busy();
          yield word;
        }
      } finally {
        this.closed.push(topic);
      }
    }
  }

  it('falls back until its first event that carries content', async () => {
    const speaker = new Speaker({ method: 'other' }, ['role !', 'role one two']);
    expect(await collect(speaker.speak('sea'))).toEqual(['role', 'one', 'two']);
    expect(speaker.opened).toEqual(['sea', 'other sea']);
    expect(speaker.closed).toEqual(['sea', 'other sea']);
  });

  it('is not fallen back from after that', async () => {
    const speaker = new Speaker({ value: ['never'] }, ['role one !']);
    const seen: string[] = [];
    const failure = await failureOf(
      (async () => {
        for await (const word of speaker.speak('sea')) seen.push(word);
      })(),
    );
    expect(failure).toBeInstanceOf(OverloadedError);
    expect(seen).toEqual(['role', 'one']);
    expect(snapshotOf(speaker, 'speak')[0]?.snapshot).toEqual({ calls: 1, failed: 0, targets: {} });
  });

  it('goes on to the next target when the one before fails at its opening', async () => {
    const to = [{ method: 'other' }, { method: 'handedOver' }];
    const speaker = new Speaker({ to }, ['!', 'role !', 'role one']);
    expect(await collect(speaker.speak('sea'))).toEqual(['role', 'one']);
    expect(speaker.opened).toEqual(['sea', 'other sea', 'handed over sea']);
    expect(speaker.closed).toEqual(['sea', 'other sea', 'handed over sea']);
  });

  it('throws what the last target failed with, at its opening or later', async () => {
    expect(await failureOf(collect(new Speaker({ method: 'other' }, ['!', '!']).speak('a')))).toMatchObject({
      name: 'OverloadedError',
      attempts: [{ name: 'OverloadedError' }, { name: 'OverloadedError' }],
    });
    const later = new Speaker({ method: 'other' }, ['!', 'one !']);
    expect(await failureOf(collect(later.speak('sea')))).toBeInstanceOf(OverloadedError);
    expect(later.opened).toHaveLength(2);
  });

  it('falls back to the stream of another client, which ends with it', async () => {
    const backup = new Speaker(false, ['one two three']);
    const speaker = new Speaker({ client: backup }, ['!']);
    expect(await takeOne(speaker.speak('sea'))).toBe('one');
    expect(backup.closed).toEqual(['sea']);
  });

  it.each<[string, unknown]>([
    ['a list', ['one', 'two']],
    ['a function of a list', () => ['one', 'two']],
    ['a function of a promise of a list', async () => ['one', 'two']],
    [
      'a generator',
      async function* () {
        yield* ['one', 'two'];
      },
    ],
    ['a set', new Set(['one', 'two'])],
  ])('falls back to events: %s', async (_, value) => {
    expect(await collect(new Speaker({ value: value as any }, ['!']).speak('sea'))).toEqual(['one', 'two']);
  });

  it('may fall back to no events at all', async () => {
    expect(await collect(new Speaker({ value: [] as any }, ['!']).speak('sea'))).toEqual([]);
  });

  it('refuses at once a value that is no list of events', async () => {
    const failure = await failureOf(collect(new Speaker({ value: 'Sorry' as any }, ['one']).speak('sea')));
    expect(failure).toBeInstanceOf(TypeError);
    expect(String(failure)).toContain(
      '@Fallback on speak(): it is a stream: give as `value` something iterable',
    );
  });

  it.each([[() => 'Sorry'], [() => undefined], [() => null]])('refuses what %p gives', async (value) => {
    const failure = await failureOf(collect(new Speaker({ value: value as any }, ['!']).speak('sea')));
    expect(failure).toBeInstanceOf(TypeError);
    expect(String(failure)).toContain('speak() is a stream: what answers in its place must be iterable');
  });

  it('is left at once with an abort while a substitute opens', async () => {
    class Subject {
      @Fallback({ method: 'other' })
      async *speak(_options: CallOptions): AsyncGenerator<string> {
        throw busy();
      }
      async *other(): AsyncGenerator<string> {
        await new Promise(() => undefined);
      }
    }
    const controller = new AbortController();
    const failure = failureOf(collect(new Subject().speak({ signal: controller.signal })));
    await settled();
    controller.abort();
    expect(await failure).toMatchObject({ name: 'AbortError' });
  });

  it('has an account that its substitute ends, and a signal that lasts as long', async () => {
    let signal: AbortSignal | undefined;
    class Subject {
      @Fallback({ method: 'other' })
      async *speak(_options: CallOptions): AsyncGenerator<string> {
        throw busy();
      }
      async *other(options: CallOptions): AsyncGenerator<string> {
        signal = options.signal;
        yield 'one';
        await new Promise(() => undefined);
      }
    }
    const events: string[] = [];
    const subject = new Subject();
    onPolicyEvent(subject, ({ type }) => events.push(type));
    const controller = new AbortController();
    const stream = subject.speak({ signal: controller.signal });
    expect(await stream.next()).toEqual({ value: 'one', done: false });
    expect(events).toEqual(['attempt', 'fallback']);
    const step = failureOf(stream.next());
    controller.abort();
    expect(await step).toMatchObject({
      name: 'AbortError',
      attempts: [{ code: 'overloaded' }, { code: 'aborted' }],
    });
    expect(signal?.aborted).toBe(true);
    expect(events).toEqual(['attempt', 'fallback', 'attempt', 'failure']);
  });

  it('maps what its substitute fails with later', async () => {
    class Subject {
      @Fallback({ method: 'other' })
      @HandleApiErrors()
      async *speak(): AsyncGenerator<string> {
        throw busy();
      }
      async *other(): AsyncGenerator<string> {
        yield 'one';
        throw new RangeError('a bug');
      }
    }
    expect(await failureOf(collect(new Subject().speak()))).toMatchObject({
      name: 'LLMError',
      code: 'unexpected',
    });
  });

  it('that a promise gives falls back until it is there', async () => {
    class Opener {
      attempts: unknown;
      @Fallback({ to: [{ method: 'second' }, { value: ['never'] as never }] })
      async open(): Promise<AsyncGenerator<string>> {
        throw busy();
      }
      async second(): Promise<AsyncGenerator<string>> {
        return (async function* () {
          yield 'one';
          throw new StreamError('broken');
        })();
      }
    }
    const stream = await new Opener().open();
    expect(await takeOne(stream)).toBe('one');
    expect(await failureOf(collect(await new Opener().open()))).toBeInstanceOf(StreamError);
  });
});

describe('no call falls back on itself', () => {
  it.each<[string, Options, string]>([
    ['by name', { method: 'ask' }, 'it would fall back on itself: name another method.'],
    [
      'by a function',
      { method: (self: any) => self.ask },
      'it would fall back on itself: name another method.',
    ],
    ['a name that there is not', { method: 'chep' }, 'the class has no method `chep`. Did you mean `cheap`?'],
    ['a field', { method: 'field' }, 'the class has no method `field`.'],
    ['a getter', { method: 'getter' }, 'the class has no method `getter`.'],
    ['a name near to a field', { method: 'fiel' }, 'the class has no method `fiel`.'],
    ['a name near to what every object has', { method: 'toStrin' }, 'the class has no method `toStrin`.'],
    ['no name near', { method: 'constructr' }, 'the class has no method `constructr`.'],
    [
      'no method',
      { method: () => undefined as never },
      'the function `method` gives no method: write (self) => self.method.',
    ],
    ['a client without it', { client: {} }, 'the client, of class Object, has no method `ask`.'],
    [
      'a client with another',
      { client: { asks: () => 1 } },
      'the client, of class Object, has no method `ask`. Did you mean `asks`?',
    ],
    ['a class without it', { client: class Other {} }, 'the client, of class Other, has no method `ask`.'],
    [
      'a client of no class',
      { client: Object.create(null) as object },
      'the client, of class Object, has no method `ask`.',
    ],
    [
      'a model without place',
      { model: 'small' },
      '`model` has no place in this call, for none of its arguments is an object with a `model`. ' +
        'Give a `method` that takes the other model instead, or tell it by `withModel` of the object’s policyHost.',
    ],
  ])('and a misuse is told at the first call: %s', async (_, options, message) => {
    class Subject {
      field = 1;
      get getter() {
        return 1;
      }
      @Fallback(() => options)
      async ask(_given?: object): Promise<string> {
        return 'fine';
      }
      async cheap(): Promise<string> {
        return 'cheap';
      }
    }
    class NoRecord {
      model = 'large';
    }
    const failure = await failureOf(new Subject().ask(new NoRecord()));
    expect(failure).toBeInstanceOf(TypeError);
    expect((failure as TypeError).message).toBe(`@Fallback on ask(): ${message}`);
  });

  it.each<[string, (self: object) => object]>([
    ['it would fall back on itself: give another client.', (self) => self],
    ['the client, of class Object, has no method `ask`.', () => ({})],
  ])('not by a function that gives the client either: %s', async (message, client) => {
    class Subject {
      @Fallback({ client })
      async ask(): Promise<string> {
        throw busy();
      }
    }
    expect(String(await failureOf(new Subject().ask()))).toContain(`@Fallback on ask(): ${message}`);
  });

  it.each<[string, (self: any) => any]>([
    ['what hides it', (self) => self.ask],
    ['what is hidden', (self) => Object.getPrototypeOf(self).ask],
  ])('nor where another function hides the method: %s', async (_, method) => {
    class Subject {
      @Fallback({ method })
      async ask(): Promise<string> {
        throw busy();
      }
    }
    const subject = new Subject();
    const hidden = subject.ask;
    subject.ask = function hides(this: Subject) {
      return hidden.call(this);
    };
    expect(String(await failureOf(subject.ask()))).toContain('it would fall back on itself');
  });

  it('and a method of another name is none that a client has under it', async () => {
    class Subject {
      readonly [policyHost]: PolicyHost = { methodLabel: () => 'vectors' };
      @Fallback({ client: { vectors: async () => 'of another kind' } })
      async embed(): Promise<string> {
        return 'fine';
      }
    }
    expect(String(await failureOf(new Subject().embed()))).toContain('has no method `embed`');
  });

  it('and a target whose model has no place in the call is passed over where the object says so', async () => {
    class Subject {
      readonly [policyHost]: PolicyHost = { withModel: () => undefined };
      asked = 0;
      constructor(readonly target: Options) {}
      @Fallback((self) => self.target)
      async ask(_params: { model: string }): Promise<string> {
        this.asked++;
        throw busy();
      }
    }
    const backup = new Subject({ value: 'backup' });
    for (const target of [{ model: 'small' }, { client: backup, model: 'small' }]) {
      const subject = new Subject(target);
      expect(await failureOf(subject.ask({ model: 'large' }))).toBeInstanceOf(OverloadedError);
      expect([subject.asked, backup.asked]).toEqual([1, 0]);
    }
  });

  it.each<[string, string | undefined, string[]]>([
    ['that has just failed is not asked again', 'small', ['small']],
    ['is asked where the object does not say which one has failed', undefined, ['small', 'small']],
  ])('and a model %s', async (_, model, models) => {
    class Subject {
      readonly [policyHost]: PolicyHost = { describe: () => (model === undefined ? undefined : { model }) };
      asked: string[] = [];
      @Fallback({ model: 'small' })
      async ask(params: { model: string }): Promise<string> {
        this.asked.push(params.model);
        throw busy();
      }
    }
    const subject = new Subject();
    expect(await failureOf(subject.ask({ model: 'small' }))).toBeInstanceOf(OverloadedError);
    expect(subject.asked).toEqual(models);
  });

  it('and vectors are those of the same model: a client that does not say so is passed over', async () => {
    class Vectors {
      readonly [policyHost]: PolicyHost;
      constructor(
        readonly to: Vectors[],
        description: CallDescription | undefined,
        private readonly fails = false,
      ) {
        this[policyHost] = { describe: () => description };
      }
      @Fallback(({ to }: Vectors) => to.length > 0 && { to: to.map((client) => ({ client })) })
      async embed(): Promise<string> {
        if (this.fails) throw busy();
        return 'vectors';
      }
    }
    const description: CallDescription = { operation: 'embeddings', model: 'small' };
    const others = [
      new Vectors([], { ...description, model: 'large' }),
      new Vectors([], undefined),
      Object.assign(new Vectors([], undefined), { [policyHost]: {} }),
      Object.assign(new Vectors([], undefined), { [policyHost]: undefined }),
    ];
    expect(await failureOf(new Vectors(others, description, true).embed())).toBeInstanceOf(OverloadedError);
    const same = new Vectors([], description);
    expect(await new Vectors([...others, same], description, true).embed()).toBe('vectors');
  });

  it('and a pair of methods, or of clients, comes to an end', async () => {
    class Pair {
      calls: string[] = [];
      other: Pair | undefined;
      constructor(readonly name: string) {}
      @Fallback({ to: [{ method: 'b' }, { client: (self) => self.other }] })
      async a(): Promise<string> {
        this.calls.push('a');
        throw busy();
      }
      @Fallback({ to: [{ method: 'a' }, { client: (self) => self.other }] })
      async b(): Promise<string> {
        this.calls.push('b');
        throw busy();
      }
    }
    const [one, two] = [new Pair('one'), new Pair('two')];
    one.other = two;
    two.other = one;
    expect(await failureOf(one.a())).toBeInstanceOf(OverloadedError);
    expect(one.calls).toEqual(['a', 'b', 'b']);
    expect(two.calls).toEqual(['b', 'a', 'a', 'b']);
  });
});

describe('the budget of retries', () => {
  /** What each target asks is another provider unless the owner is the same. */
  class Client {
    calls = 0;
    readonly [policyHost]: PolicyHost;
    constructor(
      readonly options: Options | false,
      private readonly fails: boolean,
      retryBudgetOwner?: object,
    ) {
      this[policyHost] = { retryBudgetOwner: () => retryBudgetOwner };
    }
    @Fallback((self) => self.options)
    async ask(params: { model: string }): Promise<string> {
      this.calls++;
      if (this.fails && params.model !== 'small') throw busy();
      return 'answer';
    }
    async cheap(_params: { model: string }): Promise<string> {
      return 'cheap';
    }
  }
  const budget = { ratio: 0, minPerSecond: 0.2 };
  const ask = async (client: Client, times: number) => {
    const answers: unknown[] = [];
    for (let i = 0; i < times; i++) {
      answers.push(await client.ask({ model: 'large' }).catch((error: LLMError) => error.name));
    }
    return answers;
  };
  const twoOfThree = (answer: string) => [answer, answer, 'OverloadedError'];

  it('pays for another model', async () => {
    expect(await ask(new Client({ model: 'small', budget }, true), 3)).toEqual(twoOfThree('answer'));
  });

  it('pays for another client of the same provider and key, and for no other', async () => {
    const owner = {};
    const make = (ofBackup: object | undefined, ofPrimary = {}) =>
      new Client({ client: new Client(false, false, ofBackup), budget }, true, ofPrimary);
    expect(await ask(make(owner, owner), 3)).toEqual(twoOfThree('answer'));
    expect(await ask(make({}), 3)).toEqual(['answer', 'answer', 'answer']);
    expect(await ask(make(undefined), 3)).toEqual(['answer', 'answer', 'answer']);
  });

  it('pays for another method where the methods go to a provider, and for no other', async () => {
    expect(await ask(new Client({ method: 'cheap', budget }, true, {}), 3)).toEqual(twoOfThree('cheap'));
    expect(await ask(new Client({ method: 'cheap', budget }, true), 3)).toEqual(['cheap', 'cheap', 'cheap']);
  });

  it('does not pay for a value', async () => {
    expect(await ask(new Client({ value: 'Sorry', budget }, true, {}), 3)).toEqual([
      'Sorry',
      'Sorry',
      'Sorry',
    ]);
  });

  it('passes over what it cannot pay for', async () => {
    const to = [{ model: 'small' }, { value: 'Sorry' }];
    expect(await ask(new Client({ to, budget }, true), 3)).toEqual(['answer', 'answer', 'Sorry']);
  });

  it('is shared by fallbacks and retries of one owner', async () => {
    const shared = {};
    class Retrying extends Client {
      @RetryWithBackoff({ maxRetries: 1, baseDelayMs: 0, budget })
      override async ask(params: { model: string }): Promise<string> {
        return super.ask(params);
      }
    }
    const retrying = new Retrying(false, true, shared);
    const failure = ask(retrying, 1);
    await time.runAll();
    expect(await failure).toEqual(['OverloadedError']);
    expect(retrying.calls).toBe(2);
    const client = new Client({ model: 'small', budget }, true, shared);
    expect(await ask(client, 2)).toEqual(['answer', 'OverloadedError']);
  });

  it('grows with the calls, whether or not they are retried', async () => {
    const grows = { ratio: 0.5, minPerSecond: 0 };
    const answers = await ask(new Client({ model: 'small', budget: grows }, true), 6);
    expect(answers).toEqual([
      'OverloadedError',
      'answer',
      'OverloadedError',
      'answer',
      'OverloadedError',
      'answer',
    ]);
    class Retried extends Client {
      @RetryWithBackoff({ maxRetries: 0 })
      override async ask(params: { model: string }): Promise<string> {
        return super.ask(params);
      }
    }
    // The fallback's own call counts as one of the retried: one in two, and one more for each of these.
    const retried = await ask(new Retried({ model: 'small', budget: grows }, true), 4);
    expect(retried).toEqual(['OverloadedError', 'answer', 'answer', 'answer']);
  });

  it('is by default that of retries, and is switched off by false', async () => {
    const none = await ask(new Client({ model: 'small' }, true), 130);
    // Ten a second for ten seconds, and a fifth of 126 calls.
    expect(none.filter((answer) => answer === 'answer')).toHaveLength(126);
    expect(await ask(new Client({ model: 'small', budget: false }, true), 130)).not.toContain(
      'OverloadedError',
    );
  });
});

describe('bad options', () => {
  const list = "give a target such as { model: 'gpt-4o-mini' }, or a list of at least one.";
  it.each<[unknown, string]>([
    [
      {},
      '@Fallback on ask(): a target is one of `model`, `client` (with or without a `model` there), `method` and `value`; this has none of them.',
    ],
    [{ to: [] }, `\`to\` is an array: ${list}`],
    [{ to: 'cheap' }, `\`to\` is 'cheap': ${list}`],
    [{ to: null }, `\`to\` is null: ${list}`],
    [
      { to: ['cheap'] },
      "a target is 'cheap': give { model: … }, { client: … }, { method: … } or { value: … }.",
    ],
    [{ to: [null] }, 'a target is null'],
    [{ to: [{ value: 1 }, {}] }, 'target 2: a target is one of `model`'],
    [{ to: { model: 'm', method: 'n' } }, 'this has `model` and `method`.'],
    [{ client: {}, value: 1 }, 'this has `client` and `value`.'],
    [{ model: '' }, "`model` is '': give the name of a model."],
    [{ model: 5 }, '`model` is 5'],
    [{ client: {}, model: 5 }, '`model` is 5'],
    [{ client: 'backup' }, "`client` is 'backup': give an object, or a function that returns one."],
    [{ client: null }, '`client` is null'],
    [{ method: '' }, "`method` is '': give the name of a method, or a function"],
    [{ method: 5 }, '`method` is 5'],
    [{ modle: 'm' }, 'there is no option `modle`. Did you mean `model`?'],
    [{ to: { value: 1 }, onn: [] }, 'there is no option `onn`. Did you mean `on`?'],
    [{ to: { value: 1, budget: false } }, 'there is no option `budget`.'],
    [{ value: 1, on: 'RateLimitError' }, "`on` is 'RateLimitError': give a class of errors, a function"],
    [{ value: 1, on: [] }, '`on` is an array: give a class of errors'],
    [{ value: 1, on: [ConnectionError, 503] }, '`on` is an array: give a class of errors'],
    [{ to: { value: 1 }, on: [503] }, '`on` is an array: give a class of errors'],
    [{ value: 1, budget: 5 }, '`budget` is 5: give an object or false.'],
    [{ value: 1, budget: null }, '`budget` is null: give an object or false.'],
    [{ to: { value: 1 }, budget: 'none' }, "`budget` is 'none': give an object or false."],
    [{ to: { value: 1 }, budget: { ratio: -1 } }, 'budget: `ratio` is -1'],
    [{ value: 1, budget: { minPerSecond: Number.NaN } }, 'budget: `minPerSecond` is NaN'],
    [{ value: 1, budget: { rate: 1 } }, 'there is no option `rate`. Did you mean `ratio`?'],
  ])('%j are a TypeError with option, value and remedy', (options, message) => {
    expect(() => onMethod(Fallback(options as Options))).toThrow(TypeError);
    expect(() => onMethod(Fallback(options as Options))).toThrow('@Fallback on ask()');
    expect(() => onMethod(Fallback(options as Options))).toThrow(message);
  });

  it.each<[unknown]>([
    [{ value: undefined }],
    [{ method: Symbol('cheap') }],
    [{ to: { model: 'm' }, budget: { ratio: 1 } }],
    [{ to: [{ model: 'm', on: [ConnectionError] }], on: () => true, budget: false }],
    [{ model: 'm', on: undefined }],
  ])('%p are none', (options) => {
    expect(() => onMethod(Fallback(options as Options))).not.toThrow();
  });
});
