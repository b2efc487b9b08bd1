// @ts-nocheck
import { ContextLengthError, type ErrorResponse } from '../../../decorators/errors/index.js';
import { isObject } from './blocks.js';

/** The status that goes with a type of error: a stream tells the type alone. */
const STATUSES: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

/** A response of Anthropic's that reports an error, with what only its body tells. */
export function readAnthropicError(response: ErrorResponse): ErrorResponse {
  const { body, statusCode = 0 } = response;
  const error = isObject(body) ? body['error'] : undefined;
  const { type, message } = isObject(error) ? error : {};
  const known = typeof type === 'string' ? STATUSES[type] : undefined;
  const read = known !== undefined && statusCode < 300 ? { ...response, statusCode: known } : response;
  // "input length and `max_tokens` exceed context limit": it is of the type of any bad request.
  return type === 'invalid_request_error' && /exceed(?:s)? context limit/i.test(String(message))
    ? { ...read, meanings: { invalid_request_error: ContextLengthError } }
    : read;
}
