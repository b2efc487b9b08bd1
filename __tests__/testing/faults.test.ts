import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { request } from 'node:http';
import { startTestServer, useVirtualTime } from 'keelson/testing';
import type { Fault, TestServer } from 'keelson/testing';
import { HELLO, chat, eventsOf, send, textOf } from './support.js';

const REPLY = 'one two three four';
/** Role, four words, finish reason. */
const CHUNKS = 6;

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer({ reply: REPLY });
});
afterEach(() => server.close());

interface Exchange {
  status: number | undefined;
  pieces: Buffer[];
  text: string;
  /** How it ended: 'end', or the error's code; undefined while it goes on. */
  ended: string | undefined;
  leave: () => void;
}

/** A request that shows the bytes as they come, and how it ended. */
function open(stream = true): Exchange & { done: Promise<Exchange>; got: (length: number) => Promise<void> } {
  let waiting: (() => void)[] = [];
  const changed = (): void => {
    const woken = waiting;
    waiting = [];
    woken.forEach((wake) => wake());
  };
  const change = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
  const finish = (how: string): void => {
    exchange.ended ??= how;
    changed();
  };
  const outgoing = request(
    `${server.baseURL}/chat/completions`,
    { method: 'POST', agent: false, headers: { authorization: 'Bearer k' } },
    (incoming) => {
      exchange.status = incoming.statusCode;
      changed();
      incoming.on('data', (piece: Buffer) => {
        exchange.pieces.push(piece);
        exchange.text += piece.toString();
        changed();
      });
      incoming.on('end', () => finish('end'));
      incoming.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    },
  );
  outgoing.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
  outgoing.end(JSON.stringify({ ...HELLO, stream }));
  const exchange: Exchange = {
    status: undefined,
    pieces: [],
    text: '',
    ended: undefined,
    leave: () => outgoing.destroy(),
  };
  const until = async (fulfilled: () => boolean): Promise<void> => {
    while (!fulfilled()) await change();
  };
  return Object.assign(exchange, {
    done: until(() => exchange.ended !== undefined).then(() => exchange),
    got: (length: number) => until(() => exchange.text.length >= length && exchange.status !== undefined),
  });
}

const turns = async (count = 50): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe('the script', () => {
  test('faults are used in order, each `times` often, then all is well', async () => {
    server.fault([{ status: 500, times: 2 }, { status: 429 }]);
    const statuses: number[] = [];
    for (let index = 0; index < 4; index += 1) statuses.push((await chat(server)).status);
    expect(statuses).toEqual([500, 500, 429, 200]);
  });

  test('a fault with a path waits for a request to it', async () => {
    server.fault({ status: 503, path: '/embeddings' });
    expect((await chat(server)).status).toBe(200);
    const embeddings = { model: 'text-embedding-3-small', input: 'x' };
    expect((await send(server, '/embeddings', embeddings)).status).toBe(503);
    expect((await send(server, '/embeddings', embeddings)).status).toBe(200);
  });

  test('reset forgets them, also endless ones', async () => {
    server.fault({ status: 500, times: Infinity });
    expect((await chat(server)).status).toBe(500);
    server.reset();
    expect((await chat(server)).status).toBe(200);
  });

  test.each([
    [{}, /exactly one of status, .*none/],
    [{ status: 500, delayMs: 1 }, /status and delayMs/],
    [{ status: 99 }, /'status'.*99/],
    [{ delayMs: NaN }, /'delayMs'.*NaN/],
    [{ stall: 'middle' }, /'stall'.*'middle'/],
    [{ stall: 1, commentsEveryMs: 0 }, /'commentsEveryMs'.*above 0.*0/],
    [{ stall: 1, commentsEveryMs: '5' }, /'commentsEveryMs'.*'5'/],
    [{ truncate: 1, commentsEveryMs: 5 }, /'commentsEveryMs'.*truncate/],
    [{ reset: -1 }, /'reset'.*-1/],
    [{ truncate: 1.5 }, /'truncate'.*1.5/],
    [{ splitBytes: 0 }, /'splitBytes'.*0/],
    [{ comments: false }, /'comments'.*true/],
    [{ errorEvent: 'x' }, /'errorEvent'/],
    [{ rawBody: 1 }, /'rawBody'/],
    [{ contentType: 'text/html', body: {} }, /'body'/],
    [{ status: 500, times: 0 }, /'times'.*0/],
    [{ status: 500, path: '' }, /'path'/],
    [{ status: 500, hedaers: {} }, /'hedaers'.*headers/],
    [{ delayMs: 1, body: '' }, /'body'.*delayMs, times, path/],
    [null, /exactly one/],
  ])('refuses %j and adds nothing', async (fault, message) => {
    const bad = (): void => server.fault([{ status: 500 }, fault as Fault]);
    expect(bad).toThrow(TypeError);
    expect(bad).toThrow(message);
    expect((await chat(server)).status).toBe(200);
  });
});

