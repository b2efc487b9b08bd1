// @ts-nocheck
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

export const root = resolve(__dirname, '../..');

interface Manifest {
  version: string;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
}

/** How a process ended, and what it wrote. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A user's project in a temporary folder, with the package installed from its tarball. */
export interface Project {
  readonly folder: string;
  readonly tarball: string;
  /** The files of the tarball. */
  readonly files: readonly string[];
  readonly manifest: Manifest;
  /** Runs a script of the project, `name` with the text `source`. */
  script(name: string, source: string, args?: readonly string[]): Promise<Ended>;
  /** The same for a script that succeeds and writes JSON. */
  json(name: string, source: string, args?: readonly string[]): Promise<unknown>;
  remove(): void;
}

export async function createProject(): Promise<Project> {
  if (!existsSync(join(root, 'dist/index.d.ts')))
    throw new Error('There is no dist/ to test: run `npm run build` first.');
  const folder = mkdtempSync(join(tmpdir(), 'keelson-package-'));
  const packed = await ok(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder, root], folder),
  );
  const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  const tarball = join(folder, filename);
  await ok(run('tar', ['-xzf', tarball, '-C', folder], folder));
  mkdirSync(join(folder, 'node_modules'));
  renameSync(join(folder, 'package'), join(folder, 'node_modules/keelson'));
  const manifest = JSON.parse(
    readFileSync(join(folder, 'node_modules/keelson/package.json'), 'utf8'),
  ) as Manifest;
  const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  for (const name of [...dependencies, '@types/node']) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link, 'dir');
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));

  const script = (name: string, source: string, args: readonly string[] = []): Promise<Ended> => {
    writeFileSync(join(folder, name), source);
    return run(process.execPath, [join(folder, name), ...args], folder);
  };
  return {
    folder,
    tarball,
    files: files.map(({ path }) => path),
    manifest,
    script,
    json: async (...args) => JSON.parse(await ok(script(...args))) as unknown,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Runs a program to its end, in an environment that says nothing to the package. */
export function run(program: string, args: readonly string[], cwd: string): Promise<Ended> {
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1' };
  for (const name of ['OPENAI_API_KEY', 'OPENAI_BASE_URL', 'KEELSON_LOG', 'NODE_OPTIONS', 'FORCE_COLOR'])
    delete env[name];
  return new Promise((done) => {
    execFile(program, args, { cwd, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      const code = !error ? 0 : typeof error.code === 'number' ? error.code : null;
      done({ code, stdout, stderr: code === null ? `${String(error)}\n${stderr}` : stderr });
    });
  });
}

/** What a process wrote that has to succeed. */
export async function ok(ending: Promise<Ended>): Promise<string> {
  const { code, stdout, stderr } = await ending;
  if (code !== 0) throw new Error(`It ended with ${String(code)}:\n${stdout}\n${stderr}`);
  return stdout;
}
