/** What a provider says of an error, in the words of whatever dialect it speaks. */
export interface ErrorBody {
  /** The body as data; text where it is no JSON. */
  readonly parsed: unknown;
  readonly message?: string;
  readonly type?: string;
  /** The provider's own code; a number is given as `status` or as text. */
  readonly code?: string;
  readonly param?: string;
  /** An HTTP status that only the body tells. */
  readonly status?: number;
  /** Gemini's `RetryInfo.retryDelay`, such as `37s`. */
  readonly retryDelay?: string;
  readonly requestId?: string;
  /** True when the body is a web page: its text is of no use to anybody. */
  readonly isHTML?: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** More than this is not parsed: it is no error message. */
const MAX_PARSED_LENGTH = 1_048_576;

/**
 * Reads the body of an error in any shape that providers use: OpenAI's `{ error: { message, type, param, code } }`,
 * `{ error: 'text' }`, `{ code, error: 'text' }`, `{ message, type, code }`, `{ detail: [...] }`, Anthropic's, Gemini's (also in an
 * array), text, a web page, bytes.
 */
export function readErrorBody(body: unknown): ErrorBody {
  const parsed = parseBody(body);
  if (typeof parsed === 'string') return readText(parsed);
  return { parsed, ...readData(Array.isArray(parsed) ? (parsed.find(isFields) ?? parsed) : parsed) };
}

/** The body as data where it is JSON, as text where it is not; undefined where there is none. */
export function parseBody(body: unknown): unknown {
  const text = typeof body === 'string' ? body : decode(body);
  if (text === undefined) return isStream(body) ? undefined : body;
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  if (trimmed.length > MAX_PARSED_LENGTH) return trimmed.slice(0, MAX_PARSED_LENGTH);
  try {
    return JSON.parse(trimmed) as unknown;
  } catch {
    return trimmed;
  }
}

function decode(body: unknown): string | undefined {
  if (!(ArrayBuffer.isView(body) || isArrayBuffer(body))) return undefined;
  const bytes = ArrayBuffer.isView(body)
    ? new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
    : new Uint8Array(body);
  return new TextDecoder().decode(bytes.subarray(0, MAX_PARSED_LENGTH));
}

/** One of another realm is no `instanceof`. */
function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return Object.prototype.toString.call(value) === '[object ArrayBuffer]';
}

/** An unread stream has nothing to say. */
function isStream(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ('pipe' in value || 'getReader' in value);
}

function readText(text: string): ErrorBody {
  if (!/^\s*<(?:!doctype|html|head|body|\?xml|title|center|h1)\b/i.test(text))
    return { parsed: text, message: text };
  const start = text.slice(0, 20_000);
  const [, title] = /<title[^<>]*>([^<]{1,300})/i.exec(start) ?? [];
  const words = title ?? start.replace(/<(style|script)\b[^<]*<\/\1>|<[^<>]*>/gi, ' ');
  return { parsed: text, message: words.replace(/\s+/g, ' ').trim(), isHTML: true };
}

function readData(data: unknown): Omit<ErrorBody, 'parsed'> {
  if (Array.isArray(data))
    return definedOnly({ message: data.map(toText).filter(Boolean).join('; ') || undefined });
  if (!isFields(data)) return definedOnly({ message: toText(data) });
  const inner = isFields(data.error) ? data.error : data;
  const code = inner.code ?? data.code;
  const status = statusOf(code);
  return definedOnly({
    message: messageOf(inner, data),
    type: word(inner.type) ?? outerType(data.type) ?? word(inner.status),
    code: word(code) ?? (status === undefined && typeof code === 'number' ? String(code) : undefined),
    param: word(inner.param),
    status,
    retryDelay: retryDelayOf(inner.details),
    requestId: word(data.request_id) ?? word(inner.request_id),
  });
}

/** Anthropic's envelope is of type `error`, which says nothing. */
function outerType(type: unknown): string | undefined {
  return type === 'error' ? undefined : word(type);
}

function messageOf(inner: Fields, outer: Fields): string | undefined {
  const candidates = [
    inner.message,
    inner.error,
    outer.message,
    inner.detail,
    inner.error_description,
    inner.Message,
    inner.msg,
    inner.errors,
    inner.title,
  ];
  const message =
    candidates.map(details).map(toText).find(Boolean) ??
    (Object.keys(inner).length > 0 ? toText({ ...inner }) : undefined);
  const upstream = upstreamOf(inner.metadata);
  return message && upstream && !message.includes(upstream) ? `${message}: ${upstream}` : message;
}

/** A router's "Provider returned error" is explained by what that provider said. */
function upstreamOf(metadata: unknown): string | undefined {
  if (!isFields(metadata)) return undefined;
  const raw = parseBody(metadata.raw);
  if (typeof raw === 'string') return raw.slice(0, 300);
  return isFields(raw) && isFields(raw.error)
    ? toText(raw.error.message)
    : toText(isFields(raw) ? raw.message : raw);
}

/** A sentence of whatever stands where a message should. */
function toText(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim() || undefined;
  if (Array.isArray(value)) return value.slice(0, 10).map(complaint).filter(Boolean).join('; ') || undefined;
  if (isFields(value)) return complaint(value);
  return typeof value === 'number' ? String(value) : undefined;
}

/** A list of validation errors that stands where a message should. */
function details(value: unknown): unknown {
  return isFields(value) && Array.isArray(value.detail) ? value.detail : value;
}

/** One entry of a list of validation errors: `{ loc: ['body', 'model'], msg: 'field required' }`. */
function complaint(entry: unknown): string | undefined {
  if (!isFields(entry)) return typeof entry === 'string' ? entry : JSON.stringify(entry);
  const text = word(entry.msg) ?? word(entry.message);
  const where = Array.isArray(entry.loc) ? entry.loc.join('.') : undefined;
  if (text === undefined) return JSON.stringify(entry);
  return where ? `${where}: ${text}` : text;
}

function retryDelayOf(details: unknown): string | undefined {
  if (!Array.isArray(details)) return undefined;
  return details
    .filter(isFields)
    .map((detail) => word(detail.retryDelay))
    .find((delay) => delay !== undefined);
}

function statusOf(code: unknown): number | undefined {
  const status = Number.isInteger(code) ? (code as number) : 0;
  return status >= 400 && status <= 599 ? status : undefined;
}

function word(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function definedOnly<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
