// @ts-nocheck
import type { ChatCompletionDelta, ChatToolCallDelta } from '../../wire/index.js';
import type { ExtraContent, GeminiPart, KeptPart } from './wire.js';

/** Begins the ids of calls to which Gemini gave none; such ids are not sent back. */
const MADE_ID = 'gemini_';

/** Fields that a delta's objects may have as they are, for they are joined field by field. */
const KNOWN_FIELDS = [
  'text',
  'thought',
  'thoughtSignature',
  'inlineData',
  'fileData',
  'executableCode',
  'codeExecutionResult',
];

/** Whether Gemini gave no id to the call that has this one. */
export function isMadeId(id: string): boolean {
  return id.startsWith(MADE_ID);
}

type Delta = ChatCompletionDelta & { extra_content?: ExtraContent };

/**
 * What the parts of a candidate add to its message. Thoughts, text and calls have names in OpenAI's format, and calls
 * carry their signature. Where that does not say all (a signature elsewhere, another order, other kinds of parts), the
 * message keeps the parts themselves in `extra_content.google.parts`, from the beginning.
 */
export class AnswerParts {
  readonly #responseId: string;
  /** All parts so far, texts that belong together joined. */
  readonly #kept: KeptPart[] = [];
  #calls = 0;
  /** How far the usual order has come: thoughts, text, calls. */
  #stage = 0;
  #keeps = false;

  constructor(responseId: string) {
    this.#responseId = responseId;
  }

  /** Whether the model has called a function. */
  get hasCalls(): boolean {
    return this.#calls > 0;
  }

  add(parts: readonly GeminiPart[]): Delta {
    const delta: Delta = {};
    const toolCalls: ChatToolCallDelta[] = [];
    const pieces: KeptPart[] = [];
    const kept = this.#keeps;
    for (const part of parts) {
      if (part.functionCall) toolCalls.push(this.#addCall(part, part.functionCall, pieces));
      else this.#addOther(part, pieces);
      if (typeof part.text !== 'string' || part.text === '') continue;
      if (part.thought) delta.reasoning_content = (delta.reasoning_content ?? '') + part.text;
      else delta.content = (delta.content ?? '') + part.text;
    }
    if (toolCalls.length > 0) delta.tool_calls = toolCalls;
    const news = kept ? pieces : this.#keeps ? this.#kept.map((part) => ({ ...part })) : [];
    if (news.length > 0) delta.extra_content = { google: { parts: news } };
    return delta;
  }

  #addCall(
    { thoughtSignature, ...part }: GeminiPart,
    { id, name = '', args, ...others }: NonNullable<GeminiPart['functionCall']>,
    pieces: KeptPart[],
  ): ChatToolCallDelta {
    this.#stage = 2;
    const call = this.#calls++;
    const more = Object.keys(part).length > 1 || Object.keys(others).length > 0;
    if (more) this.#keeps = true;
    this.#keep({ call, ...(more && { json: JSON.stringify({ ...part, functionCall: others }) }) }, pieces);
    const extra: ExtraContent = { google: { thought_signature: thoughtSignature as string } };
    return {
      index: call,
      id: id ?? `${MADE_ID}${this.#responseId}_${call}`,
      type: 'function',
      function: { name, arguments: JSON.stringify(args ?? {}) },
      ...(thoughtSignature !== undefined && { extra_content: extra }),
    };
  }

  #addOther(part: GeminiPart, pieces: KeptPart[]): void {
    const { text, thought, ...more } = part;
    const isPlain = typeof text === 'string' && Object.keys(more).length === 0;
    if (isPlain && text === '') return;
    const stage = thought ? 0 : 1;
    if (!isPlain || stage < this.#stage) this.#keeps = true;
    else this.#stage = stage;
    const last = this.#kept.at(-1);
    if (isPlain && last && isPlainText(last) && Boolean(last['thought']) === Boolean(thought)) {
      last['text'] = String(last['text']) + text;
      pieces.push({ index: last.index, text });
      return;
    }
    const known = Object.keys(part).every((field) => KNOWN_FIELDS.includes(field));
    this.#keep(known ? part : { json: JSON.stringify(part) }, pieces);
  }

  #keep(part: object, pieces: KeptPart[]): void {
    const kept = { index: this.#kept.length, ...part };
    this.#kept.push(kept);
    pieces.push({ ...kept });
  }
}

/** Whether a kept part is text alone, to which more may be added. */
function isPlainText(part: KeptPart): boolean {
  return typeof part['text'] === 'string' && part['thoughtSignature'] === undefined;
}

/**
 * The parts that a message kept, as they came; undefined where it kept none, or where they are no longer what the
 * message says: its text or its calls have been changed.
 *
 * @param calls The parts for the message's tool calls.
 */
export function keptParts(
  { google }: ExtraContent,
  text: string,
  calls: readonly GeminiPart[],
): GeminiPart[] | undefined {
  const kept = google?.parts;
  if (!Array.isArray(kept) || kept.length === 0) return undefined;
  const called = kept.flatMap(({ call }) => (call === undefined ? [] : [call]));
  if (called.length !== calls.length || called.some((call) => !calls[call])) return undefined;
  const parts = kept.map((part) => restored(part, calls));
  const said = parts.map((part) => (part.thought ? '' : (part.text ?? ''))).join('');
  return said === text ? parts : undefined;
}

function restored({ index: _, call, json, ...part }: KeptPart, calls: readonly GeminiPart[]): GeminiPart {
  const whole: GeminiPart = json === undefined ? part : (JSON.parse(json) as GeminiPart);
  const called = call === undefined ? undefined : calls[call];
  if (!called) return whole;
  return { ...whole, ...called, functionCall: { ...whole.functionCall, ...called.functionCall } };
}
