import type { ChatParams, ReasoningEffort, ResponseFormat } from '../../wire/index.js';
import { dropGiven, given, labelledSchema, ownWords, type Objections } from '../translation.js';
import { toTools } from './tools.js';

/** Fields of OpenAI's that are left out, and why. */
const DROPPED: Readonly<Record<string, string>> = {
  verbosity: 'Gemini has no such setting: ask for it in the instructions.',
  logit_bias: 'Gemini takes no bias of single tokens.',
  prediction: 'Gemini takes no predicted answer.',
  store: 'Gemini keeps no answers.',
  metadata: 'Gemini keeps no answers to put it on.',
  prompt_cache_key: 'Gemini caches by itself, or by `cachedContent`.',
  prompt_cache_options: 'Gemini caches by itself, or by `cachedContent`.',
  prompt_cache_retention: 'Gemini caches by itself, or by `cachedContent`.',
  safety_identifier: 'Gemini takes no id of an end user.',
  user: 'Gemini takes no id of an end user.',
};

/** Fields of Gemini's `generationConfig` that may also stand among the params. */
const OWN_SETTINGS = [
  ...['topK', 'candidateCount', 'maxOutputTokens', 'stopSequences', 'responseMimeType', 'responseSchema'],
  ...['responseJsonSchema', 'responseModalities', 'responseLogprobs', 'thinkingConfig', 'speechConfig'],
  ...['mediaResolution', 'imageConfig', 'topP', 'presencePenalty', 'frequencyPenalty'],
];

/** The body of a request but for what the messages say. Fields that OpenAI does not know pass through. */
export function toBody(params: ChatParams, model: string, objections: Objections): Record<string, unknown> {
  refuseImpossible(params, objections);
  dropGiven(params, DROPPED, objections);
  if (params.stream_options?.include_obfuscation) {
    objections.drop('stream_options.include_obfuscation', 'Gemini does not pad its streams.');
  }
  const { generationConfig, toolConfig, rest } = ownFields(params);
  const { tools, functionCallingConfig } = toTools(params, objections);
  const tier = params.service_tier;
  return {
    ...(tools.length > 0 && { tools }),
    ...((functionCallingConfig ?? toolConfig) && {
      toolConfig: { ...(functionCallingConfig && { functionCallingConfig }), ...toolConfig },
    }),
    ...settings(params, model, generationConfig),
    ...(tier && tier !== 'auto' && { serviceTier: tier === 'default' ? 'standard' : tier }),
    ...rest,
  };
}

function refuseImpossible({ audio, modalities, moderation }: ChatParams, { refuse }: Objections): void {
  if (audio || modalities?.includes('audio')) {
    throw refuse('spoken answers in the form of OpenAI (its own are asked for by `generationConfig`)');
  }
  if (moderation) throw refuse('`moderation` (it has `safetySettings`)');
}

function settings(params: ChatParams, model: string, own: object): { generationConfig?: object } {
  const { stop, reasoning_effort: effort, response_format: format } = params;
  const generationConfig = {
    ...given({
      maxOutputTokens: params.max_completion_tokens ?? params.max_tokens,
      candidateCount: params.n,
      stopSequences: typeof stop === 'string' ? [stop] : stop,
      temperature: params.temperature,
      topP: params.top_p,
      frequencyPenalty: params.frequency_penalty,
      presencePenalty: params.presence_penalty,
      seed: params.seed,
      responseLogprobs: params.logprobs,
      logprobs: params.top_logprobs,
      responseModalities: params.modalities?.map((kind) => kind.toUpperCase()),
      thinkingConfig: effort ? toThinking(effort, model) : undefined,
      ...(format && toFormat(format)),
    }),
    ...own,
  };
  return Object.keys(generationConfig).length > 0 ? { generationConfig } : {};
}

function toFormat(format: ResponseFormat): Record<string, unknown> {
  if (format.type === 'text') return {};
  const responseMimeType = 'application/json';
  if (format.type === 'json_object') return { responseMimeType };
  return { responseMimeType, responseJsonSchema: labelledSchema(format) };
}

/** Tokens for thoughts that Gemini itself takes an effort for, with models before Gemini 3. */
const BUDGETS: Readonly<Record<string, number>> = {
  minimal: 1024,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 24_576,
  max: 24_576,
};

/** Models from Gemini 3 on take levels, of which HIGH is the highest; earlier ones take a number of tokens. */
function toThinking(effort: ReasoningEffort, model: string): Record<string, unknown> {
  if (effort === 'none') return { thinkingBudget: 0 };
  const budget = BUDGETS[effort];
  if (/gemini-(?:1|2)[.-]/.test(model) && budget !== undefined) return { thinkingBudget: budget };
  return { thinkingLevel: effort === 'xhigh' || effort === 'max' ? 'HIGH' : effort.toUpperCase() };
}

/** What the params say in Gemini's own words. */
function ownFields(params: ChatParams): {
  generationConfig: object;
  toolConfig: object | undefined;
  rest: Record<string, unknown>;
} {
  const { settings: own, rest } = ownWords(params, OWN_SETTINGS);
  const { generationConfig, toolConfig, top_k: topK, ...others } = rest;
  return {
    generationConfig: { ...given({ topK }), ...own, ...(generationConfig as object | undefined) },
    toolConfig: toolConfig as object | undefined,
    rest: others,
  };
}
