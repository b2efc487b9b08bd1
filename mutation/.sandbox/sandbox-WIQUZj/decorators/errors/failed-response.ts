/** The response that an error carries, whatever library made the error. */
// @ts-nocheck

export interface FailedResponse {
  readonly statusCode: number;
  readonly headers?: unknown;
  readonly body?: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads the response out of an error: of axios, got or ky (`error.response`), of an SDK (`status`, `headers` and
 * `error` on the error itself), of AWS (`$metadata`), or of a thrown `Response`. Undefined when it has none.
 */
export function failedResponseOf(error: unknown): FailedResponse | undefined {
  if (!isFields(error)) return undefined;
  const { response } = error;
  if (isFields(response)) {
    const statusCode = statusOf(response.status) ?? statusOf(response.statusCode);
    if (statusCode !== undefined) {
      return { statusCode, headers: response.headers, body: response.data ?? response.body ?? response.text };
    }
  }
  const statusCode = statusOf(error.status) ?? statusOf(error.statusCode);
  if (statusCode !== undefined) {
    const body =
      error.responseBody ?? error.body ?? error.error ?? error.data ?? messageOf(error, statusCode);
    return { statusCode, headers: error.headers ?? error.responseHeaders, body };
  }
  return fromAWS(error);
}

function fromAWS(error: Fields): FailedResponse | undefined {
  if (!isFields(error.$metadata)) return undefined;
  const { httpStatusCode, requestId } = error.$metadata;
  const statusCode = statusOf(httpStatusCode);
  if (statusCode === undefined) return undefined;
  return { statusCode, body: { message: error.message, type: error.name, request_id: requestId } };
}

/** Some libraries begin their message with the status, as we do. */
function messageOf(error: Fields, statusCode: number): string | undefined {
  const { message } = error;
  if (typeof message !== 'string') return undefined;
  return message.startsWith(`${statusCode} `) ? message.slice(4) : message;
}

function statusOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 100 && value <= 599
    ? value
    : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}
