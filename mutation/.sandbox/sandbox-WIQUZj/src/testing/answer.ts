// @ts-nocheck
import { runtime } from '../../decorators/pipeline/runtime.js';
import { completionOf, streamOf } from './completion.js';
import type { StreamEvents } from './completion.js';
import { embeddingsOf } from './embeddings.js';
import { checkChatRequest, chooseReply } from './reply.js';
import { ServerLimits } from './server-limits.js';
import type { TestRateLimit } from './server-limits.js';
import { Refusal, badRequest } from './wire.js';
import type { TestReply } from './wire.js';

/** What is sent for a request: one body, or the events of a stream. */
export interface Answer {
  readonly status: number;
  /** Further headers as name, value, name, value … */
  readonly headers: readonly string[];
  readonly body?: string;
  readonly stream?: StreamEvents;
}

export interface AnswerOptions {
  readonly apiKeys: ReadonlySet<string> | undefined;
  readonly models: readonly string[] | undefined;
  readonly reply: TestReply | undefined;
  readonly rateLimit: TestRateLimit | undefined;
}

interface AnswerRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly authorization: string | undefined;
  /** The text of the body, and what it says as JSON; undefined where it says nothing. */
  readonly body: unknown;
  /** A number that no other request of this server has. */
  readonly sequence: number;
}

const DEFAULT_MODELS = ['gpt-4o-mini', 'gpt-4o', 'text-embedding-3-small', 'text-embedding-3-large'];
const NO_HEADERS: readonly string[] = [];

/** Knows what a well-behaved server answers; sends nothing itself. */
export class Answers {
  readonly #options: AnswerOptions;
  readonly #limits: ServerLimits | undefined;

  constructor(options: AnswerOptions) {
    this.#options = options;
    this.#limits = options.rateLimit === undefined ? undefined : new ServerLimits(options.rateLimit);
  }

  /** Fills the buckets of every key again. */
  reset(): void {
    this.#limits?.reset();
  }

  answer(request: AnswerRequest): Answer {
    try {
      const answer = this.#answer(request);
      return answer instanceof Refusal ? refused(answer) : answer;
    } catch (error) {
      if (error instanceof Refusal) return refused(error);
      const message = `The test server's 'reply' function failed: ${error instanceof Error ? error.message : String(error)}`;
      return refused(new Refusal(500, { message, type: 'server_error', param: null, code: null }));
    }
  }

  #answer(request: AnswerRequest): Answer | Refusal {
    const { method, path } = request;
    const expected = methodOf(path);
    if (expected === undefined) {
      return new Refusal(404, invalidRequest(`Invalid URL (${method} ${path})`));
    }
    if (method !== expected) {
      const error = invalidRequest(
        `Not allowed to ${method} on ${path}: use ${expected}.`,
        'method_not_supported',
      );
      return new Refusal(405, error, ['allow', expected]);
    }
    const key = this.#keyOf(request.authorization);
    if (key instanceof Refusal) return key;
    if (method === 'GET') return this.#models(path);
    if (typeof request.body !== 'object' || request.body === null) {
      return badRequest('We could not parse the JSON body of your request: it must be a JSON object.');
    }
    return path === '/v1/embeddings'
      ? this.#embeddings(request.body, key)
      : this.#chat(request.body, key, request.sequence);
  }

  #keyOf(authorization: string | undefined): string | Refusal {
    if (authorization === undefined) {
      return new Refusal(
        401,
        invalidRequest("You didn't provide an API key: send 'Authorization: Bearer YOUR_KEY'."),
      );
    }
    const key = /^bearer +(.+)$/i.exec(authorization)?.[1]?.trim() ?? '';
    const { apiKeys } = this.#options;
    if (key !== '' && (apiKeys === undefined || apiKeys.has(key))) return key;
    return new Refusal(401, invalidRequest(`Incorrect API key provided: ${masked(key)}.`, 'invalid_api_key'));
  }

  #chat(body: object, key: string, sequence: number): Answer | Refusal {
    const request = checkChatRequest(body);
    if (request instanceof Refusal) return request;
    const unknown = this.#unknownModel(request.model);
    if (unknown !== undefined) return unknown;
    const id = String(sequence).padStart(8, '0');
    const reply = chooseReply(request, this.#options.reply, id);
    const completion = completionOf(request, reply, id, Math.floor(runtime().wallClock() / 1000));
    const headers = this.#charge(key, completion.usage?.total_tokens ?? 0, request.model);
    if (headers instanceof Refusal) return headers;
    if (request.stream !== true) return { status: 200, headers, body: JSON.stringify(completion) };
    return {
      status: 200,
      headers,
      stream: streamOf(completion, request.stream_options?.include_usage === true),
    };
  }

  #embeddings(body: object, key: string): Answer | Refusal {
    const model = (body as { model?: unknown }).model;
    const unknown = typeof model === 'string' ? this.#unknownModel(model) : undefined;
    if (unknown !== undefined) return unknown;
    const result = embeddingsOf(body);
    if (result instanceof Refusal) return result;
    const headers = this.#charge(key, result.usage.total_tokens, result.model);
    return headers instanceof Refusal ? headers : { status: 200, headers, body: JSON.stringify(result) };
  }

  #models(path: string): Answer | Refusal {
    const describe = (id: string): object => ({
      id,
      object: 'model',
      created: 0,
      owned_by: 'keelson-testing',
    });
    if (path === '/v1/models') {
      const data = (this.#options.models ?? DEFAULT_MODELS).map(describe);
      return { status: 200, headers: NO_HEADERS, body: JSON.stringify({ object: 'list', data }) };
    }
    const id = decoded(path.slice('/v1/models/'.length));
    return this.#unknownModel(id) ?? { status: 200, headers: NO_HEADERS, body: JSON.stringify(describe(id)) };
  }

  #unknownModel(model: string): Refusal | undefined {
    const { models } = this.#options;
    if (model === '' || models === undefined || models.includes(model)) return undefined;
    const message = `The model \`${model}\` does not exist or you do not have access to it.`;
    return new Refusal(404, invalidRequest(message, 'model_not_found'));
  }

  #charge(key: string, tokens: number, model: string): readonly string[] | Refusal {
    return this.#limits?.charge(key, tokens, model) ?? NO_HEADERS;
  }
}

function invalidRequest(message: string, code: string | null = null): Refusal['error'] {
  return { message, type: 'invalid_request_error', param: null, code };
}

/** The error answer of a refusal. */
function refused({ status, error, headers }: Refusal): Answer {
  return { status, headers, body: JSON.stringify({ error }) };
}

function methodOf(path: string): 'GET' | 'POST' | undefined {
  if (path === '/v1/chat/completions' || path === '/v1/embeddings') return 'POST';
  if (path === '/v1/models' || /^\/v1\/models\/.+/.test(path)) return 'GET';
  return undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Only the ends of a key long enough to keep its middle secret. */
function masked(key: string): string {
  return key.length > 12 ? `${key.slice(0, 3)}***${key.slice(-4)}` : '***';
}
