// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import { GeminiClient, type ChatMessage } from 'keelson';
import { failureOf } from '../../client/support.js';
import { open } from '../foreign.js';

const answer = { candidates: [{ content: { parts: [{ text: 'Hi' }] }, finishReason: 'STOP' }] };
const call = (id: string, name: string, args: string) => ({
  id,
  type: 'function' as const,
  function: { name, arguments: args },
});

async function sentFor(messages: unknown[]): Promise<{ body: any; dropped: string[] }> {
  const { client, sent, dropped } = await open(GeminiClient, [{ body: answer }]);
  await client.chatCompletion(messages as ChatMessage[]);
  return { body: sent[0]!.body, dropped };
}

const user = (...content: unknown[]): unknown[] => [{ role: 'user', content }];

describe('what a user shows', () => {
  it.each<[string, unknown, object]>([
    ['text', { type: 'text', text: 'a' }, { text: 'a' }],
    [
      'an image in a data URL',
      { type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=' } },
      { inlineData: { mimeType: 'image/png', data: 'aGk=' } },
    ],
    [
      'an image at an address',
      { type: 'image_url', image_url: { url: 'https://example.com/cat.JPG?size=2' } },
      { fileData: { mimeType: 'image/jpeg', fileUri: 'https://example.com/cat.JPG?size=2' } },
    ],
    [
      'an image at an address that does not say what it is',
      { type: 'image_url', image_url: { url: 'http://example.com/cat', detail: 'auto' } },
      { fileData: { fileUri: 'http://example.com/cat' } },
    ],
    [
      'a recording',
      { type: 'input_audio', input_audio: { data: 'aGk=', format: 'wav' } },
      { inlineData: { mimeType: 'audio/wav', data: 'aGk=' } },
    ],
    [
      'a file in a data URL',
      { type: 'file', file: { file_data: 'data:text/csv;base64,aGk=' } },
      { inlineData: { mimeType: 'text/csv', data: 'aGk=' } },
    ],
    [
      'a file in base64',
      { type: 'file', file: { file_data: 'aGk=' } },
      { inlineData: { mimeType: 'application/pdf', data: 'aGk=' } },
    ],
    [
      'an uploaded file',
      { type: 'file', file: { file_id: 'https://g.example/v1beta/files/abc' } },
      { fileData: { fileUri: 'https://g.example/v1beta/files/abc' } },
    ],
    [
      'a part of Gemini’s own',
      { fileData: { fileUri: 'https://youtu.be/x' }, videoMetadata: { fps: 2 } },
      { fileData: { fileUri: 'https://youtu.be/x' }, videoMetadata: { fps: 2 } },
    ],
  ])('may be %s', async (_, part, expected) => {
    const { body, dropped } = await sentFor(user(part));
    expect(body).toEqual({ contents: [{ role: 'user', parts: [expected] }] });
    expect(dropped).toEqual([]);
  });

  it.each<[string, unknown]>([
    [
      'messages[].content[].image_url.detail',
      { type: 'image_url', image_url: { url: 'https://e.example/a.png', detail: 'low' } },
    ],
    ['messages[].content[].file.filename', { type: 'file', file: { file_data: 'aGk=', filename: 'a.pdf' } }],
    [
      'messages[].content[].prompt_cache_breakpoint',
      { type: 'text', text: 'a', prompt_cache_breakpoint: { mode: 'explicit' } },
    ],
  ])('is told of where it is left out: %s', async (field, part) => {
    expect((await sentFor(user(part))).dropped).toEqual([field]);
  });

  it('is refused where Gemini has no such thing', async () => {
    const { client, sent } = await open(GeminiClient, [{ body: answer }]);
    const smell = { role: 'user', content: [{ type: 'smell' }] } as unknown as ChatMessage;
    expect(await failureOf(client.chatCompletion([smell]))).toMatchObject({
      name: 'UnsupportedOperationError',
      message: "gemini has no content of the type 'smell'.",
    });
    expect(sent).toEqual([]);
  });
});

describe('a conversation', () => {
  it('has its instructions apart', async () => {
    const { body, dropped } = await sentFor([
      { role: 'system', content: 'Be brief.' },
      { role: 'developer', content: [{ type: 'text', text: 'Be kind.' }] },
      { role: 'user', content: 'Hi' },
    ]);
    expect(body).toEqual({
      systemInstruction: { parts: [{ text: 'Be brief.' }, { text: 'Be kind.' }] },
      contents: [{ role: 'user', parts: [{ text: 'Hi' }] }],
    });
    expect(dropped).toEqual([]);
  });

  it('tells where a later instruction loses its place, and of names', async () => {
    const { body, dropped } = await sentFor([
      { role: 'user', content: 'Hi', name: 'Ann' },
      { role: 'system', content: 'Be brief.' },
    ]);
    expect(body.systemInstruction).toEqual({ parts: [{ text: 'Be brief.' }] });
    expect(dropped).toEqual(['messages[].name', 'the place of a later system message']);
  });

  it('has calls, and the results of one answer in one turn', async () => {
    const { body } = await sentFor([
      { role: 'user', content: 'Weather?' },
      {
        role: 'assistant',
        content: 'I look.',
        refusal: null,
        tool_calls: [
          call('c1', 'weather', '{"city":"Ulm"}'),
          call('c2', 'time', ''),
          call('c3', 'odd', '[1'),
        ],
      },
      { role: 'tool', tool_call_id: 'c2', content: '{"hour":3}' },
      { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: 'fine' }] },
      { role: 'tool', tool_call_id: 'c3', content: '{"id":12345678901234567890}' },
      { role: 'user', content: 'And?' },
    ]);
    expect(body.contents.slice(1)).toEqual([
      {
        role: 'model',
        parts: [
          { text: 'I look.' },
          { functionCall: { id: 'c1', name: 'weather', args: { city: 'Ulm' } } },
          { functionCall: { id: 'c2', name: 'time', args: {} } },
          { functionCall: { id: 'c3', name: 'odd', args: { arguments: '[1' } } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'c2', name: 'time', response: { hour: 3 } } },
          { functionResponse: { id: 'c1', name: 'weather', response: { output: 'fine' } } },
          {
            functionResponse: { id: 'c3', name: 'odd', response: { output: '{"id":12345678901234567890}' } },
          },
        ],
      },
      { role: 'user', parts: [{ text: 'And?' }] },
    ]);
  });

  it('may have calls of the older and of the custom kind', async () => {
    const { body } = await sentFor([
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{"a":1}' } },
      { role: 'function', name: 'f', content: 'done' },
      { role: 'assistant', tool_calls: [{ id: 'c', type: 'custom', custom: { name: 'g', input: 'x' } }] },
      { role: 'tool', tool_call_id: 'c', content: 'ok' },
    ]);
    expect(body.contents).toEqual([
      { role: 'model', parts: [{ functionCall: { name: 'f', args: { a: 1 } } }] },
      { role: 'user', parts: [{ functionResponse: { name: 'f', response: { output: 'done' } } }] },
      { role: 'model', parts: [{ functionCall: { id: 'c', name: 'g', args: { input: 'x' } } }] },
      { role: 'user', parts: [{ functionResponse: { id: 'c', name: 'g', response: { output: 'ok' } } }] },
    ]);
  });

  it('may go on with an answer of another provider', async () => {
    const { body, dropped } = await sentFor([
      { role: 'user', content: 'Hi' },
      {
        role: 'assistant',
        content: null,
        refusal: 'I decline.',
        reasoning_content: 'hm',
        annotations: [{ type: 'url_citation' }],
        audio: null,
        thinking_blocks: [{ signature: 's' }],
      },
    ]);
    expect(body.contents[1]).toEqual({
      role: 'model',
      parts: [{ text: 'hm', thought: true }, { text: 'I decline.' }],
    });
    expect(dropped).toEqual(['messages[].annotations', 'messages[].thinking_blocks']);
  });

  it('may go on with an answer of Gemini’s compatible endpoint', async () => {
    const signed = { extra_content: { google: { thought_signature: 's1' } } };
    const { body } = await sentFor([
      { role: 'assistant', content: null, tool_calls: [{ ...call('c1', 'f', '{}'), ...signed }] },
      { role: 'tool', tool_call_id: 'c1', content: 'ok' },
      { role: 'assistant', content: 'Done.', ...signed },
    ]);
    expect(body.contents[0].parts).toEqual([
      { functionCall: { id: 'c1', name: 'f', args: {} }, thoughtSignature: 's1' },
    ]);
    expect(body.contents[2].parts).toEqual([{ text: 'Done.' }, { text: '', thoughtSignature: 's1' }]);
  });

  it('is refused where a result answers no call', async () => {
    const { client, sent } = await open(GeminiClient, [{ body: answer }]);
    const messages: ChatMessage[] = [{ role: 'tool', tool_call_id: 'c9', content: 'x' }];
    const error = await failureOf(client.chatCompletion(messages));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(/^chatCompletion\(\): `messages\[0\]` answers the call 'c9'/);
    expect(await failureOf(client.streamChatCompletion(messages).finalText())).toBeInstanceOf(TypeError);
    expect(sent).toEqual([]);
  });

  it('is refused where a role is unknown', async () => {
    const { client } = await open(GeminiClient, [{ body: answer }]);
    const ghost = [{ role: 'ghost', content: 'boo' }] as unknown as ChatMessage[];
    expect((await failureOf(client.chatCompletion(ghost))).message).toBe(
      "gemini has no messages of the role 'ghost'.",
    );
  });
});
