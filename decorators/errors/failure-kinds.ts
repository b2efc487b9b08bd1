import { isOwnRefusal } from './table.js';

/** What kind of failure an error without a response is. */
export type FailureKind =
  | 'abort'
  | 'connection'
  | 'connection_final'
  | 'certificate'
  | 'timeout_connect'
  | 'timeout_attempt'
  | 'timeout_idle'
  | 'format'
  | 'redirects';

/** The fields that errors of sockets, of undici and of axios have. */
export interface FailureFields {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
  readonly socket?: unknown;
}

const MAX_CHAIN = 8;

/** The error and what caused it, outermost first; of several errors at once the first. */
export function chainOf(error: unknown): FailureFields[] {
  const chain: FailureFields[] = [];
  let link = error;
  while (typeof link === 'object' && link !== null && chain.length < MAX_CHAIN && !chain.includes(link)) {
    const fields = link as FailureFields;
    chain.push(fields);
    link = fields.cause ?? (Array.isArray(fields.errors) ? (fields.errors[0] as unknown) : undefined);
  }
  return chain;
}

const KIND_BY_CODE: Readonly<Record<string, FailureKind>> = {
  ERR_CANCELED: 'abort',
  ABORT_ERR: 'abort',
  UND_ERR_ABORT: 'abort',
  UND_ERR_ABORTED: 'abort',
  UND_ERR_CONNECT_TIMEOUT: 'timeout_connect',
  UND_ERR_HEADERS_TIMEOUT: 'timeout_attempt',
  UND_ERR_BODY_TIMEOUT: 'timeout_idle',
  UND_ERR_CLOSED: 'connection_final', // our own pool, closed
  UND_ERR_DESTROYED: 'connection_final',
  UND_ERR_INFO: 'connection',
  UND_ERR_PRX_TLS: 'connection',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'connection',
  UND_ERR_SOCKET: 'connection',
  UND_ERR_SOCKS5: 'connection',
  UND_ERR_HEADERS_OVERFLOW: 'format',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'format',
  ERR_FR_TOO_MANY_REDIRECTS: 'redirects',
  ERR_NETWORK: 'connection',
  ERR_SOCKET_CLOSED: 'connection',
  ERR_STREAM_PREMATURE_CLOSE: 'connection',
  ECONNABORTED: 'connection',
  ECONNREFUSED: 'connection',
  ECONNRESET: 'connection',
  EADDRNOTAVAIL: 'connection',
  EHOSTDOWN: 'connection',
  EHOSTUNREACH: 'connection',
  ENETDOWN: 'connection',
  ENETRESET: 'connection',
  ENETUNREACH: 'connection',
  ENOTCONN: 'connection',
  ENOTFOUND: 'connection',
  EPIPE: 'connection',
  EPROTO: 'connection',
  Z_BUF_ERROR: 'connection', // a compressed body that ended too soon
  Z_DATA_ERROR: 'format',
};

const CERTIFICATE_CODE =
  /^(?:CERT_|CRL_|UNABLE_TO_|ERROR_IN_C|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH$|INVALID_CA$|INVALID_PURPOSE$|ERR_TLS_CERT_)/;
const CONNECTION_CODE = /^(?:EAI_|ERR_TLS_|ERR_SSL_|ERR_HTTP2_|HPE_)/;

/** Failures that show themselves by their text alone: fetch of Node and of browsers, SDKs built on it. */
const KIND_BY_MESSAGE: readonly (readonly [RegExp, FailureKind])[] = [
  [
    /^(?:terminated|fetch failed|failed to fetch|load failed|network error|networkerror when .*|premature close|socket hang up|other side closed|stream has been aborted|connection error\.?)$/i,
    'connection',
  ],
  [/^request timed out\.?$/i, 'timeout_attempt'],
  [/^request was aborted\.?$/i, 'abort'],
];

/** An error of one of these names is a mistake in code, whatever caused it. */
const BUG_NAMES = new Set(['TypeError', 'SyntaxError', 'ReferenceError', 'RangeError', 'AssertionError']);

