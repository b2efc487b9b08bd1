// @ts-nocheck
import type { ChatEvents, SseEvent } from '../../streaming/index.js';
import { mergeFields } from '../../streaming/merge-delta.js';
import type { ChatCompletionChunk, ChatCompletionDelta } from '../../wire/index.js';
import { isBlock, isObject, parseInput, telling, type AnthropicContentBlock, type Fields } from './blocks.js';
import {
  needsKeeping,
  nowInSeconds,
  otherFields,
  refusalOf,
  toAnnotations,
  toFinish,
  toUsageFields,
} from './result.js';

/** What an event adds to the message, with what OpenAI has no name for. */
interface AnthropicDelta extends ChatCompletionDelta {
  content_blocks?: AnthropicContentBlock[];
}

/** A block that is being written. */
interface OpenBlock {
  readonly block: Record<string, unknown> & { type: string };
  /** The text of a tool's input so far. */
  json: string;
  /** Where its text begins in the content. */
  readonly start: number;
  /** Its place among the calls, if it is one of the application's tools. */
  readonly call: number | undefined;
}

/** Reads one stream of Anthropic's events. */
export class AnthropicEvents implements ChatEvents {
  #id = '';
  #model: string;
  #created = 0;
  #usage: Record<string, unknown> = {};
  readonly #open = new Map<unknown, OpenBlock>();
  /** Blocks that are complete, but so far need no keeping: they are kept if a later one needs it. */
  #waiting: AnthropicContentBlock[] = [];
  #isKeeping = false;
  #blocks = 0;
  #calls = 0;
  #length = 0;

  constructor(model: string) {
    this.#model = model;
  }

  isDone({ event, data }: SseEvent): boolean {
    // A proxy may leave the events' names out.
    return event === 'message_stop' || (event === undefined && /^\{\s*"type":\s*"message_stop"/.test(data));
  }

  translate(payload: unknown): ChatCompletionChunk | undefined {
    if (!isObject(payload)) return undefined;
    switch (payload['type']) {
      case 'message_start':
        return this.#begin(payload['message']);
      case 'content_block_start':
        return this.#chunkOf(this.#openBlock(payload));
      case 'content_block_delta':
        return this.#chunkOf(this.#addTo(this.#open.get(payload['index']), payload['delta']));
      case 'content_block_stop':
        return this.#chunkOf(this.#close(payload['index']));
      case 'message_delta':
        return this.#finish(payload);
      default: // a ping, or an event of the future
        return undefined;
    }
  }

  #begin(message: unknown): ChatCompletionChunk {
    const fields = isObject(message) ? message : {};
    const { id, model, usage } = fields;
    if (typeof id === 'string') this.#id = id;
    if (typeof model === 'string') this.#model = model;
    this.#created = nowInSeconds();
    this.#addUsage(usage);
    // The input is known already: a stream that breaks off has cost it.
    return this.#chunk([{ index: 0, delta: { role: 'assistant' }, finish_reason: null }], {
      ...otherFields(fields),
      ...toUsageFields(this.#usage),
    });
  }

  #openBlock({ index, content_block: given }: Fields): AnthropicDelta | undefined {
    if (!isBlock(given)) return undefined;
    const call = given.type === 'tool_use' ? this.#calls++ : undefined;
    this.#open.set(index, { block: { ...given }, json: '', start: this.#length, call });
    if (call !== undefined) {
      const named = { name: String(given['name']), arguments: '' };
      return { tool_calls: [{ index: call, id: String(given['id']), type: 'function', function: named }] };
    }
    return this.#said(given);
  }

  #addTo(open: OpenBlock | undefined, delta: unknown): AnthropicDelta | undefined {
    if (!open || !isBlock(delta)) return undefined;
    const { type, ...fields } = delta;
    if (type === 'input_json_delta') {
      const piece = String(delta['partial_json'] ?? '');
      open.json += piece;
      if (open.call === undefined || piece === '') return undefined;
      return { tool_calls: [{ index: open.call, function: { arguments: piece } }] };
    }
    if (type === 'citations_delta') mergeFields(open.block, { citations: [delta['citation']] });
    // Texts and signatures grow, and so does whatever else may come.
    else mergeFields(open.block, fields);
    return this.#said({ ...fields, type: open.block.type });
  }

  /** What is new of a text or a thought. */
  #said({ type, text, thinking }: AnthropicContentBlock): AnthropicDelta | undefined {
    if (type === 'text' && typeof text === 'string' && text !== '') {
      this.#length += text.length;
      return { content: text };
    }
    if (type === 'thinking' && typeof thinking === 'string' && thinking !== '') {
      return { reasoning_content: thinking };
    }
    return undefined;
  }

  #close(index: unknown): AnthropicDelta | undefined {
    const open = this.#open.get(index);
    if (!open) return undefined;
    this.#open.delete(index);
    const { block, json, start, call } = open;
    const delta: AnthropicDelta = {};
    if (json !== '') block['input'] = parseInput(json);
    else if (call !== undefined) {
      // A call without arguments, or one that came whole.
      const text = JSON.stringify(block['input'] ?? {});
      delta.tool_calls = [{ index: call, function: { arguments: text } }];
    }
    const annotations = toAnnotations(block, start);
    if (annotations.length > 0) delta.annotations = annotations;
    this.#waiting.push(block);
    this.#isKeeping ||= needsKeeping(block, this.#blocks);
    this.#blocks++;
    if (this.#isKeeping) delta.content_blocks = this.#waiting.splice(0);
    return Object.keys(delta).length > 0 ? delta : undefined;
  }

  #finish(payload: Fields): ChatCompletionChunk | undefined {
    const { delta, usage, ...others } = payload;
    const ended = isObject(delta) ? delta : {};
    this.#addUsage(usage);
    const finish = toFinish(ended);
    if (!finish['finish_reason']) return undefined;
    const refusal = refusalOf(ended);
    const choice = { index: 0, delta: refusal === null ? {} : { refusal }, ...finish };
    return this.#chunk([choice as unknown as ChatCompletionChunk['choices'][0]], {
      ...otherFields(others),
      ...otherFields(ended),
      ...toUsageFields(this.#usage),
    });
  }

  /** Counts are of the whole message so far: the last one counts. */
  #addUsage(usage: unknown): void {
    if (isObject(usage)) this.#usage = { ...this.#usage, ...telling(usage) };
  }

  #chunkOf(delta: AnthropicDelta | undefined): ChatCompletionChunk | undefined {
    return delta && this.#chunk([{ index: 0, delta, finish_reason: null }]);
  }

  #chunk(choices: ChatCompletionChunk['choices'], others: Fields = {}): ChatCompletionChunk {
    return {
      id: this.#id,
      object: 'chat.completion.chunk',
      created: this.#created,
      model: this.#model,
      choices,
      ...others,
    };
  }
}
