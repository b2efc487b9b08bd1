import type {
  ChatFunctionDefinition,
  ChatFunctionTool,
  ChatParams,
  ReasoningEffort,
  ResponseFormat,
} from '../../wire/index.js';
import {
  chosenTool,
  dropGiven,
  given,
  labelledSchema,
  namesOf,
  ownWords,
  type Objections,
} from '../translation.js';

/** Fields of OpenAI's that are left out, and why. */
const DROPPED: Readonly<Record<string, string>> = {
  verbosity: 'Ollama has no such setting: ask for it in the instructions.',
  logit_bias: 'Ollama takes no bias of single tokens.',
  prediction: 'Ollama takes no predicted answer.',
  store: 'Ollama keeps no answers.',
  metadata: 'Ollama keeps no answers to put it on.',
  prompt_cache_key: 'Ollama caches by itself.',
  prompt_cache_options: 'Ollama caches by itself.',
  prompt_cache_retention: 'Ollama caches by itself; `keep_alive` says how long a model stays loaded.',
  safety_identifier: 'Ollama takes no id of an end user.',
  user: 'Ollama takes no id of an end user.',
};

/** Settings of Ollama's `options` that may also stand among the params. */
const OWN_SETTINGS = [
  ...['num_ctx', 'num_predict', 'num_keep', 'num_batch', 'num_gpu', 'main_gpu', 'num_thread', 'use_mmap'],
  ...['top_k', 'min_p', 'typical_p', 'repeat_last_n', 'repeat_penalty', 'draft_num_predict'],
];

/** The body of a request but for the messages. Fields that OpenAI does not know pass through. */
export function toBody(params: ChatParams, objections: Objections): Record<string, unknown> {
  refuseImpossible(params, objections);
  dropGiven(params, DROPPED, objections);
  if (params.stream_options?.include_obfuscation) {
    objections.drop('stream_options.include_obfuscation', 'Ollama does not pad its streams.');
  }
  if (params.service_tier && params.service_tier !== 'auto' && params.service_tier !== 'default') {
    objections.drop('service_tier', 'Ollama has one tier.');
  }
  const tools = toTools(params, objections);
  const { options, rest } = ownFields(params);
  return {
    ...(tools.length > 0 && { tools }),
    ...given({
      format: params.response_format && toFormat(params.response_format),
      think: params.reasoning_effort && toThink(params.reasoning_effort),
      logprobs: params.logprobs,
      top_logprobs: params.top_logprobs,
    }),
    ...(Object.keys(options).length > 0 && { options }),
    ...rest,
  };
}

function refuseImpossible(params: ChatParams, { refuse }: Objections): void {
  const { audio, modalities, moderation, n, web_search_options: search } = params;
  if (audio || modalities?.includes('audio')) throw refuse('spoken answers');
  if (moderation) throw refuse('`moderation`');
  if (search) throw refuse('`web_search_options`');
  if (n !== undefined && n !== null && n > 1) throw refuse('`n` above 1: ask as often as you need answers');
}

function toTools(params: ChatParams, objections: Objections): ChatFunctionTool[] {
  const { tools = [], functions = [] } = params;
  if (params.parallel_tool_calls === false) {
    objections.drop('parallel_tool_calls', 'an Ollama model may always call several tools in one answer.');
  }
  const all = [...functions.map(toTool), ...tools].map((tool) => {
    if (tool.type !== 'function') throw objections.refuse(`tools of the type '${String(tool.type)}'`);
    return { ...tool, function: withoutStrict(tool.function, objections) };
  });
  const choice = chosenTool(params);
  if (choice === undefined || choice === 'auto') return all;
  // To send none has the same effect, and is all that Ollama understands of a choice.
  if (choice === 'none') return [];
  if (typeof choice === 'object' && choice.type === 'allowed_tools' && choice.allowed_tools.mode === 'auto') {
    const allowed = namesOf(choice.allowed_tools.tools);
    return all.filter(({ function: { name } }) => allowed.includes(name));
  }
  throw objections.refuse('way to have a tool called in any case (`tool_choice`)');
}

function toTool(definition: ChatFunctionDefinition): ChatFunctionTool {
  return { type: 'function', function: definition };
}

function withoutStrict(
  { strict, ...definition }: ChatFunctionDefinition,
  { drop }: Objections,
): ChatFunctionDefinition {
  if (strict) drop('tools[].function.strict', 'an Ollama model is not held to the schema of a tool.');
  return definition;
}

function toFormat(format: ResponseFormat): unknown {
  if (format.type === 'text') return undefined;
  return (format.type === 'json_schema' ? labelledSchema(format) : undefined) ?? 'json';
}

/** Ollama knows low, medium, high and max. */
function toThink(effort: ReasoningEffort): string | boolean {
  if (effort === 'none') return false;
  return effort === 'minimal' ? 'low' : effort === 'xhigh' ? 'max' : effort;
}

/** The settings of the model, and what else the params say in Ollama's own words. */
function ownFields(params: ChatParams): { options: object; rest: Record<string, unknown> } {
  const { stop } = params;
  const translated = {
    num_predict: params.max_completion_tokens ?? params.max_tokens,
    stop: typeof stop === 'string' ? [stop] : stop,
    temperature: params.temperature,
    top_p: params.top_p,
    frequency_penalty: params.frequency_penalty,
    presence_penalty: params.presence_penalty,
    seed: params.seed,
  };
  const { settings, rest } = ownWords(params, OWN_SETTINGS);
  const { options, ...others } = rest;
  return {
    options: { ...given({ ...translated, ...settings }), ...(options as object | undefined) },
    rest: others,
  };
}
