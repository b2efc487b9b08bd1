// @ts-nocheck
import type { Readable } from 'node:stream';

import { describe, expect, jest, test } from '@jest/globals';
import MockAdapter from 'axios-mock-adapter';

import { hasEnvironmentProxy } from '../../src/http/axios-fallback.js';
import type { HttpRequestConfig } from '../../src/http/request-config.js';
import { openSession, sendJson, serve, serveRaw } from './local-server.js';

const echo = (): ReturnType<typeof serve> =>
  serve((request, response) => sendJson(response, { url: request.url, headers: request.headers }));

interface Echo {
  url: string;
  headers: Record<string, string>;
}

describe('credentials', () => {
  test('are set for every request, also by an async function', async () => {
    const server = await echo();
    let count = 0;
    const { axios } = openSession(server.url, {
      headers: { 'X-Org': 'me' },
      query: { version: '1' },
      async authenticate(config) {
        await Promise.resolve();
        config.headers.set('Authorization', `Bearer ${++count}`);
      },
    });
    for (const key of ['Bearer 1', 'Bearer 2']) {
      const { data } = await axios.get<Echo>('/a', { params: { q: 1 } });
      expect(data.url).toBe('/a?version=1&q=1');
      expect(data.headers).toMatchObject({ authorization: key, 'x-org': 'me' });
    }
  });

  test('go to no other origin, nor do the defaults', async () => {
    const home = await echo();
    const foreign = await echo();
    const { axios } = openSession(home.url, {
      headers: { 'api-key': 'secret', 'X-Org': 'me' },
      query: { key: 'secret' },
      http: { auth: { username: 'me', password: 'secret' } },
    });
    for (const config of [
      { url: foreign.url },
      { url: '/', baseURL: foreign.url },
      { url: foreign.url.slice(5) },
    ]) {
      if (config.url.startsWith('//')) {
        await expect(axios.request(config)).rejects.toMatchObject({ code: 'ERR_INVALID_URL' });
        continue;
      }
      const { data } = await axios.request<Echo>({ ...config, headers: { 'X-Own': 'kept' } });
      expect(JSON.stringify(data)).not.toContain('secret');
      expect(data.headers).not.toHaveProperty('authorization');
      expect(data.headers).toMatchObject({ 'x-own': 'kept' });
    }
    expect((await axios.get<Echo>(`${home.url}/x`)).data.headers).toMatchObject({ 'api-key': 'secret' });
  });

  test.each([
    ['ours', {}],
    ["axios's own", { adapter: 'http' as const }],
  ])('follow no redirect (%s)', async (_name, http) => {
    const foreign = jest.fn();
    const target = await serve((_request, response) => {
      foreign();
      response.end();
    });
    const home = await serve((_request, response) =>
      response.writeHead(307, { location: target.url }).end('moved'),
    );
    const { axios } = openSession(home.url, { http });
    await expect(axios.post('/', {}, { maxRedirects: 5 })).rejects.toMatchObject({
      response: { status: 307, data: 'moved' },
    });
    expect(foreign).not.toHaveBeenCalled();
  });

  test('are not waited for after an abort', async () => {
    const controller = new AbortController();
    const { axios } = openSession('http://127.0.0.1:1', {
      authenticate: () => new Promise<void>(() => undefined),
    });
    const call = axios.get('/', { signal: controller.signal });
    setImmediate(() => controller.abort());
    await expect(call).rejects.toMatchObject({ code: 'ERR_CANCELED' });
  });

  test('that cannot be had fail the request', async () => {
    const { axios } = openSession('http://127.0.0.1:1', {
      authenticate: () => Promise.reject(new Error('no key')),
    });
    await expect(axios.get('/')).rejects.toThrow('no key');
  });
});

test('a user’s interceptors run before ours on the way out and after ours on the way back', async () => {
  const server = await serve((request, response) =>
    sendJson(response, { auth: request.headers.authorization }, 400),
  );
  const { axios } = openSession(server.url);
  const seen: unknown[] = [];
  axios.interceptors.request.use((config) => {
    seen.push(config.headers.get('Authorization'));
    return config;
  });
  axios.interceptors.response.use(undefined, (error: { response: { data: unknown } }) => {
    seen.push(error.response.data);
    throw error;
  });
  await expect(axios.get('/', { responseType: 'stream' })).rejects.toThrow();
  expect(seen).toEqual([undefined, { auth: 'Bearer secret-key' }]);
});

