import { describe, expect, test } from '@jest/globals';
import { AxiosError, AxiosHeaders, CanceledError, type InternalAxiosRequestConfig } from 'axios';
import {
  AbortError,
  BudgetExceededError,
  CircuitOpenError,
  fromFailure,
  LLMError,
  neverSent,
  OverloadedError,
  QueueFullError,
  RateLimitError,
  StoreUnavailableError,
  TimeoutError,
  UnsupportedOperationError,
} from '../../decorators/errors/index.js';
import { secretsOf } from '../../decorators/errors/secrets.js';

const config = {
  baseURL: 'http://user:pw@host:8080/v1/',
  url: '/chat?key=abcdefgh',
  method: 'post',
  headers: new AxiosHeaders({ Authorization: 'Bearer sk-secret-123456' }),
} as InternalAxiosRequestConfig;
const axiosError = (message: string, code?: string) => new AxiosError(message, code, config, {});
const axiosFrom = (cause: Error, code?: string) => AxiosError.from(cause as AxiosError, code, config, {});
const withCode = (code: string, message = '', more: object = {}) =>
  Object.assign(new Error(message), { code, ...more });
const axiosResponse = (status: number, data: unknown, headers = {}) =>
  new AxiosError(
    `Request failed with status code ${status}`,
    status < 500 ? 'ERR_BAD_REQUEST' : 'ERR_BAD_RESPONSE',
    config,
    {},
    {
      status,
      data,
      headers,
      config,
      statusText: '',
    },
  );
const fetchFailed = (cause?: unknown) => new TypeError('fetch failed', { cause });
const undiciError = (name: string, code: string, message: string, more: object = {}) =>
  Object.assign(new Error(message), { name, code, ...more });
const refused = withCode('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1', {
  syscall: 'connect',
  address: '127.0.0.1',
  port: 1,
});
/** `failure` as the cause of so many errors. */
const within = (depth: number, failure: Error): Error =>
  depth === 0 ? failure : new Error('around', { cause: within(depth - 1, failure) });
const bug = new TypeError("Cannot read properties of undefined (reading 'x')");

type Row = readonly [what: string, failure: unknown, name: string, code: string, retryable: boolean];

