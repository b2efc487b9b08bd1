/** A JSON Schema, as the object it is. */
// @ts-nocheck

export type JsonSchema = Record<string, unknown>;

/** A function that the model may ask the application to call. */
export interface ChatFunctionTool {
  type: 'function';
  function: ChatFunctionDefinition;
}

/** A function as the model is told of it. */
export interface ChatFunctionDefinition {
  /** Letters, digits, `_` and `-`; at most 64 characters. */
  name: string;
  /** What it does: the model decides by it when to call, and how. */
  description?: string | undefined;
  /** A JSON Schema of its arguments; without it the function takes none. */
  parameters?: JsonSchema | undefined;
  /** True to have the arguments follow the schema exactly; OpenAI then takes a subset of JSON Schema. */
  strict?: boolean | null | undefined;
}

/** A tool that takes free text instead of JSON arguments. */
export interface ChatCustomTool {
  type: 'custom';
  custom: {
    name: string;
    /** What it does: the model decides by it when to call, and how. */
    description?: string | undefined;
    /** What the input must look like; any text when not given. */
    format?:
      | { type: 'text' }
      | { type: 'grammar'; grammar: { syntax: 'lark' | 'regex'; definition: string } }
      | undefined;
  };
}

/** A tool that the model may ask for. */
export type ChatTool = ChatFunctionTool | ChatCustomTool;

/**
 * Which tool the model uses: none, any if it wants to (`auto`), at least one (`required`), a named one, or
 * one of a few. Without it: `auto` when there are tools, else `none`.
 */
export type ChatToolChoice =
  | 'none'
  | 'auto'
  | 'required'
  | { type: 'function'; function: { name: string } }
  | { type: 'custom'; custom: { name: string } }
  | {
      type: 'allowed_tools';
      allowed_tools: {
        mode: 'auto' | 'required';
        /** The tools, by type and name: `{ type: 'function', function: { name: 'get_time' } }`. */
        tools: readonly Record<string, unknown>[];
      };
    };

/** The function to call, and with what. */
export interface ChatFunctionCall {
  name: string;
  /** JSON text written by the model: it may be invalid, or not fit the schema. Check it before you call. */
  arguments: string;
}

/** A function that the model asks the application to call. */
export interface ChatFunctionToolCall {
  /** To be repeated as `tool_call_id` in the message that answers. */
  id: string;
  type: 'function';
  function: ChatFunctionCall;
}

/** A custom tool that the model asks the application to run. */
export interface ChatCustomToolCall {
  /** To be repeated as `tool_call_id` in the message that answers. */
  id: string;
  type: 'custom';
  custom: { name: string; /** The text written by the model. */ input: string };
}

/** A tool that the model asks for; `type` says which kind. */
export type ChatToolCall = ChatFunctionToolCall | ChatCustomToolCall;
