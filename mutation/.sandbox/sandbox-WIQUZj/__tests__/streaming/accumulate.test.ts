// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { ChatCompletionAccumulator } from '../../src/streaming/index.js';
import type { ChatCompletion, ChatCompletionChunk } from '../../src/wire/index.js';

type Loose = Record<string, unknown>;

const accumulate = (chunks: readonly Loose[]): ChatCompletion => {
  const accumulator = new ChatCompletionAccumulator();
  for (const chunk of chunks) accumulator.add(chunk as unknown as ChatCompletionChunk);
  return accumulator.result();
};
const chunk = (delta: Loose, choice: Loose = {}, fields: Loose = {}): Loose => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: null, ...choice }],
  ...fields,
});
const messageOf = (...deltas: Loose[]): Loose =>
  accumulate(deltas.map((delta) => chunk(delta))).choices[0]?.message as unknown as Loose;
const call = (parts: Loose): Loose => ({ tool_calls: [parts] });

/** Cuts a text into pieces whose concatenation it is. */
const pieces = (text: string, sizes: readonly number[]): string[] => {
  const cuts: string[] = [];
  let rest = text;
  for (const size of sizes) {
    cuts.push(rest.slice(0, size));
    rest = rest.slice(size);
  }
  return [...cuts, rest];
};

const sizes = fc.array(fc.nat({ max: 9 }), { maxLength: 8 });
const token = fc.record({
  token: fc.string(),
  logprob: fc.double({ noNaN: true }),
  bytes: fc.constant(null),
  top_logprobs: fc.constant([]),
});
const toolCall = fc.record({
  id: fc.uuid(),
  type: fc.constant('function'),
  function: fc.record({ name: fc.string({ minLength: 1 }), arguments: fc.string() }),
});
const message = fc.record({
  content: fc.option(fc.string()),
  refusal: fc.option(fc.string()),
  reasoning_content: fc.string(),
  tool_calls: fc.array(toolCall, { minLength: 1, maxLength: 3 }),
});

describe('the law of deltas', () => {
  it('a message cut into any deltas, of several choices in any order, is that message again', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ message, tokens: fc.array(token, { minLength: 1 }), sizes, late: fc.nat() }), {
          minLength: 1,
          maxLength: 3,
        }),
        (choices) => {
          const streams = choices.map(({ message: whole, tokens, sizes: cuts }, index) => {
            const chunks: Loose[] = [chunk({ role: 'assistant' }, { index })];
            for (const field of ['content', 'refusal', 'reasoning_content'] as const) {
              const text = whole[field];
              if (text !== null)
                for (const piece of pieces(text, cuts)) chunks.push(chunk({ [field]: piece }, { index }));
            }
            whole.tool_calls.forEach(({ id, type, function: { name, arguments: json } }, at) => {
              chunks.push(chunk(call({ index: at, id, type, function: { name, arguments: '' } }), { index }));
              for (const piece of pieces(json, cuts))
                chunks.push(chunk(call({ index: at, function: { arguments: piece } }), { index }));
            });
            for (const each of tokens)
              chunks.push(chunk({}, { index, logprobs: { content: [each], refusal: null } }));
            chunks.push(chunk({}, { index, finish_reason: 'stop' }));
            return chunks;
          });
          const interleaved: Loose[] = [];
          while (streams.some((stream) => stream.length > 0)) {
            choices.forEach(({ late }, i) =>
              interleaved.push(...(streams[i] as Loose[]).splice(0, 1 + (late % 4))),
            );
          }
          expect(accumulate(interleaved)).toEqual({
            id: 'c1',
            object: 'chat.completion',
            created: 1,
            model: 'm',
            choices: choices.map(({ message: whole, tokens }, index) => ({
              index,
              message: { role: 'assistant', ...whole },
              finish_reason: 'stop',
              logprobs: { content: tokens, refusal: null },
            })),
          });
        },
      ),
    );
  });

  it('leaves the chunks as they were', () => {
    const chunks = [
      chunk(
        {
          ...call({ index: 0, id: 'a', function: { name: 'f', arguments: '{' } }),
          details: [{ index: 0, text: 'x' }],
        },
        { logprobs: { content: [{ token: 'a' }] } },
      ),
      chunk(
        { ...call({ index: 0, function: { arguments: '}' } }), details: [{ index: 0, text: 'y' }] },
        { logprobs: { content: [{ token: 'b' }] } },
      ),
    ];
    const before = structuredClone(chunks);
    const accumulator = new ChatCompletionAccumulator();
    for (const each of chunks) accumulator.add(each as unknown as ChatCompletionChunk);
    const first = accumulator.result();
    expect(chunks).toEqual(before);
    accumulator.add(
      chunk({ content: 'more', details: [{ index: 0, text: 'z' }] }) as unknown as ChatCompletionChunk,
    );
    expect(first.choices[0]?.message.content).toBeNull();
    expect((first.choices[0]?.message as unknown as Loose)['details']).toEqual([{ index: 0, text: 'xy' }]);
  });
});

