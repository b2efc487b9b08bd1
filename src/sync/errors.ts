import { types } from 'node:util';
import * as classes from '../../decorators/errors/classes.js';
import { LLMError, redact } from '../../decorators/errors/index.js';

/** An error on its way between threads. A structured clone would lose its class, its fields and its cause. */
interface PackedError {
  /** The nearest class that both threads know. */
  readonly kind: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly fields: Readonly<Record<string, PackedThrown>>;
  /** Fields that are not enumerable: `cause` and `errors`. */
  readonly hidden: Readonly<Record<string, PackedThrown>>;
}

/** Whatever was thrown, or stands in a field of an error. */
export type PackedThrown =
  { readonly error: PackedError } | { readonly list: readonly PackedThrown[] } | { readonly value: unknown };

type AnyErrorClass = abstract new (...args: never[]) => Error;

const CLASSES: Readonly<Record<string, AnyErrorClass>> = {
  ...classes,
  LLMError,
  AggregateError,
  DOMException,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/** Causes have causes, at times in a circle. */
const MAX_DEPTH = 8;
const HIDDEN_FIELDS = ['cause', 'errors'];

/** What was thrown, as data. */
export function packThrown(thrown: unknown, depth = MAX_DEPTH): PackedThrown {
  if (Array.isArray(thrown) && thrown.some(isError) && depth > 0)
    return { list: thrown.map((item) => packThrown(item, depth - 1)) };
  if (!isError(thrown)) return { value: packValue(thrown) };
  const fields: [string, PackedThrown][] = [];
  const hidden: [string, PackedThrown][] = [];
  for (const name of new Set([...Object.keys(thrown), ...HIDDEN_FIELDS])) {
    const field = (thrown as unknown as Record<string, unknown>)[name];
    if (field === undefined || name === 'stack' || name === 'message' || depth === 0) continue;
    const isOwn = Object.prototype.propertyIsEnumerable.call(thrown, name);
    (isOwn ? fields : hidden).push([name, packThrown(field, depth - 1)]);
  }
  return {
    error: {
      kind: kindOf(thrown),
      name: String(thrown.name),
      message: String(thrown.message),
      stack: thrown.stack,
      fields: Object.fromEntries(fields),
      hidden: Object.fromEntries(hidden),
    },
  };
}

/** What `packThrown()` packed, with this thread's stack below the other's: there the program goes on. */
export function unpackThrown(packed: PackedThrown): unknown {
  const thrown = unpack(packed);
  if (thrown instanceof Error && 'error' in packed) {
    const ours: { stack?: string } = {};
    Error.captureStackTrace(ours, unpackThrown);
    const frames = ours.stack?.replace(/^.*\n/, '') ?? '';
    define(thrown, 'stack', `${packed.error.stack ?? `${thrown.name}: ${thrown.message}`}\n${frames}`, false);
  }
  return thrown;
}

function unpack(packed: PackedThrown): unknown {
  if ('value' in packed) return packed.value;
  if ('list' in packed) return packed.list.map(unpack);
  const { kind, name, message, stack, fields, hidden } = packed.error;
  // Its code comes with its name.
  if (kind === 'DOMException') return new DOMException(message, name);
  const error = new Error(message);
  const { prototype } = CLASSES[kind] ?? Error;
  Object.setPrototypeOf(error, prototype as object);
  if (error.name !== name) define(error, 'name', name, false);
  define(error, 'stack', stack, false);
  for (const [field, value] of Object.entries(fields)) define(error, field, unpack(value), true);
  for (const [field, value] of Object.entries(hidden)) define(error, field, unpack(value), false);
  return error;
}

function define(error: Error, name: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(error, name, { value, enumerable, configurable: true, writable: true });
}

/** Errors of other realms (vm, jest) are no `instanceof Error`, nor is a `DOMException` there. */
function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value) || value instanceof DOMException;
}

/** By its name and not by its identity: it may be of another copy of the package. */
function kindOf(error: Error): string {
  if (error instanceof DOMException) return 'DOMException';
  let current: unknown = Object.getPrototypeOf(error);
  while (typeof current === 'object' && current !== null) {
    const name: unknown = Object.getOwnPropertyDescriptor(current, 'name')?.value;
    const known = typeof name === 'string' && Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
    if (known && error instanceof known) return name as string;
    current = Object.getPrototypeOf(current);
  }
  return 'Error';
}

/** A value as it is, or what is data of it. */
function packValue(value: unknown): unknown {
  try {
    structuredClone(value);
    return value;
  } catch {
    return redact(value);
  }
}
