// @ts-nocheck
import { countPromptTokens, countReplyTokens } from './tokens.js';
import type { ChosenReply } from './reply.js';
import type { TestChatRequest, TestCompletion, TestLogprobs, TestReplyMessage } from './wire.js';

/** The log probability given to every token. */
const LOGPROB = -0.1;
/** Characters of each piece of a tool call's arguments in a stream. */
const ARGUMENT_PIECE = 16;

/** The completion that carries `reply`, once for each of the `n` choices asked for. */
export function completionOf(
  request: TestChatRequest,
  reply: ChosenReply,
  id: string,
  createdSeconds: number,
): TestCompletion {
  const count = request.n ?? 1;
  const logprobs =
    request.logprobs === true ? logprobsOf(reply.message.content ?? '', request.top_logprobs ?? 0) : null;
  const choice = { index: 0, message: reply.message, logprobs, finish_reason: reply.finishReason };
  const promptTokens = countPromptTokens(request);
  const completionTokens = countReplyTokens(reply.message) * count;
  return {
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    created: createdSeconds,
    model: request.model,
    choices: count === 1 ? [choice] : Array.from({ length: count }, (_, index) => ({ ...choice, index })),
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: {
        reasoning_tokens: 0,
        audio_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    },
    service_tier: 'default',
    system_fingerprint: null,
  };
}

/** The events of a stream, each a complete SSE text. */
export interface StreamEvents {
  readonly events: readonly string[];
  /** Position of the first event that says a choice is finished. */
  readonly finishAt: number;
}

/** A completion as the events of a stream: role, pieces, finish reason, usage where asked for, `[DONE]`. */
export function streamOf(
  completion: TestCompletion,
  includeUsage: boolean,
  textPieces = piecesOf,
): StreamEvents {
  const usage = includeUsage ? ',"usage":null' : '';
  const head = `data: {"id":${JSON.stringify(completion.id ?? 'chatcmpl-0')},"object":"chat.completion.chunk","created":${
    completion.created ?? 0
  },"model":${JSON.stringify(completion.model ?? '')},"service_tier":"default","system_fingerprint":null,"choices":[`;
  const event = (index: number, delta: string, logprobs = 'null', finish: string | null = null): string =>
    `${head}{"index":${index},"delta":${delta},"logprobs":${logprobs},"finish_reason":${
      finish === null ? 'null' : JSON.stringify(finish)
    }}]${usage}}\n\n`;

  const events: string[] = [];
  for (const { index, message, logprobs } of completion.choices) {
    const begin =
      typeof message.content === 'string'
        ? { role: 'assistant', content: '' }
        : { role: 'assistant', content: null };
    events.push(event(index, JSON.stringify({ ...begin, refusal: null })));
    let token = 0;
    for (const [field, piece] of messagePieces(message, textPieces)) {
      const shown =
        field === 'content' && logprobs != null
          ? JSON.stringify({ content: logprobs.content.slice(token, (token += 1)), refusal: null })
          : undefined;
      events.push(event(index, `{${JSON.stringify(field)}:${piece}}`, shown));
    }
  }
  const finishAt = events.length;
  for (const choice of completion.choices)
    events.push(event(choice.index, '{}', 'null', choice.finish_reason ?? 'stop'));
  if (includeUsage) events.push(`${head}],"usage":${JSON.stringify(completion.usage ?? null)}}\n\n`);
  events.push('data: [DONE]\n\n');
  return { events, finishAt };
}

/** The deltas of a message as field and JSON text. */
function* messagePieces(
  message: TestReplyMessage,
  textPieces: (text: string) => readonly string[],
): Generator<[string, string]> {
  for (const [field, value] of Object.entries(message)) {
    if (field === 'role' || field === 'tool_calls' || value === null || value === undefined) continue;
    if (typeof value !== 'string') yield [field, JSON.stringify(value)];
    else for (const piece of textPieces(value)) yield [field, JSON.stringify(piece)];
  }
  for (const [index, { id, type, function: called }] of (message.tool_calls ?? []).entries()) {
    yield [
      'tool_calls',
      JSON.stringify([{ index, id, type, function: { name: called.name, arguments: '' } }]),
    ];
    for (let at = 0; at < called.arguments.length; at += ARGUMENT_PIECE) {
      const part = called.arguments.slice(at, at + ARGUMENT_PIECE);
      yield ['tool_calls', JSON.stringify([{ index, function: { arguments: part } }])];
    }
  }
}

/** The pieces in which a text is streamed: words with the space after them. */
export function piecesOf(text: string): readonly string[] {
  return text.match(/\S+\s*|\s+/g) ?? [];
}

function logprobsOf(text: string, top: number): TestLogprobs {
  const content = piecesOf(text).map((token) => {
    const entry = { token, logprob: LOGPROB, bytes: [...Buffer.from(token)] };
    return { ...entry, top_logprobs: top > 0 ? [entry] : [] };
  });
  return { content, refusal: null };
}
