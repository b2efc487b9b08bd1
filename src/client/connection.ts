import type { AxiosInstance } from 'axios';
import { TIMEOUT_DEFAULTS } from '../../decorators/timeout.js';
import { createHttpSession } from '../http/index.js';
import { VERSION } from '../version.js';
import { senderId } from './account.js';
import { Credentials } from './credentials.js';
import { environmentHeaders } from './environment.js';
import type { ClientOptions } from './options.js';
import type { ProviderSpec } from './provider-spec.js';

/** What a client sends with every request. */
export interface ConnectionParts {
  readonly className: string;
  readonly baseURL: string;
  readonly provider: ProviderSpec;
  readonly options: ClientOptions;
  /** Names of the options of the class itself. */
  readonly optionNames: readonly string[];
  /** Headers of the class, which come before the user's own. */
  readonly headers: Readonly<Record<string, string>>;
  authHeaders(apiKey: string): Record<string, string>;
}

/** The one HTTP session of a client, and the key that it signs with. */
export interface Connection {
  readonly http: AxiosInstance;
  readonly credentials: Credentials;
  /** Tells apart whose answers this client is given. */
  sender(): string;
  close(how: { abort: boolean }): Promise<void>;
}

/** @throws AuthenticationError when there is no key; TypeError for one that cannot be. */
export function connect(parts: ConnectionParts): Connection {
  const { className, baseURL, provider, options } = parts;
  const headers = {
    'User-Agent': `keelson/${VERSION}`,
    ...environmentHeaders(provider),
    ...parts.headers,
    ...options.headers,
  };
  const query = Object.fromEntries(
    Object.entries(options.query ?? {}).map(([name, value]) => [name, String(value)]),
  );
  const credentials = new Credentials(options, provider, className, [
    { baseURL, headers, params: query },
    options.http,
  ]);
  const session = createHttpSession({
    baseURL,
    headers,
    query,
    connectMs: options.timeouts?.connectMs ?? TIMEOUT_DEFAULTS.connectMs,
    ...(options.http && { http: options.http }),
    authenticate: (config) => credentials.sign(config, (key) => parts.authHeaders(key)),
  });
  const own = Object.fromEntries(
    parts.optionNames.map((name) => [name, (options as Readonly<Record<string, unknown>>)[name]]),
  );
  let sender: string | undefined;
  return {
    http: session.axios,
    credentials,
    sender: () =>
      (sender ??= senderId(credentials.accountAt(baseURL), { headers, query, own, http: options.http })),
    close: (how) => session.close(how),
  };
}
