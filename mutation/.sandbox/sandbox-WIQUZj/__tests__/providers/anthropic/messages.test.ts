// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import type { ChatMessage } from 'keelson';
import { failureOf } from '../../client/support.js';
import { answer, redacted, searchResult, serverToolUse, text, thinking, toolUse } from './fixtures.js';
import { open } from './support.js';

const PNG = 'iVBORw0KGgo=';
const call = (id: string, name: string, args: string) =>
  ({ id, type: 'function', function: { name, arguments: args } }) as const;
const user = (content: unknown, rest: object = {}) => ({ role: 'user', content, ...rest }) as ChatMessage;
const hi = user('Hi');
const mark = { cache_control: { type: 'ephemeral' } };

/** What a conversation is sent as, and what is told to be left out of it. */
async function sentAs(messages: readonly unknown[]): Promise<{ body: any; dropped: string[] }> {
  const { client, sent, dropped } = await open({ body: answer([text('Hello')]) });
  await client.chatCompletion(messages as ChatMessage[]);
  return { body: sent[0]?.body, dropped };
}

describe('instructions', () => {
  it.each<[string, ChatMessage[], unknown]>([
    ['one text', [{ role: 'system', content: 'Be brief.' }, hi], 'Be brief.'],
    [
      'of both roles, wherever they stand',
      [{ role: 'system', content: 'A' }, hi, { role: 'developer', content: [{ type: 'text', text: 'B' }] }],
      [text('A'), text('B')],
    ],
    [
      'with a cache breakpoint',
      [{ role: 'system', content: [{ type: 'text', text: 'A', ...mark } as never] }, hi],
      [text('A', mark)],
    ],
    [
      'with OpenAI’s breakpoint',
      [
        {
          role: 'system',
          content: [{ type: 'text', text: 'A', prompt_cache_breakpoint: { mode: 'explicit' } }],
        },
        hi,
      ],
      [text('A', mark)],
    ],
    [
      'with a breakpoint on the message',
      [{ role: 'system', content: 'A', ...mark } as never, hi],
      [text('A', mark)],
    ],
  ])('stand beside the messages: %s', async (_, messages, system) => {
    const { body } = await sentAs(messages);
    expect(body.system).toEqual(system);
    expect(body.messages).toEqual([{ role: 'user', content: 'Hi' }]);
  });
});

