import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import * as api from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import {
  ConnectionError,
  currentCall,
  OverloadedError,
  policyHost,
  RetryWithBackoff,
  Timeout,
  Traced,
  type CallDescription,
  type TracedOptions,
} from '../../decorators/index.js';
import { collect, failureOf, onMethod, takeOne } from '../support/policies.js';
import { installVirtualRuntime, type VirtualRuntime } from '../support/virtual-runtime.js';

let time: VirtualRuntime;
let restore: () => void;
const spans = new InMemorySpanExporter();
let metrics: InMemoryMetricExporter;
let reader: PeriodicExportingMetricReader;

beforeAll(() => {
  metrics = new InMemoryMetricExporter(AggregationTemporality.DELTA);
  reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 2 ** 30 });
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  api.trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }),
  );
  api.metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
});
afterAll(async () => {
  await reader.shutdown();
  for (const part of [api.trace, api.metrics, api.context]) part.disable();
});
beforeEach(() => {
  ({ runtime: time, restore } = installVirtualRuntime());
  spans.reset();
});
afterEach(() => restore());

const description: CallDescription = {
  operation: 'chat',
  provider: 'gemini',
  baseURL: 'https://api.example.com:8443/v1',
  model: 'm-1',
  request: {
    model: 'm-1',
    max_tokens: 50,
    temperature: 0.5,
    top_p: 1,
    seed: 7,
    stop: 'end',
    n: 1,
    response_format: { type: 'json_schema' },
    messages: [
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Hi' },
          { type: 'image_url', image_url: {} },
        ],
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 't1', function: { name: 'look', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 't1', content: 'seen' },
    ],
    tools: [{ type: 'function' }],
  },
};
const answer = {
  id: 'chatcmpl-1',
  model: 'm-1-2026',
  choices: [{ finish_reason: 'stop', message: { role: 'assistant', content: 'Hello' } }],
  usage: { prompt_tokens: 12, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 4 } },
};
const chunk = (delta: object, rest: object = {}, choice: object = {}) => ({
  id: 'chatcmpl-2',
  model: 'm-1-2026',
  choices: [{ index: 0, delta, finish_reason: null, ...choice }],
  ...rest,
});

/** A client-like object that fails so many times first. */
function subject(options: TracedOptions = {}, failures = 0, told: Partial<CallDescription> = {}) {
  let left = failures;
  const fail = (): void => {
    if (left-- > 0) throw new OverloadedError('busy', 503);
  };
  class Client {
    readonly [policyHost] = { describe: () => ({ ...description, ...told }) };
    @Traced(options)
    @RetryWithBackoff({ baseDelayMs: 100, jitter: 'none' })
    async ask() {
      await new Promise<void>((resolve) => time.setTimer(resolve, 250));
      fail();
      return answer;
    }
    @Traced(options)
    @RetryWithBackoff({ baseDelayMs: 100, jitter: 'none' })
    async *events() {
      await new Promise<void>((resolve) => time.setTimer(resolve, 250));
      fail();
      yield chunk({ role: 'assistant', content: 'Hel' });
      yield chunk({
        content: 'lo',
        tool_calls: [{ index: 0, id: 't', function: { name: 'f', arguments: '{' } }],
      });
      yield chunk(
        { tool_calls: [{ index: 0, function: { arguments: '}' } }] },
        {},
        { finish_reason: 'tool_calls' },
      );
      currentCall()?.report({ usage: { inputTokens: 5, outputTokens: 6 } });
    }
  }
  return new Client();
}

async function finished<T>(promise: Promise<T>): Promise<T> {
  const settled = promise.catch(() => undefined);
  await time.runAll();
  await settled;
  return promise;
}

const only = (): ReadableSpan => {
  const all = spans.getFinishedSpans();
  expect(all).toHaveLength(1);
  return all[0] as ReadableSpan;
};

/** The points of each metric since the last look. */
async function recorded(): Promise<Record<string, { value: unknown; attributes: object }[]>> {
  metrics.reset();
  await reader.forceFlush();
  const found: Record<string, { value: unknown; attributes: object }[]> = {};
  for (const { metrics: list } of metrics.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics)) {
    for (const { descriptor, dataPoints } of list) {
      found[descriptor.name] = dataPoints.map(({ value, attributes }) => ({
        value: typeof value === 'object' ? (value as { sum?: number }).sum : value,
        attributes,
      }));
    }
  }
  return found;
}

