// The blocking client beside the asynchronous one: what a call costs more, the start of the worker, and its memory.
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { median, table } from './report.js';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const run = promisify(execFile);

const ROUNDS = 5;
const CALLS = 300;
const STREAMS = 10;
const kinds = ['keelson', 'keelson/sync'];

const server = fork(path('./server.js'));
const [port] = await once(server, 'message');
const results = Object.fromEntries(kinds.map((kind) => [kind, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const kind of kinds) {
    const args = [
      path('./sync-worker.js'),
      kind,
      `http://127.0.0.1:${port}/v1`,
      String(CALLS),
      String(STREAMS),
    ];
    const { stdout } = await run(process.execPath, args);
    results[kind].push(JSON.parse(stdout));
  }
}
server.kill();

const columns = ['firstCallMs', 'callMicros', 'eventMicros', 'megabytes'];
const medians = Object.fromEntries(
  kinds.map((kind) => [kind, columns.map((column) => median(results[kind].map((result) => result[column])))]),
);
table(
  'Blocking, one call after the other',
  ['import and first call, ms', 'µs per call', 'µs per event', 'MB resident'],
  kinds.map((kind) => [kind, ...medians[kind].map((value) => value.toFixed(0))]),
);
const [start, call, event, memory] = medians[kinds[1]].map((value, i) => value - medians[kinds[0]][i]);
console.log(
  `a blocking call costs ${call.toFixed(0)} µs more, an event of a stream ${event.toFixed(0)} µs, ` +
    `the start ${start.toFixed(0)} ms, the worker ${memory.toFixed(0)} MB\n`,
);
