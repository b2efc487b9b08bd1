// @ts-nocheck
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  createClient,
  GroqClient,
  OpenAIClient,
  OpenAICompatibleClient,
  OpenRouterClient,
  ProviderRegistry,
  type BaseLLMClient,
  type ProviderSpec,
} from 'keelson';
import { PROVIDERS } from '../../src/providers/registry.js';
import { atEnd, json, messages, readBody, serve } from '../client/support.js';

type SpecClass = (new (options: object) => BaseLLMClient) & { readonly provider: ProviderSpec };
const classes = [...new Set<unknown>(Object.values(PROVIDERS))] as SpecClass[];
const entries = Object.entries(PROVIDERS) as unknown as [string, SpecClass][];

describe('createClient', () => {
  it('makes the client of the provider that the string begins with', () => {
    const client = createClient('groq/llama-3.3-70b-versatile', { apiKey: 'k' });
    expect(client).toBeInstanceOf(GroqClient);
    expect((client as any).model).toBe('llama-3.3-70b-versatile');
    expect(createClient('openai/gpt-4o', { apiKey: 'k', organization: 'o' })).toBeInstanceOf(OpenAIClient);
  });

  it('leaves the slashes of the model alone', () => {
    const client = createClient('openrouter/anthropic/claude-sonnet-4.5', { apiKey: 'k' });
    expect(client).toBeInstanceOf(OpenRouterClient);
    expect((client as any).model).toBe('anthropic/claude-sonnet-4.5');
  });

  it('sends that model', async () => {
    let body: unknown;
    const baseURL = await serve(async (request, response) => {
      body = await readBody(request);
      json(response, 200, { choices: [] });
    });
    const client = createClient('vllm/qwen/qwen3', { baseURL });
    atEnd(() => client.close({ abort: true }));
    await client.chatCompletion(messages);
    expect(body).toEqual({ model: 'qwen/qwen3', messages });
  });

  it.each<[unknown, RegExp]>([
    ['gpt-4o', /the model string is 'gpt-4o': give one such as 'openai\/gpt-4o-mini'/],
    ['/gpt-4o', /provider and model with a slash between/],
    ['openai/', /provider and model with a slash between/],
    [undefined, /the model string is undefined/],
    ['grok/llama', /there is no provider 'grok'. Did you mean 'groq'\?/],
    ['constructor/x', /there is no provider 'constructor'. There are: openai, /],
  ])('refuses %s', (model, message) => {
    expect(() => createClient(model as string, { apiKey: 'k' })).toThrow(message);
    expect(() => createClient(model as string, { apiKey: 'k' })).toThrow(TypeError);
  });

  it('refuses a second model, and hands what the class refuses on', () => {
    const twice = { apiKey: 'k', model: 'other' };
    expect(() => createClient('groq/x', twice)).toThrow(/`model` in the options/);
    expect(() => createClient('groq/x', { apikey: 'k' } as never)).toThrow(/no option `apikey`/);
  });
});

describe('a registry', () => {
  class HarbourClient extends OpenAICompatibleClient {
    static override readonly provider = { name: 'harbour', baseURL: 'https://harbour.example/v1' };
  }

  it('knows providers of your own beside those of the package, and is left as it is', () => {
    const registry = new ProviderRegistry();
    const mine = registry.with({ harbour: HarbourClient, groq: HarbourClient });
    expect(mine.createClient('harbour/tug-2', { apiKey: 'k' })).toBeInstanceOf(HarbourClient);
    expect(mine.createClient('groq/tug-2', { apiKey: 'k' })).toBeInstanceOf(HarbourClient);
    expect(mine.createClient('openai/gpt-4o', { apiKey: 'k' })).toBeInstanceOf(OpenAIClient);
    expect(registry.names).not.toContain('harbour');
    expect(() => createClient('harbour/x', { apiKey: 'k' })).toThrow(/no provider 'harbour'/);
  });

  it('refuses what is no class of clients, and names that no model string could begin with', () => {
    const registry = new ProviderRegistry();
    expect(() => registry.with({ x: class {} as never })).toThrow(/give a class that extends BaseLLMClient/);
    expect(() => registry.with({ 'a/b': HarbourClient })).toThrow(/leave out the slash/);
  });
});

describe('no key and no address of one provider reaches another', () => {
  const variables = (what: 'apiKey' | 'baseURL') =>
    classes.map(({ provider }) => provider.env?.[what]).filter((name) => name !== undefined);
  const saved = { ...process.env };
  beforeEach(() => {
    for (const name of [...variables('apiKey'), ...variables('baseURL')]) delete process.env[name];
  });
  afterEach(() => {
    process.env = { ...saved };
  });

  it('has names of its own for each: of the provider, of its variables, of its host', () => {
    const distinct = (values: readonly unknown[]): boolean => new Set(values).size === values.length;
    expect(distinct(classes.map(({ provider }) => provider.name))).toBe(true);
    expect(distinct(variables('baseURL'))).toBe(true);
    // The two ways to one provider share its key.
    const compatible = ({ name }: ProviderSpec): boolean => name.endsWith('-compatible');
    const others = classes.filter(({ provider }) => !compatible(provider));
    expect(distinct(others.flatMap(({ provider }) => provider.env?.apiKey ?? []))).toBe(true);
    for (const { provider } of classes.filter((one) => compatible(one.provider))) {
      const native = others.find((one) => `${one.provider.name}-compatible` === provider.name)?.provider;
      expect(provider.env?.apiKey).toBe(native?.env?.apiKey);
      expect(new URL(provider.baseURL ?? '').host).toBe(new URL(native?.baseURL ?? '').host);
    }
    // A resource at Azure is the user's own.
    const addressed = classes.filter(({ provider }) => provider.name !== 'azure');
    expect(distinct(addressed.map(({ provider }) => provider.baseURL))).toBe(true);
    for (const { provider } of classes) expect(Object.keys(PROVIDERS)).toContain(provider.name);
    for (const { provider } of addressed) {
      expect(provider.baseURL).toMatch(/^https:|^http:\/\/localhost:/);
    }
  });

  it.each(entries)('sends %s its own key, where all are set', async (name, Class) => {
    let sent: Record<string, unknown> = {};
    const baseURL = await serve((request, response) => {
      sent = request.headers;
      json(response, 200, { choices: [], candidates: [], content: [], message: {} });
    });
    for (const { provider } of classes) {
      const { apiKey, baseURL: address } = provider.env ?? {};
      if (apiKey) process.env[apiKey] = `key-of-${apiKey}`;
      if (address && provider !== Class.provider) process.env[address] = 'http://127.0.0.1:9/v1';
    }
    const { provider } = Class;
    process.env[provider.env?.baseURL as string] = baseURL;
    const client = createClient(`${name}/m`);
    atEnd(() => client.close({ abort: true }));
    await client.chatCompletion(messages, {}, { maxRetries: 0 });
    const key = `key-of-${provider.env?.apiKey}`;
    const { authHeader } = provider;
    expect(sent[authHeader ?? 'authorization']).toBe(authHeader ? key : `Bearer ${key}`);
    expect(JSON.stringify(sent).match(/key-of-\w+/g)).toEqual([key]);
  });

  it.each(entries)('does without a key, or refuses to: %s', (name, Class) => {
    const { baseURL = 'https://my-resource.openai.azure.com/openai/v1' } = Class.provider;
    const make = (): unknown => createClient(`${name}/m`, { baseURL });
    if (Class.provider.needsApiKey === false) expect(make()).toBeInstanceOf(Class);
    else expect(make).toThrow(`set the environment variable ${Class.provider.env?.apiKey}`);
  });
});