describe('what a user says', () => {
  const url = (address: string, detail?: string) => ({
    type: 'image_url',
    image_url: { url: address, ...(detail && { detail }) },
  });
  const base64 = (data: string, mediaType: string) => ({ type: 'base64', media_type: mediaType, data });

  it.each<[string, unknown, unknown, string[]?]>([
    ['a text', 'Hi', 'Hi'],
    ['parts', [text('a'), text('b', mark)], [text('a'), text('b', mark)]],
    [
      'an image as a data URL',
      [url(`data:image/png;base64,${PNG}`, 'auto')],
      [{ type: 'image', source: base64(PNG, 'image/png') }],
    ],
    [
      'an image on the web',
      [{ ...url('https://example.com/a.jpg', 'high'), ...mark }],
      [{ type: 'image', source: { type: 'url', url: 'https://example.com/a.jpg' }, ...mark }],
      ['image_url.detail'],
    ],
    [
      'an uploaded file',
      [{ type: 'file', file: { file_id: 'file_1', filename: 'a.pdf' } }],
      [{ type: 'document', source: { type: 'file', file_id: 'file_1' }, title: 'a.pdf' }],
    ],
    [
      'a PDF in base64',
      [{ type: 'file', file: { file_data: 'JVBERi0=' } }],
      [{ type: 'document', source: base64('JVBERi0=', 'application/pdf') }],
    ],
    [
      'a text as a data URL',
      [
        {
          type: 'file',
          file: { file_data: `data:text/plain;base64,${Buffer.from('Zürich').toString('base64')}` },
        },
      ],
      [{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'Zürich' } }],
    ],
    [
      'blocks of Anthropic’s own',
      [{ type: 'search_result', source: 's', title: 't', content: [text('x')] }],
      [{ type: 'search_result', source: 's', title: 't', content: [text('x')] }],
    ],
  ])('is sent in Anthropic’s form: %s', async (_, content, sent, drops = []) => {
    const { body, dropped } = await sentAs([user(content)]);
    expect(body.messages).toEqual([{ role: 'user', content: sent }]);
    expect(dropped).toEqual(drops);
  });

  it.each<[unknown, RegExp]>([
    [[{ type: 'input_audio', input_audio: { data: PNG, format: 'wav' } }], /audio input/],
    [[url('gs://bucket/a.png')], /images but those at an http\(s\) URL or in a base64 data URL/],
    [[url('data:image/svg+xml,%3Csvg/%3E')], /images but those/],
    [[{ type: 'file', file: {} }], /files without/],
  ])('is refused where Anthropic cannot take it: %j', async (content, message) => {
    const { client, sent } = await open({ body: answer([]) });
    const error = await failureOf(client.chatCompletion([user(content)]));
    expect(error.name).toBe('UnsupportedOperationError');
    expect(error.message).toMatch(message);
    expect(sent).toEqual([]);
  });

  it('has no name, and may end with a cache breakpoint', async () => {
    const { body, dropped } = await sentAs([user('Hi', { name: 'Ann', ...mark })]);
    expect(body.messages).toEqual([{ role: 'user', content: [text('Hi', mark)] }]);
    expect(dropped).toEqual(['messages[].name']);
  });

  it('is refused in a role that there is not', async () => {
    const { client } = await open({ body: answer([]) });
    const error = await failureOf(client.chatCompletion([{ role: 'critic', content: 'Hm' } as never]));
    expect(error.message).toMatch(/has no role 'critic'/);
  });
});

describe('calls and their results', () => {
  it('go back in pairs: all results of an answer in one message', async () => {
    const { body, dropped } = await sentAs([
      hi,
      {
        role: 'assistant',
        content: 'Let me see.',
        refusal: null,
        tool_calls: [call('t1', 'get_weather', '{"city":"Basel"}'), call('t2', 'get_time', '')],
      },
      { role: 'tool', tool_call_id: 't1', content: 'sunny' },
      {
        role: 'tool',
        tool_call_id: 't2',
        content: [text('noon'), { type: 'image_url', image_url: { url: 'https://example.com/clock.png' } }],
        is_error: true,
        ...mark,
      },
      hi,
    ]);
    expect(body.messages).toEqual([
      { role: 'user', content: 'Hi' },
      {
        role: 'assistant',
        content: [
          text('Let me see.'),
          toolUse('t1', 'get_weather', { city: 'Basel' }),
          toolUse('t2', 'get_time', {}),
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 't1', content: 'sunny' },
          {
            type: 'tool_result',
            tool_use_id: 't2',
            content: [
              text('noon'),
              { type: 'image', source: { type: 'url', url: 'https://example.com/clock.png' } },
            ],
            is_error: true,
            ...mark,
          },
        ],
      },
      { role: 'user', content: 'Hi' },
    ]);
    expect(dropped).toEqual([]);
  });

  it('may be of the older kind', async () => {
    const { body } = await sentAs([
      hi,
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
      { role: 'function', name: 'f', content: 'one' },
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
      { role: 'function', name: 'f', content: 'two' },
    ]);
    const [, ...rest] = body.messages;
    expect(
      rest.map(({ content }: any) => content[0].id ?? [content[0].tool_use_id, content[0].content]),
    ).toEqual(['function_call_1', ['function_call_1', 'one'], 'function_call_2', ['function_call_2', 'two']]);
  });

  it.each(['{"city": "Bas', '[1]', '"x"'])('keep arguments that are no JSON object: %s', async (args) => {
    const { body } = await sentAs([hi, { role: 'assistant', tool_calls: [call('t1', 'f', args)] }]);
    expect(body.messages[1].content).toEqual([toolUse('t1', 'f', { INVALID_JSON: args })]);
  });

  it('are refused where they are of custom tools', async () => {
    const { client } = await open({ body: answer([]) });
    const custom = { id: 'c', type: 'custom', custom: { name: 'c', input: 'x' } } as const;
    const error = await failureOf(client.chatCompletion([hi, { role: 'assistant', tool_calls: [custom] }]));
    expect(error.message).toMatch(/custom tools/);
  });
});

