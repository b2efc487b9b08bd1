import { describe, expect, it } from '@jest/globals';
import {
  AnthropicClient,
  AuthenticationError,
  CircuitBreaker,
  BadRequestError,
  BaseLLMClient,
  LLMError,
  OpenAIClient,
  OpenAICompatibleClient,
  OverloadedError,
  policyHost,
  RouterClient,
  responseInfo,
  type ChatCompletion,
  type PolicyEventOf,
  type RouterOptions,
} from 'keelson';
import type { TestServer } from 'keelson/testing';
import { atEnd, failureOf, messages, openServer } from '../client/support.js';
import { installVirtualRuntime } from '../support/virtual-runtime.js';

/** A client of a server of its own, with an eye on what arrives there. */
async function destination(options: ConstructorParameters<typeof OpenAIClient>[0] = {}) {
  const server = await openServer();
  const client = new OpenAIClient({ apiKey: `sk-${server.baseURL}`, baseURL: server.baseURL, ...options });
  return { server, client };
}
const asked = (server: TestServer): number => server.requests.length;

function openRouter(options: RouterOptions): RouterClient {
  const router = new RouterClient({ retry: { baseDelayMs: 0 }, ...options });
  atEnd(() => router.close({ abort: true }));
  return router;
}

const textOf = (reply: ChatCompletion): string => reply.choices[0]?.message.content ?? '';

