import { describe, expect, it } from '@jest/globals';
import {
  type BaseLLMClient,
  composePolicies,
  definePolicy,
  HandleApiErrors,
  OpenAIClient,
  policiesOf,
  policyHost,
  RateLimited,
  Resilient,
  RetryWithBackoff,
  Timeout,
  type Call,
  type CallDescription,
} from 'keelson';
import { openClient, openServer, messages, KEY } from './support.js';

interface Notes {
  readonly seen: { label: string; description: CallDescription | undefined }[];
}
/** Writes down what it guards. */
const Noted = definePolicy<Notes>({
  kind: 'Noted by tests of clients',
  place: 'Cached',
  create: () => ({
    run(call: Call, next, { seen }) {
      const host = (call.self as BaseLLMClient)[policyHost];
      seen.push({ label: call.label, description: host.describe?.(call) });
      return next();
    },
  }),
});

describe('the option `policies`', () => {
  it('puts a policy around every method of the client', async () => {
    const server = await openServer();
    const seen: Notes['seen'] = [];
    const client = openClient(server.baseURL, { model: 'm', policies: [Noted({ seen })] });
    await client.chatCompletion(messages, { temperature: 0 }, { extraBody: { seed: 7 } });
    await client.streamChatCompletion(messages, { model: 'other' }).finalText();
    await client.embeddings('text', { model: 'e' });
    await client.request('/chat/completions', { body: { model: 'r', messages } });
    const shared = { provider: 'openai', baseURL: server.baseURL };
    expect(seen).toEqual([
      {
        label: 'chatCompletion',
        description: {
          ...shared,
          operation: 'chat',
          model: 'm',
          request: { model: 'm', temperature: 0, seed: 7, messages },
        },
      },
      {
        label: 'streamChatCompletion',
        description: { ...shared, operation: 'chat', model: 'other', request: { model: 'other', messages } },
      },
      {
        label: 'embeddings',
        description: {
          ...shared,
          operation: 'embeddings',
          model: 'e',
          request: { model: 'e', input: ['text'] },
        },
      },
      {
        label: 'request',
        description: { ...shared, model: 'r', request: { path: '/chat/completions', model: 'r', messages } },
      },
    ]);
  });

  it('is not there for other clients', () => {
    const client = new OpenAIClient({ apiKey: KEY, policies: [Noted({ seen: [] })] });
    const kinds = (target: object) => policiesOf(target, 'chatCompletion').map(({ kind }) => kind);
    expect(kinds(client)).toContain('Noted by tests of clients');
    expect(kinds(new OpenAIClient({ apiKey: KEY }))).not.toContain('Noted by tests of clients');
  });

  it('takes composites, whose retries and timeouts stand in for the client’s defaults', () => {
    const Robust = composePolicies('Robust', () => [
      RetryWithBackoff({ maxRetries: 9 }),
      Noted({ seen: [] }),
    ]);
    const client = new OpenAIClient({ apiKey: KEY, policies: [Robust()] });
    const retry = policiesOf(client, 'chatCompletion').find(({ kind }) => kind === 'RetryWithBackoff');
    expect(retry?.options).toEqual({ maxRetries: 9 });
  });

  const make = (policies: unknown) => () => new OpenAIClient({ apiKey: KEY, policies: policies as never });

  it.each([
    [Noted({ seen: [] }), 'new OpenAIClient(): `policies` is a function: give an array of decorators'],
    ['CircuitBreaker', "new OpenAIClient(): `policies` is 'CircuitBreaker': give an array of decorators"],
    [[RetryWithBackoff()], '@RetryWithBackoff stands in `policies`: use `retry`.'],
    [[Timeout({ totalMs: 5 })], '@Timeout stands in `policies`: use `timeouts`.'],
    [[RateLimited({ requestsPerMinute: 5 })], '@RateLimited stands in `policies`: use `rateLimit`.'],
    [
      [Resilient({ rateLimit: { requestsPerMinute: 5 } })],
      '@RateLimited stands in `policies`: use `rateLimit`.',
    ],
    [[HandleApiErrors()], '@HandleApiErrors stands in `policies`: use nothing: it is there already.'],
    [[Noted], "in `policies` of new OpenAIClient() is no policy's decorator"],
    [[undefined], "a value in `policies` of new OpenAIClient() is no policy's decorator"],
    [[Noted({ seen: [] }), Noted({ seen: [] })], '@Noted by tests of clients is brought twice'],
  ])('refuses %p', (policies, message) => {
    expect(make(policies)).toThrow(TypeError);
    expect(make(policies)).toThrow(message);
  });
});

describe('the retry budget of clients', () => {
  const owner = (options: ConstructorParameters<typeof OpenAIClient>[0]) =>
    new OpenAIClient(options)[policyHost].retryBudgetOwner?.();

  it('is one for a provider and key, whatever their limiters', () => {
    const one = owner({ apiKey: KEY, rateLimit: { requestsPerMinute: 5 } });
    expect(owner({ apiKey: KEY })).toBe(one);
    expect(owner({ apiKey: 'sk-another-0123456789' })).not.toBe(one);
    expect(owner({ apiKey: KEY, baseURL: 'http://127.0.0.1:9/v1' })).not.toBe(one);
  });

  it('takes a function that gives keys for one account', () => {
    const [ask, other] = [() => KEY, () => KEY];
    expect(owner({ apiKey: ask })).toBe(owner({ apiKey: ask }));
    expect(owner({ apiKey: ask })).not.toBe(owner({ apiKey: other }));
    expect(owner({ apiKey: ask })).not.toBe(owner({ apiKey: KEY }));
  });

  it('does not tell the key', () => {
    expect(JSON.stringify(owner({ apiKey: KEY }))).not.toContain(KEY.slice(3));
  });

  it('stops retries of one client by those of another', async () => {
    const server = await openServer();
    const options = {
      apiKey: 'sk-shared-0123456789',
      retry: { baseDelayMs: 0, maxRetries: 3, budget: { ratio: 0, minPerSecond: 0.5 } },
    };
    const [a, b] = [openClient(server.baseURL, options), openClient(server.baseURL, options)];
    server.fault({ status: 500, times: Infinity });
    const failure = async (client: OpenAIClient) =>
      client.chatCompletion(messages).catch((error: { attempts: unknown[] }) => error.attempts.length);
    expect(await failure(a)).toBe(4);
    // Five in ten seconds: three are used up.
    expect(await failure(b)).toBe(3);
    expect(await failure(a)).toBe(1);
  });
});
