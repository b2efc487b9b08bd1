// @ts-nocheck
type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * What tells of a failure in an answer of status 200 or in an event of a stream, as the body of an error; undefined
 * where nothing does.
 *
 * @param finishes Finish reasons with which the provider ends an answer that it failed to make.
 */
export function failureIn(answer: unknown, finishes?: Fields): unknown {
  // Gemini's compatible endpoint wraps an error in a list.
  const body: unknown = Array.isArray(answer) && answer.length === 1 ? answer[0] : answer;
  if (!isObject(body)) return undefined;
  if (body['error'] || body['object'] === 'error') return body; // the latter is Mistral's
  const { choices } = body;
  if (!Array.isArray(choices)) return undefined;
  for (const choice of choices as unknown[]) {
    if (!isObject(choice)) continue;
    if (choice['error']) return { error: choice['error'] }; // OpenRouter
    const reason = choice['finish_reason'];
    if (typeof reason === 'string' && finishes !== undefined && Object.hasOwn(finishes, reason)) {
      return { error: { code: reason, message: `The answer ended with the finish reason '${reason}'.` } };
    }
  }
  return undefined;
}
