import { loadPeer } from '../load-peer.js';

/** A value of an attribute. */
export type AttributeValue = string | number | boolean | string[] | number[];
export type Attributes = Record<string, AttributeValue>;

/** The part of a span that is used here. */
export interface TelemetrySpan {
  isRecording(): boolean;
  setAttributes(attributes: Attributes): unknown;
  addEvent(name: string, attributes?: Attributes): unknown;
  recordException(exception: { name: string; message: string }): void;
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}

interface Instrument {
  record(value: number, attributes?: Attributes): void;
}
interface Counter {
  add(value: number, attributes?: Attributes): void;
}
interface InstrumentOptions {
  description?: string;
  unit?: string;
  advice?: { explicitBucketBoundaries?: number[] };
}

/** The part of a meter that is used here. */
export interface TelemetryMeter {
  createHistogram(name: string, options?: InstrumentOptions): Instrument;
  createCounter(name: string, options?: InstrumentOptions): Counter;
}

/* eslint-disable @typescript-eslint/no-explicit-any -- contexts and spans of OpenTelemetry are handed back as they came */

/** The part of `@opentelemetry/api` that is used here: `import * as api from '@opentelemetry/api'` is one. */
export interface TelemetryApi {
  readonly trace: {
    getTracer(name: string): {
      startSpan(name: string, options?: { kind?: number; attributes?: any }, context?: any): TelemetrySpan;
    };
    setSpan(context: any, span: any): any;
  };
  readonly context: {
    active(): any;
    with(context: any, fn: () => any): any;
  };
  readonly metrics: { getMeter(name: string): TelemetryMeter };
}

/* eslint-enable @typescript-eslint/no-explicit-any */

/** Numbers that the API gives names to. */
export const SPAN_KIND = { internal: 0, client: 2 } as const;
export const STATUS_ERROR = 2;

/** `@opentelemetry/api`, where it is installed. */
export const telemetryApi = lookedForOnce(
  () => loadPeer('@opentelemetry/api', '@opentelemetry/api is not installed.') as TelemetryApi,
);

/** What `load` gives when it is first wanted; undefined for ever after where it fails. */
export function lookedForOnce<T>(load: () => T): () => T | undefined {
  let wanted = false;
  let found: T | undefined;
  return () => {
    if (wanted) return found;
    wanted = true;
    try {
      found = load();
    } catch {
      // Nothing is told, then.
    }
    return found;
  };
}
