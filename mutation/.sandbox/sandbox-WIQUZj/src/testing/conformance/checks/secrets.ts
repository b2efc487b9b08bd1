// @ts-nocheck
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { KEY, QUESTION, failureOf, type Check } from '../lab.js';

const group = 'secrets';

/** Every text that an error may show itself by. */
function faces(error: Error): string {
  const seen = [
    inspect(error, { depth: 10, showHidden: true }),
    JSON.stringify(error),
    String(error),
    error.stack,
  ];
  return seen.join('\n');
}

export const secretChecks: readonly Check[] = [
  {
    group,
    name: 'that a server echoes in a failure do not show',
    async run(lab) {
      const reply = lab.wire.failure('authentication', `Incorrect key: ${KEY}`);
      const headers = { ...reply?.headers, [lab.wire.requestIdHeader ?? 'x-request-id']: `req-${KEY}` };
      const error = await failureOf(lab.once({ ...reply, headers }).chatCompletion(QUESTION));
      assert.ok(!faces(error).includes(KEY));
      assert.match(error.message, /Incorrect key/);
    },
  },
  {
    group,
    name: 'that a server echoes in a stream do not show',
    async run(lab) {
      const client = lab.once(lab.events(() => [lab.wire.failureEvent(`Bad key ${KEY}`)]));
      const error = await failureOf(client.streamChatCompletion(QUESTION).finalText());
      assert.ok(!faces(error).includes(KEY));
      assert.match(error.message, /Bad key/);
    },
  },
  {
    group,
    name: 'do not show when a connection fails, or an answer cannot be read',
    async run(lab) {
      const refused = lab.client({ retry: false, baseURL: 'http://127.0.0.1:9/v1' });
      assert.ok(!faces(await failureOf(refused.chatCompletion(QUESTION))).includes(KEY));
      const page = { headers: { 'content-type': 'text/html' }, body: `<p>${KEY}</p>` };
      assert.ok(!faces(await failureOf(lab.once(page).chatCompletion(QUESTION))).includes(KEY));
    },
  },
  {
    group,
    name: 'are not written to the log, bodies included',
    async run(lab) {
      const lines: string[] = [];
      const write = (fields: object, message: string): void => {
        lines.push(`${message} ${JSON.stringify(fields)}`);
      };
      const logger = { debug: write, info: write, warn: write, error: write };
      lab.server.reply(lab.wire.failure('server', `Broken: ${KEY}`) ?? { status: 500 }, lab.answer());
      const client = lab.client({ logger, logBodies: true });
      await client.chatCompletion(QUESTION, {}, { headers: { 'x-api-key-of-mine': KEY } });
      assert.ok(lines.length > 0);
      assert.ok(!lines.join('\n').includes(KEY));
    },
  },
  {
    group,
    name: 'do not follow a redirect',
    async run(lab) {
      lab.server.reply({ status: 307, headers: { location: `${lab.server.baseURL}/elsewhere` } });
      const error = await failureOf(lab.client().chatCompletion(QUESTION));
      assert.equal(error['statusCode'], 307);
      assert.equal(lab.server.requests.length, 1);
    },
  },
];
