// What `import` costs, in processes of their own, and what a bundle weighs.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { median, table } from './report.js';

const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));

async function importMs(specifier) {
  const code = `const start = performance.now(); await import('${specifier}'); console.log(performance.now() - start);`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { cwd: here });
  return Number(stdout);
}

const specifiers = ['axios', 'keelson', 'openai'];
const times = Object.fromEntries(specifiers.map((name) => [name, []]));
for (let round = 0; round < 15; round++) {
  for (const name of specifiers) times[name].push(await importMs(name));
}
const medians = Object.fromEntries(specifiers.map((name) => [name, median(times[name])]));
table(
  'Import, in a new process',
  ['ms'],
  specifiers.map((name) => [name, medians[name].toFixed(1)]),
);
console.log(`keelson over axios alone: ${(medians.keelson - medians.axios).toFixed(1)} ms\n`);

/** Size of a bundle for Node, minified and gzipped, in kB. */
async function bundle(code, external = []) {
  const folder = await mkdtemp(join(tmpdir(), 'keelson-size-'));
  try {
    const entry = join(folder, 'entry.js');
    await writeFile(entry, code);
    const { outputFiles } = await build({
      entryPoints: [entry],
      bundle: true,
      minify: true,
      write: false,
      platform: 'node',
      format: 'esm',
      nodePaths: [join(here, 'node_modules')],
      external,
    });
    const bytes = outputFiles[0].contents;
    return [bytes.length, gzipSync(bytes).length].map((size) => (size / 1000).toFixed(0));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const client = `import { OpenAIClient } from 'keelson'; globalThis.client = OpenAIClient;`;
table(
  'Bundle for Node',
  ['min kB', 'min+gz kB'],
  [
    ['keelson with axios and undici', ...(await bundle(client))],
    ['keelson with axios', ...(await bundle(client, ['undici', 'undici/*']))],
    ['keelson without axios', ...(await bundle(client, ['undici', 'undici/*', 'axios']))],
    [
      'keelson/decorators',
      ...(await bundle(
        `import { RetryWithBackoff } from 'keelson/decorators'; globalThis.d = RetryWithBackoff;`,
      )),
    ],
    ['openai', ...(await bundle(`import OpenAI from 'openai'; globalThis.client = OpenAI;`))],
  ],
);
console.log();
