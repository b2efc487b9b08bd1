// @ts-nocheck
import type { AxiosResponse } from 'axios';
import { currentCall, type CallOptions } from '../../decorators/pipeline/index.js';
import { StreamError } from '../../decorators/errors/index.js';
import { jsonOrText, readBounded } from '../http/index.js';
import { readChunks, type ByteSource, type ChatEvents } from '../streaming/index.js';
import type { ChatCompletionChunk } from '../wire/index.js';
import { rememberCalls } from './response-info.js';
import { openEventStream, STREAM_TYPES, type ApiRequest, type RequestContext } from './send.js';
import { StreamedOutput } from './streamed-output.js';
import { contentType, errorInBody, secretsBehind, unexpectedContent } from './unusable-answer.js';

/** How much of a body that is no event stream is read, to say what it is. */
const EXCERPT_BYTES = 64 * 1024;

/** Sends a request for a stream of chat chunks; resolves when the stream has begun. Reports the usage it carries. */
export async function streamChunks(
  context: RequestContext,
  path: string,
  init: ApiRequest,
  options: CallOptions,
  events: ChatEvents,
): Promise<AsyncIterable<ChatCompletionChunk>> {
  const call = currentCall();
  const response = await openEventStream(context, path, init, options, events.format);
  const types = STREAM_TYPES[events.format ?? 'sse'];
  const type = contentType(response);
  if (!types.includes(type) && type !== '') throw await wrongContentType(context, response, types);
  const secrets = secretsBehind(context, response);
  const toError = (body: unknown): Error =>
    context.readError({
      headers: response.headers,
      body,
      provider: context.provider.name,
      secrets,
      fallback: (message, errorInit) => new StreamError(message, errorInit),
    });
  const output = new StreamedOutput(context.counterFor, context.readUsage);
  let begun = false;
  const onChunk = (chunk: ChatCompletionChunk): void => {
    if (!begun && call) rememberCalls(chunk, [call]);
    begun = true;
    const usage = output.add(chunk);
    if (usage) call?.report({ usage });
  };
  const onEnd = (): void => {
    const usage = call && output.untold();
    if (usage) call.report({ usage });
  };
  const failedFinishes = context.provider.errors;
  return readChunks(response.data as ByteSource, {
    events,
    toError,
    failedFinishes,
    onChunk,
    onEnd,
    secrets,
  });
}

async function wrongContentType(
  context: RequestContext,
  response: AxiosResponse,
  types: readonly string[],
): Promise<Error> {
  const body = jsonOrText(await readBounded(response.data as ByteSource, EXCERPT_BYTES));
  return (
    errorInBody(context, response, body) ??
    unexpectedContent(context, response, body, `a stream of events (${types[0]})`)
  );
}