describe('what was thrown → class, code, retryable', () => {
  test.each<Row>([
    // axios
    [
      'timeout',
      axiosError('timeout of 50ms exceeded', 'ECONNABORTED'),
      'TimeoutError',
      'timeout_attempt',
      true,
    ],
    [
      'timeout, clarified',
      axiosError('timeout of 50ms exceeded', 'ETIMEDOUT'),
      'TimeoutError',
      'timeout_attempt',
      true,
    ],
    [
      'ECONNABORTED that is no timeout',
      axiosError('Request aborted', 'ECONNABORTED'),
      'ConnectionError',
      'connection',
      true,
    ],
    ['cancelled', new CanceledError('canceled', config), 'AbortError', 'aborted', false],
    ['network error', axiosError('Network Error', 'ERR_NETWORK'), 'ConnectionError', 'connection', true],
    [
      'network error with a cause',
      axiosFrom(fetchFailed(refused), 'ERR_NETWORK'),
      'ConnectionError',
      'connection',
      true,
    ],
    ['refused', axiosFrom(refused), 'ConnectionError', 'connection', true],
    [
      'undici connect timeout as ETIMEDOUT',
      axiosFrom(undiciError('ConnectTimeoutError', 'UND_ERR_CONNECT_TIMEOUT', 'late'), 'ETIMEDOUT'),
      'TimeoutError',
      'timeout_connect',
      true,
    ],
    [
      'connect timeout of the system',
      axiosFrom(withCode('ETIMEDOUT', 'connect', { syscall: 'connect' })),
      'TimeoutError',
      'timeout_connect',
      true,
    ],
    [
      'read timeout of the system',
      axiosFrom(withCode('ETIMEDOUT', 'read', { syscall: 'read' })),
      'ConnectionError',
      'connection',
      true,
    ],
    [
      'bare read timeout of the system',
      withCode('ETIMEDOUT', 'read', { syscall: 'read' }),
      'ConnectionError',
      'connection',
      true,
    ],
    [
      'redirects',
      axiosError('Maximum number of redirects exceeded', 'ERR_FR_TOO_MANY_REDIRECTS'),
      'APIError',
      'api_error',
      false,
    ],
    [
      'too long a body',
      axiosError('maxContentLength size of 10 exceeded', 'ERR_BAD_RESPONSE'),
      'ResponseFormatError',
      'response_format',
      false,
    ],
    [
      'broken stream',
      axiosError('stream has been aborted', 'ERR_BAD_RESPONSE'),
      'ConnectionError',
      'connection',
      true,
    ],
    [
      'bad JSON',
      axiosFrom(new SyntaxError('Unexpected token'), 'ERR_BAD_RESPONSE'),
      'ResponseFormatError',
      'response_format',
      false,
    ],
    ['bad option', axiosError('timeout', 'ERR_BAD_OPTION_VALUE'), 'LLMError', 'unexpected', false],
    ['bad URL', axiosError('Invalid URL', 'ERR_INVALID_URL'), 'LLMError', 'unexpected', false],
    [
      'too long a request',
      axiosError('Request body larger than maxBodyLength limit', 'ERR_BAD_REQUEST'),
      'LLMError',
      'unexpected',
      false,
    ],
    ['a bug in an interceptor', axiosFrom(bug), 'LLMError', 'unexpected', false],
    ['401', axiosResponse(401, { error: { message: 'No' } }), 'AuthenticationError', 'authentication', false],
    ['429', axiosResponse(429, ''), 'RateLimitError', 'rate_limit', true],
    ['503', axiosResponse(503, '<html>'), 'OverloadedError', 'overloaded', true],
    ['302', axiosResponse(302, '', { location: 'https://x/y' }), 'APIError', 'api_error', false],
    // undici and fetch
    ['fetch failed: refused', fetchFailed(refused), 'ConnectionError', 'connection', true],
    [
      'fetch failed: two addresses',
      fetchFailed(Object.assign(new AggregateError([refused]), { code: 'ECONNREFUSED' })),
      'ConnectionError',
      'connection',
      true,
    ],
    [
      'fetch failed: connect timeout',
      fetchFailed(undiciError('ConnectTimeoutError', 'UND_ERR_CONNECT_TIMEOUT', 'x')),
      'TimeoutError',
      'timeout_connect',
      true,
    ],
    ['fetch failed, no cause', fetchFailed(), 'ConnectionError', 'connection', true],
    [
      'terminated',
      new TypeError('terminated', {
        cause: undiciError('SocketError', 'UND_ERR_SOCKET', 'other side closed'),
      }),
      'ConnectionError',
      'connection',
      true,
    ],
    [
      'headers timeout',
      undiciError('HeadersTimeoutError', 'UND_ERR_HEADERS_TIMEOUT', 'x'),
      'TimeoutError',
      'timeout_attempt',
      true,
    ],
    [
      'body timeout',
      fetchFailed(undiciError('BodyTimeoutError', 'UND_ERR_BODY_TIMEOUT', 'x')),
      'TimeoutError',
      'timeout_idle',
      true,
    ],
    [
      'undici abort',
      undiciError('AbortError', 'UND_ERR_ABORTED', 'Request aborted'),
      'AbortError',
      'aborted',
      false,
    ],
    [
      'proxy refused',
      undiciError('AbortError', 'UND_ERR_ABORTED', 'Proxy response (407) !== 200 when HTTP Tunneling'),
      'ConnectionError',
      'connection',
      false,
    ],
    [
      'proxy unavailable',
      undiciError('AbortError', 'UND_ERR_ABORTED', 'Proxy response (503) !== 200 when HTTP Tunneling'),
      'ConnectionError',
      'connection',
      true,
    ],
    [
      'closed pool',
      undiciError('ClientClosedError', 'UND_ERR_CLOSED', 'x'),
      'ConnectionError',
      'connection',
      false,
    ],
    [
      'truncated body',
      undiciError('ResponseContentLengthMismatchError', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'x'),
      'ConnectionError',
      'connection',
      true,
    ],
    [
      'no HTTP',
      undiciError('HTTPParserError', 'HPE_INVALID_CONSTANT', 'Expected HTTP/'),
      'ConnectionError',
      'connection',
      true,
    ],
    ["Chrome's fetch", new TypeError('Failed to fetch'), 'ConnectionError', 'connection', true],
    ["Safari's fetch", new TypeError('Load failed'), 'ConnectionError', 'connection', true],
    [
      "Firefox's fetch",
      new TypeError('NetworkError when attempting to fetch resource.'),
      'ConnectionError',
      'connection',
      true,
    ],
    // sockets, DNS, TLS, compression
    ...[
      'ECONNRESET',
      'EPIPE',
      'ENOTFOUND',
      'EAI_AGAIN',
      'EHOSTUNREACH',
      'ENETUNREACH',
      'EPROTO',
      'ERR_STREAM_PREMATURE_CLOSE',
      'ERR_SSL_WRONG_VERSION_NUMBER',
      'ERR_HTTP2_STREAM_ERROR',
      'Z_BUF_ERROR',
    ].map((code): Row => [code, withCode(code), 'ConnectionError', 'connection', true]),
    ...[
      'CERT_HAS_EXPIRED',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'HOSTNAME_MISMATCH',
    ].map((code): Row => [
      code,
      axiosFrom(withCode(code, 'no trust')),
      'ConnectionError',
      'connection',
      false,
    ]),
    [
      'Z_DATA_ERROR',
      withCode('Z_DATA_ERROR', 'incorrect header check'),
      'ResponseFormatError',
      'response_format',
      false,
    ],
    // aborts and timeouts of the platform
    ['AbortError', new DOMException('gone', 'AbortError'), 'AbortError', 'aborted', false],
    ['TimeoutError', new DOMException('late', 'TimeoutError'), 'TimeoutError', 'timeout_attempt', true],
    [
      'ABORT_ERR of Node',
      Object.assign(new Error('x'), { name: 'AbortError', code: 'ABORT_ERR' }),
      'AbortError',
      'aborted',
      false,
    ],
    // other SDKs
    [
      'openai-node 429',
      Object.assign(new Error('429 busy'), {
        status: 429,
        headers: new Headers({ 'retry-after': '2' }),
        error: { message: 'busy', type: 'requests' },
      }),
      'RateLimitError',
      'rate_limit',
      true,
    ],
    [
      'openai-node connection',
      new Error('Connection error.', { cause: fetchFailed(refused) }),
      'ConnectionError',
      'connection',
      true,
    ],
    ['openai-node timeout', new Error('Request timed out.'), 'TimeoutError', 'timeout_attempt', true],
    ['openai-node abort', new Error('Request was aborted.'), 'AbortError', 'aborted', false],
    [
      'Anthropic 529',
      Object.assign(new Error('529 x'), {
        status: 529,
        error: { type: 'error', error: { type: 'overloaded_error', message: 'x' } },
      }),
      'OverloadedError',
      'overloaded',
      true,
    ],
    [
      'AI SDK 402',
      Object.assign(new Error('x'), { statusCode: 402, responseHeaders: {}, responseBody: '{"error":"x"}' }),
      'QuotaExceededError',
      'quota_exceeded',
      false,
    ],
    [
      'got 404',
      Object.assign(new Error('Response code 404'), {
        response: { statusCode: 404, body: 'Not here', headers: {} },
        options: {},
      }),
      'NotFoundError',
      'not_found',
      false,
    ],
    [
      'AWS throttling',
      Object.assign(new Error('Too many'), {
        name: 'ThrottlingException',
        $metadata: { httpStatusCode: 429, requestId: 'r' },
      }),
      'RateLimitError',
      'rate_limit',
      true,
    ],
    [
      'undici ResponseError',
      Object.assign(new Error('x'), { statusCode: 500, body: 'x', headers: {} }),
      'InternalServerError',
      'server_error',
      true,
    ],
    ['thrown Response', new Response('x', { status: 404 }), 'NotFoundError', 'not_found', false],
    [
      'wrapped 429',
      new Error('my context', { cause: axiosResponse(429, '') }),
      'RateLimitError',
      'rate_limit',
      true,
    ],
    // by name alone
    ['a cancellation', { name: 'CanceledError', message: 'x' }, 'AbortError', 'aborted', false],
    ['what is no HTTP', { name: 'HTTPParserError', message: 'x' }, 'ConnectionError', 'connection', true],
    // what lies inside another failure
    [
      'a broken connection in an error of the user',
      new Error('mine', { cause: withCode('ECONNRESET') }),
      'ConnectionError',
      'connection',
      true,
    ],
    ['one below seven errors', within(7, withCode('ECONNRESET')), 'ConnectionError', 'connection', true],
    [
      'one below eight, which are all that is looked at',
      within(8, withCode('ECONNRESET')),
      'LLMError',
      'unexpected',
      false,
    ],
    [
      'a connect timeout in a broken connection',
      withCode('ECONNRESET', 'x', { cause: undiciError('x', 'UND_ERR_CONNECT_TIMEOUT', 'x') }),
      'TimeoutError',
      'timeout_connect',
      true,
    ],
    [
      'a timeout in an abort',
      undiciError('AbortError', 'ABORT_ERR', 'x', { cause: new DOMException('late', 'TimeoutError') }),
      'TimeoutError',
      'timeout_attempt',
      true,
    ],
    [
      'a broken connection in an abort',
      undiciError('AbortError', 'ABORT_ERR', 'x', { cause: withCode('ECONNRESET') }),
      'AbortError',
      'aborted',
      false,
    ],
    [
      'a broken connection in a timeout',
      undiciError('TimeoutError', '', 'x', { cause: withCode('ECONNRESET') }),
      'TimeoutError',
      'timeout_attempt',
      true,
    ],
    [
      "the system's timeout of a connection in a timeout",
      undiciError('TimeoutError', '', 'x', { cause: withCode('ETIMEDOUT', 'x', { syscall: 'read' }) }),
      'ConnectionError',
      'connection',
      true,
    ],
    [
      'a timeout in what cannot be read',
      withCode('Z_DATA_ERROR', 'x', { cause: new DOMException('late', 'TimeoutError') }),
      'ResponseFormatError',
      'response_format',
      false,
    ],
    // what only looks like a failure
    [
      'a file that is not there',
      withCode('ENOENT', 'x', { syscall: 'open' }),
      'LLMError',
      'unexpected',
      false,
    ],
    ['a text about a proxy', new Error('A Proxy response (503)'), 'LLMError', 'unexpected', false],
    ['a text about a limit', new Error('The maxContentLength size of 5'), 'LLMError', 'unexpected', false],
    [
      'a code of axios without a parser',
      axiosError('odd', 'ERR_BAD_RESPONSE'),
      'LLMError',
      'unexpected',
      false,
    ],
    [
      "a parser's error with another code",
      axiosFrom(new SyntaxError('x'), 'ERR_OTHER'),
      'LLMError',
      'unexpected',
      false,
    ],
    ['a list for a message', { message: ['terminated'] }, 'LLMError', 'unexpected', false],
    ['a list for a code', { message: 'x', code: ['ECONNRESET'] }, 'LLMError', 'unexpected', false],
    // mistakes in code, and things that are no errors
    ['TypeError', bug, 'LLMError', 'unexpected', false],
    ['SyntaxError', new SyntaxError('Unexpected token'), 'LLMError', 'unexpected', false],
    ['ReferenceError', new ReferenceError('x is not defined'), 'LLMError', 'unexpected', false],
    [
      'a bug that a broken connection caused',
      new RangeError('x', { cause: refused }),
      'LLMError',
      'unexpected',
      false,
    ],
    ['Error', new Error('mine'), 'LLMError', 'unexpected', false],
    [
      'a status that is none',
      Object.assign(new Error('x'), { status: 200 }),
      'LLMError',
      'unexpected',
      false,
    ],
    ['a gRPC status', Object.assign(new Error('x'), { status: 14 }), 'LLMError', 'unexpected', false],
    ['string', 'oops', 'LLMError', 'unexpected', false],
    ['empty string', '', 'LLMError', 'unexpected', false],
    ['undefined', undefined, 'LLMError', 'unexpected', false],
    ['null', null, 'LLMError', 'unexpected', false],
    ['number', 42, 'LLMError', 'unexpected', false],
    ['symbol', Symbol('s'), 'LLMError', 'unexpected', false],
    ['function', () => 1, 'LLMError', 'unexpected', false],
    ['object', { a: 1 }, 'LLMError', 'unexpected', false],
    ['object with a status', { status: 503, body: 'x' }, 'OverloadedError', 'overloaded', true],
    ['object without a prototype', Object.create(null), 'LLMError', 'unexpected', false],
    [
      'an object that cannot be read',
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('no');
          },
          has: () => {
            throw new Error('no');
          },
        },
      ),
      'LLMError',
      'unexpected',
      false,
    ],
  ])('%s', (_what, failure, name, code, retryable) => {
    const error = fromFailure(failure);
    expect({ name: error.name, code: error.code, retryable: error.retryable }).toEqual({
      name,
      code,
      retryable,
    });
    expect(error.message).not.toBe('');
  });

  test('an error of the hierarchy is returned as it is', () => {
    const error = new OverloadedError('x', 529);
    expect(fromFailure(error, { provider: 'other' })).toBe(error);
  });

  test('so is one that axios or fetch wrapped', () => {
    const error = new AbortError('x');
    expect(fromFailure(axiosFrom(error))).toBe(error);
    expect(fromFailure(fetchFailed(error))).toBe(error);
    const wrapped = fromFailure(new Error('mine', { cause: new QueueFullError('x') }));
    expect(wrapped).toMatchObject({ code: 'unexpected', message: 'mine' });
  });
});

