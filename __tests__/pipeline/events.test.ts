import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  ConnectionError,
  currentCall,
  definePolicy,
  HandleApiErrors,
  LLMError,
  onPolicyEvent,
  policyHost,
  RetryWithBackoff,
  type CallOptions,
  type PolicyEvent,
  type PolicyHost,
} from '../../decorators/index.js';
import { isObserved } from '../../decorators/pipeline/events';
import { collect, failureOf } from '../support/policies';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';

let time: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  ({ runtime: time, restore } = installVirtualRuntime());
});
afterEach(() => {
  restore();
  jest.restoreAllMocks();
});

class Client {
  calls = 0;
  constructor(private readonly failures = 0) {}
  @RetryWithBackoff({ maxRetries: 2, baseDelayMs: 100, jitter: 'none' })
  @HandleApiErrors()
  async ask(_question?: string, _options?: CallOptions) {
    currentCall()?.report({ requestId: `r${++this.calls}` });
    if (this.calls <= this.failures) throw new ConnectionError('down');
    return 'answer';
  }
  @HandleApiErrors()
  async *events() {
    yield 1;
    yield 2;
  }
  @HandleApiErrors()
  static async shared() {}
}

/** The events of `target` from here on; `id` stands for the id of the call. */
function listen(target: object): PolicyEvent[] {
  const events: PolicyEvent[] = [];
  onPolicyEvent(target, (event) => events.push(event));
  return events;
}

async function running<T>(promise: Promise<T>): Promise<T> {
  await time.runAll();
  return promise;
}

describe('the events of a call', () => {
  it('are, for a success: the attempt, then the call', async () => {
    const client = new Client();
    const events = listen(client);
    await client.ask();
    const base = { className: 'Client', method: 'ask', callId: expect.any(String), attempt: 1, at: 0 };
    expect(events).toEqual([
      { ...base, type: 'attempt', durationMs: 0, facts: { requestId: 'r1' } },
      { ...base, type: 'success', durationMs: 0, facts: { requestId: 'r1' } },
    ]);
  });

  it('are, for a retry: the failed attempt, the retry, the wait, the next attempt, the call', async () => {
    const client = new Client(1);
    const events = listen(client);
    await running(client.ask());
    expect(events).toMatchObject([
      { type: 'attempt', attempt: 1, at: 0, error: { code: 'connection' }, facts: { requestId: 'r1' } },
      { type: 'retry', attempt: 1, at: 0, delayMs: 100, error: { code: 'connection' } },
      { type: 'wait', attempt: 1, at: 0, reason: 'backoff', waitMs: 100 },
      { type: 'attempt', attempt: 2, at: 100, facts: { requestId: 'r2' } },
      { type: 'success', attempt: 2, at: 100, durationMs: 100, facts: { requestId: 'r2' } },
    ]);
    expect(new Set(events.map(({ callId }) => callId)).size).toBe(1);
  });

  it('are, for a failure: every attempt, then the call with all of them', async () => {
    const client = new Client(3);
    const events = listen(client);
    const error = (await running(failureOf(client.ask()))) as LLMError;
    expect(events.map(({ type, attempt }) => `${type} ${attempt}`)).toEqual([
      'attempt 1',
      'retry 1',
      'wait 1',
      'attempt 2',
      'retry 2',
      'wait 2',
      'attempt 3',
      'failure 3',
    ]);
    expect(events.at(-1)).toMatchObject({ durationMs: 300, error, attempts: error.attempts });
    expect(error.attempts).toHaveLength(3);
  });

  it('have another id for another call', async () => {
    const client = new Client();
    const events = listen(client);
    await client.ask();
    await client.ask();
    expect(new Set(events.map(({ callId }) => callId)).size).toBe(2);
  });

  it('come for a stream when its iteration ends', async () => {
    const client = new Client();
    const events = listen(client);
    const stream = client.events();
    await stream.next();
    expect(events).toEqual([]);
    await collect(stream);
    expect(events.map(({ type }) => type)).toEqual(['attempt', 'success']);
  });

  it('of a static method are told to listeners of the class', async () => {
    const events = listen(Client);
    await Client.shared();
    expect(events).toMatchObject([{ className: 'Client', method: 'shared' }, { type: 'success' }]);
  });

  it('come as a failure also when the options cannot be resolved', async () => {
    class Broken {
      @RetryWithBackoff(() => {
        throw new Error('no options');
      })
      async run() {}
    }
    const broken = new Broken();
    const events = listen(broken);
    await expect(broken.run()).rejects.toThrow('no options');
    expect(events.at(-1)).toMatchObject({ type: 'failure' });
  });
});

