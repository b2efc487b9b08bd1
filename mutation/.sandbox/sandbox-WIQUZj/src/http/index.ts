// @ts-nocheck
export { jsonOrText } from './json-or-text.js';
export { ERROR_BODY_BYTES, readBounded } from './read-bounded.js';
export type { HttpRequestConfig } from './request-config.js';
export { createHttpSession, type HttpOptions, type HttpSession, type HttpSessionOptions } from './session.js';
