/** What the kit needs of a test runner: jest's, vitest's, mocha's and node:test's functions all fit. */
// @ts-nocheck

export interface TestRunner {
  describe(name: string, body: () => void): unknown;
  test(name: string, body: () => Promise<void>): unknown;
}

interface Globals {
  describe?: TestRunner['describe'];
  test?: TestRunner['test'];
  it?: TestRunner['test'];
}

/**
 * The runner given, else the one whose functions are global, else node:test.
 *
 * @throws TypeError inside jest or vitest where their functions are not global.
 */
export function findRunner(given: TestRunner | undefined): TestRunner {
  if (given) return given;
  const { describe, test, it } = globalThis as Globals;
  const testing = test ?? it;
  if (describe && testing) return { describe, test: testing };
  const { VITEST, JEST_WORKER_ID } = process.env;
  const other = VITEST !== undefined ? 'vitest' : JEST_WORKER_ID !== undefined ? '@jest/globals' : undefined;
  if (other !== undefined) {
    throw new TypeError(
      `describeProvider(): describe() and test() are not global: import them from '${other}' and give \`runner: { describe, test }\`.`,
    );
  }
  const own = process.getBuiltinModule('node:test');
  return {
    describe: (name, body) => void own.describe(name, body),
    test: (name, body) => void own.test(name, body),
  };
}
