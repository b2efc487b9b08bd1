/** How the servers of the compatible providers speak, written from their public documentation. */
// @ts-nocheck

import {
  openAIWire,
  type ProviderWire,
  type WireAnswer,
  type WireFailure,
  type WireReply,
} from 'keelson/testing';
import { anthropicWire } from './anthropic/wire.js';
import { azureWire } from './azure/wire.js';
import { geminiWire } from './gemini/wire.js';
import { ollamaWire } from './ollama/wire.js';

type Fields = Record<string, unknown>;

const json = (status: number, body: unknown): WireReply => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

/** Failures as `body` writes them, with the statuses and words of `kinds`; a kind that is not listed is not told apart. */
const failures =
  (
    body: (message: string, words: Fields, status: number) => unknown,
    kinds: Partial<Record<WireFailure, [number, Fields?]>>,
  ) =>
  (kind: WireFailure, _: number, message: string): WireReply | undefined => {
    const [status, words = {}] = kinds[kind] ?? [];
    return status === undefined ? undefined : json(status, body(message, words, status));
  };

const openAIError = (message: string, words: Fields): unknown => ({
  error: { message, param: null, code: null, ...words },
});

const deepseek = openAIWire({
  embeddings: false,
  requestIdHeader: 'x-ds-trace-id',
  noise: ': keep-alive\n\n',
  usage: (usage, { usage: { input, cached } }) => {
    if (cached === undefined) return usage;
    return { ...usage, prompt_cache_hit_tokens: cached, prompt_cache_miss_tokens: input - cached };
  },
  failure: failures(openAIError, {
    'bad request': [400, { type: 'invalid_request_error', code: 'invalid_request_error' }],
    authentication: [401, { type: 'authentication_error', code: 'invalid_request_error' }],
    quota: [402, { type: 'unknown_error', code: 'invalid_request_error' }],
    'rate limit': [429, { type: 'rate_limit_error' }],
    server: [500, { type: 'server_error' }],
    overloaded: [503, { type: 'service_unavailable_error' }],
  }),
});

const qwen = openAIWire({
  failure: failures((message, words) => ({ error: { message, param: null, ...words }, request_id: 'q-1' }), {
    'bad request': [400, { code: 'invalid_parameter_error', type: 'invalid_request_error' }],
    authentication: [401, { code: 'invalid_api_key', type: 'invalid_request_error' }],
    permission: [403, { code: 'access_denied', type: 'access_denied' }],
    'not found': [404, { code: 'model_not_found', type: 'invalid_request_error' }],
    'rate limit': [429, { code: 'limit_requests', type: 'limit_requests' }],
    quota: [400, { code: 'Arrearage', type: 'Arrearage' }],
    server: [500, { code: 'internal_error', type: 'internal_error' }],
    overloaded: [503, { code: 'service_unavailable', type: 'service_unavailable' }],
  }),
});

const moonshot = openAIWire({
  embeddings: false,
  usageAt: 'choice',
  usage: (usage, { usage: { cached } }) =>
    cached === undefined ? usage : { ...usage, prompt_tokens_details: undefined, cached_tokens: cached },
  failure: failures((message, words) => ({ error: { message, ...words } }), {
    'bad request': [400, { type: 'invalid_request_error' }],
    authentication: [401, { type: 'invalid_authentication_error' }],
    permission: [403, { type: 'permission_denied_error' }],
    'not found': [404, { type: 'resource_not_found_error' }],
    'rate limit': [429, { type: 'rate_limit_reached_error' }],
    quota: [429, { type: 'exceeded_current_quota_error' }],
    server: [500, { type: 'server_error' }],
    overloaded: [429, { type: 'engine_overloaded_error' }],
  }),
});

const zhipu = openAIWire({
  usageAt: 'last chunk',
  failure: failures((message, words) => ({ error: { message, ...words } }), {
    'bad request': [400, { code: '1210' }],
    authentication: [401, { code: '1002' }],
    'not found': [400, { code: '1211' }],
    'rate limit': [429, { code: '1302' }],
    quota: [429, { code: '1113' }],
    'context length': [400, { code: '1261' }],
    server: [500, { code: '500' }],
    overloaded: [429, { code: '1305' }],
  }),
});

