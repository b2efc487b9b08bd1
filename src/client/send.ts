import type { AxiosInstance, AxiosResponse } from 'axios';
import {
  errorFromResponse,
  neverSent,
  readRateLimit,
  readRequestId,
  redactText,
  ResponseFormatError,
} from '../../decorators/errors/index.js';
import {
  currentCall,
  type Call,
  type CallFacts,
  type CallOptions,
  type TokenUsage,
} from '../../decorators/pipeline/index.js';
import { haveLazySignal } from '../../decorators/pipeline/call-options.js';
import type { HttpRequestConfig } from '../http/index.js';
import type { ProviderSpec } from './provider-spec.js';

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
  /** Keys that must not show in an error. */
  readonly secrets: Iterable<string>;
  /** Writes a body to the log; missing unless that was asked for. */
  readonly logBody?: (what: string, body: unknown) => void;
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
  context.logBody?.(`answer of ${path}`, body);
  checkBody(context, response);
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
  { http, provider, logBody }: RequestContext,
  path: string,
  { method, body, query, headers }: ApiRequest,
  options: CallOptions,
  call: Call | undefined,
  responseType: 'json' | 'stream',
): Promise<AxiosResponse> {
  let sent = false;
  const config: HttpRequestConfig = {
    url: path,
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    data: withExtraBody(body, options.extraBody),
    responseType,
    headers: { ...headers, ...idempotencyHeader(provider, options, call), ...options.headers },
    onSent: () => {
      sent = true;
    },
  };
  logBody?.(`request to ${path}`, config.data);
  if (query) config.params = query;
  if (call && haveLazySignal(options)) config.cancellation = call;
  else if (options.signal) config.signal = options.signal;
  try {
    const response = await http.request<unknown>(config);
    call?.report(readFacts(response));
    return response;
  } catch (error) {
    const { response } = error as { response?: AxiosResponse };
    call?.report(response ? readFacts(response) : { sent: sent && !neverSent(error) });
    throw error;
  }
}

function withExtraBody(body: unknown, extraBody: CallOptions['extraBody']): unknown {
  if (!extraBody) return body;
  return { ...(body as object | undefined), ...extraBody };
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

function readFacts({ status, headers }: AxiosResponse): CallFacts {
  const facts: CallFacts = { sent: true, statusCode: status };
  const requestId = readRequestId(headers);
  if (requestId !== undefined) facts.requestId = requestId;
  const limits = readRateLimit(headers);
  if (limits) facts.limits = limits;
  return facts;
}

/** Some servers answer 200 with an error in the body, or with a page of a proxy. */
function checkBody({ provider, secrets }: RequestContext, response: AxiosResponse): void {
  const body: unknown = response.data;
  const { status: statusCode, headers } = response;
  if (typeof body === 'object' && body !== null && (body as { error?: unknown }).error) {
    throw errorFromResponse({ statusCode, headers, body, provider: provider.name, secrets });
  }
  // What is no JSON comes as text.
  if (typeof body === 'string' && body !== '') {
    const type = contentType(response);
    throw new ResponseFormatError(
      type.includes('json')
        ? `${provider.name} answered ${statusCode} with JSON that cannot be read: it may have been cut off.`
        : `${provider.name} answered ${statusCode} with ${type || 'no content type'} where JSON was expected.`,
      { statusCode, response: redactText(body.slice(0, 200), secrets), provider: provider.name },
    );
  }
}

/** The content type of a response, without its parameters. */
export function contentType({ headers }: AxiosResponse): string {
  const value = (headers as Record<string, unknown> | undefined)?.['content-type'];
  return typeof value === 'string' ? (value.split(';')[0] ?? '').trim().toLowerCase() : '';
}

/** Usage in OpenAI's words: `prompt_tokens` and `completion_tokens`, with the cached part of the prompt. */
export function readUsage(body: object): TokenUsage | undefined {
  const usage = (body as { usage?: Record<string, unknown> | null }).usage;
  if (typeof usage !== 'object' || usage === null) return undefined;
  const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
  const inputTokens = number(usage['prompt_tokens']);
  const outputTokens = number(usage['completion_tokens']);
  const details = usage['prompt_tokens_details'] as Record<string, unknown> | null | undefined;
  const cachedInputTokens = number(details?.['cached_tokens']);
  return {
    ...(inputTokens !== undefined && { inputTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
    ...(cachedInputTokens !== undefined && { cachedInputTokens }),
  };
}
