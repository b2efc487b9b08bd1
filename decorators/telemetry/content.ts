import type { CallDescription } from '../pipeline/host.js';
import type { Attributes } from './api.js';
import { ATTRIBUTES } from './names.js';

interface Part {
  readonly type: string;
  readonly [field: string]: unknown;
}

interface ToolCall {
  readonly id?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

interface Message {
  readonly role?: string;
  readonly content?: unknown;
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
}

/** The content of a request, as the conventions write it: JSON of roles and parts. */
export function inputContent({ request }: CallDescription): Attributes {
  const attributes: Attributes = {};
  const messages = request?.['messages'];
  if (Array.isArray(messages)) {
    const written = (messages as Message[]).map((message) => ({
      role: message?.role,
      parts: partsOf(message),
    }));
    attributes[ATTRIBUTES.inputMessages] = JSON.stringify(written);
  } else if (request?.['input'] !== undefined) {
    const texts = [request['input']].flat() as unknown[];
    attributes[ATTRIBUTES.inputMessages] = JSON.stringify([
      { role: 'user', parts: texts.map((content) => ({ type: 'text', content })) },
    ]);
  }
  if (request?.['tools'] !== undefined)
    attributes[ATTRIBUTES.toolDefinitions] = JSON.stringify(request['tools']);
  return attributes;
}

function partsOf(message: Message | null | undefined): Part[] {
  const { role, content, tool_calls: calls, tool_call_id: id } = message ?? {};
  if (role === 'tool') return [{ type: 'tool_call_response', id, response: content }];
  const texts: Part[] =
    typeof content === 'string'
      ? [{ type: 'text', content }]
      : Array.isArray(content)
        ? (content as (Part | null)[]).map((part) =>
            typeof part?.['text'] === 'string'
              ? { type: 'text', content: part['text'] }
              : { type: part?.type ?? 'unknown' },
          )
        : [];
  const tools = (calls ?? []).map((call) => ({
    type: 'tool_call',
    id: call.id,
    name: call.function?.name,
    arguments: call.function?.arguments,
  }));
  return [...texts, ...tools];
}

interface Choice {
  readonly index?: number;
  readonly finish_reason?: string | null;
  readonly message?: Message;
  readonly delta?: Message & { readonly tool_calls?: readonly (ToolCall & { readonly index?: number })[] };
}

/** Collects what a model has answered: of a whole answer, or of one chunk after another. */
export class OutputContent {
  private readonly choices = new Map<
    number,
    { text: string; tools: Map<number, ToolCall>; reason: string }
  >();

  add(answer: unknown): void {
    const { choices } = (answer ?? {}) as { choices?: unknown };
    if (!Array.isArray(choices)) return;
    (choices as (Choice | null)[]).forEach((choice, position) => {
      if (!choice) return;
      const at = choice.index ?? position;
      const known = this.choices.get(at) ?? { text: '', tools: new Map<number, ToolCall>(), reason: '' };
      this.choices.set(at, known);
      const message = choice.message ?? choice.delta;
      if (typeof message?.content === 'string') known.text += message.content;
      (message?.tool_calls ?? []).forEach((call, i) => {
        const place = (call as { index?: number }).index ?? i;
        known.tools.set(place, joined(known.tools.get(place), call));
      });
      if (choice.finish_reason) known.reason = choice.finish_reason;
    });
  }

  attributes(): Attributes {
    if (this.choices.size === 0) return {};
    const messages = [...this.choices.values()].map(({ text, tools, reason }) => ({
      role: 'assistant',
      parts: partsOf({ content: text === '' ? undefined : text, tool_calls: [...tools.values()] }),
      finish_reason: reason,
    }));
    return { [ATTRIBUTES.outputMessages]: JSON.stringify(messages) };
  }
}

function joined(former: ToolCall | undefined, next: ToolCall): ToolCall {
  if (!former) return next;
  return {
    ...former,
    ...(next.id && { id: next.id }),
    function: {
      name: former.function?.name ?? next.function?.name ?? '',
      arguments: (former.function?.arguments ?? '') + (next.function?.arguments ?? ''),
    },
  };
}
