// @ts-nocheck
import type { TestServer } from 'keelson/testing';

export interface Sent {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: any;
}

/** Sends one request by fetch, with a key unless `headers` says otherwise. */
export async function send(
  server: TestServer,
  path: string,
  body?: unknown,
  headers: Record<string, string> = { authorization: 'Bearer test-key' },
  method = body === undefined ? 'GET' : 'POST',
): Promise<Sent> {
  const response = await fetch(server.baseURL + path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, headers: response.headers, text, json };
}

export const HELLO = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hello' }] };

export const chat = (server: TestServer, extra: object = {}): Promise<Sent> =>
  send(server, '/chat/completions', { ...HELLO, ...extra });

/** The JSON of every `data:` line, `[DONE]` left out. */
export function eventsOf(text: string): any[] {
  return text
    .split('\n\n')
    .filter((event) => event.startsWith('data: ') && event !== 'data: [DONE]')
    .map((event) => JSON.parse(event.slice(6)));
}

export const textOf = (events: any[]): string =>
  events.map((event) => event.choices[0]?.delta.content ?? '').join('');