test('axios-mock-adapter takes the place of the transport', async () => {
  const { axios } = openSession('http://127.0.0.1:1/v1');
  const mock = new MockAdapter(axios);
  mock.onPost('/chat').reply((config) => [200, { auth: config.headers?.['Authorization'] as string }]);
  const onSent = jest.fn();
  const config: HttpRequestConfig = { onSent };
  expect((await axios.post('/chat', { a: 1 }, config)).data).toEqual({ auth: 'Bearer secret-key' });
  expect(onSent).toHaveBeenCalledTimes(1);
  expect(mock.history['post']?.[0]?.data).toBe('{"a":1}');
});

test('defaults that users set later are obeyed', async () => {
  const server = await echo();
  const { axios } = openSession(server.url);
  axios.defaults.headers.post['X-Post'] = 'p';
  axios.defaults.headers.common['X-Common'] = 'c';
  (axios.defaults.transitional as { clarifyTimeoutError: boolean }).clarifyTimeoutError = true;
  const { data, config } = await axios.post<Echo>('/', {});
  expect(data.headers).toMatchObject({ 'x-post': 'p', 'x-common': 'c' });
  expect(config.transitional).toMatchObject({ clarifyTimeoutError: true });
  expect((await axios.get<Echo>('/')).data.headers).not.toHaveProperty('x-post');
});

describe('a failed stream', () => {
  const failing = (body: string | Buffer) =>
    serve((_request, response) => response.writeHead(429, { 'content-type': 'application/json' }).end(body));

  test.each([
    ['ours', {}],
    ["axios's own", { adapter: 'http' as const }],
    ['fetch', { adapter: 'fetch' as const }],
  ])('has its body read into the error (%s)', async (_name, http) => {
    const json = await failing('{"error":{"code":"x"}}');
    const call = openSession(json.url, { http }).axios.get('/', { responseType: 'stream' });
    await expect(call).rejects.toMatchObject({ response: { status: 429, data: { error: { code: 'x' } } } });
    const html = await failing('<html>');
    await expect(
      openSession(html.url, { http }).axios.get('/', { responseType: 'stream' }),
    ).rejects.toMatchObject({
      response: { data: '<html>' },
    });
  });

  test('has no more of it read than 64 KiB', async () => {
    const server = await failing(Buffer.alloc(1_000_000, 'x'));
    const error: unknown = await openSession(server.url)
      .axios.get('/', { responseType: 'stream' })
      .catch((reason: unknown) => reason);
    expect((error as { response: { data: string } }).response.data).toHaveLength(64 * 1024);
  });

  test('that breaks off gives what there is, and an abort ends it', async () => {
    const server = await serveRaw((socket) => {
      socket.write('HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\nhalf', () =>
        setImmediate(() => socket.destroy()),
      );
    });
    await expect(openSession(server.url).axios.get('/', { responseType: 'stream' })).rejects.toMatchObject({
      response: { data: 'half' },
    });
    const stalled = await serveRaw((socket) =>
      socket.write('HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\nhalf'),
    );
    const controller = new AbortController();
    const { axios } = openSession(stalled.url);
    axios.interceptors.response.use(undefined, (error) => Promise.reject(error as Error));
    const call = axios.get<Readable>('/', {
      responseType: 'stream',
      signal: controller.signal,
      validateStatus: (status) => {
        setImmediate(() => controller.abort());
        return status < 400;
      },
    });
    await expect(call).rejects.toMatchObject({ code: 'ERR_CANCELED' });
  });
});

test.each([
  ['http://a.test', {}, false],
  ['http://a.test', { http_proxy: 'http://p' }, true],
  ['https://a.test', { http_proxy: 'http://p' }, false],
  ['https://a.test', { HTTPS_PROXY: 'http://p' }, true],
  ['https://a.test', { ALL_PROXY: 'http://p', NO_PROXY: 'b.test, a.test' }, false],
  ['https://x.a.test', { ALL_PROXY: 'http://p', NO_PROXY: '.a.test' }, false],
  ['https://x.a.test', { ALL_PROXY: 'http://p', NO_PROXY: '*' }, false],
  ['https://xa.test', { ALL_PROXY: 'http://p', NO_PROXY: '.a.test' }, true],
])('whether the environment wants a proxy: %s %j', (url, env, expected) => {
  expect(hasEnvironmentProxy(new URL(url), env)).toBe(expected);
});

test.each(['', 'api.example.com', 'ftp://x', '/v1'])('refuses the base URL %j', (baseURL) => {
  expect(() => openSession(baseURL)).toThrow(/baseURL is .*absolute http/);
});
