// @ts-nocheck
import type {
  ChatAssistantMessage,
  ChatContentPart,
  ChatMessage,
  ChatRefusalPart,
} from '../../wire/index.js';
import {
  callNames,
  dropUnknown,
  readArguments,
  readDataURL,
  textOf,
  type Objections,
} from '../translation.js';
import { isMadeId } from './events.js';
import type { OllamaMessage, OllamaToolCall } from './wire.js';

/** Fields of an assistant's message that are heeded. */
const ASSISTANT_FIELDS = [
  ...['name', 'role', 'content', 'refusal', 'tool_calls', 'function_call', 'reasoning_content'],
  ...['images', 'thinking'],
];

/** The messages as Ollama has them: content that is text, and images beside it. */
export function toMessages(messages: readonly ChatMessage[], objections: Objections): OllamaMessage[] {
  const names = callNames(messages);
  return messages.map((message): OllamaMessage => {
    if ('name' in message && message.name !== undefined && message.role !== 'function') {
      objections.drop('messages[].name', 'Ollama takes no names of participants.');
    }
    switch (message.role) {
      case 'assistant':
        return toAnswer(message, objections);
      case 'tool': {
        const { tool_call_id: id, content } = message;
        const name = names.get(id);
        return {
          role: 'tool',
          ...toContent(content, objections),
          ...(name !== undefined && { tool_name: name }),
          ...(!isMadeId(id) && { tool_call_id: id }),
        };
      }
      case 'function':
        return { role: 'tool', content: message.content ?? '', tool_name: message.name };
      case 'developer':
        return { role: 'system', ...toContent(message.content, objections) };
      case 'system':
      case 'user': {
        const own: OllamaMessage = { ...message, ...toContent(message.content, objections) };
        delete own['name'];
        return own;
      }
      default:
        throw objections.refuse(`messages of the role '${String((message as { role: unknown }).role)}'`);
    }
  });
}

function toAnswer(message: ChatAssistantMessage, objections: Objections): OllamaMessage {
  dropUnknown(message, ASSISTANT_FIELDS, 'Ollama takes no such thing in earlier answers.', objections);
  const { content, refusal, reasoning_content: thoughts, tool_calls, function_call: older } = message;
  const { images, thinking = thoughts } = message as { images?: string[]; thinking?: string };
  const calls = (tool_calls ?? []).map(toCall);
  if (older) calls.push({ function: { name: older.name, arguments: readArguments(older.arguments) } });
  const said = toContent(content, objections);
  return {
    role: 'assistant',
    ...said,
    content: said.content + (refusal ?? ''),
    ...(thinking && { thinking }),
    ...(images && { images }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

function toCall(call: NonNullable<ChatAssistantMessage['tool_calls']>[number]): OllamaToolCall {
  const named =
    call.type === 'custom'
      ? { name: call.custom.name, arguments: { input: call.custom.input } }
      : { name: call.function.name, arguments: readArguments(call.function.arguments) };
  return { ...(!isMadeId(call.id) && { id: call.id }), function: named };
}

function toContent(
  content: ChatMessage['content'],
  objections: Objections,
): { content: string; images?: string[] } {
  if (typeof content === 'string' || !content) return { content: content ?? '' };
  const images = content.flatMap((part) => toImage(part, objections) ?? []);
  const refusals = content.flatMap((part) => (part.type === 'refusal' ? [part.refusal] : []));
  return { content: textOf(content) + refusals.join(''), ...(images.length > 0 && { images }) };
}

/** The base64 of a picture or recording; undefined for text. */
function toImage(part: ChatContentPart | ChatRefusalPart, { refuse, drop }: Objections): string | undefined {
  if ('prompt_cache_breakpoint' in part && part.prompt_cache_breakpoint) {
    drop('messages[].content[].prompt_cache_breakpoint', 'Ollama caches by itself.');
  }
  switch (part.type) {
    case 'text':
    case 'refusal':
      return undefined;
    case 'image_url': {
      const { url, detail } = part.image_url;
      if (detail !== undefined && detail !== 'auto') {
        drop('messages[].content[].image_url.detail', 'Ollama looks at images as the model does.');
      }
      const image = readDataURL(url);
      if (!image) throw refuse('images at an address: give the image itself, as a data URL in base64');
      return image.data;
    }
    case 'input_audio':
      return part.input_audio.data;
    default:
      throw refuse(`content of the type '${String((part as { type: unknown }).type)}'`);
  }
}
