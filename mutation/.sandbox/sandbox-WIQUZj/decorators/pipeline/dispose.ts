// @ts-nocheck
declare global {
  // Declared here too, so that the types compile without the library that declares it.
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}

/**
 * Lets `await using` end an object: defines `Symbol.asyncDispose` on its prototype where the symbol exists. Where it
 * does not, nothing could ask for it, and a method of that name would be called "undefined".
 */
export function defineAsyncDispose<T>(prototype: T & object, dispose: (self: T) => Promise<unknown>): void {
  if (!(Symbol.asyncDispose as unknown)) return;
  Object.defineProperty(prototype, Symbol.asyncDispose, {
    configurable: true,
    writable: true,
    async value(this: T) {
      await dispose(this);
    },
  });
}
