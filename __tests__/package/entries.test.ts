import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createProject, type Project } from './project.js';

let project: Project;
beforeAll(async () => {
  project = await createProject();
}, 60_000);
afterAll(() => project.remove());

const entries = [
  'keelson',
  'keelson/decorators',
  'keelson/testing',
  'keelson/tokenizer',
  'keelson/redis',
  'keelson/sync',
];
const expected: Record<string, string[]> = {
  keelson: ['OpenAIClient', 'BaseLLMClient', 'RetryWithBackoff', 'TokenBucket', 'LLMError', 'responseInfo'],
  'keelson/decorators': [
    'RetryWithBackoff',
    'RateLimited',
    'HandleApiErrors',
    'Timeout',
    'TokenBucket',
    'LLMError',
  ],
  'keelson/testing': ['startTestServer', 'mockResponses', 'useVirtualTime'],
  'keelson/tokenizer': ['gptTokenizer'],
  'keelson/redis': ['RedisStore'],
  'keelson/sync': ['SyncOpenAIClient', 'createSyncClient'],
};

/** Names `imported` and `required`: the entries, each loaded both ways. */
const loadEntries = `
  import { createRequire } from 'node:module';
  const require = createRequire(import.meta.url);
  const imported = {}, required = {};
  for (const entry of ${JSON.stringify(entries)}) {
    imported[entry] = await import(entry);
    required[entry] = require(entry);
  }
`;

/** Names `esm` and `cjs`: two copies of the package in one process, as where neither knows of the other. */
const loadTwoCopies = `
  import { createRequire } from 'node:module';
  const require = createRequire(import.meta.url);
  const esm = await import('./node_modules/keelson/dist/index.js');
  const cjs = require('./node_modules/keelson/dist/index.cjs');
  const esmTesting = await import('./node_modules/keelson/dist/testing.js');
  const decorate = (target, name, ...decorators) => {
    const descriptor = decorators.reduceRight(
      (below, decorator) => decorator(target, name, below) ?? below,
      Object.getOwnPropertyDescriptor(target, name),
    );
    Object.defineProperty(target, name, descriptor);
  };
`;
const print = (value: string): string => `console.log(JSON.stringify(${value}));`;

