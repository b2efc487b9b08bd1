import type { Call, CallOptions } from './call.js';
import type { CallState } from './call-state.js';
import { attemptOptions } from './call-options.js';
import { callContext } from './context.js';
import { closeStream, isStream, openFrom } from './opened-stream.js';
import { planOf, runsKind } from './plan.js';
import { currentTime } from './runtime.js';

/**
 * Runs `fn` instead of the rest of the pipeline, as the course of `call`: decorated calls that it makes end with it, keep its
 * deadline and share its retries and its account of attempts. For an `async *` method `fn` gives something iterable, or a
 * promise of it, which is opened up to its first event that carries content. The call ends with what comes of it.
 *
 * @param call Forked by the policy, as an attempt.
 * @param counts Whether `fn` is an attempt where it makes no decorated call.
 */
export async function runInstead(call: Call, fn: () => unknown, counts: boolean): Promise<unknown> {
  const way = call as CallState;
  const startedAt = currentTime();
  try {
    const answer = await way.race(
      callContext.runInstead(way, async () => fn()),
      (late) => isStream(late) && closeStream(late),
    );
    const result = way.streaming ? await openFrom(way, iteratorOf(answer, call.label)) : answer;
    if (counts) way.enter(startedAt);
    if (isStream(result)) way.opened(result);
    else way.end({ result });
    return result;
  } catch (error) {
    if (counts) way.enter(startedAt);
    way.end({}, { error });
    // The stage that would have done it is not run.
    throw runsKind(planOf(way.shared.record, way.self), 'HandleApiErrors') ? call.view(error) : error;
  }
}

/** The arguments for another method that is to answer in the place of the call's: its options have the call's signal and what is left of the time. */
export function argsInstead(call: Call, args: readonly unknown[] = call.args): unknown[] {
  const { optionsAt, options, startedAt } = (call as CallState).shared;
  if (optionsAt === undefined) return [...args];
  const { timeoutMs } = options;
  const left: CallOptions =
    timeoutMs === undefined ? {} : { timeoutMs: Math.max(1, startedAt + timeoutMs - currentTime()) };
  const changed = [...args];
  changed[optionsAt] = attemptOptions({ ...options, ...left }, call);
  return changed;
}

/** Whether `call` runs within a call of `method` on `self`. */
export function isWithin(call: Call, self: object, method: string | symbol): boolean {
  for (let around: CallState | undefined = call as CallState; around; around = around.parent) {
    if (around.self === self && around.method === method) return true;
  }
  return false;
}

/** Whether something can stand for a stream's events: a text, though it can be iterated, is one event at the most. */
export function isIterable(value: unknown): value is Iterable<unknown> | AsyncIterable<unknown> {
  return (
    typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value)
  );
}

function iteratorOf(events: unknown, label: string): AsyncIterator<unknown> {
  if (!isIterable(events)) {
    throw new TypeError(
      `${label}() is a stream: what answers in its place must be iterable, such as an array of events; it was ${typeof events}.`,
    );
  }
  if (Symbol.asyncIterator in events) return events[Symbol.asyncIterator]();
  return (async function* () {
    yield* events;
  })();
}
