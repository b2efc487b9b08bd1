import { hostOf } from '../pipeline/host.js';
import { isPlain } from '../pipeline/values.js';

/** The arguments with another model, as the object's host knows it, or else by `replaceModel()`. */
export function argsWithModel(
  self: object,
  method: string | symbol,
  args: readonly unknown[],
  model: string,
): readonly unknown[] | undefined {
  const host = hostOf(self);
  return host?.withModel ? host.withModel(method, args, model) : replaceModel(args, model);
}

/**
 * The arguments with another model in the first of them that is a plain object with a `model`, or with a `body` that has
 * one; undefined where none is.
 */
export function replaceModel(args: readonly unknown[], model: string): readonly unknown[] | undefined {
  for (const [i, arg] of args.entries()) {
    const changed = withModel(arg, model) ?? withModelInBody(arg, model);
    if (changed) return args.map((other, at) => (at === i ? changed : other));
  }
  return undefined;
}

function withModel(value: unknown, model: string): object | undefined {
  return isRecord(value) && typeof value['model'] === 'string' ? { ...value, model } : undefined;
}

function withModelInBody(value: unknown, model: string): object | undefined {
  const body = isRecord(value) ? withModel(value['body'], model) : undefined;
  return body && { ...(value as object), body };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && isPlain(value);
}
