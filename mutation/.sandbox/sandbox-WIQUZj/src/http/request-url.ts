// @ts-nocheck
import axios, { type InternalAxiosRequestConfig } from 'axios';

/** What axios takes for an absolute URL: with a scheme, or protocol-relative. */
const ABSOLUTE_URL = /^([a-z][a-z\d+\-.]*:)?\/\//i;

/** Whether the request goes below its `baseURL`, whatever the path is. */
export function isBelowBaseUrl(config: InternalAxiosRequestConfig): boolean {
  return (
    Boolean(config.baseURL) && (config.allowAbsoluteUrls === false || !ABSOLUTE_URL.test(config.url ?? ''))
  );
}

/** Parsed URLs: a client asks for the same few over and over, and parsing costs more than finding them. */
const parsed = new Map<string, URL>();
const MAX_PARSED = 100;

function parse(text: string): URL {
  let url = parsed.get(text);
  if (url === undefined) {
    url = new URL(text);
    if (parsed.size >= MAX_PARSED) parsed.clear();
    parsed.set(text, url);
  }
  return url;
}

/** The URL that axios's own adapters would ask for, parameters included. Throws a `TypeError` for an invalid one. */
export function requestUrl(config: InternalAxiosRequestConfig): URL {
  const { baseURL, url = '', params, paramsSerializer, allowAbsoluteUrls } = config;
  // axios.getUri() merges a whole configuration with its defaults, so the usual case does without it.
  if (
    baseURL !== undefined &&
    params === undefined &&
    url !== '' &&
    !url.includes(':') &&
    isBelowBaseUrl(config)
  ) {
    return parse(`${baseURL.replace(/\/+$/, '')}/${url.replace(/^\/+/, '')}`);
  }
  return new URL(
    axios.getUri({
      ...(baseURL !== undefined && { baseURL }),
      url,
      params,
      ...(paramsSerializer !== undefined && { paramsSerializer }),
      ...(allowAbsoluteUrls !== undefined && { allowAbsoluteUrls }),
    }),
  );
}
