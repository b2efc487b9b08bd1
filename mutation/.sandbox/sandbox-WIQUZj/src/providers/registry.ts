// @ts-nocheck
import { nearestName, show } from '../../decorators/pipeline/options.js';
import { BaseLLMClient } from '../client/base-client.js';
import type { ClientOptions } from '../client/options.js';
import { AnthropicClient } from './anthropic/anthropic-client.js';
import { AzureOpenAIClient } from './azure/azure-openai-client.js';
import * as compatible from './compatible/index.js';
import { GeminiClient } from './gemini/gemini-client.js';
import { OllamaClient } from './ollama/ollama-client.js';
import { OpenAIClient } from './openai/openai-client.js';

/** A class of clients, as a registry holds it. */
export type ClientClass<Client extends BaseLLMClient = BaseLLMClient> = new (options: never) => Client;

/** The providers of this package, by the names that model strings begin with. */
export const PROVIDERS = {
  openai: OpenAIClient,
  anthropic: AnthropicClient,
  azure: AzureOpenAIClient,
  deepseek: compatible.DeepSeekClient,
  qwen: compatible.QwenClient,
  moonshot: compatible.MoonshotClient,
  zhipu: compatible.ZhipuClient,
  groq: compatible.GroqClient,
  together: compatible.TogetherClient,
  mistral: compatible.MistralClient,
  xai: compatible.XAIClient,
  openrouter: compatible.OpenRouterClient,
  gemini: GeminiClient,
  'gemini-compatible': compatible.GeminiCompatibleClient,
  ollama: OllamaClient,
  'ollama-compatible': compatible.OllamaCompatibleClient,
  vllm: compatible.VLLMClient,
  lmstudio: compatible.LMStudioClient,
  llamacpp: compatible.LlamaCppClient,
} as const satisfies Readonly<Record<string, ClientClass>>;

type Providers = Readonly<Record<string, ClientClass>>;

/** Options of the client of a class; its model stands in the model string. */
export type OptionsOf<Class> = Class extends new (options: infer Options) => BaseLLMClient
  ? Omit<NonNullable<Options>, 'model'>
  : never;

/**
 * Makes clients of model strings such as `groq/llama-3.3-70b-versatile`: what stands before the first slash names the
 * provider. It knows the providers of this package; `with()` adds those of your own.
 *
 * @example
 * const registry = new ProviderRegistry().with({ harbour: HarbourClient });
 * const client = registry.createClient('harbour/tug-2', { apiKey });
 */
export class ProviderRegistry<Known extends Providers = typeof PROVIDERS> {
  readonly #classes: ReadonlyMap<string, ClientClass>;

  constructor(classes: Known = PROVIDERS as unknown as Known) {
    this.#classes = new Map(Object.entries(classes));
  }

  /** The names that a model string may begin with. */
  get names(): string[] {
    return [...this.#classes.keys()];
  }

  /**
   * A registry that knows further providers, or others under the same names. This one is left as it is.
   *
   * @throws TypeError for a name with a slash, and for something that is no class of clients.
   */
  with<More extends Providers>(classes: More): ProviderRegistry<Omit<Known, keyof More> & More> {
    for (const [name, Class] of Object.entries(classes)) {
      if (name === '' || name.includes('/')) {
        throw new TypeError(`ProviderRegistry.with(): '${name}' names no provider: leave out the slash.`);
      }
      if (typeof Class !== 'function' || !(Class.prototype instanceof BaseLLMClient)) {
        throw new TypeError(
          `ProviderRegistry.with(): \`${name}\` is ${show(Class)}: give a class that extends BaseLLMClient.`,
        );
      }
    }
    return new ProviderRegistry({ ...Object.fromEntries(this.#classes), ...classes } as never);
  }

  /**
   * The client of the provider that `model` begins with; what follows the slash becomes the client's `model`.
   *
   * @throws TypeError for a model string without a provider that is known, and for what the class refuses.
   * @throws AuthenticationError when there is no key.
   */
  createClient<Name extends keyof Known & string>(
    model: `${Name}/${string}`,
    options?: OptionsOf<Known[Name]>,
  ): InstanceType<Known[Name]>;
  createClient(model: string, options?: Omit<ClientOptions, 'model'>): BaseLLMClient;
  createClient(model: string, options: object = {}): BaseLLMClient {
    const [name, own] = this.#split(model);
    if ('model' in options) {
      throw new TypeError('createClient(): `model` in the options: give it in the model string alone.');
    }
    const Class = this.#classes.get(name) as unknown as new (options: object) => BaseLLMClient;
    return new Class({ ...options, model: own });
  }

  #split(model: unknown): [name: string, own: string] {
    const slash = typeof model === 'string' ? model.indexOf('/') : -1;
    const example = "give one such as 'openai/gpt-4o-mini'";
    if (typeof model !== 'string' || slash < 1 || slash === model.length - 1) {
      throw new TypeError(
        `createClient(): the model string is ${show(model)}: ${example}, provider and model with a slash between.`,
      );
    }
    const name = model.slice(0, slash);
    if (!this.#classes.has(name)) {
      const nearest = nearestName(name, this.names);
      const hint = nearest ? `Did you mean '${nearest}'?` : `There are: ${this.names.join(', ')}.`;
      throw new TypeError(`createClient(): there is no provider '${name}'. ${hint}`);
    }
    return [name, model.slice(slash + 1)];
  }
}

const ofThisPackage = new ProviderRegistry();

/**
 * The client of a model string such as `groq/llama-3.3-70b-versatile`, of a provider of this package. For providers of
 * your own see `ProviderRegistry`.
 *
 * @example
 * const client = createClient('mistral/mistral-small-latest');
 * const reply = await client.chatCompletion([{ role: 'user', content: 'Hi' }]);
 */
export function createClient<Name extends keyof typeof PROVIDERS>(
  model: `${Name}/${string}`,
  options?: OptionsOf<(typeof PROVIDERS)[Name]>,
): InstanceType<(typeof PROVIDERS)[Name]>;
export function createClient(model: string, options?: Omit<ClientOptions, 'model'>): BaseLLMClient;
export function createClient(model: string, options: Omit<ClientOptions, 'model'> = {}): BaseLLMClient {
  return ofThisPackage.createClient(model, options);
}
