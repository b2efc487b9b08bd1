// @ts-nocheck
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** A Redis server of a test's own, on a free port of the loopback. It keeps nothing on disk. */
export interface RedisServer {
  readonly port: number;
  /** Lets it hang: connections stay, and nothing is answered until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends it at once. May be called again. */
  stop(): Promise<void>;
}

const READY = /Ready to accept connections/;
const START_MS = 20_000;
const ATTEMPTS = 5;

/**
 * Starts redis-server, or valkey-server, with further arguments as in its configuration. It ends with this process
 * at the latest, however that ends.
 */
export async function startRedis(args: readonly string[] = [], port?: number): Promise<RedisServer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(args, port ?? (await freePort()));
    } catch (error) {
      // Somebody else may have taken the port meanwhile.
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

async function start(args: readonly string[], port: number): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-redis-'));
  const options = [
    '--port',
    port,
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    folder,
  ];
  // The shell ends with the server, and ends the server when its own input ends, as it does with this process.
  const guard =
    'exec 3<&0; "$@" & pid=$!; echo "pid $pid"; { cat <&3 > /dev/null; kill -9 $pid 2> /dev/null; } & wait $pid';
  const command = ['-c', guard, 'sh', serverOnPath(), ...options.map(String), ...args];
  const child = spawn('sh', command, { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.stdin.end();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const pid = await whenReady(child);
    return {
      port,
      pause: () => process.kill(pid, 'SIGSTOP'),
      resume: () => process.kill(pid, 'SIGCONT'),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The id of the server's process, once it accepts connections. */
function whenReady(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let log = '';
    const fail = (): void => reject(new Error(`redis-server does not start:\n${log}`));
    const timer = setTimeout(fail, START_MS);
    child.once('error', fail);
    child.once('exit', fail);
    child.stdout?.on('data', (chunk: Buffer) => {
      // Read on to the end, so that the server never waits for its log to be read.
      if (log.length < 100_000) log += chunk.toString();
      const pid = /^pid (\d+)$/m.exec(log)?.[1];
      if (pid !== undefined && READY.test(log)) resolve(Number(pid));
      else if (/Failed listening|FATAL|Fatal/.test(log)) fail();
      else return;
      clearTimeout(timer);
    });
  });
}

function serverOnPath(): string {
  for (const name of ['redis-server', 'valkey-server']) {
    for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
      if (folder && existsSync(join(folder, name))) return join(folder, name);
    }
  }
  throw new Error(
    'There is no redis-server or valkey-server on the PATH: `npm test` installs it, or says how.',
  );
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