describe('a router', () => {
  it('is a client: it chats, streams, embeds and requests', async () => {
    const { client, server } = await destination();
    const router = openRouter({ routes: [client] });
    expect(router).toBeInstanceOf(BaseLLMClient);
    const reply = await router.chatCompletion(messages, { model: 'm' });
    expect(textOf(reply)).not.toBe('');
    const info = responseInfo(reply);
    expect(info?.usage?.inputTokens).toBeGreaterThan(0);
    expect(info?.attempts).toHaveLength(1);
    expect(info?.requestId).toBeDefined();
    const stream = router.streamChatCompletion(messages, { model: 'm' });
    expect(await stream.finalText()).not.toBe('');
    const vector = await router.embeddings('text');
    expect(typeof vector[0]).toBe('number');
    expect(await router.embeddings(['a', 'b'])).toHaveLength(2);
    await router.request('/chat/completions', { body: { model: 'm', messages } });
    expect(asked(server)).toBe(5);
  });

  it('can be a route itself', async () => {
    const { client } = await destination();
    const router = openRouter({ routes: [{ client: openRouter({ routes: [client] }), name: 'inner' }] });
    expect(textOf(await router.chatCompletion(messages))).not.toBe('');
  });

  it('spreads calls that run at the same time', async () => {
    const [a, b] = [await destination(), await destination()];
    const router = openRouter({ routes: [a.client, b.client] });
    await Promise.all(Array.from({ length: 20 }, () => router.chatCompletion(messages)));
    expect(asked(a.server) + asked(b.server)).toBe(20);
    expect(Math.min(asked(a.server), asked(b.server))).toBeGreaterThanOrEqual(7);
  });

  it('goes on elsewhere at once when a route fails, and leaves that one out', async () => {
    const [a, b] = [await destination(), await destination()];
    const router = openRouter({
      routes: [
        { client: a.client, name: 'a' },
        { client: b.client, name: 'b', order: 1 },
      ],
    });
    const events: string[] = [];
    router.on('route', (event: PolicyEventOf<'route'>) => events.push(`${event.state} ${event.to}`));
    a.server.fault({ status: 503 });
    const reply = await router.chatCompletion(messages);
    expect(events).toEqual(['chosen a', 'cooling a', 'chosen b']);
    expect(responseInfo(reply)?.attempts.map(({ code }) => code)).toEqual(['overloaded', 'ok']);
    await router.chatCompletion(messages);
    expect([asked(a.server), asked(b.server)]).toEqual([1, 2]);
    expect(router.snapshot()).toMatchObject({
      a: { calls: 1, failures: 1, inFlight: 0 },
      b: { calls: 2, failures: 0, inFlight: 0, coolingForMs: 0 },
    });
    expect(router.snapshot()['a']?.coolingForMs).toBeGreaterThan(0);
  });

  it('goes on elsewhere before the first content of a stream, not after it', async () => {
    const [a, b] = [await destination(), await destination()];
    const router = openRouter({
      routes: [{ client: a.client }, { client: b.client, order: 1 }],
      coolDownMs: 0,
    });
    a.server.fault({ reset: 'before-headers' });
    expect(await router.streamChatCompletion(messages).finalText()).not.toBe('');
    expect([asked(a.server), asked(b.server)]).toEqual([1, 1]);
    a.server.fault({ reset: 3 });
    const error = await failureOf(router.streamChatCompletion(messages).finalText());
    expect(error).toBeInstanceOf(LLMError);
    expect([asked(a.server), asked(b.server)]).toEqual([2, 1]);
    expect(Object.values(router.snapshot())[0]).toMatchObject({ failures: 2, inFlight: 0 });
  });

  it('does not carry the fault of a request to other routes', async () => {
    const [a, b] = [await destination(), await destination()];
    const router = openRouter({ routes: [a.client, b.client] });
    a.server.fault({ status: 400 });
    b.server.fault({ status: 400 });
    expect(await failureOf(router.chatCompletion(messages))).toBeInstanceOf(BadRequestError);
    expect(asked(a.server) + asked(b.server)).toBe(1);
  });

  it('goes elsewhere with a refused key, an empty account and a refusal of a route’s own limiter', async () => {
    for (const status of [401, 402, 403, 404]) {
      const [a, b] = [await destination(), await destination()];
      const router = openRouter({
        routes: [
          { client: a.client, name: 'a' },
          { client: b.client, order: 1 },
        ],
      });
      a.server.fault({ status });
      expect(textOf(await router.chatCompletion(messages))).not.toBe('');
      expect(router.snapshot()['a']?.coolingForMs).toBeGreaterThan(50_000);
    }
    const limited = await destination({ rateLimit: { requestsPerMinute: 1, maxWaitMs: 0 } });
    const free = await destination();
    const router = openRouter({
      routes: [
        { client: limited.client, name: 'l' },
        { client: free.client, order: 1 },
      ],
    });
    await router.chatCompletion(messages);
    await router.chatCompletion(messages);
    expect([asked(limited.server), asked(free.server)]).toEqual([1, 1]);
    expect(router.snapshot()['l']).toMatchObject({ failures: 0, coolingForMs: 0 });
  });

  it('throws what failed last when every route has failed', async () => {
    const [a, b] = [await destination(), await destination()];
    const router = openRouter({ routes: [a.client, b.client], retry: false });
    a.server.fault({ status: 401 });
    b.server.fault({ status: 401 });
    const error = (await failureOf(router.chatCompletion(messages))) as AuthenticationError;
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.provider).toBe('openai');
    expect(error.attempts).toHaveLength(2);
  });

  it('says so when all are cooling down, and how long', async () => {
    const { client, server } = await destination();
    const router = openRouter({ routes: [{ client, name: 'only' }], retry: false, coolDownMs: 5000 });
    server.fault({ status: 500 });
    await failureOf(router.chatCompletion(messages));
    const error = (await failureOf(router.chatCompletion(messages))) as OverloadedError;
    expect(error).toBeInstanceOf(OverloadedError);
    expect(error.message).toMatch(
      /^chatCompletion\(\): every route is cooling down after failures \(only\); the first is tried again in \d+ ms\. Its last failure: 500/,
    );
    expect(error.retryable).toBe(true);
    expect(error.retryAfterMs).toBeGreaterThan(4000);
    expect(asked(server)).toBe(1);
  });

  it('tries its round again by the rules of its own retries, not of its routes', async () => {
    const { client, server } = await destination({ retry: { maxRetries: 5, baseDelayMs: 0 } });
    const router = openRouter({ routes: [client], retry: { maxRetries: 2, baseDelayMs: 0 }, coolDownMs: 0 });
    server.fault({ status: 500, times: Infinity });
    const error = (await failureOf(router.chatCompletion(messages))) as LLMError;
    expect(asked(server)).toBe(3);
    expect(error.attempts).toHaveLength(3);
  });

  it('gives a route the name of the model there', async () => {
    const [a, b] = [await destination(), await destination()];
    const router = openRouter({
      routes: [
        { client: a.client, model: { 'gpt-4o': 'deployment-of-a' } },
        { client: b.client, model: { small: 'deployment-of-b' } },
      ],
    });
    await router.chatCompletion(messages, { model: 'small' });
    await router.chatCompletion(messages, { model: 'gpt-4o' });
    const model = (server: TestServer) => (server.requests[0]?.body as { model?: string }).model;
    expect([model(a.server), model(b.server)]).toEqual(['deployment-of-a', 'deployment-of-b']);
    expect(await failureOf(router.chatCompletion(messages, { model: 'other' }))).toEqual(
      new TypeError("chatCompletion(): no route has the model 'other'. There are: gpt-4o, small."),
    );
  });

  it('embeds only where the vectors can be mixed', async () => {
    const [a, b, c] = [
      await destination(),
      await destination({ embeddingModel: 'other' }),
      await destination(),
    ];
    const alike = openRouter({ routes: [a.client, b.client, c.client] });
    await Promise.all(Array.from({ length: 12 }, () => alike.embeddings('text')));
    expect(asked(b.server)).toBe(0);
    expect(asked(a.server)).toBeGreaterThan(0);
    expect(asked(c.server)).toBeGreaterThan(0);
    const named = openRouter({ routes: [a.client, { client: b.client, embeddingModel: 'vouched' }] });
    await named.embeddings('text');
    expect((b.server.requests[0]?.body as { model?: string }).model).toBe('vouched');
  });

  it('asks only the provider of the first route for another endpoint', async () => {
    const [a, b] = [await destination(), await destination()];
    class Other extends OpenAICompatibleClient {
      static override readonly provider = { name: 'other', needsApiKey: false };
    }
    const other = new Other({ baseURL: b.server.baseURL });
    const router = openRouter({ routes: [{ client: a.client, order: 1 }, other] });
    await router.request('/chat/completions', { body: { model: 'm', messages } });
    expect([asked(a.server), asked(b.server)]).toEqual([1, 0]);
  });

  it('ends a call of a route with its own', async () => {
    const { client, server } = await destination();
    const router = openRouter({ routes: [client] });
    server.fault({ stall: 'headers' });
    const controller = new AbortController();
    const running = router.chatCompletion(messages, {}, { signal: controller.signal });
    while (asked(server) === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    expect(((await failureOf(running)) as LLMError).code).toBe('aborted');
    expect(Object.values(router.snapshot())[0]).toMatchObject({ inFlight: 0, failures: 0 });
  });

  it('closes its clients', async () => {
    const { client } = await destination();
    const router = openRouter({ routes: [client] });
    await router.close();
    expect(((await failureOf(client.chatCompletion(messages))) as LLMError).code).toBe('client_closed');
    expect(((await failureOf(router.chatCompletion(messages))) as LLMError).code).toBe('client_closed');
  });

  it('keeps its own limits around the choice: a route’s refusal does not close them', async () => {
    const [a, b] = [await destination(), await destination()];
    const router = openRouter({
      routes: [{ client: a.client }, { client: b.client, order: 1 }],
      rateLimit: { requestsPerMinute: 60_000, maxConcurrent: 1 },
      policies: [CircuitBreaker({ minimumCalls: 2 })],
      coolDownMs: 0,
    });
    a.server.fault({ status: 429, headers: { 'retry-after': '50' }, times: 1 });
    const replies = await Promise.all([1, 2, 3].map(() => router.chatCompletion(messages)));
    expect(replies).toHaveLength(3);
    expect(asked(a.server)).toBe(1);
    a.server.fault({ status: 500, times: Infinity });
    for (let i = 0; i < 5; i++) await router.chatCompletion(messages);
    expect(asked(b.server)).toBe(8);
  });

  it('goes elsewhere at no price when a route refuses by itself', async () => {
    const [a, b] = [
      await destination({ rateLimit: { requestsPerMinute: 1, maxWaitMs: 0 } }),
      await destination({ retry: { budget: { ratio: 0, minPerSecond: 0 } } }),
    ];
    const router = openRouter({
      routes: [{ client: a.client }, { client: b.client, order: 1 }],
      retry: false,
    });
    for (let i = 0; i < 4; i++) await router.chatCompletion(messages);
    expect([asked(a.server), asked(b.server)]).toEqual([1, 3]);
  });

  it('tries its round again when any of the failures may pass', async () => {
    const [a, b] = [await destination(), await destination()];
    const router = openRouter({
      routes: [{ client: a.client }, { client: b.client, order: 1 }],
      coolDownMs: 0,
    });
    a.server.fault({ status: 503 });
    b.server.fault({ status: 401 });
    expect(textOf(await router.chatCompletion(messages))).not.toBe('');
    expect([asked(a.server), asked(b.server)]).toEqual([2, 1]);
  });

  it('takes a deadline of a route’s client for a failure of the route', async () => {
    const [a, b] = [await destination({ timeouts: { totalMs: 30 } }), await destination()];
    const router = openRouter({ routes: [{ client: a.client }, { client: b.client, order: 1 }] });
    a.server.fault({ stall: 'headers' });
    expect(textOf(await router.chatCompletion(messages))).not.toBe('');
    expect(asked(b.server)).toBe(1);
  });

  it('knows what a stream has used', async () => {
    const { client } = await destination();
    const router = openRouter({ routes: [client], rateLimit: { tokensPerMinute: 100_000 } });
    const settled: (number | undefined)[] = [];
    router.on('settled', ({ tokens }) => settled.push(tokens));
    const { usage } = await router.streamChatCompletion(messages).finalCompletion();
    expect(settled).toEqual([usage?.total_tokens]);
  });

  it('has a retry budget of its own', () => {
    const client = new OpenAIClient({ apiKey: 'sk-0123456789abcdef' });
    const [one, other] = [openRouter({ routes: [client] }), openRouter({ routes: [client] })];
    const owner = (router: RouterClient) => router[policyHost].retryBudgetOwner?.();
    expect(owner(one)).toBe(one);
    expect(owner(other)).toBe(other);
  });

  it('does not mix the vectors of other routers, nor ask who cannot embed', async () => {
    const [a, b] = [
      await destination({ embeddingModel: 'small' }),
      await destination({ embeddingModel: 'large' }),
    ];
    const inner = (client: OpenAIClient) => openRouter({ routes: [client] });
    const outer = openRouter({ routes: [inner(a.client), inner(b.client)] });
    for (let i = 0; i < 6; i++) await outer.embeddings('text');
    expect([asked(a.server), asked(b.server)]).toEqual([6, 0]);
    const anthropic = new AnthropicClient({ apiKey: 'sk-0123456789abcdef' });
    const mixed = openRouter({ routes: [anthropic, b.client] });
    expect(await mixed.embeddings('text')).not.toHaveLength(0);
  });

  it('draws on the retry budget of the account it goes on to', async () => {
    // Five in ten seconds.
    const budget = { ratio: 0, minPerSecond: 0.5 };
    const [a, b] = [await destination(), await destination({ retry: { budget } })];
    const router = openRouter({
      routes: [{ client: a.client }, { client: b.client, order: 1 }],
      coolDownMs: 0,
      retry: false,
    });
    a.server.fault({ status: 500, times: Infinity });
    const failures: unknown[] = [];
    for (let i = 0; i < 8; i++) await router.chatCompletion(messages).catch((error) => failures.push(error));
    expect(failures.map((error) => (error as LLMError).statusCode)).toEqual([500, 500, 500]);
    expect(asked(b.server)).toBe(5);
  });
});

