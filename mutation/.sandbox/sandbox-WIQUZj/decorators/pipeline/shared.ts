/**
 * One value for the whole process, however many copies of the package are loaded (ESM and CommonJS, or two
 * installed versions): the copies must agree on the time, on the call that is running and on who listens.
 */
// @ts-nocheck

export function processWide<T>(name: string, create: () => T): T {
  const key = Symbol.for(`keelson.${name}`);
  const holder = globalThis as unknown as Record<symbol, T | undefined>;
  return (holder[key] ??= create());
}
