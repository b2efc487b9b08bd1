// @ts-nocheck
import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const root = resolve(__dirname, '../..');
const compilers = { '5.0': 'typescript-5.0', '5.9': 'typescript', '7': 'typescript-7' };

export type TypeScriptVersion = keyof typeof compilers;

/** A user's project: which compiler it has, how that is set, and the sources, from `__tests__/types`. */
export interface Project {
  typescript: TypeScriptVersion;
  sources: readonly string[];
  compilerOptions: Record<string, unknown>;
  /** The `type` of its package.json. */
  type?: 'module' | 'commonjs';
}

/** What the compiler has to say; `file` is relative to the project. */
export interface Diagnostic {
  file: string;
  line: number;
  code: string;
  /** With its indented continuation lines. */
  message: string;
}

/** Compiles a project, in a folder of its own, where `keelson` is the built package. */
export async function compile(project: Project): Promise<Diagnostic[]> {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-types-'));
  try {
    install(project, folder);
    const compiler = join(root, 'node_modules', compilers[project.typescript], 'bin/tsc');
    return parseDiagnostics(await run(compiler, folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function install(project: Project, folder: string): void {
  if (!existsSync(join(root, 'dist/index.d.ts')))
    throw new Error('There is no dist/ to test: run `npm run build` first.');
  const installed = {
    keelson: root,
    openai: join(root, 'node_modules/openai'),
    ioredis: join(root, 'node_modules/ioredis'),
    redis: join(root, 'node_modules/redis'),
    '@types/node': join(root, 'node_modules/@types/node'),
  };
  for (const [name, target] of Object.entries(installed)) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link, 'dir');
  }
  for (const source of project.sources) cpSync(join(root, '__tests__/types', source), join(folder, source));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: project.type ?? 'module' }));
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        target: 'es2022',
        lib: ['es2022'],
        types: ['node'],
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        noImplicitOverride: true,
        skipLibCheck: false,
        noEmit: true,
        ...project.compilerOptions,
      },
      files: project.sources,
    }),
  );
}

function run(compiler: string, folder: string): Promise<string> {
  return new Promise((done, fail) => {
    execFile(
      process.execPath,
      [compiler, '-p', folder, '--pretty', 'false'],
      { cwd: folder, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        // It ends with 1 or 2 when it has found errors; anything else is a failure of its own.
        if (error && (typeof error.code !== 'number' || stderr !== ''))
          fail(new Error(`${error.message}\n${stderr}`));
        else done(stdout);
      },
    );
  });
}

function parseDiagnostics(output: string): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  for (const line of output.split(/\r?\n/)) {
    const located = /^(.+?)\((\d+),\d+\): error (TS\d+): (.*)$/.exec(line);
    const global = /^error (TS\d+): (.*)$/.exec(line);
    const last = diagnostics.at(-1);
    if (located) {
      const [, file = '', at, code = '', message = ''] = located;
      diagnostics.push({ file, line: Number(at), code, message });
    } else if (global) {
      diagnostics.push({ file: 'tsconfig.json', line: 0, code: global[1] ?? '', message: global[2] ?? '' });
    } else if (last && line.startsWith(' ')) {
      last.message += `\n${line}`;
    }
  }
  return diagnostics;
}

/**
 * Compares with the marks in the sources: `//~ error` at the end of a line stands for exactly one error on it,
 * `//~ error: text` for one whose message contains the text. Returns a line for each difference.
 */
export function differences(sources: readonly string[], diagnostics: readonly Diagnostic[]): string[] {
  const found: string[] = [];
  const left = [...diagnostics];
  for (const source of sources) {
    const lines = readFileSync(join(root, '__tests__/types', source), 'utf8').split('\n');
    lines.forEach((text, index) => {
      const mark = /\/\/~ error(?:: (.*))?$/.exec(text);
      if (!mark) return;
      const where = `${source}:${index + 1}`;
      const at = left.findIndex(({ file, line }) => file === source && line === index + 1);
      const diagnostic = left[at];
      if (!diagnostic) found.push(`${where}: no error, though marked: ${text.trim()}`);
      else {
        left.splice(at, 1);
        const expected = mark[1] ?? '';
        if (!diagnostic.message.includes(expected))
          found.push(`${where}: without ${expected}: ${diagnostic.message}`);
      }
    });
  }
  for (const { file, line, code, message } of left) found.push(`${file}:${line}: ${code} ${message}`);
  return found;
}
