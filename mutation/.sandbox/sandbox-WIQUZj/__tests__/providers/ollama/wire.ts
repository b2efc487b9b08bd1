/** How Ollama's native API speaks, written from its public documentation and its published types. */
// @ts-nocheck

import type { ProviderWire, WireAnswer, WireFailure, WireMessage, WireReply } from 'keelson/testing';

type Fields = Record<string, any>;

const json = (body: unknown, status = 200): WireReply => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8' },
  body: JSON.stringify(body),
});
const STATUS: Partial<Record<WireFailure, number>> = {
  'bad request': 400,
  authentication: 401,
  permission: 403,
  'not found': 404,
  'rate limit': 429,
  server: 500,
  overloaded: 503,
  'context length': 400,
};

const head = (body: unknown): Fields => ({
  model: (body as Fields)['model'],
  created_at: '2025-10-26T17:21:21.196249Z',
});
const end = ({ usage: { input, output }, finish = 'stop' }: WireAnswer): Fields => ({
  done: true,
  done_reason: finish === 'length' ? 'length' : 'stop',
  total_duration: 4883583458,
  load_duration: 1334875,
  prompt_eval_count: input,
  prompt_eval_duration: 342546000,
  eval_count: output,
  eval_duration: 4535599000,
});

const callsOf = ({ toolCalls = [] }: WireAnswer): Fields[] =>
  toolCalls.map(({ id, name, arguments: args }, index) => ({
    id,
    function: { index, name, arguments: args },
  }));

function halves(text = ''): string[] {
  const characters = [...text];
  const half = Math.ceil(characters.length / 2);
  return text === '' ? [] : [characters.slice(0, half).join(''), characters.slice(half).join('')];
}

function readMessage({
  role,
  content,
  thinking,
  tool_calls: calls,
  tool_call_id: answers,
}: Fields): WireMessage {
  return {
    role,
    text: content,
    reasoning: thinking,
    answers,
    ...(calls && {
      toolCalls: calls.map(({ id, function: { name, arguments: args } }: Fields) => ({
        id,
        name,
        arguments: args,
      })),
    }),
  };
}

export const ollamaWire: ProviderWire = {
  format: 'ndjson',
  lacks: ['cached'],
  keyOf: ({ headers }) => /^Bearer (.+)$/.exec(headers['authorization'] ?? '')?.[1],
  readChat({ body }) {
    const { model, messages = [], tools = [], options = {}, stream = true } = (body ?? {}) as Fields;
    return {
      model,
      messages: messages.map(readMessage),
      tools: tools.map(({ function: { name, parameters } }: Fields) => ({ name, schema: parameters })),
      maxTokens: options.num_predict,
      stream,
    };
  },
  chat(answer, { body }) {
    const { text = '', reasoning } = answer;
    const calls = callsOf(answer);
    const message = {
      role: 'assistant',
      content: text,
      ...(reasoning !== undefined && { thinking: reasoning }),
      ...(calls.length > 0 && { tool_calls: calls }),
    };
    return json({ ...head(body), message, ...end(answer) });
  },
  stream(answer, { body }) {
    const line = (message: Fields, more: Fields = { done: false }): string =>
      `${JSON.stringify({ ...head(body), message: { role: 'assistant', content: '', ...message }, ...more })}\n`;
    const events = [
      ...halves(answer.reasoning).map((thinking) => line({ thinking })),
      ...halves(answer.text).map((content) => line({ content })),
      ...callsOf(answer).map((call) => line({ tool_calls: [call] })),
    ];
    const finishAt = events.length;
    events.push(line({}, end(answer)));
    return { headers: { 'content-type': 'application/x-ndjson' }, events, finishAt };
  },
  failure(kind, message) {
    const status = STATUS[kind];
    const words = kind === 'context length' ? 'the input length exceeds the context length: ' : '';
    return status === undefined ? undefined : json({ error: `${words}${message}` }, status);
  },
  failureEvent: (error) => `${JSON.stringify({ error })}\n`,
  embeddings: {
    inputsOf: ({ body }) => (body as Fields)['input'],
    reply: (embeddings, { body }) =>
      json({ model: (body as Fields)['model'], embeddings, total_duration: 14143917, prompt_eval_count: 8 }),
  },
};
