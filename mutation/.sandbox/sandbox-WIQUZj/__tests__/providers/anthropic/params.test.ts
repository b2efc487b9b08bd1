// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import type { ChatParams, KnownChatParams } from 'keelson';
import { failureOf, messages } from '../../client/support.js';
import { answer, text } from './fixtures.js';
import { open } from './support.js';

const tool = { type: 'function', function: { name: 'get_time' } } as const;
const sentTool = { name: 'get_time', input_schema: { type: 'object', properties: {} } };
const schema = { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: false };

type Fate =
  | { params: ChatParams; sent: object; drops?: readonly string[] }
  | { params: ChatParams; drops: readonly string[] }
  | { params: ChatParams; refuses: RegExp };

/** What becomes of every field that OpenAI documents: a new one does not compile until it is decided. */
const FATES: Record<keyof KnownChatParams, readonly Fate[]> = {
  model: [{ params: { model: 'claude-opus-4-1' }, sent: { model: 'claude-opus-4-1' } }],
  max_completion_tokens: [{ params: { max_completion_tokens: 9, max_tokens: 7 }, sent: { max_tokens: 9 } }],
  max_tokens: [
    { params: { max_tokens: 7 }, sent: { max_tokens: 7 } },
    { params: {}, sent: { max_tokens: 8192 } },
  ],
  n: [
    { params: { n: 1 }, sent: {} },
    { params: { n: 2 }, refuses: /several answers/ },
  ],
  stop: [
    { params: { stop: 'END' }, sent: { stop_sequences: ['END'] } },
    { params: { stop: ['A', 'B'] }, sent: { stop_sequences: ['A', 'B'] } },
  ],
  response_format: [
    { params: { response_format: { type: 'text' } }, sent: {} },
    { params: { response_format: { type: 'json_object' } }, refuses: /JSON answers without a schema/ },
    {
      params: { response_format: { type: 'json_schema', json_schema: { name: 'a', schema, strict: true } } },
      sent: { output_config: { format: { type: 'json_schema', schema } } },
    },
    {
      params: {
        response_format: { type: 'json_schema', json_schema: { name: 'a', description: 'An A', schema } },
      },
      sent: { output_config: { format: { type: 'json_schema', schema } } },
      drops: ['response_format.json_schema.description'],
    },
    {
      params: { response_format: { type: 'json_schema', json_schema: { name: 'a' } } },
      refuses: /JSON answers without a schema/,
    },
  ],
  verbosity: [{ params: { verbosity: 'low' }, drops: ['verbosity'] }],
  modalities: [
    { params: { modalities: ['text'] }, sent: {} },
    { params: { modalities: ['text', 'audio'] }, refuses: /spoken answers/ },
  ],
  audio: [{ params: { audio: { format: 'mp3', voice: 'ash' } }, refuses: /spoken answers/ }],
  temperature: [{ params: { temperature: 0 }, sent: { temperature: 0 } }],
  top_p: [{ params: { top_p: 0.5 }, sent: { top_p: 0.5 } }],
  frequency_penalty: [
    { params: { frequency_penalty: 0 }, sent: {} },
    { params: { frequency_penalty: 1 }, drops: ['frequency_penalty'] },
  ],
  presence_penalty: [{ params: { presence_penalty: -1 }, drops: ['presence_penalty'] }],
  logit_bias: [
    { params: { logit_bias: {} }, sent: {} },
    { params: { logit_bias: { 1: 5 } }, drops: ['logit_bias'] },
  ],
  seed: [{ params: { seed: 7 }, drops: ['seed'] }],
  reasoning_effort: [
    {
      params: { model: 'claude-sonnet-5', reasoning_effort: 'high' },
      sent: { model: 'claude-sonnet-5', thinking: { type: 'adaptive' }, output_config: { effort: 'high' } },
    },
    {
      params: { model: 'claude-opus-4-6', reasoning_effort: 'minimal', output_config: { x: 1 } },
      sent: {
        model: 'claude-opus-4-6',
        thinking: { type: 'adaptive' },
        output_config: { effort: 'low', x: 1 },
      },
    },
    {
      params: { model: 'claude-sonnet-4-5-20250929', reasoning_effort: 'medium' },
      sent: {
        model: 'claude-sonnet-4-5-20250929',
        thinking: { type: 'enabled', budget_tokens: 8192 },
        max_tokens: 16_384,
      },
    },
    {
      params: { reasoning_effort: 'medium', max_tokens: 4000 },
      sent: { thinking: { type: 'enabled', budget_tokens: 2000 }, max_tokens: 4000 },
    },
    {
      params: { reasoning_effort: 'medium', max_tokens: 500 },
      sent: { max_tokens: 500 },
      drops: ['reasoning_effort'],
    },
    { params: { reasoning_effort: 'none' }, sent: { thinking: { type: 'disabled' } } },
    {
      params: { reasoning_effort: 'high', thinking: { type: 'enabled', budget_tokens: 2000 } },
      sent: { thinking: { type: 'enabled', budget_tokens: 2000 }, max_tokens: 10_192 },
      drops: ['reasoning_effort'],
    },
    {
      params: { reasoning_effort: 'high', thinking: { type: 'adaptive', display: 'omitted' } },
      sent: { thinking: { type: 'adaptive', display: 'omitted' }, output_config: { effort: 'high' } },
    },
  ],
  prediction: [{ params: { prediction: { type: 'content', content: 'a' } }, drops: ['prediction'] }],
  logprobs: [
    { params: { logprobs: false }, sent: {} },
    { params: { logprobs: true }, refuses: /log probabilities/ },
  ],
  top_logprobs: [{ params: { top_logprobs: 2 }, refuses: /log probabilities/ }],
  tools: [
    {
      params: {
        tools: [
          {
            type: 'function',
            function: {
              name: 'get_weather',
              description: 'The weather',
              parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
              strict: true,
            },
            cache_control: { type: 'ephemeral' },
          } as never,
          { type: 'web_fetch_20250910', name: 'web_fetch', max_uses: 2 } as never,
          { name: 'own', input_schema: { type: 'object' } } as never,
        ],
      },
      sent: {
        tools: [
          {
            name: 'get_weather',
            description: 'The weather',
            input_schema: {
              type: 'object',
              properties: { city: { type: 'string' } },
              required: ['city'],
            },
            strict: true,
            cache_control: { type: 'ephemeral' },
          },
          { type: 'web_fetch_20250910', name: 'web_fetch', max_uses: 2 },
          { name: 'own', input_schema: { type: 'object' } },
        ],
      },
    },
    { params: { tools: [{ type: 'custom', custom: { name: 'c' } }] }, refuses: /custom tools/ },
  ],
  tool_choice: [
    ...(
      [
        ['auto', { type: 'auto' }],
        ['none', { type: 'none' }],
        ['required', { type: 'any' }],
        [
          { type: 'function', function: { name: 'get_time' } },
          { type: 'tool', name: 'get_time' },
        ],
        [{ type: 'any' }, { type: 'any' }],
        [{ type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [tool] } }, { type: 'any' }],
      ] as const
    ).map(([choice, sent]) => ({
      params: { tools: [tool], tool_choice: choice as never },
      sent: { tools: [sentTool], tool_choice: sent },
    })),
    {
      params: {
        tools: [tool, { type: 'function', function: { name: 'other' } }],
        tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [tool] } },
      },
      sent: { tools: [sentTool], tool_choice: { type: 'auto' } },
    },
    { params: { tool_choice: { type: 'custom', custom: { name: 'c' } } }, refuses: /custom tools/ },
  ],
  parallel_tool_calls: [
    { params: { tools: [tool], parallel_tool_calls: true }, sent: { tools: [sentTool] } },
    {
      params: { tools: [tool], parallel_tool_calls: false },
      sent: { tools: [sentTool], tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
    },
    {
      params: { tools: [tool], parallel_tool_calls: false, tool_choice: 'required' },
      sent: { tools: [sentTool], tool_choice: { type: 'any', disable_parallel_tool_use: true } },
    },
    {
      params: { tools: [tool], parallel_tool_calls: false, tool_choice: 'none' },
      sent: { tools: [sentTool], tool_choice: { type: 'none' } },
    },
  ],
  web_search_options: [
    {
      params: {
        web_search_options: {
          search_context_size: 'low',
          user_location: { type: 'approximate', approximate: { city: 'Basel', country: 'CH' } },
        },
      },
      sent: {
        tools: [
          {
            type: 'web_search_20250305',
            name: 'web_search',
            user_location: { type: 'approximate', city: 'Basel', country: 'CH' },
          },
        ],
      },
      drops: ['web_search_options.search_context_size'],
    },
  ],
  service_tier: [
    { params: { service_tier: 'auto' }, sent: { service_tier: 'auto' } },
    { params: { service_tier: 'default' }, sent: { service_tier: 'standard_only' } },
    { params: { service_tier: 'standard_only' }, sent: { service_tier: 'standard_only' } },
    { params: { service_tier: 'flex' }, drops: ['service_tier'] },
  ],
  store: [
    { params: { store: false }, sent: {} },
    { params: { store: true }, drops: ['store'] },
  ],
  metadata: [
    { params: { metadata: { user_id: 'u' } }, sent: { metadata: { user_id: 'u' } } },
    {
      params: { metadata: { user_id: 'u', a: 'b' } },
      sent: { metadata: { user_id: 'u' } },
      drops: ['metadata'],
    },
  ],
  prompt_cache_key: [{ params: { prompt_cache_key: 'k' }, drops: ['prompt_cache_key'] }],
  prompt_cache_options: [
    { params: { prompt_cache_options: { ttl: '30m' } }, drops: ['prompt_cache_options'] },
  ],
  prompt_cache_retention: [{ params: { prompt_cache_retention: '24h' }, drops: ['prompt_cache_retention'] }],
  safety_identifier: [
    { params: { safety_identifier: 's' }, sent: { metadata: { user_id: 's' } } },
    { params: { safety_identifier: 's', user: 'u' }, sent: { metadata: { user_id: 's' } }, drops: ['user'] },
  ],
  user: [{ params: { user: 'u' }, sent: { metadata: { user_id: 'u' } } }],
  moderation: [{ params: { moderation: { model: 'm' } }, refuses: /moderation/ }],
  stream_options: [
    { params: { stream_options: { include_usage: true } }, sent: {} },
    {
      params: { stream_options: { include_obfuscation: true } },
      drops: ['stream_options.include_obfuscation'],
    },
  ],
  functions: [{ params: { functions: [{ name: 'get_time' }] }, sent: { tools: [sentTool] } }],
  function_call: [
    {
      params: { functions: [{ name: 'get_time' }], function_call: { name: 'get_time' } },
      sent: { tools: [sentTool], tool_choice: { type: 'tool', name: 'get_time' } },
    },
    {
      params: { functions: [{ name: 'get_time' }], function_call: 'none' },
      sent: { tools: [sentTool], tool_choice: { type: 'none' } },
    },
  ],
};

