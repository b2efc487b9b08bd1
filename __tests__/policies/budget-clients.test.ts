import { describe, expect, it } from '@jest/globals';
import {
  AnthropicClient,
  Budget,
  BudgetExceededError,
  Limiter,
  OpenAIClient,
  policiesOf,
  SpendingBudget,
  type BudgetSnapshot,
  type OpenAIClientOptions,
} from 'keelson';
import {
  atEnd,
  failureOf,
  messages,
  openClient,
  openServer,
  readBody,
  serve,
  textOf,
} from '../client/support.js';

const state = (budget: SpendingBudget, name = 'usd per day'): BudgetSnapshot | undefined =>
  budget.snapshot()[name]?.['default'];

/** A server that answers in exactly the same way each time, and a client with `budget`. */
async function clientWith(budget: SpendingBudget, options: OpenAIClientOptions = {}) {
  const server = await openServer({ reply: 'Good day.' });
  return { server, client: openClient(server.baseURL, { policies: [Budget(budget)], ...options }) };
}

describe('a budget on a client', () => {
  it('stands on every method that asks the provider', () => {
    const client = new OpenAIClient({ apiKey: 'x', policies: [Budget({ usd: 1, per: 'day' })] });
    for (const method of ['chatCompletion', 'chatCompletionEvents', 'embedBatch', 'request']) {
      expect(policiesOf(client, method).filter(({ kind }) => kind === 'Budget')).toHaveLength(2);
    }
  });

  it('is charged with what the answer says it used', async () => {
    const budget = new SpendingBudget({ usd: 1, per: 'day' });
    const { client } = await clientWith(budget);
    const { usage } = await client.chatCompletion(messages, { max_tokens: 50 });
    const usd = ((usage?.prompt_tokens ?? NaN) * 0.15 + (usage?.completion_tokens ?? NaN) * 0.6) / 1e6;
    expect(state(budget)?.used).toBeCloseTo(usd, 9);
    expect(state(budget)?.reserved).toBe(0);
  });

  it('is charged with what a stream says at its end', async () => {
    const [whole, streamed] = [1, 2].map(() => new SpendingBudget({ usd: 1, per: 'day' })) as [
      SpendingBudget,
      SpendingBudget,
    ];
    await (await clientWith(whole)).client.chatCompletion(messages, { max_tokens: 50 });
    const stream = (await clientWith(streamed)).client.streamChatCompletion(messages, { max_tokens: 50 });
    expect(await textOf(stream)).toBe('Good day.');
    expect(state(streamed)?.used).toBe(state(whole)?.used);
  });

  it('is charged with the input and the output so far of a stream that is left', async () => {
    const budget = new SpendingBudget({ tokens: 100_000, per: 'day' });
    const server = await openServer({ reply: 'word '.repeat(500) });
    const client = openClient(server.baseURL, { policies: [Budget(budget)] });
    let chunks = 0;
    for await (const { choices } of client.streamChatCompletion(messages, { max_tokens: 5000 })) {
      expect(choices).toHaveLength(1);
      expect(state(budget, 'tokens per day')?.reserved).toBeGreaterThan(5000);
      if (++chunks === 20) break;
    }
    const { used = NaN, reserved } = state(budget, 'tokens per day') ?? {};
    expect(used).toBeGreaterThan(10);
    expect(used).toBeLessThan(500);
    expect(reserved).toBe(0);
  });

  it('is charged with embeddings at the price of their model', async () => {
    const budget = new SpendingBudget({ usd: 1, per: 'day' });
    const { client, server } = await clientWith(budget);
    await client.embeddings(['one', 'two']);
    expect(server.requests).toHaveLength(1);
    expect(state(budget)?.used).toBeGreaterThan(0);
    expect(state(budget)?.used).toBeLessThan(1e-6);
  });

  it('refuses a call with too large a bound before anything is sent', async () => {
    const budget = new SpendingBudget({ usd: 0.01, per: 'day' });
    const { client, server } = await clientWith(budget);
    expect(await failureOf(client.chatCompletion(messages, { max_tokens: 20_000 }))).toBeInstanceOf(
      BudgetExceededError,
    );
    expect(
      await failureOf(textOf(client.streamChatCompletion(messages, { max_tokens: 20_000 }))),
    ).toBeInstanceOf(BudgetExceededError);
    expect(server.requests).toHaveLength(0);
    await client.chatCompletion(messages, { max_tokens: 1000 });
  });

  it('refuses a model whose price nobody knows, and lets through what needs no price', async () => {
    const { client, server } = await clientWith(new SpendingBudget({ usd: 1, per: 'day' }));
    const error = await failureOf(client.chatCompletion(messages, { model: 'in-house-7b' }));
    expect(error).toMatchObject({ code: 'price_unknown', attempts: [] });
    expect(error.message).toContain("prices: { 'in-house-7b':");
    expect(server.requests).toHaveLength(0);
    await client.request('/models', { method: 'GET' });
    expect(server.requests).toHaveLength(1);
  });

  it('gives everything back for a call that was refused or never arrived', async () => {
    const budget = new SpendingBudget({ usd: 1, per: 'day' });
    const { client } = await clientWith(budget, { retry: false });
    const server = await openServer({ apiKeys: ['another'] });
    const refused = openClient(server.baseURL, { policies: [Budget(budget)] });
    const nowhere = openClient('http://127.0.0.1:1/v1', { policies: [Budget(budget)], retry: false });
    await failureOf(refused.chatCompletion(messages));
    await failureOf(nowhere.chatCompletion(messages));
    expect(state(budget)).toMatchObject({ used: 0, reserved: 0 });
    await client.chatCompletion(messages);
    expect(state(budget)?.used).toBeGreaterThan(0);
  });

  it('is shared by clients of several providers', async () => {
    const budget = new SpendingBudget({ usd: 0.1, per: 'day' });
    const { client } = await clientWith(budget);
    const baseURL = await serve((request, response) => {
      void readBody(request).then(() => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({
            id: 'm',
            type: 'message',
            role: 'assistant',
            model: 'claude-haiku-4-5-20251001',
            content: [{ type: 'text', text: 'Hi' }],
            stop_reason: 'end_turn',
            usage: { input_tokens: 1000, output_tokens: 2000 },
          }),
        );
      });
    });
    const claude = new AnthropicClient({ apiKey: 'x', baseURL, policies: [Budget(budget)] });
    atEnd(() => claude.close());
    await claude.chatCompletion(messages, { max_tokens: 3000 });
    expect(state(budget)?.used).toBe(0.011);
    await client.chatCompletion(messages);
    expect(state(budget)?.used).toBeGreaterThan(0.011);
  });

  it('holds together with the limiter of the client', async () => {
    const limiter = new Limiter({ maxConcurrent: 2 });
    const budget = new SpendingBudget({ tokens: 1000, per: 'day' });
    const { client, server } = await clientWith(budget, { rateLimit: limiter });
    const all = await Promise.allSettled(
      Array.from({ length: 12 }, () => client.chatCompletion(messages, { max_tokens: 300 })),
    );
    const answered = all.filter(({ status }) => status === 'fulfilled').length;
    expect(answered).toBe(server.requests.length);
    expect(answered).toBeGreaterThan(3);
    expect(state(budget, 'tokens per day')?.reserved).toBe(0);
    expect(limiter.snapshot()['default']).toMatchObject({ queued: 0, concurrency: { inFlight: 0 } });
  });

  it('tells an operator in lines of the log', async () => {
    const lines: string[] = [];
    const logger = {
      debug: () => {},
      info: () => {},
      error: () => {},
      warn: (_fields: object, line: string) => void lines.push(line),
    };
    const server = await openServer();
    const budget = new SpendingBudget({
      tokens: 1000,
      per: 'day',
      warnAt: 0,
      key: (call) => call.options.headers?.['x-tenant'] ?? '',
    });
    const client = openClient(server.baseURL, { policies: [Budget(budget)], logger });
    await client.chatCompletion(messages, { max_tokens: 2 }, { headers: { 'x-tenant': 'acme' } });
    await failureOf(
      client.chatCompletion(messages, { max_tokens: 1000 }, { headers: { 'x-tenant': 'acme' } }),
    );
    expect(lines).toEqual([
      expect.stringMatching(
        /^OpenAIClient\.chatCompletion\(\): the budget 'tokens per day' of 'acme' is nearly used up: \d+ of 1000 tokens$/,
      ),
      expect.stringMatching(
        /^OpenAIClient\.chatCompletion\(\): refused by the budget 'tokens per day' of 'acme': \d+ of 1000 tokens are used or reserved$/,
      ),
    ]);
  });
});
