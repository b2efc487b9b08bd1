/** What Ollama's native API sends and takes, as far as it is translated; any further field passes through. */
// @ts-nocheck


export interface OllamaToolCall {
  /** Missing in answers of older servers. */
  id?: string;
  function: { name: string; arguments: Record<string, unknown>; index?: number };
}

export interface OllamaMessage {
  role: string;
  content: string;
  /** What the model thought before it answered. */
  thinking?: string;
  /** In base64; recordings too, for models that listen. */
  images?: string[];
  tool_calls?: OllamaToolCall[];
  /** The tool whose result a message of the role `tool` is. */
  tool_name?: string;
  tool_call_id?: string;
  [field: string]: unknown;
}

export interface OllamaLogprob {
  token: string;
  logprob: number;
  bytes?: number[];
  top_logprobs?: OllamaLogprob[];
}

/** The answer of /api/chat, and each line of a streamed one; the last is `done`, and has the counts. */
export interface OllamaAnswer {
  model?: string;
  /** RFC 3339. */
  created_at?: string;
  message?: Partial<OllamaMessage>;
  done?: boolean;
  done_reason?: string;
  logprobs?: OllamaLogprob[];
  prompt_eval_count?: number;
  eval_count?: number;
  [field: string]: unknown;
}

/** The answer of /api/embed. */
export interface OllamaEmbeddings {
  model?: string;
  embeddings?: number[][];
  prompt_eval_count?: number;
}
