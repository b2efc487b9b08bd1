import { currentCall, type CallOptions } from '../../decorators/pipeline/index.js';
import {
  errorFromResponse,
  redact,
  ResponseFormatError,
  StreamError,
  type LLMErrorInit,
} from '../../decorators/errors/index.js';
import { readBounded } from '../http/index.js';
import { readChunks, type ByteSource } from '../streaming/index.js';
import type { ChatCompletionChunk } from '../wire/index.js';
import { rememberCalls } from './response-info.js';
import { contentType, openEventStream, readUsage, type ApiRequest, type RequestContext } from './send.js';

/** How much of a body that is no event stream is read, to say what it is. */
const EXCERPT_BYTES = 64 * 1024;

/** Sends a request for a stream of chat chunks; resolves when the stream has begun. Reports the usage it carries. */
export async function streamChunks(
  context: RequestContext,
  path: string,
  init: ApiRequest,
  options: CallOptions,
): Promise<AsyncIterable<ChatCompletionChunk>> {
  const call = currentCall();
  const response = await openEventStream(context, path, init, options);
  const { provider, secrets } = context;
  const type = contentType(response);
  if (type !== 'text/event-stream' && type !== '') throw await wrongContentType(context, response);
  const toError = (body: unknown): Error =>
    errorFromResponse({
      headers: response.headers,
      body,
      provider: provider.name,
      secrets,
      fallback: streamError,
    });
  let begun = false;
  const translate = (payload: unknown): ChatCompletionChunk => {
    const chunk = payload as ChatCompletionChunk;
    if (!begun && call) rememberCalls(chunk, [call]);
    begun = true;
    if (chunk.usage) {
      const usage = readUsage(chunk);
      if (usage) call?.report({ usage });
    }
    return chunk;
  };
  return readChunks(response.data as ByteSource, { toError, translate, secrets });
}

function streamError(message: string, init: LLMErrorInit): StreamError {
  return new StreamError(message, init);
}

async function wrongContentType(
  { provider, secrets }: RequestContext,
  response: Awaited<ReturnType<typeof openEventStream>>,
): Promise<Error> {
  const { status: statusCode, headers } = response;
  const text = await readBounded(response.data, EXCERPT_BYTES);
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // It stays text.
  }
  if (typeof body === 'object' && body !== null && (body as { error?: unknown }).error) {
    return errorFromResponse({ statusCode, headers, body, provider: provider.name, secrets });
  }
  return new ResponseFormatError(
    `${provider.name} answered ${statusCode} with ${contentType(response)} where a stream of events (text/event-stream) was expected.`,
    {
      statusCode,
      response: redact(typeof body === 'string' ? body.slice(0, 200) : body, secrets),
      provider: provider.name,
    },
  );
}
