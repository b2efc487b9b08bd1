/** What the tests against aimock share: the server, the shapes it has, and clients of it. */
// @ts-nocheck

import { LLMock, type FixtureMatch } from '@copilotkit/aimock';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { AzureOpenAIClient, GeminiClient } from 'keelson';
import type { BaseLLMClient, ChatMessage, ChatTool, ClientOptions, ProviderSpec } from 'keelson';
import { useVirtualTime, type VirtualTime } from 'keelson/testing';
import { PROVIDERS } from '../../src/providers/registry.js';

type SpecClass = (new (options: ClientOptions) => BaseLLMClient) & { readonly provider: ProviderSpec };

/** A provider's wire as aimock speaks it. */
export interface Shape {
  readonly Class: SpecClass;
  /** The path of the base URL. Default: that of the class's own, by which aimock knows the provider. */
  readonly path?: string;
  readonly options?: object;
  /** What aimock does not say in this shape. */
  readonly lacks?: readonly Lack[];
}

export type Lack = 'embeddings' | 'usage' | 'streamed usage' | 'reasoning' | 'finish reasons';

const LACKS: Readonly<Record<string, readonly Lack[]>> = {
  // It has embedContent, which takes one text, and not batchEmbedContents.
  gemini: ['embeddings'],
  // It tells a stream's usage to those who ask for it; Mistral refuses the question, and tells everybody.
  mistral: ['streamed usage'],
  // Counts are 0, an answer always ends with `stop`, reasoning has a name that Ollama does not have, and /api/embed
  // answers with one vector, in the form of the older /api/embeddings.
  ollama: ['usage', 'finish reasons', 'reasoning', 'embeddings'],
};

/** Gemini on Vertex AI: the same wire under another path, with a token in place of the key. */
class VertexClient extends GeminiClient {
  protected override authHeaders(token: string): Record<string, string> {
    return { Authorization: `Bearer ${token}` };
  }
}

const classes = [...new Set<unknown>(Object.values(PROVIDERS))] as SpecClass[];

/** Those that have a wire of their own at aimock. */
const OWN = ['openai', 'anthropic', 'gemini', 'ollama', 'openrouter'];

const shapeOf = (Class: SpecClass): [string, Shape] => {
  return [Class.name, { Class, lacks: LACKS[Class.provider.name] ?? [] }];
};

export const shapes: readonly [string, Shape][] = [
  ...classes.filter(({ provider }) => OWN.includes(provider.name)).map(shapeOf),
  ['AzureOpenAIClient by v1', { Class: AzureOpenAIClient, path: '/openai/v1' }],
  [
    'AzureOpenAIClient by deployments',
    { Class: AzureOpenAIClient, path: '/openai', options: { apiVersion: '2024-10-21' } },
  ],
  [
    'Gemini on Vertex AI',
    { Class: VertexClient, path: '/v1/projects/p/locations/l/publishers/google', lacks: ['embeddings'] },
  ],
];

/** Those that speak OpenAI's wire under a path of their own. */
export const compatibleShapes: readonly [string, Shape][] = classes
  .filter(({ provider }) => provider.name !== 'azure' && !OWN.includes(provider.name))
  .map(shapeOf);

const KEY = 'sk-aimock-0123456789abcdef';
export const MODEL = 'aimock-model';

/** Strict: what no fixture fits is an error. Pieces of five characters make streams of several events. */
export const mock = new LLMock({ port: 0, strict: true, chunkSize: 5, auth: { apiKeys: [KEY] } });
beforeAll(() => mock.start());
afterAll(() => mock.stop());

/** Virtual, for the waits that aimock asks for. */
export let time: VirtualTime;
const clients: BaseLLMClient[] = [];
beforeAll(() => {
  time = useVirtualTime();
});
afterAll(() => time.restore());
afterEach(async () => {
  mock.reset();
  for (const client of clients.splice(0)) await client.close({ abort: true });
});

/** A client of the shape, for one test. */
export function open({ Class, path, options: own }: Shape, options: ClientOptions = {}): BaseLLMClient {
  const at = path ?? new URL(Class.provider.baseURL as string).pathname.replace(/\/$/, '');
  const client = new Class({
    apiKey: KEY,
    baseURL: mock.url + at,
    model: MODEL,
    embeddingModel: MODEL,
    retry: { baseDelayMs: 0, maxRetryAfterMs: 600_000, budget: false },
    ...own,
    ...options,
  });
  clients.push(client);
  return client;
}

/** What the promise rejects with. */
export async function failureOf(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    return { result: await promise };
  } catch (error) {
    return error;
  }
}

export const TEXT = 'A timber on the keel: é, 漢字, 🚢.';
export const messages: ChatMessage[] = [
  { role: 'system', content: 'You are a shipwright.' },
  { role: 'user', content: 'What is a keelson?' },
];

/** A request that says all that `messages` say. */
export const asked: FixtureMatch = {
  userMessage: /^What is a keelson\?$/,
  systemMessage: /^You are a shipwright\.$/,
  model: MODEL,
};

export const tools: ChatTool[] = [
  {
    type: 'function',
    function: {
      name: 'measure',
      description: 'Measures a part of the ship.',
      parameters: { type: 'object', properties: { part: { type: 'string' } }, required: ['part'] },
    },
  },
];
