/** Mistakes in requests: each line with a mark is to be an error, and no other line. */
// @ts-nocheck

import type { ChatCompletion, ChatMessage, ChatParams, EmbeddingParams, KnownChatParams } from 'keelson';

declare function chat(messages: readonly ChatMessage[], params?: ChatParams): Promise<ChatCompletion>;
declare function embed(input: string, params?: EmbeddingParams): Promise<number[]>;
declare const signal: AbortSignal;
const hi: ChatMessage[] = [];

export const mistakes = [
  chat(hi, { temperature: 'hot' }), //~ error: 'string'
  chat(hi, { model: 4 }), //~ error: 'number'
  chat(hi, { stop: [1] }), //~ error: 'number'
  chat(hi, { verbosity: 'chatty' }), //~ error: '"chatty"'
  chat(hi, { tools: [{ type: 'function' }] }), //~ error
  chat(hi, { response_format: { type: 'yaml' } }), //~ error: '"yaml"'
  chat(hi, { tool_choice: { type: 'function', function: 'get_time' } }), //~ error: 'string'

  // What belongs in CallOptions, or in the first argument, or is the method's to say.
  chat(hi, { signal }), //~ error: 'AbortSignal'
  chat(hi, { timeoutMs: 1000 }), //~ error: 'number'
  chat(hi, { maxRetries: 1 }), //~ error: 'number'
  chat(hi, { idempotencyKey: 'a' }), //~ error: 'string'
  chat(hi, { headers: {} }), //~ error
  chat(hi, { extraBody: {} }), //~ error
  chat(hi, { messages: hi }), //~ error: ChatMessage[]
  chat(hi, { stream: true }), //~ error: 'true'
  embed('a', { signal }), //~ error: 'AbortSignal'
  embed('a', { input: 'b' }), //~ error: 'string'
  embed('a', { dimensions: '256' }), //~ error: 'string'

  // Misspelt names are found against the known ones.
  { temprature: 0 } satisfies KnownChatParams, //~ error: 'temprature'
  { maxTokens: 0, model: 'a' } satisfies KnownChatParams, //~ error: 'maxTokens'

  chat([{ role: 'robot', content: 'Hi' }]), //~ error: '"robot"'
  chat([{ role: 'user' }]), //~ error
  chat([{ role: 'tool', content: '42' }]), //~ error: tool_call_id
  chat([{ role: 'user', content: [{ type: 'image_url', image_url: 'https://example.com/a.png' }] }]), //~ error
  chat('Hi'), //~ error: 'string'
];
