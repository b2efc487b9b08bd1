import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { build } from 'esbuild';
import type { Fault, RecordedRequest } from 'keelson/testing';
import { standAt } from './here.js';

const root = resolve(__dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'keelson-sync-'));

/** The worker is no part of jest: it runs what is built of the same sources, and is found there. */
export const built = join(folder, 'here.mjs');

/** Whether this suite is compiled in the legacy dialect. */
let isLegacy = false;
function mark(_target: unknown, context: unknown): void {
  isLegacy = typeof context === 'string';
}
class Marked {
  @mark
  method(): void {}
}
void Marked;

async function compile(): Promise<void> {
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
  await build({
    entryPoints: {
      index: join(root, 'src/index.ts'),
      'sync-worker': join(root, 'src/sync/worker.ts'),
      'own-clients': join(root, '__tests__/sync/own-clients.ts'),
      server: join(root, '__tests__/sync/server.ts'),
    },
    alias: { keelson: join(root, 'src/index.ts'), 'keelson/testing': join(root, 'src/testing/index.ts') },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    define: { __filename: 'import.meta.filename' },
    tsconfigRaw: {
      compilerOptions: { experimentalDecorators: isLegacy, useDefineForClassFields: !isLegacy },
    },
    absWorkingDir: root,
    logLevel: 'error',
  });
}

/** The server of the suite, in its own process. */
export class RemoteServer {
  baseURL = '';
  #process: ChildProcess | undefined;

  async start(): Promise<void> {
    this.#process = fork(join(folder, 'server.mjs'), { execArgv: [] });
    const [message] = (await once(this.#process, 'message')) as [{ baseURL: string }];
    this.baseURL = message.baseURL;
  }

  stop(): void {
    this.#process?.kill();
  }

  async fault(fault: Fault | Fault[]): Promise<void> {
    await this.#ask({ fault });
  }

  async reset(): Promise<void> {
    await this.#ask({ reset: true });
  }

  async requests(): Promise<readonly RecordedRequest[]> {
    return (await this.#ask({})).requests;
  }

  /** What the server has logged once `done` says that it is enough. */
  async lines(done: (lines: readonly string[]) => boolean): Promise<readonly string[]> {
    for (let asked = 0; asked < 2000; asked++) {
      const { lines } = await this.#ask({});
      if (done(lines)) return lines;
    }
    throw new Error('The server never logged what was waited for.');
  }

  async #ask(message: object): Promise<{ requests: RecordedRequest[]; lines: string[] }> {
    const child = this.#process as ChildProcess;
    child.send(message);
    const [answer] = (await once(child, 'message')) as [{ requests: RecordedRequest[]; lines: string[] }];
    return answer;
  }
}

export const server = new RemoteServer();
/** The module of the user's clients, as the worker loads it. */
export const ownClients = join(folder, 'own-clients.mjs');

/** Sets the suite up: what is built, and the server. */
export function useServer(): void {
  beforeAll(async () => {
    standAt(built);
    await compile();
    await server.start();
  }, 60_000);
  beforeEach(() => {
    standAt(built);
    return server.reset();
  });
  afterEach(() => {
    for (const closable of closables.splice(0)) closable.close();
  });
  afterAll(() => {
    server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
}

const closables: { close(): void }[] = [];

/** Closes a client when the test is over. */
export function forOneTest<T extends { close(): void }>(client: T): T {
  closables.push(client);
  return client;
}

export const messages = [{ role: 'user' as const, content: 'Hello' }];

/** What `call` throws. */
export function failureOf(call: () => unknown): any {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail.');
}
