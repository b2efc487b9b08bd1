// @ts-nocheck
import type { ResponseErrorClass } from '../../decorators/errors/index.js';

/** Describes a provider; a client class carries one as `static readonly provider`. */
export interface ProviderSpec {
  /** Name in errors, logs and traces: `openai`, `groq`, … */
  readonly name: string;
  /** Base URL, without a trailing slash. Without one the `baseURL` option must be given. */
  readonly baseURL?: string;
  /** Environment variables that stand in for options. */
  readonly env?: {
    /** Read when the `apiKey` option is not given. */
    readonly apiKey?: string;
    /** Read when the `baseURL` option is not given. */
    readonly baseURL?: string;
    /** Headers by name, each with the variable that gives its value, where it is set. */
    readonly headers?: Readonly<Record<string, string>>;
  };
  /** False for a provider that takes no key, like a server of your own. Default true. */
  readonly needsApiKey?: boolean;
  /** The header that carries the key as it is. Default: `Authorization: Bearer …`. */
  readonly authHeader?: string;
  /** Where the endpoints are below the base URL. Default: `/chat/completions` and `/embeddings`. */
  readonly paths?: {
    readonly chat?: string;
    readonly embeddings?: string;
  };
  /** Models used when a call names none. */
  readonly models?: {
    readonly chat?: string;
    readonly embedding?: string;
  };
  /** What one request may hold. */
  readonly limits?: {
    /** Inputs of an embeddings request. */
    readonly embeddingInputs?: number;
    /** Tokens of all inputs of an embeddings request together. */
    readonly embeddingTokens?: number;
  };
  /**
   * How long the windows are that the rate limit headers speak of. Default: what the headers' names say, else what their
   * numbers show.
   */
  readonly rateLimitWindows?: {
    readonly requests?: 'minute' | 'hour' | 'day';
    readonly tokens?: 'minute' | 'hour' | 'day';
  };
  /** False for a provider without embeddings. Default true. */
  readonly hasEmbeddings?: boolean;
  /**
   * What an assistant message of a request may hold, for a provider that refuses more: other fields of an earlier answer
   * are left out, with a warning for each that says something. Default: whatever the message holds.
   */
  readonly assistantFields?: readonly string[];
  /** Params that the provider knows by another name, such as `{ seed: 'random_seed' }`. */
  readonly paramNames?: Readonly<Record<string, string>>;
  /**
   * Errors that the provider's own words stand for: codes and types of its errors, and finish reasons with which it ends
   * an answer that it failed to make. They come before the status.
   */
  readonly errors?: Readonly<Record<string, ResponseErrorClass>>;
  /** The header that makes a repeated request count once, where the provider has one. */
  readonly idempotencyHeader?: string;
  /** Whether a stream is to be asked for its usage (`stream_options.include_usage`). Default true. */
  readonly streamUsage?: boolean;
  /** How embeddings are asked for when the params do not say. Default `base64`, a quarter of the bytes. */
  readonly embeddingFormat?: 'base64' | 'float';
}

/**
 * The spec of a client class.
 *
 * @throws TypeError when the class declares none, or one without a name.
 */
export function checkSpec(spec: ProviderSpec | undefined, className: string): ProviderSpec {
  if (!spec || typeof spec.name !== 'string' || spec.name === '') {
    throw new TypeError(
      `${className} has no provider: declare \`static override readonly provider = { name: '…', baseURL: 'https://…' }\` on it.`,
    );
  }
  return spec;
}
