import type { Call } from './call.js';
import type { CallState } from './call-state.js';
import { endStep } from './runtime.js';
import { processWide } from './shared.js';

interface CallContext {
  get(): CallState | undefined;
  /** Runs `fn` so that `get()` answers `call` within it. */
  run<A, B, R>(call: CallState | undefined, fn: (a: A, b: B) => R, a: A, b: B): R;
}

/** Without AsyncLocalStorage the context holds until the first `await`. */
function synchronousContext(): CallContext {
  let current: CallState | undefined;
  return {
    get: () => current,
    run(call, fn, a, b) {
      const outer = current;
      current = call;
      try {
        return fn(a, b);
      } finally {
        current = outer;
      }
    },
  };
}

interface AsyncLocalStorageLike {
  getStore(): CallState | undefined;
  run: CallContext['run'];
}

function createContext(): CallContext {
  // Not an import: the package also loads where the module does not exist.
  const hooks = globalThis.process?.getBuiltinModule?.('node:async_hooks');
  if (!hooks) return synchronousContext();
  const storage = new hooks.AsyncLocalStorage<CallState>() as AsyncLocalStorageLike;
  // Bound, not wrapped: each layer would gather and spread the arguments of every call.
  return { get: storage.getStore.bind(storage), run: storage.run.bind(storage) };
}

const asynchronous = processWide('context', createContext);
const synchronous = processWide('synchronousContext', synchronousContext);

/** Methods that ask for their call before their first `await`, and never again. */
export const askingAtOnce = processWide('askingAtOnce', () => new WeakSet<object>());

/** The context in which methods run: what `currentCall()` reads. */
export const callContext = {
  get: (): CallState | undefined => synchronous.get() ?? asynchronous.get(),
  /** Runs `fn` within the method `original` of `call`. It takes two arguments: to gather any number costs each call. */
  run<A, B, R>(call: CallState, fn: (a: A, b: B) => R, a: A, b: B): R {
    endStep(undefined);
    const { record, host } = call.shared;
    if (host?.asksAtOnce && askingAtOnce.has(record.original) && host.asksAtOnce()) {
      return synchronous.run(call, fn, a, b);
    }
    return runWithin(call, fn, a, b);
  },
  /** Runs `fn` in place of the method of `call`: whatever `fn` may be, it can ask for the call at any time. */
  runInstead<R>(call: CallState, fn: () => R): R {
    endStep(undefined);
    return runWithin(call, fn, undefined, undefined);
  },
};

function runWithin<A, B, R>(call: CallState, fn: (a: A, b: B) => R, a: A, b: B): R {
  if (synchronous.get() === undefined) return asynchronous.run(call, fn, a, b);
  // What a method around this one has set must not hide this call.
  return synchronous.run(undefined, () => asynchronous.run(call, fn, a, b), undefined, undefined);
}

/**
 * The decorated call that is running here: its attempt, its signal, and `report()` for what the policies want to
 * know. Inside any decorated method, also after an `await` or a `yield` where the runtime has AsyncLocalStorage
 * (Node, Deno, Bun), elsewhere before the first `await`. Undefined outside decorated methods.
 *
 * @example
 * @RateLimited({ tokensPerMinute: 90_000 })
 * async ask(prompt: string) {
 *   const answer = await this.backend.ask(prompt);
 *   currentCall()?.report({ usage: { inputTokens: answer.tokensIn, outputTokens: answer.tokensOut } });
 *   return answer.text;
 * }
 */
export function currentCall(): Call | undefined {
  return callContext.get();
}
