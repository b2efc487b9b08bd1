// @ts-nocheck
// Sees to it that the tests find a Redis server: `npm test` runs it before jest. Where there is none on the PATH, Debian's
// package is installed, if that is allowed; else it says what to do.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const SERVERS = ['redis-server', 'valkey-server'];
const TIMEOUT_MS = 5 * 60_000;

const isOnPath = (name) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => folder && existsSync(join(folder, name)));

/** Runs apt-get; what it writes is shown only when it fails. */
function aptGet(...args) {
  // RUNLEVEL: the package is not to start a server of its own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const options = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=3'];
  const { status, stdout, stderr, error } = spawnSync('apt-get', [...options, ...args], {
    env,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  if (status === 0) return true;
  console.error(`apt-get ${args[0]} failed: ${error?.message ?? `${stdout}\n${stderr}`.trim().slice(-2000)}`);
  return false;
}

function install() {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !isOnPath('apt-get')) return false;
  console.error('There is no redis-server: installing it with apt-get.');
  // An outdated list is worth a try.
  aptGet('update');
  return aptGet('install', '--no-install-recommends', 'redis-server');
}

if (!SERVERS.some(isOnPath)) install();
if (!SERVERS.some(isOnPath)) {
  console.error(
    'The tests of keelson/redis need redis-server (6.2 or later) or valkey-server on the PATH: install it, ' +
      'for example by `sudo apt-get install redis-server` or `brew install redis`, and run the tests again.',
  );
  process.exitCode = 1;
}
