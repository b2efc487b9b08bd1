// @ts-nocheck
import type { ChatCompletionChoice } from '../wire/index.js';
import { splitParts } from '../wire/normalise.js';
import { isObject, mergeDelta } from './merge-delta.js';
import { ToolCallAccumulator } from './tool-calls.js';

/** Joins the deltas of one of the answers. */
export class ChoiceAccumulator {
  readonly #fields: Record<string, unknown> = {};
  readonly #message: Record<string, unknown> = {};
  readonly #toolCalls = new ToolCallAccumulator();
  readonly #audioData: string[] = [];
  #content: string | null = null;
  #refusal: string | null = null;
  #logprobs: { content: unknown[] | null; refusal: unknown[] | null } | null = null;

  constructor(readonly index: number) {}

  add(choice: Record<string, unknown>): void {
    for (const key in choice) {
      const value = choice[key];
      if (value === null || value === undefined) continue;
      switch (key) {
        case 'delta':
          if (isObject(value)) this.#addDelta(value);
          break;
        case 'logprobs':
          if (isObject(value)) this.#addLogprobs(value);
          break;
        case 'finish_reason':
          if (value !== '') this.#fields[key] = value;
          break;
        case 'index':
        case 'message':
        case 'usage':
        case '__proto__':
          break;
        default:
          this.#fields[key] = value;
      }
    }
  }

  result(): ChatCompletionChoice {
    const toolCalls = this.#toolCalls.result();
    const { audio, ...others } = this.#message;
    const { finish_reason = null, ...fields } = this.#fields;
    const message = {
      role: 'assistant',
      content: this.#content,
      refusal: this.#refusal,
      ...structuredClone(others),
      ...(toolCalls === undefined ? {} : { tool_calls: toolCalls }),
      ...(isObject(audio) ? { audio: { ...audio, data: joinBase64(this.#audioData) } } : {}),
    };
    const logprobs = structuredClone(this.#logprobs);
    return {
      index: this.index,
      message,
      finish_reason,
      logprobs,
      ...fields,
    } as unknown as ChatCompletionChoice;
  }

  #addDelta(delta: Record<string, unknown>): void {
    for (const key in delta) {
      const value = delta[key];
      if (value === null || value === undefined) continue;
      switch (key) {
        case 'content':
          if (typeof value === 'string')
            this.#content = this.#content === null ? value : this.#content + value;
          else if (Array.isArray(value)) this.#addParts(value);
          break;
        case 'refusal':
          if (typeof value === 'string')
            this.#refusal = this.#refusal === null ? value : this.#refusal + value;
          break;
        case 'tool_calls':
          this.#toolCalls.add(value);
          break;
        case 'audio':
          this.#addAudio(value);
          break;
        case 'role': // an answer is the assistant's, whatever a server calls it
        case '__proto__':
          break;
        default:
          this.#message[key] = mergeDelta(this.#message[key], value, key);
      }
    }
  }

  #addParts(parts: readonly unknown[]): void {
    const { content, thoughts, others } = splitParts(parts);
    if (content !== undefined) this.#content = (this.#content ?? '') + content;
    if (thoughts !== undefined) this.#merge('reasoning_content', thoughts);
    if (others.length > 0) this.#merge('content_parts', others);
  }

  #addAudio(value: unknown): void {
    if (!isObject(value)) return;
    const { data, ...others } = value;
    if (typeof data === 'string' && data !== '') this.#audioData.push(data);
    this.#merge('audio', others);
  }

  #addLogprobs(value: Record<string, unknown>): void {
    this.#logprobs ??= { content: null, refusal: null };
    for (const key of ['content', 'refusal'] as const) {
      const tokens = value[key];
      if (!Array.isArray(tokens)) continue;
      const list = (this.#logprobs[key] ??= []);
      for (const token of tokens) list.push(token);
    }
  }

  #merge(key: string, value: unknown): void {
    this.#message[key] = mergeDelta(this.#message[key], value, key);
  }
}

/** Pieces of one base64 text are joined as they are; pieces that were encoded one by one, by their bytes. */
function joinBase64(pieces: readonly string[]): string {
  const joined = pieces.join('');
  if (!pieces.slice(0, -1).some((piece) => piece.endsWith('='))) return joined;
  try {
    return btoa(pieces.map((piece) => atob(piece)).join(''));
  } catch {
    return joined; // it is not base64 after all
  }
}