describe('messages', () => {
  test.each<[failure: unknown, message: string]>([
    [axiosFrom(refused), 'Connection to http://host:8080 failed: ECONNREFUSED'],
    [fetchFailed(refused), 'Connection to 127.0.0.1:1 failed: ECONNREFUSED'],
    [
      withCode('ENOTFOUND', 'getaddrinfo ENOTFOUND no.host', { syscall: 'getaddrinfo', hostname: 'no.host' }),
      'Connection to no.host failed: ENOTFOUND',
    ],
    [
      axiosFrom(withCode('CERT_HAS_EXPIRED', 'certificate has expired')),
      'Connection to http://host:8080 failed: CERT_HAS_EXPIRED (certificate has expired)',
    ],
    [
      new TypeError('terminated', {
        cause: undiciError('SocketError', 'UND_ERR_SOCKET', 'other side closed'),
      }),
      'Connection failed: UND_ERR_SOCKET (other side closed)',
    ],
    [
      axiosFrom(undiciError('SocketError', 'UND_ERR_SOCKET', 'other side closed'), 'ECONNRESET'),
      'Connection to http://host:8080 failed: ECONNRESET (other side closed)',
    ],
    [
      axiosError('timeout of 50ms exceeded', 'ECONNABORTED'),
      'No answer from http://host:8080 came in time: ECONNABORTED (timeout of 50ms exceeded)',
    ],
    [
      axiosFrom(undiciError('ConnectTimeoutError', 'UND_ERR_CONNECT_TIMEOUT', 'late')),
      'No connection to http://host:8080 was made in time: UND_ERR_CONNECT_TIMEOUT (late)',
    ],
    [
      undiciError('HeadersTimeoutError', 'UND_ERR_HEADERS_TIMEOUT', 'late'),
      'No answer came in time: UND_ERR_HEADERS_TIMEOUT (late)',
    ],
    [{ name: 'TimeoutError' }, 'No answer came in time: no reason was given'],
    [
      axiosError('maxContentLength size of 10 exceeded', 'ERR_BAD_RESPONSE'),
      'The response cannot be read: ERR_BAD_RESPONSE (maxContentLength size of 10 exceeded)',
    ],
    [
      axiosError('Maximum number of redirects exceeded', 'ERR_FR_TOO_MANY_REDIRECTS'),
      'Too many redirects from http://host:8080: check the base URL.',
    ],
    [axiosFrom(new SyntaxError('Unexpected'), 'ERR_BAD_RESPONSE'), 'The response is not valid JSON.'],
    [new DOMException('gone', 'AbortError'), 'The request was aborted.'],
    [fetchFailed(), 'Connection failed: fetch failed'],
    [withCode('ECONNRESET'), 'Connection failed: ECONNRESET'],
    [
      withCode('ECONNRESET', 'broken', { address: '10.0.0.1' }),
      'Connection to 10.0.0.1 failed: ECONNRESET (broken)',
    ],
    [axiosResponse(404, ''), '404 with an empty body (POST http://host:8080/v1/chat)'],
    [bug, `TypeError: ${bug.message}`],
    ['oops', 'oops'],
    ['', 'An empty string was thrown.'],
    [undefined, 'undefined was thrown.'],
    [null, 'null was thrown.'],
    [42, '42 was thrown.'],
    [{ a: 1 }, 'An object without a message was thrown.'],
    [{ name: 'Mine', message: '' }, 'Mine was thrown.'],
    [{ name: 5, message: 'mine' }, 'mine'],
    [new Error('mine'), 'mine'],
    [{ response: { statusCode: 503, text: 'down' } }, '503 down'],
    [{ response: { status: 503, data: 'data', body: 'body' } }, '503 data'],
    [{ response: {}, status: 503, data: { message: 'down' } }, '503 down'],
    [{ status: 503, body: 'body', error: 'error', message: '503 m' }, '503 body'],
    [{ status: 503, error: 'error', data: 'data' }, '503 error'],
    [{ status: 503, message: '500 other' }, '503 500 other'],
    [{ status: 503 }, '503 with an empty body'],
    [{ statusCode: 600, message: 'no status' }, 'no status'],
    [{ status: 599, message: 'last' }, '599 last'],
    [{ status: 99, message: 'no status' }, 'no status'],
    [{ response: null, status: 404, message: 'No' }, '404 No'],
    [{ status: 500.5, message: 'no status' }, 'no status'],
    [{ status: '503', message: 'no status' }, 'no status'],
    [{ $metadata: {}, message: 'no status' }, 'no status'],
    [{ $metadata: { httpStatusCode: 503 }, message: 'down', name: 'Down' }, '503 down'],
    [Object.assign(new Error('401 No key'), { status: 401 }), '401 No key'],
  ])('%s → %s', (failure, message) => {
    expect(fromFailure(failure).message).toBe(message);
  });
});

