import { leadingSpan, parseDelayMs, parseSpan } from './durations.js';
import { eachHeader, headerOf } from './each-header.js';
import type { RateLimitInfo, RateLimitWindow } from './rate-limit-info.js';
import { readErrorBody } from './response-body.js';

/** The earlier one counts where a response has several. */
const REQUEST_ID_HEADERS = [
  'x-request-id',
  'request-id',
  'x-amzn-requestid',
  'x-amz-request-id',
  'apim-request-id',
  'x-ms-request-id',
  'x-ds-trace-id',
  'x-trace-id',
];

/**
 * The provider's id of the request, from the headers of its response: a plain object, `AxiosHeaders` or `Headers`.
 */
export function readRequestId(headers: unknown): string | undefined {
  let best = REQUEST_ID_HEADERS.length;
  let id: string | undefined;
  eachHeader(headers, (name, value) => {
    const rank = name.endsWith('id') ? REQUEST_ID_HEADERS.indexOf(name) : -1;
    if (rank === -1 || rank >= best || value === '') return;
    best = rank;
    id = value;
  });
  return id;
}

/**
 * How long the provider asks to wait, in milliseconds: the longest of `retry-after-ms` (or else `retry-after`, in seconds or
 * as a date), the reset of a limit that is used up, Gemini's `RetryInfo` and "try again in 5.289s" in the message.
 * Undefined when it says nothing of it.
 *
 * @param body The parsed body of the response, where there is one.
 * @param limits What the headers say of the limits, where that has been read already.
 */
export function readRetryAfterMs(
  headers: unknown,
  body?: unknown,
  limits = readRateLimit(headers),
): number | undefined {
  const candidates = [
    // The second is the first rounded up, where both are there.
    numberOf(headerOf(headers, 'retry-after-ms')) ?? parseDelayMs(headerOf(headers, 'retry-after') ?? ''),
    ...exhausted(limits),
  ];
  if (body !== undefined) {
    const { message, retryDelay } = readErrorBody(body);
    candidates.push(parseSpan(retryDelay ?? ''), delayInMessage(message));
  }
  const known = candidates.filter((ms) => ms !== undefined);
  return known.length > 0 ? Math.max(...known) : undefined;
}

function exhausted(limits: RateLimitInfo | undefined): (number | undefined)[] {
  return Object.values(limits ?? {}).map((window: RateLimitWindow) =>
    window.remaining === 0 ? window.resetMs : undefined,
  );
}

/** "Please try again in 5.289s", "retry after 6 seconds", "in 1m26.4s". */
function delayInMessage(message = ''): number | undefined {
  const lead = /\b(?:try again|retry)\s+(?:in|after)\s+/i.exec(message);
  return lead ? leadingSpan(message.slice(lead.index + lead[0].length))?.ms : undefined;
}

type Dimension = keyof RateLimitInfo;
type Draft = { -readonly [Field in keyof RateLimitWindow]: RateLimitWindow[Field] };

/** Where a provider tells of several windows, the first of these that it has is taken: the shorter matters sooner. */
const WINDOWS_MS: Readonly<Record<string, number | undefined>> = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  month: 30 * 86_400_000,
};
const NAMED_WINDOWS = Object.keys(WINDOWS_MS);
/** One without a name before all others. */
const WINDOWS = ['', ...NAMED_WINDOWS];

/**
 * What the headers say of the provider's limits, whatever dialect they speak: `x-ratelimit-*`,
 * `anthropic-ratelimit-*`, `ratelimitbysize-*`, `ratelimit-*`. Undefined when they say nothing of them.
 */
export function readRateLimit(headers: unknown): RateLimitInfo | undefined {
  const drafts: { [D in Dimension]?: Record<string, Draft> } = {};
  eachHeader(headers, (name, value) => {
    const meaning = name.includes('limit') ? meaningOf(name) : undefined;
    if (!meaning) return;
    const { dimension, measure, window } = meaning;
    const amount = measure === 'resetMs' ? parseDelayMs(value) : numberOf(value);
    if (amount !== undefined) ((drafts[dimension] ??= {})[window] ??= {})[measure] = amount;
  });
  const info: { [D in Dimension]?: RateLimitWindow } = {};
  let isKnown = false;
  for (const [dimension, windows] of Object.entries(drafts) as [Dimension, Record<string, Draft>][]) {
    const name = WINDOWS.find((candidate) => isTelling(windows[candidate]));
    if (name === undefined) continue;
    const windowMs = WINDOWS_MS[name];
    info[dimension] = { ...windows[name], ...(windowMs !== undefined && { windowMs }) };
    isKnown = true;
  }
  return isKnown ? info : undefined;
}

/** A reset alone says nothing: Azure sends one beside `-1` for "not known". */
function isTelling(window: Draft | undefined): boolean {
  return window?.limit !== undefined || window?.remaining !== undefined;
}

interface Meaning {
  readonly dimension: Dimension;
  readonly measure: keyof RateLimitWindow;
  readonly window: string;
}

const MEASURES: Readonly<Record<string, keyof RateLimitWindow>> = {
  limit: 'limit',
  remaining: 'remaining',
  reset: 'resetMs',
};
const DIMENSIONS: Readonly<Record<string, Dimension>> = {
  requests: 'requests',
  tokens: 'tokens',
  'input-tokens': 'inputTokens',
  'output-tokens': 'outputTokens',
};

/** Every response has the same few names: what they mean is found once. */
const meanings = new Map<string, Meaning | undefined>();
const MOST_MEANINGS = 256;

function meaningOf(name: string): Meaning | undefined {
  if (!meanings.has(name) && meanings.size < MOST_MEANINGS) meanings.set(name, parseName(name));
  return meanings.has(name) ? meanings.get(name) : parseName(name);
}

/** What a header is about; undefined for one that is of no limit, or of one with a further word that we do not know. */
function parseName(name: string): Meaning | undefined {
  const match = /^(?:x-|anthropic-)?(ratelimitbysize|ratelimit|tokenlimit)-(.+)/.exec(name);
  if (!match) return undefined;
  const words = (match[2] as string).split('-');
  const measure = words.find((word) => word in MEASURES);
  const window = words.find((word) => NAMED_WINDOWS.includes(word)) ?? '';
  const subject = words.filter((word) => word !== measure && word !== window).join('-');
  const dimension = subject === '' ? (match[1] === 'ratelimit' ? 'requests' : 'tokens') : DIMENSIONS[subject];
  return measure && dimension
    ? { dimension, measure: MEASURES[measure] as keyof RateLimitWindow, window }
    : undefined;
}

/** A count or a number of milliseconds; `-1` and the like mean that it is not known. */
function numberOf(text: string | undefined): number | undefined {
  const [digits] = /^\s*\d+(?:\.\d+)?(?=\s*(?:$|[,;]))/.exec(text ?? '') ?? [];
  return digits === undefined ? undefined : Number(digits);
}
