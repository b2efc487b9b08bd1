import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  currentCall,
  policyHost,
  RetryWithBackoff,
  Traced,
  type CallDescription,
  type TelemetryApi,
  type TracedOptions,
} from '../../decorators/index.js';
import { isObserved } from '../../decorators/pipeline/events.js';
import { lookedForOnce, telemetryApi } from '../../decorators/telemetry/api.js';
import { collect, deferred, onMethod } from '../support/policies.js';
import { installVirtualRuntime, type VirtualRuntime } from '../support/virtual-runtime.js';

type Attributes = Record<string, unknown>;
type Points = [value: number, attributes: Attributes][];

/** An API that writes down what it is told, as it is told it: others leave out what they do not know. */
class RecordingApi {
  readonly spans: { name: string; attributes: Attributes; events: string[]; ended: boolean }[] = [];
  readonly meters = new Set<string>();
  readonly instruments: Record<string, { options: object; points: Points }> = {};

  constructor(private readonly isRecording = true) {}

  readonly trace: TelemetryApi['trace'] = {
    getTracer: () => ({
      startSpan: (name, options) => {
        const span = {
          name,
          attributes: { ...(options?.attributes as Attributes) },
          events: [] as string[],
          ended: false,
        };
        this.spans.push(span);
        return {
          isRecording: () => this.isRecording,
          setAttributes: (more) => Object.assign(span.attributes, more),
          addEvent: (event) => span.events.push(event),
          recordException: () => undefined,
          setStatus: () => undefined,
          end: () => (span.ended = true),
        };
      },
    }),
    setSpan: (context: unknown) => context,
  };
  readonly context: TelemetryApi['context'] = {
    active: () => undefined,
    with: (_context, fn: () => unknown) => fn(),
  };
  private readonly make = (name: string, options: object = {}) => {
    const points: Points = [];
    this.instruments[name] = { options, points };
    const add = (value: number, attributes: Attributes = {}): void => void points.push([value, attributes]);
    return { add, record: add };
  };
  private readonly meter = { createHistogram: this.make, createCounter: this.make };
  readonly metrics: TelemetryApi['metrics'] = {
    getMeter: (name) => (this.meters.add(name), this.meter),
  };

  get span() {
    expect(this.spans).toHaveLength(1);
    return this.spans[0] as (typeof this.spans)[number];
  }

  /** What has been recorded of each metric, and with which attributes. */
  get points(): Record<string, Points> {
    const all = Object.entries(this.instruments).map(([name, { points }]) => [name, points] as const);
    return Object.fromEntries(all.filter(([, points]) => points.length > 0));
  }
}

let time: VirtualRuntime;
let restore: () => void;
let warnings: unknown[];
let api: RecordingApi;
beforeEach(() => {
  ({ runtime: time, restore } = installVirtualRuntime());
  warnings = [];
  jest.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(String(warning)));
  api = new RecordingApi();
});
afterEach(() => {
  jest.restoreAllMocks();
  restore();
});

/** An object whose `ask()` gives `answer`, and whose `events()` gives `chunks`. */
function client(options: TracedOptions, host: object, answer?: unknown, ...chunks: unknown[]) {
  class Client {
    readonly [policyHost] = host;
    @Traced({ api, ...options })
    async ask() {
      return answer;
    }
    @Traced({ api, ...options })
    async *events() {
      yield* chunks;
    }
  }
  return new Client();
}

const describing = (description: CallDescription) => ({ describe: () => description });
const ask = (description: CallDescription, answer?: unknown, options: TracedOptions = {}) =>
  client(options, describing(description), answer).ask();

describe('the package of the API', () => {
  it('is found where it is installed', () => {
    expect(telemetryApi()).toHaveProperty('trace.getTracer');
  });

  it.each<[string, () => unknown, unknown]>([
    ['is there', () => 'loaded', 'loaded'],
    [
      'is not there',
      () => {
        throw new Error('missing');
      },
      undefined,
    ],
  ])('is looked for when it is first wanted, and only then, where it %s', (_what, load, found) => {
    let loads = 0;
    const get = lookedForOnce(() => (loads++, load()));
    expect(loads).toBe(0);
    expect([get(), get(), loads]).toEqual([found, found, 1]);
  });
});

