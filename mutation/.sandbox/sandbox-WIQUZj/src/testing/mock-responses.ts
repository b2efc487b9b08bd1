// @ts-nocheck
import { Readable } from 'node:stream';
import type { AxiosInstance } from 'axios';
import { runtime } from '../../decorators/pipeline/runtime.js';
import { completionOf, streamOf } from './completion.js';
import { embeddingsOf } from './embeddings.js';
import { loadMockAdapter } from './mock-adapter.js';
import type { MockAdapter, MockAdapterReply, MockAdapterRequest } from './mock-adapter.js';
import { chooseReply } from './reply.js';
import { Refusal, errorBody, isRecord } from './wire.js';
import type { TestChatRequest, TestCompletion, TestReplyMessage } from './wire.js';

/** Makes the answer to one request. */
type Responder = (
  body: Record<string, unknown>,
  request: MockAdapterRequest,
  sequence: number,
) => MockAdapterReply;
type Endpoint = 'chat' | 'embeddings';

/** Canned responses of a client's axios instance. Made by `mockResponses`. */
export class MockedResponses {
  /** The axios-mock-adapter underneath. Its `resetHandlers()` makes room for handlers of your own. */
  readonly adapter: MockAdapter;
  /** The bodies of the requests so far, oldest first, parsed. */
  readonly requests: unknown[] = [];
  #waiting: { readonly endpoint?: Endpoint; readonly respond: Responder }[] = [];
  readonly #last: Partial<Record<Endpoint, Responder>> = {};

  /** @internal */
  constructor(http: AxiosInstance) {
    this.adapter = new (loadMockAdapter())(http);
    // Asynchronous, so that what a reply throws is a rejection as from a real adapter.
    this.adapter.onPost().reply(async (request) => this.#respond(request));
  }

  /**
   * Queues a chat reply: a text, an assistant message (with `tool_calls`, say), a whole completion, or an error to
   * reject with. A request for a stream gets it as one.
   */
  chat(reply: string | TestReplyMessage | TestCompletion | Error): this {
    return this.#queue('chat', (body, request, sequence) => {
      if (reply instanceof Error) throw reply;
      const completion = isCompletion(reply) ? reply : completionFor(body, reply, sequence);
      return chatReply(completion, body, request);
    });
  }

  /** Queues a chat reply whose stream has one event for each text; without a stream the texts are one. */
  stream(texts: readonly string[]): this {
    return this.#queue('chat', (body, request, sequence) =>
      chatReply(completionFor(body, texts.join(''), sequence), body, request, () => texts),
    );
  }

  /** Queues the vectors for the inputs of one request, in their order. */
  embeddings(vectors: readonly (readonly number[])[]): this {
    return this.#queue('embeddings', (body, request) => {
      const data = vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding:
          body['encoding_format'] === 'base64'
            ? Buffer.from(Float32Array.from(vector).buffer).toString('base64')
            : vector,
      }));
      const usage = { prompt_tokens: vectors.length, total_tokens: vectors.length };
      return jsonReply(200, { object: 'list', data, model: body['model'] ?? 'mock', usage }, request);
    });
  }

  /** Queues an error status. Default body: OpenAI's error for the status; a string is sent as it is. */
  error(
    status: number,
    body: unknown = errorBody(status),
    headers: Readonly<Record<string, string>> = {},
  ): this {
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new TypeError(`error(status) takes a status from 400 to 599, got ${String(status)}.`);
    }
    return this.#queue(undefined, (_body, request) => jsonReply(status, body, request, headers));
  }

  /** Queues a failed connection. Default code: `ECONNRESET`. */
  networkError(code = 'ECONNRESET'): this {
    return this.#queue(undefined, (_body, config) => {
      const error = Object.assign(new Error('Network Error'), { isAxiosError: true, code, config });
      throw Object.defineProperty(error, 'name', { value: 'AxiosError', configurable: true });
    });
  }

  /** Gives the axios instance its former adapter back. */
  restore(): void {
    this.adapter.restore();
  }

  #queue(endpoint: Endpoint | undefined, respond: Responder): this {
    this.#waiting.push(endpoint === undefined ? { respond } : { endpoint, respond });
    return this;
  }

  #respond(request: MockAdapterRequest): MockAdapterReply {
    const body = parsed(request.data);
    this.requests.push(body);
    const endpoint: Endpoint = /\/embeddings\/?$/.test(request.url?.split('?')[0] ?? '')
      ? 'embeddings'
      : 'chat';
    const index = this.#waiting.findIndex(
      (item) => item.endpoint === undefined || item.endpoint === endpoint,
    );
    const [next] = index === -1 ? [] : this.#waiting.splice(index, 1);
    const respond = next?.respond ?? this.#last[endpoint] ?? CANNED[endpoint];
    this.#last[endpoint] = respond;
    return respond(isRecord(body) ? body : {}, request, this.requests.length);
  }
}

