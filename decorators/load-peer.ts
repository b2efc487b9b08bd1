// Only the CommonJS build has these.
declare const module: { require?: (name: string) => unknown } | undefined;
declare const __filename: string | undefined;

/**
 * A module of an optional peer, loaded only when it is wanted: who does not use it need not install it. Loading is
 * synchronous, because jest's CommonJS mode has no `import()`.
 *
 * @throws Error with `message` when it cannot be loaded; why is its cause.
 */
export function loadPeer(name: string, message: string): unknown {
  let cause: unknown;
  for (const load of loaders()) {
    try {
      return load(name);
    } catch (error) {
      cause = error;
    }
  }
  throw new Error(message, { cause });
}

/** Ways to load a package: as this package would, else as the project would in whose folder the process runs. */
function* loaders(): Generator<(name: string) => unknown> {
  // `module.require` is also jest's own: it keeps to the test's module registry.
  if (typeof module === 'object' && module?.require !== undefined) yield (name) => module.require?.(name);
  // Not an import: the decorators also load where the module does not exist.
  const createRequire = globalThis.process?.getBuiltinModule?.('node:module')?.createRequire;
  if (!createRequire) return;
  if (typeof __filename === 'string') yield createRequire(__filename);
  yield createRequire(`${process.cwd()}/package.json`);
}
