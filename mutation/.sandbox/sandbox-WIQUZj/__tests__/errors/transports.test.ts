// @ts-nocheck
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import axios from 'axios';
import { createServer, type Server } from 'node:http';
import { createServer as createTCPServer, type AddressInfo, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { request } from 'undici';
import { fromFailure, LLMError, neverSent } from '../../decorators/errors/index.js';

const KEY = 'sk-transport-test-4711';
const headers = { authorization: `Bearer ${KEY}` };

/** Each reads the whole body as JSON and throws for an error status, as a client's method would. */
const TRANSPORTS: Readonly<Record<string, (url: string, signal?: AbortSignal) => Promise<unknown>>> = {
  'axios http': (url, signal) => viaAxios('http', url, signal),
  'axios fetch': (url, signal) => viaAxios('fetch', url, signal),
  fetch: async (url, signal) => (await fetch(url, { headers, signal: signal ?? null })).json(),
  undici: async (url, signal) => (await request(url, { headers, ...(signal && { signal }) })).body.json(),
};

async function viaAxios(adapter: string, url: string, signal: AbortSignal | undefined): Promise<unknown> {
  const options = { adapter, headers, proxy: false as const, responseType: 'json' as const };
  const transitional = { silentJSONParsing: false };
  return (await axios.get(url, { ...options, transitional, ...(signal && { signal }) })).data;
}

let http: Server;
let base: string;
let closedPort: number;
const sockets = new Set<Socket>();
const tcp = createTCPServer((socket) => {
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.once('data', () => socket.end('this is no HTTP at all\r\n\r\n'));
});

beforeAll(async () => {
  http = createServer((incoming, outgoing) => {
    if (incoming.url === '/reset') incoming.socket.destroy();
    else if (incoming.url === '/truncated') {
      outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
      outgoing.write('{"a":', () => outgoing.socket?.destroy());
    } else if (incoming.url === '/echo') {
      outgoing.writeHead(401, { 'content-type': 'application/json', 'x-request-id': 'req_9' });
      outgoing.end(JSON.stringify({ error: { message: `Wrong key: ${incoming.headers.authorization}` } }));
    } else if (incoming.url === '/html') {
      outgoing.writeHead(200, { 'content-type': 'text/html' });
      outgoing.end('<html>');
    }
    // Anything else hangs.
  });
  const free = createServer();
  await Promise.all(
    [http, tcp, free].map((server) => new Promise((done) => server.listen(0, '127.0.0.1', () => done(0)))),
  );
  base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  closedPort = (free.address() as AddressInfo).port;
  await new Promise((done) => free.close(done));
});
afterAll(async () => {
  http.closeAllConnections();
  for (const socket of sockets) socket.destroy();
  await Promise.all([http, tcp].map((server) => new Promise((done) => server.close(done))));
});

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail.');
}

describe.each(Object.entries(TRANSPORTS))('%s', (_name, send) => {
  test('a refused connection never left', async () => {
    const failure = await failureOf(send(`http://127.0.0.1:${closedPort}/?key=abcdefgh`));
    const error = fromFailure(failure);
    expect(error).toMatchObject({ name: 'ConnectionError', code: 'connection', retryable: true });
    expect(error.message).toMatch(
      new RegExp(`^Connection to (http://)?127.0.0.1:${closedPort} failed: ECONNREFUSED$`),
    );
    expect([neverSent(failure), neverSent(error)]).toEqual([true, true]);
  });

  test('a host that does not exist never left', async () => {
    const failure = await failureOf(send('http://no-such-host.invalid/'));
    expect(fromFailure(failure)).toMatchObject({ name: 'ConnectionError', retryable: true });
    expect(neverSent(failure)).toBe(true);
  });

  test.each(['/reset', '/truncated'])('a connection that breaks: %s', async (path) => {
    const failure = await failureOf(send(base + path));
    expect(fromFailure(failure)).toMatchObject({ name: 'ConnectionError', retryable: true });
    expect(neverSent(fromFailure(failure))).toBe(false);
  });

  test('a server that speaks no HTTP', async () => {
    const failure = await failureOf(send(`http://127.0.0.1:${(tcp.address() as AddressInfo).port}/`));
    expect(fromFailure(failure).name).toBe('ConnectionError');
  });

  test('a server that speaks no TLS', async () => {
    const failure = await failureOf(send(`https://127.0.0.1:${(http.address() as AddressInfo).port}/`));
    expect(fromFailure(failure).name).toBe('ConnectionError');
  });

  test('an abort, with its reason', async () => {
    const controller = new AbortController();
    const reason = new Error('the user left');
    http.once('request', () => controller.abort(reason));
    const failure = await failureOf(send(`${base}/hang`, controller.signal));
    const error = fromFailure(failure, { signal: controller.signal });
    expect(error.name).toBe('AbortError');
    expect(error.cause).toBe(reason);
  });
});

describe.each(['http', 'fetch'])('axios %s', (adapter) => {
  test('a server that echoes the key', async () => {
    const error = fromFailure(await failureOf(viaAxios(adapter, `${base}/echo`, undefined)), {
      provider: 'acme',
    });
    expect(error).toMatchObject({
      name: 'AuthenticationError',
      statusCode: 401,
      requestId: 'req_9',
      provider: 'acme',
    });
    expect(error.message).toBe('401 Wrong key: [redacted]');
    expect(inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error)).not.toContain(KEY);
  });

  test('a body that is no JSON', async () => {
    expect(fromFailure(await failureOf(viaAxios(adapter, `${base}/html`, undefined))).name).toBe(
      'ResponseFormatError',
    );
  });

  test('a timeout', async () => {
    const failure = await failureOf(axios.get(`${base}/hang`, { adapter, timeout: 20, proxy: false }));
    expect(fromFailure(failure)).toMatchObject({ name: 'TimeoutError', code: 'timeout_attempt' });
    expect(neverSent(failure)).toBe(false);
  });
});

test('the stand-in for an axios error is small and complete', async () => {
  const { cause } = fromFailure(await failureOf(viaAxios('http', `${base}/echo`, undefined)));
  expect(cause).toMatchObject({
    name: 'AxiosError',
    message: 'Request failed with status code 401',
    code: 'ERR_BAD_REQUEST',
    status: 401,
  });
  expect(cause).not.toBeInstanceOf(LLMError);
  expect(Object.keys(cause as object).sort()).toEqual(['code', 'status']);
});
