import type { ErrorResponse, LLMError } from '../../../decorators/errors/index.js';
import { show } from '../../../decorators/pipeline/options.js';
import type { TokenEstimate, TokenUsage } from '../../../decorators/pipeline/index.js';
import { environment } from '../../client/environment.js';
import type { ChatInput, ProviderRequest } from '../../client/hooks.js';
import type { ClientOptions } from '../../client/options.js';
import type { ProviderSpec } from '../../client/provider-spec.js';
import type { ChatEvents } from '../../streaming/index.js';
import type { ChatCompletion } from '../../wire/index.js';
import { OpenAICompatibleClient } from '../openai-compatible.js';
import { isBlock, isObject, without } from './blocks.js';
import { readAnthropicError } from './errors.js';
import { AnthropicEvents } from './events.js';
import { toRequestBody } from './request.js';
import { toCompletion, toUsage } from './result.js';

/** Options of `AnthropicClient`. */
export interface AnthropicClientOptions extends ClientOptions {
  /** Token limit of answers for which a call gives none: Anthropic demands one. Thoughts come on top. Default 8192. */
  maxTokens?: number | undefined;
  /** Version of the API (`anthropic-version`). Default `2023-06-01`. */
  apiVersion?: string | undefined;
  /** Beta features of every request (`anthropic-beta`); a call adds others by `betas` in its params. */
  betas?: readonly string[] | undefined;
}

const DEFAULT_MAX_TOKENS = 8192;

/**
 * Anthropic's Messages API, behind OpenAI's params and results. The key comes from `apiKey` or `ANTHROPIC_API_KEY`, the
 * address from `baseURL` or `ANTHROPIC_BASE_URL`, with or without `/v1`. Without a `model` it uses claude-haiku-4-5. It
 * has no embeddings.
 *
 * Messages of the roles `system` and `developer` become `system`, in their order. `params` takes Anthropic's own fields
 * too (`thinking`, `top_k`, `cache_control`, `betas`, …), content its own blocks, and parts, messages and tools
 * `cache_control`. An answer that holds more than text and tool calls has all of it in `content_blocks` of its message
 * (see `AnthropicMessage`), and goes back as it came.
 *
 * @example
 * const client = new AnthropicClient({ model: 'claude-sonnet-5' });
 * const reply = await client.chatCompletion([{ role: 'user', content: 'Hi' }], { reasoning_effort: 'high' });
 * console.log(reply.choices[0]?.message.content);
 */
export class AnthropicClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'anthropic',
    baseURL: 'https://api.anthropic.com/v1',
    env: { apiKey: 'ANTHROPIC_API_KEY', baseURL: 'ANTHROPIC_BASE_URL' },
    authHeader: 'x-api-key',
    models: { chat: 'claude-haiku-4-5' },
    hasEmbeddings: false,
  };
  static override readonly optionNames: readonly string[] = ['maxTokens', 'apiVersion', 'betas'];

  readonly #maxTokens: number;
  readonly #betas: readonly string[];

  constructor(options: AnthropicClientOptions = {}) {
    checkOwnOptions(options, new.target.name);
    super(withVersionInPath(options, new.target.provider));
    const { maxTokens = DEFAULT_MAX_TOKENS, betas = [] } = options;
    this.#maxTokens = maxTokens;
    this.#betas = betas;
  }

  protected override defaultHeaders({
    apiVersion,
    betas = [],
  }: AnthropicClientOptions): Record<string, string> {
    return { 'anthropic-version': apiVersion ?? '2023-06-01', ...betaHeader(betas) };
  }

  protected override chatRequest(input: ChatInput): ProviderRequest {
    const body = toRequestBody(input, this.#maxTokens, {
      drop: (field, why) => this.dropField(field, why),
      refuse: (what) => this.unsupported(what),
    });
    const betas: unknown = input.params['betas'] ?? [];
    return { path: '/messages', body, headers: betaHeader([...this.#betas, ...[betas].flat().map(String)]) };
  }

  protected override chatResult(answer: unknown, { options }: ChatInput): ChatCompletion {
    const completion = toCompletion(answer);
    if (!completion) throw this.malformedAnswer('without `content`', answer, options);
    return completion;
  }

  protected override chatEvents({ model }: ChatInput): ChatEvents {
    return new AnthropicEvents(model);
  }

  protected override readError(response: ErrorResponse): LLMError {
    return super.readError(readAnthropicError(response));
  }

  protected override estimateBody(body: unknown): TokenEstimate | undefined {
    return super.estimateBody(withoutCopies(body));
  }

  protected override readUsage(answer: unknown): TokenUsage | undefined {
    const usage = isObject(answer) ? toUsage(answer['usage']) : undefined;
    return super.readUsage(usage ? { usage } : answer);
  }
}

function checkOwnOptions(options: AnthropicClientOptions, className: string): void {
  const { maxTokens, betas, apiVersion } = options ?? {};
  const refuse = (name: string, value: unknown, remedy: string): never => {
    throw new TypeError(`new ${className}(): \`${name}\` is ${show(value)}: give ${remedy}.`);
  };
  if (maxTokens !== undefined && (!Number.isInteger(maxTokens) || maxTokens < 1)) {
    refuse('maxTokens', maxTokens, 'a whole number of at least 1');
  }
  if (apiVersion !== undefined && (typeof apiVersion !== 'string' || apiVersion === '')) {
    refuse('apiVersion', apiVersion, "a version such as '2023-06-01'");
  }
  const areNames = Array.isArray(betas) && betas.every((beta) => typeof beta === 'string' && beta !== '');
  if (betas !== undefined && !areNames) refuse('betas', betas, 'a list of names');
}

function betaHeader(betas: readonly string[]): Record<string, string> {
  return betas.length > 0 ? { 'anthropic-beta': [...new Set(betas)].join(',') } : {};
}

/** Blocks that say what other fields of their message say too. */
const COPIES = ['text', 'thinking', 'redacted_thinking', 'tool_use'];

/** A body whose messages say everything once, to count its tokens by. */
function withoutCopies(body: unknown): unknown {
  if (!isObject(body) || !Array.isArray(body['messages'])) return body;
  const messages = body['messages'].map((message: unknown) => {
    if (!isObject(message) || !Array.isArray(message['content_blocks'])) return message;
    const blocks = message['content_blocks'].filter(
      (block) => isBlock(block) && !COPIES.includes(block.type),
    );
    return { ...without(message, ['annotations', 'content_blocks']), blocks };
  });
  return { ...body, messages };
}

/** Other libraries take the address without `/v1`, in the same environment variable. */
function withVersionInPath(
  options: AnthropicClientOptions,
  spec: ProviderSpec | undefined,
): AnthropicClientOptions {
  const given: unknown = options?.baseURL ?? environment(spec?.env?.baseURL);
  if (typeof given !== 'string' || !URL.canParse(given)) return options;
  const trimmed = given.replace(/\/+$/, '');
  return { ...options, baseURL: trimmed.endsWith('/v1') ? trimmed : `${trimmed}/v1` };
}
