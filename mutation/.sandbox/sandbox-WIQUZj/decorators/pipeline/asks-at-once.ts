// @ts-nocheck
import { askingAtOnce } from './context.js';
import { recordOf } from './record.js';

/**
 * Promises that decorated methods ask for their call before their first `await`, and never again. Where the object
 * agrees (`asksAtOnce()` of its host part), their calls are spared AsyncLocalStorage, which on Node 20 and 22 makes
 * every promise of the process dearer once it is used.
 */
export function asksAtOnce(prototype: object, ...methods: readonly string[]): void {
  for (const name of methods) {
    const record = recordOf((prototype as Record<string, unknown>)[name]);
    if (record) askingAtOnce.add(record.original);
  }
}
