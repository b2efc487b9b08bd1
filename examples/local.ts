import { fork } from 'node:child_process';
import { once } from 'node:events';
import { startTestServer } from 'keelson/testing';

/**
 * What the examples talk to: the API that OPENAI_API_KEY or OPENAI_BASE_URL name, else a local stand-in, which prints
 * a line saying so. `await using` ends the stand-in with the example.
 */
export async function connect() {
  const { OPENAI_API_KEY, OPENAI_BASE_URL } = process.env;
  if (OPENAI_API_KEY || OPENAI_BASE_URL) {
    return { options: { apiKey: OPENAI_API_KEY || 'none' }, async [Symbol.asyncDispose]() {} };
  }
  const server = await startTestServer();
  console.log(server.banner);
  return {
    options: { apiKey: 'any', baseURL: server.baseURL },
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** The same in a process of its own, for an example that blocks while it waits. */
export async function connectElsewhere() {
  const { OPENAI_API_KEY, OPENAI_BASE_URL } = process.env;
  if (OPENAI_API_KEY || OPENAI_BASE_URL) return { options: {}, [Symbol.dispose]() {} };
  const server = fork(import.meta.filename, ['serve']);
  const [{ banner, baseURL }] = (await once(server, 'message')) as [{ banner: string; baseURL: string }];
  console.log(banner);
  return { options: { apiKey: 'any', baseURL }, [Symbol.dispose]: () => void server.kill() };
}

if (process.argv[2] === 'serve') {
  const { banner, baseURL } = await startTestServer();
  process.on('disconnect', () => process.exit());
  process.send?.({ banner, baseURL });
}
