/**
 * Loads the suites into mocha, which (unlike jest) can run tests again without loading everything again: a mutant is a
 * switch in code that is loaded already. Each suite has modules of its own, as it has in jest.
 */
const { existsSync, readFileSync } = require('node:fs');
const { createRequire, Module } = require('node:module');
const { dirname, join, relative, resolve, sep } = require('node:path');
const { transformSync } = require('@swc/core');
const fc = require('fast-check');
const { globalsOf, watch } = require('./globals.cjs');

const root = process.cwd();
const entries = {
  keelson: 'src/index.ts',
  'keelson/decorators': 'decorators/index.ts',
  'keelson/testing': 'src/testing/index.ts',
  'keelson/redis': 'src/redis/index.ts',
  'keelson/tokenizer': 'src/tokenizer/index.ts',
};

// Property tests: the same examples for every mutant, no search for a smaller one, and a bound on the time.
fc.configureGlobal({ seed: 1, endOnFailure: true, interruptAfterTimeLimit: 500 });

const isOwn = (path) => path.startsWith(root + sep) && !path.includes(`${sep}node_modules${sep}`);

function beginSuite() {
  for (const path of Object.keys(require.cache)) if (isOwn(path)) delete require.cache[path];
  // What the package keeps for the process, beyond its modules.
  for (const key of Object.getOwnPropertySymbols(globalThis)) {
    if (key.description?.startsWith('keelson.')) delete globalThis[key];
  }
}

const resolveFilename = Module._resolveFilename;
Module._resolveFilename = function (request, parent, ...rest) {
  if (entries[request]) return join(root, entries[request]);
  const from = parent?.filename ?? '';
  if (request.startsWith('.') && isOwn(from)) {
    const path = resolve(dirname(from), request.replace(/\.js$/, ''));
    for (const candidate of [`${path}.ts`, join(path, 'index.ts')]) {
      if (existsSync(candidate)) return candidate;
    }
  }
  return resolveFilename.call(this, request, parent, ...rest);
};

const load = Module._load;
Module._load = function (request, parent, ...rest) {
  if (request === '@jest/globals') return globalsOf(createRequire(parent.filename));
  return load.call(this, request, parent, ...rest);
};

/** TypeScript to CommonJS, with legacy decorators: no types are checked, a mutant would not pass them. */
Module._extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    module: { type: 'commonjs' },
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: false, useDefineForClassFields: false },
    },
    sourceMaps: 'inline',
  });
  if (!filename.endsWith('.test.ts')) return module._compile(code, filename);
  beginSuite();
  // In a block of its own, or else its hooks would run for the tests of all suites.
  globalThis.describe(relative(root, filename), () => {
    globalThis.beforeEach(function () {
      watch(this.currentTest);
    });
    module._compile(code, filename);
  });
};
