/** An address without its user, query and fragment, which may hold secrets. */
// @ts-nocheck

export function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '').replace(/:\/\/[^/]*@/, '://');
}

interface Addressed {
  readonly url?: unknown;
  readonly baseURL?: unknown;
  readonly method?: unknown;
}

/** Method and full address of the request in an error's `config`, `options` or `request`. */
export function requestOf(error: object): { method?: string; url?: string } {
  const { config, options, request } = error as Record<string, Addressed | undefined>;
  for (const candidate of [config, options, request]) {
    if (typeof candidate !== 'object' || candidate === null) continue;
    const { method, url = '', baseURL } = candidate;
    const address = fullAddress(String(url), typeof baseURL === 'string' ? baseURL : undefined);
    if (address === undefined) continue;
    return { url: withoutQuery(address), ...(typeof method === 'string' && { method }) };
  }
  return {};
}

/** As axios joins them: the base's path stays. */
function fullAddress(url: string, baseURL: string | undefined): string | undefined {
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(url) || baseURL === undefined) return url === '' ? undefined : url;
  return url === '' ? baseURL : `${baseURL.replace(/\/+$/, '')}/${url.replace(/^\/+/, '')}`;
}

/** `https://host:port` of an address; undefined for one without a host. */
export function originOf(url: string | undefined): string | undefined {
  try {
    const { origin } = new URL(url ?? '');
    return origin === 'null' ? undefined : origin;
  } catch {
    return undefined;
  }
}
