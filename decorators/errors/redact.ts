/** What stands in the place of a secret. */
export const REDACTED = '[redacted]';

/** Shorter values are too common to be hidden wherever they occur. */
const MIN_SECRET_LENGTH = 6;
const MAX_TEXT_LENGTH = 16_384;
const MAX_DEPTH = 16;
const MAX_VALUES = 10_000;

const SECRET_NAME =
  /(?:apikey|authorization|password|passwd|passphrase|secret|secretkey|privatekey|accesskey|subscriptionkey|cookie|credentials?|signature|(?:access|refresh|id|auth|bearer|security|session|api)token)$/;

/** Whether a header or field of this name holds a secret, by its name alone: `x-api-key`, `apiKey`, `set-cookie`, … */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.toLowerCase().replace(/[-_\s.]/g, ''));
}

/** Hides the secrets of one failure in any text. */
export type Redactor = (text: string) => string;

/**
 * Makes a function that hides the given values, as they are and as they look in a URL or in JSON, and besides
 * them whatever looks like a credential.
 */
export function redactorFor(secrets: Iterable<string>): Redactor {
  const values = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < MIN_SECRET_LENGTH) continue;
    values.add(secret).add(encoded(secret)).add(JSON.stringify(secret).slice(1, -1));
  }
  // Longest first: a secret may be a part of another.
  const ordered = [...values].sort((a, b) => b.length - a.length);
  return (text) => hidePatterns(ordered.reduce((hidden, value) => hidden.replaceAll(value, REDACTED), text));
}

function encoded(secret: string): string {
  try {
    return encodeURIComponent(secret);
  } catch {
    return secret; // a lone surrogate has no encoding
  }
}

/** `Bearer …` and `Basic …`. */
const SCHEME = /\b(Bearer|Basic)(\s+)([\w.~+/=*-]+)/gi;
/** Keys that show their issuer. */
const ISSUED_KEY =
  /\b(?:(?:sk|csk|gsk|xai|hf|pplx|nvapi)[-_]|(?:fw|r8|gh[opsu]|github_pat|tgp|vck|jina)_)[\w*-]+/g;
