// @ts-nocheck
import { runtime } from '../../../decorators/pipeline/runtime.js';
import type { ChatEvents } from '../../streaming/index.js';
import { ChatCompletionAccumulator } from '../../streaming/accumulate.js';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionChunkChoice,
  ChatLogprobs,
  FinishReason,
  TokenLogprob,
} from '../../wire/index.js';
import { AnswerParts } from './answer-parts.js';
import { toCitations } from './grounding.js';
import { toUsage } from './usage.js';
import type { GeminiAnswer, GeminiCandidate, GeminiLogprob, GeminiLogprobs } from './wire.js';

/** FUNCTION_CALL is none of Gemini's; servers that stand in for it end a call of tools so. */
const ENDED = new Set(['STOP', 'FINISH_REASON_UNSPECIFIED', 'FUNCTION_CALL']);

const WITHHELD = new Set([
  ...['SAFETY', 'RECITATION', 'LANGUAGE', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'SPII', 'MODEL_ARMOR'],
  ...['IMAGE_SAFETY', 'IMAGE_PROHIBITED_CONTENT', 'IMAGE_RECITATION'],
]);

interface CandidateState {
  readonly parts: AnswerParts;
  text: string;
}

/** Makes chunks of the events of a streamed answer; each event is an answer in the form of generateContent. */
export class GeminiEvents implements ChatEvents {
  readonly #model: string;
  readonly #candidates = new Map<number, CandidateState>();
  #head: { id: string; created: number; model: string } | undefined;

  /** @param model The name that was asked for, where the answer does not tell a more exact one. */
  constructor(model: string) {
    this.#model = model;
  }

  translate(payload: unknown): ChatCompletionChunk | undefined {
    const answer = payload as GeminiAnswer;
    const { candidates = [], usageMetadata, modelVersion, responseId, createTime, ...others } = answer;
    this.#head ??= {
      id: responseId ?? crypto.randomUUID(),
      created: toSeconds(createTime),
      model: modelVersion ?? this.#model,
    };
    const choices = candidates.map((candidate) => this.#choice(candidate));
    // Without a single candidate: the question itself was withheld.
    if (answer.promptFeedback?.blockReason !== undefined && choices.length === 0) {
      choices.push({ index: 0, delta: {}, finish_reason: 'content_filter' });
    }
    // Every event counts the tokens so far: only the last count is one of the whole.
    const isLast = choices.length === 0 || choices.some(({ finish_reason: reason }) => reason !== null);
    return {
      ...this.#head,
      object: 'chat.completion.chunk',
      choices,
      ...(usageMetadata && isLast && { usage: toUsage(usageMetadata) }),
      ...others,
    };
  }

  #choice({
    index = 0,
    content,
    finishReason,
    logprobsResult,
    ...others
  }: GeminiCandidate): ChatCompletionChunkChoice {
    let state = this.#candidates.get(index);
    const isFirst = state === undefined;
    if (!state) {
      state = { parts: new AnswerParts(`${this.#head?.id}${index > 0 ? `_${index}` : ''}`), text: '' };
      this.#candidates.set(index, state);
    }
    const delta = {
      ...(isFirst && { role: 'assistant' as const }),
      ...state.parts.add(content?.parts ?? []),
    };
    state.text += delta.content ?? '';
    const { groundingMetadata } = others;
    const annotations = groundingMetadata ? toCitations(groundingMetadata, state.text) : [];
    if (annotations.length > 0) delta.annotations = annotations;
    const finish = finishReason === undefined ? null : toFinish(finishReason, state.parts.hasCalls);
    return {
      index,
      delta,
      finish_reason: finish,
      ...(logprobsResult && { logprobs: toLogprobs(logprobsResult) }),
      // Of which OpenAI's word does not say all.
      ...(finish !== null && !['STOP', 'MAX_TOKENS'].includes(finishReason ?? '') && { finishReason }),
      ...others,
    } as ChatCompletionChunkChoice;
  }
}

/** The completion that an answer stands for: what its one event, streamed, would come to. */
export function toCompletion(answer: GeminiAnswer, model: string): ChatCompletion {
  const accumulator = new ChatCompletionAccumulator();
  const chunk = new GeminiEvents(model).translate(answer);
  if (chunk) accumulator.add(chunk);
  return accumulator.result();
}

/** A reason that OpenAI has no word for stays Gemini's, in small letters. */
function toFinish(reason: string, hasCalls: boolean): FinishReason {
  if (ENDED.has(reason)) return hasCalls ? 'tool_calls' : 'stop';
  if (reason === 'MAX_TOKENS') return 'length';
  return WITHHELD.has(reason) ? 'content_filter' : (reason.toLowerCase() as FinishReason);
}

function toLogprobs({ chosenCandidates = [], topCandidates = [] }: GeminiLogprobs): ChatLogprobs {
  const content = chosenCandidates.map((chosen, i): TokenLogprob => {
    const top = topCandidates[i]?.candidates ?? [];
    return { ...toLogprob(chosen), top_logprobs: top.map(toLogprob) };
  });
  return { content, refusal: null };
}

function toLogprob({
  token = '',
  logProbability = -9999,
}: GeminiLogprob): Omit<TokenLogprob, 'top_logprobs'> {
  return { token, bytes: null, logprob: logProbability };
}

function toSeconds(time: string | undefined): number {
  const ms = time === undefined ? NaN : Date.parse(time);
  return Math.floor((Number.isNaN(ms) ? runtime().wallClock() : ms) / 1000);
}
