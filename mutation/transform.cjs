// TypeScript to CommonJS by swc, with legacy decorators: no types are checked, a mutant would not pass them.
const { transformSync } = require('@swc/core');
const { version } = require('@swc/core/package.json');
const { createHash } = require('node:crypto');

const OPTIONS = {
  module: { type: 'commonjs' },
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: false, useDefineForClassFields: true },
  },
  sourceMaps: 'inline',
};

module.exports = {
  process: (source, filename) => ({ code: transformSync(source, { ...OPTIONS, filename }).code }),
  getCacheKey: (source, filename) =>
    createHash('sha1')
      .update(`${version}\0${JSON.stringify(OPTIONS)}\0${filename}\0${source}`)
      .digest('hex'),
};
