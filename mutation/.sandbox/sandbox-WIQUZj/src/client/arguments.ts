// @ts-nocheck
import { CALL_OPTION_NAMES } from '../../decorators/pipeline/call-options.js';
import type { CallOptions } from '../../decorators/pipeline/index.js';
import { checkOptions, rules, show } from '../../decorators/pipeline/options.js';
import { checkHeaders } from './options.js';
import { isPlainObject } from './plain-object.js';
import type { ApiRequest } from './send.js';

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
    if (name === 'messages' || name === 'input') {
      throw new TypeError(`${where}: \`${name}\` in \`params\`: give it as the first argument.`);
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

/** Throws a `TypeError` for what is wrong with the arguments of any method of a client. `optionsAt` is where its call options stand. */
export function checkCall(
  method: string,
  args: readonly unknown[],
  optionsAt: number | undefined,
  where: string,
): void {
  if (optionsAt !== undefined) checkSendingOptions(args[optionsAt], where);
  if (method === 'request') checkRequest(args, where);
}

/** Those of the call options that say how to send; the pipeline checks the others. */
function checkSendingOptions(options: unknown, where: string): void {
  if (typeof options !== 'object' || options === null) return;
  const { headers, extraBody, idempotencyKey } = options as CallOptions;
  checkHeaders(headers, where);
  if (extraBody !== undefined && !isPlainObject(extraBody)) {
    throw new TypeError(
      `${where}: \`extraBody\` is ${show(extraBody)}: give a plain object such as { top_k: 40 }.`,
    );
  }
  if (idempotencyKey === undefined) return;
  if (typeof idempotencyKey !== 'string' || idempotencyKey === '' || /[\r\n\0]/.test(idempotencyKey)) {
    throw new TypeError(
      `${where}: \`idempotencyKey\` must be a string of at least one character, without line breaks.`,
    );
  }
}

/** Throws a `TypeError` where there is no body of fields to which `extraBody` could be added. */
export function checkExtraBody(extraBody: unknown, body: unknown, where: string): void {
  if (extraBody === undefined || isPlainObject(body)) return;
  throw new TypeError(
    `${where}: \`extraBody\` adds fields to a body that is a plain object, but the body is ${show(body)}.`,
  );
}

const aPlainObject = (value: unknown): string | undefined =>
  isPlainObject(value) ? undefined : 'give a plain object';

function checkRequest([path, init, options]: readonly unknown[], where: string): void {
  if (typeof path !== 'string' || path === '') {
    throw new TypeError(
      `${where}: \`path\` is ${show(path)}: give the path of an endpoint, such as '/models'.`,
    );
  }
  if (init !== undefined) {
    if (!isPlainObject(init)) {
      throw new TypeError(
        `${where}: \`init\` is ${show(init)}: give an object such as { method: 'POST', body: { … } }.`,
      );
    }
    checkOptions<ApiRequest>(
      init,
      {
        method: rules.oneOf('GET', 'POST', 'PUT', 'PATCH', 'DELETE'),
        body: () => undefined,
        query: aPlainObject,
        headers: aPlainObject,
      },
      where,
    );
    checkHeaders(init['headers'], where);
  }
  checkExtraBody((options as CallOptions | null | undefined)?.extraBody, init?.['body'], where);
}
