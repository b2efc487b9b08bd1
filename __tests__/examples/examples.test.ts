import { beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import ts from 'typescript';
import { ERROR_TABLE } from '../../decorators/errors/table.js';

const root = resolve(__dirname, '../..');
const examples = readdirSync(join(root, 'examples'))
  .filter((name) => name.endsWith('.ts') && name !== 'local.ts')
  .map((name) => basename(name, '.ts'));
const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => join('docs', name))].filter(
  (name) => name.endsWith('.md'),
);
const read = (page: string): string => readFileSync(join(root, page), 'utf8');

const dialects = { legacy: 'examples/tsconfig.json', standard: 'tsconfig.standard.json' };

interface Outcome {
  code: number | null;
  output: string;
}

function run(example: string, tsconfig: string): Promise<Outcome> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    TSX_TSCONFIG_PATH: join(root, tsconfig),
  };
  for (const name of ['OPENAI_API_KEY', 'OPENAI_BASE_URL', 'KEELSON_LOG', 'NODE_OPTIONS']) delete env[name];
  const child = spawn(process.execPath, ['--import', 'tsx', join('examples', `${example}.ts`)], {
    cwd: root,
    env,
  });
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  return new Promise((done) => child.on('close', (code) => done({ code, output })));
}

const canned = 'This is canned text from a local test server, no model has read your message:';

