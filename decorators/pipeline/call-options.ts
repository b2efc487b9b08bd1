import type { Call, CallOptions } from './call.js';
import type { PolicyHost } from './host.js';

/** Stands for the options of a call that was given none. */
export const NO_OPTIONS: CallOptions = Object.freeze({});

/** Every key of `CallOptions`. */
export const CALL_OPTION_NAMES: readonly (keyof CallOptions)[] = [
  'signal',
  'timeoutMs',
  'maxRetries',
  'idempotencyKey',
  'headers',
  'extraBody',
];

const names = new Set<string>(CALL_OPTION_NAMES);

interface FoundOptions {
  readonly options: CallOptions;
  /** Where the options stand, or would stand, among the arguments. */
  readonly at: number | undefined;
}

/** The caller's options among the arguments of a call. */
export function findCallOptions(
  host: PolicyHost | undefined,
  method: string | symbol,
  args: readonly unknown[],
): FoundOptions {
  const label = host?.methodLabel?.(method) ?? String(method);
  const at = host?.callOptions?.(method, args);
  if (at !== undefined) {
    const given = args[at];
    if (given === undefined) return { options: NO_OPTIONS, at };
    checkCallOptions(given, label);
    return { options: given, at };
  }
  const last: unknown = args[args.length - 1];
  if (!looksLikeCallOptions(last)) return NOT_FOUND;
  checkValues(last, label);
  return { options: last, at: args.length - 1 };
}

const NOT_FOUND: FoundOptions = { options: NO_OPTIONS, at: undefined };

/**
 * A plain object with a signal, as for `fetch`; without one, an object that holds nothing but call options. Anything
 * of a class (a `Request`, say) is an argument like any other: a copy of it would not be one.
 */
function looksLikeCallOptions(value: unknown): value is CallOptions {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  if ((value as CallOptions).signal instanceof AbortSignal) return true;
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => names.has(key));
}

function refuse(method: string, what: string): never {
  throw new TypeError(`${method}(): ${what}`);
}

function checkCallOptions(options: unknown, method: string): asserts options is CallOptions {
  if (typeof options !== 'object' || options === null) {
    return refuse(
      method,
      `the call options must be an object; got ${options === null ? 'null' : typeof options}.`,
    );
  }
  for (const key of Object.keys(options)) {
    if (!names.has(key)) {
      refuse(
        method,
        `'${key}' is no call option. There are: ${CALL_OPTION_NAMES.join(', ')}. Fields of the request belong into the params.`,
      );
    }
  }
  checkValues(options as CallOptions, method);
}

function checkValues({ signal, timeoutMs, maxRetries }: CallOptions, method: string): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    refuse(method, '`signal` must be an AbortSignal: pass `controller.signal`.');
  }
  if (timeoutMs !== undefined && !(Number.isFinite(timeoutMs) && timeoutMs > 0)) {
    refuse(method, `\`timeoutMs\` is ${String(timeoutMs)}: give a positive number of milliseconds.`);
  }
  if (maxRetries !== undefined && !(Number.isInteger(maxRetries) && maxRetries >= 0)) {
    refuse(method, `\`maxRetries\` is ${String(maxRetries)}: give a whole number of at least 0.`);
  }
}

/**
 * What a method gets in place of its caller's options: a copy with the attempt's own signal, made when it is read.
 * A signal costs more than the rest of a call, and a transport that takes the call itself does without.
 */
export function attemptOptions(options: CallOptions, call: Call): CallOptions {
  return {
    ...options,
    get signal() {
      return call.signal;
    },
  };
}

/** Whether these are options as a method got them: their signal is their call's, and not yet made. */
export function haveLazySignal(options: CallOptions): boolean {
  return Object.getOwnPropertyDescriptor(options, 'signal')?.get !== undefined;
}
