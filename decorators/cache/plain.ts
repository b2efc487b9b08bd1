import { isPlain } from '../pipeline/values.js';

/** Why a value cannot be kept: it would not come back from JSON as it went. */
export class NotPlain extends Error {
  constructor(what: string) {
    super(`it holds ${what}`);
  }
}

/** The value needs more room than there is. */
export class TooLarge extends Error {}

/** How many bytes may still be used: two for each character of JSON, about. */
export interface Room {
  left: number;
}

/** What numbers, booleans, null and the punctuation around a value take. */
const BYTES_OF_SMALL_VALUE = 16;

/**
 * A deep copy of plain data: what comes back from JSON equal to what went in. Properties that are undefined are left out.
 *
 * @throws NotPlain for anything else; TooLarge when `room` is used up.
 */
export function plainCopy(value: unknown, room: Room): unknown {
  return copy(value, room, 0);
}

/** Deeper than any answer, and not too deep for JSON.stringify; what holds itself ends here. */
const MAX_DEPTH = 1000;

function copy(value: unknown, room: Room, depth: number): unknown {
  room.left -= typeof value === 'string' ? 2 * value.length + BYTES_OF_SMALL_VALUE : BYTES_OF_SMALL_VALUE;
  if (room.left < 0) throw new TooLarge();
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new NotPlain(String(value));
    return value;
  }
  if (typeof value !== 'object') throw new NotPlain(value === undefined ? 'undefined' : `a ${typeof value}`);
  if (depth > MAX_DEPTH) throw new NotPlain('itself, or a thousand objects in one another');
  return Array.isArray(value) ? copyArray(value, room, depth) : copyObject(value, room, depth);
}

function copyArray(value: readonly unknown[], room: Room, depth: number): unknown[] {
  const prototype = Object.getPrototypeOf(value) as object;
  // An array's class has one more above it; one that is made from it has two.
  if (prototype !== Array.prototype && !isPlain(prototype)) throw classOf(value);
  const copied = new Array<unknown>(value.length);
  for (let i = 0; i < value.length; i++) copied[i] = copy(value[i], room, depth + 1);
  return copied;
}

/** Every event of a stream passes here: a spread takes over all fields at once, and few of them are objects. */
function copyObject(value: object, room: Room, depth: number): object {
  if (Object.getPrototypeOf(value) !== Object.prototype && !isPlain(value)) throw classOf(value);
  if (Object.getOwnPropertySymbols(value).length > 0) throw new NotPlain('a property named by a symbol');
  const copied = { ...value } as Record<string, unknown>;
  for (const name in copied) {
    const field = copied[name];
    if (field === undefined) continue;
    room.left -= 2 * name.length;
    const own = copy(field, room, depth + 1);
    if (own !== field) copied[name] = own;
  }
  return copied;
}

function classOf(value: object): NotPlain {
  return new NotPlain(`an instance of ${value.constructor?.name || 'a class'}`);
}
