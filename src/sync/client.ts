import { LLMError } from '../../decorators/errors/index.js';
import type { OpenAIClient } from '../providers/openai/openai-client.js';
import { Bridge } from './bridge.js';
import { argumentsAsData, packSignal } from './data.js';
import { defineDispose } from './dispose.js';
import type { Order, PackedValue, Target } from './protocol.js';
import { unpackResult } from './result.js';
import { BlockingStream, type Line } from './stream.js';
import type { SyncClient } from './types.js';

/** The methods that every client has. One that clients are given must be named here, else this does not compile. */
const METHODS = {
  chatCompletion: true,
  streamChatCompletion: true,
  embeddings: true,
  request: true,
} as const satisfies Record<Exclude<keyof SyncClient<OpenAIClient>, 'close' | symbol>, true>;

/** What others ask any object for, to see what it is. */
const ASKED_OF_ANYTHING = new Set(['then', 'toJSON', 'asymmetricMatch', '$$typeof']);

/** A client in a worker, and the thread that waits for it. The worker starts at the first call. */
export class WorkerClient {
  declare readonly [Symbol.dispose]: () => void;
  readonly #target: Target;
  #bridge: Bridge | undefined;
  #closed = false;

  constructor(target: Target) {
    this.#target = target;
  }

  static {
    for (const name of Object.keys(METHODS)) {
      Object.defineProperty(this.prototype, name, {
        configurable: true,
        writable: true,
        value(this: WorkerClient, ...args: unknown[]) {
          return this.#call(name, args);
        },
      });
    }
    defineDispose(this.prototype, (client) => client.close());
  }

  /**
   * Ends the client, its worker, and streams that are half read: while this thread waits, nobody can read them.
   * Calls after it fail with an `LLMError` of code `client_closed`.
   */
  close(): void {
    const bridge = this.#bridge;
    this.#bridge = undefined;
    this.#closed = true;
    if (!bridge || bridge.ended) return;
    try {
      unpackResult(bridge.ask({ do: 'close' }) as PackedValue);
    } finally {
      bridge.end(() => this.#closedError());
    }
  }

  /** Any method of the client in the worker, which says so when there is none. */
  static call(client: WorkerClient, method: string, args: readonly unknown[]): unknown {
    return client.#call(method, args);
  }

  #call(method: string, given: readonly unknown[]): unknown {
    if (this.#closed) throw this.#closedError();
    const where = `${this.#target.label}.${method}()`;
    const { args, signal, at } = argumentsAsData(given, where);
    const bridge = (this.#bridge ??= new Bridge(this.#target));
    const line = this.#line(bridge);
    const id = bridge.nextId();
    const order: Order = { do: 'call', method, args, ...(signal && { signal: packSignal(signal, at) }) };
    const answer = line.ask(order, id);
    if ('stream' in answer) return new BlockingStream(line, id, answer.isCompletion, signal);
    return unpackResult(answer as PackedValue, signal);
  }

  #line(bridge: Bridge): Line {
    return {
      get ended() {
        return bridge.ended;
      },
      ask: (order: Order, id?: number) => {
        try {
          const answer = bridge.ask(order, id);
          // A client that could not be made may be made by another worker, with another environment.
          if ('error' in answer && answer.fatal) bridge.end(() => this.#closedError());
          return answer;
        } finally {
          if (bridge.ended && this.#bridge === bridge) this.#bridge = undefined;
        }
      },
      tell: (notice) => bridge.tell(notice),
    };
  }

  #closedError(): LLMError {
    return new LLMError(`${this.#target.label} is closed: make a new one.`, { code: 'client_closed' });
  }
}

/** A client whose methods only the worker knows: any name is one. */
export class OpenWorkerClient extends WorkerClient {
  static {
    const known = WorkerClient.prototype;
    const anyName: ProxyHandler<WorkerClient> = {
      get(target, name, client) {
        if (name in target || typeof name === 'symbol' || ASKED_OF_ANYTHING.has(name))
          return Reflect.get(target, name, client) as unknown;
        return (...args: unknown[]) => WorkerClient.call(client as WorkerClient, name, args);
      },
    };
    Object.setPrototypeOf(this.prototype, new Proxy(known, anyName));
  }
}
