import type { Readable } from 'node:stream';
import { LLMError } from '../errors/index.js';
import { CallState } from './call-state.js';
import { findCallOptions } from './call-options.js';
import { callContext } from './context.js';
import { withContinuation } from './continuation.js';
import { GuardedStream } from './guarded-stream.js';
import { hostOf } from './host.js';
import { closeStream, isStream, OpenedStream, openStream } from './opened-stream.js';
import { overriddenBy, planOf, resolveOptions, runsKind, type Plan } from './plan.js';
import type { Next } from './policy.js';
import type { MethodRecord } from './record.js';

/** A call with everything that is needed to run it. */
interface Begun {
  readonly call: CallState;
  readonly plan: Plan;
  readonly options: readonly (object | false)[];
}

/** What runs instead of a decorated async method. */
export function runMethod(record: MethodRecord, self: object, args: unknown[]): PromiseLike<unknown> {
  const around = pipelineAround(record, self);
  if (around && runsAll(around, record)) return record.original.apply(self, args) as PromiseLike<unknown>;
  return runCall(record, self, args, around);
}

/** What runs instead of a decorated `async *` method. Nothing starts before the first `next()`. */
export function runStream(record: MethodRecord, self: object, args: unknown[]): AsyncGenerator {
  const around = pipelineAround(record, self);
  if (around && runsAll(around, record)) {
    return withContinuation(record.original.apply(self, args) as AsyncGenerator);
  }
  const outer = callContext.get();
  return new GuardedStream(() => {
    const begun = begin(record, self, args, outer, around);
    return {
      call: begun.call,
      open: () => runStages(begun, openStream) as Promise<AsyncIterator<unknown>>,
      mapError: (error) => mapStreamError(begun, error),
    };
  });
}

async function runCall(
  record: MethodRecord,
  self: object,
  args: unknown[],
  around: Plan | undefined,
): Promise<unknown> {
  const begun = begin(record, self, args, callContext.get(), around);
  const { call } = begun;
  try {
    const result = await runStages(begun, enterMethod);
    if (isStream(result)) guardStream(result, begun);
    else call.endAll({ result });
    return result;
  } catch (error) {
    call.endAll({}, { error });
    showCaller(error, new Error());
    // A misuse is told as it is, whatever the policies have made of it.
    throw call.shared.misuse ?? error;
  }
}

/**
 * Adds to the stack of an error of ours who called: between where it was made and there lie more frames of the
 * pipeline than a stack has room for. `here` was made where the caller awaits; its first frame is that place itself.
 */
function showCaller(error: unknown, here: Error): void {
  if (!(error instanceof LLMError) || error.stack === undefined) return;
  const stack = error.stack.split('\n');
  const missing = (here.stack ?? '')
    .split('\n')
    .slice(2)
    .filter((frame) => !stack.includes(frame));
  if (missing.length > 0) error.stack = [...stack, ...missing].join('\n');
}

/** A stream that a promise resolved with keeps its class; only its iteration is guarded, and tells its end. */
function guardStream(stream: AsyncIterable<unknown>, begun: Begun): void {
  const { call } = begun;
  const innermost = call.shared.open[0] ?? call;
  const iterate = stream[Symbol.asyncIterator].bind(stream);
  // A Node stream may be read by other means than iteration.
  const readable = stream as Partial<Pick<Readable, 'once' | 'destroy' | 'errored' | 'readableEnded'>>;
  // Until somebody reads it, nobody else would see an abort.
  const forgetAbort = innermost.onAbort((error) => {
    call.endAll({}, { error });
    closeStream(stream, iterate);
  });
  Object.defineProperty(stream, Symbol.asyncIterator, {
    configurable: true,
    writable: true,
    value: () =>
      new GuardedStream(() => ({
        call,
        open: async () => {
          forgetAbort();
          return new OpenedStream(iterate(), [], innermost);
        },
        mapError: (error) => mapStreamError(begun, error),
      })),
  });
  readable.once?.('close', () => {
    const { errored: error, readableEnded } = readable;
    if (error) call.endAll({}, { error });
    else call.endAll(readableEnded === false ? { incomplete: true } : {});
  });
}

