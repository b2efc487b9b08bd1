// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import { GeminiClient } from 'keelson';
import { failureOf, KEY, messages } from '../../client/support.js';
import { open, type Answer } from '../foreign.js';
import { quotaFailure } from './wire.js';

const finished = { candidates: [{ content: { parts: [{ text: 'Hi' }] }, finishReason: 'STOP' }] };
const retryInfo = (retryDelay: string) => ({
  '@type': 'type.googleapis.com/google.rpc.RetryInfo',
  retryDelay,
});
const failing = (code: number, status: string, message: string, details?: unknown[]): Answer => ({
  status: code,
  body: { error: { code, message, status, details } },
});
const stream = (...payloads: unknown[]): Answer => ({
  headers: { 'content-type': 'text/event-stream' },
  body: payloads.map((payload) => `data: ${JSON.stringify(payload)}\n\n`).join(''),
});

describe('an error', () => {
  it.each<[Answer, object]>([
    [
      failing(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' },
      ]),
      { name: 'AuthenticationError', retryable: false },
    ],
    [
      failing(400, 'FAILED_PRECONDITION', 'User location is not supported for the API use.'),
      { name: 'BadRequestError', type: 'FAILED_PRECONDITION' },
    ],
    [
      failing(
        400,
        'INVALID_ARGUMENT',
        'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
      ),
      { name: 'ContextLengthError' },
    ],
    [
      failing(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota, please check your plan.', [
        quotaFailure('GenerateRequestsPerMinutePerProjectPerModel-FreeTier'),
        retryInfo('37.5s'),
      ]),
      { name: 'RateLimitError', retryable: true, retryAfterMs: 37_500 },
    ],
    [
      failing(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota, please check your plan.', [
        quotaFailure('GenerateRequestsPerDayPerProjectPerModel-FreeTier'),
        retryInfo('37s'),
      ]),
      { name: 'QuotaExceededError', retryable: false },
    ],
    [
      failing(429, 'RESOURCE_EXHAUSTED', 'Resource has been exhausted (e.g. check quota).'),
      { name: 'RateLimitError' },
    ],
    [failing(403, 'PERMISSION_DENIED', 'No'), { name: 'PermissionDeniedError' }],
    [failing(404, 'NOT_FOUND', 'models/x is not found'), { name: 'NotFoundError' }],
    [
      failing(500, 'INTERNAL', 'An internal error has occurred.'),
      { name: 'InternalServerError', retryable: true },
    ],
    [failing(503, 'UNAVAILABLE', 'The model is overloaded.'), { name: 'OverloadedError', retryable: true }],
    [failing(504, 'DEADLINE_EXCEEDED', 'Deadline expired'), { name: 'InternalServerError', retryable: true }],
    [{ ...failing(503, 'UNAVAILABLE', 'Busy'), status: 200 }, { name: 'OverloadedError' }],
  ])('has its class: %j', async (answer, expected) => {
    const { client } = await open(GeminiClient, [answer], { retry: false });
    expect(await failureOf(client.chatCompletion(messages))).toMatchObject({
      provider: 'gemini',
      ...expected,
    });
    const error = await failureOf(client.streamChatCompletion(messages).finalText());
    expect(error).toMatchObject({ provider: 'gemini', ...expected });
  });

  it('of a list is read, and of one day’s quota too', async () => {
    const daily = [quotaFailure('GenerateContentInputTokensPerModelPerDay')];
    const { status, body } = failing(429, 'RESOURCE_EXHAUSTED', 'Quota', daily);
    const { client, sent } = await open(GeminiClient, [{ status: status!, body: [body] }]);
    expect((await failureOf(client.chatCompletion(messages))).name).toBe('QuotaExceededError');
    expect(sent).toHaveLength(1);
  });

  it('in a stream before any content has it opened anew', async () => {
    const busy = stream({ error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } });
    const { client, sent } = await open(GeminiClient, [busy, stream(finished)]);
    expect(await client.streamChatCompletion(messages).finalText()).toBe('Hi');
    expect(sent).toHaveLength(2);
  });

  it('in a stream after content ends it', async () => {
    const begun = { candidates: [{ content: { parts: [{ text: 'H' }] } }] };
    const { client, sent } = await open(GeminiClient, [
      stream(begun, { error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } }),
    ]);
    expect((await failureOf(client.streamChatCompletion(messages).finalText())).name).toBe('OverloadedError');
    expect(sent).toHaveLength(1);
  });

  it('is that a stream was cut off', async () => {
    const begun = { candidates: [{ content: { parts: [{ text: 'H' }] } }] };
    const { client } = await open(GeminiClient, [stream(begun)], { retry: false });
    const error = await failureOf(client.streamChatCompletion(messages).finalText());
    expect(error.name).toBe('IncompleteStreamError');
  });
});

describe('the key', () => {
  it('goes in a header of Google’s alone', async () => {
    const { client, sent } = await open(GeminiClient, [{ body: finished }]);
    await client.chatCompletion(messages);
    expect(sent[0]!.headers['x-goog-api-key']).toBe(KEY);
    expect(sent[0]!.headers['authorization']).toBeUndefined();
    expect(sent[0]!.url).not.toContain(KEY);
  });
});

describe('embeddings', () => {
  it('are asked for in one batch, with Gemini’s own fields for each', async () => {
    const { client, sent, dropped } = await open(GeminiClient, [
      {
        body: {
          embeddings: [{ values: [1, 2] }, { values: [3, 4] }],
          usageMetadata: { promptTokenCount: 5 },
        },
      },
    ]);
    const params = {
      dimensions: 2,
      encoding_format: 'base64',
      taskType: 'RETRIEVAL_QUERY',
      user: 'u',
    } as const;
    expect(await client.embeddings(['a', 'b'], { model: 'gemini-embedding-001', ...params })).toEqual([
      [1, 2],
      [3, 4],
    ]);
    const request = (text: string) => ({
      model: 'models/gemini-embedding-001',
      content: { parts: [{ text }] },
      taskType: 'RETRIEVAL_QUERY',
      outputDimensionality: 2,
    });
    expect(sent).toMatchObject([
      {
        url: '/v1/models/gemini-embedding-001:batchEmbedContents',
        body: { requests: [request('a'), request('b')] },
      },
    ]);
    expect(dropped).toEqual(['user']);
  });

  it('are split at a hundred', async () => {
    const batch = { body: { embeddings: Array.from({ length: 100 }, () => ({ values: [1] })) } };
    const { client, sent } = await open(GeminiClient, [batch]);
    expect(await client.embeddings(Array.from({ length: 200 }, () => 'x'))).toHaveLength(200);
    expect(sent.map(({ body }) => body.requests.length)).toEqual([100, 100]);
  });

  it.each([{}, { embeddings: {} }, { embeddings: [{}] }])(
    'that are none are said to be: %j',
    async (body) => {
      const { client } = await open(GeminiClient, [{ body }]);
      expect((await failureOf(client.embeddings('x'))).name).toBe('ResponseFormatError');
    },
  );
});
