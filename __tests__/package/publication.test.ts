import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VERSION } from '../../src/version.js';
import { createProject, root, run, type Project } from './project.js';

let project: Project;
beforeAll(async () => {
  project = await createProject();
}, 60_000);
afterAll(() => project.remove());

const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const tool = (name: string, ...args: string[]) =>
  run(process.execPath, [join(root, 'node_modules', name), ...args], project.folder);

describe('what is published', () => {
  test('holds the build, the README and the licence, nothing else', () => {
    const others = project.files.filter((file) => !file.startsWith('dist/'));
    expect(others.sort()).toEqual(['LICENSE', 'README.md', 'package.json']);
    for (const file of project.files)
      expect(file).toMatch(/^(dist\/[\w./-]+\.(js|cjs|d\.ts|d\.cts|map)|LICENSE|README\.md|package\.json)$/);
  });

  test('is right in the eyes of publint', async () => {
    const { code, stdout, stderr } = await tool('publint/src/cli.js', 'run', project.tarball, '--strict');
    expect(`${stdout}${stderr}`).toContain('All good!');
    expect(code).toBe(0);
  }, 60_000);

  test('has types that are right for every way of resolution', async () => {
    const { code, stdout, stderr } = await tool(
      '@arethetypeswrong/cli/dist/index.js',
      project.tarball,
      '--profile',
      'strict',
      '--format',
      'json',
    );
    expect(stderr).toBe('');
    const { analysis, problems } = JSON.parse(stdout) as {
      analysis: { entrypoints: object };
      problems?: object;
    };
    expect(Object.keys(analysis.entrypoints)).toEqual([
      '.',
      './decorators',
      './testing',
      './tokenizer',
      './redis',
      './sync',
      './package.json',
    ]);
    expect(problems ?? {}).toEqual({});
    expect(code).toBe(0);
  }, 60_000);

  test('has one version', () => {
    const lock = JSON.parse(read('package-lock.json')) as {
      version: string;
      packages: Record<string, { version: string }>;
    };
    expect(project.manifest.version).toBe(VERSION);
    expect([lock.version, lock.packages['']?.version]).toEqual([VERSION, VERSION]);
  });
});

test.each(['package-lock.json', 'bench/package-lock.json'])('%s names no registry', (file) => {
  expect(read(file)).not.toContain('"resolved": "http');
});
