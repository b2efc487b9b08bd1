import { describe, expect, it } from '@jest/globals';
import {
  definePolicy,
  policyHost,
  RetryWithBackoff,
  type Call,
  type CallOptions,
  type PolicyHost,
} from '../../decorators/index.js';
import { checkNames, nearestName } from '../../decorators/pipeline/options';
import { onMethod, failureOf } from '../support/policies';

interface SeenOptions {
  level?: number;
  label?: string;
}
const seen: (SeenOptions | 'off')[] = [];
const Seen = definePolicy<SeenOptions>({
  kind: 'Seen',
  place: 'admission',
  validate({ level }, where) {
    if (level !== undefined && !(level >= 0))
      throw new TypeError(`${where}: \`level\` is ${level}: give at least 0.`);
  },
  fromCallOptions: ({ maxRetries }) => (maxRetries === undefined ? undefined : { level: maxRetries }),
  create: () => ({
    run(_call, next, options) {
      seen.push(options);
      return next();
    },
  }),
});

/** What the policy was run with; `off` when it was not. */
async function optionsOf(call: () => Promise<unknown>): Promise<SeenOptions | 'off'> {
  seen.length = 0;
  await call();
  expect(seen.length).toBeLessThanOrEqual(1);
  return seen[0] ?? 'off';
}

class Client {
  level = 7;
  @Seen({ level: 1 })
  async literal(_options?: CallOptions) {}
  @Seen()
  async bare(_options?: CallOptions) {}
  @Seen((self) => ({ level: self.level }))
  async resolved(_options?: CallOptions) {}
  @Seen((_self, call) => ({ label: `${String(call.method)} ${String(call.args[0])}` }))
  async fromCall(_question: string) {}
  @Seen(false)
  async off(_options?: CallOptions) {}
  @Seen(() => false)
  async resolvedOff() {}
  @Seen(() => undefined)
  async resolvedUndefined() {}
}
class HostedClient extends Client {
  constructor(private readonly hostOptions: object | false | undefined) {
    super();
  }
  get [policyHost](): PolicyHost {
    return { policyOptions: (kind) => (kind === 'Seen' ? this.hostOptions : undefined) };
  }
}

describe('the options of a policy', () => {
  it('are the literal', async () => {
    expect(await optionsOf(() => new Client().literal())).toEqual({ level: 1 });
  });

  it('are resolved at each call from the object', async () => {
    const client = new Client();
    expect(await optionsOf(() => client.resolved())).toEqual({ level: 7 });
    client.level = 8;
    expect(await optionsOf(() => client.resolved())).toEqual({ level: 8 });
  });

  it('are resolved from the call', async () => {
    expect(await optionsOf(() => new Client().fromCall('why'))).toEqual({ label: 'fromCall why' });
  });

  it('are empty where nothing is given', async () => {
    expect(await optionsOf(() => new Client().bare())).toEqual({});
    expect(await optionsOf(() => new Client().resolvedUndefined())).toEqual({});
  });

  it('turn the policy off by false, also from a function or the host', async () => {
    expect(await optionsOf(() => new Client().off())).toBe('off');
    expect(await optionsOf(() => new Client().resolvedOff())).toBe('off');
    expect(await optionsOf(() => new HostedClient(false).bare())).toBe('off');
  });

  it('come from the host where the decorator has none, or its function returns undefined', async () => {
    const client = new HostedClient({ level: 3 });
    expect(await optionsOf(() => client.bare())).toEqual({ level: 3 });
    expect(await optionsOf(() => client.resolvedUndefined())).toEqual({ level: 3 });
  });

  it("prefer the decorator's to the host's, whole and unmerged", async () => {
    const client = new HostedClient({ level: 3, label: 'host' });
    expect(await optionsOf(() => client.literal())).toEqual({ level: 1 });
    expect(await optionsOf(() => client.off())).toBe('off');
  });

  it("are overlaid with the caller's, which also turn the policy on", async () => {
    const client = new HostedClient({ level: 3, label: 'host' });
    expect(await optionsOf(() => client.literal({ maxRetries: 9 }))).toEqual({ level: 9 });
    expect(await optionsOf(() => client.bare({ maxRetries: 9 }))).toEqual({ level: 9, label: 'host' });
    expect(await optionsOf(() => client.off({ maxRetries: 9 }))).toEqual({ level: 9 });
  });
});

