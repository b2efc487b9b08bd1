// @ts-nocheck
import { show } from '../../../decorators/pipeline/options.js';
import { environment } from '../../client/environment.js';
import type { ChatInput, EmbeddingInput, ProviderRequest } from '../../client/hooks.js';
import type { ClientOptions } from '../../client/options.js';
import type { ProviderSpec } from '../../client/provider-spec.js';
import { OpenAICompatibleClient } from '../openai-compatible.js';
import { resolveAddress } from './address.js';

/** Options of `AzureOpenAIClient`. */
export interface AzureOpenAIClientOptions extends ClientOptions {
  /**
   * The resource's address, for example `https://my-resource.openai.azure.com`. Default: `AZURE_OPENAI_ENDPOINT`. For a
   * gateway give the whole address by `baseURL`.
   */
  endpoint?: string | undefined;
  /**
   * A dated version such as `2024-10-21` for the API of before v1, whose paths name the deployment. `preview` is v1 with
   * its previews. Default: `OPENAI_API_VERSION`, else v1.
   */
  apiVersion?: string | undefined;
  /** Deployment of all chats, whatever their model. Default: the model is the deployment's name. */
  deployment?: string | undefined;
  /** Gives a token of Microsoft Entra ID, in place of a key. It is asked anew for each attempt: let it cache. */
  azureADTokenProvider?: (() => string | Promise<string>) | undefined;
}

/** Tokens of Entra are JWTs, keys never are. */
const ENTRA_TOKEN = /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/;

/**
 * OpenAI's models at Azure: by the v1 API, or with a dated `apiVersion` by the paths of deployments. `model` and
 * `embeddingModel` are the names of your deployments. The key comes from `apiKey` or `AZURE_OPENAI_API_KEY`; instead of
 * it `azureADTokenProvider`, or a function as `apiKey`, gives a token of Microsoft Entra ID.
 *
 * @example
 * const client = new AzureOpenAIClient({ endpoint: 'https://my-resource.openai.azure.com', model: 'my-deployment' });
 *
 * @example
 * const token = getBearerTokenProvider(new DefaultAzureCredential(), 'https://cognitiveservices.azure.com/.default');
 * const client = new AzureOpenAIClient({ azureADTokenProvider: token, apiVersion: '2024-10-21', model: 'my-deployment' });
 */
export class AzureOpenAIClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'azure',
    env: { apiKey: 'AZURE_OPENAI_API_KEY', baseURL: 'AZURE_OPENAI_BASE_URL' },
    authHeader: 'api-key',
  };
  static override readonly optionNames: readonly string[] = [
    'endpoint',
    'apiVersion',
    'deployment',
    'azureADTokenProvider',
  ];

  readonly #usesTokens: boolean;
  readonly #namesDeployments: boolean;
  readonly #deployment: string | undefined;

  constructor(options: AzureOpenAIClientOptions = {}) {
    const { azureADTokenProvider, deployment } = options ?? {};
    const { name, provider } = new.target;
    checkOwnOptions(options ?? {}, name);
    // The environment's resource is not that of another provider's class.
    const isOwn = provider === AzureOpenAIClient.provider;
    const usualURL = environment(provider?.env?.baseURL) ?? provider?.baseURL;
    const { baseURL, version, namesDeployments } = resolveAddress(
      {
        baseURL: options?.baseURL ?? (options?.endpoint === undefined ? usualURL : undefined),
        endpoint: options?.endpoint ?? (isOwn ? environment('AZURE_OPENAI_ENDPOINT') : undefined),
        apiVersion: options?.apiVersion,
        usualVersion: isOwn ? environment('OPENAI_API_VERSION') : undefined,
      },
      name,
    );
    super({
      ...options,
      baseURL,
      model: options?.model ?? deployment,
      ...(azureADTokenProvider && { apiKey: azureADTokenProvider }),
      ...(version !== undefined && { query: { 'api-version': version, ...options?.query } }),
    });
    this.#usesTokens = azureADTokenProvider !== undefined;
    this.#namesDeployments = namesDeployments;
    this.#deployment = deployment;
  }

  protected override authHeaders(apiKey: string): Record<string, string> {
    return this.#usesTokens || ENTRA_TOKEN.test(apiKey)
      ? { Authorization: `Bearer ${apiKey}` }
      : super.authHeaders(apiKey);
  }

  protected override chatRequest(input: ChatInput): ProviderRequest {
    const model = this.#deployment ?? input.model;
    return this.#atDeployment(model, super.chatRequest({ ...input, model }));
  }

  protected override embeddingRequest(input: EmbeddingInput): ProviderRequest {
    return this.#atDeployment(input.model, super.embeddingRequest(input));
  }

  #atDeployment(name: string, request: ProviderRequest): ProviderRequest {
    return this.#namesDeployments
      ? { ...request, path: `/deployments/${encodeURIComponent(name)}${request.path}` }
      : request;
  }
}

function checkOwnOptions(options: AzureOpenAIClientOptions, className: string): void {
  const { azureADTokenProvider: provider, deployment, apiKey, apiVersion } = options;
  const where = `new ${className}()`;
  if (provider !== undefined && typeof provider !== 'function') {
    throw new TypeError(
      `${where}: \`azureADTokenProvider\` is no function: give one that returns a token, such as that of getBearerTokenProvider() of @azure/identity.`,
    );
  }
  if (provider !== undefined && apiKey !== undefined) {
    throw new TypeError(
      `${where}: \`apiKey\` and \`azureADTokenProvider\` are both given: give one of them.`,
    );
  }
  if (options.endpoint !== undefined && options.baseURL !== undefined) {
    throw new TypeError(`${where}: \`endpoint\` and \`baseURL\` are both given: give one of them.`);
  }
  for (const [name, value] of Object.entries({ deployment, apiVersion })) {
    if (value !== undefined && (typeof value !== 'string' || value === '')) {
      throw new TypeError(
        `${where}: \`${name}\` is ${show(value)}: give a string of at least one character.`,
      );
    }
  }
}
