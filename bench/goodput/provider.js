// The provider, in a process of its own: OpenAI's wire, limits by token bucket, and a diary of what it admitted.
// usage: node provider.js <charge> <seed> <calls>
import { createServer } from 'node:http';
import { countTokens } from 'gpt-tokenizer';
import { Bucket } from './bucket.js';
import { HEADERS, LIMITS, MODEL } from './settings.js';
import { indexOf, workload } from './workload.js';

const [charge, seed, count] = process.argv.slice(2);
const calls = workload(Number(seed), Number(count));
for (const call of calls) call.promptTokens = countTokens(call.prompt) + 7;

const now = () => performance.now();
const buckets = {
  requests: new Bucket(LIMITS.requestsPerMinute, LIMITS.requestBurst, now()),
  tokens: new Bucket(LIMITS.tokensPerMinute, LIMITS.tokenBurst, now()),
};
/** Calls admitted: `[at, index, tokens charged in the end]`, and the times of refusals. */
const admitted = [];
const refused = [];

/** Milliseconds as Go prints a duration: `0s`, `12ms`, `1.5s`. */
const duration = (ms) => (ms < 1000 ? (ms < 1 ? '0s' : `${Math.ceil(ms)}ms`) : `${Math.ceil(ms) / 1000}s`);

function headers(at) {
  return Object.fromEntries(
    Object.entries(buckets).flatMap(([kind, bucket]) => [
      [`x-ratelimit-limit-${kind}`, bucket.perMinute],
      [`x-ratelimit-remaining-${kind}`, Math.max(0, Math.floor(bucket.level(at)))],
      [`x-ratelimit-reset-${kind}`, duration(bucket.msUntil(bucket.size, at))],
    ]),
  );
}

function send(response, status, headers, body) {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    'x-request-id': `req_${admitted.length}_${refused.length}`,
    ...headers,
  });
  response.end(bytes);
}

/** The dimension that is short for the longest, and for how long; undefined when nothing is. */
function shortage(tokens, at) {
  const waits = [
    ['requests', buckets.requests.msUntil(1, at)],
    ['tokens', buckets.tokens.msUntil(tokens, at)],
  ];
  const [kind, waitMs] = waits[0][1] >= waits[1][1] ? waits[0] : waits[1];
  return waitMs > 0 ? { kind, waitMs: Math.ceil(waitMs) } : undefined;
}

function refuse(response, { kind, waitMs }, tokens, at) {
  refused.push(at);
  // As with OpenAI, an unsuccessful request counts as a request; where there is none left, it takes none.
  if (buckets.requests.level(at) >= 1) buckets.requests.take(1, at);
  const unit = kind === 'requests' ? 'requests per min (RPM)' : 'tokens per min (TPM)';
  const { perMinute } = buckets[kind];
  const message = `Rate limit reached for ${MODEL} on ${unit}: Limit ${perMinute}, Requested ${kind === 'requests' ? 1 : tokens}. Please try again in ${duration(waitMs)}.`;
  send(
    response,
    429,
    { ...headers(at), 'retry-after-ms': waitMs, 'retry-after': Math.ceil(waitMs / 1000) },
    { error: { message, type: kind, param: null, code: 'rate_limit_exceeded' } },
  );
}

function answer(response, call, maxTokens) {
  const { index, promptTokens, outputTokens } = call;
  const at = now();
  const reserved = promptTokens + maxTokens;
  const short = shortage(reserved, at);
  if (short) return refuse(response, short, reserved, at);
  buckets.requests.take(1, at);
  buckets.tokens.take(reserved, at);
  const used = promptTokens + outputTokens;
  admitted.push([at, index, charge === 'used' ? used : reserved]);
  const told = headers(at);
  setTimeout(() => {
    if (charge === 'used') buckets.tokens.take(used - reserved, now());
    send(response, 200, HEADERS === 'answer' ? headers(now()) : told, {
      id: `chatcmpl-${index}`,
      object: 'chat.completion',
      created: 1_700_000_000,
      model: MODEL,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'word '.repeat(outputTokens).trim(), refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: promptTokens, completion_tokens: outputTokens, total_tokens: used },
    });
  }, call.latencyMs);
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = JSON.parse(Buffer.concat(chunks).toString());
    const content = body.messages.at(-1).content;
    const call = calls[indexOf(typeof content === 'string' ? content : content[0].text)];
    answer(response, call, body.max_completion_tokens ?? body.max_tokens);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port, calls: calls.map(sizes) }));

function sizes({ promptTokens, maxTokens, outputTokens, latencyMs }) {
  const tokens = promptTokens + (charge === 'used' ? outputTokens : maxTokens);
  return { tokens, latencyMs };
}

process.on('message', () => process.send({ admitted, refused, timeOrigin: performance.timeOrigin }));
