// @ts-nocheck
import assert from 'node:assert/strict';
import { responseInfo } from '../../../client/response-info.js';
import { KEY, failureOf, type Check, type Lab } from '../lab.js';
import type { ProviderWire } from '../wire.js';

const group = 'embeddings';
const applies = ({ embeddings }: ProviderWire): boolean => embeddings !== undefined;

/** Answers each input with a vector that tells its length. */
function vectorsOf(lab: Lab): Parameters<Lab['once']>[0] {
  return (request) => {
    const inputs = lab.wire.embeddings?.inputsOf(request) ?? [];
    return (
      lab.wire.embeddings?.reply(
        inputs.map((input) => [input.length, 0.5]),
        request,
      ) ?? {}
    );
  };
}

export const embeddingChecks: readonly Check[] = [
  {
    group,
    name: 'of a text are one vector',
    applies,
    async run(lab) {
      const vector = await lab.once(vectorsOf(lab)).embeddings('keel');
      assert.deepEqual(vector, [4, 0.5]);
      assert.equal(responseInfo(vector)?.attempts.length, 1);
      const [request] = lab.server.requests;
      assert.ok(request);
      assert.equal(lab.wire.keyOf(request), KEY);
    },
  },
  {
    group,
    name: 'of many texts are as many vectors, in order, in as many requests as need be',
    applies,
    async run(lab) {
      const texts = Array.from({ length: 2100 }, (_, i) => 'k'.repeat((i % 50) + 1));
      const vectors = await lab.once(vectorsOf(lab)).embeddings(texts);
      assert.deepEqual(
        vectors.map(([length]) => length),
        texts.map(({ length }) => length),
      );
      assert.ok(lab.server.requests.length > 1);
    },
  },
  {
    group,
    name: 'that are fewer than the texts are a ResponseFormatError',
    applies,
    async run(lab) {
      const client = lab.once((request) => lab.wire.embeddings?.reply([[1]], request) ?? {});
      assert.equal((await failureOf(client.embeddings(['a', 'b']))).name, 'ResponseFormatError');
    },
  },
  {
    group,
    name: 'fail with the provider’s words, and are tried again',
    applies,
    async run(lab) {
      lab.server.reply(lab.wire.failure('server', 'Broken') ?? { status: 500 }, vectorsOf(lab));
      assert.deepEqual(await lab.client().embeddings('keel'), [4, 0.5]);
      const client = lab.once(lab.wire.failure('bad request', 'No such sail') ?? { status: 400 });
      assert.match((await failureOf(client.embeddings('keel'))).message, /No such sail/);
    },
  },
  {
    group,
    name: 'of a provider without them are an UnsupportedOperationError',
    applies: (wire) => !applies(wire),
    async run(lab) {
      const error = await failureOf(lab.once({}).embeddings('keel'));
      assert.equal(error.name, 'UnsupportedOperationError');
      assert.equal(lab.server.requests.length, 0);
    },
  },
];
