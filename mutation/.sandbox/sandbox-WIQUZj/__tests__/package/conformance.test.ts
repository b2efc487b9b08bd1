// @ts-nocheck
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createProject, type Project } from './project.js';

let project: Project;
beforeAll(async () => {
  project = await createProject();
}, 60_000);
afterAll(() => project.remove());

// The process is jest's child, but does not run in jest.
const suite = `
  delete process.env.JEST_WORKER_ID;
  class HarbourClient extends OpenAICompatibleClient {
    static provider = { name: 'harbour', baseURL: 'https://harbour.example/v1' };
  }
  describeProvider((options) => new HarbourClient(options), { name: 'HarbourClient' });
  describeProvider((options) => new DeafClient(options), { name: 'DeafClient' });
`;
const deaf = `
  class DeafClient extends OpenAICompatibleClient {
    static provider = { name: 'deaf', hasEmbeddings: false };
  }
`;

describe('the conformance kit under node:test', () => {
  test.each([
    [
      'harbour.test.mjs',
      `import { OpenAICompatibleClient } from 'keelson'; import { describeProvider } from 'keelson/testing';`,
    ],
    [
      'harbour.test.cjs',
      `const { OpenAICompatibleClient } = require('keelson'); const { describeProvider } = require('keelson/testing');`,
    ],
  ])(
    'runs as %s, and fails for a class that does not keep to it',
    async (name, imports) => {
      const { code, stdout } = await project.script(name, `${imports}${deaf}${suite}`);
      const [, passed] = /^(?:# |ℹ )pass (\d+)$/m.exec(stdout) ?? [];
      const [, failed] = /^(?:# |ℹ )fail (\d+)$/m.exec(stdout) ?? [];
      expect(code).toBe(1);
      expect(Number(passed)).toBeGreaterThan(130);
      // The four checks of embeddings, by a class that says that it has none.
      expect(Number(failed)).toBe(4);
      expect(stdout).toMatch(/deaf has no embeddings/);
    },
    60_000,
  );
});