const PLAIN = { model: 'claude-haiku-4-5', max_tokens: 8192, messages };

describe('every param of OpenAI is sent, dropped with a word, or refused', () => {
  const cases = Object.entries(FATES).flatMap(([name, fates]) =>
    fates.map((fate) => [name, JSON.stringify(fate.params), fate] as const),
  );

  it.each(cases)('%s: %s', async (_, __, fate) => {
    const { client, sent, dropped } = await open({ body: answer([text('Hello')]) });
    if ('refuses' in fate) {
      const error = await failureOf(client.chatCompletion(messages, fate.params));
      expect(error).toMatchObject({ name: 'UnsupportedOperationError', provider: 'anthropic' });
      expect(error.message).toMatch(fate.refuses);
      expect(sent).toEqual([]);
      return;
    }
    await client.chatCompletion(messages, fate.params);
    expect(sent[0]?.body).toEqual({ ...PLAIN, ...('sent' in fate ? fate.sent : {}) });
    expect(dropped).toEqual(fate.drops ?? []);
  });

  it.each(Object.keys(FATES).filter((name) => name !== 'model'))('null is nothing: %s', async (name) => {
    const { client, sent, dropped } = await open({ body: answer([text('Hello')]) });
    await client.chatCompletion(messages, { [name]: null });
    expect(sent[0]?.body).toEqual(PLAIN);
    expect(dropped).toEqual([]);
  });
});

