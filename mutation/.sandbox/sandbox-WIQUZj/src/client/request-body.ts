// @ts-nocheck
import type { ChatMessage, ChatParams } from '../wire/index.js';

/** The params under the provider's names; one that is given by its own name stays. */
export function renamed(params: ChatParams, names: Readonly<Record<string, string>> | undefined): ChatParams {
  if (names === undefined) return params;
  const result: ChatParams = { ...params };
  for (const [name, own] of Object.entries(names)) {
    if (result[name] === undefined) continue;
    result[own] ??= result[name];
    delete result[name];
  }
  return result;
}

/**
 * The messages, those of the assistant with the fields `known` only.
 *
 * @param drop Told of each other field that says something: null and an empty list do not.
 */
export function knownFields(
  messages: readonly ChatMessage[],
  known: readonly string[],
  drop: (field: string) => void,
): ChatMessage[] {
  const fits = ([field, value]: [string, unknown]): boolean => {
    if (known.includes(field)) return true;
    const says = value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
    if (says) drop(`messages[].${field}`);
    return false;
  };
  return messages.map((message) =>
    message.role === 'assistant'
      ? (Object.fromEntries(Object.entries(message).filter(fits)) as unknown as ChatMessage)
      : message,
  );
}
