// @ts-nocheck
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runtime } from '../../decorators/pipeline/runtime.js';
import type { CancelTimer } from '../../decorators/pipeline/runtime.js';
import { Answers } from './answer.js';
import { FaultScript } from './faults.js';
import type { Fault, PlayedFault } from './faults.js';
import { Recorder } from './recorder.js';
import type { RecordedRequest } from './recorder.js';
import { send, sendInstead, sendSpoiled } from './send.js';
import { checkServerOptions } from './server-options.js';
import type { TestServerOptions } from './server-options.js';
import type { TestServer } from './test-server.js';

/** A request whose body has arrived. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Without the query. */
  readonly path: string;
  readonly body: unknown;
  readonly sequence: number;
  readonly startedAt: number;
}

/** The server behind the public interface: receives, records, and lets answers and faults speak. */
class LocalServer implements TestServer {
  readonly port: number;
  readonly baseURL: string;
  readonly banner: string;
  readonly #server: Server;
  readonly #answers: Answers;
  readonly #log: ((line: string) => void) | undefined;
  readonly #faults = new FaultScript();
  readonly #recorder = new Recorder();
  readonly #delays = new Set<CancelTimer>();
  #sequence = 0;
  #closing: Promise<void> | undefined;

  constructor(server: Server, answers: Answers, log: ((line: string) => void) | undefined) {
    this.port = (server.address() as AddressInfo).port;
    this.baseURL = `http://127.0.0.1:${this.port}/v1`;
    this.banner = `Test server at ${this.baseURL}: a local stand-in with canned text, no model answers here.`;
    this.#server = server;
    this.#answers = answers;
    this.#log = log;
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#receive(request, response),
    );
    log?.(this.banner);
  }

  get requests(): readonly RecordedRequest[] {
    return this.#recorder.list();
  }

  fault(fault: Fault | readonly Fault[]): void {
    this.#faults.add(fault);
  }

  reset(): void {
    this.#faults.clear();
    this.#recorder.clear();
    this.#answers.reset();
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      for (const cancel of this.#delays) cancel();
      this.#delays.clear();
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const startedAt = runtime().now();
    let bytes: Buffer | undefined;
    let more: Buffer[] | undefined;
    // Nearly every body is one piece.
    request.on('data', (piece: Buffer) => {
      if (bytes === undefined) bytes = piece;
      else (more ??= [bytes]).push(piece);
    });
    request.on('end', () => {
      const body = bodyOf(more === undefined ? bytes : Buffer.concat(more));
      const { method = 'GET', url = '/', rawHeaders } = request;
      this.#recorder.add({ method, path: url, rawHeaders, body });
      const query = url.indexOf('?');
      const path = query === -1 ? url : url.slice(0, query);
      this.#sequence += 1;
      const exchange = { request, response, path, body, sequence: this.#sequence, startedAt };
      if (this.#log !== undefined) this.#logAtEnd(exchange, this.#log);
      this.#respond(exchange, this.#faults.take(path));
    });
  }

  #respond(exchange: Exchange, fault: PlayedFault | undefined): void {
    const { response, path, body, sequence, request } = exchange;
    if (fault?.kind === 'delayMs') {
      this.#delay(exchange, fault.delayMs);
      return;
    }
    const common = commonHeaders(exchange);
    if (fault?.kind === 'status' || fault?.kind === 'contentType' || fault?.kind === 'rawBody') {
      sendInstead(
        response,
        fault,
        common,
        (body as { stream?: unknown } | null | undefined)?.stream === true,
      );
      return;
    }
    const { method = 'GET', headers } = request;
    const answer = this.#answers.answer({
      method,
      path,
      authorization: headers.authorization,
      body,
      sequence,
    });
    if (fault === undefined || answer.status !== 200) send(response, answer, common);
    else void sendSpoiled(response, answer, fault, common);
  }

  /**
   * The delay belongs to the ambient runtime, like the waits of the client under test: with virtual time both pass
   * on the one clock that the test advances.
   */
  #delay(exchange: Exchange, delayMs: number): void {
    const end = (): void => {
      cancel();
      this.#delays.delete(end);
      exchange.response.off('close', end);
    };
    const cancel = runtime().setTimer(() => {
      end();
      this.#respond(exchange, undefined);
    }, delayMs);
    this.#delays.add(end);
    exchange.response.once('close', end);
  }

  #logAtEnd({ request, response, path, startedAt }: Exchange, log: (line: string) => void): void {
    response.once('close', () => {
      const outcome = response.headersSent ? String(response.statusCode) : 'no answer';
      const cut = response.writableFinished ? '' : ', cut off';
      log(`${request.method ?? ''} ${path} ${outcome}${cut} ${Math.round(runtime().now() - startedAt)} ms`);
    });
  }
}

/** The body as JSON, as text where it is none, undefined where there is none. */
function bodyOf(bytes: Buffer | undefined): unknown {
  if (bytes === undefined) return undefined;
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function commonHeaders({ sequence, startedAt }: Exchange): readonly string[] {
  const processingMs = Math.max(0, Math.round(runtime().now() - startedAt));
  return [
    'x-request-id',
    `req_${String(sequence).padStart(8, '0')}`,
    'openai-processing-ms',
    String(processingMs),
  ];
}

/**
 * Starts an OpenAI-compatible server on 127.0.0.1 that answers with canned text: for examples and tests. It knows
 * `POST /v1/chat/completions` (also streamed), `POST /v1/embeddings`, `GET /v1/models` and `GET /v1/models/{id}`;
 * checks keys, enforces rate limits, records requests and misbehaves as scripted. The same request always gets the
 * same answer. Tokens are counted as one for every four characters begun, for usage and limits alike.
 *
 * Its clock is the ambient runtime's: under `useVirtualTime()` limits refill and delays end as the test advances it.
 *
 * @throws TypeError for an option that is unknown or has a wrong value.
 * @example
 * const server = await startTestServer({ rateLimit: { requestsPerMinute: 60 } });
 * const client = new OpenAIClient({ apiKey: 'test', baseURL: server.baseURL });
 * server.fault({ status: 503 });
 * await client.chatCompletion([{ role: 'user', content: 'Hi' }]); // succeeds at the second attempt
 * await server.close();
 */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const checked = checkServerOptions(options);
  const server = createServer({
    // A connection that waits in a client's pool must not be closed under its next request.
    keepAliveTimeout: 0,
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(checked.port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  return new LocalServer(server, new Answers(checked), options.log);
}
