// @ts-nocheck
import { runtime } from '../../../decorators/pipeline/runtime.js';
import { ChatCompletionAccumulator } from '../../streaming/accumulate.js';
import type { ChatEvents } from '../../streaming/index.js';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionDelta,
  ChatToolCallDelta,
  CompletionUsage,
  FinishReason,
  TokenLogprob,
} from '../../wire/index.js';
import type { OllamaAnswer, OllamaLogprob, OllamaToolCall } from './wire.js';

/** Begins the ids of calls to which an older server gave none; such ids are not sent back. */
const MADE_ID = 'ollama_';

/** Whether the server gave no id to the call that has this one. */
export function isMadeId(id: string): boolean {
  return id.startsWith(MADE_ID);
}

/** Makes chunks of the lines of a streamed answer. */
export class OllamaEvents implements ChatEvents {
  readonly format = 'ndjson';
  readonly #model: string;
  #head: { id: string; created: number; model: string } | undefined;
  #calls = 0;

  /** @param model The name that was asked for, where the answer does not tell one. */
  constructor(model: string) {
    this.#model = model;
  }

  translate(payload: unknown): ChatCompletionChunk {
    const answer = payload as OllamaAnswer;
    const { model, created_at: time, message = {}, done, done_reason: reason, logprobs, ...others } = answer;
    const isFirst = this.#head === undefined;
    this.#head ??= {
      id: crypto.randomUUID(),
      created: toSeconds(time),
      model: model ?? this.#model,
    };
    const delta = this.#delta(message);
    if (!isFirst) delete delta.role;
    const choice = {
      index: 0,
      delta,
      finish_reason: done ? this.#finish(reason) : null,
      ...(logprobs && { logprobs: { content: logprobs.map(toLogprob), refusal: null } }),
    };
    const usage = done ? toUsage(answer) : undefined;
    const chunk = {
      ...others,
      ...this.#head,
      object: 'chat.completion.chunk' as const,
      choices: [choice],
      ...(usage && { usage }),
    };
    for (const count of ['prompt_eval_count', 'eval_count']) delete (chunk as OllamaAnswer)[count];
    return chunk;
  }

  #delta({
    content,
    thinking,
    tool_calls: calls,
    ...others
  }: NonNullable<OllamaAnswer['message']>): ChatCompletionDelta {
    const delta = { ...others } as ChatCompletionDelta;
    if (thinking) delta.reasoning_content = thinking;
    if (content) delta.content = content;
    if (calls && calls.length > 0) delta.tool_calls = calls.map((call) => this.#call(call));
    return delta;
  }

  #call({ id, function: { name, arguments: args }, ...others }: OllamaToolCall): ChatToolCallDelta {
    const index = this.#calls++;
    return {
      index,
      id: id ?? `${MADE_ID}${this.#head?.id}_${index}`,
      type: 'function',
      function: { name, arguments: JSON.stringify(args ?? {}) },
      ...others,
    };
  }

  /** A reason that OpenAI has no word for stays Ollama's. */
  #finish(reason = 'stop'): FinishReason {
    return reason === 'stop' && this.#calls > 0 ? 'tool_calls' : (reason as FinishReason);
  }
}

/** The completion that an answer stands for: what its one line, streamed, would come to. */
export function toCompletion(answer: OllamaAnswer, model: string): ChatCompletion {
  const accumulator = new ChatCompletionAccumulator();
  accumulator.add(new OllamaEvents(model).translate({ ...answer, done: true }));
  return accumulator.result();
}

/** The counts under OpenAI's names; what the model thought is counted as output. Undefined where there are none. */
export function toUsage({
  prompt_eval_count: input,
  eval_count: output = 0,
}: OllamaAnswer): CompletionUsage | undefined {
  if (input === undefined && output === 0) return undefined;
  // A server leaves out a count of 0: all of the input was at hand from before.
  const prompt = input ?? 0;
  return { prompt_tokens: prompt, completion_tokens: output, total_tokens: prompt + output };
}

function toLogprob({ top_logprobs: top = [], ...token }: OllamaLogprob): TokenLogprob {
  const whole = ({ bytes = undefined, ...rest }: OllamaLogprob) => ({ ...rest, bytes: bytes ?? null });
  return { ...whole(token), top_logprobs: top.map(whole) };
}

function toSeconds(time: string | undefined): number {
  const ms = time === undefined ? NaN : Date.parse(time);
  return Math.floor((Number.isNaN(ms) ? runtime().wallClock() : ms) / 1000);
}
