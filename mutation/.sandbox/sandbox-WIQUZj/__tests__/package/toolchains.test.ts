// @ts-nocheck
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createProject, ok, root, run, type Project } from './project.js';
import {
  esbuildToolchain,
  swcToolchain,
  tsc,
  type Dialect,
  type Format,
  type Toolchain,
} from './toolchains.js';

/** The name, the toolchain, and the helper that shows which dialect it has compiled: legacy, standard. */
type Row = [name: string, toolchain: Toolchain, helpers: Record<Dialect, string>, formats: Format[]];
const typescript = { legacy: '__decorate(', standard: '__esDecorate(' };
const toolchains: Row[] = [
  ['TypeScript 5.0', tsc('typescript-5.0'), typescript, ['esm']],
  ['TypeScript 5.9', tsc('typescript'), typescript, ['esm', 'cjs']],
  ['TypeScript 7', tsc('typescript-7'), typescript, ['esm']],
  [
    'esbuild',
    esbuildToolchain,
    { legacy: '__decorateClass(', standard: '__decorateElement(' },
    ['esm', 'cjs'],
  ],
  ['swc', swcToolchain, { legacy: '_ts_decorate(', standard: '_apply_decs_2203_r(' }, ['esm']],
];
const cases = toolchains.flatMap(([name, toolchain, helpers, formats]) =>
  formats.flatMap((format) =>
    (['legacy', 'standard'] as const).map((dialect) => ({
      name,
      toolchain,
      helper: helpers[dialect],
      dialect,
      format,
    })),
  ),
);

let project: Project;
beforeAll(async () => {
  project = await createProject();
}, 60_000);
afterAll(() => project.remove());

/** Compiles the sources in a folder of their own and gives what their `main()` functions return. */
async function build({
  toolchain,
  name,
  dialect,
  format,
  helper,
}: (typeof cases)[number]): Promise<unknown[]> {
  const folder = join(project.folder, `${name} ${dialect} ${format}`.replaceAll(' ', '-'));
  const names = ['service', ...(dialect === 'standard' ? ['private-method'] : [])];
  const sources = names.map((file) => `${file}.ts`);
  mkdirSync(folder);
  for (const source of sources) cpSync(join(root, '__tests__/toolchains', source), join(folder, source));
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ type: format === 'esm' ? 'module' : 'commonjs' }),
  );
  await toolchain(folder, sources, dialect, format);
  for (const file of names) expect(readFileSync(join(folder, `${file}.js`), 'utf8')).toContain(helper);
  const load = (file: string): string =>
    format === 'esm' ? `import('./${file}.js')` : `Promise.resolve(require('./${file}.js'))`;
  const results: unknown[] = [];
  for (const file of names) {
    const script = join(folder, `run-${file}.js`);
    writeFileSync(
      script,
      `${load(file)}.then(({ main }) => main()).then((result) => console.log(JSON.stringify(result)));`,
    );
    results.push(JSON.parse(await ok(run(process.execPath, [script], folder))));
  }
  return results;
}

/** What `service.ts` is to give: attempts 2 and 3 wait for the limiter, 4 s each, longer than for the backoff. */
const service = {
  answer: 'a b c: attempt 3, one call',
  waitedMs: 8000,
  log: ['ask 1', 'ask 2', 'ask 3'],
  stopped: [
    { done: false, value: 1 },
    { done: false, value: 2 },
    { done: true, value: 'stopped at 2 of count' },
    { done: true },
  ],
  left: [1, 2],
  failed: ['InternalServerError', 'server_error', 2, null],
  stumbled: ['LLMError', 'unexpected', 1, 'RangeError'],
  hung: ['TimeoutError', 'timeout_total', 1, null],
  overridden: 'special base at attempt 6',
  inherited: 'plain, then inherited',
  shared: 2,
  asked: [
    'Timeout at Timeout(total) from Service',
    'RetryWithBackoff at RetryWithBackoff from Service',
    'Noted at inside RetryWithBackoff from Service',
    'RateLimited at admission from Service',
    'Timeout at Timeout(attempt) from Service',
    'HandleApiErrors at HandleApiErrors from Service',
  ],
  special: [
    'RetryWithBackoff at RetryWithBackoff from Special',
    'HandleApiErrors at HandleApiErrors from Special',
  ],
  plain: [],
  static: ['RetryWithBackoff at RetryWithBackoff from Service'],
  // A decorated method keeps its name and length, stays out of for…in, and leaves nothing on the object.
  shape: ['ask', 1, [], ['log', 'limits', 'failures']],
};

describe('decorated classes work alike', () => {
  test.each(cases)(
    'compiled by $name with $dialect decorators to $format',
    async (compiled) => {
      const [methods, privateMethod] = await build(compiled);
      expect(methods).toEqual(service);
      if (compiled.dialect === 'standard') expect(privateMethod).toEqual([3, ['event']]);
    },
    60_000,
  );
});