describe('tool calls', () => {
  const done = (id: string, name: string, args: string): Loose => ({
    id,
    type: 'function',
    function: { name, arguments: args },
  });

  it.each<[string, Loose[], Loose[]]>([
    [
      'whole, in one delta',
      [
        {
          tool_calls: [
            { index: 0, ...done('a', 'f', '{}') },
            { index: 1, ...done('b', 'g', '[]') },
          ],
        },
      ],
      [done('a', 'f', '{}'), done('b', 'g', '[]')],
    ],
    [
      'out of order',
      [call({ index: 1, ...done('b', 'g', '') }), call({ index: 0, ...done('a', 'f', '') })],
      [done('a', 'f', ''), done('b', 'g', '')],
    ],
    [
      'interleaved',
      [
        call({ index: 0, ...done('a', 'f', '{') }),
        call({ index: 1, ...done('b', 'g', '[') }),
        call({ index: 0, function: { arguments: '}' } }),
        call({ index: 1, function: { arguments: ']' } }),
      ],
      [done('a', 'f', '{}'), done('b', 'g', '[]')],
    ],
    [
      'without index',
      [call(done('a', 'f', '{')), call({ function: { arguments: '}' } }), call(done('b', 'g', '[]'))],
      [done('a', 'f', '{}'), done('b', 'g', '[]')],
    ],
    [
      'without index, with id on each delta',
      [
        call(done('a', 'f', '{')),
        call(done('b', 'g', '[')),
        call({ id: 'a', function: { arguments: '}' } }),
        call({ id: 'b', function: { arguments: ']' } }),
      ],
      [done('a', 'f', '{}'), done('b', 'g', '[]')],
    ],
    [
      'with id and name on each delta',
      [call({ index: 0, ...done('a', 'f', '{') }), call({ index: 0, ...done('a', 'f', '}') })],
      [done('a', 'f', '{}')],
    ],
    [
      'with a fresh id on each delta',
      [
        call({ index: 0, ...done('a', 'f', '{') }),
        call({ index: 0, id: 'zz', function: { arguments: '}' } }),
      ],
      [done('a', 'f', '{}')],
    ],
    [
      'all with index 0',
      [call({ index: 0, ...done('a', 'f', '{}') }), call({ index: 0, ...done('b', 'f', '[]') })],
      [done('a', 'f', '{}'), done('b', 'f', '[]')],
    ],
    [
      'with empty id and null name later on',
      [
        call({ index: 0, ...done('a', 'f', '{') }),
        call({ index: 0, id: '', type: null, function: { name: null, arguments: '}' } }),
      ],
      [done('a', 'f', '{}')],
    ],
    [
      'with arguments as an object',
      [call({ index: 0, id: 'a', function: { name: 'f', arguments: { x: 1 } } })],
      [done('a', 'f', '{"x":1}')],
    ],
    ['without arguments', [call({ index: 0, id: 'a', function: { name: 'f' } })], [done('a', 'f', '')]],
    [
      'with fields of their own',
      [call({ index: 0, ...done('a', 'f', ''), extra_content: { google: { thought_signature: 's' } } })],
      [{ ...done('a', 'f', ''), extra_content: { google: { thought_signature: 's' } } }],
    ],
    [
      'custom',
      [
        call({ index: 0, id: 'a', type: 'custom', custom: { name: 'sh', input: 'l' } }),
        call({ index: 0, custom: { input: 's' } }),
      ],
      [{ id: 'a', type: 'custom', custom: { name: 'sh', input: 'ls' } }],
    ],
  ])('%s', (_name, deltas, expected) => {
    expect(messageOf(...deltas)['tool_calls']).toEqual(expected);
  });

  it('are missing when there are none', () => {
    expect(messageOf({ content: 'a', tool_calls: null })).toEqual({
      role: 'assistant',
      content: 'a',
      refusal: null,
    });
  });
});

