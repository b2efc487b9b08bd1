// @ts-nocheck
import { checkOptions, rules, show } from '../../decorators/pipeline/options.js';

interface CommonOptions {
  /** Which limiter it is: processes share the balances when prefix and name are the same. */
  name: string;
  /** What the names of all keys and channels begin with. Default 'keelson'. */
  prefix?: string | undefined;
  /** How long Redis may take to answer before it counts as down, in milliseconds. Default 250. */
  timeoutMs?: number | undefined;
  /**
   * After how many milliseconds the running calls of a process that has died are forgotten; one that lives tells of its calls
   * three times as often. Only `maxConcurrent` needs it. Default 30_000.
   */
  leaseMs?: number | undefined;
}

/** What holds while Redis is down. */
type WhenDown =
  | {
      /** Each process keeps to its share of the limits by itself. The default. */
      whenDown?: 'local' | undefined;
      /**
       * The share of every limit that this process keeps to while Redis is down, above 0 and up to 1: one over the number
       * of processes, say. There is no default, since only you know that number.
       */
      localShare: number;
    }
  | {
      /** 'open': calls are admitted without any limit. 'closed': none is admitted, and each fails. */
      whenDown: 'open' | 'closed';
      localShare?: number | undefined;
    };

/** Options of a `RedisStore`. */
export type RedisStoreOptions = CommonOptions & WhenDown;

/** The options with their defaults. */
export interface Settings {
  readonly name: string;
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly leaseMs: number;
  readonly whenDown: 'local' | 'open' | 'closed';
  readonly localShare: number;
}

/** Part of the names of keys, where braces say which node of a cluster has them. */
const keyPart = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[^{}]+$/.test(value)
    ? undefined
    : 'give a string, not empty and without braces';

const OPTIONS = {
  name: keyPart,
  prefix: keyPart,
  timeoutMs: rules.positive,
  leaseMs: rules.positive,
  whenDown: rules.oneOf('local', 'open', 'closed'),
  localShare: (value: unknown): string | undefined =>
    rules.positive(value) === undefined && (value as number) <= 1
      ? undefined
      : 'give a number above 0 and up to 1',
};

/** @throws TypeError naming the option, its value and the remedy. */
export function settingsOf(options: RedisStoreOptions): Settings {
  const where = 'RedisStore';
  if (typeof options !== 'object' || (options as unknown) === null) {
    throw new TypeError(
      `${where}: the options are ${show(options)}: give an object with the \`name\` of the limiter.`,
    );
  }
  checkOptions<RedisStoreOptions>(options, OPTIONS, where);
  const {
    name,
    prefix = 'keelson',
    timeoutMs = 250,
    leaseMs = 30_000,
    whenDown = 'local',
    localShare,
  } = options;
  if ((name as unknown) === undefined) {
    throw new TypeError(
      `${where}: \`name\` is not given: give a string, the same in all processes that share the limits.`,
    );
  }
  if (localShare === undefined && whenDown === 'local') {
    throw new TypeError(
      `${where}: \`localShare\` is not given: give the share of every limit that this process keeps to while Redis is down, ` +
        "such as 1 / 4 for one of four processes, or choose whenDown: 'open' or 'closed'.",
    );
  }
  return { name, prefix, timeoutMs, leaseMs, whenDown, localShare: localShare ?? 1 };
}
