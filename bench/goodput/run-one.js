import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { minimumSeconds } from './minimum.js';
import { CALLS, SEED, WORKERS } from './settings.js';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

/** The first message of a process; an error when it ends without one. */
async function message(child, name) {
  const [[value]] = await Promise.all([
    Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error(`${name} ended without a word.`))),
    ]),
  ]);
  return value;
}

/**
 * One run: a fresh provider, one contender in `processes` processes. Gives what the provider saw and how long it took.
 */
export async function runOne(contender, charge, { processes = 1, ...where } = {}) {
  const provider = fork(path('./provider.js'), [charge, String(SEED), String(CALLS)]);
  const children = [];
  try {
    const { port, calls } = await message(provider, 'The provider');
    const baseURL = `http://127.0.0.1:${port}/v1`;
    for (let place = 0; place < processes; place++) {
      const workers = Math.floor(WORKERS / processes) + (place < WORKERS % processes ? 1 : 0);
      const task = { contender, processes, place, workers, count: CALLS, baseURL, ...where };
      children.push(fork(path('./worker.js'), [JSON.stringify(task)]));
    }
    await Promise.all(children.map((child) => message(child, contender)));
    const start = performance.now();
    const startWall = performance.timeOrigin + start;
    for (const child of children) child.send('start');
    const ended = await Promise.all(children.map((child) => message(child, contender)));
    const seconds = (performance.now() - start) / 1000;
    provider.send('report');
    const { admitted, refused, timeOrigin } = await message(provider, 'The provider');
    const since = (at) => (timeOrigin + at - startWall) / 1000;
    const answered = ended.reduce((sum, each) => sum + each.answered, 0);
    return {
      contender,
      charge,
      seconds,
      minimum: minimumSeconds(admitted.map(([, index]) => calls[index])),
      answered,
      lost: CALLS - answered,
      refused: refused.map(since),
      errors: ended.map(({ errors }) => errors).filter((errors) => Object.keys(errors).length > 0),
      cpuMs: ended.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      admitted: admitted.map(([at, index, tokens]) => [since(at), index, tokens]),
    };
  } finally {
    for (const child of [provider, ...children]) child.kill();
  }
}