describe('the request that a message names', () => {
  const response = { status: 404, data: 'No' };
  test.each<[config: object | null, request: string]>([
    [{ url: '/chat', baseURL: 'http://h/v1//' }, ' (http://h/v1/chat)'],
    [{ url: '//chat', baseURL: 'http://h/v1' }, ' (http://h/v1/chat)'],
    [{ url: 'a//b', baseURL: 'http://h' }, ' (http://h/a//b)'],
    [{ baseURL: 'http://h/v1' }, ' (http://h/v1)'],
    [{ url: '', baseURL: 'http://h/v1' }, ' (http://h/v1)'],
    [{ url: 'HTTPS://x/y', baseURL: 'http://h' }, ' (HTTPS://x/y)'],
    [{ url: 'http+unix.1://x/y', baseURL: 'http://h' }, ' (http+unix.1://x/y)'],
    [{ url: 'x/http://y', baseURL: 'http://h' }, ' (http://h/x/http://y)'],
    [{ url: '/alone', method: 'get' }, ' (GET /alone)'],
    [{ url: '/alone', method: 5, baseURL: 5 }, ' (/alone)'],
    [{ method: 'get' }, ''],
    [{ url: '' }, ''],
    [null, ''],
  ])('%j → %s', (config, request) => {
    expect(fromFailure({ config, response }).message).toBe(`404 No${request}`);
  });

  test('is that of the first of config, options and request that has an address', () => {
    const request = { url: 'http://r/x', method: 'put' };
    for (const failure of [
      { config: null, request },
      { config: { method: 'get' }, options: 5, request },
    ]) {
      expect(fromFailure({ ...failure, response }).message).toBe('404 No (PUT http://r/x)');
    }
  });

  test.each(['/only', 'data:text', ''])('is no host to connect to where it has none: %p', (url) => {
    const failure = Object.assign(withCode('ECONNRESET'), { config: { url } });
    expect(fromFailure(failure).message).toBe('Connection failed: ECONNRESET');
  });
});

