import type { UnsupportedOperationError } from '../../decorators/errors/index.js';
import type { ChatParams } from '../wire/index.js';
import { isPlainObject } from '../client/plain-object.js';

/** How the translator of a request tells of what the provider does not take. */
export interface Objections {
  /** Tells of a field that is not sent; `why` is a clause such as "Gemini takes no seed.". */
  drop(field: string, why: string): void;
  /** The error for what cannot be done at all; `what` names it, as in "custom tools". */
  refuse(what: string): UnsupportedOperationError;
}

/** Tells of every field of `fields` that the params give; null and false ask for nothing. */
export function dropGiven(
  params: ChatParams,
  fields: Readonly<Record<string, string>>,
  { drop }: Objections,
): void {
  for (const [field, why] of Object.entries(fields)) {
    const value: unknown = params[field];
    if (value !== undefined && value !== null && value !== false) drop(field, why);
  }
}

/** The fields that have a value: neither undefined nor null. */
export function given(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  );
}

/** A `data:` URL in base64 as its media type and data; undefined for any other URL. */
export function readDataURL(url: string): { mimeType: string; data: string } | undefined {
  const [, mimeType, data] = /^data:([^;,]*)(?:;[^;,]*)*;base64,(.*)$/is.exec(url) ?? [];
  return data === undefined ? undefined : { mimeType: mimeType || 'application/octet-stream', data };
}

/** The arguments of an earlier call as an object. What the model wrote may be none: it is then kept as text. */
export function readArguments(text: string): Record<string, unknown> {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (isPlainObject(value)) return value;
  } catch {
    // Kept below.
  }
  return { arguments: text };
}
