// @ts-nocheck
import { spawn } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setImmediate as tick } from 'node:timers/promises';

import { expect, test } from '@jest/globals';

import type { HttpRequestConfig } from '../../src/http/request-config.js';
import { deferred, openSession, serve, serveRaw } from './local-server.js';

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

// undici takes a socket back a turn after the answer, so calls in a row alternate between two.
test('connections are used again, and concurrent calls have one each', async () => {
  const server = await serve((_request, response) => response.end('ok'));
  const { axios } = openSession(server.url);
  for (let i = 0; i < 20; i++) await axios.post('/', { i });
  expect(server.connections()).toBeLessThanOrEqual(2);
  await Promise.all([axios.get('/'), axios.get('/'), axios.get('/')]);
  expect(server.connections()).toBeLessThanOrEqual(4);
});

test('onSent tells when the request is handed to the socket, and not before', async () => {
  const server = await serve((_request, response) => response.end());
  const sent: string[] = [];
  const config = (name: string): HttpRequestConfig => ({ onSent: () => sent.push(name), proxy: false });
  await openSession('http://127.0.0.1:1')
    .axios.get('/', config('refused'))
    .catch(() => undefined);
  await openSession(server.url)
    .axios.get('/', { ...config('aborted'), signal: AbortSignal.abort() })
    .catch(() => undefined);
  expect(sent).toEqual([]);
  await openSession(server.url).axios.get('/', config('ok'));
  await openSession(server.url).axios.get('/', { ...config('fallback'), family: 4 });
  expect(sent).toEqual(['ok', 'fallback']);
});

test('no listener stays on the signal, whatever the end', async () => {
  const server = await serve((request, response) => {
    if (request.url === '/reset') request.socket.destroy();
    else response.writeHead(request.url === '/bad' ? 400 : 200).end('body');
  });
  const { axios } = openSession(server.url);
  const { signal } = new AbortController();
  await axios.get('/', { signal });
  await axios.get('/bad', { signal }).catch(() => undefined);
  await axios.get('/reset', { signal }).catch(() => undefined);
  await axios.get('/bad', { signal, responseType: 'stream' }).catch(() => undefined);
  const read = await axios.get<Readable>('/', { signal, responseType: 'stream' });
  await read.data.toArray();
  const left = await axios.get<Readable>('/', { signal, responseType: 'stream' });
  left.data.destroy();
  await tick();
  expect(listenersOf(signal)).toBe(0);
});

test('an abort before the headers closes the connection', async () => {
  const arrived = deferred<Socket>();
  const server = await serveRaw((socket) => arrived.resolve(socket));
  const controller = new AbortController();
  const call = openSession(server.url).axios.post('/', {}, { signal: controller.signal });
  const socket = await arrived.promise;
  const closed = once(socket, 'close');
  controller.abort();
  await expect(call).rejects.toMatchObject({ code: 'ERR_CANCELED' });
  await closed;
  expect(listenersOf(controller.signal)).toBe(0);
});

test.each(['abort', 'destroy'] as const)(
  '%s within the body closes the connection and the next call works',
  async (how) => {
    const sockets: Socket[] = [];
    const server = await serveRaw((socket) => {
      sockets.push(socket);
      socket.write(`${HEAD}2\r\nhi\r\n`);
    });
    const controller = new AbortController();
    const { axios } = openSession(server.url);
    const open = () => axios.get<Readable>('/', { responseType: 'stream', signal: controller.signal });
    const { data } = await open();
    const iterator = data[Symbol.asyncIterator]();
    expect(String((await iterator.next()).value)).toBe('hi');
    const closed = once(sockets[0] as Socket, 'close');
    const next = iterator.next();
    if (how === 'abort') {
      controller.abort();
      await expect(next).rejects.toMatchObject({ code: 'ERR_CANCELED' });
    } else {
      const ended = next.catch(() => undefined);
      data.destroy();
      await ended;
    }
    await closed;
    expect(listenersOf(controller.signal)).toBe(0);
    if (how === 'destroy') expect((await open()).status).toBe(200);
  },
);

test('a reset that nobody awaits does not end the process', async () => {
  const server = await serveRaw((socket) => {
    socket.write(`${HEAD}2\r\nhi\r\n`, () => setImmediate(() => socket.resetAndDestroy()));
  });
  const { data } = await openSession(server.url).axios.get<Readable>('/', { responseType: 'stream' });
  if (!data.closed) await new Promise((resolve) => data.on('close', resolve));
  await expect(data.toArray()).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test('bytes come as they are written, compressed or not', async () => {
  const write = deferred<(text: string) => void>();
  const server = await serve((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    write.resolve((text) => response.write(text));
  });
  const { data } = await openSession(server.url).axios.get<Readable>('/', { responseType: 'stream' });
  const send = await write.promise;
  const pieces = data[Symbol.asyncIterator]();
  for (const text of ['data: 1\n', '\n', 'data: 2\n\n']) {
    send(text);
    expect(String((await pieces.next()).value)).toBe(text);
  }
});

test('a body that is not read is not taken from the network', async () => {
  let written = 0;
  const server = await serve((_request, response) => {
    const piece = Buffer.alloc(256 * 1024);
    const pump = (): void => {
      while (written < 400 && response.write(piece)) written++;
      written++;
      if (written < 400) response.once('drain', pump);
    };
    pump();
  });
  const { data } = await openSession(server.url).axios.get<Readable>('/', { responseType: 'stream' });
  // Until the server has stopped writing for many turns of the loop.
  for (let before = -1; before !== written;) {
    before = written;
    for (let turn = 0; turn < 300; turn++) await tick();
  }
  expect(written).toBeLessThan(400);
  expect(data.readableLength).toBeLessThan(1024 * 1024);
});

test('close waits for calls under way; with abort it ends them; later calls are refused', async () => {
  const arrived = deferred();
  const release = deferred();
  const server = await serve((_request, response) => {
    arrived.resolve();
    void release.promise.then(() => response.end('done'));
  });
  const graceful = openSession(server.url);
  const call = graceful.axios.get('/');
  await arrived.promise;
  const closed = graceful.close();
  await expect(graceful.axios.get('/')).rejects.toMatchObject({
    code: 'ERR_CANCELED',
    message: 'The client was closed.',
  });
  release.resolve();
  expect((await call).data).toBe('done');
  await closed;

  const silent = await serve(() => undefined);
  for (const config of [{}, { family: 4 as const }]) {
    const hard = openSession(silent.url);
    const doomed = hard.axios.get('/', config);
    const ended = expect(doomed).rejects.toMatchObject({ code: 'ERR_CANCELED' });
    await tick();
    await hard.close({ abort: true });
    await ended;
  }
});

test('a process that has finished its calls ends by itself', async () => {
  const server = await serve((_request, response) => response.end('ok'));
  const script = `
    require('tsx/cjs');
    const { createHttpSession } = require('./src/http/session.ts');
    const session = createHttpSession({ baseURL: ${JSON.stringify(server.url)}, headers: {}, connectMs: 1000, authenticate() {} });
    session.axios.get('/').then(({ data }) => process.stdout.write(data));
  `;
  const child = spawn(process.execPath, ['-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
  });
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  const [code] = (await once(child, 'exit')) as [number | null];
  expect({ code, output }).toEqual({ code: 0, output: 'ok' });
}, 30_000);
