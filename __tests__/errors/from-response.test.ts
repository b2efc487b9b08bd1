import { describe, expect, test } from '@jest/globals';
import {
  errorFromResponse,
  APIError,
  ConflictError,
  LLMError,
  QuotaExceededError,
  RateLimitError,
  StreamError,
} from '../../decorators/errors/index.js';
import { parseBody, readErrorBody } from '../../decorators/errors/response-body.js';

const openai = (message: string, type: string, code: unknown = null, param: unknown = null) => ({
  error: { message, type, param, code },
});
const gemini = {
  error: { code: 429, message: 'Resource has been exhausted', status: 'RESOURCE_EXHAUSTED', details: [] },
};

describe('status and words decide the class', () => {
  test.each<[status: number | undefined, body: unknown, name: string]>([
    [400, openai('Bad', 'invalid_request_error', null, 'model'), 'BadRequestError'],
    [401, openai('No', 'invalid_request_error', 'invalid_api_key'), 'AuthenticationError'],
    [402, { error: { message: 'Insufficient Balance' } }, 'QuotaExceededError'],
    [403, openai('No', 'permission'), 'PermissionDeniedError'],
    [404, openai('No model', 'invalid_request_error', 'model_not_found'), 'NotFoundError'],
    [405, '', 'APIError'],
    [408, '', 'APIError'],
    [409, '', 'ConflictError'],
    [413, '', 'APIError'],
    [422, { detail: [] }, 'UnprocessableEntityError'],
    [429, openai('Slow down', 'requests', 'rate_limit_exceeded'), 'RateLimitError'],
    [498, openai('Full', 'capacity_exceeded'), 'OverloadedError'],
    [500, openai('Oops', 'server_error'), 'InternalServerError'],
    [500, openai('Oops', 'overloaded_error'), 'OverloadedError'],
    [502, '<html>', 'InternalServerError'],
    [503, '', 'OverloadedError'],
    [529, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'OverloadedError'],
    [599, '', 'InternalServerError'],
    // an account without money, in every dialect
    [
      429,
      openai('You exceeded your current quota', 'insufficient_quota', 'insufficient_quota'),
      'QuotaExceededError',
    ],
    [429, { error: 'You exceeded your current quota, please check your plan' }, 'QuotaExceededError'],
    [403, openai('No', 'billing_not_active', 'billing_not_active'), 'QuotaExceededError'],
    [
      400,
      { type: 'error', error: { type: 'invalid_request_error', message: 'Your credit balance is too low' } },
      'QuotaExceededError',
    ],
    [429, openai('q', 'exceeded_current_quota_error'), 'QuotaExceededError'],
    [400, { code: 'Arrearage', message: 'Access denied' }, 'QuotaExceededError'],
    // … but a server that fails, or a redirect, says nothing of the account
    [500, openai('No', 'insufficient_quota'), 'InternalServerError'],
    [302, openai('No', 'insufficient_quota'), 'APIError'],
    // Gemini speaks of a quota where it means a limit a minute
    [429, { error: { ...gemini.error, message: 'You exceeded your current quota' } }, 'RateLimitError'],
    [
      429,
      { error: { message: 'You exceeded your current quota', details: [{ retryDelay: '9s' }] } },
      'RateLimitError',
    ],
    // a context that is too small
    [400, openai('x', 'invalid_request_error', 'context_length_exceeded'), 'ContextLengthError'],
    [
      400,
      { error: { code: 400, message: 'the request exceeds', type: 'exceed_context_size_error' } },
      'ContextLengthError',
    ],
    [400, { message: "This model's maximum context length is 8192 tokens." }, 'ContextLengthError'],
    [
      400,
      {
        type: 'error',
        error: { type: 'invalid_request_error', message: 'prompt is too long: 210000 tokens' },
      },
      'ContextLengthError',
    ],
    [
      400,
      {
        error: {
          code: 400,
          message: 'The input token count (9) exceeds the maximum',
          status: 'INVALID_ARGUMENT',
        },
      },
      'ContextLengthError',
    ],
    [
      413,
      openai('Request too large: reduce the length of the messages', 'tokens', 'rate_limit_exceeded'),
      'APIError',
    ],
    [413, openai('reduce the length of the messages', 'tokens', 'ratelimit_exceeded'), 'APIError'],
    [413, { message: 'prompt is too long' }, 'ContextLengthError'],
    [undefined, { error: { message: 'prompt is too long' } }, 'ContextLengthError'],
    [422, { message: 'prompt is too long' }, 'UnprocessableEntityError'],
    [500, { message: 'prompt is too long' }, 'InternalServerError'],
    [400, openai('max_tokens is too large', 'invalid_request_error'), 'BadRequestError'],
    // a wrong key that comes as 400
    [
      400,
      { code: 'Client specified an invalid argument', error: 'Incorrect API key provided' },
      'AuthenticationError',
    ],
    [
      400,
      [{ error: { code: 400, message: 'API key not valid. Please pass a valid one.' } }],
      'AuthenticationError',
    ],
    [403, openai('x', 'y', 'invalid_api_key'), 'AuthenticationError'],
    [404, openai('x', 'y', 'invalid_api_key'), 'NotFoundError'],
    [500, openai('x', 'y', 'invalid_api_key'), 'InternalServerError'],
    [400, { message: 'x', __type: 'y', code: 'ThrottlingException' }, 'RateLimitError'],
    [403, { message: 'x', code: 'ThrottlingException' }, 'PermissionDeniedError'],
    [400, openai('x', 'overloaded_error'), 'BadRequestError'],
    // inside a 200, or an event of a stream
    [undefined, openai('x', 'server_error'), 'InternalServerError'],
    [200, openai('x', 'requests', 'rate_limit_exceeded'), 'RateLimitError'],
    [200, { error: { code: 502, message: 'Upstream' } }, 'InternalServerError'],
    [200, { error: { code: 402, message: 'credits' } }, 'QuotaExceededError'],
    [undefined, { type: 'error', error: { type: 'overloaded_error', message: 'x' } }, 'OverloadedError'],
    [undefined, { type: 'error', error: { type: 'api_error', message: 'x' } }, 'InternalServerError'],
    [
      undefined,
      { type: 'error', error: { type: 'authentication_error', message: 'x' } },
      'AuthenticationError',
    ],
    [undefined, { type: 'error', error: { type: 'invalid_request_error', message: 'x' } }, 'BadRequestError'],
    [undefined, { type: 'error', error: { type: 'not_found_error', message: 'x' } }, 'NotFoundError'],
    [
      undefined,
      { type: 'error', error: { type: 'permission_error', message: 'x' } },
      'PermissionDeniedError',
    ],
    [undefined, { type: 'error', error: { type: 'timeout_error', message: 'x' } }, 'InternalServerError'],
    [undefined, openai('x', 'insufficient_quota', 'insufficient_quota'), 'QuotaExceededError'],
    [undefined, openai('x', 'y', 'invalid_api_key'), 'AuthenticationError'],
    [undefined, openai('x', 'y', 'context_length_exceeded'), 'ContextLengthError'],
    [undefined, { error: gemini.error }, 'RateLimitError'],
    [undefined, { error: { message: 'strange' } }, 'APIError'],
  ])('%s %j → %s', (statusCode, body, name) => {
    const error = errorFromResponse({ statusCode, body });
    expect(error.name).toBe(name);
    expect(error.statusCode === undefined || error.statusCode >= 300).toBe(true);
  });

  test('a status that only the body tells is the status', () => {
    expect(
      errorFromResponse({ statusCode: 200, body: { error: { code: 503, message: 'x' } } }),
    ).toMatchObject({
      statusCode: 503,
      message: '503 x',
    });
    expect(errorFromResponse({ statusCode: 200, body: openai('x', 'server_error') })).not.toHaveProperty(
      'statusCode',
    );
  });

  test.each([
    [399, undefined],
    [400, 400],
    [599, 599],
    [600, undefined],
    [400.5, undefined],
    ['400', undefined],
  ])('the code %p in the body is the status %p', (code, statusCode) => {
    const error = errorFromResponse({ statusCode: 200, body: { error: { code, message: 'x' } } });
    expect(error.statusCode).toBe(statusCode);
  });

  test('what nothing is known of is the business of the fallback', () => {
    const fallback = (message: string, init: object) => new StreamError(message, init);
    const error = errorFromResponse({ body: { error: { message: 'odd' } }, fallback, provider: 'acme' });
    expect(error).toBeInstanceOf(StreamError);
    expect(error).toMatchObject({
      message: 'odd',
      provider: 'acme',
      response: { error: { message: 'odd' } },
    });
    expect(errorFromResponse({ statusCode: 418, body: '', fallback }).name).toBe('APIError');
  });
});

