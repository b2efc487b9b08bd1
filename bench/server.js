// The other side of the wire, in a process of its own: canned answers, as fast as node:http gives them.
import { createServer } from 'node:http';

export const EVENTS_PER_STREAM = 500;
const EVENTS_PER_WRITE = 10;

const usage = { prompt_tokens: 12, completion_tokens: 60, total_tokens: 72 };
const completion = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'gpt-4o-mini',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'The quick brown fox jumps over the lazy dog. '.repeat(6),
          refusal: null,
        },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage,
    system_fingerprint: 'fp_bench',
  }),
);

const event = (delta, finish_reason = null) =>
  `data: ${JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'gpt-4o-mini',
    system_fingerprint: 'fp_bench',
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
  })}\n\n`;
const events = Array.from({ length: EVENTS_PER_STREAM }, (_, i) =>
  i < EVENTS_PER_STREAM - 1 ? event({ content: ` word${i}` }) : event({}, 'stop'),
);
const writes = [];
for (let i = 0; i < events.length; i += EVENTS_PER_WRITE) {
  writes.push(Buffer.from(events.slice(i, i + EVENTS_PER_WRITE).join('')));
}
writes.push(Buffer.from('data: [DONE]\n\n'));

const limits = {
  'x-request-id': 'req_bench',
  'openai-processing-ms': '12',
  'x-ratelimit-limit-requests': '10000',
  'x-ratelimit-remaining-requests': '9999',
  'x-ratelimit-reset-requests': '6ms',
  'x-ratelimit-limit-tokens': '2000000',
  'x-ratelimit-remaining-tokens': '1999900',
  'x-ratelimit-reset-tokens': '3ms',
};

const server = createServer((request, response) => {
  let last = '';
  request.on('data', (chunk) => (last = chunk));
  request.on('end', () => {
    if (last.includes('"stream":true')) {
      response.writeHead(200, { 'content-type': 'text/event-stream', ...limits });
      let i = 0;
      const write = () => {
        if (i === writes.length) return response.end();
        if (response.write(writes[i++])) setImmediate(write);
        else response.once('drain', write);
      };
      write();
    } else {
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': completion.length,
        ...limits,
      });
      response.end(completion);
    }
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send?.(server.address().port));