const CLOUD_KEY = /\b(?:AIza[\w-]{20,}|(?:AKIA|ASIA)[A-Z0-9]{16}|ya29\.[\w-]{20,})/g;
const PRIVATE_KEY =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:(?!-----END )[^])*(?:-----END [A-Z ]*PRIVATE KEY-----)?/g;
const JSON_WEB_TOKEN = /(?<![\w-])eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g;
/** `user:password@` of a URL. */
const USER_INFO = /:\/\/[^\s/?#]+@/g;
const QUERY =
  /([?&](?:[\w-]*api[-_]?key|key|[\w-]*token|[\w-]*signature|sig|[\w-]*secret|password|x-amz-credential)=)[^&\s#"'<>]+/gi;
/** `x-api-key: …`, `"api_key":"…"`. */
const NAMED =
  /((?:api|subscription|access|secret)[-_]?key|authorization|(?:access|refresh|security|session|auth)[-_]?token|password|client[-_]?secret)(\\?["']?\s*[:=]\s*\\?["']?(?:(?:Bearer|Basic|Token|Api-?Key|Key)\s+)?)([^\s"',;&}\\]+)/gi;
const COOKIE = /\b((?:set-)?cookie\\?["']?\s*[:=]\s*\\?["']?)([^\r\n"']+)/gi;

function hidePatterns(text: string): string {
  return text
    .replace(PRIVATE_KEY, REDACTED)
    .replace(USER_INFO, `://${REDACTED}@`)
    .replace(QUERY, `$1${REDACTED}`)
    .replace(COOKIE, (whole, name: string, value: string) => (looksRandom(value) ? name + REDACTED : whole))
    .replace(NAMED, (whole, name: string, between: string, value: string) =>
      looksRandom(value) ? name + between + REDACTED : whole,
    )
    .replace(SCHEME, (whole, scheme: string, space: string, token: string) =>
      looksRandom(token) ? scheme + space + REDACTED : whole,
    )
    .replace(ISSUED_KEY, (key) => (looksRandom(key) ? REDACTED : key))
    .replace(CLOUD_KEY, REDACTED)
    .replace(JSON_WEB_TOKEN, REDACTED);
}

/** Tells a credential from a word of prose: "Bearer authentication is required" stays. */
function looksRandom(token: string): boolean {
  return token.length >= 20 || (token.length >= 8 && /\d/.test(token));
}

/**
 * `text` without the given secrets, and without what looks like a credential: `Bearer …`, `sk-…`, the user of a
 * URL, `?key=…`. Secrets of fewer than 6 characters are not looked for.
 */
export function redactText(text: string, secrets: Iterable<string> = []): string {
  return redactorFor(secrets)(text);
}

/**
 * A plain copy of `value` without secrets: by value, by the name of a field or header, and by pattern. Functions
 * and symbols are left out, cycles, streams and bytes named, and what is deep or long is cut off.
 */
export function redact(value: unknown, secrets: Iterable<string> = []): unknown {
  return redactValue(value, redactorFor(secrets));
}

/** `redact` for those who have a redactor already. */
export function redactValue(value: unknown, hide: Redactor): unknown {
  const ancestors: object[] = [];
  let left = MAX_VALUES;

  const copy = (current: unknown): unknown => {
    if (typeof current === 'string') return hideAndCut(current, hide);
    if (typeof current === 'bigint') return String(current);
    if (typeof current !== 'object' || current === null) return current;
    if (current instanceof Date) return current;
    if (ArrayBuffer.isView(current) || current instanceof ArrayBuffer) return `[${current.byteLength} bytes]`;
    if (ancestors.includes(current)) return '[circular]';
    if (ancestors.length >= MAX_DEPTH || left-- <= 0) return '[cut off]';
    ancestors.push(current);
    const copied = copyObject(current);
    ancestors.pop();
    return copied;
  };

  const copyObject = (current: object): unknown => {
    if (current instanceof Error)
      return { name: hide(current.name), message: hideAndCut(current.message, hide) };
    if (Array.isArray(current)) return current.slice(0, Math.max(left, 0)).map((item) => keep(item) ?? null);
    if (current instanceof Set) return copy([...current]);
    if ('pipe' in current || 'getReader' in current) return '[stream]';
    const fields: [string, unknown][] = [];
    for (const [name, field] of fieldsOf(current)) {
      if (left-- <= 0) break;
      const copied = isSecretName(name) ? hideWhole(field) : keep(field);
      if (copied !== undefined) fields.push([hideAndCut(name, hide), copied]);
    }
    return Object.fromEntries(fields);
  };

  const keep = (item: unknown): unknown =>
    typeof item === 'function' || typeof item === 'symbol' ? undefined : copy(item);

  return keep(value);
}

function fieldsOf(value: object): [string, unknown][] {
  if (value instanceof Map) return [...value].map(([name, field]) => [String(name), field]);
  try {
    if (tagOf(value) === 'Headers') return [...(value as Headers)];
    return Object.entries(value);
  } catch {
    return []; // a getter or a proxy that throws
  }
}

/** What kind of object the platform takes it for: `Headers`, `URL`, … also where its class is that of another realm. */
export function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

/** A field that is secret as a whole; that it is missing, or a flag, is no secret. */
function hideWhole(value: unknown): unknown {
  return value === undefined || value === null || typeof value === 'boolean' ? value : REDACTED;
}

/** Hides before it cuts, and drops what the cut may have left of a secret. */
export function hideAndCut(text: string, hide: Redactor, maxLength = MAX_TEXT_LENGTH): string {
  const margin = 2 * maxLength;
  const hidden = hide(text.slice(0, maxLength + margin));
  return text.length <= maxLength + margin
    ? cut(hidden, maxLength)
    : cut(hidden.slice(0, -margin), maxLength, true);
}

function cut(text: string, maxLength: number, always = false): string {
  return text.length <= maxLength && !always ? text : `${text.slice(0, maxLength)}…`;
}
