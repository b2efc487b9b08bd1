// @ts-nocheck
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createProject, type Project } from './project.js';

let project: Project;
beforeAll(async () => {
  project = await createProject();
}, 60_000);
afterAll(() => project.remove());

const LOADS = [
  [
    'tokenizer.mjs',
    `import { createRequire } from 'node:module';
    import { gptTokenizer } from 'keelson/tokenizer';
    const { cache } = createRequire(import.meta.url);`,
  ],
  [
    'tokenizer.cjs',
    `const { gptTokenizer } = require('keelson/tokenizer');
    const { cache } = require;`,
  ],
] as const;

describe('keelson/tokenizer', () => {
  test.each(LOADS)('counts by the peer, and loads of it only what is used: %s', async (name, load) => {
    const found = await project.json(
      name,
      `${load}
      const tables = () => Object.keys(cache).filter((file) => /bpeRanks/.test(file)).map((file) => /(\\w+)\\.js$/.exec(file)[1]);
      const before = Object.keys(cache).filter((file) => /gpt-tokenizer/.test(file)).length;
      const tokens = gptTokenizer('Hello, world! <|endoftext|>', 'gpt-4o');
      console.log(JSON.stringify({ before, tokens, tables: tables() }));`,
    );
    expect(found).toEqual({ before: 0, tokens: 11, tables: ['o200k_base'] });
  });

  test.each(LOADS)('says what to install where the peer is missing: %s', async (name, load) => {
    rmSync(join(project.folder, 'node_modules/gpt-tokenizer'), { force: true });
    const found = await project.json(
      `missing-${name}`,
      `${load}
      let message;
      try { gptTokenizer('Hello'); } catch (error) { message = error.message; }
      console.log(JSON.stringify({ message }));`,
    );
    expect(found).toEqual({
      message: 'keelson/tokenizer needs the package gpt-tokenizer: run `npm install gpt-tokenizer`.',
    });
  });
});