describe('a span', () => {
  it('describes a call by the conventions', async () => {
    await finished(subject().ask());
    const span = only();
    expect(span.name).toBe('chat m-1');
    expect(span.kind).toBe(api.SpanKind.CLIENT);
    expect(span.instrumentationScope.name).toBe('keelson');
    expect(span.attributes).toEqual({
      'code.function.name': 'Client.ask',
      'gen_ai.operation.name': 'chat',
      'gen_ai.system': 'gcp.gemini',
      'gen_ai.provider.name': 'gcp.gemini',
      'gen_ai.request.model': 'm-1',
      'server.address': 'api.example.com',
      'server.port': 8443,
      'gen_ai.request.max_tokens': 50,
      'gen_ai.request.temperature': 0.5,
      'gen_ai.request.top_p': 1,
      'gen_ai.request.seed': 7,
      'gen_ai.request.stop_sequences': ['end'],
      'gen_ai.output.type': 'json',
      'keelson.attempts': 1,
      'gen_ai.response.id': 'chatcmpl-1',
      'gen_ai.response.model': 'm-1-2026',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': 12,
      'gen_ai.usage.output_tokens': 3,
      'gen_ai.usage.cache_read.input_tokens': 4,
    });
    expect(span.status.code).toBe(api.SpanStatusCode.UNSET);
  });

  it('has the further parameters of a request', async () => {
    const request = {
      max_completion_tokens: 60,
      top_k: 5,
      frequency_penalty: 0.1,
      presence_penalty: 0.2,
      n: 3,
      reasoning_effort: 'low',
      encoding_format: 'float',
      stop: ['a', 'b'],
      response_format: { type: 'text' },
      seed: null,
    };
    await finished(subject({}, 0, { request }).ask());
    const { attributes } = only();
    expect(attributes).toMatchObject({
      'gen_ai.request.max_tokens': 60,
      'gen_ai.request.top_k': 5,
      'gen_ai.request.frequency_penalty': 0.1,
      'gen_ai.request.presence_penalty': 0.2,
      'gen_ai.request.choice.count': 3,
      'gen_ai.request.reasoning.level': 'low',
      'gen_ai.request.encoding_formats': ['float'],
      'gen_ai.request.stop_sequences': ['a', 'b'],
      'gen_ai.output.type': 'text',
    });
    expect(attributes).not.toHaveProperty('gen_ai.request.seed');
  });

  it.each([
    ['azure', 'azure.ai.openai'],
    ['mistral', 'mistral_ai'],
    ['moonshot', 'moonshot_ai'],
    ['xai', 'x_ai'],
    ['mine', 'mine'],
  ])('knows %s as the conventions do', async (provider, name) => {
    await finished(subject({}, 0, { provider }).ask());
    expect(only().attributes['gen_ai.provider.name']).toBe(name);
  });

  it.each([
    ['http://localhost/v1', 'localhost', 80],
    ['https://api.example.com/v1', 'api.example.com', 443],
    ['http://localhost:11434', 'localhost', 11434],
    ['no address', undefined, undefined],
  ])('knows the server of %s', async (baseURL, host, port) => {
    await finished(subject({}, 0, { baseURL }).ask());
    expect(only().attributes['server.address']).toBe(host);
    expect(only().attributes['server.port']).toBe(port);
  });

  it('is one for all attempts, with what the policies did as its events', async () => {
    await finished(subject({}, 2).ask());
    const { events, attributes, status } = only();
    expect(attributes['keelson.attempts']).toBe(3);
    expect(status.code).toBe(api.SpanStatusCode.UNSET);
    expect(
      events.map(({ name, attributes: told }) => [name, told?.['keelson.attempt'], told?.['error.type']]),
    ).toEqual([
      ['keelson.attempt', 1, 'overloaded'],
      ['keelson.retry', 1, 'overloaded'],
      ['keelson.wait', 1, undefined],
      ['keelson.attempt', 2, 'overloaded'],
      ['keelson.retry', 2, 'overloaded'],
      ['keelson.wait', 2, undefined],
      ['keelson.attempt', 3, undefined],
    ]);
    // Without what the span has already: whose call it is, and when.
    expect(events[1]?.attributes).toEqual({
      'keelson.attempt': 1,
      'keelson.delay_ms': 100,
      'error.type': 'overloaded',
    });
    expect(events[2]?.attributes).toEqual({
      'keelson.attempt': 1,
      'keelson.reason': 'backoff',
      'keelson.wait_ms': 100,
    });
  });

  it('tells a failure by its code', async () => {
    await failureOf(finished(subject({}, 9).ask()));
    const { attributes, status, events } = only();
    expect(attributes['error.type']).toBe('overloaded');
    expect(status).toEqual({ code: api.SpanStatusCode.ERROR, message: 'busy' });
    expect(events.find(({ name }) => name === 'exception')?.attributes).toMatchObject({
      'exception.type': 'OverloadedError',
      'exception.message': 'busy',
    });
  });

  it('is not an error where the caller aborts', async () => {
    class Hangs {
      @Traced()
      async ask(_options: { signal: AbortSignal }) {
        await new Promise(() => undefined);
      }
    }
    const controller = new AbortController();
    const running = failureOf(new Hangs().ask({ signal: controller.signal }));
    controller.abort();
    await running;
    expect(only().status.code).toBe(api.SpanStatusCode.UNSET);
    expect(only().attributes['error.type']).toBe('aborted');
  });

  it('of a method that is no request names class and method', async () => {
    class Plain {
      @Traced()
      async ask() {
        return { usage: { prompt_tokens: 1, completion_tokens: 2 } };
      }
      @Traced()
      static async shared() {}
    }
    await new Plain().ask();
    await Plain.shared();
    const [first, second] = spans.getFinishedSpans();
    expect([first?.name, first?.kind, second?.name]).toEqual([
      'Plain.ask',
      api.SpanKind.INTERNAL,
      'Plain.shared',
    ]);
    expect(first?.attributes).toEqual({
      'code.function.name': 'Plain.ask',
      'keelson.attempts': 1,
      'gen_ai.usage.input_tokens': 1,
      'gen_ai.usage.output_tokens': 2,
    });
  });

  it('is active while the method runs, and a child of what is active around it', async () => {
    class Nested {
      seen: string | undefined;
      @Traced({ spanName: 'inner' })
      async ask() {
        await Promise.resolve();
        this.seen = api.trace.getActiveSpan()?.spanContext().spanId;
      }
      @Traced({ spanName: (call) => `outer of ${call.label}` })
      async outer() {
        await this.ask();
      }
    }
    const nested = new Nested();
    await nested.outer();
    const [inner, outer] = spans.getFinishedSpans();
    expect([inner?.name, outer?.name]).toEqual(['inner', 'outer of outer']);
    expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
    expect(nested.seen).toBe(inner?.spanContext().spanId);
    expect(outer?.events.map(({ name }) => name)).toEqual(['keelson.attempt']);
  });

  it('ends with the iteration of a stream', async () => {
    const stream = subject({}, 1).events();
    const first = stream.next();
    await time.runAll();
    await first;
    expect(spans.getFinishedSpans()).toEqual([]);
    await collect(stream);
    const { attributes } = only();
    expect(attributes).toMatchObject({
      'gen_ai.request.stream': true,
      // Two openings of 250 and a wait of 100.
      'gen_ai.response.time_to_first_chunk': 0.6,
      'gen_ai.response.id': 'chatcmpl-2',
      'gen_ai.response.finish_reasons': ['tool_calls'],
      'gen_ai.usage.input_tokens': 5,
      'keelson.attempts': 2,
    });
    spans.reset();
    const left = takeOne(subject().events());
    await time.runAll();
    await left;
    expect(only().status.code).toBe(api.SpanStatusCode.UNSET);
  });

  it('has the attributes that the user adds; a failure of theirs is only a warning', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    await finished(subject({ attributes: (call) => ({ 'app.method': call.label }) }).ask());
    expect(only().attributes['app.method']).toBe('ask');
    spans.reset();
    const failing = (): never => {
      throw new Error('no name');
    };
    expect(await finished(subject({ attributes: failing, spanName: failing }).ask())).toBe(answer);
    expect(only().name).toBe('chat m-1');
    expect(warn.mock.calls.map(([message]) => message)).toEqual([
      '`spanName` of @Traced failed: Error: no name',
      '`attributes` of @Traced failed: Error: no name',
    ]);
    warn.mockRestore();
  });

  it.each([
    ['an answer', { choices: [null] }, {}],
    ['a message', answer, { messages: [null, { role: 'user', content: [null] }] }],
    ['a format', answer, { response_format: { type: null } }],
  ])('ends although %s is odd, and the call goes on', async (_what, odd, request) => {
    class Odd {
      readonly [policyHost] = { describe: () => ({ ...description, request }) };
      @Traced({ captureContent: true })
      async ask() {
        return odd;
      }
    }
    expect(await new Odd().ask()).toBe(odd);
    expect(only().name).toBe('chat m-1');
  });

  it('leaves no listener at the object', async () => {
    const client = subject();
    await finished(client.ask());
    await finished(client.ask());
    expect(spans.getFinishedSpans()).toHaveLength(2);
    expect(spans.getFinishedSpans()[1]?.events).toHaveLength(1);
  });
});

