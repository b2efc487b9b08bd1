import type { Call, TokenUsage } from '../pipeline/call.js';
import type { PolicyEvent } from '../pipeline/events.js';
import type { CallDescription } from '../pipeline/host.js';
import { readUsage } from '../pipeline/usage.js';
import type { Attributes, AttributeValue } from './api.js';
import {
  ATTRIBUTES,
  NAMES,
  OWN_ATTRIBUTES,
  providerName,
  REQUEST_ATTRIBUTES,
  type Semconv,
} from './names.js';

/** What tells calls apart in spans and in metrics: provider, operation, model, server. */
export function identity(
  { operation, provider, model, baseURL }: CallDescription,
  semconv: Semconv,
): Attributes {
  const attributes: Attributes = {};
  if (operation !== undefined) attributes[ATTRIBUTES.operation] = operation;
  if (provider !== undefined) {
    for (const name of NAMES[semconv].provider) attributes[name] = providerName(provider);
  }
  if (model !== undefined) attributes[ATTRIBUTES.requestModel] = model;
  const url = baseURL !== undefined && URL.canParse(baseURL) ? new URL(baseURL) : undefined;
  if (url) {
    attributes[ATTRIBUTES.serverAddress] = url.hostname;
    attributes[ATTRIBUTES.serverPort] = Number(url.port) || (url.protocol === 'http:' ? 80 : 443);
  }
  return attributes;
}

/** The parameters of a request. */
export function requestAttributes(call: Call, { request }: CallDescription): Attributes {
  const attributes: Attributes = {};
  for (const [field, name] of Object.entries(REQUEST_ATTRIBUTES)) {
    const value = request?.[field];
    if (value === undefined || value === null || (field === 'n' && value === 1)) continue;
    const isList = field === 'stop' || field === 'encoding_format';
    attributes[name] = (isList && !Array.isArray(value) ? [value] : value) as AttributeValue;
  }
  const format = (request?.['response_format'] as { type?: unknown } | null | undefined)?.type;
  if (typeof format === 'string')
    attributes[ATTRIBUTES.outputType] = format.startsWith('json') ? 'json' : 'text';
  if (call.streaming) attributes[ATTRIBUTES.stream] = true;
  return attributes;
}

/** What an answer, or a chunk of one, says of itself, in OpenAI's words. */
export interface AnswerFacts {
  id?: string;
  model?: string;
  readonly finishReasons: string[];
}

/** Adds what `answer` says. */
export function readAnswer(answer: unknown, facts: AnswerFacts): void {
  if (typeof answer !== 'object' || answer === null) return;
  const { id, model, choices } = answer as { id?: unknown; model?: unknown; choices?: unknown };
  if (typeof id === 'string' && id !== '') facts.id ??= id;
  if (typeof model === 'string' && model !== '') facts.model ??= model;
  if (!Array.isArray(choices)) return;
  for (const choice of choices as ({ finish_reason?: unknown } | undefined)[]) {
    if (typeof choice?.finish_reason === 'string') facts.finishReasons.push(choice.finish_reason);
  }
}

/** What the provider says was used; what was only counted here is not told as its word, and a cached answer uses nothing. */
export function usageOf(call: Call, result: unknown): TokenUsage | undefined {
  if (call.facts.fromCache) return undefined;
  const usage = call.facts.usage ?? readUsage(result);
  return usage?.counted ? undefined : usage;
}

/** What is known of a call when it has ended. */
export function outcomeAttributes(call: Call, result: unknown, answer: AnswerFacts): Attributes {
  const usage = usageOf(call, result);
  const attributes: Attributes = { [OWN_ATTRIBUTES.attempts]: call.attempts.length };
  const set = (name: string, value: AttributeValue | undefined): void => {
    if (value !== undefined) attributes[name] = value;
  };
  set(ATTRIBUTES.responseId, answer.id);
  set(ATTRIBUTES.responseModel, answer.model);
  if (answer.finishReasons.length > 0) set(ATTRIBUTES.finishReasons, answer.finishReasons);
  set(ATTRIBUTES.inputTokens, usage?.inputTokens);
  set(ATTRIBUTES.outputTokens, usage?.outputTokens);
  set(ATTRIBUTES.cachedInputTokens, usage?.cachedInputTokens);
  return attributes;
}

/** Fields of every event, which the span has already. */
const KNOWN = new Set(['type', 'className', 'method', 'callId', 'at', 'facts', 'attempts']);

/** What a policy has told of the call, as attributes of an event of its span. */
export function eventAttributes(event: PolicyEvent): Attributes {
  const attributes: Attributes = {};
  for (const [name, value] of Object.entries(event) as [string, unknown][]) {
    if (name === 'error') attributes[ATTRIBUTES.errorType] = (value as { code: string }).code;
    else if (!KNOWN.has(name) && ['string', 'number', 'boolean'].includes(typeof value)) {
      attributes[OWN_ATTRIBUTES.prefix + snakeCase(name)] = value as AttributeValue;
    }
  }
  return attributes;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
