/**
 * Calls `visit` with each name in lower case and its value, from a plain object, `AxiosHeaders`, a `Map` or the
 * platform's `Headers`. A callback and no list: this runs for every response.
 */
// @ts-nocheck

export function eachHeader(headers: unknown, visit: (name: string, value: string) => void): void {
  const tell = (value: unknown, name: unknown): void => {
    if (typeof name !== 'string') return;
    if (typeof value === 'string') visit(name.toLowerCase(), value);
    else if (typeof value === 'number') visit(name.toLowerCase(), String(value));
    else if (Array.isArray(value) && value.length > 0) visit(name.toLowerCase(), value.join(', '));
  };
  if (typeof headers !== 'object' || headers === null) return;
  const { forEach } = headers as { forEach?: unknown };
  if (typeof forEach === 'function') (headers as Map<unknown, unknown>).forEach(tell);
  else for (const name of Object.keys(headers)) tell((headers as Record<string, unknown>)[name], name);
}

/** The value of one header. */
export function headerOf(headers: unknown, wanted: string): string | undefined {
  let found: string | undefined;
  eachHeader(headers, (name, value) => {
    if (name === wanted) found = value;
  });
  return found;
}