/** The answers of the test server, while nothing has been queued. */
const CANNED: Readonly<Record<Endpoint, Responder>> = {
  chat: (body, request, sequence) => chatReply(completionFor(body, undefined, sequence), body, request),
  embeddings: (body, request) => {
    const result = embeddingsOf(body);
    return result instanceof Refusal
      ? jsonReply(result.status, { error: result.error }, request)
      : jsonReply(200, result, request);
  },
};

function isCompletion(reply: string | TestReplyMessage | TestCompletion): reply is TestCompletion {
  return typeof reply === 'object' && Array.isArray(reply['choices']);
}

function completionFor(
  body: Record<string, unknown>,
  reply: string | TestReplyMessage | undefined,
  sequence: number,
): TestCompletion {
  const messages = Array.isArray(body['messages']) ? body['messages'] : [];
  const chat = { model: 'mock', ...body, messages } as unknown as TestChatRequest;
  const chosen = chooseReply(chat, reply === undefined ? undefined : () => reply, String(sequence));
  return completionOf(chat, chosen, String(sequence), Math.floor(runtime().wallClock() / 1000));
}

function chatReply(
  completion: TestCompletion,
  body: Record<string, unknown>,
  request: MockAdapterRequest,
  pieces?: (text: string) => readonly string[],
): MockAdapterReply {
  if (body['stream'] !== true) return jsonReply(200, completion, request);
  const options = body['stream_options'];
  const { events } = streamOf(completion, isRecord(options) && options['include_usage'] === true, pieces);
  return [200, dataAs(request, events), { 'content-type': 'text/event-stream; charset=utf-8' }];
}

function jsonReply(
  status: number,
  body: unknown,
  request: MockAdapterRequest,
  headers: Readonly<Record<string, string>> = {},
): MockAdapterReply {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return [status, dataAs(request, [text]), { 'content-type': 'application/json', ...headers }];
}

/** The body in the form that an adapter gives it for the request's `responseType`; parsing JSON is axios's part. */
function dataAs(request: MockAdapterRequest, parts: readonly string[]): unknown {
  if (request.responseType === 'stream') {
    return Readable.from(
      parts.map((part) => Buffer.from(part)),
      { objectMode: false },
    );
  }
  return request.responseType === 'arraybuffer' ? Buffer.from(parts.join('')) : parts.join('');
}

function parsed(data: unknown): unknown {
  if (typeof data !== 'string') return data;
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}

/**
 * Puts canned responses under a client for unit tests: no server, no network, but the client's interceptors and
 * policies at work. Replies are queued; each request takes the first that fits it (chat and embeddings wait for their
 * own kind, an error for any). When none is left, the last one given to that kind is repeated; when there never was
 * any, the test server's canned answers are given.
 *
 * Streams come as a whole and timeouts of the transport do not act: for those, use `startTestServer`.
 *
 * @throws TypeError when `client.http` is no axios instance; Error when axios-mock-adapter is not installed.
 * @example
 * const mock = mockResponses(client).error(503).chat('Hello');
 * await client.chatCompletion(messages); // 'Hello', at the second attempt
 * mock.requests.length; // 2
 * mock.restore();
 */
export function mockResponses(client: { readonly http: AxiosInstance }): MockedResponses {
  const http = (client as { readonly http?: AxiosInstance } | null | undefined)?.http;
  if (typeof http !== 'function' || http.defaults === undefined) {
    throw new TypeError(
      'mockResponses takes an object whose `http` is an axios instance, such as an OpenAIClient.',
    );
  }
  return new MockedResponses(http);
}
