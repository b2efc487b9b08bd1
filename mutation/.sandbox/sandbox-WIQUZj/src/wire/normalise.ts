// @ts-nocheck
type Fields = Record<string, unknown>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Gives a message, or what a chunk adds to one, the fields that OpenAI's has, whatever the dialect. What the provider
 * sent stays, but for a `content` that is a list of parts: its texts become `content`, its thoughts
 * `reasoning_content`, other parts `content_parts`.
 */
export function normaliseMessage(message: Fields): void {
  if (Array.isArray(message['content'])) {
    const { content, thoughts, others } = splitParts(message['content']);
    message['content'] = content ?? null;
    if (thoughts !== undefined) message['reasoning_content'] ??= thoughts;
    if (others.length > 0) message['content_parts'] = others;
  }
  const { reasoning } = message;
  if (typeof reasoning === 'string') message['reasoning_content'] ??= reasoning; // Groq, OpenRouter, newer vLLM
}

/** What a content that is a list of parts says, kind by kind; undefined where it says nothing of a kind. */
export interface SplitParts {
  readonly content: string | undefined;
  readonly thoughts: string | undefined;
  readonly others: readonly unknown[];
}

/** Mistral sends the content as a list of parts when the model thinks. */
export function splitParts(parts: readonly unknown[]): SplitParts {
  let content: string | undefined;
  let thoughts: string | undefined;
  const others: unknown[] = [];
  for (const part of parts) {
    const { type, text, thinking } = isObject(part) ? part : { type: 'text', text: part };
    if (type === 'text' && typeof text === 'string') content = (content ?? '') + text;
    else if (type === 'thinking') {
      for (const thought of Array.isArray(thinking) ? thinking : [thinking]) {
        const words = isObject(thought) ? thought['text'] : thought;
        if (typeof words === 'string') thoughts = (thoughts ?? '') + words;
      }
    } else others.push(part);
  }
  return { content, thoughts, others };
}

/**
 * Puts the usage of a completion or a chunk where OpenAI has it, and under OpenAI's names. Some providers have it in
 * `x_groq` or on a choice; some count cached input beside the usual fields, or leave reasoning out of the output.
 */
export function normaliseUsage(answer: Fields): void {
  const usage = usageIn(answer);
  if (!isObject(usage)) return;
  answer['usage'] = usage;
  const cached = usage['prompt_cache_hit_tokens'] ?? usage['cached_tokens']; // DeepSeek, Moonshot
  if (typeof cached === 'number') {
    const details = isObject(usage['prompt_tokens_details']) ? usage['prompt_tokens_details'] : {};
    details['cached_tokens'] ??= cached;
    usage['prompt_tokens_details'] = details;
  }
  const { completion_tokens: output, prompt_tokens: input, total_tokens: total } = usage;
  const details = usage['completion_tokens_details'];
  const reasoning = isObject(details) ? details['reasoning_tokens'] : undefined;
  if (
    typeof reasoning === 'number' &&
    typeof output === 'number' &&
    typeof input === 'number' &&
    reasoning > 0 &&
    total === input + output + reasoning
  ) {
    usage['completion_tokens'] = output + reasoning; // xAI
  }
}

/** The usage that a completion or a chunk tells, wherever it stands. */
export function usageIn({ usage, x_groq: groq, choices }: Readonly<Fields>): unknown {
  if (isObject(usage)) return usage;
  if (isObject(groq) && isObject(groq['usage'])) return groq['usage'];
  if (!Array.isArray(choices)) return undefined;
  for (const choice of choices as unknown[]) {
    if (isObject(choice) && isObject(choice['usage'])) return choice['usage']; // Moonshot
  }
  return undefined;
}
