// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { responseInfo, type AnthropicMessage, type ChatCompletion } from 'keelson';
import { failureOf, messages } from '../../client/support.js';
import {
  answer,
  asStream,
  citation,
  finish,
  redacted,
  searchResult,
  serverToolUse,
  start,
  streamed,
  text,
  thinking,
  toolUse,
  USAGE,
  wire,
  type Event,
} from './fixtures.js';
import { open, type Reply } from './support.js';

/** An answer as it comes both ways: in one body and as a stream. Its `created` is the time of reading. */
async function bothWays(
  message: ReturnType<typeof answer>,
): Promise<[plain: ChatCompletion, streamed: ChatCompletion]> {
  const plain = await open({ body: message });
  const stream = await open({ body: wire(asStream(message)) });
  const completions = [
    await plain.client.chatCompletion(messages),
    await stream.client.streamChatCompletion(messages).finalCompletion(),
  ];
  return completions.map((completion) => ({ ...completion, created: 0 })) as [ChatCompletion, ChatCompletion];
}

const weather = toolUse('toolu_01', 'get_weather', { city: 'Zürich "old town"', days: [1, 2] });
const cited = text('Shannon was born in 1916.', { citations: [citation] });

describe('an answer', () => {
  it.each<[string, unknown[], Partial<AnthropicMessage>]>([
    ['text', [text('Hello there, 👋!')], { content: 'Hello there, 👋!' }],
    ['nothing', [], { content: null }],
    [
      'a call',
      [text('Let me see.'), weather, toolUse('toolu_02', 'get_time', {})],
      {
        content: 'Let me see.',
        tool_calls: [
          {
            id: 'toolu_01',
            type: 'function',
            function: { name: 'get_weather', arguments: '{"city":"Zürich \\"old town\\"","days":[1,2]}' },
          },
          { id: 'toolu_02', type: 'function', function: { name: 'get_time', arguments: '{}' } },
        ],
      },
    ],
    [
      'thoughts',
      [thinking, redacted, text('Hello')],
      {
        content: 'Hello',
        reasoning_content: thinking.thinking,
        content_blocks: [thinking, redacted, text('Hello')],
      },
    ],
    [
      'thoughts that are not shown',
      [{ ...thinking, thinking: '' }, text('Hello')],
      { content: 'Hello', content_blocks: [{ ...thinking, thinking: '' }, text('Hello')] },
    ],
    [
      'a search',
      [text('I search. '), serverToolUse, searchResult, cited, text(' So it is.')],
      {
        content: 'I search. Shannon was born in 1916. So it is.',
        annotations: [
          {
            type: 'url_citation',
            url_citation: { start_index: 10, end_index: 34, title: citation.title, url: citation.url },
          },
        ],
        content_blocks: [text('I search. '), serverToolUse, searchResult, cited, text(' So it is.')],
      },
    ],
    [
      'a call by one of Anthropic’s tools',
      [{ ...weather, caller: { type: 'code_execution_20250825', tool_id: 'srvtoolu_1' } }],
      {
        content: null,
        tool_calls: [expect.objectContaining({ id: 'toolu_01' }) as never],
        content_blocks: [{ ...weather, caller: { type: 'code_execution_20250825', tool_id: 'srvtoolu_1' } }],
      },
    ],
  ])('has OpenAI’s form, in one body and as a stream: %s', async (_, content, expected) => {
    const [plain, stream] = await bothWays(answer(content));
    expect(plain).toEqual({
      id: 'msg_01XFDUDYJgAACzvnptvVoYEL',
      object: 'chat.completion',
      created: 0,
      model: 'claude-sonnet-4-5-20250929',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', refusal: null, ...expected },
          finish_reason: 'stop',
          stop_reason: 'end_turn',
          logprobs: null,
        },
      ],
      service_tier: 'default',
      usage: {
        prompt_tokens: 175,
        completion_tokens: 15,
        total_tokens: 190,
        prompt_tokens_details: { cached_tokens: 50, cache_write_tokens: 100 },
        cache_creation: USAGE.cache_creation,
        service_tier: 'standard',
      },
    });
    expect(stream).toEqual(plain);
  });

  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['pause_turn', 'length'],
    ['compaction', 'length'],
    ['tool_use', 'tool_calls'],
    ['refusal', 'content_filter'],
    ['of_the_future', 'of_the_future'],
  ])('ends with %s as %s', async (reason, expected) => {
    const rest = { stop_reason: reason, stop_sequence: reason === 'stop_sequence' ? 'END' : null };
    for (const { choices } of await bothWays(answer([text('a')], rest))) {
      expect(choices[0]).toMatchObject({ finish_reason: expected, stop_reason: reason });
      expect((choices[0] as any).stop_sequence).toBe(reason === 'stop_sequence' ? 'END' : undefined);
    }
  });

  it('says why it is refused, and keeps fields that have no name with OpenAI', async () => {
    const details = { type: 'refusal', category: 'bio', explanation: 'This may do harm.' };
    const container = { id: 'c1', expires_at: '2026-01-01T00:00:00Z' };
    const plain = await open({
      body: answer([text('Well')], { stop_reason: 'refusal', stop_details: details, container }),
    });
    const stream = await open({
      body: wire([
        start(),
        ...streamed(text('Well'), 0),
        ...finish(
          'refusal',
          { stop_details: details, container },
          { context_management: { applied_edits: [1] } },
        ),
      ]),
    });
    const completions = [
      await plain.client.chatCompletion(messages),
      await stream.client.streamChatCompletion(messages).finalCompletion(),
    ];
    for (const completion of completions) {
      expect(completion).toMatchObject({
        container,
        choices: [{ stop_details: details, message: { content: 'Well', refusal: 'This may do harm.' } }],
      });
    }
    expect(completions[1]).toMatchObject({ context_management: { applied_edits: [1] } });
  });

  it('tells the usage with its thoughts to the caller, and to the policies', async () => {
    const usage = {
      input_tokens: 10,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 30,
      output_tokens: 8,
      output_tokens_details: { thinking_tokens: 5 },
      server_tool_use: { web_search_requests: 2 },
      service_tier: 'priority',
    };
    for (const completion of await bothWays(answer([text('a')], { usage }))) {
      expect(completion.usage).toEqual({
        prompt_tokens: 40,
        completion_tokens: 8,
        total_tokens: 48,
        prompt_tokens_details: { cached_tokens: 30, cache_write_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 5 },
        server_tool_use: { web_search_requests: 2 },
        service_tier: 'priority',
      });
      expect(completion.service_tier).toBe('priority');
    }
    const { client } = await open({ body: answer([text('a')], { usage }) });
    const expected = { inputTokens: 40, outputTokens: 8, cachedInputTokens: 30 };
    expect(responseInfo(await client.chatCompletion(messages))?.usage).toEqual(expected);
    expect(responseInfo(await client.request<object>('/messages', { body: {} }))?.usage).toEqual(expected);
  });

  it.each([null, {}, { weather: 'fine' }, { content: 'Hello' }])(
    'without content is a ResponseFormatError: %j',
    async (body) => {
      const { client } = await open({ body });
      expect(await failureOf(client.chatCompletion(messages))).toMatchObject({
        name: 'ResponseFormatError',
        provider: 'anthropic',
      });
    },
  );
});