describe('the content', () => {
  const contentOf = ({ attributes }: ReadableSpan) =>
    Object.fromEntries(
      Object.entries(attributes)
        .filter(([name]) => /messages|definitions/.test(name))
        .map(([name, value]) => [name, JSON.parse(String(value)) as unknown]),
    );

  it('is left out', async () => {
    await finished(subject().ask());
    expect(JSON.stringify(only().attributes)).not.toContain('brief');
    expect(contentOf(only())).toEqual({});
  });

  it('is there when it is asked for', async () => {
    await finished(subject({ captureContent: true }).ask());
    expect(contentOf(only())).toEqual({
      'gen_ai.input.messages': [
        { role: 'system', parts: [{ type: 'text', content: 'Be brief.' }] },
        { role: 'user', parts: [{ type: 'text', content: 'Hi' }, { type: 'image_url' }] },
        { role: 'assistant', parts: [{ type: 'tool_call', id: 't1', name: 'look', arguments: '{}' }] },
        { role: 'tool', parts: [{ type: 'tool_call_response', id: 't1', response: 'seen' }] },
      ],
      'gen_ai.tool.definitions': [{ type: 'function' }],
      'gen_ai.output.messages': [
        { role: 'assistant', parts: [{ type: 'text', content: 'Hello' }], finish_reason: 'stop' },
      ],
    });
  });

  it('of a stream is put together', async () => {
    await finished(collect(subject({ captureContent: true }).events()));
    expect(contentOf(only())['gen_ai.output.messages']).toEqual([
      {
        role: 'assistant',
        parts: [
          { type: 'text', content: 'Hello' },
          { type: 'tool_call', id: 't', name: 'f', arguments: '{}' },
        ],
        finish_reason: 'tool_calls',
      },
    ]);
  });

  it.each([
    [
      'their ids and names where these come late',
      [
        { index: 0, function: {} },
        { index: 0, id: 't', function: { name: 'f' } },
        { index: 0, function: { arguments: '{}' } },
      ],
      { id: 't', name: 'f', arguments: '{}' },
    ],
    ['what they have where that is not all', [{ index: 0 }, { index: 0 }], { name: '', arguments: '' }],
  ])('of a stream tells of calls of tools %s', async (_what, pieces, call) => {
    class Calling {
      readonly [policyHost] = { describe: () => description };
      @Traced({ captureContent: true })
      async *events() {
        for (const piece of pieces) yield chunk({ tool_calls: [piece] });
      }
    }
    await collect(new Calling().events());
    expect(contentOf(only())['gen_ai.output.messages']).toEqual([
      { role: 'assistant', parts: [{ type: 'tool_call', ...call }], finish_reason: '' },
    ]);
  });

  it('of embeddings is their texts', async () => {
    const request = { model: 'e', input: ['a', 'b'] };
    await finished(subject({ captureContent: true }, 0, { operation: 'embeddings', request }).ask());
    expect(contentOf(only())['gen_ai.input.messages']).toEqual([
      {
        role: 'user',
        parts: [
          { type: 'text', content: 'a' },
          { type: 'text', content: 'b' },
        ],
      },
    ]);
  });

  it('is asked for by the environment too, and the option goes before it', async () => {
    process.env['OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT'] = 'true';
    try {
      await finished(subject().ask());
      expect(contentOf(only())).not.toEqual({});
      spans.reset();
      await finished(subject({ captureContent: false }).ask());
      expect(contentOf(only())).toEqual({});
    } finally {
      delete process.env['OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT'];
    }
  });
});

