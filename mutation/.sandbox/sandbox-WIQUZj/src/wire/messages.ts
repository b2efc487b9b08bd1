// @ts-nocheck
import type { ChatFunctionCall, ChatToolCall } from './tools.js';

/** Marks the end of a reusable prompt prefix for OpenAI's explicit prompt caching. */
export interface PromptCacheBreakpoint {
  mode: 'explicit';
}

/** A piece of text. */
export interface ChatTextPart {
  type: 'text';
  text: string;
  prompt_cache_breakpoint?: PromptCacheBreakpoint | undefined;
}

/** An image that the model is to look at. */
export interface ChatImagePart {
  type: 'image_url';
  image_url: {
    /** An `https:` address, or the image itself as a `data:image/…;base64,` URL. */
    url: string;
    /** The resolution it is read at; `auto` when not given. A higher one costs more tokens. */
    detail?: 'auto' | 'low' | 'high' | (string & {}) | undefined;
  };
  prompt_cache_breakpoint?: PromptCacheBreakpoint | undefined;
}

/** A recording that the model is to listen to. */
export interface ChatAudioPart {
  type: 'input_audio';
  input_audio: {
    /** The recording, in base64. */
    data: string;
    format: 'wav' | 'mp3' | (string & {});
  };
  prompt_cache_breakpoint?: PromptCacheBreakpoint | undefined;
}

/** A file that the model is to read: an uploaded one by `file_id`, or the file itself in `file_data`. */
export interface ChatFilePart {
  type: 'file';
  file: {
    /** The file, in base64. */
    file_data?: string | undefined;
    /** The id of a file uploaded before. */
    file_id?: string | undefined;
    filename?: string | undefined;
  };
  prompt_cache_breakpoint?: PromptCacheBreakpoint | undefined;
}

/** What the model said when it declined, sent back as part of the conversation. */
export interface ChatRefusalPart {
  type: 'refusal';
  refusal: string;
}

/** What a user message may consist of. */
export type ChatContentPart = ChatTextPart | ChatImagePart | ChatAudioPart | ChatFilePart;

/** Instructions of the application; what newer OpenAI models take instead of a `system` message. */
export interface ChatDeveloperMessage {
  role: 'developer';
  content: string | readonly ChatTextPart[];
  /** Tells participants of the same role apart. */
  name?: string | undefined;
}

/** Instructions of the application; understood by every provider. */
export interface ChatSystemMessage {
  role: 'system';
  content: string | readonly ChatTextPart[];
  /** Tells participants of the same role apart. */
  name?: string | undefined;
}

/** What the user says, shows or plays. */
export interface ChatUserMessage {
  role: 'user';
  content: string | readonly ChatContentPart[];
  /** Tells participants of the same role apart. */
  name?: string | undefined;
}

/** An earlier answer of the model. The `message` of a completion can be put here as it is. */
export interface ChatAssistantMessage {
  role: 'assistant';
  /** Needed unless there are `tool_calls`. */
  content?: string | readonly (ChatTextPart | ChatRefusalPart)[] | null | undefined;
  /** What the model said when it declined. */
  refusal?: string | null | undefined;
  /** The calls the model asked for; each must be followed by a `tool` message with its id. */
  tool_calls?: readonly ChatToolCall[] | undefined;
  /** An earlier spoken answer, named by its id. */
  audio?: { id: string } | null | undefined;
  /** Tells participants of the same role apart. */
  name?: string | undefined;
  /** The model's reasoning, for the providers (DeepSeek and others) that want it back. Not an OpenAI field. */
  reasoning_content?: string | null | undefined;
  /** @deprecated OpenAI replaced it by `tool_calls`. */
  function_call?: ChatFunctionCall | null | undefined;
}

/** The result of a tool call. */
export interface ChatToolMessage {
  role: 'tool';
  content: string | readonly ChatTextPart[];
  /** The `id` of the call it answers. */
  tool_call_id: string;
}

/**
 * The result of a function call of the older kind.
 * @deprecated OpenAI replaced it by messages of the role `tool`.
 */
export interface ChatFunctionMessage {
  role: 'function';
  /** The function that was called. */
  name: string;
  content: string | null;
}

/**
 * One message of a conversation; `role` says which kind.
 * @example
 * const messages: ChatMessage[] = [
 *   { role: 'system', content: 'Answer in one sentence.' },
 *   { role: 'user', content: 'What is a keelson?' },
 * ];
 */
export type ChatMessage =
  | ChatDeveloperMessage
  | ChatSystemMessage
  | ChatUserMessage
  | ChatAssistantMessage
  | ChatToolMessage
  | ChatFunctionMessage;

/** Who a message is from. */
export type ChatRole = ChatMessage['role'];
