import { describe, expect, it } from '@jest/globals';
import { GeminiClient, type ChatParams } from 'keelson';
import { messages } from '../../client/support.js';
import { itDecides, open, reservedOutput } from '../foreign.js';

const answer = { candidates: [{ content: { parts: [{ text: 'Hi' }] }, finishReason: 'STOP' }] };
const base = { contents: [{ role: 'user', parts: [{ text: 'Hello' }] }] };
const config = (fields: object): { sends: object } => ({ sends: { generationConfig: fields } });
const schema = { type: 'object', properties: { a: { type: 'string' } } };
const weather = { name: 'weather', description: 'It tells', parameters: schema };
const declared = { name: 'weather', description: 'It tells', parametersJsonSchema: schema };
const tools = [{ functionDeclarations: [declared] }];

describe('each param of OpenAI', () => {
  itDecides(GeminiClient, answer, base, {
    model: { value: 'gemini-2.5-flash', sends: {} },
    max_completion_tokens: { value: 5, ...config({ maxOutputTokens: 5 }) },
    max_tokens: { value: 6, ...config({ maxOutputTokens: 6 }) },
    n: { value: 2, ...config({ candidateCount: 2 }) },
    stop: [
      { value: 'END', ...config({ stopSequences: ['END'] }) },
      { value: ['a', 'b'], ...config({ stopSequences: ['a', 'b'] }) },
      { value: null, holds: 'nothing stops it' },
    ],
    response_format: [
      { value: { type: 'text' }, holds: 'it is text' },
      { value: { type: 'json_object' }, ...config({ responseMimeType: 'application/json' }) },
      {
        value: { type: 'json_schema', json_schema: { name: 'n', description: 'd', schema, strict: true } },
        ...config({
          responseMimeType: 'application/json',
          responseJsonSchema: { title: 'n', description: 'd', ...schema },
        }),
      },
    ],
    verbosity: { value: 'low', drops: 'verbosity' },
    modalities: [
      { value: ['text'], ...config({ responseModalities: ['TEXT'] }) },
      { value: ['text', 'audio'], refuses: /spoken answers/ },
    ],
    audio: { value: { format: 'mp3', voice: 'ash' }, refuses: /spoken answers/ },
    temperature: { value: 0, ...config({ temperature: 0 }) },
    top_p: { value: 0.5, ...config({ topP: 0.5 }) },
    frequency_penalty: { value: 1, ...config({ frequencyPenalty: 1 }) },
    presence_penalty: { value: -1, ...config({ presencePenalty: -1 }) },
    logit_bias: { value: { 7: 1 }, drops: 'logit_bias' },
    seed: { value: 0, ...config({ seed: 0 }) },
    reasoning_effort: [
      { value: 'none', ...config({ thinkingConfig: { thinkingBudget: 0 } }) },
      { value: 'low', ...config({ thinkingConfig: { thinkingLevel: 'LOW' } }) },
      { value: 'xhigh', ...config({ thinkingConfig: { thinkingLevel: 'HIGH' } }) },
      { value: null, holds: 'the model decides' },
    ],
    prediction: { value: { type: 'content', content: 'x' }, drops: 'prediction' },
    logprobs: { value: true, ...config({ responseLogprobs: true }) },
    top_logprobs: { value: 3, ...config({ logprobs: 3 }) },
    tools: [
      { value: [{ type: 'function', function: weather }], sends: { tools } },
      {
        value: [{ type: 'function', function: { ...weather, strict: true } }],
        drops: 'tools[].function.strict',
        sends: { tools },
      },
      { value: [{ googleSearch: {} }], sends: { tools: [{ googleSearch: {} }] } },
      { value: [{ type: 'custom', custom: { name: 'x' } }], refuses: /tools of the type 'custom'/ },
    ],
    tool_choice: [
      { value: 'none', sends: { toolConfig: { functionCallingConfig: { mode: 'NONE' } } } },
      { value: 'auto', sends: { toolConfig: { functionCallingConfig: { mode: 'AUTO' } } } },
      { value: 'required', sends: { toolConfig: { functionCallingConfig: { mode: 'ANY' } } } },
      {
        value: { type: 'function', function: { name: 'weather' } },
        sends: { toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['weather'] } } },
      },
      { value: { type: 'custom', custom: { name: 'x' } }, refuses: /`tool_choice` of the type 'custom'/ },
      {
        value: {
          type: 'allowed_tools',
          allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'weather' } }] },
        },
        sends: { toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['weather'] } } },
      },
    ],
    parallel_tool_calls: [
      { value: true, holds: 'it may' },
      { value: false, drops: 'parallel_tool_calls' },
    ],
    web_search_options: [
      { value: {}, sends: { tools: [{ googleSearch: {} }] } },
      {
        value: { search_context_size: 'low' },
        drops: 'web_search_options.search_context_size',
        sends: { tools: [{ googleSearch: {} }] },
      },
    ],
    service_tier: [
      { value: 'auto', holds: 'Google decides' },
      { value: 'default', sends: { serviceTier: 'standard' } },
      { value: 'flex', sends: { serviceTier: 'flex' } },
    ],
    store: [
      { value: true, drops: 'store' },
      { value: false, holds: 'nothing is kept' },
    ],
    metadata: { value: { a: 'b' }, drops: 'metadata' },
    prompt_cache_key: { value: 'k', drops: 'prompt_cache_key' },
    prompt_cache_options: { value: { mode: 'explicit' }, drops: 'prompt_cache_options' },
    prompt_cache_retention: { value: '24h', drops: 'prompt_cache_retention' },
    safety_identifier: { value: 'u', drops: 'safety_identifier' },
    user: { value: 'u', drops: 'user' },
    moderation: { value: { model: 'm' }, refuses: /`moderation`/ },
    stream_options: [
      { value: { include_usage: true }, holds: 'it is always told' },
      { value: { include_obfuscation: true }, drops: 'stream_options.include_obfuscation' },
    ],
    functions: { value: [weather], sends: { tools } },
    function_call: [
      { value: 'auto', sends: { toolConfig: { functionCallingConfig: { mode: 'AUTO' } } } },
      {
        value: { name: 'weather' },
        sends: { toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['weather'] } } },
      },
    ],
  });
});

