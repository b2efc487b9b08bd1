import type {
  ChatAssistantMessage,
  ChatFunctionMessage,
  ChatMessage,
  ChatToolMessage,
} from '../../wire/index.js';
import {
  callNames,
  dropUnknown,
  parseObject,
  readArguments,
  textOf,
  type Objections,
} from '../translation.js';
import { isMadeId, keptParts } from './answer-parts.js';
import { toParts } from './content-parts.js';
import type { ExtraContent, GeminiContent, GeminiPart } from './wire.js';

interface Conversation {
  systemInstruction?: GeminiContent;
  contents: GeminiContent[];
}

/** Fields of an assistant's message that are heeded, beside those that say nothing. */
const ASSISTANT_FIELDS = [
  ...[
    'name',
    'role',
    'content',
    'refusal',
    'tool_calls',
    'function_call',
    'reasoning_content',
    'extra_content',
  ],
];

/** The messages as Gemini has them: instructions apart, and the results of one answer's calls in one turn. */
export function toConversation(messages: readonly ChatMessage[], objections: Objections): Conversation {
  const instructions: GeminiPart[] = [];
  const contents: GeminiContent[] = [];
  const names = callNames(messages);
  let results: GeminiPart[] | undefined;
  for (const message of messages) {
    if ('name' in message && message.name !== undefined && message.role !== 'function') {
      objections.drop('messages[].name', 'Gemini takes no names of participants.');
    }
    if (message.role === 'tool' || message.role === 'function') {
      if (!results) contents.push({ role: 'user', parts: (results = []) });
      results.push(toResult(message, names, objections));
      continue;
    }
    results = undefined;
    if (message.role === 'system' || message.role === 'developer') {
      if (contents.length > 0) {
        objections.drop(
          'the place of a later system message',
          'Gemini takes instructions before the conversation only, where its text is now.',
        );
      }
      instructions.push(...toParts(message.content, objections));
    } else if (message.role === 'assistant') {
      contents.push({ role: 'model', parts: toAnswer(message, objections) });
    } else if (message.role === 'user') {
      contents.push({ role: 'user', parts: toParts(message.content, objections) });
    } else {
      throw objections.refuse(`messages of the role '${String((message as { role: unknown }).role)}'`);
    }
  }
  return { ...(instructions.length > 0 && { systemInstruction: { parts: instructions } }), contents };
}

/**
 * Gemini knows a result by the name of its function, too.
 *
 * @throws TypeError for the result of a call that no message makes; `where` begins its text.
 */
export function checkResults(messages: readonly ChatMessage[], where: string): void {
  const names = callNames(messages);
  messages.forEach((message, i) => {
    if (message.role !== 'tool' || names.has(message.tool_call_id)) return;
    throw new TypeError(
      `${where}: \`messages[${i}]\` answers the call '${message.tool_call_id}', which no message makes: put the assistant's message with that call before it.`,
    );
  });
}

function toAnswer(message: ChatAssistantMessage, objections: Objections): GeminiPart[] {
  dropUnknown(message, ASSISTANT_FIELDS, 'Gemini takes no such thing in earlier answers.', objections);
  const { content, refusal, reasoning_content: thoughts, tool_calls = [], function_call: old } = message;
  const extra = (message as { extra_content?: ExtraContent }).extra_content ?? {};
  const calls = (tool_calls ?? []).map(toCall);
  if (old) calls.push({ functionCall: { name: old.name, args: readArguments(old.arguments) } });
  const kept = keptParts(extra, textOf(content), calls);
  if (kept) return kept;
  const parts = toParts(content, objections);
  if (refusal) parts.push({ text: refusal });
  const signature = extra.google?.thought_signature;
  if (signature !== undefined) parts.push({ text: '', thoughtSignature: signature });
  return [...(thoughts ? [{ text: thoughts, thought: true }] : []), ...parts, ...calls];
}

function toCall(call: NonNullable<ChatAssistantMessage['tool_calls']>[number]): GeminiPart {
  const { id, extra_content: extra } = call as typeof call & { extra_content?: ExtraContent };
  const [name, args] =
    call.type === 'custom'
      ? [call.custom.name, { input: call.custom.input }]
      : [call.function.name, readArguments(call.function.arguments)];
  const signature = extra?.google?.thought_signature;
  return {
    functionCall: { ...(!isMadeId(id) && { id }), name, args },
    ...(signature !== undefined && { thoughtSignature: signature }),
  };
}

function toResult(
  message: ChatToolMessage | ChatFunctionMessage,
  names: ReadonlyMap<string, string>,
  objections: Objections,
): GeminiPart {
  const response = toResponse(textOf(message.content));
  if (message.role === 'function') return { functionResponse: { name: message.name, response } };
  const { tool_call_id: id, content } = message;
  const media = toParts(typeof content === 'string' ? [] : content, objections).filter(
    ({ text }) => text === undefined,
  );
  return {
    functionResponse: {
      ...(!isMadeId(id) && { id }),
      name: names.get(id) ?? '',
      response,
      ...(media.length > 0 && { parts: media }),
    },
  };
}

/** A result is an object. JSON of one is sent as what it is, unless its numbers are longer than a number holds. */
function toResponse(text: string): Record<string, unknown> {
  const value = /\d{16}/.test(text) ? undefined : parseObject(text);
  return value ?? { output: text };
}
