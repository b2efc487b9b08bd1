/** How Azure's servers speak, for the conformance kit: OpenAI's format, with errors of Azure's own gateway. */
// @ts-nocheck

import { openAIWire, type WireFailure } from 'keelson/testing';

const FAILURES: Readonly<Partial<Record<WireFailure, [status: number, code: string]>>> = {
  'bad request': [400, 'BadRequest'],
  authentication: [401, '401'],
  permission: [403, 'PermissionDenied'],
  'not found': [404, 'DeploymentNotFound'],
  'rate limit': [429, '429'],
  quota: [429, 'insufficient_quota'],
  'context length': [400, 'context_length_exceeded'],
  server: [500, 'InternalServerError'],
  overloaded: [503, 'ServiceUnavailable'],
};

export const azureWire = openAIWire({
  keyHeader: 'api-key',
  requestIdHeader: 'apim-request-id',
  limits: {
    headers: {
      'x-ratelimit-limit-requests': '60',
      'x-ratelimit-remaining-requests': '59',
      'x-ratelimit-limit-tokens': '10000',
      'x-ratelimit-remaining-tokens': '9500',
      'x-ratelimit-reset-tokens': '12',
    },
    info: {
      requests: { limit: 60, remaining: 59 },
      tokens: { limit: 10_000, remaining: 9500, resetMs: 12_000 },
    },
  },
  failure: (kind, _, message) => {
    const [status, code] = FAILURES[kind] ?? [];
    if (status === undefined) return undefined;
    const body = JSON.stringify({ error: { code, message } });
    return { status, headers: { 'content-type': 'application/json' }, body };
  },
});