describe('bad options of a policy', () => {
  it('are refused when the decorator is written', () => {
    expect(() => onMethod(Seen({ level: -1 }))).toThrow(
      new TypeError('@Seen on ask(): `level` is -1: give at least 0.'),
    );
  });

  it.each([5, 'x', null, true])('are refused when they are %p', (options) => {
    expect(() => onMethod(Seen(options as never))).toThrow(
      /@Seen on ask\(\): the options must be an object, a function.*or false/,
    );
  });

  it.each([5, 'x', true])('are refused when the function returns %p', async (options) => {
    class Bad {
      @Seen((() => options) as never)
      async run() {}
    }
    const failure = await failureOf(new Bad().run());
    expect(failure).toBeInstanceOf(TypeError);
    expect(String(failure)).toMatch(/@Seen on run\(\): the options must be an object/);
  });

  it('are refused when the function is async', async () => {
    class Bad {
      @Seen((async () => ({ level: 1 })) as never)
      async run() {}
    }
    await expect(new Bad().run()).rejects.toThrow(/@Seen on run\(\).*an options function must not be async/);
  });

  it('are refused at the call when they are resolved there, before the method', async () => {
    let entered = false;
    class Bad {
      level = -5;
      @Seen((self) => ({ level: self.level }))
      async run() {
        entered = true;
      }
    }
    await expect(new Bad().run()).rejects.toThrow(
      new TypeError('@Seen on run(): `level` is -5: give at least 0.'),
    );
    await expect(new HostedClient({ level: -2 }).bare()).rejects.toThrow(/@Seen on bare\(\): `level` is -2/);
    expect(entered).toBe(false);
  });

  it('of one kind twice on a method are refused', () => {
    const make = () => {
      class Twice {
        @Seen({ level: 1 })
        @RetryWithBackoff()
        @Seen()
        async run() {}
      }
      return Twice;
    };
    expect(make).toThrow(new TypeError('@Seen on run() stands twice on the same method: keep one of them.'));
  });
});

describe('what is said of a bad option', () => {
  it.each<[unknown, string]>([
    ['x'.repeat(40), `'${'x'.repeat(40)}'`],
    ['x'.repeat(41), 'a string of 41 characters'],
    [() => 1, 'a function'],
    [{}, 'an object'],
    [[], 'an array'],
    [null, 'null'],
    [Symbol('s'), 'Symbol(s)'],
    [5n, '5'],
  ])('shows its value, but nothing long: %p', (value, shown) => {
    expect(() => onMethod(RetryWithBackoff({ maxRetries: value as never }))).toThrow(
      `\`maxRetries\` is ${shown}: give a whole number of at least 0.`,
    );
  });

  it.each<[string, string[], string | undefined]>([
    ['maxretries', ['baseDelayMs', 'maxRetries'], 'maxRetries'],
    ['MAXRETRYS', ['maxRetries'], 'maxRetries'],
    ['baseDelay', ['maxDelayMs', 'baseDelayMs'], 'baseDelayMs'],
    ['onRety', ['onRetry', 'onRetries'], 'onRetry'],
    // Two letters of a short name, one in three of a longer one.
    ['key', ['keyed'], 'keyed'],
    ['key', ['keyed1'], undefined],
    ['kee', ['key'], 'key'],
    ['abcdefghi', ['abcdefghi123'], 'abcdefghi123'],
    ['abcdefghi', ['abcdefghi1234'], undefined],
    ['abcdefg', ['abcdefg123'], 'abcdefg123'],
    ['abdc', ['abcd'], 'abcd'],
    ['xyz', [], undefined],
  ])('names what was probably meant by %s among %j: %s', (name, known, meant) => {
    expect(nearestName(name, known)).toBe(meant);
  });

  it('names all there are where none is near', () => {
    expect(() => onMethod(RetryWithBackoff({ somethingElse: 1 } as never))).toThrow(
      'there is no option `somethingElse`. There are: maxRetries, baseDelayMs, ',
    );
  });

  it.each<[unknown, string]>([
    [null, 'new Client(): the options must be an object; got null.'],
    ['key', "new Client(): the options must be an object; got 'key'."],
    [undefined, 'new Client(): the options must be an object; got undefined.'],
    [{ apiKeys: 'a' }, 'new Client(): there is no option `apiKeys`. Did you mean `apiKey`?'],
    [{ apiKey: 1, model: 'm' }, 'new Client(): there is no option `model`. There are: apiKey, baseURL.'],
  ])('is said of names alone as well: %j', (options, message) => {
    const check = () => checkNames(options as object, ['apiKey', 'baseURL'], 'new Client()');
    expect(check).toThrow(new TypeError(message));
  });
});

