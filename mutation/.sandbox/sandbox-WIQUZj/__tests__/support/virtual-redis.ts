// @ts-nocheck
import { createHash } from 'node:crypto';
import { runtime } from '../../decorators/pipeline/runtime';
import type { RedisClient } from '../../src/redis/index';
import { settled } from './virtual-runtime';

/** A client whose scripts go by the clock of the ambient runtime. */
export interface VirtualRedis<C> {
  /** To be given to a `RedisStore`. */
  readonly client: C;
  /** How many scripts have been run through it so far. */
  readonly scripts: number;
  /**
   * Resolves when Redis has answered everything and every message on its way has been delivered, and whoever waited for that has
   * gone on. For `VirtualRuntime.settle`, so that no timer overtakes an answer. While the server hangs it does not resolve.
   */
  idle(): Promise<void>;
}

type AnyFunction = (...args: any[]) => any;
type Target = object & Record<PropertyKey, unknown>;

/** Turns without anything under way after which nothing more is to come. */
const QUIET_ROUNDS = 2;
/** In a script, the last argument instead of the server's time. */
const CLOCK = `(function()
  local ms = tonumber(ARGV[#ARGV])
  local seconds = math.floor(ms / 1000)
  return { string.format('%.0f', seconds), string.format('%.0f', (ms - seconds * 1000) * 1000) }
end)()`;

/**
 * Puts `client` on virtual time: what its scripts read as the server's time is `runtime().wallClock()` of the moment when they
 * were sent. How long keys are kept is still real.
 */
export function virtualRedis<C extends RedisClient>(client: C): VirtualRedis<C> {
  let pending = 0;
  let scripts = 0;
  const sources = new Map<string, string>();
  const subscribers = new Set<Target>();

  const track = <T>(promise: Promise<T>): Promise<T> => {
    pending++;
    const done = (): void => void pending--;
    promise.then(done, done);
    return promise;
  };
  const evaluate = (script: string, options: unknown[]): Promise<unknown> => {
    scripts++;
    const now = String(Math.floor(runtime().wallClock()));
    const [first] = options;
    const timed = typeof first === 'object' ? [withArgument(first as Arguments, now)] : [...options, now];
    const source = script.replaceAll(`redis.call('TIME')`, () => CLOCK);
    if (source === script) throw new Error('This script does not read the time.');
    return (client as unknown as { eval: AnyFunction }).eval(source, ...timed);
  };
  const bySource = (script: string, ...options: unknown[]): Promise<unknown> => {
    sources.set(createHash('sha1').update(script).digest('hex'), script);
    return track(evaluate(script, options));
  };
  const bySha = (sha: string, ...options: unknown[]): Promise<unknown> => {
    const script = sources.get(sha);
    return track(
      script === undefined ? Promise.reject(new Error('NOSCRIPT unknown')) : evaluate(script, options),
    );
  };
  const duplicate = (...options: unknown[]): unknown => {
    const own = (client as unknown as { duplicate: AnyFunction }).duplicate(...options) as Target;
    subscribers.add(own);
    (own['on'] as AnyFunction)('end', () => subscribers.delete(own));
    const tracked =
      (name: string) =>
      (...args: unknown[]) =>
        track(Promise.resolve((own[name] as AnyFunction)(...args)));
    return replacing(own, {
      connect: tracked('connect'),
      subscribe: tracked('subscribe'),
      unsubscribe: tracked('unsubscribe'),
    });
  };

  return {
    client: replacing(client as unknown as Target, {
      eval: bySource,
      evalsha: bySha,
      evalSha: bySha,
      duplicate,
    }) as unknown as C,
    get scripts() {
      return scripts;
    },
    async idle() {
      for (let quiet = 0; quiet < QUIET_ROUNDS; quiet++) {
        await settled();
        while (pending > 0) {
          quiet = 0;
          await settled();
        }
        // Messages sent before come before the answer.
        for (const own of subscribers) {
          const isReady = own['status'] === 'ready' || own['isReady'] === true;
          if (isReady) await (own['ping'] as AnyFunction)().catch(() => undefined);
        }
      }
    },
  };
}

interface Arguments {
  readonly arguments: readonly string[];
}

function withArgument(options: Arguments, argument: string): Arguments {
  return { ...options, arguments: [...options.arguments, argument] };
}

/** `target` with other functions, as far as it has them. */
function replacing(target: Target, functions: Record<string, AnyFunction>): Target {
  return new Proxy(target, {
    get(_, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (typeof name === 'string' && Object.hasOwn(functions, name)) return functions[name];
      return value.bind(target);
    },
  });
}
