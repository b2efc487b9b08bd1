import type { ChatInput } from '../../client/hooks.js';
import type { ChatParams, ResponseFormat } from '../../wire/index.js';
import { isTelling, type Objections } from '../translation.js';
import { isObject, type AnthropicContentBlock, type Fields } from './blocks.js';
import { toConversation } from './messages.js';
import { toThinking } from './thinking.js';
import { toTools } from './tools.js';

/** Params that Anthropic has nothing like, and why they are not sent. What asks for nothing (0, false) is passed over. */
const DROPPED = {
  frequency_penalty: 'Anthropic has no penalties.',
  presence_penalty: 'Anthropic has no penalties.',
  logit_bias: 'Anthropic takes no bias of tokens.',
  seed: 'Anthropic takes no seed.',
  prediction: 'Anthropic takes no prediction.',
  verbosity: 'Anthropic has no such setting.',
  store: 'Anthropic keeps no answers.',
  prompt_cache_key: 'Anthropic caches by what `cache_control` marks.',
  prompt_cache_options: 'Anthropic caches by what `cache_control` marks.',
  prompt_cache_retention: 'Anthropic caches by what `cache_control` marks.',
} as const satisfies Partial<Record<keyof ChatParams, string>>;

/** Params that change what the answer holds: without it the caller would look for it in vain. */
const REFUSED = {
  audio: 'spoken answers',
  logprobs: 'log probabilities',
  top_logprobs: 'log probabilities',
  moderation: 'moderation of its answers',
} as const satisfies Partial<Record<keyof ChatParams, string>>;

/** Params that are translated; every further one is Anthropic's own, and sent as it is. */
const TRANSLATED = [
  'betas',
  'function_call',
  'functions',
  'max_completion_tokens',
  'max_tokens',
  'metadata',
  'modalities',
  'model',
  'n',
  'output_config',
  'parallel_tool_calls',
  'reasoning_effort',
  'response_format',
  'safety_identifier',
  'service_tier',
  'stop',
  'stop_sequences',
  'stream',
  'stream_options',
  'system',
  'thinking',
  'tool_choice',
  'tools',
  'user',
  'web_search_options',
];

/** The body of a request to `/messages`. */
export function toRequestBody(input: ChatInput, defaultMaxTokens: number, objections: Objections): Fields {
  const { messages, params, model, stream } = input;
  const refused = firstRefused(params);
  if (refused) throw objections.refuse(refused);
  for (const [field, why] of Object.entries(DROPPED)) if (asksFor(params[field])) objections.drop(field, why);
  if (params.stream_options?.include_obfuscation) {
    objections.drop('stream_options.include_obfuscation', 'Anthropic does not pad its streams.');
  }
  const { system, messages: turns } = toConversation(messages, objections);
  const instructions = [...toSystem(params['system']), ...system];
  const { effort, ...thinking } = toThinking(params, model, defaultMaxTokens, objections);
  const format = toFormat(params.response_format, objections);
  const outputConfig = { ...(effort && { effort }), ...(format && { format }), ...params['output_config'] };
  const stops = [params.stop ?? [], (params['stop_sequences'] as string[] | undefined) ?? []].flat();
  const metadata = toMetadata(params, objections);
  const tier = toTier(params.service_tier, objections);
  return {
    ...ownFields(params),
    model,
    ...thinking,
    ...(instructions.length > 0 && { system: asText(instructions) }),
    messages: turns,
    ...toTools(params, objections),
    ...(stops.length > 0 && { stop_sequences: stops }),
    ...(Object.keys(outputConfig).length > 0 && { output_config: outputConfig }),
    ...(metadata && { metadata }),
    ...(tier && { service_tier: tier }),
    ...(stream && { stream }),
  };
}

function asksFor(value: unknown): boolean {
  return (
    isTelling(value) &&
    value !== 0 &&
    value !== false &&
    !(isObject(value) && Object.keys(value).length === 0)
  );
}

function firstRefused(params: ChatParams): string | undefined {
  const [field] = Object.keys(REFUSED).filter((name) => asksFor(params[name]));
  if (field !== undefined) return REFUSED[field as keyof typeof REFUSED];
  if (params.modalities?.includes('audio')) return 'spoken answers';
  return (params.n ?? 1) > 1 ? 'way to give several answers at once (`n`)' : undefined;
}

/** What `params` has of Anthropic's own. */
function ownFields(params: ChatParams): Fields {
  const ours = [...TRANSLATED, ...Object.keys(DROPPED), ...Object.keys(REFUSED)];
  const isOwn = ([name, value]: [string, unknown]): boolean => !ours.includes(name) && value != null;
  return Object.fromEntries(Object.entries(params).filter(isOwn));
}

function toSystem(system: unknown): AnthropicContentBlock[] {
  if (typeof system === 'string') return [{ type: 'text', text: system }];
  return Array.isArray(system) ? (system as AnthropicContentBlock[]) : [];
}

/** One plain text stands as it is. */
function asText(blocks: readonly AnthropicContentBlock[]): unknown {
  const [first] = blocks;
  return blocks.length === 1 && first && Object.keys(first).length === 2 ? (first['text'] ?? blocks) : blocks;
}

function toFormat(format: ResponseFormat | undefined, objections: Objections): Fields | undefined {
  if (format?.type === 'json_object') {
    throw objections.refuse('JSON answers without a schema: give `response_format` the type json_schema');
  }
  if (format?.type !== 'json_schema') return undefined;
  const { schema, description } = format.json_schema;
  if (!schema) throw objections.refuse('JSON answers without a schema: give `response_format` one');
  if (description) {
    objections.drop(
      'response_format.json_schema.description',
      'Anthropic takes the schema alone: describe it there.',
    );
  }
  return { type: 'json_schema', schema };
}

function toMetadata(
  { metadata, user, safety_identifier: id }: ChatParams,
  objections: Objections,
): Fields | undefined {
  const { user_id: own, ...others } = metadata ?? {};
  if (Object.keys(others).length > 0) {
    objections.drop('metadata', 'Anthropic takes nothing in it but `user_id`.');
  }
  if (id && user)
    objections.drop('user', 'Anthropic takes one id of a user, and `safety_identifier` is given.');
  const userId = own ?? id ?? user;
  return userId === undefined || userId === null ? undefined : { user_id: userId };
}

function toTier(tier: ChatParams['service_tier'], objections: Objections): string | undefined {
  if (tier === 'default') return 'standard_only';
  if (tier !== 'flex' && tier !== 'scale' && tier !== 'priority') return tier ?? undefined;
  objections.drop('service_tier', `Anthropic has no tier '${tier}': its own are 'auto' and 'standard_only'.`);
  return undefined;
}