/** For each example: what its output must hold, in this order. */
const expected: Record<string, (string | RegExp)[]> = {
  quickstart: [
    /Test server at http:\/\/127\.0\.0\.1:\d+\/v1: a local stand-in with canned text, no model answers here\./,
    '1. Chat',
    `${canned} "Say hello in five words."`,
    /\d+ tokens, request req_\d+/,
    '2. Stream',
    `${canned} "Say hello in five words."`,
    '3. Embeddings',
    '2 vectors of 1536 numbers',
    '4. A rate limit at work',
    /(let in after 0 ms\n){2}(let in after [1-9]\d*00 ms\n){3}/,
    '5. A failure survived',
    /attempt 1 failed \(OverloadedError 503\), next in \d+ ms/,
    /attempt 2 failed \(OverloadedError 503\), next in \d+ ms/,
    `answered at attempt 3: ${canned}`,
  ],
  streaming: [
    `${canned} "Count from one to ten."`,
    /\d+ chunks, finish_reason stop, 26 tokens/,
    `The text alone:\n${canned}`,
    'Only the beginning: break closes the connection.\nThis\nis\ncanned\n\n',
    'AbortError: The stream was aborted. (cause: Error: the user left)',
  ],
  embeddings: [
    /5 documents, \d+ tokens/,
    /Which beam strengthens a ship\?\n {2}0\.\d\d {2}A keelson is a beam/,
    /How long is the wait after a failure\?\n {2}0\.\d\d {2}Exponential backoff/,
  ],
  errors: [
    'The key is wrong: check the key\n  AuthenticationError, code authentication, status 401, attempts 1',
    'The request is wrong: look into it\n  BadRequestError, code bad_request, status 400, attempts 1',
    'come back in 30 ms\n  RateLimitError, code rate_limit, status 429, attempts 3',
    'come back in 120000 ms\n  RateLimitError, code rate_limit, status 429, attempts 1',
    'The quota is used up: add money\n  QuotaExceededError, code quota_exceeded, status 429, attempts 1',
    'try again later\n  InternalServerError, code server_error, status 500, attempts 3',
    'try again later\n  ConnectionError, code connection, status none, attempts 3',
    'look into it\n  ResponseFormatError, code response_format, status 200, attempts 1',
    'TypeError: chatCompletion(): `messages` is empty: give at least one message.',
  ],
  'rate-limited-client': [
    '@Timeout of OpenAICompatibleClient, place: Timeout(total)',
    '@RetryWithBackoff of OpenAICompatibleClient, place: RetryWithBackoff',
    '@RateLimited of PoliteClient, place: admission',
    '@Timeout of OpenAICompatibleClient, place: Timeout(attempt)',
    '@HandleApiErrors of OpenAICompatibleClient, place: HandleApiErrors',
    'let in after 0 ms\n',
    'Question 1: answered',
    'Question 5: rate_limit_client',
  ],
  'circuit-breaker': [
    'big-model failed: OverloadedError\n'.repeat(3),
    '  [big-model] open, 100 % failed\nbig-model failed: OverloadedError\n',
    'big-model was not asked: 4 of 4 calls failed, the last with OverloadedError (status 503)\n',
    'small-model answered\n',
    '  [big-model] half_open\n  [big-model] closed\nbig-model answered\n',
    'By hand:\n  [big-model] isolated\nbig-model was not asked: it was isolated by hand\n',
    '  [big-model] closed\nbig-model answered\n',
    "state: 'closed'",
  ],
  hedged: [
    'five seconds:\n  hedge started: attempt 2 (slow)\n  hedge won: attempt 2\n  A keelson is a beam. (attempts: ok, aborted)',
    'says nothing:\n  hedge started: attempt 2 (slow)\n  hedge won: attempt 2\n  A keelson is a beam.',
    'fails at once:\n  hedge started: attempt 2 (failure)\n  hedge won: attempt 2',
    'asked again in time:\n  hedge skipped: attempt 1 (pushback)',
    '8 requests for 4 calls; chatCompletion: {"started":2,"won":2,"skipped":1,"models":{}}',
  ],
  timeout: [
    'No answer:\n  timeout_attempt (may be tried again): streamChatCompletion() did not finish an attempt within 60 ms.',
    'no content:\n  timeout_first_event (may be tried again): streamChatCompletion() did not yield its first content',
    'do not count:\n  one \n  two \n  timeout_idle (may be tried again): streamChatCompletion() did not yield its next',
    'too long:\n  timeout_total (final): streamChatCompletion() was not finished, retries and waits included, within 100',
    'retried:\n  timeout_first_event: another attempt\n  one \n  two \n  three \n  four',
  ],
  cached: [
    'Twice the same question:\n  chatCompletion: miss\n  from the cache: false\n  chatCompletion: hit\n  from the cache: true',
    'Three at the same time:\n  chatCompletion: miss\n  chatCompletion: joined\n  chatCompletion: joined\n',
    'A stream, read to its end, and again:\n',
    '  streamChatCompletion: hit\n',
    'Requests that were sent: 3\nhits 2, misses 3, joined 2',
  ],
  'custom-provider': [`harbour: ${canned} "Pieces of eight!"`, 'parrot: Eight! (key: cracker)'],
  fallback: [
    'All is well\n  usual of the first provider (attempts: ok)',
    '  ContextLengthError, so model large\nThe prompt is too long\n  large of the first provider (attempts: context_length, ok)',
    '  OverloadedError, so client OpenAIClient, model spare\nThe first provider is overloaded',
    '  spare of the second provider (attempts: overloaded, overloaded, ok)',
    'Both are down\n  No answer to "What is a keelson?" now (overloaded)',
    '"client OpenAIClient, model spare":{"tried":2,"answered":1}',
  ],
  budget: [
    'acme: answered with 30 tokens\nacme: answered with 30 tokens\n',
    '(acme has nearly used up its usd per day)\nacme: answered with 30 tokens\n',
    /acme: refused, room in \d+ h\nacme: refused, room never\nglobex: answered with 30 tokens\n/,
    'acme has spent $0.000720 of $0.0012\nglobex has spent $0.000240 of $0.0012',
  ],
  router: [
    'Sixteen calls at once:',
    /key A: [4-9] calls|key A: 1[0-2] calls/,
    'reserve: 0 calls',
    'Key A is refused, key B has no capacity:',
    /(key A failed and is left out for 60000 ms|key B failed and is left out for 20000 ms)\n {2}key [AB] failed/,
    'ok',
  ],
  traced: [
    'chat gpt-4o-mini',
    'gen_ai.usage.input_tokens',
    'keelson.attempts: 2',
    /keelson\.attempt .*overloaded/,
    'keelson.retry',
  ],
  composites: [
    'Timeout of Patient',
    'RetryWithBackoff of itself',
    'answered at attempt 3',
    /CircuitOpenError: print\(\) was not sent/,
    "CircuitBreaker {\n  state: 'open'",
  ],
  sync: [
    'no model answers here.',
    `chat: ${canned} "Say hello."`,
    `stream: ${canned} "Count to three."`,
    / tokens\nembeddings: 1536 and 1536 numbers/,
    'an error: TimeoutError, code timeout_total',
  ],
  'own-class': [
    'one lamp, one chair, one table, one clock, one vase, one rug',
    'robots at work at the same time: 2',
    'on the shelf: lamp\non the shelf: chair\non the shelf: piano',
    'TimeoutError (timeout_total): fetch() was not finished',
  ],
};

function find(text: string, part: string | RegExp, from: number): { end: number } | undefined {
  const rest = text.slice(from);
  const found = typeof part === 'string' ? part : part.exec(rest)?.[0];
  const at = found === undefined ? -1 : rest.indexOf(found);
  return found === undefined || at < 0 ? undefined : { end: from + at + found.length };
}

