import { classNameOf } from './pipeline/class-name.js';
import { hostOf, type CallDescription } from './pipeline/host.js';
import { onPolicyEvent, tell, type PolicyEvent } from './pipeline/events.js';
import { definePolicy, type Call, type CallOutcome, type Next, type Stage } from './pipeline/index.js';
import { checkOptions, rules } from './pipeline/options.js';
import { currentTime } from './pipeline/runtime.js';
import {
  SPAN_KIND,
  STATUS_ERROR,
  telemetryApi,
  type Attributes,
  type TelemetryApi,
  type TelemetrySpan,
} from './telemetry/api.js';
import {
  eventAttributes,
  usageOf,
  identity,
  outcomeAttributes,
  readAnswer,
  requestAttributes,
  type AnswerFacts,
} from './telemetry/attributes.js';
import { inputContent, OutputContent } from './telemetry/content.js';
import { instrumentsOf, type Instruments } from './telemetry/metrics.js';
import { ATTRIBUTES, OWN_ATTRIBUTES, type Semconv } from './telemetry/names.js';

/** Options of `@Traced`. */
export interface TracedOptions {
  /** The span's name. Default: operation and model, as in `chat gpt-4o-mini`; of other methods class and method. */
  spanName?: string | ((call: Call) => string);
  /** Further attributes of the span. */
  attributes?: (call: Call) => Attributes;
  /**
   * Whether spans hold what was asked and answered. Default false, unless the environment variable
   * `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` is `true`.
   */
  captureContent?: boolean;
  /**
   * Whose names are used: those of version 1.36 of the conventions, which most backends know, or the latest. Default `1.36`, unless
   * `OTEL_SEMCONV_STABILITY_OPT_IN` holds `gen_ai_latest_experimental`.
   */
  semconv?: Semconv;
  /** Whether metrics are recorded too. Default true. */
  metrics?: boolean;
  /** The API to report to. Default: the package `@opentelemetry/api`, where it is installed; a bundle gives it here. */
  api?: TelemetryApi;
}

/**
 * One OpenTelemetry span for a call with all its attempts, named and described by the conventions for generative AI, and their
 * metrics: duration, time to the first content, tokens. What the policies do (retries, waits, fallbacks, …) are events of
 * the span. Prompts and answers are left out unless they are asked for.
 *
 * It needs `@opentelemetry/api`; where that is not installed, or no SDK is registered, nothing is done.
 *
 * @example
 * const client = new OpenAIClient({ policies: [Traced()] });
 *
 * class Reports {
 *   @Traced({ attributes: (call) => ({ 'app.topic': String(call.args[0]) }) })
 *   async write(topic: string) { … }
 * }
 */
export const Traced = definePolicy<TracedOptions>({
  kind: 'Traced',
  place: 'Traced',
  neverAborts: true,
  validate(options, where) {
    checkOptions(
      options,
      {
        spanName: (value: unknown) =>
          (typeof value === 'string' && value !== '') || typeof value === 'function'
            ? undefined
            : 'give a name, or a function of the call that returns one',
        attributes: rules.function,
        captureContent: rules.boolean,
        semconv: rules.oneOf('1.36', 'latest'),
        metrics: rules.boolean,
        api: (value: unknown) =>
          typeof (value as Partial<TelemetryApi> | null)?.trace?.getTracer === 'function'
            ? undefined
            : "give what `import * as api from '@opentelemetry/api'` gives",
      },
      where,
    );
  },
  create: ({ self }) => new TracedStage(self),
});

class TracedStage implements Stage<TracedOptions> {
  /** Spans of the calls that run, by their ids: the object's events find theirs here. */
  private readonly running = new Map<string, TelemetrySpan>();
  private stopListening: (() => void) | undefined = undefined;

  constructor(private readonly self: object) {}

  run(call: Call, next: Next, options: TracedOptions): Promise<unknown> {
    const api = options.api ?? telemetryApi();
    if (!api) return next();
    const description = hostOf(call.self)?.describe?.(call) ?? {};
    const semconv = options.semconv ?? semconvOfEnvironment();
    const who = identity(description, semconv);
    const span = this.startSpan(call, api, description, who, options);
    const measured = options.metrics !== false && description.operation !== undefined;
    const instruments = measured ? instrumentsOf(api, semconv) : undefined;
    const startedAt = currentTime();
    if (instruments) recordEnd(call, instruments, who, startedAt);
    const opened = (): void => {
      const seconds = (currentTime() - startedAt) / 1000;
      span.setAttributes({ [ATTRIBUTES.timeToFirstChunk]: seconds });
      instruments?.timeToFirstChunk(seconds, who);
    };
    if (span.isRecording()) this.describeEnd(call, description, span, options);
    const running = inSpan(api, span, next);
    return call.streaming ? running.then((stream) => (opened(), stream)) : running;
  }

