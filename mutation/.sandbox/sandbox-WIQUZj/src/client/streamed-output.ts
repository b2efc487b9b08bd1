// @ts-nocheck
import type { TokenUsage } from '../../decorators/pipeline/call.js';
import { roughCounter, type TextCounter } from '../tokenizer/tokenizer.js';
import type { ChatCompletionChunk, ChatCompletionDelta } from '../wire/index.js';

/** Base64 characters of a token of a spoken answer: OpenAI makes 20 a second, of 24,000 samples of two bytes. */
const SOUND_PER_TOKEN = 3_200;

/** A delta as servers send it. */
type LooseDelta = {
  [Field in keyof ChatCompletionDelta]?: ChatCompletionDelta[Field] | null;
} & { content?: unknown; reasoning?: unknown };

/**
 * What has come of a streamed answer since the provider last told its usage: the text of every choice, reasoning and
 * tool calls included. An event costs no more than to join its text; the tokens are counted at the end, if at all.
 */
export class StreamedOutput {
  readonly #counterFor: (model: string | undefined) => TextCounter;
  readonly #readUsage: (chunk: ChatCompletionChunk) => TokenUsage | undefined;
  /** By the choices' numbers. */
  #texts: string[] = [];
  #sound = 0;
  #model: string | undefined;
  #told: TokenUsage | undefined;

  /** @param readUsage Reads the usage that a chunk tells. */
  constructor(
    counterFor: (model: string | undefined) => TextCounter,
    readUsage: (chunk: ChatCompletionChunk) => TokenUsage | undefined,
  ) {
    this.#counterFor = counterFor;
    this.#readUsage = readUsage;
  }

  /** Takes a chunk; gives the usage that it tells, where it does. */
  add(chunk: ChatCompletionChunk): TokenUsage | undefined {
    this.#model ??= chunk.model;
    for (const choice of chunk.choices) this.#addDelta(choice.index >>> 0, choice.delta);
    if (!chunk.usage) return undefined;
    const usage = this.#readUsage(chunk);
    if (usage?.outputTokens !== undefined) {
      this.#texts = [];
      this.#sound = 0;
    }
    // Anthropic tells the input at the beginning, the output at the end.
    return usage && (this.#told = { ...this.#told, ...usage });
  }

  /**
   * The usage with what came after it was last told, or though it never was; undefined when nothing did. A part of the
   * answer that the provider does not show, such as hidden reasoning, is not in it.
   */
  untold(): TokenUsage | undefined {
    const counted = this.#count();
    if (counted === 0) return undefined;
    return { ...this.#told, outputTokens: (this.#told?.outputTokens ?? 0) + counted, counted: true };
  }

  #addDelta(index: number, delta: LooseDelta): void {
    const { content, reasoning_content, reasoning, refusal, tool_calls, function_call, audio } = delta;
    if (content) this.#addText(index, content);
    // Some servers send the same under both names.
    if (reasoning_content || reasoning) this.#addText(index, reasoning_content || reasoning);
    if (refusal) this.#addText(index, refusal);
    if (Array.isArray(tool_calls)) {
      for (const call of tool_calls) this.#addCall(index, call?.function ?? call?.custom);
    }
    if (function_call) this.#addCall(index, function_call);
    if (audio) {
      this.#addText(index, audio.transcript);
      if (typeof audio.data === 'string') this.#sound += audio.data.length;
    }
  }

  #addText(index: number, text: unknown): void {
    if (typeof text === 'string') this.#texts[index] = (this.#texts[index] ?? '') + text;
    else if (Array.isArray(text)) for (const part of text) this.#addText(index, part);
    else if (typeof text === 'object' && text !== null) {
      // Mistral's parts of a content that thinks.
      const { text: own, thinking } = text as { text?: unknown; thinking?: unknown };
      this.#addText(index, own ?? thinking);
    }
  }

  #addCall(
    index: number,
    call: { name?: string; arguments?: unknown; input?: unknown } | null | undefined,
  ): void {
    if (!call) return;
    const { name, arguments: given, input } = call;
    if (name) this.#addText(index, `\n${name}\n`);
    const text = given ?? input;
    if (text) this.#addText(index, typeof text === 'string' ? text : JSON.stringify(text));
  }

  #count(): number {
    const sound = Math.ceil(this.#sound / SOUND_PER_TOKEN);
    const texts = this.#texts.filter((text) => text !== '');
    const sum = (count: TextCounter): number => texts.reduce((total, text) => total + count(text), sound);
    try {
      return sum(this.#counterFor(this.#model));
    } catch {
      // The stream is over: a tokenizer that fails must not make a failure of it.
      return sum(roughCounter(this.#model));
    }
  }
}
