// @ts-nocheck
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from '@jest/globals';
import { OpenAIClient, type OpenAIClientOptions } from 'keelson';
import { startTestServer, type TestServer, type TestServerOptions } from 'keelson/testing';

export const KEY = 'sk-test-abcdefghijklmnop';
export const messages = [{ role: 'user' as const, content: 'Hello' }];

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Runs when the test is over. */
export function atEnd(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

/** The local OpenAI-compatible server, for one test. */
export async function openServer(options: TestServerOptions = {}): Promise<TestServer> {
  const server = await startTestServer(options);
  atEnd(() => server.close());
  return server;
}

/** An OpenAI client whose retries do not wait, for one test. */
export function openClient(baseURL: string, options: OpenAIClientOptions = {}): OpenAIClient {
  const client = new OpenAIClient({ apiKey: KEY, baseURL, retry: { baseDelayMs: 0 }, ...options });
  atEnd(() => client.close({ abort: true }));
  return client;
}

/** A server that answers as the test says; gives its base URL. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

export async function readBody(request: IncomingMessage): Promise<Record<string, any>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return JSON.parse(text || '{}') as Record<string, any>;
}

export function json(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** What `promise` rejects with. */
export async function failureOf(promise: PromiseLike<unknown>): Promise<any> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail.');
}

export async function textOf(
  stream: AsyncIterable<{ choices: { delta: { content?: string | null } }[] }>,
): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  return text;
}
