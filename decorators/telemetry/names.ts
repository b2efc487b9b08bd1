/**
 * Names of OpenTelemetry's conventions for generative AI. `1.36` is what most backends know; `latest` follows the repository
 * open-telemetry/semantic-conventions-genai, where the conventions live since they left semantic-conventions at 1.44.
 */
export type Semconv = '1.36' | 'latest';

/** Attributes that both have. */
export const ATTRIBUTES = {
  operation: 'gen_ai.operation.name',
  requestModel: 'gen_ai.request.model',
  responseModel: 'gen_ai.response.model',
  responseId: 'gen_ai.response.id',
  finishReasons: 'gen_ai.response.finish_reasons',
  timeToFirstChunk: 'gen_ai.response.time_to_first_chunk',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  cachedInputTokens: 'gen_ai.usage.cache_read.input_tokens',
  inputMessages: 'gen_ai.input.messages',
  outputMessages: 'gen_ai.output.messages',
  toolDefinitions: 'gen_ai.tool.definitions',
  outputType: 'gen_ai.output.type',
  stream: 'gen_ai.request.stream',
  errorType: 'error.type',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  function: 'code.function.name',
} as const;

/** Attributes that are this package's own: the conventions have no words for them. */
export const OWN_ATTRIBUTES = {
  attempts: 'keelson.attempts',
  attempt: 'keelson.attempt',
  /** The beginning of the names of events and of their other attributes. */
  prefix: 'keelson.',
} as const;

/** Parameters of a request that are attributes of its span. */
export const REQUEST_ATTRIBUTES: Readonly<Record<string, string>> = {
  max_tokens: 'gen_ai.request.max_tokens',
  max_completion_tokens: 'gen_ai.request.max_tokens',
  temperature: 'gen_ai.request.temperature',
  top_p: 'gen_ai.request.top_p',
  top_k: 'gen_ai.request.top_k',
  seed: 'gen_ai.request.seed',
  frequency_penalty: 'gen_ai.request.frequency_penalty',
  presence_penalty: 'gen_ai.request.presence_penalty',
  stop: 'gen_ai.request.stop_sequences',
  n: 'gen_ai.request.choice.count',
  reasoning_effort: 'gen_ai.request.reasoning.level',
  encoding_format: 'gen_ai.request.encoding_formats',
};

/** What differs between the two. */
export const NAMES = {
  '1.36': {
    /** Both: dashboards of either age find the provider. */
    provider: ['gen_ai.system', 'gen_ai.provider.name'],
    duration: 'gen_ai.client.operation.duration',
    timeToFirstChunk: 'gen_ai.client.operation.time_to_first_chunk',
  },
  latest: {
    provider: ['gen_ai.provider.name'],
    duration: 'gen_ai.client.inference.duration',
    timeToFirstChunk: 'gen_ai.client.inference.time_to_first_chunk',
  },
} as const satisfies Record<Semconv, object>;

/** How tokens are counted: in one histogram by their type, and since then by counters by their modality. */
export const TOKEN_METRICS = {
  '1.36': { histogram: 'gen_ai.client.token.usage', typeAttribute: 'gen_ai.token.type' },
  latest: {
    counters: {
      input: 'gen_ai.client.inference.usage.input_tokens',
      output: 'gen_ai.client.inference.usage.output_tokens',
      cachedInput: 'gen_ai.client.inference.usage.cache_read.input_tokens',
    },
    modalityAttribute: 'gen_ai.token.modality',
  },
} as const;

/** The buckets that the conventions advise: seconds, and tokens. */
export const BUCKETS = {
  seconds: Array.from({ length: 14 }, (_, i) => 0.01 * 2 ** i),
  tokens: Array.from({ length: 14 }, (_, i) => 4 ** i),
} as const;

/** Providers that the conventions know by another name. */
const PROVIDER_NAMES: Readonly<Record<string, string>> = {
  azure: 'azure.ai.openai',
  gemini: 'gcp.gemini',
  mistral: 'mistral_ai',
  moonshot: 'moonshot_ai',
  xai: 'x_ai',
};

/** The conventions' name of a provider. */
export function providerName(name: string): string {
  return PROVIDER_NAMES[name] ?? name;
}
