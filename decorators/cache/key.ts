import { classNameOf } from '../pipeline/class-name.js';
import type { Call } from '../pipeline/call.js';
import { hostOf } from '../pipeline/host.js';
import { show } from '../pipeline/options.js';
import type { CacheOptions } from './cache-options.js';
import { canonical } from './canonical.js';
import { sha256 } from './digest.js';

/** What an answer depends on, beside class, method and tenant. */
export interface Asked {
  readonly provider?: string | undefined;
  readonly baseURL?: string | undefined;
  /** Stands for key, organization, project and what else a client sends with every request; nothing can be read from it. */
  readonly account?: string | undefined;
  readonly model?: string | undefined;
  /** All that a chat or an embedding asks, in OpenAI's words. */
  readonly request?: Readonly<Record<string, unknown>> | undefined;
  /** Of other methods the arguments, without the call options. */
  readonly args?: readonly unknown[] | undefined;
  /** The call's own headers by their names in lower case, without those that only follow it. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly extraBody?: Readonly<Record<string, unknown>> | undefined;
}

/** Headers that differ with every call and change no answer. */
const FOLLOWING_HEADERS = new Set([
  'traceparent',
  'tracestate',
  'baggage',
  'b3',
  'x-request-id',
  'x-client-request-id',
  'x-correlation-id',
  'idempotency-key',
]);

/** What `call` asks; neither its signal nor its timeout, its retries or its idempotency key are part of it. */
export function askedBy(call: Call): Asked {
  const host = hostOf(call.self);
  const description = host?.describe?.(call);
  const { headers, extraBody } = call.options;
  const { provider, baseURL, model, operation, request } = description ?? {};
  // What other methods of a client take is known by themselves alone: a body, say, may be bytes.
  const isDescribed = operation !== undefined && request !== undefined;
  return {
    provider,
    baseURL,
    account: host?.account?.(),
    model,
    ...(isDescribed ? { request } : { args: argsOf(call) }),
    headers: headers && headersOf(headers),
    extraBody,
  };
}

function argsOf(call: Call): readonly unknown[] {
  const args = call.args.map((arg) => (arg === call.options ? undefined : arg));
  while (args.length > 0 && args[args.length - 1] === undefined) args.pop();
  return args;
}

function headersOf(headers: Readonly<Record<string, string>>): Record<string, string> | undefined {
  const told = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !FOLLOWING_HEADERS.has(name));
  return told.length > 0 ? Object.fromEntries(told) : undefined;
}

/**
 * The key of a call: a hash, so that nothing can be read from it; undefined when the call is not to be cached.
 *
 * @throws Unkeyable for what cannot be compared; what the user's functions throw; TypeError for a tenant that is none.
 */
export function keyOf(call: Call, options: CacheOptions): string | Promise<string> | undefined {
  const { key, tenant, namespace } = options;
  const asked = askedBy(call);
  const depends = key ? key(call, asked) : asked;
  if (depends === undefined) return undefined;
  const whose = [classNameOf(call.self), String(call.method), tenant && tenantOf(call, tenant)];
  const hash = sha256(canonical(whose) + canonical(depends));
  return typeof hash === 'string' ? `${namespace}:${hash}` : hash.then((digits) => `${namespace}:${digits}`);
}

function tenantOf(call: Call, tenant: (call: Call) => string): string {
  const answer: unknown = tenant(call);
  if (typeof answer === 'string' && answer !== '') return answer;
  throw new TypeError(
    `${call.label}(): \`tenant\` of its cache returned ${answer === '' ? 'an empty string' : show(answer)}: it must return the name of the tenant, and not later.`,
  );
}
