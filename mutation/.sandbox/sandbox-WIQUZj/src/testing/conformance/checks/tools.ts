// @ts-nocheck
import assert from 'node:assert/strict';
import type { ChatFunctionTool, ChatToolCall } from '../../../wire/index.js';
import { QUESTION, type Check, type Lab } from '../lab.js';
import type { WireAnswer, WireToolCall } from '../wire.js';

const group = 'tools';
const applies: NonNullable<Check['applies']> = ({ lacks }) => !lacks?.includes('tools');

const schema = {
  type: 'object',
  properties: { city: { type: 'string', description: 'Where' }, days: { type: 'integer' } },
  required: ['city'],
};
const tools: ChatFunctionTool[] = [
  { type: 'function', function: { name: 'get_weather', description: 'The weather', parameters: schema } },
  { type: 'function', function: { name: 'get_time', parameters: { type: 'object', properties: {} } } },
];
const weather: WireToolCall = {
  id: 'call_1',
  name: 'get_weather',
  arguments: { city: 'Zürich "old town"', days: 3 },
};
const time: WireToolCall = { id: 'call_2', name: 'get_time', arguments: {} };
const calling = (...toolCalls: WireToolCall[]): WireAnswer => ({
  toolCalls,
  usage: { input: 20, output: 9 },
});

/** Calls as name and arguments; each must have an id of its own. */
function read(calls: readonly ChatToolCall[] | undefined): [string, unknown][] {
  const ids = (calls ?? []).map(({ id }) => id);
  assert.ok(
    ids.every((id) => typeof id === 'string' && id !== ''),
    `ids: ${ids.join(', ')}`,
  );
  assert.equal(new Set(ids).size, ids.length, 'every call has an id of its own');
  return (calls ?? []).map((call) => {
    assert.equal(call.type, 'function');
    const { name, arguments: text } = (call as Extract<ChatToolCall, { type: 'function' }>).function;
    return [name, JSON.parse(text) as unknown];
  });
}

async function bothWays(lab: Lab, calls: WireToolCall[], stream: boolean): Promise<void> {
  const client = lab.once(lab.answer(calling(...calls)));
  const ask = async (messages: Parameters<typeof client.chatCompletion>[0]) =>
    stream
      ? client.streamChatCompletion(messages, { tools }).finalCompletion()
      : client.chatCompletion(messages, { tools });
  const { message } = (await ask(QUESTION)).choices[0] ?? {};
  assert.ok(message?.tool_calls);
  const results = message.tool_calls.map(({ id }, i) => ({
    role: 'tool' as const,
    tool_call_id: id,
    content: `result ${i}`,
  }));
  await ask([...QUESTION, message, ...results]);
  const [, assistant, ...answers] = lab.asked().messages;
  assert.equal(assistant?.role, 'assistant');
  assert.deepEqual(
    assistant.toolCalls?.map(({ name, arguments: args }) => [name, args]),
    calls.map(({ name, arguments: args }) => [name, args]),
  );
  assert.deepEqual(
    answers.map(({ role, text }) => [role, text]),
    calls.map((_, i) => ['tool', `result ${i}`]),
  );
  const expected = lab.wire.lacks?.includes('tool ids')
    ? calls.map(({ name }) => name)
    : assistant.toolCalls.map(({ id }) => id);
  assert.deepEqual(
    answers.map((answer) => answer.answers),
    expected,
  );
}

export const toolChecks: readonly Check[] = [
  {
    group,
    name: 'sends the tools with their schemas',
    applies,
    async run(lab) {
      await lab.once(lab.answer()).chatCompletion(QUESTION, { tools });
      assert.deepEqual(
        lab.asked().tools.map(({ name }) => name),
        ['get_weather', 'get_time'],
      );
      assert.deepEqual(lab.asked().tools[0]?.schema, schema);
    },
  },
  {
    group,
    name: 'gives a call with id, name and JSON arguments',
    applies,
    async run(lab) {
      const reply = await lab.once(lab.answer(calling(weather))).chatCompletion(QUESTION, { tools });
      const { message, finish_reason: finish } = reply.choices[0] ?? {};
      assert.equal(finish, 'tool_calls');
      assert.deepEqual(read(message?.tool_calls), [['get_weather', weather.arguments]]);
      if (!lab.wire.lacks?.includes('tool ids')) assert.equal(message?.tool_calls?.[0]?.id, 'call_1');
    },
  },
  {
    group,
    name: 'gives several calls of one answer, those without arguments too',
    applies,
    async run(lab) {
      const reply = await lab.once(lab.answer(calling(weather, time))).chatCompletion(QUESTION, { tools });
      assert.deepEqual(read(reply.choices[0]?.message.tool_calls), [
        ['get_weather', weather.arguments],
        ['get_time', {}],
      ]);
    },
  },
  {
    group,
    name: 'joins the streamed pieces of calls to the same',
    applies,
    async run(lab) {
      const client = lab.once(lab.answer(calling(weather, time)));
      const reply = await client.streamChatCompletion(QUESTION, { tools }).finalCompletion();
      assert.equal(reply.choices[0]?.finish_reason, 'tool_calls');
      assert.deepEqual(read(reply.choices[0].message.tool_calls), [
        ['get_weather', weather.arguments],
        ['get_time', {}],
      ]);
    },
  },
  {
    group,
    name: 'takes calls and their results back',
    applies,
    run: (lab) => bothWays(lab, [weather], false),
  },
  {
    group,
    name: 'takes several calls and their results back, after a stream',
    applies,
    run: (lab) => bothWays(lab, [weather, time], true),
  },
];