describe('the fields of the message', () => {
  it.each<[string, Loose[], Loose]>([
    ['no content at all', [{ role: 'assistant', content: null }], { content: null }],
    ['empty content', [{ content: '' }], { content: '' }],
    [
      'a function call',
      [{ function_call: { name: 'f', arguments: '' } }, { function_call: { arguments: '{}' } }],
      { content: null, function_call: { name: 'f', arguments: '{}' } },
    ],
    [
      'reasoning under another name',
      [{ reasoning: 'a' }, { reasoning: 'b', content: null }],
      { content: null, reasoning: 'ab' },
    ],
    [
      'annotations',
      [{ annotations: [{ type: 'url_citation', n: 1 }] }, { annotations: [{ type: 'url_citation', n: 2 }] }],
      {
        content: null,
        annotations: [
          { type: 'url_citation', n: 1 },
          { type: 'url_citation', n: 2 },
        ],
      },
    ],
    [
      'audio',
      [
        { audio: { id: 'x', transcript: 'Hel' } },
        { audio: { id: 'x', data: 'QUJD', transcript: 'lo' } },
        { audio: { data: 'RA==', expires_at: 9 } },
      ],
      { content: null, audio: { id: 'x', transcript: 'Hello', data: 'QUJDRA==', expires_at: 9 } },
    ],
    [
      'audio encoded piece by piece',
      [{ audio: { data: 'QQ==' } }, { audio: { data: 'Qg==' } }],
      { content: null, audio: { data: 'QUI=' } },
    ],
    [
      'parts of Mistral',
      [
        { content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] }] },
        {
          content: [
            { type: 'thinking', thinking: [{ type: 'text', text: 'm' }] },
            { type: 'text', text: 'Hi' },
          ],
        },
        { content: '!' },
        { content: [{ type: 'reference', reference_ids: [1] }] },
      ],
      {
        content: 'Hi!',
        reasoning_content: 'hmm',
        content_parts: [{ type: 'reference', reference_ids: [1] }],
      },
    ],
    [
      'details by index',
      [
        { reasoning_details: [{ type: 'reasoning.text', index: 0, text: 'a', format: 'f' }] },
        { reasoning_details: [{ type: 'reasoning.text', index: 0, text: 'b', format: 'f' }] },
      ],
      { content: null, reasoning_details: [{ type: 'reasoning.text', index: 0, text: 'ab', format: 'f' }] },
    ],
    [
      'unknown numbers and flags',
      [
        { score: 1, flag: true },
        { score: 2, flag: null },
      ],
      { content: null, score: 2, flag: true },
    ],
    [
      'a foreign prototype',
      [
        JSON.parse('{"__proto__":{"x":1},"o":{"__proto__":{"y":1}}}') as Loose,
        JSON.parse('{"o":{"__proto__":{"y":1}}}') as Loose,
      ],
      { content: null, o: {} },
    ],
  ])('%s', (_name, deltas, expected) => {
    expect(messageOf(...deltas)).toEqual({ role: 'assistant', refusal: null, ...expected });
    expect(({} as Loose)['x'] ?? ({} as Loose)['y']).toBeUndefined();
  });
});

describe('the fields of the completion', () => {
  const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
  const tail = { choices: [], usage };

  it.each<[string, Loose[]]>([
    ['on a chunk of its own', [chunk({ content: 'a' }, {}, { usage: null }), { ...chunk({}), ...tail }]],
    ['on the last chunk', [chunk({ content: 'a' }), chunk({}, {}, { usage })]],
    ['on the first chunk', [chunk({ content: 'a' }, {}, { usage }), chunk({}, {}, { usage: null })]],
    [
      'on every chunk, growing',
      [chunk({}, {}, { usage: { ...usage, completion_tokens: 1 } }), chunk({}, {}, { usage })],
    ],
    ['in x_groq', [chunk({}, {}, { x_groq: { id: 'r' } }), chunk({}, {}, { x_groq: { id: 'r', usage } })]],
    ['on the choice', [chunk({}, { usage })]],
  ])('usage %s', (_name, chunks) => {
    expect(accumulate(chunks).usage).toEqual(usage);
  });

  it('are the first that is not empty, or the last that is not null', () => {
    const completion = accumulate([
      {
        id: '',
        object: 'chat.completion.chunk',
        created: 0,
        model: '',
        choices: [],
        prompt_filter_results: [1],
      },
      chunk(
        {},
        { content_filter_results: { a: 1 } },
        { system_fingerprint: 'x', obfuscation: 'zz', citations: ['u'] },
      ),
      chunk(
        {},
        { finish_reason: 'stop', content_filter_results: { a: 2 } },
        { service_tier: 'flex', system_fingerprint: null },
      ),
      chunk({}, { finish_reason: '' }, { id: 'c2' }),
    ]);
    expect(completion).toEqual({
      id: 'c1',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      prompt_filter_results: [1],
      citations: ['u'],
      system_fingerprint: 'x',
      service_tier: 'flex',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: null, refusal: null },
          finish_reason: 'stop',
          logprobs: null,
          content_filter_results: { a: 2 },
        },
      ],
    });
  });

  it('are the choices in the order of their index', () => {
    const chunks = [1, 0, 2].map((index) => chunk({ content: String(index) }, { index }));
    expect(accumulate(chunks).choices.map((choice) => choice.message.content)).toEqual(['0', '1', '2']);
  });

  it.each<[string, Loose]>([
    ['choices that are no list', { choices: 'x' }],
    ['a choice that is no object', { choices: [null, 1] }],
    ['a delta that is no object', { choices: [{ index: 0, delta: 'x' }] }],
    [
      'odd values everywhere',
      {
        choices: [
          {
            delta: { content: 1, tool_calls: [null, { function: null }, 3], audio: 1, function_call: 'x' },
            logprobs: 'x',
          },
        ],
      },
    ],
    ['x_groq that is no object', { x_groq: 'x' }],
  ])('survive %s', (_name, fields) => {
    expect(() => accumulate([chunk({ content: 'a' }), fields, fields])).not.toThrow();
  });
});
