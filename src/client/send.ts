import type { AxiosInstance, AxiosResponse } from 'axios';
import { neverSent, readRateLimit, readRequestId, redactText } from '../../decorators/errors/index.js';
import { secretsOf } from '../../decorators/errors/secrets.js';
import { currentCall, type Call, type CallFacts, type CallOptions } from '../../decorators/pipeline/index.js';
import { haveLazySignal } from '../../decorators/pipeline/call-options.js';
import { readUsage } from '../../decorators/pipeline/usage.js';
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
}

/** Sends a request whose answer is JSON. */
export async function sendRequest<T>(
  context: RequestContext,
  path: string,
  init: ApiRequest,
  options: CallOptions,
): Promise<T> {
  const call = currentCall();
  const response = await exchange(context, path, init, options, call, 'json');
  const body = response.data as T;
  context.logBody?.(`answer of ${path}`, body, secretsOf({ config: response.config }));
  const error = errorInBody(context, response, body);
  if (error) throw error;
  // What is no JSON comes as text.
  if (typeof body === 'string' && body !== '') throw unexpectedContent(context, response, body, 'JSON');
  if (call && typeof body === 'object' && body !== null) {
    const usage = readUsage(body);
    if (usage) call.report({ usage });
  }
  return body;
}

/** Sends a request whose answer is a stream of events; resolves with the response once its headers are in. */
export async function openEventStream(
  context: RequestContext,
  path: string,
  init: ApiRequest,
  options: CallOptions,
): Promise<AxiosResponse> {
  const headers = { Accept: 'text/event-stream', ...init.headers };
  return exchange(context, path, { ...init, headers }, options, currentCall(), 'stream');
}

async function exchange(
  { http, provider, secrets, logBody }: RequestContext,
  path: string,
  { method, body, query, headers }: ApiRequest,
  options: CallOptions,
  call: Call | undefined,
  responseType: 'json' | 'stream',
): Promise<AxiosResponse> {
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
    call?.report(readFacts(response, secrets));
    return response;
  } catch (error) {
    const { response } = error as { response?: AxiosResponse };
    call?.report(response ? readFacts(response, secrets) : { sent: sent && !neverSent(error) });
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

function readFacts({ status, headers }: AxiosResponse, secrets: Iterable<string>): CallFacts {
  const facts: CallFacts = { sent: true, statusCode: status };
  const requestId = readRequestId(headers);
  if (requestId !== undefined) facts.requestId = withoutSecrets(requestId, secrets);
  const limits = readRateLimit(headers);
  if (limits) facts.limits = limits;
  return facts;
}
