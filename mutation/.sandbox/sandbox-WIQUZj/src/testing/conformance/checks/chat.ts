// @ts-nocheck
import assert from 'node:assert/strict';
import { responseInfo } from '../../../client/response-info.js';
import { ANSWER, KEY, MODEL, QUESTION, failureOf, type Check } from '../lab.js';

const group = 'chat';

export const chatChecks: readonly Check[] = [
  {
    group,
    name: 'sends one POST of JSON with the key, below the base URL',
    async run(lab) {
      await lab.once(lab.answer()).chatCompletion(QUESTION);
      const [request, ...more] = lab.server.requests;
      assert.equal(more.length, 0);
      assert.equal(request?.method, 'POST');
      assert.ok(request.url.startsWith('/v1/'), request.url);
      assert.match(request.headers['content-type'] ?? '', /^application\/json/);
      assert.equal(lab.wire.keyOf(request), KEY);
    },
  },
  {
    group,
    name: 'sends the messages, and the model of the client or of the call',
    async run(lab) {
      const client = lab.once(lab.answer());
      await client.chatCompletion(QUESTION);
      assert.equal(lab.asked().model, MODEL);
      assert.deepEqual(
        lab.asked().messages.map(({ role, text }) => [role, text]),
        [['user', 'What is a keelson?']],
      );
      assert.equal(lab.asked().stream, false);
      await client.chatCompletion(QUESTION, { model: 'other-model' });
      assert.equal(lab.asked().model, 'other-model');
    },
  },
  {
    group,
    name: 'gives the answer in the form of OpenAI',
    async run(lab) {
      const reply = await lab.once(lab.answer()).chatCompletion(QUESTION);
      assert.equal(reply.object, 'chat.completion');
      for (const field of ['id', 'model'] as const) assert.equal(typeof reply[field], 'string', field);
      assert.equal(typeof reply.created, 'number');
      assert.equal(reply.choices.length, 1);
      const { index, message, finish_reason: finish } = reply.choices[0] as (typeof reply.choices)[0];
      assert.deepEqual([index, finish, message.role], [0, 'stop', 'assistant']);
      assert.equal(message.content, ANSWER.text);
    },
  },
  {
    group,
    name: 'gives the usage, to the caller and to the limiter',
    async run(lab) {
      lab.server.reply(lab.answer());
      const client = lab.client({ rateLimit: { tokensPerMinute: 1e-6, tokenBurst: 1000 } });
      const reply = await client.chatCompletion(QUESTION, { max_tokens: 100 });
      assert.equal(reply.usage?.prompt_tokens, 11);
      assert.equal(reply.usage.completion_tokens, 7);
      assert.equal(reply.usage.total_tokens, 18);
      assert.deepEqual(responseInfo(reply)?.usage, { inputTokens: 11, outputTokens: 7 });
      assert.equal(Math.round(client.limiter?.snapshot()['default']?.tokens?.available ?? 0), 982);
    },
  },
  {
    group,
    name: 'counts input that was read from a cache',
    applies: ({ lacks }) => !lacks?.includes('cached'),
    async run(lab) {
      const answer = { ...ANSWER, usage: { input: 11, output: 7, cached: 5 } };
      const reply = await lab.once(lab.answer(answer)).chatCompletion(QUESTION);
      assert.equal(reply.usage?.prompt_tokens, 11);
      assert.equal(reply.usage.prompt_tokens_details?.cached_tokens, 5);
      assert.deepEqual(responseInfo(reply)?.usage, {
        inputTokens: 11,
        outputTokens: 7,
        cachedInputTokens: 5,
      });
    },
  },
  {
    group,
    name: 'tells request id and attempts of an answer',
    async run(lab) {
      const headers = { [lab.wire.requestIdHeader ?? 'x-request-id']: 'req-7' };
      const reply = await lab.once(lab.answer(ANSWER, headers)).chatCompletion(QUESTION);
      const info = responseInfo(reply);
      assert.equal(info?.requestId, 'req-7');
      assert.deepEqual(
        info.attempts.map(({ name }) => name),
        ['ok'],
      );
    },
  },
  {
    group,
    name: 'says when an answer was cut at its limit, and sends the limit',
    async run(lab) {
      const answer = { ...ANSWER, finish: 'length' as const };
      const reply = await lab.once(lab.answer(answer)).chatCompletion(QUESTION, { max_tokens: 7 });
      assert.equal(reply.choices[0]?.finish_reason, 'length');
      if (!lab.wire.lacks?.includes('maxTokens')) assert.equal(lab.asked().maxTokens, 7);
    },
  },
  {
    group,
    name: 'sends a conversation in its order, with the instructions',
    async run(lab) {
      await lab
        .once(lab.answer())
        .chatCompletion([
          ...(lab.wire.lacks?.includes('system') ? [] : [{ role: 'system' as const, content: 'Be brief.' }]),
          { role: 'user', content: 'One' },
          { role: 'assistant', content: 'Two' },
          { role: 'user', content: [{ type: 'text', text: 'Three' }] },
        ]);
      const said = lab.asked().messages.map(({ role, text }) => `${role}: ${text}`);
      const expected = ['system: Be brief.', 'user: One', 'assistant: Two', 'user: Three'];
      assert.deepEqual(said, lab.wire.lacks?.includes('system') ? expected.slice(1) : expected);
    },
  },
  {
    group,
    name: 'takes its own answer back as a message, with its reasoning',
    async run(lab) {
      const reasoning = lab.wire.lacks?.includes('reasoning') ? {} : { reasoning: 'Ships have one.' };
      const client = lab.once(lab.answer({ ...ANSWER, ...reasoning }));
      const { message } = (await client.chatCompletion(QUESTION)).choices[0] ?? {};
      assert.ok(message);
      if ('reasoning' in reasoning) assert.equal(message.reasoning_content, 'Ships have one.');
      await client.chatCompletion([...QUESTION, message, { role: 'user', content: 'Why?' }]);
      const { messages } = lab.asked();
      assert.deepEqual(
        messages.map(({ role }) => role),
        ['user', 'assistant', 'user'],
      );
      assert.equal(messages[1]?.text, ANSWER.text);
    },
  },
  {
    group,
    name: 'adds headers and fields of the call',
    async run(lab) {
      const client = lab.once(lab.answer());
      await client.chatCompletion(
        QUESTION,
        {},
        { headers: { 'x-team': 'blue' }, extraBody: { conformance_field: { a: 1 } } },
      );
      const [request] = lab.server.requests;
      assert.equal(request?.headers['x-team'], 'blue');
      assert.deepEqual((request.body as Record<string, unknown>)['conformance_field'], { a: 1 });
    },
  },
  {
    group,
    name: 'gives each of many calls at once its own answer',
    async run(lab) {
      const client = lab.once((request) => {
        const { text = '' } = lab.wire.readChat(request).messages.at(-1) ?? {};
        return lab.wire.chat({ ...ANSWER, text: `You said ${text}` }, request);
      });
      const said = Array.from({ length: 20 }, (_, i) => `number ${i}`);
      const replies = await Promise.all(
        said.map((content) => client.chatCompletion([{ role: 'user', content }])),
      );
      assert.deepEqual(
        replies.map(({ choices }) => choices[0]?.message.content),
        said.map((content) => `You said ${content}`),
      );
    },
  },
  {
    group,
    name: 'asks a function for the key at each attempt',
    async run(lab) {
      let asked = 0;
      lab.server.reply(lab.wire.failure('server', 'Broken') ?? { status: 500 }, lab.answer());
      const client = lab.client({ apiKey: () => `sk-conformance-rotated-${++asked}` });
      await client.chatCompletion(QUESTION);
      assert.deepEqual(
        lab.server.requests.map((request) => lab.wire.keyOf(request)),
        ['sk-conformance-rotated-1', 'sk-conformance-rotated-2'],
      );
    },
  },
  {
    group,
    name: 'refuses what cannot be sent as a TypeError, before anything is',
    async run(lab) {
      const client = lab.once(lab.answer());
      assert.ok((await failureOf(client.chatCompletion([]))) instanceof TypeError);
      assert.ok(
        (await failureOf(client.chatCompletion(QUESTION, { temperature: NaN }))) instanceof TypeError,
      );
      assert.ok((await failureOf(client.streamChatCompletion([]).finalText())) instanceof TypeError);
      assert.equal(lab.server.requests.length, 0);
    },
  },
];