const groq = openAIWire({
  embeddings: false,
  reasoning: 'reasoning',
  usageAt: 'x_groq',
  limits: {
    headers: {
      'x-ratelimit-limit-requests': '14400',
      'x-ratelimit-remaining-requests': '14399',
      'x-ratelimit-reset-requests': '1m26.4s',
      'x-ratelimit-limit-tokens': '6000',
      'x-ratelimit-remaining-tokens': '5990',
      'x-ratelimit-reset-tokens': '80ms',
    },
    info: {
      requests: { limit: 14_400, remaining: 14_399, resetMs: 86_400 },
      tokens: { limit: 6000, remaining: 5990, resetMs: 80 },
    },
  },
  failure: failures((message, words) => ({ error: { message, ...words } }), {
    'bad request': [400, { type: 'invalid_request_error' }],
    authentication: [401, { type: 'invalid_request_error', code: 'invalid_api_key' }],
    permission: [403, { type: 'permissions_error' }],
    'not found': [404, { type: 'invalid_request_error', code: 'model_not_found' }],
    'rate limit': [429, { type: 'tokens', code: 'rate_limit_exceeded' }],
    'context length': [400, { type: 'invalid_request_error', code: 'context_length_exceeded' }],
    server: [500, { type: 'internal_server_error' }],
    overloaded: [498, { type: 'capacity_exceeded' }],
  }),
});

const together = openAIWire({
  usageAt: 'last chunk',
  failure: failures((message, words) => ({ error: { message, param: null, ...words }, id: 't-1' }), {
    'bad request': [400, { type: 'invalid_request_error' }],
    authentication: [401, { type: 'invalid_request_error', code: 'invalid_api_key' }],
    quota: [402, { type: 'credit_limit' }],
    permission: [403, { type: 'invalid_request_error' }],
    'not found': [404, { type: 'invalid_request_error', code: 'model_not_available' }],
    'rate limit': [429, { type: 'model_rate_limit', code: 'model_rate_limit' }],
    server: [500, { type: 'server_error' }],
    overloaded: [503, { type: 'service_unavailable' }],
  }),
});

const mistral = openAIWire({
  reasoning: 'parts',
  usageAt: 'last chunk',
  lacks: ['cached'],
  limits: {
    headers: {
      'ratelimitbysize-limit': '500000',
      'ratelimitbysize-remaining': '499900',
      'ratelimitbysize-reset': '21',
      'ratelimitbysize-query-cost': '100',
    },
    info: { tokens: { limit: 500_000, remaining: 499_900, resetMs: 21_000 } },
  },
  failure: failures((message, words) => ({ object: 'error', message, param: null, ...words }), {
    'bad request': [400, { type: 'invalid_request_error', code: '3051' }],
    authentication: [401, { type: 'unauthorized', code: '1000' }],
    quota: [402, { type: 'payment_required', code: null }],
    permission: [403, { type: 'forbidden', code: null }],
    'not found': [404, { type: 'not_found', code: null }],
    'rate limit': [429, { type: 'rate_limited', code: '1300' }],
    server: [500, { type: 'internal_server_error', code: '1000' }],
    overloaded: [503, { type: 'service_unavailable', code: '3505' }],
  }),
});

const xai = openAIWire({
  embeddings: false,
  usageAt: 'last chunk',
  usage: (usage, { usage: { output } }: WireAnswer) => ({
    ...usage,
    completion_tokens: output - 2,
    completion_tokens_details: { reasoning_tokens: 2 },
  }),
  failure: failures((error, words) => ({ ...words, error }), {
    'bad request': [400, { code: 'Client specified an invalid argument' }],
    permission: [403, { code: 'The caller does not have permission to execute the specified operation' }],
    'not found': [404, { code: 'Some requested entity was not found' }],
    'rate limit': [429, { code: 'Some resource has been exhausted' }],
    authentication: [401, { code: 'Unauthenticated' }],
    server: [500, { code: 'Internal error' }],
    overloaded: [503, { code: 'The service is currently unavailable' }],
  }),
});

