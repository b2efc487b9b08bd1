import { CALL_OPTION_NAMES } from '../../decorators/pipeline/call-options.js';
import { show } from '../../decorators/pipeline/options.js';

/** Throws a `TypeError` for messages that no provider could answer. */
export function checkMessages(messages: unknown, where: string): void {
  if (!Array.isArray(messages)) {
    throw new TypeError(
      `${where}: \`messages\` is ${show(messages)}: give an array such as [{ role: 'user', content: 'Hello' }].`,
    );
  }
  if (messages.length === 0)
    throw new TypeError(`${where}: \`messages\` is empty: give at least one message.`);
  messages.forEach((message: unknown, i) => {
    const role = (message as { role?: unknown } | null | undefined)?.role;
    if (typeof role !== 'string' || role === '') {
      throw new TypeError(
        `${where}: \`messages[${i}]\` has no role: give 'user', 'system', 'assistant' or 'tool'.`,
      );
    }
  });
}

/** Throws a `TypeError` for params that would be lost or mangled on the way to the provider. */
export function checkParams(params: unknown, where: string): void {
  if (params === undefined) return;
  if (typeof params !== 'object' || params === null || Array.isArray(params)) {
    throw new TypeError(
      `${where}: \`params\` is ${show(params)}: give an object such as { model: '…', temperature: 0 }.`,
    );
  }
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined) continue;
    if ((CALL_OPTION_NAMES as readonly string[]).includes(name)) {
      throw new TypeError(
        `${where}: \`${name}\` in \`params\` is a call option: give it in the last argument.`,
      );
    }
    if (name === 'stream') {
      throw new TypeError(`${where}: \`stream\` in \`params\`: for a stream call streamChatCompletion().`);
    }
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new TypeError(`${where}: \`${name}\` is ${value}: give a finite number.`);
    }
    if ((name === 'max_tokens' || name === 'max_completion_tokens') && value !== null) {
      if (!Number.isInteger(value) || (value as number) < 1) {
        throw new TypeError(`${where}: \`${name}\` is ${show(value)}: give a whole number of at least 1.`);
      }
    }
    if (name === 'model' && (typeof value !== 'string' || value === '')) {
      throw new TypeError(`${where}: \`model\` is ${show(value)}: give the name of a model.`);
    }
  }
}

/** Throws a `TypeError` for inputs that cannot be embedded. */
export function checkInputs(input: unknown, where: string): void {
  const inputs: unknown[] = Array.isArray(input) ? input : [input];
  inputs.forEach((item, i) => {
    if (typeof item === 'string' && item !== '') return;
    const which = Array.isArray(input) ? `input[${i}]` : 'input';
    const what = item === '' ? 'an empty string' : show(item);
    throw new TypeError(`${where}: \`${which}\` is ${what}: give a text of at least one character.`);
  });
}