describe('a span tells nothing that is not known', () => {
  const known = { 'code.function.name': 'Client.ask', 'keelson.attempts': 1 };

  it.each<[string, object]>([
    ['describes no call', {}],
    ['says nothing of them', describing({})],
  ])('of an object that %s', async (_what, host) => {
    await client({ captureContent: true }, host).ask();
    expect(api.span.attributes).toStrictEqual(known);
    expect([api.points, warnings]).toEqual([{}, []]);
  });

  it('of a request without a model, an address or parameters', async () => {
    await ask({ operation: 'chat', request: { seed: null, n: 1 } }, undefined, { captureContent: true });
    expect(api.span.name).toBe('chat');
    const operation = { 'gen_ai.operation.name': 'chat' };
    expect(api.span.attributes).toStrictEqual({ ...known, ...operation });
    expect(api.points).toStrictEqual({ 'gen_ai.client.operation.duration': [[0, operation]] });
    expect(warnings).toEqual([]);
  });

  it.each([
    [null],
    ['a text'],
    [{}],
    [{ id: '', model: '', choices: 'none' }],
    [{ id: 7, model: 8, choices: [null, {}] }],
  ])('of the answer %j', async (answer) => {
    await ask({ operation: 'chat' }, answer, { captureContent: true });
    const { 'gen_ai.output.messages': content, ...rest } = api.span.attributes;
    expect(rest).toStrictEqual({ ...known, 'gen_ai.operation.name': 'chat' });
    expect(Object.keys(api.points)).toEqual(['gen_ai.client.operation.duration']);
    expect(warnings).toEqual([]);
    const isListed = Array.isArray((answer as { choices?: unknown } | null)?.choices);
    expect(content).toBe(isListed ? '[{"role":"assistant","parts":[],"finish_reason":""}]' : undefined);
  });
});

it('the name of a span is the usual one where a function gives none', async () => {
  for (const name of ['', 7 as never])
    await ask({ operation: 'chat', model: 'm' }, 1, { spanName: () => name });
  expect(api.spans.map(({ name }) => name)).toEqual(['chat m', 'chat m']);
  expect(() => onMethod(Traced({ spanName: 7 as never }))).toThrow(
    '`spanName` is 7: give a name, or a function',
  );
});

it('a stream is named by the first chunk that has a name', async () => {
  const chunks = [
    { id: '', model: '' },
    { id: 'c-1', model: 'm-1' },
    { id: 'c-2', model: 'm-2' },
  ];
  await collect(client({}, describing({ operation: 'chat' }), undefined, ...chunks).events());
  expect(api.span.attributes).toMatchObject({ 'gen_ai.response.id': 'c-1', 'gen_ai.response.model': 'm-1' });
});

it('times are counted from the call on', async () => {
  class Slow {
    readonly [policyHost] = describing({ operation: 'chat' });
    @Traced({ api })
    async *events() {
      await currentCall()?.wait(250, 'backoff');
      yield 1;
      await currentCall()?.wait(500, 'backoff');
    }
  }
  await time.advance(10_000);
  const all = collect(new Slow().events());
  await time.runAll();
  await all;
  expect(api.span.attributes['gen_ai.response.time_to_first_chunk']).toBe(0.25);
  expect(Object.values(api.points).map(([point]) => point?.[0])).toEqual([0.75, 0.25]);
});

