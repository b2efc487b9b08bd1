// @ts-nocheck
import type { RateLimitInfo } from './rate-limit-info.js';
import { scrubCause } from './scrub.js';
import { defaultCode, isRetryable, type ErrorName, type LLMErrorCode } from './table.js';

/** One attempt of a call, in plain data. */
export interface AttemptSummary {
  /** Name of the error's class; `ok` when the attempt succeeded. */
  readonly name: string;
  /** Code of the error; `ok` when the attempt succeeded. */
  readonly code: string;
  readonly statusCode?: number | undefined;
  readonly requestId?: string | undefined;
  /** Milliseconds from the end of the attempt before (or the start of the call) until this one was let in. */
  readonly waitMs: number;
  /** Milliseconds that the attempt itself took. */
  readonly durationMs: number;
}

/** What an error may be given beside its message. */
export interface LLMErrorInit {
  /** A stable word for programs; the class has its default. */
  code?: LLMErrorCode | (string & {}) | undefined;
  /** Whether another try may succeed; class, code and status have their default. */
  retryable?: boolean | undefined;
  /** How long the server asks to wait, in milliseconds. */
  retryAfterMs?: number | undefined;
  /** HTTP status of the response. */
  statusCode?: number | undefined;
  /** The provider's id of the request, to be quoted to its support. */
  requestId?: string | undefined;
  /** Name of the provider. */
  provider?: string | undefined;
  /** The provider's own `type` of the error. */
  type?: string | undefined;
  /** The parameter that the provider complains of. */
  param?: string | undefined;
  /** The parsed body of the response. */
  response?: unknown;
  /** The parsed rate limit headers of the response. */
  rateLimit?: RateLimitInfo | undefined;
  attempts?: readonly AttemptSummary[] | undefined;
  /** `client` when our own limiter refused, before anything was sent. */
  origin?: 'client' | undefined;
  /** What led to this error. A transport's error is replaced by a stand-in without its request and headers. */
  cause?: unknown;
}

/** A class of the hierarchy, or a subclass of one by a user. */
type ErrorClass = abstract new (...args: never[]) => Error;

/** The classes of this copy of the package, with the names and brands they share with other copies. */
const names = new WeakMap<object, ErrorName>();

const brandOf = (name: ErrorName): symbol => Symbol.for(`keelson.error.${name}`);

/** Fields that are there only when they were given. */
const OPTIONAL_FIELDS = [
  'retryAfterMs',
  'statusCode',
  'requestId',
  'provider',
  'type',
  'param',
  'response',
  'rateLimit',
  'origin',
] as const;

/**
 * The base of every error that a decorated method or a client of ours throws. On its own, with code
 * `unexpected`, it wraps what nobody recognised: the original is its `cause`.
 *
 * `instanceof` also holds for an error that another copy of the package made (ESM beside CommonJS).
 *
 * @example
 * try {
 *   await client.chatCompletion(messages);
 * } catch (error) {
 *   if (error instanceof RateLimitError) console.log(`busy, wait ${error.retryAfterMs} ms`);
 *   else if (error instanceof LLMError) console.log(error.code, error.requestId, error.attempts);
 *   else throw error;
 * }
 */
export class LLMError extends Error {
  /** A stable word for programs: see the table of errors in the README. */
  readonly code: LLMErrorCode | (string & {});
  /** Whether another try may succeed. */
  readonly retryable: boolean;
  /** How long the server (or our own limiter) asks to wait, in milliseconds. */
  declare readonly retryAfterMs?: number;
  /** HTTP status of the response; missing when there was none. */
  declare readonly statusCode?: number;
  /** The provider's id of the request, to be quoted to its support. */
  declare readonly requestId?: string;
  /** Name of the provider. */
  declare readonly provider?: string;
  /** The provider's own `type` of the error. */
  declare readonly type?: string;
  /** The parameter that the provider complains of. */
  declare readonly param?: string;
  /** The parsed body of the response, without secrets. */
  declare readonly response?: unknown;
  /** What the response's headers said of the provider's limits. */
  declare readonly rateLimit?: RateLimitInfo;
  /** `client` when our own limiter refused, before anything was sent. */
  declare readonly origin?: 'client';
  /** What led to this error, without secrets; not enumerable. */
  declare readonly cause?: unknown;
  /** Every attempt of the call, the last one included. Filled in by the decorators when the call ends. */
  attempts: readonly AttemptSummary[];

  constructor(message: string, init: LLMErrorInit = {}) {
    nameSubclass(new.target);
    super(message);
    const className = classNameOf(new.target);
    this.code = init.code ?? defaultCode(className, init.origin);
    this.retryable = init.retryable ?? isRetryable(className, this.code, init.statusCode);
    for (const field of OPTIONAL_FIELDS) {
      if (init[field] !== undefined) Object.assign(this, { [field]: init[field] });
    }
    this.attempts = init.attempts ?? [];
    if (init.cause !== undefined) {
      const value = scrubCause(init.cause);
      Object.defineProperty(this, 'cause', { value, configurable: true, writable: true });
    }
  }

  /** The fields that are safe and useful in a log line. The body of the response is left out: it may quote the prompt. */
  toJSON(): Record<string, unknown> {
    const fields = Object.fromEntries(Object.entries(this).filter(([field]) => field !== 'response'));
    const { name, message, cause } = this;
    if (!(cause instanceof Error)) return { ...fields, name, message };
    const { code } = cause as { code?: unknown };
    return { ...fields, name, message, cause: { name: cause.name, message: cause.message, code } };
  }

  static override [Symbol.hasInstance](this: ErrorClass, value: unknown): boolean {
    const name = names.get(this);
    // A user's subclass has no brand of its own: that of its parent would let every parent in.
    if (name === undefined) return Function.prototype[Symbol.hasInstance].call(this, value) as boolean;
    return typeof value === 'object' && value !== null && brandOf(name) in value;
  }
}

/** Gives a class its name, which must survive a minifier, and its brand. */
export function register(name: ErrorName, errorClass: ErrorClass): void {
  names.set(errorClass, name);
  setName(errorClass, name);
  Object.defineProperty(errorClass.prototype, brandOf(name), { value: true });
}

/** The nearest class of the hierarchy. */
function classNameOf(errorClass: object): ErrorName {
  let current: object = errorClass;
  for (;;) {
    const name = names.get(current);
    if (name !== undefined) return name;
    current = Object.getPrototypeOf(current) as object;
  }
}

/** A user's subclass is called what it is called, unless it says otherwise. */
function nameSubclass(errorClass: ErrorClass): void {
  if (errorClass.name !== '' && !Object.hasOwn(errorClass.prototype as object, 'name')) {
    setName(errorClass, errorClass.name);
  }
}

function setName(errorClass: ErrorClass, name: string): void {
  Reflect.defineProperty(errorClass.prototype as object, 'name', {
    value: name,
    configurable: true,
    writable: true,
  });
}

register('LLMError', LLMError);
