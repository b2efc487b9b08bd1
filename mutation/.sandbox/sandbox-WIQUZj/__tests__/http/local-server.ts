// @ts-nocheck
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';

import { afterEach } from '@jest/globals';

import { createHttpSession, type HttpSession, type HttpSessionOptions } from '../../src/http/session.js';

const cleanups: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export interface LocalServer {
  readonly url: string;
  readonly sockets: Set<Socket>;
  /** How many connections were ever made. */
  connections(): number;
}

async function listen(server: Server): Promise<LocalServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, sockets, connections: () => connections };
}

/** An HTTP server for one test. */
export function serve(listener: RequestListener): Promise<LocalServer> {
  return listen(createServer(listener));
}

/** A server that sees raw bytes, once a request's head has arrived. */
export function serveRaw(onRequest: (socket: Socket) => void): Promise<LocalServer> {
  return listen(
    createTcpServer((socket) => {
      let head = '';
      socket.on('data', (bytes: Buffer) => {
        head += bytes.toString('latin1');
        if (!head.includes('\r\n\r\n')) return;
        head = '';
        onRequest(socket);
      });
    }),
  );
}

/** A session for one test; it authenticates with a fixed key. */
export function openSession(baseURL: string, options: Partial<HttpSessionOptions> = {}): HttpSession {
  const session = createHttpSession({
    baseURL,
    headers: {},
    connectMs: 5_000,
    authenticate(config) {
      config.headers.set('Authorization', 'Bearer secret-key');
    },
    ...options,
  });
  cleanups.push(() => session.close({ abort: true }));
  return session;
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** A promise with its ends. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
