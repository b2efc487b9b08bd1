// @ts-nocheck
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

/** The fields that have a value: neither undefined nor null. */
export function given(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  );
}

/** A `data:` URL in base64 as its media type and data; undefined for any other URL. */
export function readDataURL(url: string): { mimeType: string; data: string } | undefined {
  const [, mimeType, data] = /^data:([^;,]*)(?:;[^;,]*)*;base64,(.*)$/is.exec(url) ?? [];
  return data === undefined ? undefined : { mimeType: mimeType || 'application/octet-stream', data };
}

/** The arguments of an earlier call as an object. What the model wrote may be none: it is then kept as text. */
export function readArguments(text: string): Record<string, unknown> {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (isPlainObject(value)) return value;
  } catch {
    // Kept below.
  }
  return { arguments: text };
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
    const says = value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
    if (says && !known.includes(field)) drop(`messages[].${field}`, why);
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
