// @ts-nocheck
import { afterEach, describe, expect, test } from '@jest/globals';
import { startTestServer } from 'keelson/testing';
import type { TestServer, TestServerOptions } from 'keelson/testing';
import { HELLO, chat, eventsOf, send, textOf } from './support.js';

let server: TestServer;
const start = async (options?: TestServerOptions): Promise<TestServer> =>
  (server = await startTestServer(options));
afterEach(() => server.close());

describe('the server', () => {
  test('listens on 127.0.0.1 and says that it is a stand-in', async () => {
    const lines: string[] = [];
    await start({ log: (line) => lines.push(line) });
    expect(server.baseURL).toBe(`http://127.0.0.1:${server.port}/v1`);
    expect(server.banner).toMatch(/stand-in with canned text/);
    expect(lines).toEqual([server.banner]);
    await chat(server);
    expect(lines[1]).toMatch(/^POST \/v1\/chat\/completions 200 \d+ ms$/);
  });

  test('records requests with credentials redacted', async () => {
    await start();
    await send(server, '/chat/completions?x=1', HELLO, {
      Authorization: 'Bearer very-secret',
      'X-Mine': 'yes',
    });
    expect(server.requests).toHaveLength(1);
    const [request] = server.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/v1/chat/completions?x=1', body: HELLO });
    expect(request?.headers).toMatchObject({ authorization: '[redacted]', 'x-mine': 'yes' });
    expect(JSON.stringify(server.requests)).not.toContain('very-secret');
    server.reset();
    expect(server.requests).toEqual([]);
  });

  test('keeps the last 1000 requests', async () => {
    await start();
    for (let batch = 0; batch < 41; batch += 1) {
      await Promise.all(
        Array.from({ length: 25 }, (_, index) => send(server, `/models/${batch * 25 + index}`)),
      );
    }
    expect(server.requests).toHaveLength(1000);
    const paths = server.requests.map((request) => request.path);
    expect(paths).not.toContain('/v1/models/0');
    expect(paths).toContain('/v1/models/1024');
  });

  test('serves many clients at once, each with an id of its own', async () => {
    await start();
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        chat(server, { messages: [{ role: 'user', content: `number ${index}` }] }),
      ),
    );
    replies.forEach((reply, index) => {
      expect(reply.json.choices[0].message.content).toContain(`"number ${index}"`);
    });
    expect(new Set(replies.map((reply) => reply.headers.get('x-request-id'))).size).toBe(50);
    expect(new Set(replies.map((reply) => reply.json.id)).size).toBe(50);
  });

  test('close breaks stalled connections, may be called twice, and frees the port', async () => {
    await start();
    server.fault({ stall: 'headers' });
    const stalled = chat(server).catch((error: unknown) => error);
    while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([server.close(), server.close()]);
    expect(await stalled).toMatchObject({ message: 'fetch failed' });
    const again = await startTestServer({ port: server.port });
    await again[Symbol.asyncDispose]();
  });

  test('rejects when the port is taken', async () => {
    await start();
    await expect(startTestServer({ port: server.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test.each([
    [{ port: -1 }, /port.*-1/],
    [{ apiKeys: [''] }, /apiKeys/],
    [{ models: 'gpt' }, /models/],
    [{ reply: 7 }, /reply/],
    [{ log: true }, /log/],
    [{ rateLimit: { requestsPerMinute: 0 } }, /rateLimit.requestsPerMinute.*0/],
    [{ rateLimit: { rpm: 1 } }, /rpm.*requestsPerMinute/],
    [{ apiKey: 'x' }, /apiKey.*apiKeys/],
  ])('refuses %j', async (options, message) => {
    await start();
    const refused = startTestServer(options as never);
    await expect(refused).rejects.toBeInstanceOf(TypeError);
    await expect(refused).rejects.toThrow(message);
  });
});

describe('refusals look like those of OpenAI', () => {
  const refusal = (code: string | null, param: string | null = null): unknown => ({
    error: { message: expect.any(String), type: 'invalid_request_error', param, code },
  });

  test('of a missing and of a wrong key, which is not echoed', async () => {
    await start({ apiKeys: ['right-key'] });
    const missing = await send(server, '/chat/completions', HELLO, {});
    expect([missing.status, missing.json]).toEqual([401, refusal(null)]);
    const wrong = await send(server, '/chat/completions', HELLO, {
      authorization: 'Bearer sk-0123456789abcdef',
    });
    expect([wrong.status, wrong.json]).toEqual([401, refusal('invalid_api_key')]);
    expect(wrong.text).not.toContain('0123456789');
    expect((await send(server, '/models', undefined, { authorization: 'Bearer right-key' })).status).toBe(
      200,
    );
  });

  test('of an empty key', async () => {
    await start();
    expect((await send(server, '/models', undefined, { authorization: 'Bearer ' })).status).toBe(401);
  });

  test.each([
    ['POST', '/chat/completions', '{"model"', 400, null, null],
    ['POST', '/chat/completions', '7', 400, null, null],
    ['POST', '/chat/completions', { messages: HELLO.messages }, 400, 'missing_required_parameter', 'model'],
    ['POST', '/chat/completions', { model: 'm' }, 400, 'missing_required_parameter', 'messages'],
    ['POST', '/chat/completions', { model: 'm', messages: [] }, 400, 'empty_array', 'messages'],
    ['POST', '/chat/completions', { model: 'm', messages: 'Hi' }, 400, 'invalid_type', 'messages'],
    [
      'POST',
      '/chat/completions',
      { model: 'm', messages: [null] },
      400,
      'missing_required_parameter',
      'messages[0].role',
    ],
    ['POST', '/chat/completions', { ...HELLO, max_tokens: 0 }, 400, 'invalid_value', 'max_tokens'],
    ['POST', '/chat/completions', { ...HELLO, model: 'other' }, 404, 'model_not_found', null],
    ['POST', '/embeddings', { model: 'other', input: 'x' }, 404, 'model_not_found', null],
    ['GET', '/models/other', undefined, 404, 'model_not_found', null],
    ['POST', '/responses', {}, 404, null, null],
    ['GET', '/chat/completions', undefined, 405, 'method_not_supported', null],
    ['DELETE', '/models', undefined, 405, 'method_not_supported', null],
  ])('%s %s %j gives %i', async (method, path, body, status, code, param) => {
    await start({ models: ['gpt-4o-mini', 'm'] });
    const reply = await send(server, path, body, { authorization: 'Bearer k' }, method);
    expect([reply.status, reply.json]).toEqual([status, refusal(code, param)]);
    expect(reply.headers.get('x-request-id')).toMatch(/^req_/);
    expect(reply.headers.get('openai-processing-ms')).toMatch(/^\d+$/);
  });

  test('a reply function that throws is a 500', async () => {
    await start({
      reply: () => {
        throw new Error('no idea');
      },
    });
    const reply = await chat(server);
    expect([reply.status, reply.json.error.type]).toEqual([500, 'server_error']);
    expect(reply.text).toContain('no idea');
  });
});

describe('models', () => {
  test('are listed and found', async () => {
    await start({ models: ['mine'] });
    expect((await send(server, '/models')).json).toMatchObject({
      object: 'list',
      data: [{ id: 'mine', object: 'model' }],
    });
    expect((await send(server, '/models/mine')).json).toMatchObject({ id: 'mine' });
  });
});

describe('chat', () => {
  test('has the shape of a completion and counts four characters a token', async () => {
    await start({ reply: '12345' });
    const { json } = await chat(server);
    expect(json).toEqual({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'gpt-4o-mini',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: '12345', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: expect.objectContaining({
        // "Hello" is 2, and the markup 3 + 3.
        prompt_tokens: 8,
        completion_tokens: 2,
        total_tokens: 10,
        prompt_tokens_details: expect.any(Object),
        completion_tokens_details: expect.any(Object),
      }),
      service_tier: 'default',
      system_fingerprint: null,
    });
  });

  test('max_tokens, max_completion_tokens, stop and n', async () => {
    await start({ reply: 'one two three four' });
    const first = async (extra: object): Promise<unknown[]> => {
      const { json } = await chat(server, extra);
      return [json.choices[0].message.content, json.choices[0].finish_reason];
    };
    expect(await first({ max_tokens: 2 })).toEqual(['one two ', 'length']);
    expect(await first({ max_tokens: 9, max_completion_tokens: 1 })).toEqual(['one ', 'length']);
    expect(await first({ max_tokens: 5 })).toEqual(['one two three four', 'stop']);
    expect(await first({ stop: [' four', ' two'] })).toEqual(['one', 'stop']);
    const { json } = await chat(server, { n: 3 });
    expect(json.choices.map((choice: { index: number }) => choice.index)).toEqual([0, 1, 2]);
    expect(json.usage.completion_tokens).toBe(15);
  });

  test('never cuts a surrogate pair', async () => {
    await start({ reply: 'abc😀' });
    expect((await chat(server, { max_tokens: 1 })).json.choices[0].message.content).toBe('abc');
  });

  test('logprobs', async () => {
    await start({ reply: 'one two' });
    const { json } = await chat(server, { logprobs: true, top_logprobs: 1 });
    expect(json.choices[0].logprobs.content.map((entry: { token: string }) => entry.token)).toEqual([
      'one ',
      'two',
    ]);
    expect(json.choices[0].logprobs.content[0].top_logprobs).toHaveLength(1);
  });

  test('a function makes the reply from the request', async () => {
    await start({ reply: (request) => ({ content: request.model.toUpperCase(), reasoning_content: 'hm' }) });
    const { json } = await chat(server);
    expect(json.choices[0].message).toEqual({
      role: 'assistant',
      content: 'GPT-4O-MINI',
      refusal: null,
      reasoning_content: 'hm',
    });
  });

  const tool = (name: string, parameters?: object): object => ({
    type: 'function',
    function: { name, parameters },
  });
  const tools = [
    tool('get_weather', {
      type: 'object',
      properties: {
        city: { type: 'string' },
        unit: { enum: ['C', 'F'] },
        days: { type: 'integer', minimum: 2 },
      },
    }),
    tool('get_time'),
  ];
  const ask = (content: string, role = 'user'): object => ({ tools, messages: [{ role, content }] });
  const called = async (extra: object): Promise<unknown[]> => {
    const { json } = await chat(server, extra);
    return [
      json.choices[0].finish_reason,
      ...(json.choices[0].message.tool_calls ?? []).map((c: any) => c.function.name),
    ];
  };

  test('calls the tools that the user mentions, else answers in text', async () => {
    await start();
    expect(await called(ask('What can you do?'))).toEqual(['stop']);
    expect(await called(ask('Please get weather and get_time'))).toEqual([
      'tool_calls',
      'get_weather',
      'get_time',
    ]);
    expect(await called({ ...ask('get_weather, get_time'), parallel_tool_calls: false })).toEqual([
      'tool_calls',
      'get_weather',
    ]);
    expect(await called({ ...ask('get_weather'), tool_choice: 'none' })).toEqual(['stop']);
    expect(await called(ask('get_weather says 20', 'tool'))).toEqual(['stop']);
  });

  test('tool_choice forces a call with arguments of the right shape', async () => {
    await start();
    expect(await called({ ...ask('Hi'), tool_choice: 'required' })).toEqual(['tool_calls', 'get_weather']);
    const forced = { ...ask('Hi'), tool_choice: { type: 'function', function: { name: 'get_weather' } } };
    const { json } = await chat(server, forced);
    const [call] = json.choices[0].message.tool_calls;
    expect(call).toMatchObject({ id: expect.stringMatching(/^call_/), type: 'function' });
    expect(JSON.parse(call.function.arguments)).toEqual({ city: 'text', unit: 'C', days: 2 });
    const unknown = await chat(server, {
      tools,
      tool_choice: { type: 'function', function: { name: 'nope' } },
    });
    expect([unknown.status, unknown.json.error.param]).toEqual([400, 'tool_choice']);
  });

  test('JSON mode and JSON schema give JSON of that shape', async () => {
    await start({ reply: 'plain' });
    const content = async (response_format: object): Promise<unknown> =>
      JSON.parse((await chat(server, { response_format })).json.choices[0].message.content);
    expect(await content({ type: 'json_object' })).toEqual({ text: 'plain' });
    const schema = {
      type: 'object',
      properties: {
        name: { type: 'string', minLength: 6 },
        tags: { type: 'array', items: { type: 'string', format: 'email' }, minItems: 2 },
        next: { anyOf: [{ $ref: '#' }, { type: 'null' }] },
        age: { type: ['integer', 'null'], exclusiveMinimum: 17 },
        ok: { allOf: [{ $ref: '#/$defs/flag' }] },
      },
      required: ['name', 'tags', 'next', 'age', 'ok'],
      $defs: { flag: { type: 'boolean' } },
    };
    expect(await content({ type: 'json_schema', json_schema: { name: 'x', schema } })).toMatchObject({
      name: 'textxx',
      tags: ['user@example.com', 'user@example.com'],
      age: 18,
      ok: true,
      next: { name: 'textxx' },
    });
  });

  test('JSON mode keeps a canned text that is JSON', async () => {
    await start({ reply: '{"a":1}' });
    const { json } = await chat(server, { response_format: { type: 'json_object' } });
    expect(json.choices[0].message.content).toBe('{"a":1}');
  });
});

describe('streamed chat', () => {
  test('role, pieces, finish reason, [DONE]', async () => {
    await start({ reply: 'one two three' });
    const { text, headers } = await chat(server, { stream: true });
    expect(headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    const events = eventsOf(text);
    expect(events.map((event) => event.choices[0].delta)).toEqual([
      { role: 'assistant', content: '', refusal: null },
      { content: 'one ' },
      { content: 'two ' },
      { content: 'three' },
      {},
    ]);
    expect(events.map((event) => event.choices[0].finish_reason)).toEqual([null, null, null, null, 'stop']);
    expect(new Set(events.map((event) => event.id)).size).toBe(1);
    expect(events[0]).toMatchObject({ object: 'chat.completion.chunk', model: 'gpt-4o-mini' });
    expect(events[0]).not.toHaveProperty('usage');
  });

  test('include_usage adds a last chunk without choices', async () => {
    await start({ reply: 'one' });
    const events = eventsOf(
      (await chat(server, { stream: true, stream_options: { include_usage: true } })).text,
    );
    expect(events[0].usage).toBeNull();
    expect(events.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 8, completion_tokens: 1 } });
  });

  test('logprobs and several choices', async () => {
    await start({ reply: 'a b' });
    const events = eventsOf((await chat(server, { stream: true, logprobs: true, n: 2 })).text);
    expect(events[2].choices[0].logprobs.content[0].token).toBe('b');
    const second = events.filter((event) => event.choices[0].index === 1);
    expect(textOf(second)).toBe('a b');
    expect(second.at(-1).choices[0].finish_reason).toBe('stop');
  });

  test('tool calls come in pieces that join to their arguments', async () => {
    await start({
      reply: () => ({
        tool_calls: ['{"city":"Rio de Janeiro"}', '{}'].map((args, index) => ({
          id: `call_${index}`,
          type: 'function',
          function: { name: `tool_${index}`, arguments: args },
        })),
      }),
    });
    const events = eventsOf((await chat(server, { stream: true })).text);
    const deltas = events.flatMap((event) => event.choices[0].delta.tool_calls ?? []);
    expect(deltas[0]).toEqual({
      index: 0,
      id: 'call_0',
      type: 'function',
      function: { name: 'tool_0', arguments: '' },
    });
    const joined = (index: number): string =>
      deltas
        .filter((delta) => delta.index === index)
        .map((delta) => delta.function.arguments)
        .join('');
    expect([joined(0), joined(1)]).toEqual(['{"city":"Rio de Janeiro"}', '{}']);
    expect(deltas.length).toBeGreaterThan(4);
    expect(events.at(-1).choices[0].finish_reason).toBe('tool_calls');
  });
});
