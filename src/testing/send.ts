import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { runtime, type CancelTimer } from '../../decorators/pipeline/runtime.js';
import type { Answer } from './answer.js';
import type { PlayedFault } from './faults.js';
import { errorBody } from './wire.js';

const JSON_TYPE = 'application/json';
const STREAM_TYPE = 'text/event-stream; charset=utf-8';
const HTML = '<!DOCTYPE html><html><head><title>Bad gateway</title></head><body>Bad gateway</body></html>';

/** The kinds of fault that stand in for the whole answer: neither key nor limits nor body are looked at. */
type WholeFault = Extract<PlayedFault, { kind: 'status' | 'contentType' | 'rawBody' }>;
/** The kinds that spoil the body of an answer. */
type BodyFault = Exclude<PlayedFault, WholeFault | { kind: 'delayMs' }>;

/** Sends an answer in one piece. `common` are headers that every answer has. */
export function send(response: ServerResponse, answer: Answer, common: readonly string[]): void {
  const body = answer.stream === undefined ? (answer.body ?? '') : answer.stream.events.join('');
  const headers = [...common, ...answer.headers, 'content-type', typeOf(answer)];
  if (answer.stream === undefined) headers.push('content-length', String(Buffer.byteLength(body)));
  else headers.push('cache-control', 'no-cache');
  response.writeHead(answer.status, headers).end(body);
}

function typeOf(answer: Answer): string {
  return answer.stream === undefined ? JSON_TYPE : STREAM_TYPE;
}

/** Sends what a fault prescribes in the place of any answer. `streaming` says what the client asked for. */
export function sendInstead(
  response: ServerResponse,
  fault: WholeFault,
  common: readonly string[],
  streaming: boolean,
): void {
  const headers = [...common];
  let status = 200;
  let body: string;
  let type = streaming ? STREAM_TYPE : JSON_TYPE;
  if (fault.kind === 'status') {
    status = fault.status;
    body =
      typeof fault.body === 'string' ? fault.body : JSON.stringify(fault.body ?? errorBody(fault.status));
    type = JSON_TYPE;
    for (const [name, value] of Object.entries(fault.headers ?? {})) {
      if (name.toLowerCase() === 'content-type') type = value;
      else headers.push(name.toLowerCase(), value);
    }
  } else if (fault.kind === 'contentType') {
    type = fault.contentType;
    body = fault.body ?? HTML;
  } else {
    body = fault.rawBody;
  }
  headers.push('content-type', type);
  // A status without a body may not announce one.
  if (status !== 204 && status !== 304) headers.push('content-length', String(Buffer.byteLength(body)));
  response.writeHead(status, headers).end(body);
}

/** Sends an answer as a fault spoils it. */
export async function sendSpoiled(
  response: ServerResponse,
  answer: Answer,
  fault: BodyFault,
  common: readonly string[],
): Promise<void> {
  if (fault.kind === 'stall' && fault.stall === 'headers') return;
  if (fault.kind === 'reset' && fault.reset === 'before-headers') {
    response.socket?.resetAndDestroy();
    return;
  }
  response.writeHead(answer.status, [...common, ...answer.headers, 'content-type', typeOf(answer)]);
  response.flushHeaders();
  const parts = partsOf(answer);
  const half = Math.ceil(parts.finishAt / 2);
  switch (fault.kind) {
    case 'stall':
      await write(response, parts.events.slice(0, fault.stall === 'body' ? 0 : Number(fault.stall)).join(''));
      if (fault.commentsEveryMs !== undefined) {
        sendAgainAndAgain(response, answer.stream ? ': keep-alive\n\n' : '\n', fault.commentsEveryMs);
      }
      return;
    case 'reset':
      await write(
        response,
        parts.events.slice(0, fault.reset === 'in-body' ? half : Number(fault.reset)).join(''),
      );
      // One turn lets the client read what was sent: a reset overtakes nothing that has arrived.
      await nextTurn();
      response.socket?.resetAndDestroy();
      return;
    case 'truncate':
      response.end(parts.events.slice(0, Math.min(fault.truncate, parts.finishAt)).join(''));
      return;
    case 'malformed': {
      const broken =
        answer.stream === undefined ? '{"id":' : 'data: {"id":"chatcmpl-broken","choices":[{"delta":\n\n';
      response.end(inserted(parts.events, fault.malformed, broken).join(''));
      return;
    }
    case 'errorEvent': {
      const error = JSON.stringify({ error: fault.errorEvent });
      if (answer.stream === undefined) response.end(error);
      else response.end(`${parts.events.slice(0, fault.after ?? half).join('')}data: ${error}\n\n`);
      return;
    }
    case 'comments':
      response.end(
        answer.stream === undefined
          ? `\n\n${parts.events.join('')}`
          : parts.events.map((event) => `: keep-alive\n\n${event}`).join(''),
      );
      return;
    case 'splitBytes':
      await writeSlowly(response, Buffer.from(parts.events.join('')), fault.splitBytes);
  }
}

/** The events of an answer; the two halves of one that is no stream. */
function partsOf(answer: Answer): { readonly events: readonly string[]; readonly finishAt: number } {
  if (answer.stream !== undefined) return answer.stream;
  const body = answer.body ?? '';
  const middle = Math.ceil(body.length / 2);
  return { events: [body.slice(0, middle), body.slice(middle)], finishAt: 1 };
}

function inserted(events: readonly string[], at: number, event: string): readonly string[] {
  return [...events.slice(0, at), event, ...events.slice(at)];
}

/** Writes the text every so many milliseconds until the client or the server leaves. */
function sendAgainAndAgain(response: ServerResponse, text: string, everyMs: number): void {
  let cancel: CancelTimer = () => undefined;
  const again = (): void => {
    cancel = runtime().setTimer(again, everyMs);
    response.write(text);
  };
  response.once('close', () => cancel());
  if (!response.destroyed) again();
}

/** Resolves when the socket has taken the text, or is gone. */
function write(response: ServerResponse, data: string | Uint8Array): Promise<void> {
  if (data.length === 0 || response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('close', done);
      resolve();
    };
    response.once('close', done);
    response.write(data, done);
  });
}

async function writeSlowly(response: ServerResponse, bytes: Buffer, size: number): Promise<void> {
  for (let at = 0; at < bytes.length && !response.destroyed; at += size) {
    // Each write is a chunk of its own in the chunked encoding, which parsers hand on by itself.
    await write(response, bytes.subarray(at, at + size));
  }
  response.end();
}