/** The kind of one error, its causes left aside. */
function ownKind({ name, message, code, syscall }: FailureFields): FailureKind | undefined {
  const text = typeof message === 'string' ? message : '';
  if (/^Proxy response \(\d+\)/.test(text)) return text.includes('(5') ? 'connection' : 'connection_final';
  if (/^maxContentLength size of/.test(text)) return 'format';
  if (name === 'AbortError' || name === 'CanceledError') return 'abort';
  if (name === 'HTTPParserError') return 'connection'; // undici's code for it may be missing
  if (code === 'ETIMEDOUT' && syscall === 'connect') return 'timeout_connect';
  if (code === 'ETIMEDOUT' && typeof syscall === 'string') return 'connection';
  // axios means its own timeout by ECONNABORTED, but a broken connection as well.
  if (code === 'ETIMEDOUT' || (code === 'ECONNABORTED' && /time/i.test(text))) return 'timeout_attempt';
  if (name === 'TimeoutError') return 'timeout_attempt';
  if (typeof code === 'string') {
    const kind = KIND_BY_CODE[code];
    if (kind) return kind;
    if (CERTIFICATE_CODE.test(code)) return 'certificate';
    if (CONNECTION_CODE.test(code)) return 'connection';
  }
  return KIND_BY_MESSAGE.find(([pattern]) => pattern.test(text))?.[1];
}

interface KnownFailure {
  readonly kind: FailureKind;
  /** The error of the chain that tells. */
  readonly link: FailureFields;
}

/** The kind of a failure: that of the outermost error that has one, unless an inner one is more precise. */
export function kindOf(chain: readonly FailureFields[]): KnownFailure | undefined {
  let found: KnownFailure | undefined;
  for (const link of chain) {
    const kind = ownKind(link);
    if (kind && (!found || isMorePrecise(kind, link, found))) found = { kind, link };
    else if (!kind && BUG_NAMES.has(String(link.name))) break;
  }
  return found;
}

/** `fetch failed`, `ERR_NETWORK` and a code without a system call are general names for what is inside. */
function isMorePrecise(kind: FailureKind, link: FailureFields, outer: KnownFailure): boolean {
  const isTimeout = kind.startsWith('timeout');
  if (outer.kind === 'connection') return kind !== 'connection' || !isSystemCode(outer.link.code);
  return (
    (outer.kind === 'abort' && isTimeout) ||
    (outer.kind === 'timeout_attempt' && (isTimeout || link.code === 'ETIMEDOUT'))
  );
}

/** `ECONNRESET` says more than the code of a library. */
function isSystemCode(code: unknown): boolean {
  return /^E(?!RR_)/.test(String(code));
}

const BEFORE_SENDING =
  /^(?:ECONNREFUSED|ENOTFOUND|EADDRNOTAVAIL|EAI_\w+|UND_ERR_CONNECT_TIMEOUT|UND_ERR_PRX_TLS|UND_ERR_CLOSED|UND_ERR_INVALID_ARG|ERR_INVALID_URL|ERR_INVALID_CHAR|ERR_BAD_OPTION(?:_VALUE)?|timeout_connect)$/;

/**
 * Whether the failure proves that the request never left this process: the connection was refused, the name not
 * found, the TLS handshake failed, the connection not made in time, a proxy refused to connect, or we refused it
 * ourselves. False when it may have left.
 */
export function neverSent(error: unknown): boolean {
  return chainOf(error).some(({ code, syscall, message, socket }) => {
    if (syscall === 'connect') return true;
    if (typeof code === 'string') {
      if (BEFORE_SENDING.test(code) || isOwnRefusal(code) || CERTIFICATE_CODE.test(code)) return true;
    }
    if (bytesWritten(socket) === 0) return true;
    return (
      typeof message === 'string' &&
      /^Proxy response \(\d+\)|before secure TLS connection was established|wrong version number|handshake failure/.test(
        message,
      )
    );
  });
}

function bytesWritten(socket: unknown): unknown {
  return typeof socket === 'object' && socket !== null
    ? (socket as { bytesWritten?: unknown }).bytesWritten
    : undefined;
}
