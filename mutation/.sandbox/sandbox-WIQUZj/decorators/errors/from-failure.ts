// @ts-nocheck
import { originOf, requestOf } from './address.js';
import { AbortError, APIError, ConnectionError, ResponseFormatError, TimeoutError } from './classes.js';
import { failedResponseOf, type FailedResponse } from './failed-response.js';
import { chainOf, kindOf, type FailureFields, type FailureKind } from './failure-kinds.js';
import { errorFromResponse, type ErrorResponse } from './from-response.js';
import { readRequestId } from './headers.js';
import { LLMError, type LLMErrorInit } from './llm-error.js';
import { hideAndCut, redactorFor, type Redactor } from './redact.js';
import { scrubCause } from './scrub.js';
import { secretsOf } from './secrets.js';

/** What is known of a failure beside what was thrown. */
export interface FailureContext {
  provider?: string | undefined;
  /** Values that must not appear anywhere in the error. Those of the failed request are found without it. */
  secrets?: Iterable<string> | undefined;
  /** The signal of the call: what fails after it is aborted is an abort. */
  signal?: AbortSignal | undefined;
  /** Reads a response that reports an error. Default: `errorFromResponse()`. */
  readError?: ((response: ErrorResponse) => LLMError) | undefined;
}

const MAX_MESSAGE_LENGTH = 1000;

/**
 * Turns anything that was thrown into an error of the hierarchy: a response with an error status, a failed
 * connection, a timeout, an abort, a body that cannot be read, of axios, undici, fetch or another SDK. An
 * `LLMError` is returned as it is. What nobody recognises, such as a mistake in the code of a method, becomes an
 * `LLMError` with code `unexpected` and the original as its `cause`. Never throws.
 *
 * @example
 * try {
 *   await axios.post(url, body);
 * } catch (failure) {
 *   throw fromFailure(failure, { provider: 'acme', secrets: [apiKey] });
 * }
 */
export function fromFailure(failure: unknown, context: FailureContext = {}): LLMError {
  try {
    if (failure instanceof LLMError) return failure;
    return new Failure(failure, context).toError();
  } catch {
    // Something that cannot even be looked at, such as a proxy that throws.
    return new LLMError('Something was thrown that cannot be read.', { provider: context.provider });
  }
}

/** One failure while it is being read. */
class Failure {
  private readonly chain: FailureFields[];
  private readonly secrets: string[];
  private readonly hide: Redactor;
  private readonly request: { method?: string; url?: string };

  constructor(
    private readonly thrown: unknown,
    private readonly context: FailureContext,
  ) {
    this.chain = chainOf(thrown);
    this.secrets = [...(context.secrets ?? []), ...secretsOf(thrown)];
    this.hide = redactorFor(this.secrets);
    this.request = this.chain.map(requestOf).find(({ url }) => url !== undefined) ?? {};
  }

  toError(): LLMError {
    const { signal } = this.context;
    if (signal?.aborted && this.thrown === signal.reason) return this.aborted();
    const wrapped = this.wrappedByTransport();
    if (wrapped) return wrapped;
    const responses = this.chain.map(failedResponseOf).filter((found) => found !== undefined);
    const response = responses.find(({ statusCode }) => statusCode >= 300) ?? responses[0];
    if (response) {
      if (response.statusCode >= 300) return this.fromResponse(response);
      if (this.chain.some(({ name }) => name === 'SyntaxError')) return this.unreadable(response);
    }
    const known = kindOf(this.chain);
    if (known) return this.ofKind(known.kind, known.link);
    if (this.isUnreadableBody()) return this.unreadable(undefined);
    return new LLMError(this.clean(describe(this.thrown)), this.init());
  }

  /** An error of ours that passed through axios or fetch, from an interceptor or an adapter. */
  private wrappedByTransport(): LLMError | undefined {
    const [outermost] = this.chain;
    if (!outermost || !('isAxiosError' in outermost || outermost.message === 'fetch failed'))
      return undefined;
    return this.chain.find((link): link is FailureFields & LLMError => link instanceof LLMError);
  }

