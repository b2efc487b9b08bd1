// @ts-nocheck
import type { InternalAxiosRequestConfig } from 'axios';
import { AuthenticationError, LLMError } from '../../decorators/errors/index.js';
import { secretsOf } from '../../decorators/errors/secrets.js';
import { accountOf, type Account } from './account.js';
import { environment } from './environment.js';
import type { ApiKey, ClientOptions } from './options.js';
import type { ProviderSpec } from './provider-spec.js';

/** How many keys of a rotating key function are remembered, to be kept out of errors. */
const REMEMBERED_KEYS = 16;

/** The key of a client, and all values of its options that must not show anywhere. */
export class Credentials {
  readonly #apiKey: ApiKey | undefined;
  readonly #provider: string;
  readonly #fixed: readonly string[];
  /** The newest last. */
  readonly #given = new Set<string>();

  /**
   * @param configs What every request carries, as axios takes it: secrets are found in it by their names.
   * @throws AuthenticationError when a key is needed and there is none; TypeError for one that cannot be.
   */
  constructor(options: ClientOptions, spec: ProviderSpec, className: string, configs: readonly unknown[]) {
    const apiKey = resolveApiKey(options, spec, className);
    this.#apiKey = apiKey;
    this.#provider = spec.name;
    this.#fixed = [
      ...(typeof apiKey === 'string' ? [apiKey] : []),
      ...configs.flatMap((config) => secretsOf({ config })),
    ];
  }

  /** Whether each attempt asks the user's function for the key. */
  get areAskedFor(): boolean {
    return typeof this.#apiKey === 'function';
  }

  /** What all clients with this key have in common at `baseURL`. */
  accountAt(baseURL: string): Account {
    return accountOf(baseURL, this.#apiKey);
  }

  /** What must not show, at the time it is read. */
  readonly secrets: Iterable<string> = {
    [Symbol.iterator]: () => [...this.#fixed, ...this.#given][Symbol.iterator](),
  };

  /** Sets the headers that carry the key. Synchronous for a fixed key: every call passes here. */
  sign(
    config: InternalAxiosRequestConfig,
    authHeaders: (key: string) => Record<string, string>,
  ): void | Promise<void> {
    const apiKey = this.#apiKey;
    if (apiKey === undefined) return undefined;
    const sign = (key: string): void => {
      // A header that the user has set, for a gateway say, is meant.
      for (const [name, value] of Object.entries(authHeaders(key))) config.headers.set(name, value, false);
    };
    return typeof apiKey === 'function' ? this.#ask(apiKey).then(sign) : sign(apiKey);
  }

  async #ask(ask: () => string | Promise<string>): Promise<string> {
    const provider = this.#provider;
    let key: string;
    try {
      key = await ask();
    } catch (error) {
      if (error instanceof LLMError) throw error;
      throw new AuthenticationError('The `apiKey` function failed.', { provider, cause: error });
    }
    const wrong = whatIsWrongWithKey(key);
    if (wrong) throw new AuthenticationError(`What the \`apiKey\` function returned ${wrong}.`, { provider });
    // What is forgotten is the key not used for longest.
    this.#given.delete(key);
    this.#given.add(key);
    const [oldest] = this.#given;
    if (this.#given.size > REMEMBERED_KEYS && oldest !== undefined) this.#given.delete(oldest);
    return key;
  }
}

/** The key, or the function that gives it; undefined where none is needed. */
function resolveApiKey(options: ClientOptions, spec: ProviderSpec, className: string): ApiKey | undefined {
  const { apiKey = environment(spec.env?.apiKey) } = options;
  if (apiKey === null || typeof apiKey === 'function') return apiKey ?? undefined;
  if (apiKey === undefined) {
    if (spec.needsApiKey === false) return undefined;
    const variable = spec.env?.apiKey ? `, or set the environment variable ${spec.env.apiKey}` : '';
    throw new AuthenticationError(
      `${className} has no API key: pass \`apiKey\`${variable}. For a server that needs none, pass \`apiKey: null\`.`,
      { provider: spec.name },
    );
  }
  const wrong = whatIsWrongWithKey(apiKey);
  if (wrong) throw new TypeError(`new ${className}(): \`apiKey\` ${wrong}.`);
  return apiKey;
}

/** What makes a key unusable, in words that do not show it. */
function whatIsWrongWithKey(key: unknown): string | undefined {
  if (typeof key !== 'string')
    return `is ${key === null ? 'null' : typeof key}: give a string or a function that returns one`;
  if (key.trim() === '') return 'is empty: give the key';
  if (/[\r\n]/.test(key)) return 'holds a line break, often from a file: trim it';
  if (/[^\x20-\x7e]/.test(key)) return 'holds a character that no header can carry: copy the key again';
  return undefined;
}
