import { hideAndCut, isSecretName, redactorFor, redactValue, tagOf, type Redactor } from './redact.js';

/** Every error of the hierarchy carries this, whichever copy of the package made it. */
const LLM_ERROR = Symbol.for('keelson.error.LLMError');

/** What a transport hangs on its errors: the request with its headers, the response, the socket. */
const TRANSPORT_FIELDS = [
  'config',
  'request',
  'response',
  'headers',
  'options',
  'responseHeaders',
  '$response',
];

/** What is worth keeping of a replaced error, beside name, message and stack. */
const KEPT_FIELDS = ['code', 'errno', 'syscall', 'hostname', 'address', 'port', 'status', 'statusCode'];

/** A parser quotes a few characters of what it was given, and may so quote half a secret. */
const QUOTED_JSON = /(?:\.\.\.)?"[^\n]{0,60}?"(?:\.\.\.)? is not(?= valid JSON)/g;

const MAX_CHAIN = 8;
const MAX_VALUES = 5_000;

/**
 * What may be shown of an error as the cause of another. An error of a transport (axios, got, an SDK) carries the
 * request with its credentials: it is replaced by a plain `Error` with its name, message, code, stack and causes.
 * So is an error with a secret anywhere in it. Every other keeps its identity: users compare `error.cause` with
 * what they threw.
 */
export function scrubCause(cause: unknown, secrets: Iterable<string> = []): unknown {
  const hide = redactorFor(secrets);
  return scrub(cause, hide, MAX_CHAIN);
}

function scrub(cause: unknown, hide: Redactor, left: number): unknown {
  if (typeof cause === 'string') return hideAndCut(cause, hide);
  if (typeof cause !== 'object' || cause === null || LLM_ERROR in cause) return cause;
  if (isSafe(cause, hide)) return cause;
  return isError(cause) ? standIn(cause, hide, left) : redactValue(cause, hide);
}

/** Errors of other realms (jest, vm) are no `instanceof Error`. */
function isError(value: object): value is Error {
  return value instanceof Error || ('message' in value && 'stack' in value);
}

function standIn(original: Error, hide: Redactor, left: number): Error {
  const clean = (text: unknown): string =>
    hideAndCut(String(text).replace(QUOTED_JSON, 'the text is not'), hide);
  const copy = new Error(clean(original.message));
  const define = (name: string, value: unknown, enumerable: boolean): void => {
    Object.defineProperty(copy, name, { value, enumerable, configurable: true, writable: true });
  };
  define('name', clean(original.name), false);
  define('stack', clean(original.stack), false);
  for (const field of KEPT_FIELDS) {
    const value = (original as unknown as Record<string, unknown>)[field];
    if (typeof value === 'string') define(field, hide(value), true);
    else if (typeof value === 'number') define(field, value, true);
  }
  if (original.cause !== undefined && left > 1) define('cause', scrub(original.cause, hide, left - 1), false);
  return copy;
}

/** Whether nothing that is reachable from `root` belongs to a transport or holds a secret. */
function isSafe(root: object, hide: Redactor): boolean {
  const seen = new Set<object>();
  const queue: object[] = [root];
  let left = MAX_VALUES;
  const harmless = (value: unknown): boolean => {
    if (left-- <= 0) return false;
    if (typeof value === 'string') return value.length <= 65_536 && hide(value) === value;
    if (typeof value === 'object' && value !== null && !seen.has(value)) queue.push(value);
    return true;
  };
  const isHarmlessEntry = ([name, item]: Entry): boolean =>
    harmless(name) && harmless(item) && !(typeof name === 'string' && isSecretName(name) && isTelling(item));

  for (let value = queue.pop(); value; value = queue.pop()) {
    seen.add(value);
    if (LLM_ERROR in value || ArrayBuffer.isView(value)) continue;
    if (tagOf(value) === 'Request') return false; // what it is sent with stands in it
    for (const entry of shownBeside(value)) if (!isHarmlessEntry(entry)) return false;
    if (isError(value) && (isTransportShaped(value) || !harmless(value.message) || !harmless(value.stack))) {
      return false;
    }
    for (const key of Reflect.ownKeys(value)) {
      const { value: field, get } = Object.getOwnPropertyDescriptor(value, key) ?? {};
      // What a getter gives is not looked at: by a secret's name it is taken for one.
      const item: unknown = get ? 'not read' : field;
      if (!isHarmlessEntry([typeof key === 'symbol' ? key.description : key, item])) return false;
    }
  }
  return true;
}

type Entry = readonly [name: unknown, value?: unknown];

/** What shows of an object where it is logged, beside its own fields. */
function* shownBeside(value: object): Iterable<Entry> {
  const tag = tagOf(value);
  if (tag === 'URL') yield [String(value)];
  if (tag === 'URLSearchParams') yield [`?${String(value)}`];
  if (tag === 'Response') yield [(value as Response).headers, (value as Response).url];
  if (tag === 'Set') for (const item of value as Set<unknown>) yield [item];
  if (['Map', 'Headers', 'URLSearchParams', 'FormData'].includes(tag)) yield* value as Iterable<Entry>;
}

/** That a secret is missing or empty, or a flag, is no secret; neither is a method. */
function isTelling(value: unknown): boolean {
  return ['string', 'number', 'bigint', 'object'].includes(typeof value) && value !== null && value !== '';
}

function isTransportShaped(error: object): boolean {
  if ('isAxiosError' in error) return true;
  const fields = error as Record<string, unknown>;
  return TRANSPORT_FIELDS.some((name) => typeof fields[name] === 'object' && fields[name] !== null);
}
