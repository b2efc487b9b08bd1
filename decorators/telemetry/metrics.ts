import type { TokenUsage } from '../pipeline/call.js';
import type { Attributes, TelemetryApi, TelemetryMeter } from './api.js';
import { BUCKETS, NAMES, TOKEN_METRICS, type Semconv } from './names.js';

/** The instruments of one version of the conventions. */
export interface Instruments {
  /** Seconds that a call took. */
  duration(seconds: number, attributes: Attributes): void;
  /** Seconds until the first content of a stream. */
  timeToFirstChunk(seconds: number, attributes: Attributes): void;
  tokens(usage: TokenUsage, attributes: Attributes): void;
}

const madeOf = new WeakMap<TelemetryMeter, Map<Semconv, Instruments>>();

/** The instruments of the meter that is registered now. */
export function instrumentsOf(api: TelemetryApi, semconv: Semconv): Instruments {
  const meter = api.metrics.getMeter('keelson');
  const made = madeOf.get(meter) ?? new Map<Semconv, Instruments>();
  madeOf.set(meter, made);
  const known = made.get(semconv) ?? makeInstruments(meter, semconv);
  made.set(semconv, known);
  return known;
}

function makeInstruments(meter: TelemetryMeter, semconv: Semconv): Instruments {
  const seconds = { unit: 's', advice: { explicitBucketBoundaries: [...BUCKETS.seconds] } };
  const names = NAMES[semconv];
  const duration = meter.createHistogram(names.duration, { ...seconds, description: 'Duration of a call.' });
  const first = meter.createHistogram(names.timeToFirstChunk, {
    ...seconds,
    description: 'Time to the first content of a streamed answer.',
  });
  return {
    duration: (value, attributes) => duration.record(value, attributes),
    timeToFirstChunk: (value, attributes) => first.record(value, attributes),
    tokens: semconv === 'latest' ? tokenCounters(meter) : tokenHistogram(meter),
  };
}

function tokenHistogram(meter: TelemetryMeter): Instruments['tokens'] {
  const { histogram, typeAttribute } = TOKEN_METRICS['1.36'];
  const usage = meter.createHistogram(histogram, {
    unit: '{token}',
    description: 'Tokens that a call used.',
    advice: { explicitBucketBoundaries: [...BUCKETS.tokens] },
  });
  return ({ inputTokens, outputTokens }, attributes) => {
    if (inputTokens !== undefined) usage.record(inputTokens, { ...attributes, [typeAttribute]: 'input' });
    if (outputTokens !== undefined) usage.record(outputTokens, { ...attributes, [typeAttribute]: 'output' });
  };
}

function tokenCounters(meter: TelemetryMeter): Instruments['tokens'] {
  const { counters, modalityAttribute } = TOKEN_METRICS.latest;
  const options = { unit: '{token}' };
  const input = meter.createCounter(counters.input, options);
  const output = meter.createCounter(counters.output, options);
  const cached = meter.createCounter(counters.cachedInput, options);
  return ({ inputTokens, outputTokens, cachedInputTokens }, attributes) => {
    // Usage does not tell texts from pictures.
    const all = { ...attributes, [modalityAttribute]: 'unknown' };
    if (inputTokens !== undefined) input.add(inputTokens, all);
    if (outputTokens !== undefined) output.add(outputTokens, all);
    if (cachedInputTokens !== undefined) cached.add(cachedInputTokens, all);
  };
}
