/** How Gemini's native API speaks, written from its public documentation. */
// @ts-nocheck

import type {
  ProviderWire,
  ReceivedRequest,
  WireAnswer,
  WireFailure,
  WireMessage,
  WireReply,
} from 'keelson/testing';

type Fields = Record<string, any>;

const json = (body: unknown, status = 200): WireReply => ({
  status,
  headers: { 'content-type': 'application/json; charset=UTF-8' },
  body: JSON.stringify(body),
});
const event = (payload: unknown): string => `data: ${JSON.stringify(payload)}\r\n\r\n`;
const FINISHES = { stop: 'STOP', length: 'MAX_TOKENS', tool_calls: 'STOP' } as const;

const FAILURES: Partial<Record<WireFailure, [number, string, Fields[]?]>> = {
  'bad request': [400, 'INVALID_ARGUMENT'],
  authentication: [
    400,
    'INVALID_ARGUMENT',
    [
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason: 'API_KEY_INVALID',
        domain: 'googleapis.com',
        metadata: { service: 'generativelanguage.googleapis.com' },
      },
    ],
  ],
  permission: [403, 'PERMISSION_DENIED'],
  'not found': [404, 'NOT_FOUND'],
  'rate limit': [429, 'RESOURCE_EXHAUSTED'],
  quota: [429, 'RESOURCE_EXHAUSTED', [quotaFailure('GenerateRequestsPerDayPerProjectPerModel-FreeTier')]],
  'context length': [400, 'INVALID_ARGUMENT'],
  server: [500, 'INTERNAL'],
  overloaded: [503, 'UNAVAILABLE'],
};

const WORDS: Partial<Record<WireFailure, string>> = {
  authentication: 'API key not valid. ',
  'context length': 'The input token count (9) exceeds the maximum number of tokens allowed (8). ',
};

export function quotaFailure(quotaId: string): Fields {
  return {
    '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
    violations: [
      {
        quotaMetric: 'generativelanguage.googleapis.com/generate_content_free_tier_requests',
        quotaId,
        quotaDimensions: { location: 'global', model: 'gemini-2.5-flash' },
        quotaValue: '10',
      },
    ],
  };
}

function usageOf({ usage: { input, output, cached } }: WireAnswer, thoughts: boolean): Fields {
  const thoughtsTokenCount = thoughts ? 2 : undefined;
  return {
    promptTokenCount: input,
    candidatesTokenCount: output - (thoughtsTokenCount ?? 0),
    totalTokenCount: input + output,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: input }],
    ...(cached !== undefined && { cachedContentTokenCount: cached }),
    ...(thoughts && { thoughtsTokenCount }),
  };
}

function partsOf({ text, reasoning, toolCalls = [] }: WireAnswer): Fields[] {
  return [
    ...(reasoning === undefined ? [] : [{ text: reasoning, thought: true }]),
    ...(text === undefined ? [] : [{ text }]),
    ...toolCalls.map(({ id, name, arguments: args }, i) => ({
      functionCall: { id, name, args },
      ...(i === 0 && { thoughtSignature: 'c2lnbmF0dXJl' }),
    })),
  ];
}

function piecesOf(part: Fields): Fields[] {
  if (part['text'] === undefined) return [part];
  const characters = [...(part['text'] as string)];
  const half = Math.ceil(characters.length / 2);
  return [characters.slice(0, half), characters.slice(half)].map((text) => ({
    ...part,
    text: text.join(''),
  }));
}

const modelOf = ({ url }: ReceivedRequest): string | undefined => /\/models\/([^/:?]+):/.exec(url)?.[1];

function readContent({ role, parts }: { role: string; parts: Fields[] }): WireMessage[] {
  const results = parts.flatMap(({ functionResponse }): WireMessage[] =>
    functionResponse
      ? [{ role: 'tool', text: functionResponse.response.output, answers: functionResponse.id }]
      : [],
  );
  if (results.length > 0) return results;
  const textOf = (thought: boolean): string =>
    parts.map((part) => (Boolean(part['thought']) === thought ? (part['text'] ?? '') : '')).join('');
  const calls = parts.filter((part) => part['functionCall']);
  return [
    {
      role: role === 'model' ? 'assistant' : 'user',
      text: textOf(false),
      reasoning: textOf(true),
      toolCalls: calls.map(({ functionCall: { id, name, args } }) => ({ id, name, arguments: args })),
    },
  ];
}

export const geminiWire: ProviderWire = {
  keyOf: ({ headers }) => headers['x-goog-api-key'],
  readChat(request) {
    const {
      systemInstruction,
      contents = [],
      tools = [],
      generationConfig = {},
    } = (request.body ?? {}) as Fields;
    const instructions: WireMessage[] = systemInstruction
      ? [{ role: 'system', text: systemInstruction.parts.map(({ text }: Fields) => text).join('') }]
      : [];
    return {
      model: modelOf(request),
      messages: [...instructions, ...contents.flatMap(readContent)],
      tools: tools.flatMap(({ functionDeclarations = [] }: Fields) =>
        functionDeclarations.map(({ name, parametersJsonSchema: schema }: Fields) => ({ name, schema })),
      ),
      maxTokens: generationConfig.maxOutputTokens,
      stream: request.url.includes(':streamGenerateContent?alt=sse'),
    };
  },
  chat: (answer, request) =>
    json({
      candidates: [
        {
          content: { parts: partsOf(answer), role: 'model' },
          finishReason: FINISHES[answer.finish ?? 'stop'],
          index: 0,
        },
      ],
      usageMetadata: usageOf(answer, answer.reasoning !== undefined),
      modelVersion: modelOf(request),
      responseId: 'mAxvaJeHFa',
    }),
  stream(answer, request) {
    const chunk = (parts: Fields[], more: Fields = {}, usage: Fields = {}): string =>
      event({
        candidates: [{ content: { parts, role: 'model' }, ...more, index: 0 }],
        usageMetadata: { ...usageOf(answer, answer.reasoning !== undefined), ...usage },
        modelVersion: modelOf(request),
        responseId: 'mAxvaJeHFa',
      });
    const events = partsOf(answer)
      .flatMap(piecesOf)
      .map((part) => chunk([part], {}, { candidatesTokenCount: 1, totalTokenCount: 12 }));
    const finishAt = events.length;
    events.push(chunk([{ text: '' }], { finishReason: FINISHES[answer.finish ?? 'stop'] }));
    return { headers: { 'content-type': 'text/event-stream' }, events, finishAt };
  },
  failure(kind, text) {
    const [code, status, details] = FAILURES[kind] ?? [];
    if (code === undefined) return undefined;
    const message = `${WORDS[kind] ?? ''}${text}`;
    return json({ error: { code, message, status, ...(details && { details }) } }, code);
  },
  failureEvent: (message) => event({ error: { code: 500, message, status: 'INTERNAL' } }),
  embeddings: {
    inputsOf: ({ body }) => (body as Fields)['requests'].map(({ content }: Fields) => content.parts[0].text),
    reply: (vectors) => json({ embeddings: vectors.map((values) => ({ values })) }),
  },
};