describe('usage', () => {
  const using = async (facts: object, semconv: TracedOptions['semconv'] = '1.36') => {
    class Client {
      readonly [policyHost] = describing({ operation: 'chat' });
      @Traced({ api, semconv })
      async ask() {
        currentCall()?.report(facts);
        return { usage: { prompt_tokens: 12, completion_tokens: 3 } };
      }
    }
    await new Client().ask();
    const told = Object.keys(api.span.attributes).filter((name) => name.includes('usage'));
    return [told, Object.keys(api.points).filter((name) => name.includes('usage'))];
  };

  it('is none where the answer comes from a cache', async () => {
    expect(await using({ fromCache: true })).toEqual([[], []]);
  });

  it.each([
    ['inputTokens', 'input'],
    ['outputTokens', 'output'],
  ])('is told of %s alone where nothing else is known', async (name, type) => {
    await using({ usage: { [name]: 5 } });
    expect(api.points['gen_ai.client.token.usage']).toEqual([
      [5, { 'gen_ai.operation.name': 'chat', 'gen_ai.token.type': type }],
    ]);
  });

  it.each([
    ['inputTokens', 'input_tokens'],
    ['outputTokens', 'output_tokens'],
    ['cachedInputTokens', 'cache_read.input_tokens'],
  ])('is told of %s alone by the latest names, too', async (name, metric) => {
    expect(await using({ usage: { [name]: 5 } }, 'latest')).toEqual([
      [`gen_ai.usage.${metric}`],
      [`gen_ai.client.inference.usage.${metric}`],
    ]);
  });
});

it('the instruments have the units and buckets of the conventions, and are made once', async () => {
  const seconds = { unit: 's', advice: { explicitBucketBoundaries: expect.any(Array) } };
  const duration = { ...seconds, description: 'Duration of a call.' };
  const first = { ...seconds, description: 'Time to the first content of a streamed answer.' };
  await ask({ operation: 'chat' });
  const { instruments } = api;
  const made = Object.entries(instruments).map(([name, { options }]) => [name, options]);
  expect(Object.fromEntries(made)).toEqual({
    'gen_ai.client.operation.duration': duration,
    'gen_ai.client.operation.time_to_first_chunk': first,
    'gen_ai.client.token.usage': {
      unit: '{token}',
      description: 'Tokens that a call used.',
      advice: {
        explicitBucketBoundaries: Array.from({ length: 14 }, (_, i) => 4 ** i),
      },
    },
  });
  expect(
    (instruments['gen_ai.client.operation.duration']?.options as typeof seconds).advice
      .explicitBucketBoundaries,
  ).toEqual(Array.from({ length: 14 }, (_, i) => 2 ** i / 100));
  await ask({ operation: 'chat' });
  expect(api.points['gen_ai.client.operation.duration']).toHaveLength(2);
  await ask({ operation: 'chat' }, undefined, { semconv: 'latest' });
  expect(instruments['gen_ai.client.inference.usage.input_tokens']?.options).toEqual({ unit: '{token}' });
  expect([...api.meters]).toEqual(['keelson']);
});

