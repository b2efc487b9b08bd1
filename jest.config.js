/** Suites that look at the package from outside: no decorator of theirs is compiled by jest, one run is enough. */
const onlyOnce = ['<rootDir>/__tests__/package/', '<rootDir>/__tests__/examples/'];

/** The same suite is compiled twice: with TypeScript's legacy decorators and with the TC39 standard ones. */
const suite = (displayName, tsconfig) => ({
  displayName,
  testEnvironment: 'node',
  setupFiles: ['<rootDir>/jest.setup.cjs'],
  testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...onlyOnce],
  moduleNameMapper: {
    '^keelson$': '<rootDir>/src/index.ts',
    '^keelson/decorators$': '<rootDir>/decorators/index.ts',
    '^keelson/testing$': '<rootDir>/src/testing/index.ts',
    '^keelson/redis$': '<rootDir>/src/redis/index.ts',
    '^keelson/sync$': '<rootDir>/src/sync/index.ts',
    '^keelson/tokenizer$': '<rootDir>/src/tokenizer/index.ts',
    // It stands on `import.meta`.
    '^\\./here\\.js$': '<rootDir>/__tests__/sync/here.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': ['ts-jest', { tsconfig, diagnostics: false }],
  },
});

// The library itself is compiled in the dialect of the suite as well: with fields that are assigned, as in the package, or defined.
const commonjs = (experimentalDecorators) => ({
  target: 'ES2022',
  lib: ['ES2022', 'DOM', 'DOM.Iterable'],
  module: 'CommonJS',
  moduleResolution: 'Node10',
  esModuleInterop: true,
  isolatedModules: true,
  experimentalDecorators,
  useDefineForClassFields: !experimentalDecorators,
  sourceMap: true,
  inlineSources: true,
});

export default {
  // Longer than jest's five seconds: a test must not fail because a machine is busy.
  testTimeout: 30_000,
  // What a suite leaves in memory adds up over hundreds of them: a worker that has too much is replaced.
  maxWorkers: 2,
  workerIdleMemoryLimit: '1GB',
  projects: [
    suite('legacy', commonjs(true)),
    suite('standard', commonjs(false)),
    {
      ...suite('package', commonjs(true)),
      testMatch: onlyOnce.map((folder) => `${folder}**/*.test.ts`),
      testPathIgnorePatterns: ['/node_modules/'],
    },
  ],
};
