/** Bodies as Anthropic's documentation shows them. */
// @ts-nocheck


export const USAGE = {
  input_tokens: 25,
  cache_creation_input_tokens: 100,
  cache_read_input_tokens: 50,
  cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 0 },
  output_tokens: 15,
  service_tier: 'standard',
};

/** An answer in one body. */
export const answer = (content: unknown[], rest: object = {}) => ({
  id: 'msg_01XFDUDYJgAACzvnptvVoYEL',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-4-5-20250929',
  content,
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: USAGE,
  ...rest,
});

export const text = (words: string, rest: object = {}) => ({ type: 'text', text: words, ...rest });
export const thinking = {
  type: 'thinking',
  thinking: 'Let me look that up.',
  signature: 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds',
};
export const redacted = {
  type: 'redacted_thinking',
  data: 'EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIw',
};
export const toolUse = (id: string, name: string, input: unknown, rest: object = {}) => ({
  type: 'tool_use',
  id,
  name,
  input,
  ...rest,
});
export const serverToolUse = {
  type: 'server_tool_use',
  id: 'srvtoolu_01WYG3ziw53XMcoyKL4XcZmE',
  name: 'web_search',
  input: { query: 'claude shannon birth date' },
};
export const searchResult = {
  type: 'web_search_tool_result',
  tool_use_id: 'srvtoolu_01WYG3ziw53XMcoyKL4XcZmE',
  content: [
    {
      type: 'web_search_result',
      url: 'https://en.wikipedia.org/wiki/Claude_Shannon',
      title: 'Claude Shannon - Wikipedia',
      encrypted_content: 'EqgfCioIARgBIiQ3YTAwMjY1Mi1mZjM5LTQ1NGUtODgxNC1kNjNjNTk1ZWI3Y',
      page_age: 'April 30, 2025',
    },
  ],
};
export const citation = {
  type: 'web_search_result_location',
  url: 'https://en.wikipedia.org/wiki/Claude_Shannon',
  title: 'Claude Shannon - Wikipedia',
  encrypted_index: 'Eo8BCioIAhgBIiQyYjQ0OWJmZi1lNm',
  cited_text: 'Claude Elwood Shannon (April 30, 1916)',
};

export type Event = { type: string; [field: string]: unknown };

/** Events as the bytes of a stream, each with its name. */
export const wire = (events: readonly Event[]): string =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');

export const start = (message: object = {}): Event => ({
  type: 'message_start',
  message: { ...answer([]), stop_reason: null, usage: { ...USAGE, output_tokens: 1 }, ...message },
});
export const finish = (reason = 'end_turn', delta: object = {}, rest: object = {}): Event[] => [
  {
    type: 'message_delta',
    delta: { stop_reason: reason, stop_sequence: null, ...delta },
    usage: { output_tokens: 15 },
    ...rest,
  },
  { type: 'message_stop' },
];

/** The pieces in which a text comes. */
function pieces(words: string): string[] {
  return words.match(/.{1,4}/gsu) ?? [];
}

/** A block as Anthropic streams it. */
export function streamed(block: Record<string, any>, index: number): Event[] {
  const on = (fields: object) => ({ type: 'content_block_delta', index, delta: fields });
  const around = (begun: object, ...deltas: Event[]): Event[] => [
    { type: 'content_block_start', index, content_block: begun },
    ...deltas,
    { type: 'content_block_stop', index },
  ];
  if (block['type'] === 'text') {
    const { citations, ...begun } = block;
    return around(
      { ...begun, text: '' },
      ...pieces(block['text']).map((piece) => on({ type: 'text_delta', text: piece })),
      ...(citations ?? []).map((one: unknown) => on({ type: 'citations_delta', citation: one })),
    );
  }
  if (block['type'] === 'thinking') {
    return around(
      { ...block, thinking: '', signature: '' },
      ...pieces(block['thinking']).map((piece) => on({ type: 'thinking_delta', thinking: piece })),
      on({ type: 'signature_delta', signature: block['signature'] }),
    );
  }
  if (block['type'] === 'tool_use' || block['type'] === 'server_tool_use') {
    const json = Object.keys(block['input']).length === 0 ? [] : pieces(JSON.stringify(block['input']));
    return around(
      { ...block, input: {} },
      on({ type: 'input_json_delta', partial_json: '' }),
      ...json.map((piece) => on({ type: 'input_json_delta', partial_json: piece })),
    );
  }
  return around(block);
}

/** The same answer as a stream. */
export function asStream(message: ReturnType<typeof answer>): Event[] {
  const { content, stop_reason: reason, stop_sequence: sequence, usage, ...rest } = message;
  return [
    start({ ...rest, content: [], usage: { ...usage, output_tokens: 1 } }),
    { type: 'ping' },
    ...content.flatMap((block, i) => streamed(block as object, i)),
    {
      type: 'message_delta',
      delta: { stop_reason: reason, stop_sequence: sequence },
      usage: { output_tokens: usage.output_tokens },
    },
    { type: 'message_stop' },
  ];
}
