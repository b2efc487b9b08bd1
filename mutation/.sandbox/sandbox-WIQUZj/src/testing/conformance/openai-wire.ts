// @ts-nocheck
import type {
  ProviderWire,
  ReceivedRequest,
  WireAnswer,
  WireFailure,
  WireMessage,
  WireReply,
} from './wire.js';

type Fields = Record<string, unknown>;

/** How a compatible provider differs from OpenAI. */
export interface OpenAIDialect extends Pick<ProviderWire, 'noise' | 'limits' | 'lacks' | 'requestIdHeader'> {
  /** Where the reasoning stands. Default `reasoning_content`; `parts` is Mistral's list of parts. */
  readonly reasoning?: 'reasoning_content' | 'reasoning' | 'parts';
  /** Where a stream's usage stands. Default: on a chunk of its own. */
  readonly usageAt?: 'own chunk' | 'last chunk' | 'x_groq' | 'choice';
  /** What the usage is called; given OpenAI's. */
  readonly usage?: (usage: Fields, answer: WireAnswer) => Fields;
  /** The body of a failure; given its kind, status and message. Default: OpenAI's. */
  readonly failure?: (kind: WireFailure, status: number, message: string) => WireReply | undefined;
  /** False for a provider without embeddings. Default true. */
  readonly embeddings?: boolean;
  /** The key where it does not come as `Authorization: Bearer …`. */
  readonly keyHeader?: string;
}

const STATUS: Readonly<Record<WireFailure, number>> = {
  'bad request': 400,
  authentication: 401,
  permission: 403,
  'not found': 404,
  'rate limit': 429,
  quota: 429,
  'context length': 400,
  server: 500,
  overloaded: 503,
};

const CODES: Readonly<Record<WireFailure, string | null>> = {
  'bad request': 'invalid_value',
  authentication: 'invalid_api_key',
  permission: 'unsupported_country_region_territory',
  'not found': 'model_not_found',
  'rate limit': 'rate_limit_exceeded',
  quota: 'insufficient_quota',
  'context length': 'context_length_exceeded',
  server: null,
  overloaded: null,
};

