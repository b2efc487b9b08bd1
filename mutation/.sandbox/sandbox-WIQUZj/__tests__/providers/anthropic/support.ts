// @ts-nocheck
import type { IncomingHttpHeaders } from 'node:http';
import { AnthropicClient, type AnthropicClientOptions } from 'keelson';
import { atEnd, json, KEY, readBody, serve } from '../../client/support.js';

export interface Sent {
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: any;
}

export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  /** A text is the bytes of a stream, anything else JSON. */
  body: unknown;
}

/** A client of a server that gives these replies one after the other, the last one for ever; what it is sent is kept. */
export async function open(
  replies: Reply | Reply[],
  options: AnthropicClientOptions = {},
): Promise<{ client: AnthropicClient; sent: Sent[]; dropped: string[] }> {
  const sent: Sent[] = [];
  const queue = [replies].flat();
  const baseURL = await serve(async (request, response) => {
    sent.push({ url: request.url, headers: request.headers, body: await readBody(request) });
    const { status = 200, headers = {}, body } = (queue.length > 1 ? queue.shift() : queue[0])!;
    if (typeof body !== 'string') return json(response, status, body, headers);
    response.writeHead(status, { 'content-type': 'text/event-stream; charset=utf-8', ...headers });
    response.end(body);
  });
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const client = new AnthropicClient({ apiKey: KEY, baseURL, retry: { baseDelayMs: 0 }, logger, ...options });
  atEnd(() => client.close({ abort: true }));
  const dropped: string[] = [];
  client.on('warning', ({ subject }) => dropped.push(subject));
  return { client, sent, dropped };
}
