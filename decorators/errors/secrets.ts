import { eachHeader } from './each-header.js';
import { isSecretName } from './redact.js';

/** How many errors are looked at: causes, and what an `AggregateError` gathers. */
const MAX_ERRORS = 32;

/**
 * The credentials that a failed request carried, as its error shows them: headers, basic auth, query and URL.
 * Servers echo what they were sent, so these are to be hidden wherever they occur.
 */
export function secretsOf(failure: unknown): string[] {
  const secrets: string[] = [];
  const errors = new Set(isObject(failure) ? [failure] : []);
  // It grows while it is walked; what is in it already is not added again.
  for (const error of errors) {
    const { response, cause, errors: gathered } = error;
    for (const request of [
      error.config,
      error.options,
      error.request,
      isObject(response) && response.config,
    ]) {
      if (isObject(request)) collect(request, secrets);
    }
    for (const next of [cause, ...(Array.isArray(gathered) ? (gathered as unknown[]) : [])]) {
      if (isObject(next) && errors.size < MAX_ERRORS) errors.add(next);
    }
  }
  return secrets;
}

type Fields = Record<string, unknown>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function collect(request: Fields, secrets: string[]): void {
  const { headers, auth, proxy, params, url, baseURL } = request;
  eachHeader(headers, (name, value) => {
    if (isSecretName(name) || name.endsWith('token')) secrets.push(...partsOf(value));
  });
  for (const user of [auth, isObject(proxy) && proxy.auth]) {
    if (!isObject(user)) continue;
    for (const part of [user.username, user.password]) if (typeof part === 'string') secrets.push(part);
  }
  if (isObject(params)) {
    const entries = params instanceof URLSearchParams ? params : Object.entries(params);
    for (const [name, value] of entries) addParam(name, value, secrets);
  }
  for (const address of [url, baseURL]) collectFromURL(address, secrets);
}

/** The header's value, and what is secret by itself in it: the token after `Bearer`, the values of cookies. */
function partsOf(value: string): string[] {
  const token = value.slice(value.indexOf(' ') + 1).trim();
  const cookies = value.split(';').map((cookie) => cookie.slice(cookie.indexOf('=') + 1).trim());
  return [value, token, ...cookies, ...(/^basic /i.test(value) ? usersOf(token) : [])];
}

/** User and password of basic authorization, together and each by itself. */
function usersOf(token: string): string[] {
  try {
    const text = new TextDecoder().decode(Uint8Array.from(atob(token), (byte) => byte.charCodeAt(0)));
    const colon = text.indexOf(':');
    return [text, text.slice(0, Math.max(colon, 0)), text.slice(colon + 1)];
  } catch {
    return []; // no base64
  }
}

function addParam(name: string, value: unknown, secrets: string[]): void {
  if (typeof value === 'string' && (isSecretName(name) || /^(?:key|sig|token)$/i.test(name)))
    secrets.push(value);
}

/** `address` may be a `URL`, as got has it. */
function collectFromURL(address: unknown, secrets: string[]): void {
  try {
    const { username, password, searchParams } = new URL(String(address), 'http://relative.invalid');
    secrets.push(decoded(username), decoded(password));
    for (const [name, value] of searchParams) addParam(name, value, secrets);
  } catch {
    // No URL, nothing in it.
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign that begins no escape
  }
}