describe('the choice', () => {
  it('avoids the route that is slower', async () => {
    const { runtime, restore } = installVirtualRuntime();
    try {
      const scripted = (ms: number, calls: number[]) =>
        new (class extends OpenAICompatibleClient {
          override async chatCompletion(): Promise<ChatCompletion> {
            calls.push(ms);
            await new Promise<void>((resolve) => runtime.setTimer(resolve, ms));
            return { choices: [] } as unknown as ChatCompletion;
          }
        })({ baseURL: 'http://127.0.0.1:9' });
      const calls: number[] = [];
      const router = new RouterClient({ routes: [scripted(500, calls), scripted(50, calls)] });
      for (let i = 0; i < 10; i++) {
        const reply = router.chatCompletion(messages);
        await runtime.advance(500);
        await reply;
      }
      expect(calls.filter((ms) => ms === 500).length).toBe(1);
    } finally {
      restore();
    }
  });
});

describe('options of a router', () => {
  const client = new OpenAIClient({ apiKey: 'sk-0123456789abcdef' });
  it.each([
    [undefined, '`routes` is undefined: give an array of clients'],
    [{ routes: [] }, '`routes` is empty: give an array of clients'],
    [{ routes: [{}] }, 'routes[0]: `client` is an object: give a client, such as new OpenAIClient().'],
    [{ routes: ['openai'] }, "routes[0]: `client` is 'openai'"],
    [{ routes: [{ client, wieght: 2 }] }, 'routes[0]: there is no option `wieght`. Did you mean `weight`?'],
    [{ routes: [{ client, weight: 0 }] }, 'routes[0]: `weight` is 0: give a number above 0.'],
    [{ routes: [{ client, order: NaN }] }, 'routes[0]: `order` is NaN: give a number.'],
    [{ routes: [{ client, name: '' }] }, "routes[0]: `name` is '': give a word."],
    [
      { routes: [{ client, model: {} }] },
      'routes[0]: `model` is an object: give the name of a model, or an object',
    ],
    [
      { routes: [{ client, embeddingModel: 5 }] },
      'routes[0]: `embeddingModel` is 5: give the name of a model.',
    ],
    [
      {
        routes: [
          { client, name: 'x' },
          { client, name: 'x' },
        ],
      },
      "two routes are named 'x': give each its own name.",
    ],
    [{ routes: [client], coolDownMs: -1 }, '`coolDownMs` is -1: give a number of at least 0.'],
    [
      { routes: [client], apiKey: 'k' },
      '`apiKey` belongs to the clients of the routes: give it to each of them.',
    ],
    [{ routes: [client], cooldown: 5 }, 'there is no option `cooldown`. Use `coolDownMs`.'],
  ])('refuses %#', (options, message) => {
    const make = () => new RouterClient(options as never);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it('name routes by provider and model, and tell equal ones apart', () => {
    const router = new RouterClient({ routes: [client, client, { client, model: 'x' }] });
    expect(Object.keys(router.snapshot())).toEqual([
      'openai/gpt-4o-mini',
      'openai/gpt-4o-mini (2)',
      'openai/x',
    ]);
  });
});