describe('an earlier answer', () => {
  /** What an answer becomes when it is put back into the messages, changed or not. */
  async function sentBack(
    content: unknown[],
    change: (message: any) => object = (message) => message,
  ): Promise<any> {
    const { client, sent, dropped } = await open({ body: answer(content) });
    const { message } = (await client.chatCompletion([hi])).choices[0]!;
    await client.chatCompletion([hi, change(message) as ChatMessage, hi]);
    expect(dropped).toEqual([]);
    return sent[1]?.body.messages[1];
  }
  const withTool = [
    thinking,
    redacted,
    text('I look.'),
    toolUse('t1', 'get_weather', { city: 'Basel', at: null }),
  ];

  it.each<[string, unknown[]]>([
    ['text', [text('Hello')]],
    ['a call', [toolUse('t1', 'f', { a: null })]],
    ['text and calls', [text('Well'), toolUse('t1', 'f', { a: 1 }), toolUse('t2', 'f', {})]],
    ['signed thoughts', [thinking, text('Hello')]],
    ['thoughts before a call', withTool],
    [
      'Anthropic’s own tools',
      [thinking, text('I search.'), serverToolUse, searchResult, text('1916', { citations: [] })],
    ],
    ['a block of the future', [{ type: 'hologram', data: { a: [1, null] } }, text('Hello')]],
  ])('goes back as it came: %s', async (_, content) => {
    expect(await sentBack(content)).toEqual({ role: 'assistant', content });
  });

  it('goes back with what somebody has changed in it', async () => {
    const sent = await sentBack(withTool, (message) => ({ ...message, content: 'I looked.' }));
    expect(sent.content).toEqual([thinking, redacted, text('I looked.'), withTool[3]]);
    const mended = await sentBack(withTool, (message) => ({
      ...message,
      tool_calls: [call('t1', 'get_weather', '{"city":"Bern"}')],
    }));
    expect(mended.content).toEqual([...withTool.slice(0, 3), toolUse('t1', 'get_weather', { city: 'Bern' })]);
    const marked = await sentBack([text('Hello')], (message) => ({ ...message, ...mark }));
    expect(marked.content).toEqual([text('Hello', mark)]);
  });

  it.each<[string, object, unknown, string[]]>([
    [
      'unsigned thoughts are left out, with a word',
      { content: 'a', reasoning_content: 'hm', reasoning: 'hm' },
      [text('a')],
      ['messages[].reasoning', 'messages[].reasoning_content'],
    ],
    ['a refusal is what was said', { content: null, refusal: 'No.' }, [text('No.')], []],
    [
      'parts are texts',
      { content: [text('a'), { type: 'refusal', refusal: 'No.' }], tool_calls: [], annotations: [] },
      [text('a'), text('No.')],
      [],
    ],
  ])('may be another provider’s: %s', async (_, message, sent, drops) => {
    const { body, dropped } = await sentAs([hi, { role: 'assistant', ...message }, hi]);
    expect(body.messages[1]).toEqual({ role: 'assistant', content: sent });
    expect(dropped).toEqual(drops);
  });

  it('cannot be a spoken one', async () => {
    const { client } = await open({ body: answer([]) });
    const error = await failureOf(client.chatCompletion([hi, { role: 'assistant', audio: { id: 'a' } }]));
    expect(error.message).toMatch(/spoken answers/);
  });
});