describe('the examples', () => {
  test('are all known to this test', () => {
    expect(examples).toEqual(Object.keys(expected).sort());
  });

  describe.each(Object.entries(dialects))('with %s decorators', (_dialect, tsconfig) => {
    test.each(examples)(
      '%s.ts ends by itself and prints what it promises',
      async (example) => {
        const { code, output } = await run(example, tsconfig);
        let at = 0;
        for (const part of expected[example] ?? []) {
          const found = find(output, part, at);
          if (!found)
            throw new Error(
              `The output of ${example}.ts lacks ${String(part)}, or has it too early:\n${output}`,
            );
          at = found.end;
        }
        expect({ code, output }).toEqual({ code: 0, output });
      },
      60_000,
    );
  });

  test.each(examples)('%s.ts is shown in the README or a guide', (example) => {
    expect(pages.filter((page) => read(page).includes(`examples/${example}.ts`))).not.toEqual([]);
  });

  test.each(examples)('%s.ts says how to run it and stays short', (example) => {
    const text = read(`examples/${example}.ts`);
    expect(text).toContain(
      example === 'quickstart' ? 'npm start' : `tsx --tsconfig examples/tsconfig.json examples/${example}.ts`,
    );
    expect(text.split('\n').length).toBeLessThanOrEqual(60);
  });
});

test('the README lists every code of an error with its class, and whether it is retried', () => {
  const listed: Record<string, string> = {};
  let name = '';
  for (const line of read('README.md').split('\n')) {
    const [, named, code, retried] =
      /^[│├└─ ]*([A-Z]\w+Error)? .* {2}([a-z_]+) {2,}(yes|no|408, 5xx)/.exec(line) ?? [];
    if (code === undefined || retried === undefined) continue;
    name = named ?? name;
    listed[`${name} ${code}`] = retried;
  }
  const words: Record<string, string> = { true: 'yes', 'by status': '408, 5xx' };
  const inTable = Object.entries(ERROR_TABLE).flatMap(([errorName, codes]) =>
    Object.entries(codes).map(([code, retryable]) => [
      `${errorName} ${code}`,
      words[String(retryable)] ?? 'no',
    ]),
  );
  expect(listed).toEqual(Object.fromEntries(inTable));
});

/** What the pages take for granted in their snippets. */
const PRELUDE = `
declare const client: import('keelson').OpenAIClient;
declare const messages: import('keelson').ChatMessage[];
declare const signal: AbortSignal;
`;

describe('the snippets of the README and the guides', () => {
  let errors: string[];

  beforeAll(() => {
    const files = new Map([[join(root, 'examples/prelude.d.ts'), PRELUDE]]);
    for (const page of pages) {
      for (const { index, 1: code = '' } of read(page).matchAll(/^```ts\n(.*?)^```/gms)) {
        const line = read(page).slice(0, index).split('\n').length;
        // A snippet that names its file can be imported by others.
        const [, name = `${page.replace('/', '.')}.line-${line}.ts`] =
          /^\/\/ ([\w.-]+\.ts)\n/.exec(code) ?? [];
        files.set(join(root, 'examples', name), `${code}export {};\n`);
      }
    }
    errors = compile(files);
  }, 60_000);

  test('compile', () => {
    expect(errors).toEqual([]);
  });

  test('name only files and scripts that are there', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const page of pages) {
      for (const { 1: target = '' } of read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
        const folder = resolve(root, page, '..');
        expect(() => readFileSync(resolve(folder, target))).not.toThrow();
      }
      for (const { 1: script = '' } of read(page).matchAll(/npm run (\w+)/g))
        expect(scripts).toHaveProperty(script);
    }
  });
});

function compile(files: ReadonlyMap<string, string>): string[] {
  const path = join(root, 'examples/tsconfig.json');
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(path, ts.sys.readFile).config,
    ts.sys,
    join(root, 'examples'),
  );
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists } = host;
  host.readFile = (name) => files.get(name) ?? readFile(name);
  host.fileExists = (name) => files.has(name) || fileExists(name);
  const { getSourceFile } = host;
  host.getSourceFile = (name, ...rest) => {
    const text = files.get(name);
    return text === undefined
      ? getSourceFile(name, ...rest)
      : ts.createSourceFile(name, text, ts.ScriptTarget.ES2022);
  };
  const program = ts.createProgram(
    [...files.keys()],
    { ...options, noUnusedLocals: false, noUnusedParameters: false, types: ['node'] },
    host,
  );
  return [...files.keys()].flatMap((name) => {
    const source = program.getSourceFile(name);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(({ messageText, start = 0 }) => {
      const line = source ? source.getLineAndCharacterOfPosition(start).line + 1 : 0;
      return `${basename(name)}, line ${line} of the snippet: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
  });
}
