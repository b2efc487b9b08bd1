import { isPlain } from '../pipeline/values.js';

/** Why a value has no canonical form; `path` is where in it. */
export class Unkeyable extends Error {
  constructor(path: string, what: string) {
    super(`${path === '' ? 'it' : path} is ${what}`);
  }
}

/**
 * A text that two values share exactly when they say the same: the keys of objects are sorted, properties that are undefined
 * left out, binary data and what JSON has no word for (`-0`, `NaN`, `10n`, an undefined item) written in a way of their
 * own. Of the instances of classes only those with `toJSON` are taken, such as dates and URLs.
 *
 * @throws Unkeyable for functions, symbols, other instances of classes, and what holds itself.
 */
export function canonical(value: unknown): string {
  try {
    return write(value, '', new Set());
  } catch (error) {
    if (error instanceof Unkeyable) throw error;
    throw new Unkeyable('', `what fails when it is read (${String(error)})`);
  }
}

function write(value: unknown, path: string, around: Set<object>): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      return `${value}n`;
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'object':
      return value === null ? 'null' : writeObject(value, path, around);
    default:
      throw new Unkeyable(path, `a ${typeof value}`);
  }
}

function writeObject(value: object, path: string, around: Set<object>): string {
  const bytes = bytesOf(value);
  if (bytes) return `${Object.prototype.toString.call(value)}(${hex(bytes)})`;
  if (around.has(value)) throw new Unkeyable(path, 'part of itself');
  around.add(value);
  const text = writeParts(value, path, around);
  around.delete(value);
  return text;
}

function writeParts(value: object, path: string, around: Set<object>): string {
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') {
    const json: unknown = (value as { toJSON(): unknown }).toJSON();
    return `${value.constructor?.name ?? ''}(${write(json, path, around)})`;
  }
  if (Array.isArray(value)) {
    // By number: a hole is an undefined item.
    const items: string[] = [];
    for (let i = 0; i < value.length; i++) items.push(write(value[i], `${path}[${i}]`, around));
    return `[${items.join(',')}]`;
  }
  if (!isPlain(value)) throw new Unkeyable(path, `an instance of ${value.constructor?.name || 'a class'}`);
  const fields: string[] = [];
  for (const name of Object.keys(value).sort()) {
    const field = (value as Record<string, unknown>)[name];
    if (field === undefined) continue;
    fields.push(`${JSON.stringify(name)}:${write(field, path === '' ? name : `${path}.${name}`, around)}`);
  }
  return `{${fields.join(',')}}`;
}

function bytesOf(value: object): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  const isBuffer = Object.prototype.toString.call(value) === '[object ArrayBuffer]';
  return isBuffer ? new Uint8Array(value as ArrayBuffer) : undefined;
}

/** Bytes as hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