describe('the law of streams', () => {
  const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });
  const inputs = fc.dictionary(
    fc.stringMatching(/^[a-z]{1,5}$/),
    fc.oneof(words, fc.integer(), fc.boolean()),
    {
      noNullPrototype: true,
      maxKeys: 3,
    },
  );
  const block = fc.oneof(
    words.map((said) => text(said)),
    words.map((said) => text(said, { citations: [citation] })),
    fc.record({ said: words, signature: words }).map(({ said, signature }) => ({
      type: 'thinking',
      thinking: said,
      signature,
    })),
    words.map((data) => ({ type: 'redacted_thinking', data })),
    fc.tuple(fc.uuid(), inputs).map(([id, input]) => toolUse(id, 'f', input)),
    inputs.map((input) => ({ ...serverToolUse, input })),
    fc.constant(searchResult),
  );

  it('is that a stream comes to what one body says, and goes back as the same', async () => {
    const server = { body: undefined as unknown } as Reply;
    const { client, sent } = await open([server]);
    await fc.assert(
      fc.asyncProperty(fc.array(block, { maxLength: 6 }), async (content) => {
        const message = answer(content);
        server.body = message;
        const plain = await client.chatCompletion(messages);
        server.body = wire(asStream(message));
        const whole = await client.streamChatCompletion(messages).finalCompletion();
        expect({ ...whole, created: 0 }).toEqual({ ...plain, created: 0 });
        server.body = message;
        if (content.length === 0) return;
        await client.chatCompletion([...messages, whole.choices[0]!.message]);
        expect(sent.at(-1)?.body.messages[1]).toEqual({ role: 'assistant', content });
      }),
      { numRuns: 60 },
    );
  });
});