describe('faults that stand in for the answer', () => {
  test('status with a body of its own and headers', async () => {
    server.fault({
      status: 503,
      body: { detail: 'x' },
      headers: { 'Retry-After': '7', 'x-should-retry': 'false' },
    });
    const reply = await chat(server);
    expect([reply.status, reply.json]).toEqual([503, { detail: 'x' }]);
    expect([reply.headers.get('retry-after'), reply.headers.get('x-should-retry')]).toEqual(['7', 'false']);
  });

  test.each([
    [429, 'rate_limit_exceeded'],
    [401, 'invalid_api_key'],
    [500, null],
  ])('status %i has the default body of OpenAI', async (status, code) => {
    server.fault({ status });
    expect((await chat(server)).json.error).toMatchObject({ code, message: expect.any(String) });
  });

  test('content type and raw body', async () => {
    server.fault([{ contentType: 'text/html' }, { rawBody: 'data: {oops\n\n' }, { rawBody: '{"a":' }]);
    const html = await chat(server);
    expect([html.status, html.headers.get('content-type')]).toEqual([200, 'text/html']);
    expect(html.text).toMatch(/^<!DOCTYPE html>/);
    const raw = await chat(server, { stream: true });
    expect([raw.text, raw.headers.get('content-type')]).toEqual([
      'data: {oops\n\n',
      'text/event-stream; charset=utf-8',
    ]);
    const json = await chat(server);
    expect([json.text, json.headers.get('content-type')]).toEqual(['{"a":', 'application/json']);
  });
});

describe('faults of the connection', () => {
  test('a delay passes on the runtime clock', async () => {
    const time = useVirtualTime();
    try {
      server.fault({ delayMs: 60_000 });
      let status: number | undefined;
      const reply = chat(server).then((answer) => (status = answer.status));
      await time.advance(59_999);
      expect([server.requests.length, status]).toEqual([1, undefined]);
      await time.advance(1);
      expect(await reply).toBe(200);
    } finally {
      time.restore();
    }
  });

  test('a client that leaves during a delay leaves no timer', async () => {
    const time = useVirtualTime();
    try {
      server.fault({ delayMs: 60_000 });
      const exchange = open();
      await time.advance(0);
      expect(time.pendingTimers).toBe(1);
      exchange.leave();
      await time.advance(0);
      expect(time.pendingTimers).toBe(0);
    } finally {
      time.restore();
    }
  });

  test('a stall before the headers says nothing', async () => {
    server.fault({ stall: 'headers' });
    const exchange = open();
    await turns();
    expect([server.requests.length, exchange.status, exchange.ended]).toEqual([1, undefined, undefined]);
    exchange.leave();
  });

  test('a stall in the body sends headers, and as many events as it says', async () => {
    server.fault([{ stall: 'body' }, { stall: 2 }]);
    const empty = open();
    await empty.got(0);
    const two = open();
    await two.got(100);
    await turns();
    expect([empty.status, empty.text, empty.ended]).toEqual([200, '', undefined]);
    expect([eventsOf(two.text).length, two.ended]).toEqual([2, undefined]);
    empty.leave();
    two.leave();
  });

  test.each([
    [true, ': keep-alive\n\n'],
    [false, '\n'],
  ])('a stall keeps the connection alive as often as it says (stream: %p)', async (stream, sign) => {
    const time = useVirtualTime();
    try {
      server.fault({ stall: 'body', commentsEveryMs: 1000 });
      const exchange = open(stream);
      await exchange.got(1);
      await time.advance(2500);
      expect(exchange.text).toBe(sign.repeat(3));
      exchange.leave();
      await time.advance(0);
      expect(time.pendingTimers).toBe(0);
    } finally {
      time.restore();
    }
  });

  test('a reset before the headers', async () => {
    server.fault({ reset: 'before-headers' });
    expect(await open().done).toMatchObject({ status: undefined, ended: 'ECONNRESET' });
  });

  test('a reset in the body, after half of the events or as many as it says', async () => {
    server.fault([{ reset: 'in-body' }, { reset: 1 }, { reset: 'in-body' }]);
    const half = await open().done;
    expect([half.status, half.ended]).toEqual([200, 'ECONNRESET']);
    expect(eventsOf(half.text)).toHaveLength(3);
    expect(eventsOf((await open().done).text)).toHaveLength(1);
    const json = await open(false).done;
    expect([json.ended, json.text.startsWith('{"id"'), json.text.endsWith('}')]).toEqual([
      'ECONNRESET',
      true,
      false,
    ]);
  });
});