describe('fields', () => {
  test('those of the response', () => {
    const error = fromFailure(
      axiosResponse(429, { error: { message: 'x', type: 't' } }, { 'x-request-id': 'r', 'retry-after': '3' }),
      { provider: 'acme' },
    );
    expect(error).toMatchObject({
      statusCode: 429,
      requestId: 'r',
      retryAfterMs: 3000,
      type: 't',
      provider: 'acme',
    });
    expect(error.response).toEqual({ error: { message: 'x', type: 't' } });
  });

  test('AWS and openai-node tell them their own way', () => {
    const aws = Object.assign(new Error('Too many'), {
      name: 'ThrottlingException',
      $metadata: { httpStatusCode: 429, requestId: 'r' },
    });
    expect(fromFailure(aws)).toMatchObject({
      requestId: 'r',
      type: 'ThrottlingException',
      message: '429 Too many',
    });
    const openai = Object.assign(new Error('429 busy'), {
      status: 429,
      headers: new Headers({ 'retry-after': '2' }),
      error: { message: 'busy', type: 'requests', param: 'p' },
    });
    expect(fromFailure(openai)).toMatchObject({
      retryAfterMs: 2000,
      type: 'requests',
      param: 'p',
      message: '429 busy',
    });
  });

  test('bad JSON in a response with status 200 keeps status and request id', () => {
    const failure = AxiosError.from(
      new SyntaxError('Unexpected') as never,
      'ERR_BAD_RESPONSE',
      config,
      {},
      {
        status: 200,
        data: '<p>',
        headers: { 'x-request-id': 'r' },
        config,
        statusText: '',
      },
    );
    expect(fromFailure(failure)).toMatchObject({
      name: 'ResponseFormatError',
      statusCode: 200,
      requestId: 'r',
    });
  });

  test('of several responses the first with an error status counts', () => {
    const ok = { response: { status: 200, data: '{' } };
    const redirect = { response: { status: 300, data: '' } };
    const failed = { response: { status: 503, data: 'down' } };
    expect(fromFailure({ ...ok, cause: failed })).toMatchObject({ statusCode: 503, message: '503 down' });
    expect(fromFailure({ ...redirect, cause: failed })).toMatchObject({ statusCode: 300 });
    expect(fromFailure({ ...ok, message: 'mine', cause: ok })).toMatchObject({ message: 'mine' });
  });

  test('bad JSON in a response with an error status is that error', () => {
    const failure = AxiosError.from(
      new SyntaxError('Unexpected') as never,
      'ERR_BAD_RESPONSE',
      config,
      {},
      {
        status: 502,
        data: '<html><title>Bad</title>',
        headers: {},
        config,
        statusText: '',
      },
    );
    expect(fromFailure(failure)).toMatchObject({ name: 'InternalServerError', statusCode: 502 });
  });
});

