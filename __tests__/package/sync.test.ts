import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { createProject, run, type Project } from './project.js';

let project: Project;
let server: ChildProcess;
let baseURL: string;

beforeAll(async () => {
  project = await createProject();
  writeFileSync(
    join(project.folder, 'server.mjs'),
    `import { startTestServer } from 'keelson/testing';
    const server = await startTestServer();
    server.fault({ stall: 'headers', path: '/models', times: 1000 });
    console.log(server.baseURL);`,
  );
  writeFileSync(
    join(project.folder, 'own.mjs'),
    `import { OpenAIClient } from 'keelson';
    console.log('own.mjs is loaded');
    export class OwnClient extends OpenAIClient {
      async double(value) { return value * 2; }
    }
`,
  );
  writeFileSync(
    join(project.folder, 'own.cjs'),
    `const { OpenAIClient, AuthenticationError } = require('keelson');
    exports.OwnClient = class OwnClient extends OpenAIClient {
      async double(value) { return value * 2; }
      async fail() { throw new AuthenticationError('no key', { cause: new RangeError('why') }); }
    };`,
  );
  server = spawn(process.execPath, ['server.mjs'], {
    cwd: project.folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  baseURL = await new Promise((resolve, reject) => {
    server.stdout?.once('data', (line) => resolve(String(line).trim()));
    server.once('exit', (code) => reject(new Error(`The server ended with ${code}.`)));
  });
}, 60_000);
afterAll(() => {
  server?.kill();
  project?.remove();
});

const imports = `
  import { SyncOpenAIClient, createSyncClient } from 'keelson/sync';
  import { LLMError, RateLimitError, AuthenticationError, responseInfo } from 'keelson';
`;
const requires = `
  const { SyncOpenAIClient, createSyncClient } = require('keelson/sync');
  const { LLMError, RateLimitError, AuthenticationError, responseInfo } = require('keelson');
`;
const setting = `
  const messages = [{ role: 'user', content: 'Hi' }];
  const options = { apiKey: 'sk-test', baseURL: process.argv[2], retry: false };
  const client = new SyncOpenAIClient(options);
  const failureOf = (call) => { try { call(); } catch (error) { return error; } };
`;

/** Ends the process with an error when something else than this timer keeps it alive. */
const watchdog = `
  setTimeout(() => {
    console.error('Still alive: ' + process.getActiveResourcesInfo());
    process.exit(9);
  }, 3000).unref();
`;

const whole = 'This is canned text from a local test server, no model has read your message: "Hi"';

describe.each([
  ['an ES module', 'script.mjs', imports, `new URL('./own.mjs', import.meta.url)`],
  ['a CommonJS module', 'script.cjs', requires, `require.resolve('./own.cjs')`],
])('the installed blocking client in %s', (_kind, file, load, own) => {
  test('answers, streams, fails and ends with its process', async () => {
    const { code, stdout, stderr } = await project.script(
      file,
      `${load} ${setting}
      const reply = client.chatCompletion(messages);
      let text = '';
      for (const chunk of client.streamChatCompletion(messages)) text += chunk.choices[0]?.delta.content ?? '';
      for (const chunk of client.streamChatCompletion(messages)) break;
      const wrong = failureOf(() => new SyncOpenAIClient({ baseURL: options.baseURL }).chatCompletion(messages));
      const own = createSyncClient(${own}, 'OwnClient', options);
      const log = [];
      log.push(reply.choices[0].message.content, responseInfo(reply).attempts.length, text);
      log.push(client.embeddings('x').length, own.double(21), own.embeddings(['a', 'b']).length);
      log.push(wrong instanceof AuthenticationError, wrong instanceof LLMError, wrong instanceof RateLimitError);
      console.log(JSON.stringify(log));
      ${watchdog}`,
      [baseURL],
    );
    const log = stdout.trim().split('\n').at(-1) ?? '';
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(log)).toEqual([whole, 1, whole, 1536, 42, 2, true, true, false]);
  }, 60_000);
});

describe('a process that waits for a blocking client', () => {
  test('is ended by Ctrl-C', async () => {
    writeFileSync(
      join(project.folder, 'waits.mjs'),
      `${imports} ${setting}
      client.embeddings('x'); // the worker is up
      console.log('waiting');
      client.request('/models'); // is never answered
      console.log('answered');`,
    );
    const child = spawn(process.execPath, ['waits.mjs', baseURL], {
      cwd: project.folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.on('data', (text) => {
      stdout += String(text);
      if (stdout === 'waiting\n') child.kill('SIGINT');
    });
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    expect([code, signal, stdout]).toEqual([null, 'SIGINT', 'waiting\n']);
  }, 60_000);

  test('reads what the worker logs, in order, though it ends at once', async () => {
    const ended = await project.script(
      'logs.mjs',
      `${imports} ${setting}
      process.env.KEELSON_LOG = 'debug';
      console.log('before');
      client.embeddings('x');
      const own = createSyncClient(new URL('./own.mjs', import.meta.url), 'OwnClient', options);
      console.log(own.double(2));
      process.exit(0);`,
      [baseURL],
    );
    const lines = ended.stdout.trim().split('\n');
    expect(lines[0]).toBe('before');
    expect(lines.some((line) => line.startsWith('keelson debug: OpenAIClient.embeddings()'))).toBe(true);
    expect(lines.slice(-2)).toEqual(['own.mjs is loaded', '4']);
    expect([ended.code, ended.stderr]).toEqual([0, '']);
  }, 60_000);
});

test('a program given by --input-type=module has a blocking client, and can end it by dispose', async () => {
  const ended = await run(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `${imports}
      const client = new SyncOpenAIClient({ apiKey: 'sk-test', baseURL: process.argv[1] });
      console.log(client.embeddings('x').length);
      client[Symbol.dispose]();
      try { client.embeddings('x'); } catch (error) { console.log(error.code); }`,
      baseURL,
    ],
    project.folder,
  );
  expect(ended).toEqual({ code: 0, stdout: '1536\nclient_closed\n', stderr: '' });
}, 60_000);

test('an error of the CommonJS copy, thrown in the worker, is one of the ES module here', async () => {
  const found = await project.json(
    'mixed.mjs',
    `${imports} ${setting}
    const own = createSyncClient(new URL('./own.cjs', import.meta.url), 'OwnClient', options);
    const error = failureOf(() => own.fail());
    console.log(JSON.stringify([error instanceof AuthenticationError, error.cause instanceof RangeError, error.code]));`,
    [baseURL],
  );
  expect(found).toEqual([true, true, 'authentication']);
}, 60_000);

describe('a bundle', () => {
  const bundle = async (platform: 'browser' | 'node'): Promise<string> => {
    const { outputFiles } = await build({
      stdin: {
        contents: `import { SyncOpenAIClient } from 'keelson/sync';
        new SyncOpenAIClient({ apiKey: 'sk-test' }).embeddings('x');`,
        resolveDir: project.folder,
      },
      absWorkingDir: project.folder,
      bundle: true,
      platform,
      format: 'esm',
      write: false,
      logLevel: 'silent',
    });
    return outputFiles[0]?.text ?? '';
  };

  test('for browsers says at the import that it cannot work, and holds nothing else', async () => {
    const code = await bundle('browser');
    expect(code.length).toBeLessThan(1000);
    const { stderr } = await project.script('browser.mjs', code);
    expect(stderr).toContain('keelson/sync does not work in a browser');
  });

  test('for Node that has lost the file of the worker says what to do', async () => {
    const { stderr } = await project.script('bundled.mjs', await bundle('node'));
    expect(stderr).toContain(
      "SyncOpenAIClient: the worker's file sync-worker.mjs is not beside the code that starts it. " +
        "Keep 'keelson' out of the bundle (external)",
    );
  });
});