  private fromResponse(response: FailedResponse): LLMError {
    const { thrown, secrets, request, context } = this;
    const { provider, readError = errorFromResponse } = context;
    return readError({ ...response, ...request, provider, secrets, cause: thrown });
  }

  private ofKind(kind: FailureKind, link: FailureFields): LLMError {
    if (kind === 'abort' || this.context.signal?.aborted) return this.aborted();
    const init = this.init();
    const target = targetOf(this.request.url, this.chain);
    const [to, from] = target === undefined ? ['', ''] : [` to ${target}`, ` from ${target}`];
    const reason = reasonOf(link);
    switch (kind) {
      case 'connection':
        return new ConnectionError(this.clean(`Connection${to} failed: ${reason}`), init);
      case 'connection_final':
      case 'certificate':
        return new ConnectionError(this.clean(`Connection${to} failed: ${reason}`), {
          ...init,
          retryable: false,
        });
      case 'timeout_connect':
        return new TimeoutError(this.clean(`No connection${to} was made in time: ${reason}`), {
          ...init,
          code: kind,
        });
      case 'timeout_attempt':
      case 'timeout_idle':
        return new TimeoutError(this.clean(`No answer${from} came in time: ${reason}`), {
          ...init,
          code: kind,
        });
      case 'format':
        return new ResponseFormatError(this.clean(`The response cannot be read: ${reason}`), init);
      case 'redirects': {
        const message = this.clean(`Too many redirects${from}: check the base URL.`);
        return new APIError(message, undefined, undefined, init);
      }
    }
  }

  /** The reason that the signal gives says more than the error some library made of it. */
  private aborted(): LLMError {
    const { signal } = this.context;
    if (!signal?.aborted) return new AbortError('The request was aborted.', this.init());
    const reason: unknown = signal.reason;
    if (reason instanceof LLMError) return reason;
    return new AbortError('The request was aborted by its caller.', this.init(reason));
  }

  /** axios wraps what its JSON parser threw; a bare `SyntaxError` is a mistake in somebody's code. */
  private isUnreadableBody(): boolean {
    return this.chain.some(
      (link) => 'isAxiosError' in link && link.code === 'ERR_BAD_RESPONSE' && link.name === 'SyntaxError',
    );
  }

  private unreadable(response: FailedResponse | undefined): LLMError {
    const requestId = readRequestId(response?.headers);
    return new ResponseFormatError('The response is not valid JSON.', {
      ...this.init(),
      statusCode: response?.statusCode,
      requestId: requestId && this.hide(requestId),
    });
  }

  private init(cause: unknown = this.thrown): LLMErrorInit {
    return { provider: this.context.provider, cause: scrubCause(cause, this.secrets) };
  }

  private clean(text: string): string {
    return hideAndCut(text, this.hide, MAX_MESSAGE_LENGTH);
  }
}

/** Where the connection went, as far as it may be shown. */
function targetOf(url: string | undefined, chain: readonly FailureFields[]): string | undefined {
  const origin = originOf(url);
  if (origin !== undefined) return origin;
  for (const link of chain) {
    const { hostname, address, port } = link as { hostname?: unknown; address?: unknown; port?: unknown };
    const host = typeof hostname === 'string' ? hostname : address;
    if (typeof host === 'string') return typeof port === 'number' ? `${host}:${port}` : host;
  }
  return undefined;
}

/** The code, and the words where they say more than it does. */
function reasonOf({ code, message, syscall }: FailureFields): string {
  const text = typeof message === 'string' ? message : '';
  if (typeof code !== 'string') return text || 'no reason was given';
  return syscall !== undefined || text === '' || text.includes(code) ? code : `${code} (${text})`;
}

function describe(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown || 'An empty string was thrown.';
  if (typeof thrown !== 'object' || thrown === null) return `${String(thrown)} was thrown.`;
  const { name, message } = thrown as FailureFields;
  if (typeof message === 'string' && message !== '') {
    return typeof name === 'string' && name !== 'Error' ? `${name}: ${message}` : message;
  }
  return typeof name === 'string' ? `${name} was thrown.` : 'An object without a message was thrown.';
}
