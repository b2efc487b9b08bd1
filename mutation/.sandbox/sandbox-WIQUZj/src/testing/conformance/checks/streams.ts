// @ts-nocheck
import assert from 'node:assert/strict';
import { responseInfo } from '../../../client/response-info.js';
import type { BaseLLMClient } from '../../../client/base-client.js';
import type { ChatCompletionChunk } from '../../../wire/index.js';
import { ANSWER, QUESTION, failureOf, type Check } from '../lab.js';

const group = 'streams';

/** Reads a stream to its end or its failure. */
async function read(
  client: BaseLLMClient,
): Promise<{ text: string; error: unknown; chunks: ChatCompletionChunk[] }> {
  const chunks: ChatCompletionChunk[] = [];
  let text = '';
  try {
    for await (const chunk of client.streamChatCompletion(QUESTION)) {
      chunks.push(chunk);
      text += chunk.choices[0]?.delta.content ?? '';
    }
  } catch (error) {
    return { text, error, chunks };
  }
  return { text, error: undefined, chunks };
}

const nameOf = (error: unknown): string => (error as Error | undefined)?.name ?? 'no error';

export const streamChecks: readonly Check[] = [
  {
    group,
    name: 'sends one request, at the first use, that asks for a stream',
    async run(lab) {
      const stream = lab.once(lab.answer()).streamChatCompletion(QUESTION);
      assert.equal(lab.server.requests.length, 0);
      assert.equal(await stream.finalText(), ANSWER.text);
      assert.equal(lab.server.requests.length, 1);
      assert.equal(lab.asked().stream, true);
    },
  },
  {
    group,
    name: 'gives chunks in the form of OpenAI, and the text in pieces',
    async run(lab) {
      const { text, error, chunks } = await read(lab.once(lab.answer()));
      assert.equal(error, undefined);
      assert.equal(text, ANSWER.text);
      for (const chunk of chunks) {
        assert.ok(Array.isArray(chunk.choices));
        for (const { delta } of chunk.choices) assert.equal(typeof delta, 'object');
      }
      const pieces = chunks.filter(({ choices }) => choices[0]?.delta.content);
      assert.ok(pieces.length > 1, 'the text comes in more than one chunk');
      assert.equal(
        chunks.flatMap(({ choices }) => choices.map((choice) => choice.finish_reason)).at(-1),
        'stop',
      );
    },
  },
  {
    group,
    name: 'comes to the same completion as without streaming',
    async run(lab) {
      const reasoning = lab.wire.lacks?.includes('reasoning') ? {} : { reasoning: 'Ships have one.' };
      const client = lab.once(lab.answer({ ...ANSWER, ...reasoning }));
      const plain = await client.chatCompletion(QUESTION);
      const streamed = await client.streamChatCompletion(QUESTION).finalCompletion();
      const [a, b] = [plain, streamed].map(({ model, choices, usage }) => {
        const { message, finish_reason: finish } = choices[0] as (typeof choices)[0];
        return { model, finish, usage, content: message.content, reasoning: message.reasoning_content };
      });
      assert.deepEqual(b, a);
    },
  },
  {
    group,
    name: 'gives the reasoning as it comes',
    applies: ({ lacks }) => !lacks?.includes('reasoning'),
    async run(lab) {
      const { chunks, text } = await read(lab.once(lab.answer({ ...ANSWER, reasoning: 'Ships have one.' })));
      const pieces = chunks.map(({ choices }) => choices[0]?.delta.reasoning_content ?? '');
      assert.equal(pieces.join(''), 'Ships have one.');
      assert.ok(pieces.filter((piece) => piece !== '').length > 1);
      assert.equal(text, ANSWER.text);
    },
  },
  {
    group,
    name: 'gives the usage at its end, to the caller and to the limiter',
    async run(lab) {
      lab.server.reply(lab.answer());
      const client = lab.client({ rateLimit: { tokensPerMinute: 1e-6, tokenBurst: 1000 } });
      const stream = client.streamChatCompletion(QUESTION, { max_tokens: 100 });
      const completion = await stream.finalCompletion();
      assert.equal(completion.usage?.total_tokens, 18);
      assert.deepEqual(responseInfo(completion)?.usage, { inputTokens: 11, outputTokens: 7 });
      assert.equal(Math.round(client.limiter?.snapshot()['default']?.tokens?.available ?? 0), 982);
    },
  },
  ...[1, 7, 64].map((pieceBytes): Check => ({
    group,
    name: `is the same however its bytes are cut: ${pieceBytes}`,
    async run(lab) {
      const client = lab.once(lab.events((events) => events, { pieceBytes }));
      const { text, error } = await read(client);
      assert.equal(error, undefined);
      assert.equal(text, ANSWER.text);
    },
  })),
  {
    group,
    name: 'is the same in one piece, with line ends of two characters',
    async run(lab) {
      const client = lab.once(
        lab.events((events) => [
          events.join('').replaceAll('\n', lab.wire.format === 'ndjson' ? '\n' : '\r\n'),
        ]),
      );
      assert.equal((await read(client)).text, ANSWER.text);
    },
  },
  {
    group,
    name: 'passes over what says nothing',
    applies: ({ noise }) => noise !== undefined,
    async run(lab) {
      const noise = lab.wire.noise ?? '';
      const client = lab.once(lab.events((events) => [noise, ...events.flatMap((event) => [noise, event])]));
      const { text, error } = await read(client);
      assert.equal(error, undefined);
      assert.equal(text, ANSWER.text);
    },
  },
  {
    group,
    name: 'that breaks off without its finish is an IncompleteStreamError',
    async run(lab) {
      const client = lab.once(lab.events((events, finishAt) => events.slice(0, finishAt)));
      const { text, error } = await read(client);
      assert.equal(nameOf(error), 'IncompleteStreamError');
      assert.equal(text, ANSWER.text);
    },
  },
  {
    group,
    name: 'that is empty is tried again, and then an IncompleteStreamError',
    async run(lab) {
      lab.server.reply(lab.events(() => []));
      const { error } = await read(lab.client({ retry: { maxRetries: 1, baseDelayMs: 0 } }));
      assert.equal(nameOf(error), 'IncompleteStreamError');
      assert.equal(lab.server.requests.length, 2);
    },
  },
  {
    group,
    name: 'that tells of a failure after its beginning fails, and is not tried again',
    async run(lab) {
      lab.server.reply(
        lab.events((events, finishAt) => [
          ...events.slice(0, finishAt),
          lab.wire.failureEvent('The ship has sunk'),
        ]),
      );
      const { text, error } = await read(lab.client());
      assert.equal(text, ANSWER.text);
      assert.match((error as Error).message, /The ship has sunk/);
      assert.equal((error as { provider?: string }).provider, providerOf(lab.client()));
      assert.equal(lab.server.requests.length, 1);
    },
  },
  {
    group,
    name: 'that tells of a failure before any content gives it to the caller as it is',
    async run(lab) {
      const client = lab.once(lab.events(() => [lab.wire.failureEvent('The ship has sunk')]));
      const error = await failureOf(client.streamChatCompletion(QUESTION).finalCompletion());
      assert.match(error.message, /The ship has sunk/);
      assert.equal(error['provider'], providerOf(client));
    },
  },
  {
    group,
    name: 'whose connection breaks is a ConnectionError, and before any content tried again',
    async run(lab) {
      const broken = lab.events((events, finishAt) => events.slice(0, finishAt), { then: 'reset' });
      const { error } = await read(lab.once(broken));
      assert.equal(nameOf(error), 'ConnectionError');
      lab.server.reply(
        lab.events(() => [], { then: 'reset' }),
        lab.answer(),
      );
      assert.equal((await read(lab.client())).text, ANSWER.text);
    },
  },
  {
    group,
    name: 'with an event that cannot be read is a StreamError',
    async run(lab) {
      const event = lab.wire.format === 'ndjson' ? '{"broken\n' : 'data: {"broken\n\n';
      const { error } = await read(lab.once(lab.events((events) => [...events.slice(0, 2), event])));
      assert.equal(nameOf(error), 'StreamError');
    },
  },
  {
    group,
    name: 'that is a page is a ResponseFormatError',
    async run(lab) {
      const page = { headers: { 'content-type': 'text/html' }, body: '<h1>Sign in</h1>' };
      assert.equal(nameOf((await read(lab.once(page))).error), 'ResponseFormatError');
    },
  },
  {
    group,
    name: 'reads the failure of a status although a stream was asked for',
    async run(lab) {
      const client = lab.once(lab.wire.failure('bad request', 'No such sail') ?? { status: 400 });
      const error = await failureOf(client.streamChatCompletion(QUESTION).finalText());
      assert.equal(error.name, 'BadRequestError');
      assert.match(error.message, /No such sail/);
    },
  },
  {
    group,
    name: 'is opened anew after a failure that may pass',
    async run(lab) {
      const overloaded = lab.wire.failure('overloaded', 'Busy') ?? { status: 503 };
      lab.server.reply(overloaded, lab.answer());
      assert.equal(await lab.client().streamChatCompletion(QUESTION).finalText(), ANSWER.text);
      assert.equal(lab.server.requests.length, 2);
    },
  },
  {
    group,
    name: 'is left by `break`, which closes the connection',
    async run(lab) {
      const client = lab.once(lab.events((events, finishAt) => events.slice(0, finishAt), { then: 'stall' }));
      const abandoned = lab.server.abandoned();
      for await (const chunk of client.streamChatCompletion(QUESTION)) {
        if (chunk.choices[0]?.delta.content) break;
      }
      await abandoned;
    },
  },
];

/** The name under which a client's errors name its provider. */
export function providerOf(client: BaseLLMClient): string | undefined {
  return (client.constructor as typeof BaseLLMClient).provider?.name;
}