describe('params', () => {
  const bodyFor = async (params: ChatParams): Promise<any> => {
    const { client, sent } = await open(GeminiClient, [{ body: answer }]);
    await client.chatCompletion(messages, params);
    return sent[0];
  };

  it('may be Gemini’s own, which come before those that are translated', async () => {
    const safetySettings = [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }];
    const { body } = await bodyFor({
      temperature: 1,
      max_tokens: 9,
      top_k: 40,
      responseModalities: ['TEXT', 'IMAGE'],
      generationConfig: { temperature: 0.1, thinkingConfig: { includeThoughts: true } },
      safetySettings,
      cachedContent: 'cachedContents/c1',
      tool_choice: 'auto',
      toolConfig: { retrievalConfig: { languageCode: 'de' } },
    });
    expect(body).toEqual({
      ...base,
      safetySettings,
      cachedContent: 'cachedContents/c1',
      generationConfig: {
        temperature: 0.1,
        maxOutputTokens: 9,
        topK: 40,
        responseModalities: ['TEXT', 'IMAGE'],
        thinkingConfig: { includeThoughts: true },
      },
      toolConfig: { functionCallingConfig: { mode: 'AUTO' }, retrievalConfig: { languageCode: 'de' } },
    });
  });

  it.each<[string, ChatParams, Record<string, unknown> | undefined, number]>([
    ['in `generationConfig`', { max_tokens: 9, generationConfig: { maxOutputTokens: 30 } }, undefined, 30],
    ['alone', { max_tokens: 9, maxOutputTokens: 40 }, undefined, 40],
    ['in extraBody', { maxOutputTokens: 40 }, { generationConfig: { maxOutputTokens: 50 } }, 50],
    ['without a bound', { max_tokens: 9, generationConfig: { seed: 1 } }, undefined, 9],
  ])('bound what a call reserves for its output: %s', async (_, params, extraBody, tokens) => {
    expect(await reservedOutput(GeminiClient, answer, params, extraBody)).toBe(tokens);
  });

  it.each([
    ['gemini-2.5-flash', { thinkingBudget: 8192 }],
    ['gemini-3-pro-preview', { thinkingLevel: 'MEDIUM' }],
    ['gemini-flash-latest', { thinkingLevel: 'MEDIUM' }],
  ])('have the model %s think in its own measure', async (model, thinkingConfig) => {
    const { body } = await bodyFor({ model, reasoning_effort: 'medium' });
    expect(body.generationConfig).toEqual({ thinkingConfig });
  });

  it('send, of allowed tools that need not be used, those alone', async () => {
    const tool = (name: string) => ({ type: 'function' as const, function: { name } });
    const { body } = await bodyFor({
      tools: [tool('a'), tool('b')],
      tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [tool('b')] } },
    });
    expect(body.tools).toEqual([{ functionDeclarations: [{ name: 'b' }] }]);
    expect(body.toolConfig).toEqual({ functionCallingConfig: { mode: 'AUTO' } });
  });

  it.each([
    ['gemini-2.5-flash', '/v1/models/gemini-2.5-flash:generateContent'],
    ['models/gemini-2.5-flash', '/v1/models/gemini-2.5-flash:generateContent'],
    ['tunedModels/my-model', '/v1/tunedModels/my-model:generateContent'],
    ['a?b#c', '/v1/models/a%3Fb%23c:generateContent'],
  ])('name the model %s in the path', async (model, url) => {
    expect((await bodyFor({ model })).url).toBe(url);
  });
});
