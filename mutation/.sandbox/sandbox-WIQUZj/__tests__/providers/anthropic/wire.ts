/** How Anthropic's server speaks, for the conformance kit. */
// @ts-nocheck

import type { ProviderWire, WireFailure, WireMessage } from 'keelson/testing';
import { answer, asStream, text, toolUse, wire, type Event } from './fixtures.js';

const FAILURES: Readonly<Record<WireFailure, [status: number, type: string, words?: string]>> = {
  'bad request': [400, 'invalid_request_error'],
  authentication: [401, 'authentication_error'],
  permission: [403, 'permission_error'],
  'not found': [404, 'not_found_error'],
  'rate limit': [429, 'rate_limit_error'],
  quota: [402, 'billing_error'],
  'context length': [400, 'invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum. '],
  server: [500, 'api_error'],
  overloaded: [529, 'overloaded_error'],
};

const FINISHES = { stop: 'end_turn', length: 'max_tokens', tool_calls: 'tool_use' } as const;

const json = (status: number, body: unknown) => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
const failure = (type: string, message: string) => ({
  type: 'error',
  error: { type, message },
  request_id: null,
});

type Answer = Parameters<ProviderWire['chat']>[0];
type Block = Record<string, any>;

function messageOf({ text: said, reasoning, toolCalls, finish, usage }: Answer, body: unknown) {
  const { input, output, cached } = usage;
  return answer(
    [
      ...(reasoning === undefined ? [] : [{ type: 'thinking', thinking: reasoning, signature: 'c2lnbmVk' }]),
      ...(said === undefined ? [] : [text(said)]),
      ...(toolCalls ?? []).map(({ id, name, arguments: args }) => toolUse(id, name, args)),
    ],
    {
      model: (body as { model: string }).model,
      stop_reason: FINISHES[finish ?? (toolCalls ? 'tool_calls' : 'stop')],
      usage: {
        input_tokens: input - (cached ?? 0),
        ...(cached !== undefined && { cache_read_input_tokens: cached }),
        output_tokens: output,
      },
    },
  );
}

/** Anthropic has results of calls in messages of the user, a message may be several of ours. */
function read({ role, content }: Block): WireMessage[] {
  const blocks: Block[] = typeof content === 'string' ? [text(content)] : content;
  const results = blocks.filter(({ type }) => type === 'tool_result');
  if (results.length > 0) {
    return results.map((result) => ({
      role: 'tool',
      text: result['content'],
      answers: result['tool_use_id'],
    }));
  }
  const uses = blocks.filter(({ type }) => type === 'tool_use');
  const thoughts = blocks.filter(({ type, signature }) => type === 'thinking' && signature === 'c2lnbmVk');
  return [
    {
      role,
      text: blocks.map((block) => (block['type'] === 'text' ? block['text'] : '')).join(''),
      ...(thoughts.length > 0 && { reasoning: thoughts.map(({ thinking }) => thinking).join('') }),
      ...(uses.length > 0 && {
        toolCalls: uses.map(({ id, name, input }) => ({ id, name, arguments: input })),
      }),
    },
  ];
}

export const anthropicWire: ProviderWire = {
  requestIdHeader: 'request-id',
  noise: 'event: ping\ndata: {"type": "ping"}\n\n',
  limits: {
    headers: {
      'anthropic-ratelimit-requests-limit': '50',
      'anthropic-ratelimit-requests-remaining': '49',
      'anthropic-ratelimit-input-tokens-limit': '40000',
      'anthropic-ratelimit-input-tokens-remaining': '39000',
      'anthropic-ratelimit-output-tokens-limit': '8000',
      'anthropic-ratelimit-output-tokens-remaining': '7000',
    },
    info: {
      requests: { limit: 50, remaining: 49 },
      inputTokens: { limit: 40_000, remaining: 39_000 },
      outputTokens: { limit: 8000, remaining: 7000 },
    },
  },
  keyOf: ({ headers }) => headers['x-api-key'],
  readChat: ({ body }) => {
    const { model, system, messages, tools = [], max_tokens: maxTokens, stream = false } = body as Block;
    return {
      model,
      messages: [
        ...(system === undefined ? [] : read({ role: 'system', content: system })),
        ...messages.flatMap(read),
      ],
      tools: tools.map(({ name, input_schema: schema }: Block) => ({ name, schema })),
      maxTokens,
      stream,
    };
  },
  chat: (said, { body }) => json(200, messageOf(said, body)),
  stream: (said, { body }) => {
    const events = asStream(messageOf(said, body));
    return {
      headers: { 'content-type': 'text/event-stream; charset=utf-8' },
      events: events.map((event) => wire([event])),
      finishAt: events.findIndex(({ type }) => type === 'message_delta'),
    };
  },
  failure: (kind, message) => {
    const [status, type, words = ''] = FAILURES[kind];
    return json(status, failure(type, words + message));
  },
  failureEvent: (message) => wire([failure('api_error', message) as unknown as Event]),
};