  /** Has the span know what becomes of the call, and end with it. */
  private describeEnd(
    call: Call,
    description: CallDescription,
    span: TelemetrySpan,
    options: TracedOptions,
  ): void {
    const answer: AnswerFacts = { finishReasons: [] };
    const capture = options.captureContent ?? capturesContent();
    const output = capture ? new OutputContent() : undefined;
    // Whatever a request or an answer holds: describing it must not touch the call.
    const describe = (attributes: () => Attributes): void =>
      tell(() => span.setAttributes(attributes()), undefined, '@Traced');
    if (output) describe(() => inputContent(description));
    const read = (told: unknown): void => {
      readAnswer(told, answer);
      output?.add(told);
    };
    if (call.streaming) call.onEvent(read);
    this.follow(call, span);
    call.onEnd((outcome) => {
      tell(read, outcome.result, '@Traced');
      describe(() => ({ ...outcomeAttributes(call, outcome.result, answer), ...output?.attributes() }));
      this.end(call, span, outcome);
    });
  }

  private startSpan(
    call: Call,
    api: TelemetryApi,
    description: CallDescription,
    who: Attributes,
    { spanName, attributes: more }: TracedOptions,
  ): TelemetrySpan {
    const { operation, model } = description;
    const method = `${classNameOf(call.self)}.${call.label}`;
    const usual = operation === undefined ? method : [operation, model].filter(Boolean).join(' ');
    const name = typeof spanName === 'function' ? answerOf(spanName, call, '`spanName`') : spanName;
    const attributes = {
      [ATTRIBUTES.function]: method,
      ...who,
      ...requestAttributes(call, description),
      ...(more && answerOf(more, call, '`attributes`')),
    };
    const kind = operation === undefined ? SPAN_KIND.internal : SPAN_KIND.client;
    const tracer = api.trace.getTracer('keelson');
    return tracer.startSpan(
      typeof name === 'string' && name !== '' ? name : usual,
      { kind, attributes },
      api.context.active(),
    );
  }

  /** Makes the events of the call events of its span. */
  private follow(call: Call, span: TelemetrySpan): void {
    this.running.set(call.id, span);
    this.stopListening ??= onPolicyEvent(this.self, (event: PolicyEvent) => {
      // The success or failure of a call comes when its span has ended.
      this.running.get(event.callId)?.addEvent(OWN_ATTRIBUTES.prefix + event.type, eventAttributes(event));
    });
  }

  private end(call: Call, span: TelemetrySpan, { error }: CallOutcome): void {
    this.running.delete(call.id);
    if (this.running.size === 0) {
      this.stopListening?.();
      this.stopListening = undefined;
    }
    if (error) {
      span.setAttributes({ [ATTRIBUTES.errorType]: error.code });
      span.recordException({ name: error.name, message: error.message });
      // Whoever aborts a call knows: that is no failure of it.
      if (error.code !== 'aborted') span.setStatus({ code: STATUS_ERROR, message: error.message });
    }
    span.end();
  }
}

function inSpan(api: TelemetryApi, span: TelemetrySpan, next: Next): Promise<unknown> {
  return api.context.with(api.trace.setSpan(api.context.active(), span), () => next()) as Promise<unknown>;
}

function recordEnd(call: Call, instruments: Instruments, who: Attributes, startedAt: number): void {
  call.onEnd(({ error, result }) => {
    const answer: AnswerFacts = { finishReasons: [] };
    readAnswer(result, answer);
    const attributes = {
      ...who,
      ...(answer.model !== undefined && { [ATTRIBUTES.responseModel]: answer.model }),
    };
    const usage = usageOf(call, result);
    if (usage) instruments.tokens(usage, attributes);
    const seconds = (currentTime() - startedAt) / 1000;
    instruments.duration(seconds, error ? { ...attributes, [ATTRIBUTES.errorType]: error.code } : attributes);
  });
}

/** What the user's function gives; where it fails, the call goes on without. */
function answerOf<T>(fn: (call: Call) => T, call: Call, name: string): T | undefined {
  let answer: T | undefined;
  tell((told: Call) => (answer = fn(told)), call, `${name} of @Traced`);
  return answer;
}

function semconvOfEnvironment(): Semconv {
  const wanted = globalThis.process?.env?.['OTEL_SEMCONV_STABILITY_OPT_IN'] ?? '';
  return wanted.split(',').some((word) => word.trim() === 'gen_ai_latest_experimental') ? 'latest' : '1.36';
}

function capturesContent(): boolean {
  return globalThis.process?.env?.['OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT']?.trim() === 'true';
}
