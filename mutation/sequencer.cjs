// The suites nearest to what is mutated come first: a mutant that is found at once spares all the others.
const { dirname, relative, sep } = require('node:path');
const Sequencer = require('@jest/test-sequencer').default;

const root = dirname(__dirname);
const wordsOf = (path) => new Set(path.split(/[^a-z]+/i).filter((word) => word.length > 2));
const mutated = wordsOf(process.env.KEELSON_MUTATED ?? '');
const nearness = ({ path }) =>
  [...wordsOf(relative(root, path).replaceAll(sep, '/'))].filter((word) => mutated.has(word)).length;

module.exports = class extends Sequencer {
  async sort(tests) {
    const inOrder = await super.sort(tests);
    return [...inOrder].sort((a, b) => nearness(b) - nearness(a));
  }
};
