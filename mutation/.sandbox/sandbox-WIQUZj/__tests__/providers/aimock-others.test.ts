/** The compatible clients against aimock, each under its own path; and what only some providers have. */
// @ts-nocheck

import { describe, expect, it, jest } from '@jest/globals';
import type { ChatMessage } from 'keelson';
import {
  asked,
  compatibleShapes,
  failureOf,
  messages,
  MODEL,
  mock,
  open,
  shapes,
  TEXT,
  time,
  tools,
} from './aimock.js';

jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);

const MEASURE = { id: 'call_1', name: 'measure', arguments: '{"part":"keel"}' };
const shapeOf = (name: string) => new Map(shapes).get(name)!;

describe.each(compatibleShapes)('%s', (_name, shape) => {
  it('chats, after two refusals', async () => {
    mock.on({ ...asked, sequenceIndex: 0 }, { error: { message: 'Wait.' }, status: 429 });
    mock.on({ ...asked, sequenceIndex: 1 }, { error: { message: 'Wait.' }, status: 503 });
    const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };
    mock.on({ ...asked, sequenceIndex: 2 }, { content: TEXT, reasoning: 'It lies on the keel.', usage });
    const reply = await time.settle(open(shape).chatCompletion(messages));
    expect(reply).toMatchObject({
      choices: [{ message: { content: TEXT, reasoning_content: 'It lies on the keel.' } }],
      usage,
    });
  });

  it('streams an answer with tools, and takes their results back', async () => {
    mock.on({ ...asked, toolName: 'measure', hasToolResult: false }, { content: TEXT, toolCalls: [MEASURE] });
    mock.on({ toolCallId: 'call_1', toolResultContains: '30 m' }, { content: 'Thirty.' });
    const client = open(shape);
    const first = await client.streamChatCompletion(messages, { tools }).finalCompletion();
    const { message, finish_reason } = first.choices[0]!;
    expect(finish_reason).toBe('tool_calls');
    expect(message.content).toBe(TEXT);
    const result: ChatMessage = { role: 'tool', tool_call_id: 'call_1', content: '30 m' };
    const second = client.streamChatCompletion([...messages, message, result], { tools });
    expect(await second.finalText()).toBe('Thirty.');
    if (shape.lacks?.includes('streamed usage')) return;
    expect(first.usage?.completion_tokens).toBeGreaterThan(0);
  });

  if (shape.Class.provider.hasEmbeddings !== false) {
    it('embeds', async () => {
      mock.onEmbedding(/^a keelson$/, { embedding: [0.25, -0.5, 0.125] });
      expect(await open(shape).embeddings('a keelson')).toEqual([0.25, -0.5, 0.125]);
    });
  }
});

describe('what only some have', () => {
  it('Anthropic: hidden thoughts go back with the results of tools', async () => {
    mock.on(
      { ...asked, hasToolResult: false },
      {
        reasoning: 'Let me see.',
        reasoningSignature: 'signed',
        redactedThinking: ['c2VjcmV0'],
        toolCalls: [MEASURE],
      },
    );
    mock.on({ toolResultContains: '30 m' }, { content: TEXT });
    const client = open(shapeOf('AnthropicClient'));
    const params = { tools, thinking: { type: 'enabled', budget_tokens: 1024 }, max_tokens: 2048 };
    const { message } = (await client.streamChatCompletion(messages, params).finalCompletion()).choices[0]!;
    const result: ChatMessage = { role: 'tool', tool_call_id: message.tool_calls![0]!.id, content: '30 m' };
    const second = await client.chatCompletion([...messages, message, result], params);
    expect(second.choices[0]?.message.content).toBe(TEXT);
    // aimock refuses a conversation in which a thought is missing or has lost its signature.
    const { role, content, tool_calls: calls } = message;
    const bare: ChatMessage = { role, content, tool_calls: calls! };
    const without = client.chatCompletion([...messages, bare, result], params);
    expect(await failureOf(without)).toMatchObject({ name: 'BadRequestError' });
  });

  it('Azure: the path names the deployment, of which aimock takes the model', async () => {
    mock.on(asked, { content: TEXT });
    const client = open(shapeOf('AzureOpenAIClient by deployments'));
    await client.chatCompletion(messages, {}, { extraBody: { model: undefined } });
    const { path, body } = mock.getLastRequest()!;
    expect(path).toBe(`/openai/deployments/${MODEL}/chat/completions?api-version=2024-10-21`);
    expect(body).toMatchObject({ model: MODEL });
  });

  it('OpenRouter: comments between the events, and its own words for an error', async () => {
    mock.on({ ...asked, sequenceIndex: 0 }, { content: TEXT }, { openRouterProcessing: true });
    const metadata = { reasons: ['violence'], flagged_input: 'a keelson', provider_name: 'any' };
    mock.on({ ...asked, sequenceIndex: 1 }, { error: { message: 'It was flagged.', metadata }, status: 403 });
    const client = open(shapeOf('OpenRouterClient'));
    expect(await client.streamChatCompletion(messages).finalText()).toBe(TEXT);
    expect(await failureOf(client.chatCompletion(messages))).toMatchObject({
      name: 'PermissionDeniedError',
      response: { error: { code: 403, metadata } },
    });
  });

  it('OpenAI: endpoints without a method, by request()', async () => {
    mock.on({ userMessage: 'What is a keelson?' }, { content: TEXT });
    const client = open(shapeOf('OpenAIClient'));
    const models = await client.request<{ data: { id: string }[] }>('/models', { method: 'GET' });
    expect(models.data.length).toBeGreaterThan(0);
    const body = { model: MODEL, input: 'What is a keelson?' };
    const response = await client.request<{ output: { content?: { text?: string }[] }[] }>('/responses', {
      body,
    });
    expect(response.output.flatMap(({ content }) => content?.map(({ text }) => text))).toEqual([TEXT]);
  });
});
