import type { UnsupportedOperationError } from '../../decorators/errors/index.js';
import type {
  ChatAssistantMessage,
  ChatMessage,
  ChatParams,
  ChatToolChoice,
  ResponseFormat,
} from '../wire/index.js';
import { isPlainObject } from '../client/plain-object.js';

/** How the translator of a request tells of what the provider does not take. */
export interface Objections {
  /** Tells of a field that is not sent; `why` is a clause such as "Gemini takes no seed.". */
  drop(field: string, why: string): void;
  /** The error for what cannot be done at all; `what` names it, as in "custom tools". */
  refuse(what: string): UnsupportedOperationError;
}

/** Tells of every field of `fields` that the params give; null and false ask for nothing. */
export function dropGiven(
  params: ChatParams,
  fields: Readonly<Record<string, string>>,
  { drop }: Objections,
): void {
  for (const [field, why] of Object.entries(fields)) {
    const value: unknown = params[field];
    if (value !== undefined && value !== null && value !== false) drop(field, why);
  }
}

/** Whether a field says something: null and an empty list do not. */
export function isTelling(value: unknown): boolean {
  return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
}

/** The fields that have a value: neither undefined nor null. */
export function given(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  );
}

/** What OpenAI has a name for: a translator says it in other words, or leaves it out. */
const OPENAI_FIELDS: ReadonlySet<string> = new Set([
  ...[
    'audio',
    'frequency_penalty',
    'function_call',
    'functions',
    'logit_bias',
    'logprobs',
    'max_completion_tokens',
  ],
  ...['max_tokens', 'messages', 'metadata', 'modalities', 'model', 'moderation', 'n', 'parallel_tool_calls'],
  ...['prediction', 'presence_penalty', 'prompt_cache_key', 'prompt_cache_options', 'prompt_cache_retention'],
  ...[
    'reasoning_effort',
    'response_format',
    'safety_identifier',
    'seed',
    'service_tier',
    'stop',
    'store',
    'stream',
  ],
  ...['stream_options', 'temperature', 'tool_choice', 'tools', 'top_logprobs', 'top_p', 'user', 'verbosity'],
  ...['web_search_options'],
]);

/** What the params say in the provider's own words: what belongs to its group of `settings`, and the rest. */
export function ownWords(
  params: ChatParams,
  settings: readonly string[],
): { settings: Record<string, unknown>; rest: Record<string, unknown> } {
  const own = Object.entries(params).filter(
    ([name, value]) => value !== undefined && !OPENAI_FIELDS.has(name),
  );
  const isSetting = ([name]: [string, unknown]): boolean => settings.includes(name);
  return {
    settings: Object.fromEntries(own.filter(isSetting)),
    rest: Object.fromEntries(own.filter((field) => !isSetting(field))),
  };
}

/**
 * The body of a call with the bound of its output in OpenAI's words, where the provider's own say one: `setting`, alone or in
 * the group `group`. It is the one that counts.
 */
export function withOutputBound(body: unknown, group: string, setting: string): unknown {
  if (!isPlainObject(body)) return body;
  const settings = body[group];
  const bound = (isPlainObject(settings) ? settings[setting] : undefined) ?? body[setting];
  return typeof bound !== 'number' ? body : { ...body, max_completion_tokens: bound };
}

/** A `data:` URL in base64 as its media type and data; undefined for any other URL. */
export function readDataURL(url: string): { mimeType: string; data: string } | undefined {
  const [, mimeType, data] = /^data:([^;,]*)(?:;[^;,]*)*;base64,(.*)$/is.exec(url) ?? [];
  return data === undefined ? undefined : { mimeType: mimeType || 'application/octet-stream', data };
}

/** The object that `text` is the JSON of; undefined where it is none. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isPlainObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The arguments of a call as an object. What the model wrote may be none, or cut off: it is then kept as text, in `otherwise`. */
export function readArguments(text: string, otherwise = 'arguments'): Record<string, unknown> {
  if (text.trim() === '') return {};
  return parseObject(text) ?? { [otherwise]: text };
}

/** The text of a content, its parts joined. */
export function textOf(content: ChatMessage['content']): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => ('text' in part ? part.text : '')).join('');
}

/** The tool of each call of earlier answers, by the call's id. */
export function callNames(messages: readonly ChatMessage[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const message of messages) {
    if (message.role !== 'assistant') continue;
    for (const call of message.tool_calls ?? []) {
      names.set(call.id, call.type === 'custom' ? call.custom.name : call.function.name);
    }
  }
  return names;
}

/** Tells of the fields of an earlier answer that are not among `known` and say something. */
export function dropUnknown(
  message: ChatAssistantMessage,
  known: readonly string[],
  why: string,
  { drop }: Objections,
): void {
  for (const [field, value] of Object.entries(message) as [string, unknown][]) {
    if (isTelling(value) && !known.includes(field)) drop(`messages[].${field}`, why);
  }
}

/** Which tool the params choose, in the newer of OpenAI's two ways to say so. */
export function chosenTool({ tool_choice, function_call: older }: ChatParams): ChatToolChoice | undefined {
  return tool_choice ?? (typeof older === 'object' ? { type: 'function', function: older } : older);
}

/** The names of tools that are given as `{ type: 'function', function: { name } }`. */
export function namesOf(tools: readonly Readonly<Record<string, unknown>>[]): unknown[] {
  return tools.map((tool) => (tool['function'] as { name?: unknown } | undefined)?.name);
}

/** The schema of an answer, with its name and description where JSON Schema has them; undefined without one. */
export function labelledSchema(
  format: Extract<ResponseFormat, { type: 'json_schema' }>,
): Record<string, unknown> | undefined {
  const { name, description, schema } = format.json_schema;
  return schema && { ...given({ title: name, description }), ...schema };
}
