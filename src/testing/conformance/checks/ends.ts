import assert from 'node:assert/strict';
import { ANSWER, QUESTION, failureOf, type Check } from '../lab.js';

const silent = { then: 'stall' } as const;

export const endChecks: readonly Check[] = [
  {
    group: 'aborts',
    name: 'before the call send nothing',
    async run(lab) {
      const error = await failureOf(
        lab
          .once(lab.answer())
          .chatCompletion(QUESTION, {}, { signal: AbortSignal.abort(new Error('enough')) }),
      );
      assert.equal(error.name, 'AbortError');
      assert.equal(lab.server.requests.length, 0);
    },
  },
  {
    group: 'aborts',
    name: 'end a call that waits for its answer, and close the connection',
    async run(lab) {
      const controller = new AbortController();
      const client = lab.once(silent);
      const [received, abandoned] = [lab.server.received(), lab.server.abandoned()];
      const failure = failureOf(client.chatCompletion(QUESTION, {}, { signal: controller.signal }));
      await received;
      const reason = new Error('enough');
      controller.abort(reason);
      const error = await failure;
      assert.equal(error.name, 'AbortError');
      assert.equal(error.cause, reason);
      await abandoned;
    },
  },
  {
    group: 'aborts',
    name: 'end a stream with an error, never silently',
    async run(lab) {
      const client = lab.once(lab.events((events, finishAt) => events.slice(0, finishAt), silent));
      const controller = new AbortController();
      const abandoned = lab.server.abandoned();
      const stream = client.streamChatCompletion(QUESTION, {}, { signal: controller.signal });
      const error = await failureOf(
        (async () => {
          for await (const chunk of stream) if (chunk.choices[0]?.delta.content) controller.abort();
        })(),
      );
      assert.equal(error.name, 'AbortError');
      await abandoned;
    },
  },
  {
    group: 'timeouts',
    name: 'end an attempt without an answer',
    async run(lab) {
      lab.server.reply(silent);
      const client = lab.client({ timeouts: { attemptMs: 150 }, retry: { maxRetries: 1, baseDelayMs: 0 } });
      const error = await failureOf(client.chatCompletion(QUESTION));
      assert.deepEqual([error.name, error['code']], ['TimeoutError', 'timeout_attempt']);
      // Not by the server's requests: on a busy machine an attempt may be over before it has got there.
      assert.equal((error['attempts'] as unknown[]).length, 2);
    },
  },
  {
    group: 'timeouts',
    name: 'end a call as a whole',
    async run(lab) {
      const error = await failureOf(lab.once(silent).chatCompletion(QUESTION, {}, { timeoutMs: 40 }));
      assert.deepEqual([error.name, error['code']], ['TimeoutError', 'timeout_total']);
    },
  },
  {
    group: 'timeouts',
    name: 'end a stream that does not begin, or says nothing any more, whatever keeps it alive',
    async run(lab) {
      const { noise } = lab.wire;
      const murmuring = { ...silent, murmurs: noise };
      lab.server.reply(lab.events(() => [noise ?? ''], murmuring));
      const late = lab.client({ timeouts: { firstEventMs: 40 }, retry: false });
      const first = await failureOf(late.streamChatCompletion(QUESTION).finalText());
      assert.equal(first['code'], 'timeout_first_event');
      lab.server.reply(lab.events((events, finishAt) => events.slice(0, finishAt), murmuring));
      const idle = lab.client({ timeouts: { idleMs: 40 }, retry: false });
      const error = await failureOf(idle.streamChatCompletion(QUESTION).finalText());
      assert.equal(error['code'], 'timeout_idle');
    },
  },
  {
    group: 'closing',
    name: 'refuses new calls and waits for those in flight',
    async run(lab) {
      const client = lab.once(lab.answer());
      const received = lab.server.received();
      const reply = client.chatCompletion(QUESTION);
      await received;
      const closing = client.close();
      assert.equal((await failureOf(client.chatCompletion(QUESTION)))['code'], 'client_closed');
      assert.equal((await reply).choices[0]?.message.content, ANSWER.text);
      await closing;
    },
  },
];
