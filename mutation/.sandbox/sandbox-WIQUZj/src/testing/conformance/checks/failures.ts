// @ts-nocheck
import assert from 'node:assert/strict';
import { responseInfo } from '../../../client/response-info.js';
import { ANSWER, QUESTION, failureOf, type Check } from '../lab.js';
import type { WireFailure } from '../wire.js';
import { providerOf } from './streams.js';

const group = 'failures';

const CLASSES: readonly (readonly [WireFailure, RegExp, retryable: boolean])[] = [
  ['bad request', /^BadRequestError$/, false],
  ['authentication', /^AuthenticationError$/, false],
  ['permission', /^PermissionDeniedError$/, false],
  ['not found', /^NotFoundError$/, false],
  ['rate limit', /^RateLimitError$/, true],
  ['quota', /^QuotaExceededError$/, false],
  ['context length', /^ContextLengthError$/, false],
  ['server', /^InternalServerError$/, true],
  ['overloaded', /^OverloadedError$/, true],
];

const knows =
  (kind: WireFailure): NonNullable<Check['applies']> =>
  (wire) =>
    wire.failure(kind, '') !== undefined;

export const failureChecks: readonly Check[] = [
  ...CLASSES.map(([kind, name, retryable]): Check => ({
    group,
    name: `of the kind '${kind}' have their class, the provider's words, and are ${retryable ? '' : 'not '}tried again`,
    applies: knows(kind),
    async run(lab) {
      const reply = lab.wire.failure(kind, 'The sail is torn');
      const headers = { ...reply?.headers, [lab.wire.requestIdHeader ?? 'x-request-id']: 'req-9' };
      lab.server.reply({ ...reply, headers });
      const client = lab.client({ retry: { maxRetries: 1, baseDelayMs: 0 } });
      const error = await failureOf(client.chatCompletion(QUESTION));
      assert.match(error.name, name);
      assert.match(error.message, /The sail is torn/);
      assert.equal(error['statusCode'], reply?.status);
      assert.equal(error['retryable'], retryable);
      assert.equal(error['requestId'], 'req-9');
      assert.equal(error['provider'], providerOf(client));
      assert.equal(lab.server.requests.length, retryable ? 2 : 1);
      assert.equal((error['attempts'] as unknown[]).length, retryable ? 2 : 1);
    },
  })),
  {
    group,
    name: 'that pass are survived',
    async run(lab) {
      const reply = (kind: WireFailure) => lab.wire.failure(kind, 'Later') ?? { status: 500 };
      lab.server.reply(reply('rate limit'), reply('server'), lab.answer());
      const answer = await lab.client().chatCompletion(QUESTION);
      assert.equal(answer.choices[0]?.message.content, ANSWER.text);
      assert.deepEqual(
        responseInfo(answer)?.attempts.map(({ code }) => code),
        ['rate_limit', 'server_error', 'ok'],
      );
    },
  },
  {
    group,
    name: 'tell by `retry-after` how long to wait, and too long a wait fails at once',
    async run(lab) {
      const reply = lab.wire.failure('rate limit', 'Slow down');
      lab.server.reply({ ...reply, headers: { ...reply?.headers, 'retry-after': '97' } });
      const client = lab.client({ retry: { maxRetryAfterMs: 5000 } });
      const error = await failureOf(client.chatCompletion(QUESTION));
      assert.equal(error.name, 'RateLimitError');
      assert.equal(error['retryAfterMs'], 97_000);
      assert.equal(lab.server.requests.length, 1);
    },
  },
  {
    group,
    name: 'and answers tell of limits by their headers',
    applies: ({ limits }) => limits !== undefined,
    async run(lab) {
      const { headers, info } = lab.wire.limits ?? { headers: {}, info: {} };
      const answer = await lab.once(lab.answer(ANSWER, headers)).chatCompletion(QUESTION);
      assertIncludes(responseInfo(answer)?.rateLimit, info);
      const reply = lab.wire.failure('server', 'Broken');
      const client = lab.once({ ...reply, headers: { ...reply?.headers, ...headers } });
      const error = await failureOf(client.chatCompletion(QUESTION));
      assertIncludes(error['rateLimit'], info);
    },
  },
  {
    group,
    name: 'inside an answer of status 200 are failures',
    async run(lab) {
      const reply = lab.wire.failure('overloaded', 'The sail is torn');
      const error = await failureOf(lab.once({ ...reply, status: 200 }).chatCompletion(QUESTION));
      assert.match(error.message, /The sail is torn/);
      assert.equal(error['provider'], providerOf(lab.client()));
    },
  },
  {
    group,
    name: 'may be a page, or nothing at all',
    async run(lab) {
      const page = {
        status: 502,
        headers: { 'content-type': 'text/html' },
        body: '<html><title>Bad Gateway</title>',
      };
      const error = await failureOf(lab.once(page).chatCompletion(QUESTION));
      assert.equal(error.name, 'InternalServerError');
      assert.match(error.message, /Bad Gateway/);
      const empty = await failureOf(lab.once({ status: 500 }).chatCompletion(QUESTION));
      assert.equal(empty.name, 'InternalServerError');
    },
  },
  ...(
    [
      ['a page', 'text/html', '<h1>Sign in</h1>'],
      ['cut off', 'application/json', '{"id":"x","cho'],
      ['not of the kind that was asked for', 'application/json', '{"weather":"fine"}'],
      ['null', 'application/json', 'null'],
    ] as const
  ).map(([what, type, body]): Check => ({
    group,
    name: `of an answer that is none are a ResponseFormatError: ${what}`,
    async run(lab) {
      const client = lab.once({ headers: { 'content-type': type }, body });
      const error = await failureOf(client.chatCompletion(QUESTION));
      assert.equal(error.name, 'ResponseFormatError');
      assert.equal(error['provider'], providerOf(client));
    },
  })),
  {
    group,
    name: 'of a connection are a ConnectionError, and tried again',
    async run(lab) {
      lab.server.reply({ status: 200, body: '{"', then: 'reset' }, lab.answer());
      const answer = await lab.client().chatCompletion(QUESTION);
      assert.equal(answer.choices[0]?.message.content, ANSWER.text);
      const error = await failureOf(
        lab.client({ retry: false, baseURL: 'http://127.0.0.1:9/v1' }).chatCompletion(QUESTION),
      );
      assert.equal(error.name, 'ConnectionError');
    },
  },
];

/** That `actual` has what `expected` says, and maybe more. */
function assertIncludes(actual: unknown, expected: unknown): void {
  if (typeof expected !== 'object' || expected === null) {
    assert.deepEqual(actual, expected);
    return;
  }
  for (const [name, value] of Object.entries(expected)) {
    assertIncludes((actual as Record<string, unknown> | undefined)?.[name], value);
  }
}
