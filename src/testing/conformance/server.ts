import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runtime, type CancelTimer } from '../../../decorators/pipeline/runtime.js';
import type { ReceivedRequest, WireReply } from './wire.js';

/** How often a stream that says nothing shows that it is still there. */
const MURMUR_MS = 5;

/** What becomes of a response once its body is written. */
export interface ScriptedReply extends WireReply {
  /** `end` by default; `reset` breaks the connection, `stall` leaves it open in silence. */
  readonly then?: 'end' | 'reset' | 'stall';
  /** What is written again and again while it stalls. */
  readonly murmurs?: string | undefined;
  /** Writes the body in pieces of so many bytes. */
  readonly pieceBytes?: number;
}

export type Script = ScriptedReply | ((request: ReceivedRequest) => ScriptedReply);

/** A server on 127.0.0.1 that answers as a check says, in order; the last reply is repeated. */
export class ScriptedServer {
  readonly requests: ReceivedRequest[] = [];
  readonly #server: Server;
  #scripts: Script[] = [];
  #onRequest: (() => void)[] = [];
  #onClose: (() => void)[] = [];

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get baseURL(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  /** What the next requests are answered with. */
  reply(...scripts: Script[]): void {
    this.#scripts = scripts;
  }

  /** Resolves when the next request has come. */
  received(): Promise<void> {
    return new Promise((resolve) => this.#onRequest.push(resolve));
  }

  /** Resolves when the client next closes a connection before its answer is complete. */
  abandoned(): Promise<void> {
    return new Promise((resolve) => this.#onClose.push(resolve));
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    response.on('close', () => {
      if (!response.writableFinished) for (const tell of this.#onClose.splice(0)) tell();
    });
    const request = await read(message);
    this.requests.push(request);
    for (const tell of this.#onRequest.splice(0)) tell();
    const script = this.#scripts.length > 1 ? this.#scripts.shift() : this.#scripts[0];
    const reply = typeof script === 'function' ? script(request) : (script ?? { status: 500 });
    const { status = 200, headers = {}, body = '', then = 'end', pieceBytes, murmurs } = reply;
    const pieces = typeof body === 'string' ? [body] : body;
    response.socket?.setNoDelay(true);
    if (then === 'stall' && pieces.join('') === '') return;
    response.writeHead(status, headers);
    for (const piece of cut(pieces, pieceBytes)) await write(response, piece);
    if (then === 'reset') response.socket?.resetAndDestroy();
    else if (then === 'end') response.end();
    else if (murmurs !== undefined) murmur(response, murmurs);
  }
}

async function read(message: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  let body: unknown;
  try {
    body = JSON.parse(text) as unknown;
  } catch {
    body = undefined;
  }
  const { method = '', url = '' } = message;
  return { method, url, headers: message.headers as Record<string, string | undefined>, body };
}

/** Writes the text again and again until the client or the server leaves. */
function murmur(response: ServerResponse, text: string): void {
  let cancel: CancelTimer = () => undefined;
  const again = (): void => {
    response.write(text);
    cancel = runtime().setTimer(again, MURMUR_MS);
  };
  response.once('close', () => cancel());
  if (!response.destroyed) again();
}

function* cut(pieces: readonly string[], size: number | undefined): Iterable<Buffer> {
  for (const piece of pieces) {
    const bytes = Buffer.from(piece);
    for (let i = 0; i < bytes.length; i += size ?? bytes.length) {
      yield bytes.subarray(i, i + (size ?? bytes.length));
    }
  }
}

/** Ends when the piece has left, so that pieces arrive one by one. */
function write(response: ServerResponse, piece: Buffer): Promise<void> {
  return new Promise((resolve) => {
    response.write(piece, () => resolve());
  });
}
