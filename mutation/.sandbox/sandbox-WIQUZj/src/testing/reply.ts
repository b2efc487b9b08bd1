// @ts-nocheck
import { sampleOf } from './schema-sample.js';
import { countTokens, firstTokens } from './tokens.js';
import { badRequest } from './wire.js';
import type {
  TestChatRequest,
  TestMessage,
  TestReply,
  TestReplyMessage,
  TestTool,
  TestToolCall,
  Refusal,
} from './wire.js';

/** The longest part of the user's message that the canned text repeats. */
const LONGEST_ECHO = 200;

/** The message that answers a request, and why it ends. */
export interface ChosenReply {
  readonly message: TestReplyMessage;
  readonly finishReason: string;
}

/**
 * Chooses the message for a request, always the same for the same request:
 *
 * 1. a `reply` function decides alone;
 * 2. tools: `tool_choice` naming a function calls it, `'required'` calls the first one; otherwise, when the last
 *    message is the user's and mentions tools by name (`get_weather` or "get weather"), those are called.
 *    Arguments are a sample of the tool's `parameters`;
 * 3. `response_format`: the canned text where it is JSON, else a sample of the schema (`{"text": …}` in JSON mode);
 * 4. the canned text.
 *
 * Texts are then cut at `stop` and at `max_completion_tokens` or `max_tokens` (finish reason `length`).
 */
export function chooseReply(
  request: TestChatRequest,
  canned: TestReply | undefined,
  callId: string,
): ChosenReply {
  if (typeof canned === 'function') {
    const given = canned(request);
    return cut(request, typeof given === 'string' ? textMessage(given) : { ...EMPTY_MESSAGE, ...given });
  }
  const calls = toolCalls(request, callId);
  if (calls.length > 0) return cut(request, { ...EMPTY_MESSAGE, tool_calls: calls });
  const text = canned ?? echo(request);
  return cut(request, textMessage(request.response_format == null ? text : jsonText(request, text)));
}

const EMPTY_MESSAGE: TestReplyMessage = { role: 'assistant', content: null, refusal: null };

function textMessage(content: string): TestReplyMessage {
  return { role: 'assistant', content, refusal: null };
}

/** The text of a message, whatever the form of its content. */
function textOf(message: TestMessage | undefined): string {
  const content = message?.content;
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? content.map((part: { text?: string }) => part?.text ?? '').join('') : '';
}

function echo(request: TestChatRequest): string {
  let said = '';
  for (let index = request.messages.length - 1; index >= 0 && said === ''; index -= 1) {
    if (request.messages[index]?.role === 'user') said = textOf(request.messages[index]);
  }
  const shown = said.length > LONGEST_ECHO ? `${firstTokens(said, LONGEST_ECHO / 4)}…` : said;
  return `This is canned text from a local test server, no model has read your message: "${shown}"`;
}

function toolCalls(request: TestChatRequest, callId: string): TestToolCall[] {
  const tools = (request.tools ?? []).filter((tool) => typeof tool?.function?.name === 'string');
  const choice = request.tool_choice;
  if (tools.length === 0 || choice === 'none') return [];
  return chosenTools(request, tools).map((tool, index) => ({
    id: `call_${callId}_${index}`,
    type: 'function',
    function: {
      name: nameOf(tool),
      arguments: JSON.stringify(sampleOf(tool.function?.parameters ?? { type: 'object' })),
    },
  }));
}

function chosenTools(request: TestChatRequest, tools: readonly TestTool[]): readonly TestTool[] {
  const choice = request.tool_choice;
  if (typeof choice === 'object' && choice !== null) {
    const named = tools.find((tool) => nameOf(tool) === choice.function?.name);
    if (named !== undefined) return [named];
    throw badRequest(`Tool choice '${choice.function?.name ?? ''}' is not among the 'tools'.`, 'tool_choice');
  }
  const last = request.messages[request.messages.length - 1];
  const said = last?.role === 'user' ? textOf(last).toLowerCase() : '';
  const asked = tools.filter((tool) => {
    const name = nameOf(tool).toLowerCase();
    return said.includes(name) || said.includes(name.replaceAll(/[_-]/g, ' '));
  });
  const called = asked.length === 0 && choice === 'required' ? tools.slice(0, 1) : asked;
  return request.parallel_tool_calls === false ? called.slice(0, 1) : called;
}

function nameOf(tool: TestTool): string {
  return tool.function?.name ?? '';
}

function jsonText(request: TestChatRequest, text: string): string {
  const format = request.response_format;
  if (format?.type !== 'json_object' && format?.type !== 'json_schema') return text;
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(format.type === 'json_object' ? { text } : sampleOf(format.json_schema?.schema));
  }
}

function cut(request: TestChatRequest, message: TestReplyMessage): ChosenReply {
  if (message.tool_calls !== undefined && message.tool_calls.length > 0) {
    return { message, finishReason: 'tool_calls' };
  }
  let text = message.content;
  if (typeof text !== 'string') return { message, finishReason: 'stop' };
  for (const stop of typeof request.stop === 'string' ? [request.stop] : (request.stop ?? [])) {
    const at = stop === '' ? -1 : text.indexOf(stop);
    if (at !== -1) text = text.slice(0, at);
  }
  const most = request.max_completion_tokens ?? request.max_tokens ?? Infinity;
  const tooLong = countTokens(text) > most;
  if (tooLong) text = firstTokens(text, most);
  return {
    message: text === message.content ? message : { ...message, content: text },
    finishReason: tooLong ? 'length' : 'stop',
  };
}

/** Refuses a chat request that OpenAI would refuse, in the same order: model, messages, numbers. */
export function checkChatRequest(body: unknown): TestChatRequest | Refusal {
  const request = body as Partial<TestChatRequest> | null;
  if (typeof request?.model !== 'string' || request.model === '') {
    return badRequest('you must provide a model parameter', 'model', 'missing_required_parameter');
  }
  const { messages } = request;
  if (messages === undefined) {
    return badRequest("Missing required parameter: 'messages'.", 'messages', 'missing_required_parameter');
  }
  if (!Array.isArray(messages)) {
    return badRequest(
      "Invalid type for 'messages': expected an array of objects.",
      'messages',
      'invalid_type',
    );
  }
  if (messages.length === 0) {
    return badRequest(
      "Invalid 'messages': empty array. Expected at least one message.",
      'messages',
      'empty_array',
    );
  }
  const wrong = (messages as unknown[]).findIndex(
    (message) => typeof (message as TestMessage | null)?.role !== 'string',
  );
  if (wrong !== -1) {
    const param = `messages[${wrong}].role`;
    return badRequest(`Missing required parameter: '${param}'.`, param, 'missing_required_parameter');
  }
  for (const name of ['max_tokens', 'max_completion_tokens', 'n'] as const) {
    const value = request[name];
    if (
      value === undefined ||
      value === null ||
      (Number.isInteger(value) && value >= 1 && !(name === 'n' && value > 128))
    ) {
      continue;
    }
    return badRequest(`Invalid '${name}': expected a whole number of at least 1.`, name, 'invalid_value');
  }
  return request as TestChatRequest;
}
