// @ts-nocheck
import type { ChatCompletion, ChatCompletionChunk } from '../wire/index.js';
import { usageIn } from '../wire/normalise.js';
import { ChoiceAccumulator } from './accumulate-choice.js';
import { isObject } from './merge-delta.js';

/**
 * Makes of the chunks of a streamed answer the `ChatCompletion` that the same request would have brought
 * without streaming. Servers differ, so no field is taken for granted:
 *
 * - text (`content`, `refusal`, `reasoning_content`, `arguments`, and text fields nobody knows) is joined, lists
 *   are appended, objects merged; names and numbers are replaced by what came last;
 * - `id`, `created` and `model` are the first that are not empty; any other field of a chunk or choice is the
 *   last that is not null;
 * - `usage` may be on any chunk, also as `x_groq.usage` or on a choice;
 * - text parts of a `content` list go to `content`, thinking parts to `reasoning_content`, others to `content_parts`.
 *
 * @example
 * const accumulator = new ChatCompletionAccumulator();
 * for await (const chunk of stream) accumulator.add(chunk);
 * const completion = accumulator.result();
 */
export class ChatCompletionAccumulator {
  readonly #fields: Record<string, unknown> = {};
  readonly #choices: ChoiceAccumulator[] = [];
  #usage: unknown;
  #empty = true;

  /** True until a chunk has been added. */
  get empty(): boolean {
    return this.#empty;
  }

  /** Adds a chunk. It is not kept, nor changed. */
  add(chunk: ChatCompletionChunk): void {
    this.#empty = false;
    const fields = chunk as unknown as Record<string, unknown>;
    this.#usage = usageIn(fields) ?? this.#usage;
    for (const key in fields) {
      const value = fields[key];
      if (value === null || value === undefined) continue;
      switch (key) {
        case 'id':
        case 'created':
        case 'model':
          if (!this.#fields[key]) this.#fields[key] = value;
          break;
        case 'choices':
          if (Array.isArray(value)) for (const choice of value) if (isObject(choice)) this.#addChoice(choice);
          break;
        case 'usage':
          break;
        case 'object':
        case 'obfuscation':
        case '__proto__':
          break;
        default:
          this.#fields[key] = value;
      }
    }
  }

  /**
   * What the chunks so far amount to. `finish_reason` is null where none has come yet; `id` and `model` are
   * empty where the server named none.
   */
  result(): ChatCompletion {
    const { id = '', created = 0, model = '', ...others } = this.#fields;
    const choices = [...this.#choices].sort((a, b) => a.index - b.index).map((choice) => choice.result());
    const completion = { id, object: 'chat.completion', created, model, choices, ...others };
    return (this.#usage ? { ...completion, usage: this.#usage } : completion) as ChatCompletion;
  }

  #addChoice(choice: Record<string, unknown>): void {
    const index = typeof choice['index'] === 'number' ? choice['index'] : 0;
    let state = this.#choices.find((known) => known.index === index);
    if (state === undefined) this.#choices.push((state = new ChoiceAccumulator(index)));
    state.add(choice);
  }
}
