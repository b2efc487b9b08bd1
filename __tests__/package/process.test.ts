import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createProject, type Project } from './project.js';

let project: Project;
let server: ChildProcess;
let baseURL: string;

beforeAll(async () => {
  project = await createProject();
  writeFileSync(
    join(project.folder, 'server.mjs'),
    `import { startTestServer } from 'keelson/testing';
    console.log((await startTestServer()).baseURL);`,
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
  server.kill();
  project.remove();
});

/** Ends the process with an error when something else than this timer keeps it alive. Idle sockets last longer. */
const watchdog = `
  setTimeout(() => {
    console.error('Still alive: ' + process.getActiveResourcesInfo());
    process.exit(9);
  }, 3000).unref();
`;

/** Names of our dependencies that CommonJS modules have been loaded from; neither undici nor the mock adapter is ESM. */
const loaded = `
  import { createRequire } from 'node:module';
  const loaded = () => ['undici', 'axios-mock-adapter', 'reflect-metadata'].filter((name) =>
    Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('/node_modules/' + name + '/')));
`;

describe('import', () => {
  test.each(['keelson', 'keelson/decorators', 'keelson/testing', 'keelson/redis', 'keelson/sync'])(
    "of '%s' loads no transport, opens nothing and lets the process end",
    async (entry) => {
      const found = await project.json(
        'import.mjs',
        `import '${entry}'; ${loaded}
        // Standard output is open anyway, and Node's own loader may still be closing a file.
        const opened = process.getActiveResourcesInfo().filter((name) => !/^(Pipe|TTY)|Req/.test(name));
        console.log(JSON.stringify({ loaded: loaded(), opened }));
        ${watchdog}`,
      );
      expect(found).toEqual({
        loaded: entry === 'keelson' || entry === 'keelson/decorators' ? ['reflect-metadata'] : [],
        opened: [],
      });
    },
    30_000,
  );
});

describe('a process that has made its calls ends by itself, without close()', () => {
  const call = `await client.chatCompletion(messages)`;
  const scripts: [what: string, options: string, body: string][] = [
    [
      'plain calls',
      '',
      `${call}; await Promise.all([${call}, ${call}]); await client.embeddings(['a', 'b']);`,
    ],
    [
      'a failed call',
      `, retry: false, baseURL: baseURL + '/nowhere'`,
      `await ${call.slice(6)}.catch((error) => error.code);`,
    ],
    [
      'a stream read to its end',
      '',
      `for await (const chunk of client.streamChatCompletion(messages)) void chunk;`,
    ],
    [
      'streams left early',
      '',
      `for (let i = 0; i < 3; i++) for await (const chunk of client.streamChatCompletion(messages)) break;`,
    ],
    [
      'a stream aborted',
      '',
      `const stream = client.streamChatCompletion(messages); for await (const chunk of stream) { stream.abort(); break; }`,
    ],
    [
      'a limiter',
      `, rateLimit: { requestsPerMinute: 6000, requestBurst: 1, tokensPerMinute: 1e6, maxConcurrent: 1 }`,
      `await Promise.all([${call}, ${call}, ${call}]); for await (const chunk of client.streamChatCompletion(messages)) break;`,
    ],
    [
      'a call that was refused by its limiter',
      `, rateLimit: { requestsPerMinute: 1, maxWaitMs: 0 }`,
      `${call}; await ${call.slice(6)}.catch(() => 0);`,
    ],
    [
      'a signal that was never aborted',
      '',
      `const { signal } = new AbortController(); await client.chatCompletion(messages, {}, { signal, timeoutMs: 60_000 });`,
    ],
  ];

  test.each(scripts)(
    'after %s',
    async (what, options, body) => {
      const ended = await project.script(
        `${what.replaceAll(' ', '-')}.mjs`,
        `import { OpenAIClient } from 'keelson'; ${loaded}
        const baseURL = process.argv[2];
        const messages = [{ role: 'user', content: 'Say a few words, please.' }];
        const client = new OpenAIClient({ apiKey: 'sk-test', baseURL ${options} });
        ${body}
        console.log(loaded().join());
        ${watchdog}`,
        [baseURL],
      );
      expect(ended).toEqual({ code: 0, stdout: 'undici,reflect-metadata\n', stderr: '' });
    },
    30_000,
  );
});
