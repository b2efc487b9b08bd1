import { plainCopy, type Room } from './plain.js';

/** What a cache keeps of a call, as JSON: a value, or the events of a stream and what it returned. */
export interface Entry {
  readonly v: 1;
  readonly value?: unknown;
  readonly events?: readonly unknown[];
}

/**
 * A result as it is kept.
 *
 * @throws NotPlain, TooLarge as `plainCopy()` does.
 */
export function encodeResult(result: unknown, room: Room): string {
  const value = result === undefined ? {} : { value: plainCopy(result, room) };
  return JSON.stringify({ v: 1, ...value } satisfies Entry);
}

/** A stream as it is kept; the events are copies already. */
export function encodeStream(events: readonly unknown[], returned: unknown, room: Room): string {
  const value = returned === undefined ? {} : { value: plainCopy(returned, room) };
  return JSON.stringify({ v: 1, events, ...value } satisfies Entry);
}

/**
 * What a store gave, read: a new copy each time. Some stores parse JSON by themselves.
 *
 * @throws Error when it is not what a cache of this kind has written.
 */
export function decodeEntry(stored: unknown, streaming: boolean): Entry {
  const entry: unknown = JSON.parse(typeof stored === 'string' ? stored : JSON.stringify(stored));
  const { v, events } = (entry ?? {}) as Partial<Entry>;
  if (v !== 1 || Array.isArray(events) !== streaming) {
    throw new Error('What the store holds was not written by this cache.');
  }
  return entry as Entry;
}
