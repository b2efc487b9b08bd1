import type { LLMError } from '../errors/index.js';
import type { Call } from './call.js';
import type { AsyncMethodDecorator } from './decorator.js';
import type { PolicyEvent } from './events.js';

/** The one thing the decorators know of the object whose methods they guard. */
export const policyHost: unique symbol = Symbol.for('keelson.policyHost') as never;

/** What a call is expected to use, before it is sent. */
export interface TokenEstimate {
  /** Tokens of the input. */
  readonly inputTokens: number;
  /** The most output tokens the request allows; undefined when it names no bound. */
  readonly maxOutputTokens?: number | undefined;
}

/** What a call asks for, where that is a request to a model. */
export interface CallDescription {
  /** What is done, in the words of OpenTelemetry's conventions: `chat`, `embeddings`, or another. */
  readonly operation?: string | undefined;
  /** The provider's name. */
  readonly provider?: string | undefined;
  /** The address of the API. */
  readonly baseURL?: string | undefined;
  readonly model?: string | undefined;
  /** All that is asked, in OpenAI's words: `messages` or `input`, and every parameter. */
  readonly request?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * What an object may tell the policies about itself, under the symbol `policyHost`. Every part is optional:
 * a class without any of it works too.
 */
export interface PolicyHost {
  /** The name under which users know `method`, for messages and events; the method's own by default. */
  methodLabel?(method: string | symbol): string;
  /** The position at which `method` takes its `CallOptions`; undefined when it takes none. */
  callOptions?(method: string | symbol, args: readonly unknown[]): number | undefined;
  /** Throws for arguments that are to be refused as they are, before any policy runs. */
  checkArguments?(method: string | symbol, args: readonly unknown[]): void;
  /** Whether nothing that the object's own methods call may ask for the running call later; see `asksAtOnce()`. */
  asksAtOnce?(): boolean;
  /** Sees every call as it begins. */
  onCall?(call: Call): void;
  /** Options for a policy whose decorator was written without any; `false` turns the policy off. */
  policyOptions?(kind: string): object | false | undefined;
  /** Policies of the object itself, around each of its decorated methods: for kinds that a method has not, or has without options. */
  readonly policies?: readonly AsyncMethodDecorator[];
  /** What the call asks for: policies tell models and providers apart by it. */
  describe?(call: Call): CallDescription | undefined;
  /** The arguments of a call of `method` with another model; undefined where another could not answer the same. */
  withModel?(
    method: string | symbol,
    args: readonly unknown[],
    model: string,
  ): readonly unknown[] | undefined;
  /** Tells apart whose answers these are, without showing a secret: calls of different accounts share no cached answer. */
  account?(): string;
  /** Whether an earlier answer may stand for that of the call, where nobody has said; by default it may. */
  cacheable?(call: Call): boolean;
  /** Sees the first event of a stream that a cache gives. */
  onReplay?(call: Call, first: unknown): void;
  /** Objects with the same owner share one retry budget; by default each has its own. */
  retryBudgetOwner?(): object | undefined;
  /** How many tokens the call is expected to use. */
  estimate?(call: Call): TokenEstimate | undefined | Promise<TokenEstimate | undefined>;
  /** Turns what a method threw into an error of the hierarchy; undefined leaves it to `fromFailure()`. */
  failure?(error: unknown): LLMError | undefined;
  /** Whether an event of a stream carries content: until one does, the stream may be opened anew. */
  carriesContent?(method: string | symbol, event: unknown): boolean;
  /** Receives the events of this object's calls. */
  emit?(event: PolicyEvent): void;
  /** Whether anybody listens: while it is false, no event is even built. */
  observed?(): boolean;
}

/** The host part of `self`, if it has one. */
export function hostOf(self: unknown): PolicyHost | undefined {
  return (self as { [policyHost]?: PolicyHost } | null | undefined)?.[policyHost];
}
