import { types } from 'node:util';
import { isPlainObject } from '../client/plain-object.js';
import type { PackedSignal } from './protocol.js';

/** What a structured clone takes over as it is. */
const isCloneable = (value: object): boolean =>
  types.isDate(value) ||
  types.isRegExp(value) ||
  types.isMap(value) ||
  types.isSet(value) ||
  types.isAnyArrayBuffer(value) ||
  ArrayBuffer.isView(value);

/**
 * The options of a client as data.
 *
 * @throws TypeError naming a function or an object of a class: neither can go into a worker.
 */
export function optionsAsData(options: unknown, where: string): unknown {
  return copy(options, '', (path, what) => {
    const name = path === '' ? 'the options are' : `the option \`${path}\` is`;
    throw new TypeError(
      `${where}: ${name} ${what}, which cannot go into the worker where the client runs. ` +
        `Export a client that is ready from a module of yours and open it by createSyncClient(url, 'name').`,
    );
  });
}

/**
 * The arguments of a call as data: objects of classes as JSON has them. A signal is taken out of its options.
 *
 * @throws TypeError naming a function, or a signal that is no `signal` of call options.
 */
export function argumentsAsData(
  given: readonly unknown[],
  where: string,
): { args: unknown[]; signal: AbortSignal | undefined; at: number } {
  const at = given.findIndex((arg) => isPlainObject(arg) && arg['signal'] instanceof AbortSignal);
  const signal = at < 0 ? undefined : (given[at] as { signal: AbortSignal }).signal;
  const args = given.map((arg, i) =>
    copy(
      i === at ? { ...(arg as object), signal: undefined } : arg,
      '',
      (path, what) => {
        const name = path === '' ? `argument ${i + 1}` : `\`${path}\` of argument ${i + 1}`;
        throw new TypeError(`${where}: ${name} is ${what}, which cannot go into the worker.`);
      },
      true,
    ),
  );
  return { args, signal, at };
}

/** A signal as the worker is told of it. */
export function packSignal(signal: AbortSignal, at: number): PackedSignal {
  return signal.aborted ? { at, aborted: true, reason: reasonAsData(signal.reason) } : { at, aborted: false };
}

/** Why a signal was aborted, as far as it is data: here it is put back as it was. */
export function reasonAsData(reason: unknown): unknown {
  try {
    return structuredClone(reason);
  } catch {
    return undefined;
  }
}

type Refuse = (path: string, what: string) => never;

const MAX_DEPTH = 100;

function copy(value: unknown, path: string, refuse: Refuse, takesClasses = false, depth = 0): unknown {
  if (depth > MAX_DEPTH) return refuse(`${path.slice(0, 40)}…`, 'deeper than 100 levels, or a circle');
  if (typeof value === 'function') return refuse(path, 'a function');
  if (typeof value === 'symbol') return refuse(path, 'a symbol');
  if (typeof value !== 'object' || value === null || isCloneable(value)) return value;
  const inner = (name: string | number): string => (path === '' ? String(name) : `${path}.${name}`);
  if (Array.isArray(value))
    return value.map((item, i) => copy(item, inner(i), refuse, takesClasses, depth + 1));
  if (!isPlainObject(value)) {
    const { toJSON, constructor } = value as { toJSON?: () => unknown; constructor?: { name?: string } };
    if (!takesClasses || value instanceof AbortSignal)
      return refuse(path, `an object of the class ${constructor?.name ?? 'of another realm'}`);
    if (typeof toJSON === 'function') return copy(toJSON.call(value), path, refuse, takesClasses, depth + 1);
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      copy(field, inner(name), refuse, takesClasses, depth + 1),
    ]),
  );
}
