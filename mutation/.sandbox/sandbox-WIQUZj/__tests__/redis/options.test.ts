// @ts-nocheck
import { describe, expect, test } from '@jest/globals';
import { RedisStore, type RedisStoreOptions } from '../../src/redis/index';

const client = { evalsha: async () => '', eval: async () => '' };
const make = (options: unknown, first: unknown) => () =>
  new RedisStore(first as typeof client, options as RedisStoreOptions);

describe('the options of a store on Redis', () => {
  test('have defaults', () => {
    expect(make({ name: 'openai', localShare: 0.25 }, client)()).toMatchObject({
      timeoutMs: 250,
      whenDown: 'local',
      localShare: 0.25,
      keepAliveMs: 10_000,
    });
    expect(
      make({ name: 'openai', whenDown: 'closed', timeoutMs: 50, leaseMs: 3000 }, client)(),
    ).toMatchObject({
      timeoutMs: 50,
      whenDown: 'closed',
      localShare: 1,
      keepAliveMs: 1000,
    });
  });

  test.each<[unknown, string]>([
    [undefined, 'RedisStore: the options are undefined: give an object with the `name` of the limiter.'],
    ['openai', "RedisStore: the options are 'openai': give an object with the `name` of the limiter."],
    [null, 'RedisStore: the options are null: give an object with the `name` of the limiter.'],
    [
      { localShare: 1 },
      'RedisStore: `name` is not given: give a string, the same in all processes that share the limits.',
    ],
    [{ name: '', localShare: 1 }, "RedisStore: `name` is '': give a string, not empty and without braces."],
    [
      { name: 'a{b', localShare: 1 },
      "RedisStore: `name` is 'a{b': give a string, not empty and without braces.",
    ],
    [{ name: 7, localShare: 1 }, 'RedisStore: `name` is 7: give a string, not empty and without braces.'],
    [
      { name: 'a', prefix: '{x}', localShare: 1 },
      "RedisStore: `prefix` is '{x}': give a string, not empty and without braces.",
    ],
    [{ name: 'a', localShare: 0 }, 'RedisStore: `localShare` is 0: give a number above 0 and up to 1.'],
    [{ name: 'a', localShare: 1.5 }, 'RedisStore: `localShare` is 1.5: give a number above 0 and up to 1.'],
    [{ name: 'a', localShare: 1, timeoutMs: 0 }, 'RedisStore: `timeoutMs` is 0: give a number above 0.'],
    [
      { name: 'a', localShare: 1, leaseMs: Infinity },
      'RedisStore: `leaseMs` is Infinity: give a number above 0.',
    ],
    [
      { name: 'a', whenDown: 'fail' },
      "RedisStore: `whenDown` is 'fail': give one of 'local', 'open', 'closed'.",
    ],
    [
      { name: 'a', timeout: 5, localShare: 1 },
      'RedisStore: there is no option `timeout`. Did you mean `timeoutMs`?',
    ],
    [
      { name: 'a' },
      'RedisStore: `localShare` is not given: give the share of every limit that this process keeps to while Redis is down, ' +
        "such as 1 / 4 for one of four processes, or choose whenDown: 'open' or 'closed'.",
    ],
  ])('%j are refused', (options, message) => {
    expect(make(options, client)).toThrow(new TypeError(message));
  });

  test.each([undefined, null, 'redis://localhost', {}, { eval: async () => '' }])(
    'a client must be one, not %j',
    (first) => {
      expect(make({ name: 'a', localShare: 1 }, first)).toThrow(
        new TypeError(
          'RedisStore: the first argument is no client of Redis: give one of ioredis, iovalkey or node-redis (redis 4 or later), ' +
            'such as new Redis() or createClient().',
        ),
      );
    },
  );
});
