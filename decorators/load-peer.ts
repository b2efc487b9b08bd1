// Only the CommonJS build has these.
declare const module: { require?: (name: string) => unknown } | undefined;
declare const __filename: string | undefined;

/** Where a package is looked for, beside the folder in which the process runs. */
export interface Surroundings {
  /** Also jest's own: it keeps to the test's module registry. */
  readonly require?: ((name: string) => unknown) | undefined;
  /** The file from which others are found. */
  readonly filename?: string | undefined;
}

const here: Surroundings = {
  require:
    typeof module === 'object' && module?.require !== undefined
      ? (name) => module.require?.(name)
      : undefined,
  filename: typeof __filename === 'string' ? __filename : undefined,
};

/**
 * A module of an optional peer, loaded only when it is wanted: who does not use it need not install it. Loading is
 * synchronous, because jest's CommonJS mode has no `import()`.
 *
 * @throws Error with `message` when it cannot be loaded; why is its cause.
 */
export function loadPeer(name: string, message: string, from = here): unknown {
  let cause: unknown;
  for (const load of loaders(from)) {
    try {
      return load(name);
    } catch (error) {
      cause = error;
    }
  }
  throw new Error(message, { cause });
}

/** Ways to load a package: as this package would, else as the project would in whose folder the process runs. */
function* loaders({ require: own, filename }: Surroundings): Generator<(name: string) => unknown> {
  if (own) yield own;
  // Not an import: the decorators also load where the module does not exist.
  const createRequire = globalThis.process?.getBuiltinModule?.('node:module')?.createRequire;
  if (!createRequire) return;
  if (filename !== undefined) yield createRequire(filename);
  yield createRequire(`${process.cwd()}/package.json`);
}
