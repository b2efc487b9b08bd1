// @ts-nocheck
import { runtime } from '../pipeline/runtime.js';

const UNIT_MS: Readonly<Record<string, number>> = {
  n: 1e-6,
  u: 1e-3,
  µ: 1e-3,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `1m`, `26.4s`, `634ms`, `6 seconds`. */
const SPAN_PART =
  /(\d+(?:\.\d+)?)\s*(ns|[uµ]s|milliseconds?|ms|s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?)(?![a-z])\s*/giy;

/** A number below this is a span; from here on it is a point in time, in seconds or (three digits more) in milliseconds. */
const FIRST_EPOCH_SECONDS = 1e9;
const FIRST_EPOCH_MS = 1e12;

/** `6m0s`, `1m26.4s`, `12ms` in milliseconds; undefined for anything else. */
export function parseSpan(text: string): number | undefined {
  const span = leadingSpan(text);
  return span?.length === text.length ? span.ms : undefined;
}

/** The span that `text` begins with, and how many characters it takes. */
export function leadingSpan(text: string): { readonly ms: number; readonly length: number } | undefined {
  let ms = 0;
  let length = 0;
  for (const [whole, amount, unit = ''] of text.matchAll(SPAN_PART)) {
    const isMilliseconds = /^(?:ms|milli)/i.test(unit);
    ms += Number(amount) * (isMilliseconds ? 1 : (UNIT_MS[unit.charAt(0).toLowerCase()] ?? NaN));
    length += whole.length;
  }
  return length > 0 ? { ms, length } : undefined;
}

/**
 * Milliseconds from now until what `text` says. Providers write the same header in differing ways, so the shape
 * decides: seconds, a span (`6m0s`), seconds or milliseconds since the epoch, an RFC 3339 or HTTP date. What has
 * passed is 0; a negative number or anything else is undefined.
 */
export function parseDelayMs(text: string): number | undefined {
  const trimmed = text.trim();
  if (/^\d+(?:\.\d+)?$/.test(trimmed)) {
    const number = Number(trimmed);
    if (number >= FIRST_EPOCH_MS) return untilMs(number);
    return number >= FIRST_EPOCH_SECONDS ? untilMs(number * 1000) : number * 1000;
  }
  // Only what begins like a date: Date.parse() makes a year of `-1`.
  const date = /^(?:\d{4}-|[A-Za-z]{3})/.test(trimmed) ? Date.parse(trimmed) : NaN;
  return Number.isNaN(date) ? parseSpan(trimmed) : untilMs(date);
}

function untilMs(epochMs: number): number {
  return Math.max(0, epochMs - runtime().wallClock());
}
