// @ts-nocheck
import type { AxiosResponse } from 'axios';
import { redact, redactText, ResponseFormatError, type LLMError } from '../../decorators/errors/index.js';
import { secretsOf } from '../../decorators/errors/secrets.js';
import type { CallOptions } from '../../decorators/pipeline/index.js';
import { failureIn } from '../wire/failures.js';
import type { RequestContext } from './send.js';

const EXCERPT_LENGTH = 200;
/** Looked through for secrets before it is cut: what a cut leaves of one is not found. */
const SEARCHED_LENGTH = 20_000;

/** The content type of a response, without its parameters. */
export function contentType({ headers }: AxiosResponse): string {
  const value = (headers as Record<string, unknown> | undefined)?.['content-type'];
  return typeof value === 'string' ? (value.split(';')[0] ?? '').trim().toLowerCase() : '';
}

/** What must not show of a response: the client's secrets and those of its own request. Read only when it is needed. */
export function secretsBehind({ secrets }: RequestContext, { config }: AxiosResponse): Iterable<string> {
  return { [Symbol.iterator]: () => [...secrets, ...secretsOf({ config })][Symbol.iterator]() };
}

/** The error that the body of a successful answer holds, where it holds one. */
export function errorInBody(
  context: RequestContext,
  response: AxiosResponse,
  body: unknown,
): LLMError | undefined {
  const failure = failureIn(body, context.provider.errors);
  if (failure === undefined) return undefined;
  const { status: statusCode, headers } = response;
  const secrets = secretsBehind(context, response);
  const { name: provider } = context.provider;
  return context.readError({ statusCode, headers, body: failure, provider, secrets });
}

/** The error for an answer of another kind than `expected`, like the page of a proxy. */
export function unexpectedContent(
  context: RequestContext,
  response: AxiosResponse,
  body: unknown,
  expected: string,
): ResponseFormatError {
  const { name: provider } = context.provider;
  const secrets = secretsBehind(context, response);
  const type = contentType(response);
  const what =
    type.includes('json') && typeof body === 'string'
      ? 'JSON that cannot be read: it may have been cut off.'
      : `${type || 'no content type'} where ${expected} was expected.`;
  return new ResponseFormatError(`${provider} answered ${response.status} with ${what}`, {
    statusCode: response.status,
    response:
      typeof body === 'string'
        ? redactText(body.slice(0, SEARCHED_LENGTH), secrets).slice(0, EXCERPT_LENGTH)
        : redact(body, secrets),
    provider,
  });
}

/** The error for an answer that lacks what it should hold; `what` says so, as in "without `choices`". */
export function malformedAnswer(
  { provider: { name: provider }, secrets }: RequestContext,
  what: string,
  answer: unknown,
  { headers }: CallOptions,
): ResponseFormatError {
  const hidden = [...secrets, ...secretsOf({ config: { headers } })];
  return new ResponseFormatError(`${provider} answered ${what}.`, {
    response: redact(answer, hidden),
    provider,
  });
}