describe('what a request carried', () => {
  const header = (headers: object) => ({ headers });
  test.each<[string, object, string]>([
    ['the token of a header', header({ Authorization: 'Bearer abc-def-ghi' }), 'abc-def-ghi'],
    ['a header as a whole', header({ Authorization: 'Bearer abc-def-ghi' }), 'Bearer abc-def-ghi'],
    [
      'the password of basic authorization',
      header({ Authorization: `basic ${btoa('me:my-phrase')}` }),
      'my-phrase',
    ],
    ['user and password of it', header({ Authorization: `Basic ${btoa('me:my-phrase')}` }), 'me:my-phrase'],
    [
      'the user of it, which may be a key',
      header({ Authorization: `Basic ${btoa('of-the-user:')}` }),
      'of-the-user',
    ],
    [
      'what is no ASCII in it',
      header({ Authorization: `Basic ${Buffer.from('me:pässwört').toString('base64')}` }),
      'pässwört',
    ],
    ['the token after more than one space', header({ Authorization: 'Bearer   abc-def-ghi' }), 'abc-def-ghi'],
    ['a cookie', header({ Cookie: 'a=b; session= of-the-user' }), 'of-the-user'],
    ['a token by its name', header({ 'x-my-token': 'of-the-user' }), 'of-the-user'],
    ['axios’s user', { auth: { username: 'user-name', password: 'pass-word' } }, 'user-name'],
    ['axios’s password', { auth: { username: 'user-name', password: 'pass-word' } }, 'pass-word'],
    ['a proxy’s user', { proxy: { auth: { username: 'user-name', password: 'pass-word' } } }, 'user-name'],
    ['a parameter key', { params: { key: 'of-the-user' } }, 'of-the-user'],
    ['a parameter sig', { params: { Sig: 'of-the-user' } }, 'of-the-user'],
    ['a parameter token', { params: { token: 'of-the-user' } }, 'of-the-user'],
    ['a parameter api_key', { params: { api_key: 'of-the-user' } }, 'of-the-user'],
    ['a parameter of many', { params: new URLSearchParams('q=a&key=of-the-user') }, 'of-the-user'],
    ['the query of a path', { url: '/chat?key=of-the-user' }, 'of-the-user'],
    ['the query of an address', { url: 'https://a.example/chat?api-key=of-the-user' }, 'of-the-user'],
    ['the password of an address', { baseURL: 'https://me:of%20the%20user@a.example' }, 'of the user'],
    ['the user of an address', { baseURL: 'https://of-the-user@a.example' }, 'of-the-user'],
    ['the query of a URL', { url: new URL('https://a.example/?key=of-the-user') }, 'of-the-user'],
    ['a password with a bare percent sign', { url: 'https://me:the-whole-50%@a.example' }, 'the-whole-50%'],
    ['the query beside one', { url: 'https://me:50%@a.example/?key=of-the-user' }, 'of-the-user'],
  ])('is hidden where a server echoes it: %s', (_what, request, secret) => {
    const response = { status: 400, data: { message: `No "${secret}" here` } };
    for (const failure of [
      { config: request, response },
      { options: request, response },
      { request, response },
      { response: { ...response, config: request } },
      { message: 'mine', cause: { config: request, response } },
      new AggregateError([new Error('first', { cause: { config: request, response } })]),
      new AggregateError([{ response }, { config: request }]),
      [1, 2, 3, 4, 5, 6].reduce<unknown>((cause) => ({ cause }), { config: request, response }),
    ]) {
      expect(fromFailure(failure).message).toMatch(/^400 No "\[redacted\]" here/);
    }
  });

  test.each<[string, object, string]>([
    ['what is no credential', { params: { q: 'of-the-user' } }, 'of-the-user'],
    ['other headers', header({ 'x-user': 'of-the-user' }), 'of-the-user'],
    ['a flag', { params: { token: true } }, 'true'],
    [
      'parameters of other names',
      { params: { keyword: 'of-the-user', monkey: 'of-the-user' } },
      'of-the-user',
    ],
    [
      'what a token would be, were it of basic authorization',
      header({ Authorization: `Bearer ${btoa('a:of-the-user')}` }),
      'of-the-user',
    ],
    [
      'the same after another word',
      header({ Authorization: `nobasic ${btoa('a:of-the-user')}` }),
      'of-the-user',
    ],
  ])('stays otherwise: %s', (_what, config, text) => {
    const response = { status: 400, data: { message: `No ${text} here` } };
    expect(fromFailure({ config, response }).message).toContain(`400 No ${text} here`);
  });

  test('is no obstacle where it cannot be read', () => {
    const config = {
      headers: { Authorization: 'Basic %%%' },
      url: 'http://[',
      baseURL: 5,
      auth: 'x',
      proxy: { auth: { username: 5, password: undefined } },
      params: null,
    };
    expect(fromFailure({ config, response: { status: 400, data: 'Bad' } }).message).toContain('400 Bad');
    expect(new Set(secretsOf({ config }))).toEqual(new Set(['Basic %%%', '%%%', '']));
  });

  test('is looked for in as many errors as there are, not in an endless row of new ones', () => {
    class Endless extends Error {
      override get cause(): Endless {
        return new Endless('again');
      }
    }
    const failure = Object.assign(new Endless('x'), { config: header({ 'x-api-key': 'of-the-user' }) });
    expect(secretsOf(failure)).toContain('of-the-user');
    expect(secretsOf(new Endless('x'))).toEqual([]);
    const many = Array.from({ length: 31 }, () => ({}));
    expect(secretsOf({ errors: [...many.slice(1), failure] })).toContain('of-the-user');
    expect(secretsOf({ errors: [...many, failure] })).toEqual([]);
    const round = Object.assign(new Error('x'), { cause: undefined as unknown, errors: 'none' });
    round.cause = round;
    expect(secretsOf(round)).toEqual([]);
  });
});

