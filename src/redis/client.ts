import type { Script } from './scripts/index.js';

/** What is used of a client of `ioredis` or `iovalkey`, also of a `Cluster`. */
export interface IoredisClient {
  evalsha(sha: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
}

/** What is used of a client of `redis` (node-redis) 4 or later, also of a cluster, a sentinel or a pool. */
export interface NodeRedisClient {
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

/** A client of Redis or Valkey: the user's own, made and closed by him. */
export type RedisClient = IoredisClient | NodeRedisClient;

/** Runs scripts on the user's client. */
export interface Connection {
  /** What `script` answers for `key`. Rejects with a plain error that holds nothing but its message and code. */
  run(script: Script, key: string, args: readonly string[]): Promise<string>;
  /** False while the client is known not to answer. */
  isReady(): boolean;
}

/** The properties by which the clients tell how they are. */
interface ClientState {
  /** Of ioredis. */
  readonly status?: unknown;
  /** Of node-redis. */
  readonly isOpen?: unknown;
  readonly isReady?: unknown;
}

/** @throws TypeError when `client` is neither of the clients. */
export function connect(client: RedisClient): Connection {
  const evaluate = evaluatorOf(client);
  if (!evaluate) {
    throw new TypeError(
      'RedisStore: the first argument is no client of Redis: give one of ioredis, iovalkey or node-redis (redis 4 or later), ' +
        'such as new Redis() or createClient().',
    );
  }
  /** Whether it has been connected, or has failed to: only before may one that connects be waited for. */
  let settled = false;
  const answerOf = async (script: Script, key: string, args: readonly string[]): Promise<unknown> => {
    try {
      return await evaluate(script.sha, true, key, args);
    } catch (error) {
      // The scripts are forgotten when Redis starts anew or is told to.
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
      return evaluate(script.source, false, key, args);
    }
  };
  return {
    async run(script, key, args) {
      try {
        return String(await answerOf(script, key, args));
      } catch (error) {
        throw plain(error);
      } finally {
        settled = true;
      }
    },
    isReady() {
      const state = stateOf(client);
      if (state !== 'connecting') settled = true;
      return state === 'ready' || (state === 'connecting' && !settled);
    },
  };
}

type Evaluate = (script: string, isSha: boolean, key: string, args: readonly string[]) => Promise<unknown>;

function evaluatorOf(client: unknown): Evaluate | undefined {
  if (isNodeRedis(client)) {
    return async (script, isSha, key, args) => {
      const options = { keys: [key], arguments: [...args] };
      return isSha ? client.evalSha(script, options) : client.eval(script, options);
    };
  }
  if (isIoredis(client)) {
    return async (script, isSha, key, args) =>
      isSha ? client.evalsha(script, 1, key, ...args) : client.eval(script, 1, key, ...args);
  }
  return undefined;
}

export function isNodeRedis(client: unknown): client is NodeRedisClient {
  return typeof (client as Partial<NodeRedisClient> | null | undefined)?.evalSha === 'function';
}

function isIoredis(client: unknown): client is IoredisClient {
  return typeof (client as Partial<IoredisClient> | null | undefined)?.evalsha === 'function';
}

/** How `client` is, by its own word; one that is 'down' may be so for good. */
export function stateOf(client: object): 'ready' | 'connecting' | 'down' {
  const { status, isOpen, isReady } = client as ClientState;
  if (typeof status === 'string') {
    // 'wait': it connects with the first command.
    if (status === 'ready' || status === 'wait') return 'ready';
    return status === 'connecting' || status === 'connect' ? 'connecting' : 'down';
  }
  if (isReady === true) return 'ready';
  if (isOpen === false) return 'down';
  return isReady === false ? 'connecting' : 'ready';
}

/**
 * The clients hang the command that failed on their errors, with its arguments: the password, when that was AUTH. Of an
 * address with several IPs the message is in the parts.
 */
function plain(error: unknown): Error {
  const { name, code, stack, errors } = error as Partial<Error> & { code?: unknown; errors?: unknown };
  const parts = Array.isArray(errors) ? errors.map(messageOf) : [];
  const message = messageOf(error) || parts.join('; ') || String(code ?? 'The command failed.');
  const copy = new Error(message);
  if (typeof name === 'string') copy.name = name;
  if (typeof stack === 'string') copy.stack = stack;
  return typeof code === 'string' ? Object.assign(copy, { code }) : copy;
}

function messageOf(error: unknown): string {
  return error instanceof Error
    ? error.message
    : String((error as { message?: unknown } | undefined)?.message ?? error);
}