const openrouter = openAIWire({
  reasoning: 'reasoning',
  noise: ': OPENROUTER PROCESSING\n\n',
  usage: (usage) => ({ ...usage, cost: 0.0001 }),
  failure: failures((message, words, code) => ({ error: { message, code, ...words }, user_id: 'u-1' }), {
    'bad request': [400],
    authentication: [401],
    quota: [402],
    permission: [403, { metadata: { reasons: ['violence'], flagged_input: '…', provider_name: 'X' } }],
    'not found': [404],
    'rate limit': [429],
    server: [502, { metadata: { provider_name: 'X', raw: null } }],
    overloaded: [503],
  }),
});

/** The compatible endpoint wraps an error in a list. */
const gemini = openAIWire({
  failure: failures((message, status, code) => [{ error: { code, message, ...status } }], {
    'bad request': [400, { status: 'INVALID_ARGUMENT' }],
    authentication: [401, { status: 'UNAUTHENTICATED' }],
    permission: [403, { status: 'PERMISSION_DENIED' }],
    'not found': [404, { status: 'NOT_FOUND' }],
    'rate limit': [429, { status: 'RESOURCE_EXHAUSTED' }],
    server: [500, { status: 'INTERNAL' }],
    overloaded: [503, { status: 'UNAVAILABLE' }],
  }),
});

const ollama = openAIWire({
  lacks: ['cached'],
  reasoning: 'reasoning',
  failure: failures(openAIError, {
    'bad request': [400, { type: 'invalid_request_error' }],
    authentication: [401, { type: 'authentication_error' }],
    'not found': [404, { type: 'not_found_error' }],
    server: [500, { type: 'api_error' }],
    overloaded: [503, { type: 'api_error' }],
    'rate limit': [429, { type: 'api_error' }],
  }),
});

const vllm = openAIWire({
  reasoning: 'reasoning',
  failure: failures((message, words, code) => ({ error: { message, param: null, code, ...words } }), {
    'bad request': [400, { type: 'BadRequestError' }],
    authentication: [401, { type: 'Unauthorized' }],
    'not found': [404, { type: 'NotFoundError' }],
    'rate limit': [429, { type: 'RateLimitError' }],
    server: [500, { type: 'InternalServerError' }],
    overloaded: [503, { type: 'ServiceUnavailableError' }],
  }),
});

const lmstudio = openAIWire({
  lacks: ['cached'],
  failure: failures((error) => ({ error }), {
    'bad request': [400],
    authentication: [401],
    'not found': [404],
    'rate limit': [429],
    server: [500],
    overloaded: [503],
  }),
});

const llamacpp = openAIWire({
  noise: ':\n\n',
  failure: failures((message, words, code) => ({ error: { code, message, ...words } }), {
    'bad request': [400, { type: 'invalid_request_error' }],
    authentication: [401, { type: 'authentication_error' }],
    permission: [403, { type: 'permission_error' }],
    'not found': [404, { type: 'not_found_error' }],
    'context length': [400, { type: 'exceed_context_size_error', n_prompt_tokens: 9000, n_ctx: 4096 }],
    'rate limit': [429, { type: 'rate_limit_error' }],
    server: [500, { type: 'server_error' }],
    overloaded: [503, { type: 'unavailable_error' }],
  }),
});

export const WIRES: Readonly<Record<string, ProviderWire>> = {
  openai: openAIWire(),
  anthropic: anthropicWire,
  azure: azureWire,
  deepseek,
  qwen,
  moonshot,
  zhipu,
  groq,
  together,
  mistral,
  xai,
  openrouter,
  gemini: geminiWire,
  'gemini-compatible': gemini,
  ollama: ollamaWire,
  'ollama-compatible': ollama,
  vllm,
  lmstudio,
  llamacpp,
};