describe('the content', () => {
  const contentOf = (name: string) => JSON.parse(String(api.span.attributes[name])) as unknown;

  it('of odd messages is what can be told of them', async () => {
    const messages = [
      null,
      { role: 'user', content: [null, {}, { type: 'image_url' }] },
      { role: 'assistant', tool_calls: [{ id: 't' }] },
    ];
    await ask({ operation: 'chat', request: { messages } }, undefined, { captureContent: true });
    expect(contentOf('gen_ai.input.messages')).toEqual([
      { parts: [] },
      { role: 'user', parts: [{ type: 'unknown' }, { type: 'unknown' }, { type: 'image_url' }] },
      { role: 'assistant', parts: [{ type: 'tool_call', id: 't' }] },
    ]);
  });

  it('of several choices and tools is told apart by their places where they have no numbers', async () => {
    const tools = ['a', 'b'].map((id) => ({ id, function: { name: 'f', arguments: id } }));
    const choices = [
      { message: { content: 'one' } },
      null,
      { finish_reason: 'stop' },
      { message: { tool_calls: tools } },
    ];
    await ask({ operation: 'chat' }, { choices }, { captureContent: true });
    const call = { type: 'tool_call', name: 'f' };
    expect(contentOf('gen_ai.output.messages')).toEqual([
      { role: 'assistant', parts: [{ type: 'text', content: 'one' }], finish_reason: '' },
      { role: 'assistant', parts: [], finish_reason: 'stop' },
      {
        role: 'assistant',
        parts: [
          { ...call, id: 'a', arguments: 'a' },
          { ...call, id: 'b', arguments: 'b' },
        ],
        finish_reason: '',
      },
    ]);
  });

  it('of a stream is told apart by the numbers of choices and tools', async () => {
    const piece = (index: number, tool: number, args: string) => ({
      choices: [
        { index, delta: { tool_calls: [{ index: tool, function: { name: 'f', arguments: args } }] } },
      ],
    });
    const pieces = [piece(0, 0, 'a'), piece(1, 1, 'b'), piece(1, 0, 'c'), piece(0, 0, 'd')];
    await collect(client({ captureContent: true }, {}, undefined, ...pieces).events());
    const call = (args: string) => ({ type: 'tool_call', name: 'f', arguments: args });
    expect(contentOf('gen_ai.output.messages')).toEqual([
      { role: 'assistant', parts: [call('ad')], finish_reason: '' },
      { role: 'assistant', parts: [call('b'), call('c')], finish_reason: '' },
    ]);
  });

  it('that cannot be written costs a warning, and the call nothing', async () => {
    const circular: { self?: object } = {};
    circular.self = circular;
    expect(await ask({ request: { tools: circular } }, 'answer', { captureContent: true })).toBe('answer');
    expect(api.span.ended).toBe(true);
    expect(warnings).toEqual([expect.stringMatching(/^@Traced failed: TypeError: .*circular/)]);
  });
});

it('a span that is not recorded is told nothing of what happens', async () => {
  api = new RecordingApi(false);
  const answer = { id: 'a-1', usage: { prompt_tokens: 1 } };
  await ask({ operation: 'chat' }, answer, { captureContent: true });
  expect(api.span).toMatchObject({
    attributes: { 'code.function.name': 'Client.ask', 'gen_ai.operation.name': 'chat' },
    events: [],
    ended: false,
  });
  expect(api.span.attributes).not.toHaveProperty('gen_ai.response.id');
  expect(Object.keys(api.points)).toContain('gen_ai.client.operation.duration');
});

it('calls of one object at the same time have events of their own, until the last has ended', async () => {
  class Client {
    @Traced({ api })
    @RetryWithBackoff({ baseDelayMs: 0, jitter: 'none' })
    async ask(until: Promise<void>) {
      await until;
    }
    @RetryWithBackoff()
    async untraced() {}
  }
  const object = new Client();
  const [first, second] = [deferred(), deferred()];
  const all = [object.ask(first.promise), object.ask(second.promise)];
  expect(isObserved(object, undefined)).toBe(true);
  await object.untraced();
  second.resolve();
  await all[1];
  first.resolve();
  await all[0];
  expect(api.spans.map(({ events }) => events)).toEqual([['keelson.attempt'], ['keelson.attempt']]);
  expect([isObserved(object, undefined), warnings]).toEqual([false, []]);
});

it.each<[string, unknown]>([
  ['no process', undefined],
  ['a process without an environment', {}],
  ['an environment that says nothing', { env: {} }],
])('a call in a runtime with %s is traced as usual, without its content', async (_what, found) => {
  const own = globalThis.process;
  const object = client(
    {},
    describing({ operation: 'chat', provider: 'mine', request: { input: 'x' } }),
    'answer',
  );
  let answer;
  globalThis.process = found as never;
  try {
    answer = object.ask();
  } finally {
    globalThis.process = own;
  }
  expect(await answer).toBe('answer');
  expect(api.span.attributes).toMatchObject({ 'gen_ai.system': 'mine' });
  expect(warnings).toEqual([]);
  expect(api.span.attributes).not.toHaveProperty('gen_ai.input.messages');
});