describe('the entries of the installed package', () => {
  test.each(['import', 'require'])('export what they are for, by %s', async (way) => {
    const names = (await project.json(
      'names.mjs',
      `${loadEntries}
      const loaded = ${JSON.stringify(way)} === 'import' ? imported : required;
      ${print(`Object.fromEntries(Object.entries(loaded).map(([entry, exports]) => [entry, Object.keys(exports)]))`)}`,
    )) as Record<string, string[]>;
    for (const entry of entries) expect(names[entry]).toEqual(expect.arrayContaining(expected[entry] ?? []));
    expect(names['keelson']).toEqual(expect.arrayContaining(names['keelson/decorators'] ?? []));
  });

  test.each(['index', 'decorators', 'testing', 'tokenizer', 'redis', 'sync'])(
    'have the same exports in %s.js and %s.cjs',
    async (file) => {
      const [esm, cjs] = (await project.json(
        'formats.mjs',
        `import { createRequire } from 'node:module';
      const dist = './node_modules/keelson/dist/${file}';
      const names = (exports) => Object.keys(exports).filter((name) => name !== '__esModule' && name !== 'default').sort();
      ${print(`[names(await import(dist + '.js')), names(createRequire(import.meta.url)(dist + '.cjs'))]`)}`,
      )) as [string[], string[]];
      expect(esm).not.toEqual([]);
      expect(cjs).toEqual(esm);
    },
  );

  test('share every class and function, whether imported or required', async () => {
    const strangers = await project.json(
      'identity.mjs',
      `${loadEntries}
      // Older Nodes cannot require an ES module: there, two copies are loaded, as below.
      const oneCopy = process.features.require_module ? [{ ...imported, required: required.keelson }] : [imported];
      const strangers = [];
      for (const entries of [...oneCopy, required]) {
        const known = {};
        for (const [entry, exports] of Object.entries(entries)) {
          for (const name of Object.keys(exports)) {
            if ((known[name] ??= exports[name]) !== exports[name]) strangers.push(entry + ': ' + name);
          }
        }
      }
      ${print('strangers')}`,
    );
    expect(strangers).toEqual([]);
  });

  test.each([
    ['script.mjs', (entry: string) => `await import('${entry}')`],
    ['script.cjs', (entry: string) => `require('${entry}')`],
  ])('work together in %s, wherever the process runs', async (name, load) => {
    const found = await project.json(
      name,
      `async function main() {
        process.chdir('/');
        const { OpenAIClient } = ${load('keelson')};
        const { policiesOf } = ${load('keelson/decorators')};
        const { mockResponses } = ${load('keelson/testing')};
        const client = new OpenAIClient({ apiKey: 'sk-test' });
        mockResponses(client).chat('Hello');
        const reply = await client.chatCompletion([{ role: 'user', content: 'Hi' }]);
        ${print(`[reply.choices[0].message.content, policiesOf(client, 'chatCompletion').length > 0]`)}
      }
      main();`,
    );
    expect(found).toEqual(['Hello', true]);
  });

  test('leave the rest of the package closed', async () => {
    const { code, stderr } = await project.script('closed.mjs', `import 'keelson/dist/index.js';`);
    expect(code).not.toBe(0);
    expect(stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });
});

describe('two copies in one process', () => {
  test('know the errors of each other', async () => {
    const found = await project.json(
      'errors.mjs',
      `${loadTwoCopies}
      const classes = Object.keys(esm).filter((name) => name === 'LLMError' || esm.LLMError.isPrototypeOf(esm[name]));
      const make = (copy, name) => name === 'APIError' || copy.APIError.isPrototypeOf(copy[name])
        ? new copy[name]('message', 500) : new copy[name]('message');
      const kin = (errors, copy, name) => classes.filter((other) => make(errors, name) instanceof copy[other]);
      const wrong = classes.flatMap((name) => {
        const wanted = String(kin(esm, esm, name));
        return [kin(esm, cjs, name), kin(cjs, esm, name)].filter((found) => String(found) !== wanted).map(String);
      });
      ${print(`{ count: classes.length, same: esm.LLMError === cjs.LLMError, wrong, rateLimit: kin(cjs, esm, 'QuotaExceededError') }`)}`,
    );
    expect(found).toEqual({
      count: expect.any(Number),
      same: false,
      wrong: [],
      rateLimit: ['LLMError', 'QuotaExceededError', 'RateLimitError'],
    });
    expect((found as { count: number }).count).toBeGreaterThan(20);
  });

  test('put their policies around one method', async () => {
    const found = await project.json(
      'policies.mjs',
      `${loadTwoCopies}
      class Service {
        calls = 0;
        async work() {
          if (++this.calls < 3) throw new cjs.InternalServerError('busy', 503);
          return this.calls;
        }
      }
      decorate(Service.prototype, 'work', esm.RetryWithBackoff({ maxRetries: 2 }), cjs.HandleApiErrors(), esm.Timeout({ totalMs: 9e5 }));
      const time = esmTesting.useVirtualTime();
      const kinds = (copy) => copy.policiesOf(Service, 'work').map(({ kind }) => kind);
      ${print('{ esm: kinds(esm), cjs: kinds(cjs), calls: await time.settle(new Service().work()) }')}`,
    );
    const kinds = ['Timeout', 'RetryWithBackoff', 'HandleApiErrors'];
    expect(found).toEqual({
      esm: expect.arrayContaining(kinds),
      cjs: (found as { esm: unknown }).esm,
      calls: 3,
    });
  });

  test('see the calls of each other, and obey one clock', async () => {
    const found = await project.json(
      'calls.mjs',
      `${loadTwoCopies}
      class Service {
        async work() {
          await null;
          return [esm.currentCall()?.method, cjs.currentCall() === esm.currentCall()];
        }
        async fail() {
          throw new esm.ConnectionError('gone');
        }
      }
      decorate(Service.prototype, 'work', cjs.HandleApiErrors());
      decorate(Service.prototype, 'fail', cjs.RetryWithBackoff({ maxRetries: 1, baseDelayMs: 3e6, maxDelayMs: 3e6 }));
      const seen = await new Service().work();
      const time = esmTesting.useVirtualTime();
      const error = await time.settle(new Service().fail().catch((error) => error));
      ${print('{ seen, attempts: error.attempts.length, now: time.now, name: error.name, is: error instanceof cjs.ConnectionError }')}`,
    );
    expect(found).toEqual({
      seen: ['work', true],
      attempts: 2,
      now: 1_500_000,
      name: 'ConnectionError',
      is: true,
    });
  });
});
