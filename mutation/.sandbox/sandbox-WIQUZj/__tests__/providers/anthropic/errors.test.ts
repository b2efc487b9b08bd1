// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import { responseInfo } from 'keelson';
import { failureOf, KEY, messages } from '../../client/support.js';
import { answer, asStream, finish, start, streamed, text, wire } from './fixtures.js';
import { open } from './support.js';

const failure = (type: string, message = 'It is so.') => ({
  type: 'error',
  error: { type, message },
  request_id: 'req_011CSHoEeqs5C35K2UUqR7Fy',
});

const TYPES: readonly [type: string, status: number, name: string, retryable: boolean, message: string][] = [
  ['invalid_request_error', 400, 'BadRequestError', false, 'It is so.'],
  ['authentication_error', 401, 'AuthenticationError', false, 'It is so.'],
  ['billing_error', 402, 'QuotaExceededError', false, 'It is so.'],
  ['permission_error', 403, 'PermissionDeniedError', false, 'It is so.'],
  ['not_found_error', 404, 'NotFoundError', false, 'It is so.'],
  ['request_too_large', 413, 'APIError', false, 'It is so.'],
  ['rate_limit_error', 429, 'RateLimitError', true, 'It is so.'],
  ['api_error', 500, 'InternalServerError', true, 'It is so.'],
  ['timeout_error', 504, 'InternalServerError', true, 'It is so.'],
  ['overloaded_error', 529, 'OverloadedError', true, 'It is so.'],
  [
    'invalid_request_error',
    400,
    'ContextLengthError',
    false,
    'prompt is too long: 210000 tokens > 200000 maximum',
  ],
  [
    'invalid_request_error',
    400,
    'ContextLengthError',
    false,
    'input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again',
  ],
  [
    'invalid_request_error',
    400,
    'QuotaExceededError',
    false,
    'Your credit balance is too low to access the Anthropic API.',
  ],
];

describe('a failure', () => {
  it.each(TYPES)(
    'of type %s is known by its status %i: %s',
    async (type, status, name, retryable, message) => {
      const { client } = await open({ status, body: failure(type, message) }, { retry: false });
      const error = await failureOf(client.chatCompletion(messages));
      expect(error).toMatchObject({
        name,
        retryable,
        statusCode: status,
        type,
        provider: 'anthropic',
        requestId: 'req_011CSHoEeqs5C35K2UUqR7Fy',
      });
      expect(error.message).toContain(message);
    },
  );

  it.each(TYPES)(
    'of type %s has the status %i in a stream as well: %s',
    async (type, status, name, retryable, message) => {
      const body = wire([start(), failure(type, message) as never]);
      const { client } = await open({ body }, { retry: false });
      const error = await failureOf(client.streamChatCompletion(messages).finalText());
      expect(error).toMatchObject({ name, retryable, statusCode: status, type, provider: 'anthropic' });
    },
  );

  it('in a stream is tried again before any content, and not after', async () => {
    const overloaded = failure('overloaded_error', 'Overloaded') as never;
    const early = await open([
      { body: wire([overloaded]) },
      { body: wire([start(), { type: 'ping' }, overloaded]) },
      { body: wire(asStream(answer([text('Hello')]))) },
    ]);
    expect(await early.client.streamChatCompletion(messages).finalText()).toBe('Hello');
    expect(early.sent).toHaveLength(3);
    const late = await open({ body: wire([start(), ...streamed(text('Hello'), 0), overloaded]) });
    const error = await failureOf(late.client.streamChatCompletion(messages).finalText());
    expect(error).toMatchObject({ name: 'OverloadedError', statusCode: 529 });
    expect(late.sent).toHaveLength(1);
  });

  it('may be one of the future', async () => {
    const { client } = await open(
      { body: wire([start(), failure('hologram_error') as never]) },
      { retry: false },
    );
    expect(await failureOf(client.streamChatCompletion(messages).finalText())).toMatchObject({
      name: 'StreamError',
      type: 'hologram_error',
    });
  });

  it('tells how long to wait and what is left, as answers do', async () => {
    const headers = {
      'request-id': 'req_1',
      'anthropic-ratelimit-requests-limit': '50',
      'anthropic-ratelimit-requests-remaining': '0',
      'anthropic-ratelimit-requests-reset': '2020-01-01T00:00:00Z',
      'anthropic-ratelimit-input-tokens-limit': '40000',
      'anthropic-ratelimit-input-tokens-remaining': '39000',
      'anthropic-ratelimit-output-tokens-limit': '8000',
      'anthropic-ratelimit-output-tokens-remaining': '7000',
    };
    const left = {
      requests: { limit: 50, remaining: 0 },
      inputTokens: { limit: 40_000, remaining: 39_000 },
      outputTokens: { limit: 8000, remaining: 7000 },
    };
    const limited = await open(
      { status: 429, body: failure('rate_limit_error'), headers: { ...headers, 'retry-after': '97' } },
      { retry: { maxRetryAfterMs: 5000 } },
    );
    const error = await failureOf(limited.client.chatCompletion(messages));
    expect(error).toMatchObject({
      name: 'RateLimitError',
      retryAfterMs: 97_000,
      requestId: 'req_1',
      rateLimit: left,
    });
    expect(limited.sent).toHaveLength(1);
    const { client } = await open({ body: answer([text('a')]), headers });
    expect(responseInfo(await client.chatCompletion(messages))).toMatchObject({
      requestId: 'req_1',
      rateLimit: left,
    });
  });

  it('does not show the key', async () => {
    const { client } = await open({
      status: 401,
      body: failure('authentication_error', `invalid x-api-key ${KEY}`),
    });
    const error = await failureOf(client.chatCompletion(messages));
    expect(JSON.stringify(error) + error.message + error.stack).not.toContain(KEY);
  });
});

describe('a stream that tells nothing', () => {
  it('of an end has still ended, where it has told why', async () => {
    const [ended] = finish();
    const { client } = await open({ body: wire([start(), ...streamed(text('Hello'), 0), ended!]) });
    expect(await client.streamChatCompletion(messages).finalText()).toBe('Hello');
  });
});
