// @ts-nocheck
import type { ProviderSpec } from './provider-spec.js';

/** The value of an environment variable; undefined for none and for a blank one. */
export function environment(name: string | undefined): string | undefined {
  const value = name && globalThis.process?.env?.[name]?.trim();
  return value || undefined;
}

/** The headers that the provider takes from the environment. */
export function environmentHeaders(spec: ProviderSpec): Record<string, string> {
  return Object.fromEntries(
    Object.entries(spec.env?.headers ?? {})
      .map(([header, variable]) => [header, environment(variable)] as const)
      .filter((entry): entry is readonly [string, string] => entry[1] !== undefined),
  );
}