describe('params of Anthropic’s own', () => {
  it('are sent as they are', async () => {
    const { client, sent, dropped } = await open({ body: answer([text('Hello')]) });
    const own = {
      top_k: 5,
      stop_sequences: ['B'],
      cache_control: { type: 'ephemeral', ttl: '1h' },
      container: 'c1',
      inference_geo: 'eu',
      context_management: { edits: [] },
      mcp_servers: [{ type: 'url', url: 'https://mcp.example', name: 'm' }],
    };
    await client.chatCompletion(messages, { ...own, stop: 'A' }, { extraBody: { speed: 'fast' } });
    expect(sent[0]?.body).toEqual({ ...PLAIN, ...own, stop_sequences: ['A', 'B'], speed: 'fast' });
    expect(dropped).toEqual([]);
  });

  it('may be instructions, which come before those of the messages', async () => {
    const { client, sent } = await open({ body: answer([text('Hello')]) });
    const system = [{ type: 'text', text: 'Native.', cache_control: { type: 'ephemeral' } }];
    await client.chatCompletion([{ role: 'system', content: 'Ours.' }, ...messages], { system });
    expect(sent[0]?.body.system).toEqual([...system, { type: 'text', text: 'Ours.' }]);
    await client.chatCompletion(messages, { system: 'Native.' });
    expect(sent[1]?.body.system).toBe('Native.');
  });

  it('may name beta features, beside those of the client', async () => {
    const { client, sent } = await open(
      { body: answer([text('Hello')]) },
      { betas: ['files-api-2025-04-14'] },
    );
    await client.chatCompletion(messages);
    await client.chatCompletion(messages, { betas: ['context-1m-2025-08-07', 'files-api-2025-04-14'] });
    expect(sent.map(({ headers }) => headers['anthropic-beta'])).toEqual([
      'files-api-2025-04-14',
      'files-api-2025-04-14,context-1m-2025-08-07',
    ]);
    expect(sent[1]?.body.betas).toBeUndefined();
  });
});