describe('the call options', () => {
  let last: Call;
  const Peek = definePolicy({
    kind: 'Peek',
    place: 'Traced',
    create: () => ({
      run(call, next) {
        last = call;
        return next();
      },
    }),
  });
  class Plain {
    received: unknown[] = [];
    @Peek()
    async ask(...args: unknown[]) {
      this.received = args;
    }
  }
  class Hosted extends Plain {
    readonly [policyHost]: PolicyHost = { callOptions: () => 2 };
  }
  const { signal } = new AbortController();

  it.each([
    ['an object of nothing but call options', { timeoutMs: 5, headers: { a: 'b' } }],
    ['a plain object with a signal', { method: 'POST', signal }],
  ])('are found in the last argument: %s', async (_, options) => {
    const plain = new Plain();
    await plain.ask('q', options);
    expect(last.options).toBe(options);
    expect(plain.received).toHaveLength(2);
    expect(plain.received[1]).toEqual({ ...options, signal: expect.any(AbortSignal) });
    expect((plain.received[1] as CallOptions).signal).not.toBe(signal);
  });

  it.each([
    ['an empty object', {}],
    ['an object with other fields', { maxRetries: 1, model: 'm' }],
    ['a Request, which has a signal', new Request('http://localhost/', { signal })],
    ['a string', 'text'],
    ['null', null],
  ])('are not taken for: %s', async (_, argument) => {
    const plain = new Plain();
    await plain.ask(argument);
    expect(last.options).toEqual({});
    expect(plain.received).toEqual([argument]);
    expect(plain.received[0]).toBe(argument);
  });

  it('stand where the host says, and are always handed on with a signal', async () => {
    const hosted = new Hosted();
    await hosted.ask('q');
    expect(hosted.received).toEqual(['q', undefined, { signal: expect.any(AbortSignal) }]);
    await hosted.ask('q', 'p', { maxRetries: 1 });
    expect(last.options).toEqual({ maxRetries: 1 });
    expect(hosted.received[2]).toEqual({ maxRetries: 1, signal: expect.any(AbortSignal) });
  });

  it.each([
    [{ timeoutMs: 0 }, /ask\(\): `timeoutMs` is 0: give a positive number/],
    [{ timeoutMs: Number.NaN }, /`timeoutMs` is NaN/],
    [{ timeoutMs: Infinity }, /`timeoutMs` is Infinity/],
    [{ maxRetries: -1 }, /`maxRetries` is -1: give a whole number of at least 0/],
    [{ maxRetries: 1.5 }, /`maxRetries` is 1.5/],
    [{ signal: 'no' }, /`signal` must be an AbortSignal/],
  ])('with a bad value are refused before anything is done: %j', async (options, message) => {
    for (const [client, args] of [
      [new Plain(), [options]],
      [new Hosted(), ['q', 'p', options]],
    ] as const) {
      const failure = await failureOf(client.ask(...args));
      expect(failure).toBeInstanceOf(TypeError);
      expect(String(failure)).toMatch(message);
      expect(client.received).toEqual([]);
    }
  });

  it('with an unknown name or of a wrong type are refused where the host declares them', async () => {
    await expect(new Hosted().ask('q', 'p', { timeout: 5 })).rejects.toThrow(
      /ask\(\): 'timeout' is no call option. There are: signal, timeoutMs/,
    );
    await expect(new Hosted().ask('q', 'p', { timeout: 5 })).rejects.toThrow(
      'Fields of the request belong into the params.',
    );
    await expect(new Hosted().ask('q', 'p', null)).rejects.toThrow(/must be an object; got null/);
  });
});
