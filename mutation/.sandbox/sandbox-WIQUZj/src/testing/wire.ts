/** One message of a chat request, as far as the test server reads it. */
// @ts-nocheck

export interface TestMessage {
  readonly role: string;
  readonly content?: string | readonly { readonly type: string; readonly text?: string }[] | null;
  readonly [field: string]: unknown;
}

/** A function tool of a chat request. */
export interface TestTool {
  readonly type?: string;
  readonly function?: { readonly name: string; readonly parameters?: unknown };
  readonly [field: string]: unknown;
}

/** The JSON body of `POST /v1/chat/completions`, as far as the test server reads it. */
export interface TestChatRequest {
  readonly model: string;
  readonly messages: readonly TestMessage[];
  readonly stream?: boolean | null;
  readonly stream_options?: { readonly include_usage?: boolean } | null;
  readonly max_tokens?: number | null;
  readonly max_completion_tokens?: number | null;
  readonly n?: number | null;
  readonly stop?: string | readonly string[] | null;
  readonly logprobs?: boolean | null;
  readonly top_logprobs?: number | null;
  readonly tools?: readonly TestTool[];
  readonly tool_choice?: string | { readonly function?: { readonly name: string } };
  readonly parallel_tool_calls?: boolean;
  readonly response_format?: { readonly type: string; readonly json_schema?: { readonly schema?: unknown } };
  readonly [field: string]: unknown;
}

/** A call of a function tool in a reply. */
export interface TestToolCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
}

/** The assistant's message of a reply; further fields, such as `reasoning_content`, are sent as they are. */
export interface TestReplyMessage {
  readonly content?: string | null;
  readonly refusal?: string | null;
  readonly tool_calls?: readonly TestToolCall[];
  readonly [field: string]: unknown;
}

/** What the server answers a chat request with. */
export type TestReply = string | ((request: TestChatRequest) => string | TestReplyMessage);

/** Log probabilities of a choice. */
export interface TestLogprobs {
  readonly content: readonly {
    readonly token: string;
    readonly logprob: number;
    readonly bytes: readonly number[];
    readonly top_logprobs: readonly unknown[];
  }[];
  readonly refusal: null;
}

/** One choice of a chat completion. */
export interface TestChoice {
  readonly index: number;
  readonly message: TestReplyMessage;
  readonly logprobs?: TestLogprobs | null;
  readonly finish_reason: string | null;
}

/** Tokens used by a request. */
export interface TestUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens?: number;
  readonly total_tokens: number;
  readonly [field: string]: unknown;
}

/** A chat completion as it goes over the wire. */
export interface TestCompletion {
  readonly id?: string;
  readonly created?: number;
  readonly model?: string;
  readonly choices: readonly TestChoice[];
  readonly usage?: TestUsage;
  readonly [field: string]: unknown;
}

/** The error object of OpenAI's error bodies. */
export interface WireError {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}

/** A request that is refused with one of OpenAI's error bodies. */
export class Refusal {
  constructor(
    readonly status: number,
    readonly error: WireError,
    /** Further headers as name, value, name, value … */
    readonly headers: readonly string[] = [],
  ) {}
}

/** A refusal of a request that is wrong in itself. */
export function badRequest(
  message: string,
  param: string | null = null,
  code: string | null = null,
): Refusal {
  return new Refusal(400, { message, type: 'invalid_request_error', param, code });
}

const ERROR_CODES: Readonly<Record<number, readonly [type: string, code: string | null]>> = {
  401: ['invalid_request_error', 'invalid_api_key'],
  404: ['invalid_request_error', 'model_not_found'],
  429: ['requests', 'rate_limit_exceeded'],
};

/** The body that OpenAI would send with an error status; an empty object for any other status. */
export function errorBody(status: number): object {
  if (status < 400) return {};
  const [type, code] = ERROR_CODES[status] ?? [status < 500 ? 'invalid_request_error' : 'server_error', null];
  return { error: { message: `Scripted error with status ${status}.`, type, param: null, code } };
}

/** True for objects that are no arrays. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
