import { isRecord } from './wire.js';

/** Which requests a fault strikes. */
interface FaultScope {
  /** How many requests it strikes. Default: 1. `Infinity` until `reset()`. */
  readonly times?: number;
  /** Only requests whose path ends with this, as in `'/embeddings'`. Default: every request. */
  readonly path?: string;
}

/** Answers with this status, without looking at key, limits or body. Default body: OpenAI's error for the status. */
export interface StatusFault extends FaultScope {
  readonly status: number;
  /** A string is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}
/** Waits, on the ambient runtime's clock, then answers normally. */
export interface DelayFault extends FaultScope {
  readonly delayMs: number;
}
/** Says nothing more, before the headers, after them, or after so many events, until the client or the server leaves. */
export interface StallFault extends FaultScope {
  readonly stall: 'headers' | 'body' | number;
  /** How often a keep-alive comment (in a reply that is no stream, a blank line) comes in the silence after the headers, in milliseconds of the ambient runtime. Default: never. */
  readonly commentsEveryMs?: number;
}
/** Resets the connection: before the headers, amid the body, or after so many events. */
export interface ResetFault extends FaultScope {
  readonly reset: 'before-headers' | 'in-body' | number;
}
/** Ends the reply in good order after so many events, with neither a finish reason nor `[DONE]`. */
export interface TruncateFault extends FaultScope {
  readonly truncate: number;
}
/** Puts an event that is no JSON after so many events. */
export interface MalformedFault extends FaultScope {
  readonly malformed: number;
}
/** Answers 200 with this content type and body. */
export interface ContentTypeFault extends FaultScope {
  readonly contentType: string;
  readonly body?: string;
}
/** Sends an error event amid the stream, `data: {"error": …}`, and ends it. */
export interface ErrorEventFault extends FaultScope {
  readonly errorEvent: Readonly<Record<string, unknown>>;
  /** How many events come before it. Default: half of them. */
  readonly after?: number;
}
/** Answers 200 with the usual content type and this body. */
export interface RawBodyFault extends FaultScope {
  readonly rawBody: string;
}
/** Writes the reply so many bytes at a time, cutting events, lines and characters anywhere. */
export interface SplitBytesFault extends FaultScope {
  readonly splitBytes: number;
}
/** Sends a keep-alive comment before every event; blank lines before a reply that is no stream. */
export interface CommentsFault extends FaultScope {
  readonly comments: true;
}

interface FaultKinds {
  readonly status: StatusFault;
  readonly delayMs: DelayFault;
  readonly stall: StallFault;
  readonly reset: ResetFault;
  readonly truncate: TruncateFault;
  readonly malformed: MalformedFault;
  readonly contentType: ContentTypeFault;
  readonly errorEvent: ErrorEventFault;
  readonly rawBody: RawBodyFault;
  readonly splitBytes: SplitBytesFault;
  readonly comments: CommentsFault;
}

type FaultKind = keyof FaultKinds;

/**
 * One scripted misbehaviour of the test server. The field that names its kind tells the kinds apart; a fault has
 * exactly one. In a reply that is no stream, each half of the body counts as an event.
 */
export type Fault = {
  [K in FaultKind]: FaultKinds[K] & { readonly [Other in Exclude<FaultKind, K>]?: never };
}[FaultKind];

/** A fault with its kind spelled out, as the server plays it. */
export type PlayedFault = { [K in FaultKind]: { readonly kind: K } & FaultKinds[K] }[FaultKind];

const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;

/** For each kind: what its value must be, in words and as a test, and which other fields it takes. */
const KINDS: Record<
  FaultKind,
  { expected: string; valid: (value: unknown) => boolean; fields?: readonly string[] }
> = {
  status: {
    expected: 'a status from 200 to 599',
    valid: (value) => isCount(value) && (value as number) >= 200 && (value as number) <= 599,
    fields: ['body', 'headers'],
  },
  delayMs: {
    expected: 'milliseconds from 0 up',
    valid: (value) => Number.isFinite(value) && (value as number) >= 0,
  },
  stall: {
    expected: "'headers', 'body' or a number of events",
    valid: (value) => value === 'headers' || value === 'body' || isCount(value),
    fields: ['commentsEveryMs'],
  },
  reset: {
    expected: "'before-headers', 'in-body' or a number of events",
    valid: (value) => value === 'before-headers' || value === 'in-body' || isCount(value),
  },
  truncate: { expected: 'a number of events', valid: isCount },
  malformed: { expected: 'a number of events', valid: isCount },
  contentType: { expected: 'a content type', valid: (value) => typeof value === 'string', fields: ['body'] },
  errorEvent: { expected: 'an error object', valid: isRecord, fields: ['after'] },
  rawBody: { expected: 'a string', valid: (value) => typeof value === 'string' },
  splitBytes: { expected: 'a number of bytes from 1 up', valid: (value) => isCount(value) && value !== 0 },
  comments: { expected: 'true', valid: (value) => value === true },
};

const KIND_NAMES = Object.keys(KINDS) as FaultKind[];

function played(fault: Fault): PlayedFault {
  const given: Record<string, unknown> = isRecord(fault as unknown) ? { ...fault } : {};
  const kinds = KIND_NAMES.filter((name) => given[name] !== undefined);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    const has = kinds.length > 1 ? kinds.join(' and ') : 'none of them';
    throw new TypeError(`A fault needs exactly one of ${KIND_NAMES.join(', ')}; this one has ${has}.`);
  }
  const rule = KINDS[kind];
  if (!rule.valid(given[kind])) {
    throw new TypeError(`Fault '${kind}' must be ${rule.expected}, got ${shown(given[kind])}.`);
  }
  const allowed = [kind, 'times', 'path', ...(rule.fields ?? [])];
  const unknown = Object.keys(given).find(
    (name) => !allowed.includes(name) && !KIND_NAMES.includes(name as FaultKind),
  );
  if (unknown !== undefined) {
    throw new TypeError(`Fault '${kind}' has no field '${unknown}'; it takes ${allowed.join(', ')}.`);
  }
  const { times = 1, path } = given;
  if (times !== Infinity && (!isCount(times) || times === 0)) {
    throw new TypeError(
      `Fault field 'times' must be a whole number from 1 up, or Infinity, got ${shown(times)}.`,
    );
  }
  if (path !== undefined && (typeof path !== 'string' || path === '')) {
    throw new TypeError(
      `Fault field 'path' must be the end of a path, such as '/embeddings', got ${shown(path)}.`,
    );
  }
  if (given.after !== undefined && !isCount(given.after)) {
    throw new TypeError(`Fault field 'after' must be a number of events, got ${shown(given.after)}.`);
  }
  const { commentsEveryMs } = given;
  if (commentsEveryMs !== undefined && !(Number.isFinite(commentsEveryMs) && Number(commentsEveryMs) > 0)) {
    throw new TypeError(
      `Fault field 'commentsEveryMs' must be milliseconds above 0, got ${shown(commentsEveryMs)}.`,
    );
  }
  if (given.headers !== undefined && !isRecord(given.headers)) {
    throw new TypeError(
      `Fault field 'headers' must be an object of names and values, got ${shown(given.headers)}.`,
    );
  }
  if (kind === 'contentType' && given.body !== undefined && typeof given.body !== 'string') {
    throw new TypeError(
      `Fault field 'body' must be a string beside 'contentType', got ${shown(given.body)}.`,
    );
  }
  return { ...fault, kind } as PlayedFault;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** The faults that wait for their requests, in the order in which they were scripted. */
export class FaultScript {
  #waiting: { fault: PlayedFault; left: number }[] = [];

  add(faults: Fault | readonly Fault[]): void {
    const list = (Array.isArray(faults) ? faults : [faults]) as readonly Fault[];
    const checked = list.map((fault) => ({ fault: played(fault), left: fault.times ?? 1 }));
    this.#waiting.push(...checked);
  }

  /** The first fault that strikes a request to `path`, used up by one. */
  take(path: string): PlayedFault | undefined {
    if (this.#waiting.length === 0) return undefined;
    const index = this.#waiting.findIndex(
      ({ fault }) => fault.path === undefined || path.endsWith(fault.path),
    );
    const found = this.#waiting[index];
    if (found === undefined) return undefined;
    found.left -= 1;
    if (found.left === 0) this.#waiting.splice(index, 1);
    return found.fault;
  }

  clear(): void {
    this.#waiting = [];
  }
}
