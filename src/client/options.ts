import type { Limiter, LimiterOptions } from '../../decorators/limits/index.js';
import { usesOf, type PolicyUse } from '../../decorators/pipeline/decorator.js';
import { nearestName, show } from '../../decorators/pipeline/options.js';
import { kindOf, nearestUses } from '../../decorators/pipeline/record.js';
import { checkRetryOptions, type RetryOptions } from '../../decorators/retry-with-backoff.js';
import { checkTimeouts, type TimeoutOptions } from '../../decorators/timeout.js';
import { redactText } from '../../decorators/errors/index.js';
import type { HttpOptions } from '../http/index.js';
import type { Tokenizer } from '../tokenizer/tokenizer.js';
import { environment } from './environment.js';
import type { Logger } from './logging.js';
import { isPlainObject } from './plain-object.js';
import type { ProviderSpec } from './provider-spec.js';

/** An API key, or a function that gives it: it is called for every attempt. */
export type ApiKey = string | (() => string | Promise<string>);

/** Options of every client. */
export interface ClientOptions {
  /** The key; a function is asked anew for each attempt; `null` where none is needed. Default: the provider's environment variable. */
  apiKey?: ApiKey | null | undefined;
  /** Where the API is, for example `https://api.openai.com/v1`. Default: the provider's. */
  baseURL?: string | undefined;
  /** Model of chat completions that name none. Default: the provider's. */
  model?: string | undefined;
  /** Model of embeddings that name none. Default: the provider's. */
  embeddingModel?: string | undefined;
  /**
   * Limits of this client, or a `Limiter` that several clients share. `'learn'` finds the limits of each model out, from
   * the provider's headers or by its refusals. Default: none.
   */
  rateLimit?: LimiterOptions | Limiter | 'learn' | undefined;
  /**
   * Counts the tokens of a text, for what a call reserves of `tokensPerMinute`: `gptTokenizer` of `keelson/tokenizer`, or
   * a function of your own. Default: a rule of thumb, within some 15 % on ordinary text.
   */
  tokenizer?: Tokenizer | undefined;
  /** Options of `@RetryWithBackoff` for the methods of this client; `false` for no retries. */
  retry?: RetryOptions | false | undefined;
  /** Options of `@Timeout` for the methods of this client. */
  timeouts?: TimeoutOptions | undefined;
  /**
   * Further policies for every method of this client, as decorators: `[CircuitBreaker(), Cached({ ttlMs: 60_000 })]`.
   * Retries, timeouts and limits have options of their own.
   */
  policies?: readonly PolicyUse[] | undefined;
  /** Headers of every request. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** Query parameters of every request. */
  query?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Receives one structured line for each attempt, retry, wait and failure. Default: none, unless `KEELSON_LOG` is set. */
  logger?: Logger | undefined;
  /** Whether `debug` lines may hold requests and answers (of streams the requests only). Default false. */
  logBodies?: boolean | undefined;
  /** Options for axios (`proxy`, `httpsAgent`, `adapter`, …). The client makes its own instance with them. */
  http?: HttpOptions | undefined;
}

const OPTION_NAMES = [
  'apiKey',
  'baseURL',
  'model',
  'embeddingModel',
  'rateLimit',
  'tokenizer',
  'retry',
  'timeouts',
  'policies',
  'headers',
  'query',
  'logger',
  'logBodies',
  'http',
] as const satisfies readonly (keyof ClientOptions)[];

/** What other libraries call it: the option here that does the same. */
const FOREIGN_NAMES: Readonly<Record<string, string>> = {
  timeout: '`timeouts: { attemptMs: … }`',
  maxRetries: '`retry: { maxRetries: … }`',
  max_retries: '`retry: { maxRetries: … }`',
  defaultHeaders: '`headers`',
  default_headers: '`headers`',
  defaultQuery: '`query`',
  default_query: '`query`',
  baseUrl: '`baseURL`',
  base_url: '`baseURL`',
  basePath: '`baseURL`',
  api_key: '`apiKey`',
  httpAgent: '`http: { httpsAgent: … }`',
  fetch: '`http: { adapter: … }`',
  fetchOptions: '`http`',
  logLevel: '`logger`, or the environment variable KEELSON_LOG',
  dangerouslyAllowBrowser: 'nothing: it is not needed',
};

