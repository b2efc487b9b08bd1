// @ts-nocheck
import type { InternalAxiosRequestConfig } from 'axios';

/** Options that only axios's own Node adapter knows how to obey. */
const FOREIGN_OPTIONS = [
  'proxy',
  'httpAgent',
  'httpsAgent',
  'socketPath',
  'lookup',
  'family',
  'transport',
  'beforeRedirect',
  'maxRate',
  'onUploadProgress',
  'onDownloadProgress',
  'insecureHTTPParser',
  'http2Options',
] as const satisfies readonly (keyof InternalAxiosRequestConfig)[];

const OUR_RESPONSE_TYPES: ReadonlySet<unknown> = new Set([
  undefined,
  null,
  'json',
  'text',
  'stream',
  'arraybuffer',
]);

/** Whether a request uses what undici has no part for, so that axios's own adapter is to send it. */
export function needsAxiosAdapter(config: InternalAxiosRequestConfig): boolean {
  for (const option of FOREIGN_OPTIONS) {
    if (config[option]) return true;
  }
  if (config.httpVersion !== undefined && Number(config.httpVersion) !== 1) return true;
  return !OUR_RESPONSE_TYPES.has(config.responseType) || !isOurBody(config);
}

/** Form data and blobs need headers made of them; whatever is unknown axios refuses in its own words. */
function isOurBody({ data, maxBodyLength }: InternalAxiosRequestConfig<unknown>): boolean {
  if (typeof data === 'string' || data === undefined || data === null) return true;
  if (typeof data !== 'object') return false;
  if (ArrayBuffer.isView(data) || data instanceof ArrayBuffer) return true;
  const stream = data as { pipe?: unknown; on?: unknown; getHeaders?: unknown };
  if (typeof stream.pipe !== 'function' || typeof stream.on !== 'function') return false;
  return stream.getHeaders === undefined && !((maxBodyLength ?? -1) > -1);
}

/**
 * Whether the environment names a proxy for `url`. `NO_PROXY` is understood as far as all programs agree on it
 * (`*`, a host, a domain with a leading dot): in doubt the answer is yes, and axios's adapter decides.
 */
export function hasEnvironmentProxy(url: URL, env: Readonly<Record<string, string | undefined>>): boolean {
  const read = (name: string): string => env[name] || env[name.toUpperCase()] || '';
  if (!read(`${url.protocol.slice(0, -1)}_proxy`) && !read('all_proxy')) return false;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return !read('no_proxy')
    .split(/[,\s]+/)
    .some((entry) => {
      if (entry === '*' || entry === host) return true;
      const domain = entry.startsWith('*.') ? entry.slice(1) : entry;
      return domain.startsWith('.') && host.endsWith(domain);
    });
}
