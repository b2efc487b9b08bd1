import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { createProject, type Project } from './project.js';

let project: Project;
let server: RedisServer;
beforeAll(async () => {
  [project, server] = await Promise.all([createProject(), startRedis()]);
}, 60_000);
afterAll(async () => {
  project?.remove();
  await server?.stop();
});

/** Ends the process with an error when something else than this timer keeps it alive. */
const watchdog = `
  setTimeout(() => {
    console.error('Still alive: ' + process.getActiveResourcesInfo());
    process.exit(9);
  }, 3000).unref();
`;

const clients = {
  ioredis: `new (await import('ioredis')).Redis(Number(process.argv[2]))`,
  'node-redis': `await (await import('redis')).createClient({ url: 'redis://127.0.0.1:' + process.argv[2] }).connect()`,
};

describe.each(Object.entries(clients))(
  'the installed store on Redis, with a client of %s',
  (name, create) => {
    /** Leaves \`client\`, \`store\` and \`heard\`: it has taken something and listens. */
    const setting = (load: string) => `
    const { RedisStore } = ${load};
    const client = ${create};
    const store = new RedisStore(client, { name: ${JSON.stringify(name)}, localShare: 1 });
    const rates = [{ name: 'requests', unit: 'requests', limit: 60, windowMs: 60_000, burst: 60 }];
    const limits = { rates, maxConcurrent: undefined };
    const answer = await store.take('key', { limits, costs: [{ requests: 1, tokens: 0 }], running: 0 });
    await new Promise((heard) => store.onWake('key', heard));
  `;

    test.each(['import', 'require'])('works by %s, and lets the process end with the client', async (way) => {
      const load =
        way === 'import'
          ? `await import('keelson/redis')`
          : `(await import('node:module')).createRequire(import.meta.url)('keelson/redis')`;
      const found = await project.json(
        'end.mjs',
        `${setting(load)}
      console.log(JSON.stringify({ granted: answer.granted }));
      ${watchdog}
      client.disconnect();`,
        [String(server.port)],
      );
      expect(found).toEqual({ granted: 1 });
    });

    test('does not keep the process alive by itself', async () => {
      const unref = name === 'ioredis' ? 'client.stream.unref();' : 'client.unref();';
      const { code, stderr } = await project.script(
        'unref.mjs',
        `${setting(`await import('keelson/redis')`)}
      ${unref}
      ${watchdog}`,
        [String(server.port)],
      );
      expect([code, stderr]).toEqual([0, '']);
    });

    test('does not either while Redis is gone', async () => {
      const gone = await startRedis();
      const shutdown =
        name === 'ioredis'
          ? `client.call('SHUTDOWN', 'NOSAVE')`
          : `client.sendCommand(['SHUTDOWN', 'NOSAVE'])`;
      const { code, stderr } = await project.script(
        'gone.mjs',
        `${setting(`await import('keelson/redis')`)}
      client.on('error', () => {});
      const lost = new Promise((resolve) => client.on('reconnecting', resolve));
      ${shutdown}.catch(() => {});
      await lost;
      client.disconnect();
      ${watchdog}`,
        [String(gone.port)],
      );
      await gone.stop();
      expect([code, stderr]).toEqual([0, '']);
    });

    test('does so no more once it is closed', async () => {
      const { code, stderr } = await project.script(
        'close.mjs',
        `${setting(`await import('keelson/redis')`)}
      await store.close();
      client.disconnect();
      ${watchdog}`,
        [String(server.port)],
      );
      expect([code, stderr]).toEqual([0, '']);
    });
  },
);
