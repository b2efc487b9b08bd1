// @ts-nocheck
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { responseInfo, type CallOptions, type Logger, type OpenAIClientOptions } from 'keelson';
import { failureOf, json, KEY, messages, openClient, serve } from './support.js';

const SECRET = 'hunter2hunter2';

/** Where a secret may stand beside `apiKey`. */
const places: [string, OpenAIClientOptions, CallOptions][] = [
  ['a header of the client', { headers: { 'x-api-key': SECRET } }, {}],
  ['the token of a header of the client', { headers: { 'x-authorization': `Token ${SECRET}` } }, {}],
  ['a cookie of the client', { headers: { cookie: `session=${SECRET}` } }, {}],
  ['a query parameter', { query: { key: SECRET } }, {}],
  ['a password', { http: { auth: { username: 'u', password: SECRET } } }, {}],
  ['a header of axios', { http: { headers: { 'x-api-key': SECRET } } }, {}],
  ['a header of the call', {}, { headers: { 'x-api-key': SECRET } }],
];

const echo = (contentType: string, body: string) =>
  serve((_, response) => {
    response.writeHead(200, { 'content-type': contentType });
    response.end(body);
  });

const said = `no account for ${SECRET}`;

describe('secrets beside the key', () => {
  it.each(places)('are kept out of what a 200 says is wrong: %s', async (_, options, callOptions) => {
    for (const body of [
      `{"error":{"message":"${said}"}}`,
      `"${said}"`,
      `{"answer":"${said}"}`,
      `{"${said}`,
    ]) {
      const client = openClient(await echo('application/json', body), { retry: false, ...options });
      const error = await failureOf(client.chatCompletion(messages, {}, callOptions));
      expect(inspect(error, { depth: 10 })).toMatch(/redacted/);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(SECRET);
    }
  });

  it.each(places)('are kept out of what a stream says is wrong: %s', async (_, options, callOptions) => {
    for (const [type, body] of [
      ['text/event-stream', `data: {"error":{"message":"${said}"}}\n\n`],
      ['text/event-stream', `data: ${said}\n\n`],
      ['application/json', `{"error":{"message":"${said}"}}`],
      ['text/html', `<p>${said}</p>`],
    ] as const) {
      const client = openClient(await echo(type, body), { retry: false, ...options });
      const error = await failureOf(client.streamChatCompletion(messages, {}, callOptions).finalText());
      expect(inspect(error, { depth: 10 })).toMatch(/redacted/);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(SECRET);
    }
  });

  it.each(places)('are kept out of bodies in the log: %s', async (_, options, callOptions) => {
    const lines: unknown[] = [];
    const write = (...line: unknown[]): void => void lines.push(line);
    const logger: Logger = { debug: write, info: write, warn: write, error: write };
    const baseURL = await serve((__, response) => json(response, 200, { choices: [], note: said }));
    await openClient(baseURL, { logger, logBodies: true, ...options }).chatCompletion(
      messages,
      {},
      callOptions,
    );
    expect(JSON.stringify(lines)).toMatch(/redacted/);
    expect(JSON.stringify(lines)).not.toContain(SECRET);
  });

  it('leaves no half of a secret at the end of an excerpt', async () => {
    const baseURL = await echo('text/html', `${'x'.repeat(193)}${SECRET}`);
    const client = openClient(baseURL, { retry: false, headers: { 'x-api-key': SECRET } });
    const error = await failureOf(client.chatCompletion(messages));
    expect(JSON.stringify(error.response)).not.toContain('hunter');
  });

  it('remembers a fixed secret however many keys a function has given', async () => {
    let n = 0;
    const baseURL = await echo('application/json', `{"error":{"message":"${said}"}}`);
    const client = openClient(baseURL, {
      apiKey: () => `rotating-key-${n++}`,
      retry: false,
      headers: { 'x-api-key': SECRET },
    });
    for (let i = 0; i < 20; i++) {
      expect((await failureOf(client.chatCompletion(messages))).message).not.toContain(SECRET);
    }
  });
});

it('does not let a server echo the key by its request id', async () => {
  const baseURL = await serve((_, response) =>
    json(response, 200, { choices: [] }, { 'x-request-id': `id-${KEY}` }),
  );
  const lines: unknown[] = [];
  const write = (...line: unknown[]): void => void lines.push(line);
  const logger = { debug: write, info: write, warn: write, error: write };
  const reply = await openClient(baseURL, { logger }).chatCompletion(messages);
  expect(responseInfo(reply)?.requestId).not.toContain(KEY);
  expect(JSON.stringify(lines)).not.toContain(KEY);
});
