// @ts-nocheck
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ConnectionError, currentCall, policiesOf, RetryWithBackoff } from '../../decorators/index.js';
import { collect, failureOf, marker } from '../support/policies';

const log: string[] = [];
const Limited = marker('Limited', 'admission');
const Noted = marker('Noted', 'Cached');

/** Every call fails, so that the number of calls tells which pipelines ran. */
class Base {
  calls = 0;
  @Limited({ log })
  @RetryWithBackoff({ maxRetries: 3, baseDelayMs: 0, budget: false })
  async chat(_prompt = ''): Promise<string> {
    this.calls++;
    await null;
    throw new ConnectionError('down');
  }
  @RetryWithBackoff({ maxRetries: 3, baseDelayMs: 0, budget: false })
  async *events(): AsyncGenerator<number, string> {
    this.calls++;
    await null;
    if (this.calls < 6) throw new ConnectionError('down');
    yield 1;
    return 'end';
  }
}
class Redecorated extends Base {
  @RetryWithBackoff({ maxRetries: 5, baseDelayMs: 0, budget: false })
  override async chat(prompt = ''): Promise<string> {
    await null;
    return super.chat(prompt);
  }
  @RetryWithBackoff({ maxRetries: 5, baseDelayMs: 0, budget: false })
  override async *events(): AsyncGenerator<number, string> {
    await null;
    return yield* super.events();
  }
}
class Undecorated extends Base {
  override async chat(prompt = ''): Promise<string> {
    await null;
    return super.chat(`${prompt}!`);
  }
}

async function callsOf(client: { calls: number; chat(): Promise<unknown> }): Promise<number> {
  log.length = 0;
  client.calls = 0;
  expect(await failureOf(client.chat())).toBeInstanceOf(ConnectionError);
  return client.calls;
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a decorated override', () => {
  it('runs one pipeline: its own retry, and the limiter of the method it overrides for each attempt', async () => {
    expect(await callsOf(new Redecorated())).toBe(6);
    expect(log).toEqual(Array(6).fill('Limited'));
  });

  it('that does not call super keeps the policies it inherits', async () => {
    class Own extends Base {
      @RetryWithBackoff({ maxRetries: 1, baseDelayMs: 0, budget: false })
      override async chat(): Promise<string> {
        this.calls++;
        throw new ConnectionError('down');
      }
    }
    expect(await callsOf(new Own())).toBe(2);
    expect(log).toEqual(['Limited', 'Limited']);
  });

  it('turns an inherited policy off by false', async () => {
    class Off extends Base {
      @RetryWithBackoff(false)
      override async chat(): Promise<string> {
        return super.chat();
      }
    }
    expect(await callsOf(new Off())).toBe(1);
  });

  it('of a stream runs one pipeline', async () => {
    const client = new Redecorated();
    expect(await collect(client.events())).toEqual([1]);
    expect(client.calls).toBe(6);
  });

  it('calls super from within another decorated method', async () => {
    class Detour extends Base {
      @RetryWithBackoff({ maxRetries: 5, baseDelayMs: 0, budget: false })
      override async chat(): Promise<string> {
        return this.logged(() => super.chat());
      }
      @Noted({ log })
      async logged<T>(run: () => Promise<T>): Promise<T> {
        await null;
        return run();
      }
    }
    expect(await callsOf(new Detour())).toBe(6);
  });

  it('of three levels runs one pipeline of the nearest policies', async () => {
    class Leaf extends Redecorated {
      @Noted({ log })
      override async chat(): Promise<string> {
        await null;
        return super.chat();
      }
    }
    expect(policiesOf(Leaf, 'chat').map(({ kind, from }) => `${kind} of ${from}`)).toEqual([
      'Noted of Leaf',
      'RetryWithBackoff of Redecorated',
      'Limited of Base',
    ]);
    expect(await callsOf(new Leaf())).toBe(6);
    expect(log).toEqual(['Noted', ...(Array(6).fill('Limited') as string[])]);
  });

  it('across an undecorated level runs one pipeline', async () => {
    class Leaf extends Undecorated {
      @RetryWithBackoff({ maxRetries: 1, baseDelayMs: 0, budget: false })
      override async chat(): Promise<string> {
        return super.chat();
      }
    }
    expect(await callsOf(new Leaf())).toBe(2);
    expect(log).toEqual(['Limited', 'Limited']);
  });

  it('of a static method runs one pipeline', async () => {
    let calls = 0;
    class StaticBase {
      @Limited({ log })
      @RetryWithBackoff({ maxRetries: 3, baseDelayMs: 0 })
      static async run(): Promise<void> {
        calls++;
        throw new ConnectionError('down');
      }
    }
    class StaticSub extends StaticBase {
      @RetryWithBackoff({ maxRetries: 1, baseDelayMs: 0 })
      static override async run(): Promise<void> {
        await null;
        return super.run();
      }
    }
    log.length = 0;
    await failureOf(StaticSub.run());
    expect(calls).toBe(2);
    expect(log).toEqual(['Limited', 'Limited']);
    calls = 0;
    await failureOf(StaticBase.run());
    expect(calls).toBe(4);
  });
});

