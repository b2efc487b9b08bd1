// `npm run mutation [-- paths] [--suites=…] [--concurrency=1] [--static] [--fresh]`; all of decorators/ without a path.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';

process.chdir(new URL('..', import.meta.url).pathname);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    concurrency: { type: 'string', default: '1' },
    /** Which tests: folders of `__tests__/`, or files there without `.test.ts`. */
    suites: { type: 'string', default: 'pipeline,policies,limits,errors' },
    /** Also what runs as modules are loaded, such as tables: every suite that loads them runs for each such mutant. */
    static: { type: 'boolean', default: false },
    /** Without the results of earlier runs. */
    fresh: { type: 'boolean', default: false },
  },
});

process.env.KEELSON_SUITES = values.suites;
// For the order of the suites, see sequencer.cjs.
process.env.KEELSON_MUTATED = positionals.join(' ').replaceAll(/decorators|\.ts/g, '');

const results = await new Stryker({
  mutate: positionals.length > 0 ? positionals : ['decorators/**/*.ts'],
  testRunner: 'jest',
  plugins: [import.meta.resolve('@stryker-mutator/jest-runner')],
  // To find related tests jest reads every file anew for each mutant; which tests a mutant concerns is known without.
  jest: { projectType: 'custom', configFile: 'mutation/jest.config.js', enableFindRelatedTests: false },
  coverageAnalysis: 'perTest',
  concurrency: Number(values.concurrency),
  ignoreStatic: !values.static,
  incremental: true,
  incrementalFile: 'mutation/reports/incremental.json',
  force: values.fresh,
  ignorePatterns: ['/bench', '/docs', '/examples', '/mutation/reports'],
  // Outside of the project: jest would find every package and test twice.
  tempDirName: join(tmpdir(), 'keelson-mutation'),
  reporters: ['clear-text', 'progress-append-only', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: 'mutation/reports/mutation.json' },
  dryRunTimeoutMinutes: 30,
  timeoutMS: 90_000,
  thresholds: { high: 95, low: 90, break: 90 },
}).runMutationTest();
console.log(`${results.length} mutants`);