function mapStreamError({ call, plan, options }: Begun, error: unknown): unknown {
  return plan.stages.reduceRight(
    (mapped, { stage, policy }) => (options[policy] && stage.mapStreamError?.(call, mapped)) || mapped,
    error,
  );
}

/** The plan of the override that is running on the same object and has reached this method through `super`. */
function pipelineAround(record: MethodRecord, self: object): Plan | undefined {
  for (let call = callContext.get(); call; call = call.parent) {
    if (call.ended || call.self !== self || call.method !== record.name) continue;
    const active = call.shared.record;
    return active !== record && overriddenBy(active, record, self) ? planOf(active, self) : undefined;
  }
  return undefined;
}

/** Whether every policy of the method is running already: what is left is its body. */
function runsAll(around: Plan, record: MethodRecord): boolean {
  return record.applied.every(({ policy }) => runsKind(around, policy.definition.kind));
}

function begin(
  record: MethodRecord,
  self: object,
  args: unknown[],
  outer: CallState | undefined,
  around: Plan | undefined,
): Begun {
  if ((typeof self !== 'object' && typeof self !== 'function') || self === null) {
    const name = String(record.name);
    throw new TypeError(
      `${name}() was called without its object: call it as object.${name}(…), or bind it with object.${name}.bind(object).`,
    );
  }
  const host = hostOf(self);
  host?.checkArguments?.(record.name, args);
  const { options: callOptions, at } = findCallOptions(self, record.name, args);
  const plan = planOf(record, self);
  const call = CallState.begin(record, self, args, callOptions, at, outer);
  try {
    const options = resolveOptions(plan, call, around);
    host?.onCall?.(call);
    return { call, plan, options };
  } catch (error) {
    call.end({}, { error });
    throw error;
  }
}

type Innermost = (call: CallState, plan: Plan) => Promise<unknown>;

/** Runs the stages, outer to inner, around `innermost`. */
function runStages({ call, plan, options }: Begun, innermost: Innermost): Promise<unknown> {
  const runFrom = (index: number, current: CallState): Promise<unknown> => {
    const planned = plan.stages[index];
    if (!planned) return innermost(current, plan);
    const stageOptions = options[planned.policy];
    if (!stageOptions) return runFrom(index + 1, current);
    const next: Next = (forked) =>
      forked === undefined || forked === current
        ? runFrom(index + 1, current)
        : endWith(forked as CallState, runFrom, index + 1);
    return planned.stage.run(current, next, stageOptions);
  };
  return runFrom(0, call);
}

/** Ends a forked call with what came of it; one that opened a stream ends with the stream. */
async function endWith(
  forked: CallState,
  runFrom: (index: number, call: CallState) => Promise<unknown>,
  index: number,
): Promise<unknown> {
  try {
    const result = await runFrom(index, forked);
    if (isStream(result)) forked.opened(result);
    else forked.end({ result });
    return result;
  } catch (error) {
    forked.end({}, { error });
    throw error;
  }
}

/** Runs the method itself. */
function enterMethod(call: CallState, plan: Plan): Promise<unknown> {
  call.throwIfAborted();
  call.enter();
  const { original } = call.shared.record;
  const promise = callContext.run(call, applyMethod, original, call);
  return plan.mayAbort || call.mayBeAborted ? call.race(promise, closeLate) : Promise.resolve(promise);
}

/** A method that does not hear of its abortion may open a stream after it. */
function closeLate(result: unknown): void {
  if (isStream(result)) closeStream(result);
}

function applyMethod(original: MethodRecord['original'], call: CallState): PromiseLike<unknown> {
  const result = original.apply(call.self, call.argsForMethod()) as PromiseLike<unknown>;
  if (typeof (result as PromiseLike<unknown> | undefined)?.then !== 'function') {
    const decorators = call.shared.record.applied
      .map(({ policy }) => `@${policy.definition.kind}`)
      .join(', ');
    call.shared.misuse = new TypeError(
      `${decorators} on ${call.label}(): it returned ${typeof result}, but a decorated method must return a promise or be \`async *\`. Make it async.`,
    );
    throw call.shared.misuse;
  }
  return result;
}
