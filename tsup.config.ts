import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    decorators: 'decorators/index.ts',
    testing: 'src/testing/index.ts',
  },
  format: ['esm', 'cjs'],
  dts: true,
  // Shared chunks: a class is one class, whichever entry it is imported from.
  splitting: true,
  sourcemap: true,
  clean: true,
  target: 'node20',
  platform: 'node',
  // The ESM build of the testing entry finds its optional peer from where it stands itself.
  shims: true,
});
