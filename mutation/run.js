// `npm run mutation [-- paths] [--suites=…] [--concurrency=1] [--static] [--reload] [--fresh]`; all of decorators/ without a path.
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';

process.chdir(new URL('..', import.meta.url).pathname);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    concurrency: { type: 'string', default: '1' },
    /** Which tests: folders of `__tests__/`, or files there without `.test.ts`, also as patterns. */
    suites: { type: 'string', default: 'pipeline,policies,limits,errors' },
    /** Also what runs as modules are loaded, such as tables: every suite that loads them runs for each such mutant. */
    static: { type: 'boolean', default: false },
    /** Anew for each mutant, for code that remembers: what a mutant left in a cache of a module helps the next one. */
    reload: { type: 'boolean', default: false },
    /** Without the results of earlier runs. */
    fresh: { type: 'boolean', default: false },
  },
});

const results = await new Stryker({
  mutate: positionals.length > 0 ? positionals : ['decorators/**/*.ts'],
  testRunner: 'mocha',
  plugins: [import.meta.resolve('@stryker-mutator/mocha-runner')],
  mochaOptions: {
    require: [fileURLToPath(new URL('register.cjs', import.meta.url))],
    spec: values.suites
      .split(',')
      .map((suite) => `__tests__/${suite}${existsSync(`__tests__/${suite}`) ? '/**/*' : ''}.test.ts`),
    'no-config': true,
    'no-package': true,
  },
  coverageAnalysis: 'perTest',
  concurrency: Number(values.concurrency),
  ignoreStatic: !values.static,
  // What a mutant leaves behind must not be taken for what others do.
  maxTestRunnerReuse: values.reload ? 1 : 50,
  incremental: true,
  incrementalFile: 'mutation/reports/incremental.json',
  force: values.fresh,
  ignorePatterns: ['/bench', '/docs', '/examples', '/mutation/reports'],
  // Outside of the project: other tools would find every package and test twice.
  tempDirName: join(tmpdir(), 'keelson-mutation'),
  reporters: ['clear-text', 'progress-append-only', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: 'mutation/reports/mutation.json' },
  dryRunTimeoutMinutes: 30,
  // A mutant that runs for ever: the time of the tests that concern it, and so much more.
  timeoutMS: 10_000,
  thresholds: { high: 95, low: 90, break: 90 },
}).runMutationTest();
console.log(`${results.length} mutants`);
