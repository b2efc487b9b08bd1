// @ts-nocheck
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { build, type BuildResult } from 'esbuild';
import { createProject, type Project } from './project.js';

let project: Project;
beforeAll(async () => {
  project = await createProject();
}, 60_000);
afterAll(() => project.remove());

/** A minified browser bundle of a module that imports `names` of `entry` and uses them; no file is written. */
async function bundle(
  names: string,
  entry: string,
): Promise<{ code: string; warnings: string[]; inputs: string[] }> {
  const contents = `import { ${names} } from '${entry}'; globalThis.used = [${names}];`;
  const result: BuildResult<{ write: false; metafile: true }> = await build({
    stdin: { contents, resolveDir: project.folder },
    absWorkingDir: project.folder,
    bundle: true,
    minify: true,
    platform: 'browser',
    format: 'iife',
    preserveSymlinks: true,
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  return {
    code: result.outputFiles[0]?.text ?? '',
    warnings: result.warnings.map(({ text }) => text),
    inputs: Object.values(result.metafile.outputs).flatMap(({ inputs }) =>
      Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
    ),
  };
}

describe('a bundle for browsers', () => {
  test('takes the decorators as they are, and they work without Node', async () => {
    const { code, warnings } = await bundle(
      'RetryWithBackoff, HandleApiErrors, RateLimited, InternalServerError',
      'keelson/decorators',
    );
    expect(warnings).toEqual([]);
    const found = await project.json(
      'browser.mjs',
      `const { process } = globalThis;
      delete globalThis.process;
      delete globalThis.Buffer;
      ${code}
      const [RetryWithBackoff, HandleApiErrors, RateLimited, InternalServerError] = globalThis.used;
      class Service {
        calls = 0;
        async work() {
          if (++this.calls < 3) throw new InternalServerError('busy', 503);
          return this.calls;
        }
      }
      const { prototype } = Service;
      const descriptor = () => Object.getOwnPropertyDescriptor(prototype, 'work');
      for (const decorator of [RetryWithBackoff({ baseDelayMs: 1 }), HandleApiErrors(), RateLimited({ maxConcurrent: 1 })]) {
        Object.defineProperty(prototype, 'work', decorator(prototype, 'work', descriptor()));
      }
      const calls = await new Service().work();
      globalThis.process = process;
      console.log(JSON.stringify({ calls }));`,
    );
    expect(found).toEqual({ calls: 3 });
  });

  test('holds of the package only what is used', async () => {
    const everything = await bundle(
      'RetryWithBackoff, RateLimited, Timeout, TokenBucket',
      'keelson/decorators',
    );
    const bucket = await bundle('TokenBucket', 'keelson/decorators');
    expect(bucket.warnings).toEqual([]);
    expect(bucket.inputs.filter((file) => /reflect-metadata|axios|undici/.test(file))).toEqual([]);
    expect(bucket.code.length).toBeLessThan(everything.code.length / 4);
  });
});
