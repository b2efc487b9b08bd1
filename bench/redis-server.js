// A Redis of our own on a free port of this machine, without persistence, for as long as a benchmark runs.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

const installed = ['redis-server', 'valkey-server'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Calls `use(port)` while a server runs; without an installed one, prints that `what` is skipped, and gives undefined. */
export async function withRedis(what, use) {
  if (!installed) {
    console.log(`${what}: skipped, neither redis-server nor valkey-server is on the PATH.\n`);
    return undefined;
  }
  const port = await freePort();
  const options = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn(installed, options.map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(server, 'exit');
  try {
    await untilReady(server, ended);
    return await use(port);
  } finally {
    server.kill();
    await ended;
  }
}

async function untilReady(server, ended) {
  let log = '';
  const ready = new Promise((resolve) => {
    server.stdout.on('data', (chunk) => {
      log += chunk;
      if (/ready to accept connections/i.test(log)) resolve();
    });
  });
  await Promise.race([
    ready,
    ended.then(() => Promise.reject(new Error(`${installed} ended at once:\n${log}`))),
  ]);
}
