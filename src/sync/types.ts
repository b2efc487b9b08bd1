import type { BaseLLMClient } from '../client/base-client.js';
import type { ClientOptions } from '../client/options.js';
import type { ClientClass } from '../providers/registry.js';
import type { ChatCompletionStream } from '../streaming/index.js';
import type { ChatCompletionChunk } from '../wire/index.js';

declare global {
  // Declared here too, so that the types compile without the library that declares it.
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
}

/** What `using` ends at the end of its block. */
interface Ended {
  readonly [Symbol.dispose]: () => void;
}

type Method = (...args: never) => unknown;
type Waiting = (...args: never) => PromiseLike<unknown>;
type Offering = (...args: never) => PromiseLike<unknown> | AsyncIterable<unknown>;

/** What a blocking method returns where the method it stands for returns `R`. */
type Returned<R> = R extends ChatCompletionStream
  ? SyncChatCompletionStream
  : R extends PromiseLike<infer Value>
    ? Returned<Value>
    : R extends AsyncIterable<infer Item>
      ? SyncStream<Item>
      : R;

/**
 * A method that blocks, with all the overloads of the one it stands for (up to four; its type parameters become
 * `unknown`). Where there are fewer, a compiler infers the first again, or nothing at all.
 */
type Blocking<F> = F extends {
  (...args: infer A1): infer R1;
  (...args: infer A2): infer R2;
  (...args: infer A3): infer R3;
  (...args: infer A4): infer R4;
}
  ? Unlike<A1, R1, A2, R2> & Unlike<A2, R2, A3, R3> & Unlike<A3, R3, A4, R4> & ((...args: A4) => Returned<R4>)
  : F extends {
        (...args: infer A1): infer R1;
        (...args: infer A2): infer R2;
        (...args: infer A3): infer R3;
      }
    ? Unlike<A1, R1, A2, R2> & Unlike<A2, R2, A3, R3> & ((...args: A3) => Returned<R3>)
    : F extends { (...args: infer A1): infer R1; (...args: infer A2): infer R2 }
      ? Unlike<A1, R1, A2, R2> & ((...args: A2) => Returned<R2>)
      : F extends (...args: infer A) => infer R
        ? (...args: A) => Returned<R>
        : never;

/** The signature, unless it is the next one again or was not inferred. */
type Unlike<A extends readonly unknown[], R, NextA, NextR> = unknown extends R
  ? unknown
  : [A, R, NextA, NextR] extends [NextA, NextR, A, R]
    ? unknown
    : (...args: A) => Returned<R>;

/** `request()` by hand: its type parameter would be lost. */
interface Requesting {
  /** Any other endpoint of the API, under the same policies: `path` is appended to the base URL. */
  request<T = unknown>(...args: Parameters<BaseLLMClient['request']>): T;
}

/**
 * A client that blocks: every method of `Client` that gives a promise gives its value, and one that gives an async
 * iterable gives an iterable. What is no such method (`http`, `limiter`, `on()`) stays in the worker.
 */
export type SyncClient<Client extends object> = {
  [
    Name in Exclude<keyof Client, 'request' | 'http' | symbol> as Client[Name] extends Offering ? Name : never
  ]: Blocking<Client[Name]>;
} & Requesting &
  Ended;

/** A stream that blocks until its next item is there. Leaving the loop ends it, and closes the connection. */
export interface SyncStream<Item> extends Iterable<Item>, Ended {
  /** The items. Throws a `StreamError` when the stream is being read, or has been read, already. */
  [Symbol.iterator](): Iterator<Item, undefined>;
}

/** A streamed answer that is read by `for`, or as a whole by `finalCompletion()` or `finalText()`. */
export type SyncChatCompletionStream = SyncStream<ChatCompletionChunk> & {
  [
    Name in Exclude<keyof ChatCompletionStream, symbol> as ChatCompletionStream[Name] extends Waiting
      ? Name
      : never
  ]: Blocking<ChatCompletionStream[Name]>;
} & Pick<ChatCompletionStream, 'abort'>;

/** Options without functions and objects that hold some: they cannot go into a worker. */
export type SyncOptions<Options> = Options extends Method
  ? never
  : Options extends readonly unknown[]
    ? Options
    : Options extends object
      ? { [Name in keyof Options]: SyncOptions<Options[Name]> }
      : Options;

/** What a module of yours exports: a class of clients, or a client that is ready. */
export type ExportedClient = ClientClass | BaseLLMClient;

/** The client behind an export. */
export type ClientOf<Exported> = Exported extends abstract new (...args: never) => infer Client
  ? Client & object
  : Exported & object;

/** The options that a class of clients takes; those of any where the type does not tell. A ready client takes none. */
export type OptionsFor<Exported> = Exported extends new (options: infer Options) => unknown
  ? SyncOptions<NonNullable<Options>>
  : SyncOptions<ClientOptions>;
