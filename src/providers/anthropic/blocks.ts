import { isTelling, readArguments } from '../translation.js';

/** Fields as they come over the wire. */
export type Fields = Readonly<Record<string, unknown>>;

/** A piece of a message, in Anthropic's form: text, thinking, a tool's use or result, … */
export interface AnthropicContentBlock {
  readonly type: string;
  readonly [field: string]: unknown;
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isBlock(value: unknown): value is AnthropicContentBlock {
  return isObject(value) && typeof value['type'] === 'string';
}

/** The fields that say something. */
export function telling(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => isTelling(value)));
}

/** The fields but for some. */
export function without(fields: Fields, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

/** The input of a tool's use. Text that is no JSON object is put into one, for Anthropic takes nothing else. */
export function parseInput(text: string): Fields {
  return readArguments(text, 'INVALID_JSON');
}

/** Text is joined without anything between: where the model cites, its sentences go on in the next block. */
export function textOf(blocks: readonly AnthropicContentBlock[]): string {
  return blocks.map(({ type, text }) => (type === 'text' && typeof text === 'string' ? text : '')).join('');
}