describe('the message', () => {
  test.each<[status: number | undefined, body: unknown, message: string]>([
    [401, openai('Incorrect API key.', 'x'), '401 Incorrect API key.'],
    [400, { error: 'text' }, '400 text'],
    [400, { code: 'c', error: 'text' }, '400 text'],
    [400, { object: 'error', message: 'top', type: 't' }, '400 top'],
    [400, { message: { detail: [{ msg: 'bad' }] } }, '400 bad'],
    [
      422,
      { detail: [{ loc: ['body', 'model'], msg: 'field required', type: 'missing' }, { msg: 'two' }] },
      '422 body.model: field required; two',
    ],
    [422, { detail: 'plain' }, '422 plain'],
    [429, [gemini], '429 Resource has been exhausted'],
    [400, ['one', 'two'], '400 one; two'],
    [400, [], '400 with an empty body'],
    [429, '', '429 with an empty body'],
    [429, undefined, '429 with an empty body'],
    [429, null, '429 with an empty body'],
    [500, {}, '500 with an empty body'],
    [500, { error: {} }, '500 with an empty body'],
    [500, 42, '500 42'],
    [500, { unknown: 'shape' }, '500 {"unknown":"shape"}'],
    [500, 'plain text', '500 plain text'],
    [500, '\n plain text \n', '500 plain text'],
    [500, ' \n', '500 with an empty body'],
    [500, { pipe: () => 1 }, '500 with an empty body'],
    [400, ['one', null, '', 'two'], '400 one; two'],
    [400, { errors: ['one', '', 'two'] }, '400 one; two'],
    [400, { errors: [['a', 'b'], 'two'] }, '400 ["a","b"]; two'],
    [500, '{"error":{"message":"as text"}}', '500 as text'],
    [500, Buffer.from('{"error":{"message":"as bytes"}}'), '500 as bytes'],
    [500, new TextEncoder().encode('{"message":"as array buffer"}').buffer, '500 as array buffer'],
    [
      502,
      '<html><head><title>502 Bad\n Gateway</title></head><body>long</body></html>',
      '502 with a web page instead of data: "502 Bad Gateway"',
    ],
    [
      502,
      '<!DOCTYPE html><style>b {}</style><p>Sorry <b>down</b></p>',
      '502 with a web page instead of data: "Sorry down"',
    ],
    [
      502,
      {
        error: {
          code: 502,
          message: 'Provider returned error',
          metadata: { raw: '{"error":{"message":"no GPU"}}' },
        },
      },
      '502 Provider returned error: no GPU',
    ],
    [502, '<p>', '502 <p>'],
    [502, 'odd<html>', '502 odd<html>'],
    [502, '" <html>Bad"', '502 with a web page instead of data: "Bad"'],
    [502, '<html><title lang="en">Bad</title><p>more', '502 with a web page instead of data: "Bad"'],
    [502, '<html><p>Sorry</p><p>down</p>', '502 with a web page instead of data: "Sorry down"'],
    [502, '<html></html>', '502 with a web page instead of data'],
    [502, `<title>${'x'.repeat(200)}</title>`, `502 with a web page instead of data: "${'x'.repeat(120)}"`],
    [502, '\n<?xml version="1.0"?><Error>no</Error>', '502 with a web page instead of data: "no"'],
    [502, '<center><h1>Bad</h1><hr></center>', '502 with a web page instead of data: "Bad"'],
    [500, 'a < b is no page', '500 a < b is no page'],
    [400, { error_description: 'of OAuth' }, '400 of OAuth'],
    [400, { Message: 'of AWS' }, '400 of AWS'],
    [400, { msg: 'of others' }, '400 of others'],
    [400, { title: 'of a problem' }, '400 of a problem'],
    [400, { errors: ['one', { message: 'two' }, 3] }, '400 one; two; 3'],
    [
      400,
      { detail: [{ loc: ['body', 0, 'role'], msg: 'bad' }, { type: 'x' }] },
      '400 body.0.role: bad; {"type":"x"}',
    ],
    [400, { error: { message: ' padded ' } }, '400 padded'],
    [400, { error: { message: 7 } }, '400 7'],
    [
      400,
      Array.from({ length: 12 }, (_, i) => `e${i}`),
      `400 ${Array.from({ length: 12 }, (_, i) => `e${i}`).join('; ')}`,
    ],
    [
      400,
      { errors: Array.from({ length: 12 }, (_, i) => `e${i}`) },
      `400 ${Array.from({ length: 10 }, (_, i) => `e${i}`).join('; ')}`,
    ],
    [502, { error: { message: 'm', metadata: { raw: 'plain' } } }, '502 m: plain'],
    [502, { error: { message: 'm', metadata: { raw: 'x'.repeat(400) } } }, `502 m: ${'x'.repeat(300)}`],
    [502, { error: { message: 'm', metadata: { raw: '{"message":"top"}' } } }, '502 m: top'],
    [502, { error: { message: 'm of x', metadata: { raw: 'x' } } }, '502 m of x'],
    [502, { error: { message: 'm', metadata: {} } }, '502 m'],
    [302, '', '302 redirect: redirects are not followed, set the base URL to the final address.'],
    [undefined, {}, 'The provider reported an error without a message'],
    [undefined, openai('mid-stream', 'odd'), 'mid-stream'],
  ])('%s %j → %s', (statusCode, body, message) => {
    expect(errorFromResponse({ statusCode, body }).message).toBe(message);
  });

  test('names the request where the body does not explain itself, without its query and user', () => {
    const request = { method: 'post', url: 'http://me:pw@host/v1/chat?key=abc#f' };
    expect(errorFromResponse({ statusCode: 502, body: '', ...request }).message).toBe(
      '502 with an empty body (POST http://host/v1/chat)',
    );
    expect(errorFromResponse({ statusCode: 404, body: 'Not Found', ...request }).message).toBe(
      '404 Not Found (POST http://host/v1/chat)',
    );
    expect(errorFromResponse({ statusCode: 400, body: 'Bad', ...request }).message).toBe('400 Bad');
    expect(errorFromResponse({ statusCode: 405, body: 'Bad', ...request }).message).toBe(
      '405 Bad (POST http://host/v1/chat)',
    );
    expect(errorFromResponse({ statusCode: 404, body: 'No', url: 'http://host/v1' }).message).toBe(
      '404 No (http://host/v1)',
    );
    expect(errorFromResponse({ body: {}, ...request }).message).toBe(
      'The provider reported an error without a message (POST http://host/v1/chat)',
    );
  });

  test('a redirect says where to and what to do', () => {
    const error = errorFromResponse({
      statusCode: 307,
      headers: { Location: 'https://b/v1?token=x' },
      body: '',
      url: 'http://a/v1',
    });
    expect(error).toMatchObject({ name: 'APIError', retryable: false });
    expect(error.message).toBe(
      '307 redirect to https://b/v1 (http://a/v1): redirects are not followed, set the base URL to the final address.',
    );
  });

  test('an enormous body is cut, in the message and in the response', () => {
    const error = errorFromResponse({ statusCode: 500, body: 'x'.repeat(5_000_000) });
    expect(error.message.length).toBeLessThan(1100);
    expect(String(error.response).length).toBeLessThan(20_000);
    const deep = errorFromResponse({
      statusCode: 500,
      body: { list: Array.from({ length: 100_000 }, (_, i) => ({ i })) },
    });
    expect(JSON.stringify(deep.response).length).toBeLessThan(500_000);
  });

  test('what is longer than an error message can be is not parsed', () => {
    const frame = JSON.stringify({ message: '' });
    const longest = JSON.stringify({ message: 'x'.repeat(1_048_576 - frame.length) });
    expect(parseBody(longest)).toEqual({ message: expect.any(String) });
    expect(parseBody(` ${longest}\n`)).toEqual({ message: expect.any(String) });
    expect(parseBody(`${longest}yz`)).toBe(`${longest}yz`.slice(0, 1_048_576));
    // The text of a page is looked for in its beginning.
    expect(readErrorBody(`<html>${' '.repeat(20_000)}Late`)).toMatchObject({ isHTML: true, message: '' });
  });

  test('a response without a body has none', () => {
    for (const body of ['', ' ', undefined, null])
      expect(errorFromResponse({ statusCode: 500, body }).response ?? 'none').toBe('none');
  });

  test('an unread stream counts as no body', () => {
    expect(errorFromResponse({ statusCode: 500, body: new ReadableStream() }).message).toBe(
      '500 with an empty body',
    );
  });
});