describe('events', () => {
  const read = async (events: readonly Event[] | string): Promise<any[]> => {
    const { client } = await open({ body: typeof events === 'string' ? events : wire(events) });
    const chunks: unknown[] = [];
    for await (const chunk of client.streamChatCompletion(messages)) chunks.push(chunk);
    return chunks;
  };
  const deltas = (chunks: any[]): unknown[] =>
    chunks.flatMap(({ choices }) => choices.map(({ delta }: any) => delta));

  it('are chunks as they come: each says one thing, pings nothing', async () => {
    const chunks = await read([
      start(),
      { type: 'ping' },
      ...streamed({ ...thinking, thinking: 'Let me' }, 0),
      ...streamed(text('Hello'), 1),
      ...streamed(toolUse('t1', 'f', { a: 1 }), 2),
      { type: 'of_the_future' },
      ...finish('tool_use'),
    ]);
    const whole = { ...thinking, thinking: 'Let me' };
    expect(deltas(chunks)).toEqual([
      { role: 'assistant' },
      { reasoning_content: 'Let ' },
      { reasoning_content: 'me' },
      { content_blocks: [whole] },
      { content: 'Hell' },
      { content: 'o' },
      { content_blocks: [text('Hello')] },
      { tool_calls: [{ index: 0, id: 't1', type: 'function', function: { name: 'f', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] },
      { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] },
      { content_blocks: [toolUse('t1', 'f', { a: 1 })] },
      {},
    ]);
    for (const { id, object, created, model } of chunks) {
      expect([id, object, model]).toEqual([
        'msg_01XFDUDYJgAACzvnptvVoYEL',
        'chat.completion.chunk',
        'claude-sonnet-4-5-20250929',
      ]);
      expect(created).toBe(chunks[0].created);
    }
    expect(chunks.map(({ usage }) => usage?.total_tokens)).toEqual([176, ...Array(10).fill(undefined), 190]);
  });

  it('end at message_stop, also where a proxy leaves out their names', async () => {
    const body = wire([start(), ...streamed(text('Hello'), 0), ...finish()]).replaceAll(/^event: .*\n/gm, '');
    const chunks = await read(`${body}data: not read\n\n`);
    expect(deltas(chunks).at(-2)).toEqual({ content: 'o' });
  });

  it('may add up in several message_deltas, and in deltas of blocks of the future', async () => {
    const { client } = await open({
      body: wire([
        start(),
        { type: 'content_block_start', index: 0, content_block: { type: 'compaction', content: null } },
        { type: 'content_block_delta', index: 0, delta: { type: 'compaction_delta', content: 'Before: ' } },
        { type: 'content_block_delta', index: 0, delta: { type: 'compaction_delta', content: 'Hi.' } },
        { type: 'content_block_stop', index: 0 },
        {
          type: 'message_delta',
          delta: { stop_reason: null },
          usage: { output_tokens: 3, input_tokens: 40 },
        },
        ...finish('end_turn'),
      ]),
    });
    const { choices, usage } = await client.streamChatCompletion(messages).finalCompletion();
    expect(choices[0]?.message).toMatchObject({
      content_blocks: [{ type: 'compaction', content: 'Before: Hi.' }],
    });
    expect(usage).toMatchObject({ prompt_tokens: 190, completion_tokens: 15 });
  });

  it('keep a call whose arguments were cut off', async () => {
    const { client } = await open({
      body: wire([
        start(),
        { type: 'content_block_start', index: 0, content_block: toolUse('t1', 'f', {}) },
        {
          type: 'content_block_delta',
          index: 0,
          delta: { type: 'input_json_delta', partial_json: '{"a": "b' },
        },
        { type: 'content_block_stop', index: 0 },
        ...finish('max_tokens'),
      ]),
    });
    const { choices } = await client.streamChatCompletion(messages).finalCompletion();
    expect(choices[0]).toMatchObject({
      finish_reason: 'length',
      message: { tool_calls: [{ function: { arguments: '{"a": "b' } }] },
    });
  });

  it('that break off are an IncompleteStreamError', async () => {
    const events = [start(), ...streamed(text('Hello'), 0)];
    const { client, sent } = await open({ body: wire(events) });
    const error = await failureOf(client.streamChatCompletion(messages).finalText());
    expect(error.name).toBe('IncompleteStreamError');
    expect(sent).toHaveLength(1);
  });

  it('are the same however their bytes are cut', async () => {
    const message = answer([thinking, text('Zürich 👋'), weather]);
    const expected = (await bothWays(message))[0].choices[0]?.message;
    const bytes = Buffer.from(wire(asStream(message)));
    const { AnthropicEvents } = await import('../../../src/providers/anthropic/events.js');
    const { ChatCompletionAccumulator, readChunks } = await import('../../../src/streaming/index.js');
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(bytes.length), { maxLength: 40 }), async (cuts) => {
        const ends = [...cuts.sort((a, b) => a - b), bytes.length];
        async function* cut() {
          for (const [i, end] of ends.entries()) yield bytes.subarray(ends[i - 1] ?? 0, end);
        }
        const whole = new ChatCompletionAccumulator();
        const events = new AnthropicEvents('m');
        for await (const chunk of readChunks(cut(), { events })) whole.add(chunk);
        expect(whole.result().choices[0]?.message).toEqual(expected);
      }),
    );
  });
});
