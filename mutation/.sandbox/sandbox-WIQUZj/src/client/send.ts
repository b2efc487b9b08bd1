// @ts-nocheck
import type { AxiosInstance, AxiosResponse } from 'axios';
import {
  neverSent,
  readRequestId,
  redactText,
  type ErrorResponse,
  type LLMError,
  type RateLimitInfo,
} from '../../decorators/errors/index.js';
import { secretsOf } from '../../decorators/errors/secrets.js';
import {
  currentCall,
  type Call,
  type CallFacts,
  type CallOptions,
  type TokenUsage,
} from '../../decorators/pipeline/index.js';
import { haveLazySignal } from '../../decorators/pipeline/call-options.js';
import type { HttpRequestConfig } from '../http/index.js';
import { checkExtraBody } from './arguments.js';
import type { TextCounter } from '../tokenizer/tokenizer.js';
import type { ProviderSpec } from './provider-spec.js';
import { errorInBody, unexpectedContent } from './unusable-answer.js';

/** One request to an endpoint. */
export interface ApiRequest {
  /** Default: POST with a body, GET without. */
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | undefined;
  /** Sent as JSON, unless it is a string, a `Buffer` or a `FormData`. */
  body?: unknown;
  /** Query parameters besides the client's. */
  query?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Headers besides the client's. */
  headers?: Readonly<Record<string, string>> | undefined;
}

/** What sending needs to know of a client. */
export interface RequestContext {
  readonly http: AxiosInstance;
  readonly provider: ProviderSpec;
  /** Values that must not show in an error or a log. */
  readonly secrets: Iterable<string>;
  /** Counts tokens as a model does. */
  readonly counterFor: (model: string | undefined) => TextCounter;
  /** Writes a body to the log, without `secrets` and those of the call; missing unless that was asked for. */
  readonly logBody?: (what: string, body: unknown, ofCall: Iterable<string>) => void;
  readError(response: ErrorResponse): LLMError;
  readRateLimit(headers: unknown): RateLimitInfo | undefined;
  readUsage(answer: unknown): TokenUsage | undefined;
}

/** The content types of streams of events, the one that is asked for first. */
export const STREAM_TYPES: Readonly<Record<'sse' | 'ndjson', readonly string[]>> = {
  sse: ['text/event-stream'],
  ndjson: ['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/stream+json'],
};

/** Sends a request whose answer is JSON, of which `translate` makes what is returned. */
export async function sendRequest<T>(
  context: RequestContext,
  path: string,
  init: ApiRequest,
  options: CallOptions,
  translate: (answer: unknown) => T,
): Promise<T> {
  const call = currentCall();
  const response = await exchange(context, path, init, options, call, 'json');
  const body: unknown = response.data;
  context.logBody?.(`answer of ${path}`, body, secretsOf({ config: response.config }));
  const error = errorInBody(context, response, body);
  if (error) throw error;
  // What is no JSON comes as text.
  if (typeof body === 'string' && body !== '') throw unexpectedContent(context, response, body, 'JSON');
  const result = translate(body);
  if (call && typeof result === 'object' && result !== null) {
    const usage = context.readUsage(result);
    if (usage) call.report({ usage });
  }
  return result;
}

/** Sends a request whose answer is a stream of events; resolves with the response once its headers are in. */
export async function openEventStream(
  context: RequestContext,
  path: string,
  init: ApiRequest,
  options: CallOptions,
  format: 'sse' | 'ndjson' = 'sse',
): Promise<AxiosResponse> {
  const headers = { Accept: STREAM_TYPES[format][0] as string, ...init.headers };
  return exchange(context, path, { ...init, headers }, options, currentCall(), 'stream');
}

async function exchange(
  context: RequestContext,
  path: string,
  { method, body, query, headers }: ApiRequest,
  options: CallOptions,
  call: Call | undefined,
  responseType: 'json' | 'stream',
): Promise<AxiosResponse> {
  const { http, provider, logBody } = context;
  checkExtraBody(options.extraBody, body, path);
  let sent = false;
  const config: HttpRequestConfig = {
    url: path,
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    data: options.extraBody ? { ...(body as object), ...options.extraBody } : body,
    responseType,
    headers: { ...headers, ...idempotencyHeader(provider, options, call), ...options.headers },
    onSent: () => {
      sent = true;
    },
  };
  if (query) config.params = query;
  logBody?.(`request to ${path}`, config.data, secretsOf({ config }));
  if (call && haveLazySignal(options)) config.cancellation = call;
  else if (options.signal) config.signal = options.signal;
  try {
    const response = await http.request<unknown>(config);
    call?.report(readFacts(response, context));
    return response;
  } catch (error) {
    const { response } = error as { response?: AxiosResponse };
    call?.report(response ? readFacts(response, context) : { sent: sent && !neverSent(error) });
    throw error;
  }
}

const generatedKeys = new WeakMap<readonly unknown[], string>();

/** One key for all attempts of a call: their arguments are the same list. */
function idempotencyHeader(
  { idempotencyHeader: header }: ProviderSpec,
  { idempotencyKey }: CallOptions,
  call: Call | undefined,
): Record<string, string> {
  if (idempotencyKey !== undefined) return { [header ?? 'Idempotency-Key']: idempotencyKey };
  if (header === undefined || !call) return {};
  const key = generatedKeys.get(call.args) ?? `keelson-${crypto.randomUUID()}`;
  generatedKeys.set(call.args, key);
  return { [header]: key };
}

/** Servers echo what they are sent, in headers too. The search for a secret is cheap, hiding one is not. */
function withoutSecrets(text: string, secrets: Iterable<string>): string {
  for (const secret of secrets) if (text.includes(secret)) return redactText(text, secrets);
  return text;
}

function readFacts({ status, headers }: AxiosResponse, context: RequestContext): CallFacts {
  const facts: CallFacts = { sent: true, statusCode: status };
  const requestId = readRequestId(headers);
  if (requestId !== undefined) facts.requestId = withoutSecrets(requestId, context.secrets);
  const limits = context.readRateLimit(headers);
  if (limits) facts.limits = limits;
  return facts;
}
