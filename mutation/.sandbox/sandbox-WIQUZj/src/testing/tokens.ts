// @ts-nocheck
import type { TestChatRequest, TestMessage, TestReplyMessage } from './wire.js';

const CHARACTERS_PER_TOKEN = 4;
/** What the markup around each message is counted as. */
const TOKENS_PER_MESSAGE = 3;
/** What a part that is no text (an image, a sound) is counted as. */
const TOKENS_PER_OTHER_PART = 85;

/** The test server's count of tokens: one for every four characters begun. */
export function countTokens(text: string): number {
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
}

/** The beginning of `text` that counts as at most `tokens`; a surrogate pair is never cut in two. */
export function firstTokens(text: string, tokens: number): string {
  let end = tokens * CHARACTERS_PER_TOKEN;
  if (end >= text.length) return text;
  const last = text.charCodeAt(end - 1);
  if (last >= 0xd800 && last <= 0xdbff) end -= 1;
  return text.slice(0, end);
}

/** Input tokens of a chat request: its texts, 3 for each message, 3 for the reply's start, and its tools as JSON. */
export function countPromptTokens(request: TestChatRequest): number {
  let tokens = TOKENS_PER_MESSAGE;
  for (const message of request.messages) tokens += TOKENS_PER_MESSAGE + countContent(message);
  if (request.tools !== undefined && request.tools.length > 0)
    tokens += countTokens(JSON.stringify(request.tools));
  return tokens;
}

function countContent({ content }: TestMessage): number {
  if (typeof content === 'string') return countTokens(content);
  let tokens = 0;
  if (Array.isArray(content)) {
    for (const part of content as Exclude<typeof content, string | null | undefined>) {
      tokens += typeof part?.text === 'string' ? countTokens(part.text) : TOKENS_PER_OTHER_PART;
    }
  }
  return tokens;
}

/** Output tokens of one reply message: its texts and its tool calls. */
export function countReplyTokens(message: TestReplyMessage): number {
  let tokens = countTokens(message.content ?? '') + countTokens(message.refusal ?? '');
  for (const call of message.tool_calls ?? []) {
    tokens += countTokens(call.function.name) + countTokens(call.function.arguments);
  }
  return tokens;
}
