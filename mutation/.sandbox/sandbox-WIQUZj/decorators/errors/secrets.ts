// @ts-nocheck
import { eachHeader } from './each-header.js';
import { isSecretName } from './redact.js';

const MAX_CHAIN = 5;

/**
 * The credentials that a failed request carried, as its error shows them: headers, basic auth, query and URL.
 * Servers echo what they were sent, so these are to be hidden wherever they occur.
 */
export function secretsOf(failure: unknown): string[] {
  const secrets: string[] = [];
  let error = failure;
  for (let i = 0; i < MAX_CHAIN && isObject(error); i++) {
    const { response } = error;
    for (const request of [
      error.config,
      error.options,
      error.request,
      isObject(response) && response.config,
    ]) {
      if (isObject(request)) collect(request, secrets);
    }
    error = error.cause;
  }
  return secrets;
}

type Fields = Record<string, unknown>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function collect(request: Fields, secrets: string[]): void {
  const { headers, auth, params, url, baseURL } = request;
  eachHeader(headers, (name, value) => {
    if (isSecretName(name) || name.endsWith('token')) secrets.push(...partsOf(value));
  });
  if (isObject(auth)) {
    for (const part of [auth.username, auth.password]) if (typeof part === 'string') secrets.push(part);
  }
  if (isObject(params)) {
    for (const [name, value] of Object.entries(params)) addParam(name, value, secrets);
  }
  for (const address of [url, baseURL]) if (typeof address === 'string') collectFromURL(address, secrets);
}

/** The header's value, and what is secret by itself in it: the token after `Bearer`, the values of cookies. */
function partsOf(value: string): string[] {
  const token = value.slice(value.indexOf(' ') + 1).trim();
  const cookies = value.split(';').map((cookie) => cookie.slice(cookie.indexOf('=') + 1).trim());
  const parts = [value, token, ...cookies];
  if (/^basic /i.test(value)) parts.push(...decodedBasic(token));
  return parts;
}

function decodedBasic(token: string): string[] {
  try {
    const decoded = atob(token);
    return [decoded, decoded.slice(decoded.indexOf(':') + 1)];
  } catch {
    return [];
  }
}

function addParam(name: string, value: unknown, secrets: string[]): void {
  if (typeof value === 'string' && (isSecretName(name) || /^(?:key|sig|token)$/i.test(name)))
    secrets.push(value);
}

function collectFromURL(address: string, secrets: string[]): void {
  try {
    const { username, password, searchParams } = new URL(address, 'http://relative.invalid');
    secrets.push(decodeURIComponent(username), decodeURIComponent(password));
    for (const [name, value] of searchParams) addParam(name, value, secrets);
  } catch {
    // No URL, nothing in it.
  }
}