describe('an undecorated override', () => {
  it('is a plain method, whose super call brings the policies', async () => {
    expect(await callsOf(new Undecorated())).toBe(4);
    expect(policiesOf(Undecorated, 'chat')).toEqual([]);
  });
});

describe('recursion', () => {
  it('through `this` runs a full pipeline each time', async () => {
    class Recursive {
      attempts: string[] = [];
      @RetryWithBackoff({ maxRetries: 1, baseDelayMs: 0 })
      async down(depth: number): Promise<number> {
        await null;
        this.attempts.push(`${depth}:${currentCall()?.attempt}`);
        if (depth === 0) return 0;
        const below = await this.down(depth - 1);
        if (currentCall()?.attempt === 1) throw new ConnectionError('again');
        return below + 1;
      }
    }
    const recursive = new Recursive();
    expect(await recursive.down(2)).toBe(2);
    expect(recursive.attempts).toEqual([
      '2:1',
      '1:1',
      '0:1',
      '1:2',
      '0:1',
      '2:2',
      '1:1',
      '0:1',
      '1:2',
      '0:1',
    ]);
  });

  it('from a base method reached through super goes through the override again', async () => {
    const seen: string[] = [];
    class Root {
      @Limited({ log: seen })
      async run(depth: number): Promise<void> {
        if (depth > 0) await this.run(depth - 1);
      }
    }
    class Branch extends Root {
      @Noted({ log: seen })
      override async run(depth: number): Promise<void> {
        await super.run(depth);
      }
    }
    await new Branch().run(1);
    expect(seen).toEqual(['Noted', 'Limited', 'Noted', 'Limited']);
  });

  it("on another object of the same class runs that object's own pipeline", async () => {
    class Pair extends Redecorated {
      constructor(private readonly other?: Pair) {
        super();
      }
      @RetryWithBackoff({ maxRetries: 1, baseDelayMs: 0, budget: false })
      override async chat(): Promise<string> {
        return this.other ? this.other.chat() : super.chat();
      }
    }
    const inner = new Pair();
    const outer = new Pair(inner);
    await failureOf(outer.chat());
    expect(inner.calls).toBe(4);
  });

  it('from the base method into the override, called on the base first, runs the override in full', async () => {
    class Root {
      @RetryWithBackoff({ maxRetries: 3, baseDelayMs: 0 })
      async run(again: boolean): Promise<void> {
        if (again) await this.run(false);
      }
    }
    class Branch extends Root {
      entered = 0;
      @RetryWithBackoff({ maxRetries: 2, baseDelayMs: 0 })
      override async run(_again: boolean): Promise<void> {
        this.entered++;
        throw new ConnectionError('down');
      }
    }
    const branch = new Branch();
    await failureOf(Root.prototype.run.call(branch, true));
    expect(branch.entered).toBe(3 * 4);
  });
});

describe('jest.spyOn', () => {
  it('on an instance records the call, and the policies run', async () => {
    const client = new Redecorated();
    const spy = jest.spyOn(client, 'chat');
    expect(await callsOf(client)).toBe(6);
    expect(spy).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['of the subclass', () => jest.spyOn(Redecorated.prototype, 'chat')],
    ['of the base', () => jest.spyOn(Base.prototype, 'chat')],
  ])('on the prototype %s nests no pipelines, and every attempt still pays', async (_, spyOn) => {
    spyOn();
    expect(await callsOf(new Redecorated())).toBe(6);
    expect(log).toEqual(Array(6).fill('Limited'));
  });

  it('on both prototypes nests no pipelines', async () => {
    jest.spyOn(Base.prototype, 'chat');
    jest.spyOn(Redecorated.prototype, 'chat');
    expect(await callsOf(new Redecorated())).toBe(6);
  });

  it.each([Base, Redecorated])(
    'on the prototype between calls of one object changes nothing: %p',
    async (where) => {
      const client = new Redecorated();
      expect(await callsOf(client)).toBe(6);
      const spy = jest.spyOn(where.prototype, 'chat');
      expect(await callsOf(client)).toBe(6);
      spy.mockRestore();
      expect(await callsOf(client)).toBe(6);
    },
  );

  it.each([Base, Redecorated])(
    'on the prototype during the first call leaves nothing behind: %p',
    async (where) => {
      const client = new Redecorated();
      const spy = jest.spyOn(where.prototype, 'chat');
      expect(await callsOf(client)).toBe(6);
      spy.mockRestore();
      expect(await callsOf(client)).toBe(6);
      expect(log).toEqual(Array(6).fill('Limited'));
    },
  );

  it('replaces the method with all its policies, and gives it back', async () => {
    const original = Base.prototype.chat;
    const spy = jest.spyOn(Base.prototype, 'chat').mockResolvedValue('mocked');
    expect(await new Base().chat()).toBe('mocked');
    expect((log.length = 0)).toBe(0);
    spy.mockRestore();
    expect(Base.prototype.chat).toBe(original);
    expect(await callsOf(new Base())).toBe(4);
  });
});