describe('what a provider means by its words', () => {
  const meanings = { my_code: RateLimitError, my_type: ConflictError, any: APIError };
  test.each<[type: string, code: string | null, name: string]>([
    ['my_type', 'my_code', 'RateLimitError'],
    ['my_type', 'other', 'ConflictError'],
    ['other', 'any', 'APIError'],
    ['other', 'toString', 'BadRequestError'],
    ['other', null, 'BadRequestError'],
  ])('goes before the status: type %s, code %s', (type, code, name) => {
    const body = openai('x', type, code);
    const error = errorFromResponse({ statusCode: 400, body, meanings });
    expect(error).toMatchObject({ name, statusCode: 400, message: '400 x', response: body });
  });

  test('goes for what it says of another try and of its limits, too', () => {
    expect(errorFromResponse({ statusCode: 500, body: 'x', retryable: false }).retryable).toBe(false);
    expect(errorFromResponse({ statusCode: 400, body: 'x', retryable: true }).retryable).toBe(true);
    const rateLimit = { requests: { limit: 5, remaining: 0, resetMs: 700 } };
    const headers = { 'x-ratelimit-limit-requests': '9' };
    expect(errorFromResponse({ statusCode: 429, body: 'x', headers, rateLimit })).toMatchObject({
      rateLimit,
      retryAfterMs: 700,
    });
  });
});

