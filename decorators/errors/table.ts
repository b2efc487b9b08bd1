/**
 * Whether an error is worth another try. `by status` decides by the HTTP status. The others are no: `never`, whatever the user
 * has decided; `unsent`, since we have refused it ourselves, before anything was sent; `refused`, both.
 */
type Retryable = boolean | 'by status' | 'never' | 'unsent' | 'refused';

/**
 * Class → code → whether it is retried. The first code of a class is its default; the others are given at
 * construction. This is the only place that knows.
 */
export const ERROR_TABLE = {
  LLMError: { unexpected: false, client_closed: false, price_unknown: 'refused', worker_ended: false },
  AuthenticationError: { authentication: false },
  RateLimitError: { rate_limit: true, rate_limit_client: 'refused' },
  QuotaExceededError: { quota_exceeded: false },
  APIError: { api_error: 'by status' },
  BadRequestError: { bad_request: false },
  ContextLengthError: { context_length: false },
  PermissionDeniedError: { permission_denied: false },
  NotFoundError: { not_found: false },
  ConflictError: { conflict: true },
  UnprocessableEntityError: { unprocessable_entity: false },
  InternalServerError: { server_error: true },
  OverloadedError: { overloaded: true },
  ConnectionError: { connection: true },
  TimeoutError: {
    timeout_attempt: true,
    timeout_total: 'never',
    timeout_connect: true,
    timeout_first_event: true,
    timeout_idle: true,
  },
  StreamError: { stream: false },
  IncompleteStreamError: { stream_incomplete: true },
  AbortError: { aborted: 'never' },
  CircuitOpenError: { circuit_open: 'refused' },
  QueueFullError: { queue_full: 'refused' },
  BudgetExceededError: { budget_exceeded: 'refused' },
  StoreUnavailableError: { store_unavailable: 'refused' },
  ResponseFormatError: { response_format: false },
  UnsupportedOperationError: { unsupported_operation: 'unsent' },
} as const satisfies Record<string, Record<string, Retryable>>;

type Table = typeof ERROR_TABLE;

/** The name of a class of the hierarchy. */
export type ErrorName = keyof Table;

/** The codes that errors of the class `Name` carry. */
export type CodeOf<Name extends ErrorName> = keyof Table[Name] & string;

/** Every code that the package itself gives. */
export type LLMErrorCode = { [Name in ErrorName]: CodeOf<Name> }[ErrorName];

/** The code of a class when none is given; `origin` tells our own limiter's refusal from the provider's. */
export function defaultCode(name: ErrorName, origin?: 'client'): string {
  const [usual, ofClient] = Object.keys(ERROR_TABLE[name]) as [string, ...string[]];
  return (name === 'RateLimitError' && origin === 'client' && ofClient) || usual;
}

/** Whether an error of the class `name` is retried; a code that the table does not know is taken as the default one. */
export function isRetryable(name: ErrorName, code: string, statusCode: number | undefined): boolean {
  const codes: Readonly<Record<string, Retryable>> = ERROR_TABLE[name];
  const retryable = codes[code] ?? codes[defaultCode(name)];
  return retryable === 'by status' ? isRetryableStatus(statusCode) : retryable === true;
}

const RETRYABLE_BY_CODE = new Map<string, Retryable>(
  Object.values(ERROR_TABLE).flatMap((codes: Readonly<Record<string, Retryable>>) => Object.entries(codes)),
);

/** Whether a code tells of an end that another try cannot change: the caller's, or a refusal of our own policies. */
export function isFinal(code: string): boolean {
  const retryable = RETRYABLE_BY_CODE.get(code);
  return retryable === 'never' || retryable === 'refused';
}

/** Whether a code tells that we have refused ourselves, before anything was sent. */
export function isOwnRefusal(code: string): boolean {
  const retryable = RETRYABLE_BY_CODE.get(code);
  return retryable === 'unsent' || retryable === 'refused';
}

/** 408, 409, 429 and everything from 500 on: what a server means to pass. */
function isRetryableStatus(statusCode = 0): boolean {
  return statusCode >= 500 || [408, 409, 429].includes(statusCode);
}
