// @ts-nocheck
import type { AnswerOptions } from './answer.js';
import type { TestRateLimit } from './server-limits.js';
import { isRecord } from './wire.js';
import type { TestReply } from './wire.js';

/** Options of `startTestServer`. */
export interface TestServerOptions {
  /** The port on 127.0.0.1. Default: 0, any free one. */
  readonly port?: number;
  /** The keys that are let in. Default: any that is not empty. */
  readonly apiKeys?: readonly string[];
  /** Limits enforced for each key. Default: none, and no `x-ratelimit-*` headers. */
  readonly rateLimit?: TestRateLimit;
  /**
   * The text of every reply, or a function that makes it (or a whole message) from the request. A function has the
   * last word: tools and response formats are its own business. Default: a text that repeats the user's message.
   */
  readonly reply?: TestReply;
  /** The models that exist; any other is a 404. Default: every model exists. */
  readonly models?: readonly string[];
  /** Receives the start-up line and a line for each request. Default: silence. */
  readonly log?: (line: string) => void;
}

const NAMES = ['port', 'apiKeys', 'rateLimit', 'reply', 'models', 'log'];

/** Refuses what is no option or has a wrong value; the rest is what the answers depend on. */
export function checkServerOptions(options: TestServerOptions): AnswerOptions & { port: number } {
  if (!isRecord(options as unknown))
    throw new TypeError(`startTestServer takes an options object, got ${String(options)}.`);
  const unknown = Object.keys(options).find((name) => !NAMES.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(`startTestServer has no option '${unknown}'; it takes ${NAMES.join(', ')}.`);
  }
  const { port = 0, apiKeys, models, reply, rateLimit, log } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new TypeError(`Option 'port' must be 0 (any free one) to 65535, got ${String(port)}.`);
  }
  checkNames('apiKeys', apiKeys);
  checkNames('models', models);
  if (reply !== undefined && typeof reply !== 'string' && typeof reply !== 'function') {
    throw new TypeError(`Option 'reply' must be a string or a function of the request, got ${typeof reply}.`);
  }
  if (log !== undefined && typeof log !== 'function') {
    throw new TypeError(`Option 'log' must be a function of a line, such as console.log, got ${typeof log}.`);
  }
  checkRateLimit(rateLimit);
  return {
    port,
    reply,
    rateLimit,
    models: models && [...models],
    apiKeys: apiKeys && new Set(apiKeys),
  };
}

function checkNames(option: string, value: unknown): void {
  if (value === undefined) return;
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string' || item === '')) {
    throw new TypeError(`Option '${option}' must be an array of non-empty strings.`);
  }
}

function checkRateLimit(rateLimit: unknown): void {
  if (rateLimit === undefined) return;
  if (!isRecord(rateLimit)) {
    throw new TypeError(
      `Option 'rateLimit' must be an object such as { requestsPerMinute: 60 }, got ${String(rateLimit)}.`,
    );
  }
  for (const [name, value] of Object.entries(rateLimit)) {
    if (name !== 'requestsPerMinute' && name !== 'tokensPerMinute') {
      throw new TypeError(
        `Option 'rateLimit' has no field '${name}'; it takes requestsPerMinute and tokensPerMinute.`,
      );
    }
    if (value !== undefined && !(typeof value === 'number' && Number.isInteger(value) && value >= 1)) {
      throw new TypeError(
        `Option 'rateLimit.${name}' must be a whole number from 1 up, got ${String(value)}.`,
      );
    }
  }
}
