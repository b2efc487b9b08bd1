import type { ChatMessage } from '../../wire/index.js';
import { isTelling, type Objections } from '../translation.js';
import { isBlock, isObject, parseInput, textOf, type AnthropicContentBlock, type Fields } from './blocks.js';
import { toBlocks } from './content.js';

/** A message as Anthropic takes it. */
interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: string | readonly AnthropicContentBlock[];
}

/** A conversation as Anthropic takes it. */
export interface Conversation {
  /** The instructions: they stand beside the messages, wherever among them they stood. */
  readonly system: readonly AnthropicContentBlock[];
  readonly messages: readonly Turn[];
}

/** What stands in a message of any role, besides its content. */
const COMMON_FIELDS = ['role', 'content', 'cache_control'];

const KNOWN_FIELDS: Readonly<Record<string, readonly string[]>> = {
  assistant: ['refusal', 'tool_calls', 'function_call', 'audio', 'content_blocks', 'reasoning_content'],
  tool: ['tool_call_id', 'is_error'],
  function: ['name'],
};

/** Translates the messages of a request. */
export function toConversation(messages: readonly ChatMessage[], objections: Objections): Conversation {
  const system: AnthropicContentBlock[] = [];
  const turns: Turn[] = [];
  /** The results of calls in a row: Anthropic wants those of one answer in one message. */
  let results: AnthropicContentBlock[] | undefined;
  let functionCalls = 0;
  const addResult = (id: unknown, message: Fields): void => {
    if (!results) turns.push({ role: 'user', content: (results = []) });
    const { content, is_error: isError, cache_control: mark } = message;
    results.push({
      type: 'tool_result',
      tool_use_id: id,
      content: typeof content === 'string' ? content : toBlocks(content, objections),
      ...(isTelling(isError) && { is_error: isError }),
      ...(isTelling(mark) && { cache_control: mark }),
    });
  };
  for (const message of messages) {
    const fields = message as unknown as Fields;
    dropOthers(fields, objections);
    if (message.role === 'system' || message.role === 'developer') {
      system.push(...markLast(toBlocks(message.content, objections), fields));
      continue;
    }
    if (message.role === 'tool') {
      addResult(message.tool_call_id, fields);
      continue;
    }
    if (message.role === 'function') {
      addResult(functionCallId(functionCalls), fields);
      continue;
    }
    results = undefined;
    if (message.role === 'assistant') {
      if (message.function_call) functionCalls++;
      const blocks = markLast(answerBlocks(fields, functionCallId(functionCalls), objections), fields);
      turns.push({ role: 'assistant', content: blocks });
    } else {
      if (message.role !== 'user') throw objections.refuse(`role '${String(fields['role'])}'`);
      const { content } = message;
      const isPlain = typeof content === 'string' && !isTelling(fields['cache_control']);
      turns.push({
        role: 'user',
        content: isPlain ? content : markLast(toBlocks(content, objections), fields),
      });
    }
  }
  return { system, messages: turns };
}

/** Function calls of the older kind have no ids: they are answered in order. */
function functionCallId(count: number): string {
  return `function_call_${count}`;
}

/** A cache breakpoint on a message is one on its last block. */
function markLast(blocks: AnthropicContentBlock[], { cache_control: mark }: Fields): AnthropicContentBlock[] {
  const last = blocks.at(-1);
  return isTelling(mark) && last ? [...blocks.slice(0, -1), { ...last, cache_control: mark }] : blocks;
}

/** The blocks of an earlier answer. Those that came from Anthropic go back as they came, and in their order. */
function answerBlocks(
  message: Fields,
  functionCall: string,
  objections: Objections,
): AnthropicContentBlock[] {
  if (isTelling(message['audio'])) throw objections.refuse('spoken answers');
  const { content, refusal } = message;
  const uses = toolUses(message, functionCall, objections);
  const own = Array.isArray(message['content_blocks']) ? message['content_blocks'].filter(isBlock) : [];
  if (isTelling(message['reasoning_content']) && !own.some(({ type }) => type === 'thinking')) {
    objections.drop(
      'messages[].reasoning_content',
      'Anthropic takes back only the thoughts that it has signed.',
    );
  }
  const said = toBlocks(content, objections);
  if (said.length === 0 && typeof refusal === 'string' && refusal !== '' && own.length === 0) {
    said.push({ type: 'text', text: refusal });
  }
  if (isUnchanged(own, said, uses)) {
    // The text of the call is exact, and perhaps mended.
    return own.map(
      (block) => uses.find(({ id }) => block.type === 'tool_use' && block['id'] === id) ?? block,
    );
  }
  return [...own.filter(({ type }) => type !== 'text' && type !== 'tool_use'), ...said, ...uses];
}

/** Whether a message still says what its blocks say: its text and its calls count where somebody has edited them. */
function isUnchanged(
  own: readonly AnthropicContentBlock[],
  said: readonly AnthropicContentBlock[],
  uses: readonly AnthropicContentBlock[],
): boolean {
  const ids = own.filter(({ type }) => type === 'tool_use').map(({ id }) => id);
  return (
    own.length > 0 &&
    said.every((block) => block.type === 'text' && Object.keys(block).length === 2) &&
    textOf(own) === textOf(said) &&
    ids.length === uses.length &&
    ids.every((id, i) => id === uses[i]?.['id'])
  );
}

function toolUses(message: Fields, functionCall: string, objections: Objections): AnthropicContentBlock[] {
  const { tool_calls: calls, function_call: older } = message;
  const uses = (Array.isArray(calls) ? calls.filter(isObject) : []).map((call) => {
    if (call['type'] === 'custom') throw objections.refuse('custom tools');
    return toolUse(call['id'], call['function']);
  });
  return isObject(older) ? [...uses, toolUse(functionCall, older)] : uses;
}

function toolUse(id: unknown, named: unknown): AnthropicContentBlock {
  const { name, arguments: text } = (named ?? {}) as { name?: unknown; arguments?: unknown };
  const input = typeof text === 'string' ? parseInput(text) : isObject(text) ? text : {};
  return { type: 'tool_use', id, name, input };
}

function dropOthers(message: Fields, objections: Objections): void {
  const { role } = message;
  const known = KNOWN_FIELDS[String(role)] ?? [];
  for (const [field, value] of Object.entries(message)) {
    if (COMMON_FIELDS.includes(field) || known.includes(field) || !isTelling(value)) continue;
    // Made of the citations, which are in the blocks.
    if (field === 'annotations' && isTelling(message['content_blocks'])) continue;
    objections.drop(`messages[].${field}`, 'Anthropic has no such field.');
  }
}
