import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AxiosHeaders } from 'axios';
import { readRateLimit, readRequestId, readRetryAfterMs } from '../../decorators/errors/index.js';
import { replaceRuntime, runtime } from '../../decorators/pipeline/runtime.js';

const NOW = Date.UTC(2025, 7, 21, 12, 40, 0);
let restore: () => void;
beforeAll(() => {
  restore = replaceRuntime({ ...runtime(), wallClock: () => NOW });
});
afterAll(() => restore());

describe('readRetryAfterMs', () => {
  test.each<[headers: Record<string, string | number>, ms: number | undefined]>([
    [{}, undefined],
    [{ 'retry-after': '2' }, 2000],
    [{ 'Retry-After': 1.5 }, 1500],
    [{ 'retry-after': '1.25' }, 1250],
    [{ 'retry-after': ' 2 ' }, 2000],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': 'Thu, 21 Aug 2025 12:40:30 GMT' }, 30_000],
    [{ 'retry-after': 'Thu, 21 Aug 2025 12:39:00 GMT' }, 0],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': '-5 Aug 2025' }, undefined],
    [{ 'retry-after': 'a 5' }, undefined],
    [{ 'retry-after': 'NaN' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{ 'retry-after': 'Infinity' }, undefined],
    // where a span ends and a point in time begins, in seconds and in milliseconds
    [{ 'retry-after': '999999999' }, 999_999_999_000],
    [{ 'retry-after': '1000000000' }, 0],
    [{ 'retry-after': '999999999999' }, 999_999_999_999_000 - NOW],
    [{ 'retry-after': '1000000000000' }, 0],
    [{ 'retry-after-ms': '250' }, 250],
    [{ 'retry-after-ms': '12.75' }, 12.75],
    [{ 'retry-after-ms': '-1' }, undefined],
    [{ 'retry-after-ms': '1500', 'retry-after': '1' }, 1500],
    [
      { 'retry-after': '1', 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '6m0s' },
      360_000,
    ],
    [
      { 'retry-after': '39', 'x-ratelimit-remaining-tokens': '5', 'x-ratelimit-reset-tokens': '6m0s' },
      39_000,
    ],
    [
      {
        'anthropic-ratelimit-input-tokens-remaining': '0',
        'anthropic-ratelimit-input-tokens-reset': '2025-08-21T12:40:59Z',
      },
      59_000,
    ],
  ])('%j → %s', (headers, ms) => {
    expect(readRetryAfterMs(headers)).toBe(ms);
  });

  test.each<[body: unknown, ms: number | undefined]>([
    [{ error: { message: 'Please try again in 5.289s. Visit https://x' } }, 5289],
    [{ error: { message: 'Please try again in 634ms.' } }, 634],
    [{ error: { message: 'Try again in 1m26.4s' } }, 86_400],
    [{ error: { message: 'Please try again in 7m12s or upgrade' } }, 432_000],
    [{ message: 'Please retry after 6 seconds.' }, 6000],
    [{ message: 'please retry in 2 minutes 5 seconds' }, 125_000],
    [{ message: 'try again in 250 milliseconds' }, 250],
    [{ message: 'Try again in a moment' }, undefined],
    [{ message: 'Try again in 5 apples' }, undefined],
    ['try again in 3s', 3000],
    ['try  again in 3s', undefined],
    ['try again  in   3s', 3000],
    [{ error: { code: 429, message: 'x', details: [null, 'y', { retryDelay: '2s' }] } }, 2000],
    [
      {
        error: {
          code: 429,
          message: 'x',
          details: [{ '@type': 'y' }, { '@type': 'RetryInfo', retryDelay: '37s' }],
        },
      },
      37_000,
    ],
    [[{ error: { code: 429, message: 'x', details: [{ retryDelay: '1.5s' }] } }], 1500],
  ])('the body %j → %s', (body, ms) => {
    expect(readRetryAfterMs({}, body)).toBe(ms);
  });

  test('the longest of header and body counts', () => {
    expect(readRetryAfterMs({ 'retry-after': '2' }, 'try again in 5s')).toBe(5000);
    expect(readRetryAfterMs({ 'retry-after': '9' }, 'try again in 5s')).toBe(9000);
  });
});

describe('readRateLimit', () => {
  test.each<[provider: string, headers: Record<string, string>, info: object | undefined]>([
    ['nobody', { 'content-type': 'application/json', 'x-limit': '5' }, undefined],
    [
      'somebody else, who is in between',
      { 'up-x-ratelimit-limit-requests': '5', 'x-my-ratelimit-limit-requests': '6' },
      undefined,
    ],
    ['a window with a list of policies', { 'ratelimit-limit': '20 ; w=60' }, { requests: { limit: 20 } }],
    [
      'one that does not know what is left',
      { 'x-ratelimit-limit-requests': '5', 'x-ratelimit-remaining-requests': '-1' },
      { requests: { limit: 5 } },
    ],
    ['a limit on tokens alone', { 'x-tokenlimit-limit': '7' }, { tokens: { limit: 7 } }],
    [
      'OpenAI',
      {
        'x-ratelimit-limit-requests': '10000',
        'x-ratelimit-remaining-requests': '9999',
        'x-ratelimit-reset-requests': '6m0s',
        'x-ratelimit-limit-tokens': '200000',
        'x-ratelimit-remaining-tokens': '199985',
        'x-ratelimit-reset-tokens': '12ms',
        'x-ratelimit-limit-project-requests': '1',
        'x-ratelimit-limit-tokens_usage_based': '2',
      },
      {
        requests: { limit: 10_000, remaining: 9999, resetMs: 360_000 },
        tokens: { limit: 200_000, remaining: 199_985, resetMs: 12 },
      },
    ],
    [
      'Azure',
      {
        'x-ratelimit-remaining-requests': '3',
        'x-ratelimit-remaining-tokens': '700',
        'x-ratelimit-reset-tokens': '8',
      },
      { requests: { remaining: 3 }, tokens: { remaining: 700, resetMs: 8000 } },
    ],
    [
      'Azure that does not know',
      {
        'x-ratelimit-limit-tokens': '-1',
        'x-ratelimit-remaining-tokens': '-1',
        'x-ratelimit-reset-tokens': '0',
      },
      undefined,
    ],
    [
      'Groq',
      {
        'x-ratelimit-limit-requests': '14400',
        'x-ratelimit-remaining-requests': '14370',
        'x-ratelimit-reset-requests': '1m26.4s',
      },
      { requests: { limit: 14_400, remaining: 14_370, resetMs: 86_400 } },
    ],
    [
      'Anthropic',
      {
        'anthropic-ratelimit-requests-limit': '50',
        'anthropic-ratelimit-requests-remaining': '49',
        'anthropic-ratelimit-requests-reset': '2025-08-21T12:39:59Z',
        'anthropic-ratelimit-input-tokens-limit': '20000',
        'anthropic-ratelimit-input-tokens-reset': '2025-08-21T12:40:01.500Z',
        'anthropic-ratelimit-output-tokens-remaining': '8000',
        'anthropic-ratelimit-unified-5h-limit': '3',
      },
      {
        requests: { limit: 50, remaining: 49, resetMs: 0 },
        inputTokens: { limit: 20_000, resetMs: 1500 },
        outputTokens: { remaining: 8000 },
      },
    ],
    [
      'Mistral',
      {
        'ratelimitbysize-limit': '500000',
        'ratelimitbysize-remaining': '499900',
        'ratelimitbysize-reset': '42',
        'ratelimitbysize-query-cost': '100',
      },
      { tokens: { limit: 500_000, remaining: 499_900, resetMs: 42_000 } },
    ],
    [
      'Mistral by window: the shorter one',
      {
        'x-ratelimitbysize-limit-month': '1000000000',
        'x-ratelimitbysize-remaining-month': '5',
        'x-ratelimitbysize-limit-minute': '500000',
        'x-ratelimitbysize-remaining-minute': '4',
      },
      { tokens: { limit: 500_000, remaining: 4, windowMs: 60_000 } },
    ],
    [
      'OpenRouter, in milliseconds since the epoch',
      { 'X-RateLimit-Limit': '20', 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': String(NOW + 5000) },
      { requests: { limit: 20, remaining: 0, resetMs: 5000 } },
    ],
    [
      'seconds since the epoch',
      { 'ratelimit-limit': '20, 20;w=60', 'ratelimit-reset': String(NOW / 1000 + 7) },
      { requests: { limit: 20, resetMs: 7000 } },
    ],
    [
      'nonsense',
      { 'x-ratelimit-limit-requests': 'many', 'x-ratelimit-remaining-requests': 'NaN' },
      undefined,
    ],
  ])('%s', (_provider, headers, info) => {
    expect(readRateLimit(headers)).toStrictEqual(info);
  });
});

describe('the shapes of headers', () => {
  const fields = { 'X-Request-ID': 'r1', 'Retry-After': '3', 'X-RateLimit-Limit-Requests': '7' };
  test.each<[string, unknown]>([
    ['a plain object', fields],
    ['AxiosHeaders', new AxiosHeaders(fields)],
    ['Headers', new Headers(fields)],
    ['a Map', new Map(Object.entries(fields))],
    [
      'lists of values',
      { 'x-request-id': ['r1'], 'retry-after': ['3'], 'x-ratelimit-limit-requests': ['7'] },
    ],
  ])('%s', (_shape, headers) => {
    expect(readRequestId(headers)).toBe('r1');
    expect(readRetryAfterMs(headers)).toBe(3000);
    expect(readRateLimit(headers)).toEqual({ requests: { limit: 7 } });
  });

  test.each([
    undefined,
    null,
    'text',
    5,
    [],
    ['a', 'b'],
    { a: undefined, b: null, c: {} },
    { 'x-request-id': undefined, 'retry-after': null, 'x-ratelimit-limit-requests': {} },
    { 'x-request-id': [], 'content-type': 'text/html', 'x-model-id': 'm' },
  ])('%j has nothing', (headers) => {
    expect(readRequestId(headers)).toBeUndefined();
    expect(readRetryAfterMs(headers)).toBeUndefined();
    expect(readRateLimit(headers)).toBeUndefined();
  });

  test('several values of one header are a list', () => {
    expect(readRequestId({ 'x-request-id': ['r1', 'r2'] })).toBe('r1, r2');
  });

  test.each(['x-request-id', 'request-id', 'x-amzn-requestid', 'x-ds-trace-id', 'apim-request-id'])(
    'a request id in %s',
    (name) => {
      expect(readRequestId({ [name.toUpperCase()]: 'id' })).toBe('id');
    },
  );

  test('of several request ids that of the provider counts, wherever it stands', () => {
    expect(readRequestId({ 'x-trace-id': 't', 'x-request-id': 'r', 'request-id': 's' })).toBe('r');
    expect(readRequestId({ 'X-Request-ID': 'first', 'x-request-id': 'second' })).toBe('first');
    expect(readRequestId({ 'x-request-id': '', 'request-id': 's', 'x-trace-id': 't' })).toBe('s');
  });
});