describe('the metrics', () => {
  const who = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.system': 'gcp.gemini',
    'gen_ai.provider.name': 'gcp.gemini',
    'gen_ai.request.model': 'm-1',
    'server.address': 'api.example.com',
    'server.port': 8443,
  };
  const latest = { ...who, 'gen_ai.system': undefined };
  beforeEach(() => recorded());

  it('are duration and tokens', async () => {
    await finished(subject({}, 1).ask());
    const all = { ...who, 'gen_ai.response.model': 'm-1-2026' };
    expect(await recorded()).toEqual({
      'gen_ai.client.operation.duration': [{ value: 0.6, attributes: all }],
      'gen_ai.client.token.usage': [
        { value: 12, attributes: { ...all, 'gen_ai.token.type': 'input' } },
        { value: 3, attributes: { ...all, 'gen_ai.token.type': 'output' } },
      ],
    });
  });

  it('of a stream are the time to the first content as well', async () => {
    await finished(collect(subject().events()));
    const found = await recorded();
    expect(found['gen_ai.client.operation.time_to_first_chunk']).toEqual([{ value: 0.25, attributes: who }]);
    expect(found['gen_ai.client.token.usage']?.map(({ value }) => value)).toEqual([5, 6]);
  });

  it('tell failures by their code', async () => {
    await failureOf(finished(subject({}, 9).ask()));
    const [point] = (await recorded())['gen_ai.client.operation.duration'] ?? [];
    expect(point?.attributes).toEqual({ ...who, 'error.type': 'overloaded' });
  });

  it('have the latest names where these are wanted', async () => {
    await finished(subject({ semconv: 'latest' }).ask());
    process.env['OTEL_SEMCONV_STABILITY_OPT_IN'] = 'http, gen_ai_latest_experimental';
    await finished(collect(subject().events()));
    delete process.env['OTEL_SEMCONV_STABILITY_OPT_IN'];
    const found = await recorded();
    expect(Object.keys(found).sort()).toEqual([
      'gen_ai.client.inference.duration',
      'gen_ai.client.inference.time_to_first_chunk',
      'gen_ai.client.inference.usage.cache_read.input_tokens',
      'gen_ai.client.inference.usage.input_tokens',
      'gen_ai.client.inference.usage.output_tokens',
    ]);
    expect(found['gen_ai.client.inference.usage.input_tokens']?.[0]).toEqual({
      value: 12,
      attributes: {
        ...JSON.parse(JSON.stringify(latest)),
        'gen_ai.response.model': 'm-1-2026',
        'gen_ai.token.modality': 'unknown',
      },
    });
    expect(spans.getFinishedSpans()[0]?.attributes).not.toHaveProperty('gen_ai.system');
  });

  it('are none when they are not wanted, and for methods that are no requests', async () => {
    await finished(subject({ metrics: false }).ask());
    await finished(collect(subject({ metrics: false }).events()));
    await finished(subject({}, 0, { operation: undefined }).ask());
    expect(await recorded()).toEqual({});
  });
});

