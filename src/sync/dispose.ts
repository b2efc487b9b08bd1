/**
 * Lets `using` end an object: defines `Symbol.dispose` on its prototype where the symbol exists. Where it does not,
 * nothing could ask for it, and a method of that name would be called "undefined".
 */
export function defineDispose<T>(prototype: T & object, dispose: (self: T) => void): void {
  if (!(Symbol.dispose as unknown)) return;
  Object.defineProperty(prototype, Symbol.dispose, {
    configurable: true,
    writable: true,
    value(this: T) {
      dispose(this);
    },
  });
}