/** The wire of OpenAI, or of a provider that is compatible with it but for a dialect. */
export function openAIWire(dialect: OpenAIDialect = {}): ProviderWire {
  const {
    embeddings = true,
    keyHeader,
    usageAt = 'own chunk',
    noise,
    limits,
    lacks,
    requestIdHeader,
  } = dialect;
  const json = (body: unknown, status = 200): WireReply => ({
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const failure = (kind: WireFailure, message: string): WireReply | undefined => {
    const status = STATUS[kind];
    if (dialect.failure) return dialect.failure(kind, status, message);
    const type =
      status >= 500 ? 'server_error' : kind === 'quota' ? 'insufficient_quota' : 'invalid_request_error';
    return json({ error: { message, type, param: null, code: CODES[kind] } }, status);
  };
  return {
    noise: noise ?? ': keep-alive\n\n',
    limits: limits ?? OPENAI_LIMITS,
    ...(lacks && { lacks }),
    ...(requestIdHeader !== undefined && { requestIdHeader }),
    keyOf: ({ headers }) =>
      keyHeader === undefined
        ? /^Bearer (.+)$/.exec(headers['authorization'] ?? '')?.[1]
        : headers[keyHeader],
    readChat,
    chat(answer, request) {
      const { finish = answer.toolCalls ? 'tool_calls' : 'stop' } = answer;
      const message = { role: 'assistant', content: null, ...messageOf(answer, dialect) };
      const choices = [{ index: 0, message, finish_reason: finish, logprobs: null }];
      return json({
        ...headOf(request),
        object: 'chat.completion',
        choices,
        usage: usageOf(answer, dialect),
      });
    },
    stream(answer, request) {
      const { finish = answer.toolCalls ? 'tool_calls' : 'stop' } = answer;
      const usage = usageOf(answer, dialect);
      const chunk = (
        delta: object,
        finishReason: string | null = null,
        onChoice: object = {},
        more: object = {},
      ) =>
        event({
          ...headOf(request),
          object: 'chat.completion.chunk',
          choices: [{ index: 0, delta, finish_reason: finishReason, ...onChoice }],
          ...more,
        });
      const events = [
        chunk({ role: 'assistant', content: '' }),
        ...deltasOf(answer, dialect).map((delta) => chunk(delta)),
      ];
      const finishAt = events.length;
      events.push(
        chunk(
          {},
          finish,
          usageAt === 'choice' ? { usage } : {},
          usageAt === 'x_groq'
            ? { x_groq: { id: 'req_1', usage } }
            : usageAt === 'last chunk'
              ? { usage }
              : {},
        ),
      );
      if (usageAt === 'own chunk')
        events.push(event({ ...headOf(request), object: 'chat.completion.chunk', choices: [], usage }));
      events.push('data: [DONE]\n\n');
      return { headers: { 'content-type': 'text/event-stream; charset=utf-8' }, events, finishAt };
    },
    failure,
    failureEvent: (message) => event({ error: { message, type: 'server_error', param: null, code: null } }),
    embeddings: embeddings
      ? {
          inputsOf: ({ body }) => (body as { input: string[] }).input,
          reply: (vectors, { body }) => {
            const base64 = (body as Fields)['encoding_format'] === 'base64';
            const data = vectors.map((vector, index) => ({
              object: 'embedding',
              index,
              embedding: base64 ? Buffer.from(new Float32Array(vector).buffer).toString('base64') : vector,
            }));
            return json({ object: 'list', data, model: 'e', usage: { prompt_tokens: 7, total_tokens: 7 } });
          },
        }
      : undefined,
  };
}

const OPENAI_LIMITS: ProviderWire['limits'] = {
  headers: {
    'x-ratelimit-limit-requests': '60',
    'x-ratelimit-remaining-requests': '59',
    'x-ratelimit-reset-requests': '1s',
    'x-ratelimit-limit-tokens': '150000',
    'x-ratelimit-remaining-tokens': '149984',
    'x-ratelimit-reset-tokens': '6m0s',
  },
  info: {
    requests: { limit: 60, remaining: 59, resetMs: 1000 },
    tokens: { limit: 150_000, remaining: 149_984, resetMs: 360_000 },
  },
};

const event = (payload: unknown): string => `data: ${JSON.stringify(payload)}\n\n`;

function headOf({ body }: ReceivedRequest): Fields {
  return { id: 'chatcmpl-1', created: 1_700_000_000, model: (body as Fields | undefined)?.['model'] };
}

function usageOf(answer: WireAnswer, { usage = (given) => given }: OpenAIDialect): Fields {
  const { input, output, cached } = answer.usage;
  const counts: Fields = { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
  if (cached !== undefined) counts['prompt_tokens_details'] = { cached_tokens: cached };
  return usage(counts, answer);
}

function messageOf({ text, reasoning, toolCalls }: WireAnswer, dialect: OpenAIDialect): Fields {
  const { reasoning: at = 'reasoning_content' } = dialect;
  const thoughts = reasoning === undefined ? [] : [thinking(reasoning)];
  const inParts = at === 'parts' && reasoning !== undefined;
  return {
    ...(inParts
      ? { content: [...thoughts, ...(text === undefined ? [] : [{ type: 'text', text }])] }
      : {
          ...(text !== undefined && { content: text }),
          ...(reasoning !== undefined && { [at]: reasoning }),
        }),
    ...(toolCalls && {
      tool_calls: toolCalls.map(({ id, name, arguments: args }) => ({
        id,
        type: 'function',
        function: { name, arguments: JSON.stringify(args) },
      })),
    }),
  };
}

const thinking = (text: string): Fields => ({ type: 'thinking', thinking: [{ type: 'text', text }] });

/** A text in three pieces, cut at no character of two code units. */
export function piecesOf(text: string): string[] {
  const characters = [...text];
  const size = Math.max(1, Math.ceil(characters.length / 3));
  const pieces: string[] = [];
  for (let i = 0; i < characters.length; i += size) pieces.push(characters.slice(i, i + size).join(''));
  return pieces;
}

function deltasOf(
  { text = '', reasoning = '', toolCalls = [] }: WireAnswer,
  dialect: OpenAIDialect,
): Fields[] {
  const { reasoning: at = 'reasoning_content' } = dialect;
  return [
    ...piecesOf(reasoning).map((piece) =>
      at === 'parts' ? { content: [thinking(piece)] } : { [at]: piece },
    ),
    ...piecesOf(text).map((piece) => ({ content: piece })),
    ...toolCalls.flatMap(({ id, name, arguments: args }, index) => [
      { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] },
      ...piecesOf(JSON.stringify(args)).map((piece) => ({
        tool_calls: [{ index, function: { arguments: piece } }],
      })),
    ]),
  ];
}

function readChat({ body }: ReceivedRequest): ReturnType<ProviderWire['readChat']> {
  const fields = (body ?? {}) as Fields;
  const tools = (fields['tools'] ?? []) as { function: { name: string; parameters: unknown } }[];
  return {
    model: fields['model'] as string | undefined,
    messages: ((fields['messages'] ?? []) as Fields[]).map(readMessage),
    tools: tools.map(({ function: { name, parameters } }) => ({ name, schema: parameters })),
    maxTokens: (fields['max_completion_tokens'] ?? fields['max_tokens']) as number | undefined,
    stream: fields['stream'] === true,
  };
}

function readMessage(message: Fields): WireMessage {
  const { role, content, tool_calls: calls, tool_call_id: answers } = message;
  const parts = Array.isArray(content) ? (content as Fields[]) : [{ type: 'text', text: content ?? '' }];
  const thoughts = parts.flatMap((part) =>
    part['type'] === 'thinking' ? (part['thinking'] as Fields[]) : [],
  );
  const reasoning = message['reasoning_content'] ?? message['reasoning'];
  return {
    role: (role === 'developer' ? 'system' : role) as WireMessage['role'],
    text: parts.map((part) => (part['type'] === 'text' ? part['text'] : '')).join(''),
    reasoning: (reasoning ??
      (thoughts.length > 0 ? thoughts.map((part) => part['text']).join('') : undefined)) as
      string | undefined,
    ...(Array.isArray(calls) && {
      toolCalls: (calls as { id: string; function: { name: string; arguments: string } }[]).map((call) => ({
        id: call.id,
        name: call.function.name,
        arguments: JSON.parse(call.function.arguments) as unknown,
      })),
    }),
    answers: answers as string | undefined,
  };
}