describe('where nobody listens', () => {
  it('nothing is done, and nothing fails', async () => {
    api.trace.disable();
    try {
      const client = subject();
      expect(await finished(client.ask())).toBe(answer);
      expect(await finished(collect(client.events()))).toHaveLength(3);
    } finally {
      api.trace.setGlobalTracerProvider(
        new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }),
      );
    }
    expect(spans.getFinishedSpans()).toEqual([]);
  });

  it('and without the package, neither', async () => {
    jest.resetModules();
    jest.doMock('../../decorators/load-peer', () => ({
      loadPeer: () => {
        throw new Error('not installed');
      },
    }));
    const fresh = await import('../../decorators/index.js');
    class Plain {
      @fresh.Traced()
      async ask() {
        return 'answer';
      }
    }
    expect(await new Plain().ask()).toBe('answer');
    expect(spans.getFinishedSpans()).toEqual([]);
  });

  it('an API that is given is used', async () => {
    await finished(subject({ api }).ask());
    expect(only().name).toBe('chat m-1');
  });
});

describe('the options', () => {
  it.each([
    [{ spanName: '' }, "`spanName` is '': give a name, or a function"],
    [{ attributes: {} }, '`attributes` is an object: give a function'],
    [{ captureContent: 'yes' }, "`captureContent` is 'yes': give true or false"],
    [{ semconv: '1.37' }, "`semconv` is '1.37': give one of '1.36', 'latest'"],
    [{ metrics: 1 }, '`metrics` is 1: give true or false'],
    [{ api: {} }, '`api` is an object: give what `import * as api'],
    [{ api: null }, '`api` is null: give what'],
    [{ captureContents: true }, 'Did you mean `captureContent`?'],
  ])('%j are refused', (options, message) => {
    expect(() => onMethod(Traced(options as never))).toThrow(TypeError);
    expect(() => onMethod(Traced(options as never))).toThrow(`@Traced on ask(): `);
    expect(() => onMethod(Traced(options as never))).toThrow(message);
  });

  it('of an override replace those of the method it overrides', async () => {
    class Base {
      @Traced({ spanName: 'base' })
      @Timeout()
      async ask() {
        throw new ConnectionError('down');
      }
    }
    class Derived extends Base {
      @Traced({ spanName: 'derived' })
      override async ask() {
        return super.ask();
      }
    }
    await failureOf(new Derived().ask());
    expect(only().name).toBe('derived');
  });
});
