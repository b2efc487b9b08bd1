/** For the suites of providers of another wire format. */
import { expect, it } from '@jest/globals';
import type { BaseLLMClient, ChatParams, ClientOptions, KnownChatParams } from 'keelson';
import { atEnd, failureOf, json, KEY, messages, readBody, serve } from '../client/support.js';

type Class = new (options: ClientOptions) => BaseLLMClient;

export interface Sent {
  url: string;
  headers: Record<string, unknown>;
  body: any;
}

export interface Opened {
  client: BaseLLMClient;
  /** What the server got. */
  sent: Sent[];
  /** The fields that were told to be left out. */
  dropped: string[];
}

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body: unknown;
}

const silent = { debug: () => 0, info: () => 0, warn: () => 0, error: () => 0 };

/** A client of a server that gives these answers in turn, the last one again and again. */
export async function open(Class: Class, answers: Answer[], options: ClientOptions = {}): Promise<Opened> {
  const sent: Sent[] = [];
  const left = [...answers];
  const baseURL = await serve(async (request, response) => {
    sent.push({ url: request.url ?? '', headers: request.headers, body: await readBody(request) });
    const { status = 200, headers, body } = (left.length > 1 ? left.shift() : left[0]) as Answer;
    json(response, status, body, headers);
  });
  const client = new Class({
    apiKey: KEY,
    baseURL,
    model: 'm',
    embeddingModel: 'e',
    retry: { baseDelayMs: 0 },
    logger: silent,
    ...options,
  });
  atEnd(() => client.close({ abort: true }));
  const dropped: string[] = [];
  client.on('warning', ({ subject }) => dropped.push(subject));
  return { client, sent, dropped };
}

/** The tokens that a call reserves for its output. */
export async function reservedOutput(
  Class: Class,
  answer: unknown,
  params: ChatParams,
  extraBody: Readonly<Record<string, unknown>> = {},
): Promise<number> {
  const { client } = await open(Class, [{ body: answer }], {
    rateLimit: { tokensPerMinute: 1e6 },
    tokenizer: () => 0,
  });
  const reserved: number[] = [];
  client.on('admitted', ({ tokens }) => reserved.push(tokens as number));
  await client.chatCompletion(messages, params, { extraBody });
  // 3 for the reply, and 4 for each message.
  return (reserved[0] as number) - 3 - 4 * messages.length;
}

/** What becomes of a param: what is sent for it, what is told to be left out, or what is refused. */
export type Decision =
  | { value: unknown; sends: object }
  | { value: unknown; drops: string | string[]; sends?: object }
  | { value: unknown; refuses: RegExp }
  /** It asks for what is so anyway. */
  | { value: unknown; holds: string };

/** Every param of OpenAI's: a new one does not compile until it is decided. */
export type Decisions = {
  readonly [Param in keyof Required<KnownChatParams>]: Decision | readonly Decision[];
};

/** Declares one test for each decision. `base` is what is sent without any of them. */
export function itDecides(Class: Class, answer: unknown, base: object, decisions: Decisions): void {
  const rows = Object.entries(decisions).flatMap(([param, decision]) =>
    [decision].flat().map((one): [string, string, Decision] => [param, JSON.stringify(one.value), one]),
  );
  it.each(rows)('decides what becomes of %s: %s', async (param, _, decision) => {
    const { client, sent, dropped } = await open(Class, [{ body: answer }]);
    const call = client.chatCompletion(messages, { [param]: decision.value });
    if ('refuses' in decision) {
      const error = await failureOf(call);
      expect(error.name).toBe('UnsupportedOperationError');
      expect(error.message).toMatch(decision.refuses);
      expect(sent).toEqual([]);
      return;
    }
    await call;
    expect(dropped).toEqual('drops' in decision ? [decision.drops].flat() : []);
    expect(sent[0]!.body).toEqual({ ...base, ...('sends' in decision ? decision.sends : {}) });
  });
}
