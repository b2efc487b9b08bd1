// @ts-nocheck
import axios, { AxiosHeaders, type InternalAxiosRequestConfig } from 'axios';

const ACCEPT_ENCODING = 'gzip, deflate, br';

/** The request's headers in undici's flat form, completed by what axios's adapter would add. */
export function rawRequestHeaders(config: InternalAxiosRequestConfig, url: URL): string[] {
  const raw: string[] = [];
  const { auth } = config;
  const credentials = auth
    ? `${auth.username || ''}:${auth.password || ''}`
    : url.username || url.password
      ? `${decode(url.username)}:${decode(url.password)}`
      : undefined;
  let agent = false;
  let encoding = false;
  const headers = config.headers as unknown as Record<string, unknown>;
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value === undefined || value === null) continue;
    const known = name.toLowerCase();
    if (known === 'user-agent') agent = true;
    else if (known === 'accept-encoding') encoding = true;
    else if (known === 'authorization' && credentials !== undefined) continue;
    // undici counts for itself; only the length of a stream can be news to it.
    else if (known === 'content-length' && !isStream(config.data)) continue;
    if (value === false) continue;
    if (Array.isArray(value)) for (const item of value) raw.push(name, String(item));
    else raw.push(name, String(value));
  }
  if (!agent) raw.push('User-Agent', `axios/${axios.VERSION}`);
  // A compressor in between would hold events back until it has enough of them.
  if (!encoding) raw.push('Accept-Encoding', config.responseType === 'stream' ? 'identity' : ACCEPT_ENCODING);
  if (credentials !== undefined) {
    raw.push('Authorization', `Basic ${Buffer.from(credentials).toString('base64')}`);
  }
  return raw;
}

function isStream(data: unknown): boolean {
  return typeof (data as { pipe?: unknown } | null | undefined)?.pipe === 'function';
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Fields of which Node keeps the first when a server repeats them. */
const SINGLE = new Set([
  'content-type',
  'content-length',
  'retry-after',
  'location',
  'etag',
  'server',
  'age',
]);

/**
 * The headers of a response. axios normalizes them several times on the way, in time that grows with the square
 * of their number; what the parser gives is normalized already.
 */
class ResponseHeaders extends AxiosHeaders {
  override normalize(): this {
    return this;
  }
}

const reserved = ResponseHeaders.prototype as unknown as Record<string, unknown>;

/** Headers as undici parsed them (lower-case names), in the form of Node and axios. */
export function responseHeaders(
  parsed: Readonly<Record<string, string | string[] | undefined>>,
): AxiosHeaders {
  const headers = new ResponseHeaders();
  const fields = headers as unknown as Record<string, unknown>;
  for (const name of Object.keys(parsed)) {
    const value = parsed[name];
    // A header may be called like a method; axios finds it under any case.
    const field = name in reserved ? name.toUpperCase() : name;
    if (name === 'set-cookie') fields[field] = typeof value === 'string' ? [value] : value;
    else if (Array.isArray(value)) fields[field] = SINGLE.has(name) ? value[0] : value.join(', ');
    else fields[field] = value;
  }
  return headers;
}