describe('abort', () => {
  const reason = new Error('the user left');
  const signal = AbortSignal.abort(reason);

  test.each<[string, unknown]>([
    ['CanceledError', new CanceledError('canceled', config)],
    ['DOMException', new DOMException('gone', 'AbortError')],
    ['the reason itself', reason],
    ['the broken connection that an abort leaves', withCode('ECONNRESET', 'aborted')],
  ])('%s after the signal → AbortError with the reason as its cause', (_what, failure) => {
    const error = fromFailure(failure, { signal });
    expect(error).toMatchObject({
      name: 'AbortError',
      code: 'aborted',
      message: 'The request was aborted by its caller.',
    });
    expect(error.cause).toBe(reason);
  });

  test('a reason that is an error of ours is the error', () => {
    const timeout = new TimeoutError('late', { code: 'timeout_total' });
    expect(fromFailure(new CanceledError('canceled'), { signal: AbortSignal.abort(timeout) })).toBe(timeout);
  });

  test('what the server said, or a mistake in code, stays what it is', () => {
    expect(fromFailure(axiosResponse(401, ''), { signal }).name).toBe('AuthenticationError');
    expect(fromFailure(bug, { signal }).code).toBe('unexpected');
  });

  test('without the signal the original is the cause', () => {
    const original = new DOMException('gone', 'AbortError');
    expect(fromFailure(original).cause).toBe(original);
    expect(fromFailure('why', { signal: AbortSignal.abort('why') }).cause).toBe('why');
  });
});

