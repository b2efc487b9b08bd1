// @ts-nocheck
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { transform as swc } from '@swc/core';
import { transform as esbuild } from 'esbuild';
import { ok, root, run } from './project.js';

export type Dialect = 'legacy' | 'standard';
export type Format = 'esm' | 'cjs';

/** Compiles TypeScript files of a folder (that of a user's project) in place. */
export type Toolchain = (
  folder: string,
  sources: readonly string[],
  dialect: Dialect,
  format: Format,
) => Promise<void>;

/** By the compiler itself, which checks the types on the way. */
export function tsc(compiler: 'typescript-5.0' | 'typescript' | 'typescript-7'): Toolchain {
  return async (folder, sources, dialect) => {
    const tsconfig = {
      compilerOptions: {
        target: 'es2022',
        lib: ['es2022'],
        types: ['node'],
        module: 'node16',
        strict: true,
        noImplicitOverride: true,
        skipLibCheck: true,
        experimentalDecorators: dialect === 'legacy',
        emitDecoratorMetadata: dialect === 'legacy',
      },
      files: sources,
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
    await ok(
      run(
        process.execPath,
        [join(root, 'node_modules', compiler, 'bin/tsc'), '-p', folder, '--pretty', 'false'],
        folder,
      ),
    );
  };
}

export const esbuildToolchain: Toolchain = (folder, sources, dialect, format) =>
  eachFile(folder, sources, async (text, sourcefile) => {
    const compilerOptions = { experimentalDecorators: dialect === 'legacy' };
    return (
      await esbuild(text, {
        loader: 'ts',
        sourcefile,
        format,
        target: 'node20',
        tsconfigRaw: { compilerOptions },
      })
    ).code;
  });

export const swcToolchain: Toolchain = (folder, sources, dialect, format) =>
  eachFile(folder, sources, async (text, filename) => {
    const transform =
      dialect === 'legacy'
        ? { legacyDecorator: true, decoratorMetadata: true }
        : { decoratorVersion: '2022-03' as const };
    const { code } = await swc(text, {
      filename,
      configFile: false,
      swcrc: false,
      module: { type: format === 'esm' ? 'es6' : 'commonjs' },
      jsc: { target: 'es2022', parser: { syntax: 'typescript', decorators: true }, transform },
    });
    return code;
  });

async function eachFile(
  folder: string,
  sources: readonly string[],
  transpile: (text: string, name: string) => Promise<string>,
): Promise<void> {
  for (const source of sources) {
    const code = await transpile(readFileSync(join(folder, source), 'utf8'), source);
    writeFileSync(join(folder, `${basename(source, '.ts')}.js`), code);
  }
}