describe('listeners', () => {
  it('hear only the object they listen to, until they are taken back', async () => {
    const [one, other] = [new Client(), new Client()];
    const heard: PolicyEvent[] = [];
    const off = onPolicyEvent(one, (event) => heard.push(event));
    await other.ask();
    expect(heard).toHaveLength(0);
    await one.ask();
    off();
    off();
    await one.ask();
    expect(heard).toHaveLength(2);
    expect(isObserved(one, undefined)).toBe(false);
  });

  it('are told once, however often they were added, and others stay when one is taken back', async () => {
    const client = new Client();
    const [heard, others]: PolicyEvent[][] = [[], []];
    const listener = (event: PolicyEvent) => heard?.push(event);
    const offs = [onPolicyEvent(client, listener), onPolicyEvent(client, listener)];
    const off = onPolicyEvent(client, (event) => others?.push(event));
    await client.ask();
    expect([heard?.length, others?.length]).toEqual([2, 2]);
    for (const one of offs) one();
    expect(isObserved(client, undefined)).toBe(true);
    await client.ask();
    expect([heard?.length, others?.length]).toEqual([2, 4]);
    off();
    expect(isObserved(client, undefined)).toBe(false);
  });

  it('that fail do not break the call, nor keep the event from others', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const client = new Client(1);
    onPolicyEvent(client, () => {
      throw new Error('broken listener');
    });
    const events = listen(client);
    expect(await running(client.ask())).toBe('answer');
    expect(events).toHaveLength(5);
    expect(warn.mock.calls[0]).toEqual([
      "A listener of 'attempt' failed: Error: broken listener",
      'KeelsonWarning',
    ]);
  });

  it('get the events by the diagnostics channel keelson:policy', async () => {
    const heard: unknown[] = [];
    const listener = (event: unknown) => heard.push(event);
    subscribe('keelson:policy', listener);
    try {
      await new Client().ask();
    } finally {
      unsubscribe('keelson:policy', listener);
    }
    await new Client().ask();
    expect(heard).toMatchObject([
      { type: 'attempt', method: 'ask' },
      { type: 'success', method: 'ask' },
    ]);
  });

  it('may be the host itself', async () => {
    const heard: PolicyEvent[] = [];
    class Hosted extends Client {
      readonly [policyHost]: PolicyHost = { emit: (event) => heard.push(event) };
    }
    await new Hosted().ask();
    expect(heard.map(({ type, className }) => `${type} of ${className}`)).toEqual([
      'attempt of Hosted',
      'success of Hosted',
    ]);
  });

  it('are not even served an event while nobody listens', async () => {
    const emit = jest.fn();
    class Hosted extends Client {
      readonly [policyHost]: PolicyHost = { emit, observed: () => false };
    }
    await running(new Hosted(1).ask());
    expect(emit).not.toHaveBeenCalled();
    expect(isObserved(new Client(), undefined)).toBe(false);
    expect(isObserved(new Hosted(), { emit, observed: () => false })).toBe(false);
  });
});

describe('a host', () => {
  const order: string[] = [];
  class Hosted {
    readonly [policyHost]: PolicyHost = {
      checkArguments: (method, args) => {
        order.push(`check ${String(method)} ${args.join()}`);
        if (args[0] === 'bad') throw new TypeError('`question` is bad: ask a better one.');
      },
      onCall: (call) => order.push(`call ${String(call.method)}`),
      failure: (error) =>
        error === 'strange' ? new LLMError('known to the host', { code: 'host' }) : undefined,
    };
    @Entered()
    @HandleApiErrors()
    async ask(question: string) {
      order.push('method');
      if (question === 'strange') throw 'strange';
      if (question === 'fail') throw new RangeError('mine');
      return question;
    }
    @HandleApiErrors()
    async *events(_question: string) {
      yield 1;
    }
  }
  beforeEach(() => {
    order.length = 0;
  });

  it('checks the arguments before anything, then sees the call before any policy', async () => {
    await new Hosted().ask('why');
    expect(order).toEqual(['check ask why', 'call ask', 'policy', 'method']);
  });

  it('refuses arguments as they are: no policy, no mapping, no event', async () => {
    const hosted = new Hosted();
    const events = listen(hosted);
    const error = await failureOf(hosted.ask('bad'));
    expect(error).toBeInstanceOf(TypeError);
    expect(order).toEqual(['check ask bad']);
    expect(events).toEqual([]);
    await expect(hosted.events('bad').next()).rejects.toThrow(TypeError);
  });

  it('classifies failures it knows; the rest is seen as always', async () => {
    expect(await failureOf(new Hosted().ask('strange'))).toMatchObject({
      code: 'host',
      attempts: [{ code: 'host' }],
    });
    expect(await failureOf(new Hosted().ask('fail'))).toMatchObject({ code: 'unexpected' });
  });

  it('is asked for its estimate by whoever wants it, with the call', async () => {
    const estimates: unknown[] = [];
    class Estimating {
      readonly [policyHost]: PolicyHost = {
        estimate: (call) => ({ inputTokens: String(call.args[0]).length }),
      };
      @Estimates({ into: estimates })
      async ask(_prompt: string) {}
    }
    await new Estimating().ask('four');
    expect(estimates).toEqual([{ inputTokens: 4 }]);
    await settled();
  });

  function Entered() {
    return definePolicy({
      kind: 'Entered',
      place: 'Traced',
      create: () => ({
        run(_call, next) {
          order.push('policy');
          return next();
        },
      }),
    })();
  }
  function Estimates(options: { into: unknown[] }) {
    return definePolicy<{ into: unknown[] }>({
      kind: 'Estimates',
      place: 'admission',
      create: ({ self }) => ({
        async run(call, next, { into }) {
          into.push(await (self as { [policyHost]?: PolicyHost })[policyHost]?.estimate?.(call));
          return next();
        },
      }),
    })(options);
  }
});