describe('cause', () => {
  test.each<[string, unknown]>([
    ['a mistake in code', bug],
    [
      "a user's error with fields",
      Object.assign(new Error('mine'), { details: { id: 5, tags: ['a'] }, when: new Date(0) }),
    ],
    ['a socket error', refused],
    ['a chain', new Error('outer', { cause: new Error('inner') })],
    [
      'a cycle',
      (() => {
        const error = new Error('round') as Error & { self?: unknown };
        error.self = error;
        return error;
      })(),
    ],
    ['no error', 42],
  ])('%s keeps its identity', (_what, original) => {
    expect(fromFailure(original).cause).toBe(original);
  });

  test("a transport's error is replaced by one without request and response", () => {
    const { cause } = fromFailure(axiosFrom(refused)) as { cause: Error & Record<string, unknown> };
    expect(cause).toBeInstanceOf(Error);
    expect(cause).toMatchObject({ message: refused.message, code: 'ECONNREFUSED' });
    expect(Object.keys(cause)).toEqual(['code']);
    expect(cause.cause).toBe(refused);
  });

  test("so is a user's error around one", () => {
    const original = new Error('mine', { cause: axiosResponse(500, '') });
    const { cause } = fromFailure(original) as { cause: Error };
    expect(cause).not.toBe(original);
    expect(cause.message).toBe('mine');
    expect(cause.cause).not.toHaveProperty('config');
  });

  test('an error with so much in it that it cannot be checked is replaced', () => {
    const original = Object.assign(new Error('big'), {
      rows: Array.from({ length: 10_000 }, (_, i) => ({ i })),
    });
    expect(fromFailure(original).cause).toMatchObject({ message: 'big' });
    expect(fromFailure(original).cause).not.toBe(original);
  });
});

describe('neverSent', () => {
  test.each<[string, unknown, boolean]>([
    ['refused', refused, true],
    ['refused, through axios', axiosFrom(refused), true],
    ['refused, mapped', fromFailure(axiosFrom(refused)), true],
    [
      'fetch failed: refused',
      fetchFailed(Object.assign(new AggregateError([refused]), { code: 'ECONNREFUSED' })),
      true,
    ],
    ['name not found', withCode('ENOTFOUND'), true],
    ['DNS is down', fromFailure(axiosFrom(withCode('EAI_AGAIN'))), true],
    ['certificate', withCode('CERT_HAS_EXPIRED'), true],
    [
      'TLS handshake',
      withCode(
        'ECONNRESET',
        'Client network socket disconnected before secure TLS connection was established',
      ),
      true,
    ],
    [
      'connect timeout',
      fromFailure(axiosFrom(undiciError('x', 'UND_ERR_CONNECT_TIMEOUT', 'x'), 'ETIMEDOUT')),
      true,
    ],
    ['connect timeout of ours', new TimeoutError('x', { code: 'timeout_connect' }), true],
    [
      'proxy',
      fromFailure(
        undiciError('AbortError', 'UND_ERR_ABORTED', 'Proxy response (407) !== 200 when HTTP Tunneling'),
      ),
      true,
    ],
    [
      'a socket that wrote nothing',
      undiciError('SocketError', 'UND_ERR_SOCKET', 'x', { socket: { bytesWritten: 0 } }),
      true,
    ],
    [
      'a socket that wrote',
      undiciError('SocketError', 'UND_ERR_SOCKET', 'x', { socket: { bytesWritten: 9 } }),
      false,
    ],
    ['a socket that is gone', undiciError('SocketError', 'UND_ERR_SOCKET', 'x', { socket: null }), false],
    ['no route', withCode('EHOSTUNREACH', 'x', { syscall: 'connect' }), true],
    ['a proxy that is spoken of', new Error('A Proxy response (407)'), false],
    ['a handshake that failed', new Error('ssl3: sslv3 alert handshake failure'), true],
    ['lists for code and message', { code: ['ENOTFOUND'], message: ['handshake failure'] }, false],
    ['our limiter', new RateLimitError('x', { origin: 'client' }), true],
    ['our queue', new QueueFullError('x'), true],
    ['our circuit breaker', new CircuitOpenError('x'), true],
    ['our budget', new BudgetExceededError('x'), true],
    ['our store', new StoreUnavailableError('x'), true],
    ['what we cannot do', new UnsupportedOperationError('x'), true],
    ['our total timeout', new TimeoutError('x', { code: 'timeout_total' }), false],
    ['reset', fromFailure(axiosFrom(withCode('ECONNRESET', 'read', { syscall: 'read' }))), false],
    ['429', fromFailure(axiosResponse(429, '')), false],
    ['timeout', new TimeoutError('x'), false],
    ['abort', new AbortError('x'), false],
    ['bug', bug, false],
    ['nothing', undefined, false],
  ])('%s: %#', (_what, error, expected) => {
    expect(neverSent(error)).toBe(expected);
  });
});

test('LLMError is what comes of everything', () => {
  for (const failure of [axiosFrom(refused), bug, 'x', undefined])
    expect(fromFailure(failure)).toBeInstanceOf(LLMError);
});
