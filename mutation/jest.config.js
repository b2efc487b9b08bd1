/**
 * The suites of decorators/ itself, in one dialect. Those of the clients run through all of it too, but take long to load, and
 * what only they would notice wants a test nearer to it.
 */
const suites = (process.env.KEELSON_SUITES ?? 'pipeline,policies,limits,errors').split(',');

export default {
  rootDir: '..',
  roots: ['<rootDir>/decorators', '<rootDir>/src', '<rootDir>/__tests__'],
  testEnvironment: new URL('environment.cjs', import.meta.url).pathname,
  setupFiles: ['<rootDir>/mutation/setup.cjs'],
  testMatch: suites.flatMap((suite) => [
    `<rootDir>/__tests__/${suite}/**/*.test.ts`,
    `<rootDir>/__tests__/${suite}.test.ts`,
  ]),
  moduleNameMapper: {
    '^keelson$': '<rootDir>/src/index.ts',
    '^keelson/(decorators)$': '<rootDir>/$1/index.ts',
    '^keelson/(testing|redis|tokenizer)$': '<rootDir>/src/$1/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: { '^.+\\.ts$': '<rootDir>/mutation/transform.cjs' },
  testSequencer: new URL('sequencer.cjs', import.meta.url).pathname,
  // Of a mutant one failure is enough.
  bail: true,
  haste: { enableSymlinks: false },
};
