// @ts-nocheck
import type { ChatMessage } from '../../wire/index.js';
import type { BaseLLMClient } from '../../client/base-client.js';
import type { ClientOptions } from '../../client/options.js';
import { ScriptedServer, type Script, type ScriptedReply } from './server.js';
import type { ProviderWire, WireAnswer, WireChat } from './wire.js';

/** Options that the kit gives to the client under test. */
export type ConformanceOptions = Omit<ClientOptions, 'apiKey' | 'baseURL'> & {
  apiKey: NonNullable<ClientOptions['apiKey']>;
  baseURL: string;
};

/** Makes the client under test, with these options among its own. */
export type MakeClient = (options: ConformanceOptions) => BaseLLMClient;

export const KEY = 'sk-conformance-0123456789abcdef';
export const MODEL = 'conformance-model';
export const QUESTION: readonly ChatMessage[] = [{ role: 'user', content: 'What is a keelson?' }];
export const ANSWER: WireAnswer = {
  text: 'A timber on the keel: é, 漢字, 🚢 and "quotes"\nand a new line.',
  usage: { input: 11, output: 7 },
};

/** What a check works with: a server of its own and clients of it. */
export class Lab {
  readonly server = new ScriptedServer();
  readonly #clients: BaseLLMClient[] = [];

  constructor(
    readonly wire: ProviderWire,
    readonly make: MakeClient,
  ) {}

  /** A client whose retries do not wait. */
  client(options: ClientOptions = {}): BaseLLMClient {
    const client = this.make({
      model: MODEL,
      embeddingModel: 'conformance-embeddings',
      retry: { baseDelayMs: 0, budget: false },
      ...options,
      apiKey: options.apiKey ?? KEY,
      baseURL: options.baseURL ?? this.server.baseURL,
    });
    this.#clients.push(client);
    return client;
  }

  /** A client that answers with what is scripted, and never tries again. */
  once(...scripts: Script[]): BaseLLMClient {
    this.server.reply(...scripts);
    return this.client({ retry: false });
  }

  /** The answer in the form that the request asks for. */
  answer(answer: WireAnswer = ANSWER, headers: Readonly<Record<string, string>> = {}): Script {
    return (request): ScriptedReply => {
      const { wire } = this;
      if (!wire.readChat(request).stream) {
        const reply = wire.chat(answer, request);
        return { ...reply, headers: { ...reply.headers, ...headers } };
      }
      const stream = wire.stream(answer, request);
      return { headers: { ...stream.headers, ...headers }, body: stream.events };
    };
  }

  /** The events of a streamed answer, changed. */
  events(
    change: (events: readonly string[], finishAt: number) => readonly string[],
    rest: Omit<ScriptedReply, 'body' | 'headers'> = {},
    answer: WireAnswer = ANSWER,
  ): Script {
    return (request) => {
      const { headers, events, finishAt } = this.wire.stream(answer, request);
      return { headers, body: change(events, finishAt), ...rest };
    };
  }

  /** What the server understood of its `index`th request; the latest by default. */
  asked(index = this.server.requests.length - 1): WireChat {
    const request = this.server.requests[index];
    if (!request) throw new Error(`The server got ${this.server.requests.length} requests.`);
    return this.wire.readChat(request);
  }

  async close(): Promise<void> {
    await this.server.close();
    for (const client of this.#clients) await client.close({ abort: true });
  }
}

/** Something that a provider's class is to do. */
export interface Check {
  readonly group: string;
  readonly name: string;
  /** False where the provider has no such thing. */
  readonly applies?: (wire: ProviderWire) => boolean;
  run(lab: Lab): Promise<void>;
}

/** What `promise` rejects with. */
export async function failureOf(promise: PromiseLike<unknown>): Promise<Error & Record<string, unknown>> {
  let result: unknown;
  try {
    result = await promise;
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error(`It was to fail, but gave ${JSON.stringify(result)}.`);
}
