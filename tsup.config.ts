import { defineConfig } from 'tsup';

const entries = {
  index: 'src/index.ts',
  decorators: 'decorators/index.ts',
  testing: 'src/testing/index.ts',
  tokenizer: 'src/tokenizer/index.ts',
  redis: 'src/redis/index.ts',
  sync: 'src/sync/index.ts',
};

export default defineConfig({
  entry: {
    ...entries,
    // Started by its file, not imported.
    'sync-worker': 'src/sync/worker.ts',
    'sync-browser': 'src/sync/browser.ts',
    // Nobody imports these: they make chunks of their own, which bundlers leave out where they are not used.
    'parts/errors': 'decorators/errors/classes.ts',
    'parts/token-bucket': 'decorators/limits/token-bucket.ts',
  },
  format: ['esm', 'cjs'],
  dts: { entry: entries },
  // Shared chunks: a class is one class, whichever entry it is imported from.
  splitting: true,
  sourcemap: true,
  clean: true,
  target: 'node20',
  platform: 'node',
  esbuildOptions(options, { format }) {
    // Optional peers are found from where the package stands. (tsup's `shims` would import `path` everywhere.)
    const [own, foreign] =
      format === 'esm' ? ['import.meta.filename', '__filename'] : ['__filename', 'import.meta.filename'];
    options.define = { ...options.define, [foreign]: own };
  },
});
