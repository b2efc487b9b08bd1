import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadPeer, type Surroundings } from '../../decorators/load-peer';

const { process: own } = globalThis;
const here = own.cwd();
let project: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'peer-'));
  const folder = join(project, 'node_modules', 'peer-of-the-project');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'index.js'), 'exports.answer = 42;');
});
afterEach(() => {
  globalThis.process = own;
  process.chdir(here);
  rmSync(project, { recursive: true });
});

const load = (name: string, from?: Surroundings): unknown => {
  try {
    return loadPeer(name, 'Install the peer.', from);
  } catch (error) {
    return error;
  }
};

describe('an optional peer', () => {
  it('is loaded where this package finds it', () => {
    expect(load('fast-check')).toHaveProperty('assert');
  });

  it('is loaded as the project has it in whose folder the process runs', () => {
    expect(load('peer-of-the-project')).toBeInstanceOf(Error);
    process.chdir(project);
    expect(load('peer-of-the-project')).toEqual({ answer: 42 });
  });

  it('is loaded as the file has it in which this package is', () => {
    expect(load('peer-of-the-project', { filename: join(project, 'index.js') })).toEqual({ answer: 42 });
    expect(load('peer-of-the-project', { filename: undefined })).toMatchObject({
      message: 'Install the peer.',
      cause: { code: 'MODULE_NOT_FOUND' },
    });
  });

  it('is loaded as this package would before it is loaded as the project would', () => {
    process.chdir(project);
    const filename = join(here, 'index.js');
    const asks: string[] = [];
    const missing = (name: string): unknown => {
      asks.push(name);
      throw new Error('not here');
    };
    expect(load('peer-of-the-project', { require: () => 'own', filename })).toBe('own');
    expect(load('peer-of-the-project', { require: missing, filename })).toEqual({ answer: 42 });
    expect(load('fast-check', { require: missing, filename })).toHaveProperty('assert');
    expect(asks).toEqual(['peer-of-the-project', 'fast-check']);
  });

  it('that is missing is told with what is to be done, and why it was not found', () => {
    expect(load('peer-of-nobody')).toMatchObject({
      message: 'Install the peer.',
      cause: { code: 'MODULE_NOT_FOUND', message: expect.stringContaining('peer-of-nobody') },
    });
  });

  it.each<[string, unknown]>([
    ['that is not Node', undefined],
    ['without the modules of Node', { ...own, getBuiltinModule: undefined }],
    ['without the one that loads others', { ...own, getBuiltinModule: () => undefined }],
  ])('is told to be missing in a runtime %s', (_what, found) => {
    process.chdir(project);
    globalThis.process = found as never;
    expect(load('peer-of-the-project')).toMatchObject({ message: 'Install the peer.' });
    expect(load('fast-check')).toHaveProperty('assert');
    expect(load('fast-check', { filename: join(here, 'index.js') })).toMatchObject({ cause: undefined });
  });
});
