import {
  APIError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  ContextLengthError,
  InternalServerError,
  NotFoundError,
  OverloadedError,
  PermissionDeniedError,
  QuotaExceededError,
  RateLimitError,
  UnprocessableEntityError,
} from './classes.js';
import type { LLMError, LLMErrorInit } from './llm-error.js';
import type { ErrorBody } from './response-body.js';

type Words = Pick<ErrorBody, 'type' | 'code' | 'message' | 'retryDelay'>;
type Make = (message: string, init: LLMErrorInit) => LLMError;

type APIErrorClass = new (
  message: string,
  statusCode?: number,
  response?: unknown,
  init?: LLMErrorInit,
) => LLMError;
const api =
  (Class: APIErrorClass): Make =>
  (message, init) =>
    new Class(message, init.statusCode, init.response, init);
const other =
  (Class: new (message: string, init?: LLMErrorInit) => LLMError): Make =>
  (message, init) =>
    new Class(message, init);

/** A class of error that a response may stand for. */
export type ResponseErrorClass = (new (message: string, init?: LLMErrorInit) => LLMError) | APIErrorClass;

/** How an error of `Class` is made: those of the status take it by itself. */
export function makerOf(Class: ResponseErrorClass): Make {
  // Of the prototypes that of `APIError` is one, too: `instanceof` looks at their marks.
  return Class.prototype instanceof APIError
    ? api(Class as APIErrorClass)
    : other(Class as new (message: string, init?: LLMErrorInit) => LLMError);
}

const authentication = other(AuthenticationError);
const rateLimit = other(RateLimitError);
const quotaExceeded = other(QuotaExceededError);
const badRequest = api(BadRequestError);
const contextLength = api(ContextLengthError);
const permissionDenied = api(PermissionDeniedError);
const notFound = api(NotFoundError);
const conflict = api(ConflictError);
const unprocessableEntity = api(UnprocessableEntityError);
const serverError = api(InternalServerError);
const overloaded = api(OverloadedError);
const apiError = api(APIError);

const BY_STATUS: Readonly<Record<number, Make>> = {
  400: badRequest,
  401: authentication,
  402: quotaExceeded,
  403: permissionDenied,
  404: notFound,
  409: conflict,
  422: unprocessableEntity,
  429: rateLimit,
  498: overloaded, // Groq: no capacity
  503: overloaded,
  529: overloaded, // Anthropic
};

/** What a provider's `type` and `code` mean, where there is no status. The first that matches counts. */
const BY_WORD: readonly (readonly [RegExp, Make])[] = [
  [/rate_?limit|too_?many_?requests|throttl|resource(?:_?| has been )exhausted/, rateLimit],
  [/overload|capacity|unavailable/, overloaded],
  [/authenti|api_?key|unauthorized/, authentication],
  [/permission|forbidden/, permissionDenied],
  [/not_?found/, notFound],
  [/conflict/, conflict],
  [/unprocessable/, unprocessableEntity],
  [/server_?error|internal|^api_error$|time_?out|deadline_exceeded/, serverError],
  [/invalid_?(?:request|argument|prompt|parameter|type|value)|bad_?request|validation/, badRequest],
];

const QUOTA_WORD =
  /insufficient_?(?:quota|balance|funds|credits?)|billing|exceeded_current_quota|^quota_?exceeded$|arrearage|payment_required/;
const QUOTA_MESSAGE =
  /credit balance|insufficient (?:account )?(?:balance|credits?|funds)|out of credits|used all available credits|spending limit/i;
/** Means the account at OpenAI; Gemini says it of a limit a minute too, but then with a delay. */
const CURRENT_QUOTA_MESSAGE = /exceeded your current quota/i;

const CONTEXT_WORD = /context_(?:length|window|size)|exceed_context|prompt_too_long/;
const CONTEXT_MESSAGE =
  /context (?:length|window|size)|(?:prompt|input) is too long|input token count .{0,60}exceeds|reduce the length of (?:the|your) (?:messages|prompt|input)|too many (?:input |prompt )?tokens/i;

const KEY_WORD = /invalid_?api_?key|api_?key_?invalid|^authentication_error$|^unauthenticated$/;
const KEY_MESSAGE = /(?:incorrect|invalid) api key|api key (?:not valid|is invalid|expired)/i;

/**
 * Decides the class. The status leads; the provider's words make it more precise, since a 429 may be an empty
 * account and a 400 a wrong key. Without a status of an error (inside a 200, or on a stream) the words decide
 * alone. Undefined when nothing is recognised.
 */
export function classify(
  statusCode: number | undefined,
  { type, code, message = '', retryDelay }: Words,
): Make | undefined {
  const words = [code, type].filter((word) => word !== undefined).map((word) => word.toLowerCase());
  const says = (pattern: RegExp): boolean => words.some((word) => pattern.test(word));
  const isClientError = statusCode === undefined || (statusCode >= 400 && statusCode < 500);

  if (isClientError && (says(QUOTA_WORD) || QUOTA_MESSAGE.test(message))) return quotaExceeded;
  if (
    isClientError &&
    CURRENT_QUOTA_MESSAGE.test(message) &&
    retryDelay === undefined &&
    !says(/exhausted|rate/)
  ) {
    return quotaExceeded;
  }
  if (isClientError && says(CONTEXT_WORD)) return contextLength;
  if (
    (statusCode === 400 || statusCode === 413 || statusCode === undefined) &&
    CONTEXT_MESSAGE.test(message)
  ) {
    // Groq calls a request that is larger than a minute's tokens a rate limit (413).
    if (!says(/rate_?limit/)) return contextLength;
  }
  if ((statusCode === 400 || statusCode === 403) && (says(KEY_WORD) || KEY_MESSAGE.test(message)))
    return authentication;
  if (statusCode === 400 && says(/throttl/)) return rateLimit;
  if (statusCode === undefined) return BY_WORD.find(([pattern]) => says(pattern))?.[1];
  if (statusCode >= 500 && says(/overload/)) return overloaded;
  return BY_STATUS[statusCode] ?? (statusCode >= 500 ? serverError : apiError);
}
