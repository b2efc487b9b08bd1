// @ts-nocheck
declare global {
  // Declared as newer TypeScript libraries do, so that these types compile without them.
  interface SymbolConstructor {
    readonly dispose: unique symbol;
    readonly asyncDispose: unique symbol;
  }
}

export {};