/** Throws a `TypeError` that names option, value and remedy. `ownNames` are the options that a subclass declares. */
export function checkClientOptions(options: unknown, className: string, ownNames: readonly string[]): void {
  const where = `new ${className}()`;
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      `${where}: the options must be an object; got ${options === null ? 'null' : typeof options}.`,
    );
  }
  const known = [...OPTION_NAMES, ...ownNames];
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const foreign = FOREIGN_NAMES[name];
    const nearest = foreign ?? (nearestName(name, known) && `\`${nearestName(name, known)}\``);
    const remedy = nearest ? `Use ${nearest}.` : `There are: ${known.join(', ')}.`;
    throw new TypeError(`${where}: there is no option \`${name}\`. ${remedy}`);
  }
  const { model, embeddingModel, rateLimit, tokenizer, retry, timeouts, policies, headers, query, logger } =
    options as ClientOptions;
  for (const [name, value] of Object.entries({ model, embeddingModel })) {
    if (value !== undefined && (typeof value !== 'string' || value === '')) {
      throw new TypeError(`${where}: \`${name}\` is ${show(value)}: give the name of a model.`);
    }
  }
  if (rateLimit !== undefined && rateLimit !== 'learn' && !isObject(rateLimit)) {
    throw new TypeError(
      `${where}: \`rateLimit\` is ${show(rateLimit)}: give an object such as { requestsPerMinute: 60 }, a Limiter, or 'learn'.`,
    );
  }
  if (timeouts !== undefined && !isObject(timeouts)) {
    throw new TypeError(`${where}: \`timeouts\` is ${show(timeouts)}: give an object.`);
  }
  if (tokenizer !== undefined && typeof tokenizer !== 'function') {
    throw new TypeError(
      `${where}: \`tokenizer\` is ${show(tokenizer)}: give a function such as \`gptTokenizer\` of keelson/tokenizer, (text, model) => number.`,
    );
  }
  if (query !== undefined && !isPlainObject(query)) {
    throw new TypeError(
      `${where}: \`query\` is ${showHidden(query)}: give an object such as { 'api-version': '1' }.`,
    );
  }
  checkHeaders(headers, where);
  checkPolicies(policies, where);
  if (timeouts !== undefined) checkTimeouts(timeouts, `${where}, timeouts`);
  if (retry !== undefined && retry !== false) {
    if (typeof retry !== 'object' || retry === null) {
      throw new TypeError(
        `${where}: \`retry\` is ${show(retry)}: give an object such as { maxRetries: 2 }, or false.`,
      );
    }
    checkRetryOptions(retry, `${where}, retry`);
  }
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    if (logger !== undefined && typeof logger?.[level] !== 'function') {
      throw new TypeError(
        `${where}: \`logger\` has no method \`${level}\`: give an object with debug, info, warn and error.`,
      );
    }
  }
}

/** Policies that stand on the methods of every client, and the option that sets each. */
const OWN_OPTIONS: Readonly<Record<string, string>> = {
  RateLimited: '`rateLimit`',
  RetryWithBackoff: '`retry`',
  Timeout: '`timeouts`',
  HandleApiErrors: 'nothing: it is there already',
};

function checkPolicies(policies: unknown, where: string): void {
  if (policies === undefined) return;
  if (!Array.isArray(policies)) {
    throw new TypeError(
      `${where}: \`policies\` is ${show(policies)}: give an array of decorators such as [CircuitBreaker()].`,
    );
  }
  const uses = usesOf(policies as PolicyUse[], ` in \`policies\` of ${where}`);
  for (const use of nearestUses(uses, `${where}, policies`)) {
    // A limit of a composite would never hold: the methods have the client's own. Without limits there is nothing to say.
    const isMisplaced = use.depth === 0 || (kindOf(use) === 'RateLimited' && use.options !== undefined);
    const remedy = isMisplaced ? OWN_OPTIONS[kindOf(use)] : undefined;
    if (remedy) throw new TypeError(`${where}: @${kindOf(use)} stands in \`policies\`: use ${remedy}.`);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Names a value that may be a key in the wrong place. */
function showHidden(value: unknown): string {
  return typeof value === 'string' ? `a string of ${value.length} characters` : show(value);
}

/** Throws a `TypeError` for headers that no request can carry. */
export function checkHeaders(headers: unknown, where: string): void {
  if (headers === undefined) return;
  if (!isPlainObject(headers)) {
    throw new TypeError(
      `${where}: \`headers\` is ${showHidden(headers)}: give a plain object such as { 'x-team': 'blue' }.`,
    );
  }
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) {
      throw new TypeError(`${where}: '${redactText(name)}' in \`headers\` is no name of a header.`);
    }
    if (typeof value !== 'string' || /[\r\n\0]/.test(value)) {
      throw new TypeError(`${where}: the header '${name}' must be a string without line breaks.`);
    }
  }
}

/** The base URL without a trailing slash. */
export function resolveBaseURL(options: ClientOptions, spec: ProviderSpec, className: string): string {
  const given = options.baseURL ?? environment(spec.env?.baseURL) ?? spec.baseURL;
  if (given === undefined) {
    throw new TypeError(`new ${className}(): \`baseURL\` is missing: give the address of the API.`);
  }
  const url = typeof given === 'string' && URL.canParse(given) ? new URL(given) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    throw new TypeError(
      `new ${className}(): \`baseURL\` is no http or https URL but ${showHidden(given)}: give one such as 'https://api.example.com/v1'.`,
    );
  }
  if (url.username || url.password) {
    throw new TypeError(
      `new ${className}(): \`baseURL\` holds a user name or password: give them in \`headers\` or \`apiKey\`.`,
    );
  }
  return given.replace(/\/+$/, '');
}
