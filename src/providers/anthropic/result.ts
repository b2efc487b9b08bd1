import { runtime } from '../../../decorators/pipeline/runtime.js';
import type {
  ChatCompletion,
  ChatCompletionMessage,
  CompletionUsage,
  FinishReason,
  ServiceTier,
  UrlCitation,
} from '../../wire/index.js';
import { isTelling } from '../translation.js';
import {
  isBlock,
  isObject,
  telling,
  textOf,
  without,
  type AnthropicContentBlock,
  type Fields,
} from './blocks.js';

/** The message of an answer, with what OpenAI has no name for. Put it back into the messages as it is. */
export interface AnthropicMessage extends ChatCompletionMessage {
  /**
   * All of the answer in Anthropic's own form, in order: present when it holds more than a text and tool calls, such as
   * signed thoughts, citations, or what Anthropic's own tools did.
   */
  content_blocks?: AnthropicContentBlock[];
}

const FINISH_REASONS: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  // The answer is not whole: sent back as it is, it is continued.
  pause_turn: 'length',
  compaction: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

/** Of an answer, what is translated; other fields are kept under their own names. */
const TRANSLATED = [
  'id',
  'type',
  'role',
  'model',
  'content',
  'stop_reason',
  'stop_sequence',
  'stop_details',
  'usage',
];

/** The completion that an answer stands for; undefined for one without content. */
export function toCompletion(answer: unknown): ChatCompletion | undefined {
  if (!isObject(answer) || !Array.isArray(answer['content'])) return undefined;
  const blocks = answer['content'].filter(isBlock);
  const { id, model, usage } = answer;
  return {
    id,
    object: 'chat.completion',
    created: nowInSeconds(),
    model,
    choices: [
      {
        index: 0,
        message: toMessage(blocks, refusalOf(answer)),
        logprobs: null,
        ...toFinish(answer),
      },
    ],
    ...otherFields(answer),
    ...toUsageFields(usage),
  } as unknown as ChatCompletion;
}

export function nowInSeconds(): number {
  return Math.floor(runtime().wallClock() / 1000);
}

function toMessage(blocks: readonly AnthropicContentBlock[], refusal: string | null): AnthropicMessage {
  const calls = blocks.filter(({ type }) => type === 'tool_use');
  const annotations = blocks.flatMap((block, i) => toAnnotations(block, textOf(blocks.slice(0, i)).length));
  const thoughts = blocks.map(thoughtOf).join('');
  return {
    role: 'assistant',
    content: textOf(blocks) || null,
    refusal,
    ...(thoughts !== '' && { reasoning_content: thoughts }),
    ...(calls.length > 0 && {
      tool_calls: calls.map(({ id, name, input }) => ({
        id: id as string,
        type: 'function' as const,
        function: { name: name as string, arguments: JSON.stringify(input ?? {}) },
      })),
    }),
    ...(annotations.length > 0 && { annotations }),
    ...(blocks.some(needsKeeping) && { content_blocks: [...blocks] }),
  };
}

function thoughtOf({ type, thinking }: AnthropicContentBlock): string {
  return type === 'thinking' && typeof thinking === 'string' ? thinking : '';
}

/** Whether OpenAI's form of a block would lose something: what it is, what is in it, or where it stands. */
export function needsKeeping(block: AnthropicContentBlock, position: number): boolean {
  const { type, caller, ...others } = telling(block);
  if (type === 'text') return position > 0 || 'citations' in others;
  if (type !== 'tool_use') return true;
  const isDirect = caller === undefined || (isObject(caller) && caller['type'] === 'direct');
  return !isDirect || Object.keys(others).some((name) => !['id', 'name', 'input'].includes(name));
}

/** The pages that a text cites. `start` is where the text begins in the content. */
export function toAnnotations(block: AnthropicContentBlock, start: number): UrlCitation[] {
  const { type, text, citations } = block;
  if (type !== 'text' || typeof text !== 'string' || !Array.isArray(citations)) return [];
  return citations
    .filter(isObject)
    .filter(({ type: kind }) => kind === 'web_search_result_location')
    .map(({ url, title }) => ({
      type: 'url_citation',
      url_citation: {
        start_index: start,
        end_index: start + Math.max(text.length - 1, 0),
        title: typeof title === 'string' ? title : '',
        url: String(url),
      },
    }));
}

/** What the model declined with, as Anthropic explains it. */
export function refusalOf({ stop_details: details }: Fields): string | null {
  return isObject(details) && typeof details['explanation'] === 'string' ? details['explanation'] : null;
}

/** Why an answer ended, in OpenAI's word and in Anthropic's own. */
export function toFinish(ended: Fields): Fields {
  const { stop_reason: reason, stop_sequence: sequence, stop_details: details } = ended;
  return {
    finish_reason: typeof reason === 'string' ? (FINISH_REASONS[reason] ?? reason) : null,
    ...telling({ stop_reason: reason, stop_sequence: sequence, stop_details: details }),
  };
}

/** What an answer, or a part of it, holds that has no name with OpenAI. */
export function otherFields(answer: Fields): Fields {
  return telling(without(answer, TRANSLATED));
}

/** The usage and the tier, as a completion has them; nothing where there is no usage. */
export function toUsageFields(native: unknown): { usage?: CompletionUsage; service_tier?: ServiceTier } {
  const usage = toUsage(native);
  if (!usage || !isObject(native)) return {};
  const tier = native['service_tier'] === 'standard' ? 'default' : native['service_tier'];
  return { usage, ...((tier === 'default' || tier === 'priority') && { service_tier: tier }) };
}

/** OpenAI's account of a usage: there, cached input is a part of the input. Fields of Anthropic's own are kept. */
export function toUsage(native: unknown): CompletionUsage | undefined {
  if (!isObject(native)) return undefined;
  const {
    input_tokens: input,
    output_tokens: output,
    cache_read_input_tokens: read,
    cache_creation_input_tokens: written,
    output_tokens_details: details,
    ...others
  } = native;
  if (typeof input !== 'number' || typeof output !== 'number') return undefined;
  const prompt = input + amount(read) + amount(written);
  const ofInput = telling({ cached_tokens: read, cache_write_tokens: written });
  const ofOutput = telling({ reasoning_tokens: isObject(details) ? details['thinking_tokens'] : undefined });
  return {
    prompt_tokens: prompt,
    completion_tokens: output,
    total_tokens: prompt + output,
    ...(isTelling(Object.keys(ofInput)) && { prompt_tokens_details: ofInput }),
    ...(isTelling(Object.keys(ofOutput)) && { completion_tokens_details: ofOutput }),
    ...telling(others),
  };
}

function amount(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