describe('faults of the body', () => {
  test('truncate ends in good order, without finish reason or [DONE], however late', async () => {
    server.fault([{ truncate: 2 }, { truncate: 99 }, { truncate: 1 }]);
    const early = await open().done;
    expect([eventsOf(early.text).length, early.ended]).toEqual([2, 'end']);
    const late = await open().done;
    expect(textOf(eventsOf(late.text))).toBe(REPLY);
    expect(late.text).not.toMatch(/DONE|"finish_reason":"/);
    const json = await open(false).done;
    expect([json.ended, json.text.endsWith('}')]).toEqual(['end', false]);
  });

  test('malformed puts a broken event in its place', async () => {
    server.fault([{ malformed: 2 }, { malformed: 0 }]);
    const { text } = await chat(server, { stream: true });
    const data = text.split('\n\n').filter((event) => event !== '');
    expect(data).toHaveLength(CHUNKS + 2);
    expect(() => JSON.parse(data[1]!.slice(6)) as unknown).not.toThrow();
    expect(() => JSON.parse(data[2]!.slice(6)) as unknown).toThrow(SyntaxError);
    expect((await chat(server)).json).toBeUndefined();
  });

  test('an error event comes amid the stream and ends it', async () => {
    const error = { message: 'overloaded', type: 'server_error', code: null, param: null };
    server.fault([{ errorEvent: error }, { errorEvent: error, after: 0 }, { errorEvent: error }]);
    const events = eventsOf((await chat(server, { stream: true })).text);
    expect(events.slice(0, 3).every((event) => event.choices !== undefined)).toBe(true);
    expect(events.slice(3)).toEqual([{ error }]);
    expect((await chat(server, { stream: true })).text).toBe(`data: ${JSON.stringify({ error })}\n\n`);
    const plain = await chat(server);
    expect([plain.status, plain.json]).toEqual([200, { error }]);
  });

  test('splitBytes cuts anywhere and loses nothing', async () => {
    await server.close();
    server = await startTestServer({ reply: 'héllo 😀 wörld' });
    server.fault([{ splitBytes: 3 }, { splitBytes: 7 }]);
    const exchange = await open().done;
    expect(Math.max(...exchange.pieces.map((piece) => piece.length))).toBe(3);
    const text = Buffer.concat(exchange.pieces).toString();
    expect(textOf(eventsOf(text))).toBe('héllo 😀 wörld');
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect((await chat(server)).json.choices[0].message.content).toBe('héllo 😀 wörld');
  });

  test('comments come between events', async () => {
    server.fault([{ comments: true }, { comments: true }]);
    const { text } = await chat(server, { stream: true });
    expect(text.match(/^: keep-alive$/gm)).toHaveLength(CHUNKS + 1);
    expect(textOf(eventsOf(text))).toBe(REPLY);
    const json = await chat(server);
    expect(json.text.startsWith('\n')).toBe(true);
    expect(json.json.choices[0].message.content).toBe(REPLY);
  });

  test('a refused request is refused as ever', async () => {
    server.fault({ truncate: 1 });
    expect((await chat(server, { messages: [] })).json.error.code).toBe('empty_array');
  });
});

// Checked by the type test of the suite: kinds do not mix.
const typed: Fault[] = [
  { status: 500, body: 'x' },
  { stall: 3, times: 2 },
  // @ts-expect-error two kinds at once
  { status: 500, delayMs: 1 },
  // @ts-expect-error no kind at all
  { times: 1 },
];
void typed;