describe('fields', () => {
  test('type, param, request id, wait, limits and the parsed body', () => {
    const body = openai('Slow. Please try again in 2s.', 'tokens', 'rate_limit_exceeded', 'model');
    const error = errorFromResponse({
      statusCode: 429,
      headers: {
        'X-Request-Id': 'req_1',
        'x-ratelimit-limit-requests': '60',
        'x-ratelimit-remaining-requests': '59',
      },
      body: JSON.stringify(body),
      provider: 'openai',
    });
    expect(error).toMatchObject({
      type: 'tokens',
      param: 'model',
      requestId: 'req_1',
      provider: 'openai',
      retryAfterMs: 2000,
      rateLimit: { requests: { limit: 60, remaining: 59 } },
      response: body,
      statusCode: 429,
    });
  });

  test.each<[body: unknown, type: string | undefined]>([
    [{ type: 'error', error: { type: 'overloaded_error', message: 'x' } }, 'overloaded_error'],
    [{ code: 'some-code', error: 'x' }, 'some-code'],
    [{ error: { code: 400, status: 'INVALID_ARGUMENT', message: 'x' } }, 'INVALID_ARGUMENT'],
    [{ error: { code: '1305', message: 'x' } }, '1305'],
    [{ error: { code: 1305, message: 'x' } }, '1305'],
    [{ error: { code: 429, message: 'x' } }, undefined],
    [{ type: 'outer', error: { message: 'x' } }, 'outer'],
    [{ type: 'error', error: { message: 'x' } }, undefined],
    [{ type: '', message: 'x' }, undefined],
    [{ error: { message: 'x', type: null } }, undefined],
  ])('the type of %j is %s', (body, type) => {
    expect(errorFromResponse({ statusCode: 400, body }).type).toBe(type);
  });

  test('300 is a redirect, what is below it no status of an error', () => {
    expect(errorFromResponse({ statusCode: 300, body: '' })).toMatchObject({ statusCode: 300 });
    expect(errorFromResponse({ statusCode: 299, body: '' })).not.toHaveProperty('statusCode');
  });

  test('an error without a cause has none', () => {
    expect(errorFromResponse({ statusCode: 500, body: '' })).not.toHaveProperty('cause');
    expect(errorFromResponse({ statusCode: 500, body: '', cause: 'x' }).cause).toBe('x');
  });

  test("the body's request id counts when no header has one", () => {
    const body = { type: 'error', error: { type: 'x', message: 'x' }, request_id: 'req_body' };
    expect(errorFromResponse({ statusCode: 400, body }).requestId).toBe('req_body');
  });

  test('a used up limit is no reason to wait after a bad request', () => {
    const headers = { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '60s' };
    expect(errorFromResponse({ statusCode: 400, headers, body: 'x' }).retryAfterMs).toBeUndefined();
    for (const statusCode of [402, 403, 408, 409, 425, 429, 498, 500, 529]) {
      expect(errorFromResponse({ statusCode, headers, body: 'x' }).retryAfterMs).toBe(60_000);
    }
    for (const statusCode of [401, 404, 410, 422, 497]) {
      expect(errorFromResponse({ statusCode, headers, body: 'x' }).retryAfterMs).toBeUndefined();
    }
    expect(errorFromResponse({ headers, body: openai('x', 'rate_limit') }).retryAfterMs).toBe(60_000);
  });

  test('x-should-retry decides, except over an empty account', () => {
    const ask = (statusCode: number, value: string, body: unknown = 'x') =>
      errorFromResponse({ statusCode, headers: { 'X-Should-Retry': value }, body });
    expect(ask(400, 'true').retryable).toBe(true);
    expect(ask(429, 'false').retryable).toBe(false);
    expect(ask(500, 'maybe').retryable).toBe(true);
    expect(ask(429, 'true', openai('x', 'insufficient_quota')).retryable).toBe(false);
    expect(ask(429, 'true', openai('x', 'insufficient_quota'))).toBeInstanceOf(QuotaExceededError);
  });

  test('no secret comes back that the server echoes', () => {
    const secret = 'k3y-of-the-user';
    const error = errorFromResponse({
      statusCode: 401,
      headers: { 'x-request-id': `id-${secret}` },
      body: { error: { message: `Incorrect key ${secret}`, type: secret, param: secret, [secret]: secret } },
      secrets: new Set([secret]),
    });
    expect(error.message).toBe('401 Incorrect key [redacted]');
    expect(JSON.stringify({ ...error, message: error.message, stack: error.stack })).not.toContain(secret);
  });

  test('a secret that a cut would halve is hidden first', () => {
    const secret = 's3cr3t'.repeat(8);
    for (const length of [100, 960, 990, 1000, 16_370]) {
      const page = `<html><title>${'x'.repeat(length % 300)}${secret}</title>`;
      for (const body of [
        'x'.repeat(length) + secret.repeat(1100),
        page,
        { error: { metadata: { raw: 'y'.repeat(length) + secret }, message: 'm' } },
      ]) {
        const error = errorFromResponse({ statusCode: 500, body, secrets: [secret] });
        expect(JSON.stringify([error.message, error.response])).not.toContain('s3cr3t');
      }
    }
  });
});

test('an error always comes, whatever the body is', () => {
  for (const body of [
    Symbol('s'),
    () => 1,
    1n,
    NaN,
    new Date(0),
    new Map([['a', 1]]),
    Object.create(null),
    { error: [] },
    { error: null },
    { error: { message: null } },
    true,
  ]) {
    expect(errorFromResponse({ statusCode: 500, body })).toBeInstanceOf(LLMError);
  }
});
