import { describe, expect, test } from '@jest/globals';
import { compile, differences } from './typescript.js';
import type { Project, TypeScriptVersion } from './typescript.js';

const versions: TypeScriptVersion[] = ['5.0', '5.9', '7'];
const shared = ['good.ts', 'bad.ts', 'clients.ts', 'wire-good.ts', 'wire-bad.ts'];
const timeoutMs = 120_000;

const legacy = { experimentalDecorators: true, module: 'esnext', moduleResolution: 'bundler' };
const standard = { module: 'nodenext', moduleResolution: 'nodenext' };
const commonjs = { experimentalDecorators: true, module: 'node16', moduleResolution: 'node16' };

async function check(project: Project): Promise<void> {
  expect(differences(project.sources, await compile(project))).toEqual([]);
}

/** The declarations of the built package, as users' compilers see them. */
describe.each(versions)('the public types under TypeScript %s', (typescript) => {
  test(
    'accept good uses and refuse bad ones with legacy decorators',
    async () => {
      await check({ typescript, sources: shared, compilerOptions: legacy });
    },
    timeoutMs,
  );

  test(
    'accept good uses and refuse bad ones with standard decorators',
    async () => {
      await check({ typescript, sources: [...shared, 'good-standard.ts'], compilerOptions: standard });
    },
    timeoutMs,
  );

  test(
    'compile in a CommonJS project',
    async () => {
      await check({
        typescript,
        sources: ['good.ts', 'clients.ts', 'wire-good.ts'],
        compilerOptions: commonjs,
        type: 'commonjs',
      });
    },
    timeoutMs,
  );
});

test.each(versions)(
  'a blocking client has the methods of the asynchronous one, overloads kept, under TypeScript %s',
  async (typescript) => {
    await check({ typescript, sources: ['sync.ts'], compilerOptions: standard });
  },
  timeoutMs,
);

/** Their own declarations are not ours to check. */
test.each(versions)(
  'a store on Redis takes the clients of ioredis and node-redis under TypeScript %s',
  async (typescript) => {
    await check({ typescript, sources: ['redis.ts'], compilerOptions: { ...standard, skipLibCheck: true } });
  },
  timeoutMs,
);

test(
  "the openai package's requests fit ours, and our results fit its own",
  async () => {
    await check({ typescript: '5.9', sources: ['openai-compat.ts'], compilerOptions: standard });
  },
  timeoutMs,
);
