// @ts-nocheck
import { Readable } from 'node:stream';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';

import { describe, expect, test } from '@jest/globals';
import axios, { AxiosError, AxiosHeaders } from 'axios';

import { bodyOf, deferred, openSession, sendJson, serve, serveRaw } from './local-server.js';

/** What axios promises must hold for its own adapter and for ours alike. */
describe.each([
  ['ours', {}],
  ["axios's own", { adapter: 'http' as const }],
])('adapter: %s', (_name, http) => {
  const open = (url: string) => openSession(url, { http: { ...http, proxy: false } }).axios;

  test('sends method, path, headers and a JSON body, and parses the answer', async () => {
    const server = await serve(async (request, response) => {
      const body = (await bodyOf(request)).toString();
      const { method, url, headers } = request;
      sendJson(response, {
        method,
        url,
        body,
        type: headers['content-type'],
        length: headers['content-length'],
        x: headers['x-a'],
      });
    });
    const response = await open(`${server.url}/v1/`).post(
      '/chat',
      { text: 'héé' },
      { headers: { 'X-A': 'b' } },
    );
    expect(response.status).toBe(200);
    expect(response.statusText).toBe('OK');
    expect(response.headers).toBeInstanceOf(AxiosHeaders);
    expect(response.headers['content-type']).toBe('application/json');
    expect((response.headers as AxiosHeaders).get('Content-Type')).toBe('application/json');
    expect(response.data).toEqual({
      method: 'POST',
      url: '/v1/chat',
      body: '{"text":"héé"}',
      type: 'application/json',
      length: '16',
      x: 'b',
    });
  });

  test('builds the URL from base, params and serializer', async () => {
    const server = await serve((request, response) => sendJson(response, request.url));
    const instance = open(`${server.url}/base`);
    const get = async (config: object): Promise<unknown> => (await instance.get('a b?x=1', config)).data;
    expect(await get({})).toBe('/base/a%20b?x=1');
    expect(await get({ params: { q: 'é c', list: [1, 2], none: undefined } })).toBe(
      '/base/a%20b?x=1&q=%C3%A9+c&list%5B%5D=1&list%5B%5D=2',
    );
    expect(await get({ params: { q: 1 }, paramsSerializer: () => 'own=1' })).toBe('/base/a%20b?x=1&own=1');
    expect((await instance.get(`${server.url}/elsewhere`)).data).toBe('/elsewhere');
    expect((await instance.get('/x', { baseURL: `${server.url}/other` })).data).toBe('/other/x');
    expect((await instance.get('')).data).toBe('/base');
  });

  test.each([
    ['text', () => 'plain', 'plain'],
    ['a Buffer', () => Buffer.from([1, 2, 255]), '\u0001\u0002ÿ'],
    ['an ArrayBuffer', () => new Uint8Array([65, 66]).buffer, 'AB'],
    ['a stream', () => Readable.from([Buffer.from('one'), Buffer.from('two')]), 'onetwo'],
    ['URLSearchParams', () => new URLSearchParams({ a: 'b c' }), 'a=b+c'],
    ['nothing', () => undefined, ''],
  ])('sends %s', async (_kind, data, expected) => {
    const server = await serve(async (request, response) => {
      response.end((await bodyOf(request)).toString('latin1'));
    });
    const response = await open(server.url).post('/', data(), {
      headers: { 'Content-Type': 'text/plain' },
      responseType: 'text',
      responseEncoding: 'utf8',
    });
    expect(response.data).toBe(expected);
  });

  test('sends form data', async () => {
    const server = await serve(async (request, response) => {
      response.end(`${request.headers['content-type']}\n${(await bodyOf(request)).toString()}`);
    });
    const form = new FormData();
    form.set('file', new Blob(['hello']), 'a.txt');
    const { data } = await open(server.url).post<string>('/', form, { responseType: 'text' });
    expect(data).toMatch(/^multipart\/form-data; boundary=/);
    expect(data).toContain('hello');
  });

  test('gives text, JSON, bytes and a stream', async () => {
    const server = await serve((_request, response) => response.end('\ufeff{"a":"é"}'));
    const instance = open(server.url);
    expect(
      (await instance.get('/', { responseType: 'text', transformResponse: [(d: unknown) => d] })).data,
    ).toBe('{"a":"é"}');
    expect((await instance.get('/')).data).toEqual({ a: 'é' });
    expect((await instance.get<Buffer>('/', { responseType: 'arraybuffer' })).data).toEqual(
      Buffer.from('\ufeff{"a":"é"}'),
    );
    const { data } = await instance.get<Readable>('/', { responseType: 'stream' });
    expect(data).toBeInstanceOf(Readable);
    expect(Buffer.concat(await data.toArray()).toString()).toBe('\ufeff{"a":"é"}');
  });

  test('applies transformRequest and transformResponse', async () => {
    const server = await serve(async (request, response) => response.end(await bodyOf(request)));
    const { data } = await open(server.url).post('/', 'in', {
      transformRequest: [(text: string) => `<${text}>`],
      transformResponse: [(text: string) => `[${text}]`],
    });
    expect(data).toBe('[<in>]');
  });

  test('rejects by validateStatus, with the parsed answer', async () => {
    const server = await serve((request, response) =>
      sendJson(response, { error: 'e' }, Number(request.url?.slice(1))),
    );
    const instance = open(server.url);
    await expect(instance.get('/429')).rejects.toMatchObject({
      isAxiosError: true,
      name: 'AxiosError',
      code: 'ERR_BAD_REQUEST',
      status: 429,
      message: 'Request failed with status code 429',
      response: { status: 429, data: { error: 'e' } },
    });
    await expect(instance.get('/503')).rejects.toMatchObject({ code: 'ERR_BAD_RESPONSE', status: 503 });
    expect((await instance.get('/429', { validateStatus: () => true })).status).toBe(429);
    expect((await instance.get('/500', { validateStatus: null })).status).toBe(500);
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
  ])('undoes %s', async (encoding, compress) => {
    const text = JSON.stringify({ text: 'long '.repeat(50_000) });
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(compress(Buffer.from(text)));
    });
    const instance = open(server.url);
    const response = await instance.get('/');
    expect(response.data).toEqual(JSON.parse(text));
    expect(response.headers['content-encoding']).toBeUndefined();
    const raw = await instance.get<Buffer>('/', { decompress: false, responseType: 'arraybuffer' });
    expect(raw.data).toEqual(compress(Buffer.from(text)));
    if (compress === deflateRawSync) return;
    const { data } = await instance.get<Readable>('/', { responseType: 'stream' });
    expect(Buffer.concat(await data.toArray()).toString()).toBe(text);
  });

  test('keeps to maxContentLength and maxBodyLength', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/gzip')
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(200_000)));
      else response.end('x'.repeat(200_000));
    });
    const instance = open(server.url);
    const tooLong = { code: 'ERR_BAD_RESPONSE', message: 'maxContentLength size of 100000 exceeded' };
    for (const path of ['/', '/gzip']) {
      await expect(instance.get(path, { maxContentLength: 100_000 })).rejects.toMatchObject(tooLong);
      const { data } = await instance.get<Readable>(path, {
        maxContentLength: 100_000,
        responseType: 'stream',
      });
      await expect(data.toArray()).rejects.toMatchObject(tooLong);
      expect((await instance.get(path, { maxContentLength: 200_000 })).data).toHaveLength(200_000);
    }
    await expect(instance.post('/', 'é', { maxBodyLength: 1 })).rejects.toMatchObject({
      code: 'ERR_BAD_REQUEST',
    });
    await expect(
      instance.post('/', Readable.from([Buffer.from('long')]), { maxBodyLength: 1 }),
    ).rejects.toBeInstanceOf(AxiosError);
  });

  test('sends basic authentication in place of the header', async () => {
    const server = await serve((request, response) => sendJson(response, request.headers.authorization));
    const instance = open(server.url);
    const expected = `Basic ${Buffer.from('me:pass').toString('base64')}`;
    expect((await instance.get('/', { auth: { username: 'me', password: 'pass' } })).data).toBe(expected);
    expect((await instance.get(server.url.replace('//', '//me:pass@'))).data).toBe(expected);
  });

  test('says who it is and what it understands, unless told otherwise', async () => {
    const server = await serve((request, response) => sendJson(response, request.headers));
    const instance = open(server.url);
    const standard = (await instance.get<Record<string, string>>('/')).data;
    expect(standard['user-agent']).toMatch(/^axios\//);
    expect(standard['accept-encoding']).toContain('gzip');
    const headers = {
      'User-Agent': 'me',
      'Accept-Encoding': 'identity',
      Accept: false as never,
      'X-List': ['a', 'b'] as never,
    };
    const own = (await instance.get<Record<string, string>>('/', { headers })).data;
    expect(own).toMatchObject({ 'user-agent': 'me', 'accept-encoding': 'identity', 'x-list': 'a, b' });
    expect(own).not.toHaveProperty('accept');
  });

  test('gives repeated and oddly named headers as Node does', async () => {
    const server = await serveRaw((socket) =>
      socket.end(
        'HTTP/1.1 200 Fine\r\nSet-Cookie: a=1\r\nX-A: 1\r\nx-a: 2\r\nget: g\r\nnormalize: n\r\nretry-after: 1\r\nretry-after: 2\r\ncontent-length: 2\r\n\r\nok',
      ),
    );
    const { headers, statusText } = await open(server.url).get('/');
    const get = (name: string): unknown => (headers as AxiosHeaders).get(name);
    expect(statusText).toBe('Fine');
    expect(get('set-cookie')).toEqual(['a=1']);
    expect(get('x-a')).toBe('1, 2');
    expect(get('retry-after')).toBe('1');
    expect(get('get')).toBe('g');
    expect(get('normalize')).toBe('n');
  });

  test('knows answers without a body', async () => {
    const server = await serve((request, response) => {
      response.writeHead(request.method === 'HEAD' ? 200 : 204, { 'content-encoding': 'gzip' }).end();
    });
    const instance = open(server.url);
    expect(await instance.head('/')).toMatchObject({ status: 200, data: '' });
    expect(await instance.delete('/')).toMatchObject({ status: 204, data: '' });
  });

  test('tells connection failures by the codes of Node', async () => {
    const server = await serveRaw((socket) => socket.resetAndDestroy());
    const refused = open('http://127.0.0.1:1');
    await expect(refused.get('/')).rejects.toMatchObject({ isAxiosError: true, code: 'ECONNREFUSED' });
    await expect(open(server.url).post('/', 'x')).rejects.toMatchObject({
      isAxiosError: true,
      code: 'ECONNRESET',
    });
    await expect(open('http://no-such-host.invalid').get('/')).rejects.toMatchObject({
      isAxiosError: true,
      code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/),
    });
    const nonsense = await serveRaw((socket) => socket.end('SMTP ready\r\n\r\n'));
    await expect(open(nonsense.url).get('/')).rejects.toMatchObject({ code: expect.stringMatching(/^HPE_/) });
  });

  test('fails when a body breaks off', async () => {
    const server = await serveRaw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', () => socket.destroy());
    });
    const instance = open(server.url);
    await expect(instance.get('/')).rejects.toMatchObject({ isAxiosError: true });
    const { data } = await instance.get<Readable>('/', { responseType: 'stream' });
    await expect(data.toArray()).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  test('is cancelled by a signal and by a cancel token', async () => {
    const arrived = deferred();
    const server = await serve(() => arrived.resolve());
    const instance = open(server.url);
    const controller = new AbortController();
    const call = instance.get('/', { signal: controller.signal });
    await arrived.promise;
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: 'ERR_CANCELED', name: 'CanceledError' });
    await expect(instance.get('/', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ERR_CANCELED',
    });

    const source = axios.CancelToken.source();
    const tokenCall = instance.get('/', { cancelToken: source.token });
    source.cancel('enough');
    await expect(tokenCall).rejects.toMatchObject({ code: 'ERR_CANCELED' });
  });

  test('obeys the timeout a user sets', async () => {
    const server = await serve(() => undefined);
    const instance = open(server.url);
    await expect(instance.get('/', { timeout: 20 })).rejects.toMatchObject({
      code: 'ECONNABORTED',
      message: 'timeout of 20ms exceeded',
    });
    await expect(
      instance.get('/', {
        timeout: 20,
        timeoutErrorMessage: 'slow',
        transitional: { clarifyTimeoutError: true },
      }),
    ).rejects.toMatchObject({ code: 'ETIMEDOUT', message: 'slow' });
  });

  test('gives a body of megabytes whole, however it is cut', async () => {
    const big = 'aé😀'.repeat(300_000);
    const server = await serve((_request, response) => {
      const bytes = Buffer.from(big);
      for (let at = 0; at < bytes.length; at += 9_999) response.write(bytes.subarray(at, at + 9_999));
      response.end();
    });
    expect((await open(server.url).get('/', { responseType: 'text' })).data).toBe(big);
  });

  test('refuses an invalid address', async () => {
    await expect(open('http://127.0.0.1').get('http://[')).rejects.toMatchObject({ code: 'ERR_INVALID_URL' });
  });
});
