// @ts-nocheck
type JsonObject = Record<string, unknown>;

/** Strings that name a thing: repeated, not continued, when they come again. */
const NAMES = new Set(['id', 'type', 'name', 'role', 'object', 'format', 'model']);

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * What `before` becomes when a delta adds `delta` to the field `key`: text is continued, lists grow (entries
 * with the same `index` are merged), objects are merged field by field; names, numbers and booleans are
 * replaced, and null says nothing. `before` must come from this function, for it is changed in place; the
 * delta is left as it is.
 */
export function mergeDelta(before: unknown, delta: unknown, key: string): unknown {
  if (delta === null || delta === undefined) return before;
  if (typeof delta === 'string') {
    return typeof before === 'string' && !NAMES.has(key)
      ? before + delta
      : delta === ''
        ? (before ?? '')
        : delta;
  }
  if (Array.isArray(delta)) return mergeList(Array.isArray(before) ? before : [], delta);
  if (isObject(delta)) return mergeFields(isObject(before) ? before : {}, delta);
  return delta;
}

/** Merges each field of `delta` into `target`, and returns it. */
export function mergeFields(target: JsonObject, delta: JsonObject): JsonObject {
  for (const key of Object.keys(delta)) {
    if (key === '__proto__') continue;
    const merged = mergeDelta(target[key], delta[key], key);
    if (merged !== undefined) target[key] = merged;
  }
  return target;
}

function mergeList(target: unknown[], delta: readonly unknown[]): unknown[] {
  for (const entry of delta) {
    const index = isObject(entry) ? entry['index'] : undefined;
    const known =
      typeof index === 'number'
        ? target.find((other) => isObject(other) && other['index'] === index)
        : undefined;
    if (known !== undefined) mergeFields(known as JsonObject, entry as JsonObject);
    else target.push(mergeDelta(undefined, entry, ''));
  }
  return target;
}
