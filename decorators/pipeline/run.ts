import type { Readable } from 'node:stream';
import { LLMError } from '../errors/index.js';
import { CallState } from './call-state.js';
import { findCallOptions } from './call-options.js';
import { callContext } from './context.js';
import { withContinuation } from './continuation.js';
import { failWith, type Inward, type OnFailure, type OnResult } from './direct-stage.js';
import { GuardedStream } from './guarded-stream.js';
import { hostOf } from './host.js';
import { closeStream, isStream, OpenedStream, openStream } from './opened-stream.js';
import { overriddenBy, planOf, resolveOptions, runsKind, type Plan } from './plan.js';
import type { Next } from './policy.js';
import type { MethodRecord } from './record.js';
import { beginStep, endStep } from './runtime.js';

/** A call with everything that is needed to run it. */
interface Begun {
  readonly call: CallState;
  readonly plan: Plan;
  readonly options: readonly (object | false)[];
  /** Runs the method itself. */
  readonly innermost: (call: CallState, plan: Plan) => PromiseLike<unknown>;
}

/** What runs instead of a decorated async method. */
export function runMethod(record: MethodRecord, self: object, args: unknown[]): PromiseLike<unknown> {
  const outer = callContext.get();
  const around = outer && pipelineAround(outer, record, self);
  if (around && runsAll(around, record)) return record.original.apply(self, args) as PromiseLike<unknown>;
  return runCall(record, self, args, outer, around);
}

/** What runs instead of a decorated `async *` method. Nothing starts before the first `next()`. */
export function runStream(record: MethodRecord, self: object, args: unknown[]): AsyncGenerator {
  const outer = callContext.get();
  const around = outer && pipelineAround(outer, record, self);
  if (around && runsAll(around, record)) {
    return withContinuation(record.original.apply(self, args) as AsyncGenerator);
  }
  return new GuardedStream(() => {
    const begun = begin(record, self, args, outer, around, openStream);
    return {
      call: begun.call,
      mayBeAborted: begun.plan.mayAbort || begun.call.mayBeAborted,
      open: () => runFrom(begun, 0, begun.call, undefined, undefined) as Promise<AsyncIterator<unknown>>,
      mapError: (error) => mapStreamError(begun, error),
    };
  });
}

function runCall(
  record: MethodRecord,
  self: object,
  args: unknown[],
  outer: CallState | undefined,
  around: Plan | undefined,
): Promise<unknown> {
  const step = beginStep();
  try {
    const begun = begin(record, self, args, outer, around, enterMethod);
    const { call } = begun;
    const onFailure = (error: unknown): never => {
      call.endAll({}, { error });
      showCaller(error, new Error());
      // A misuse is told as it is, whatever the policies have made of it.
      throw call.shared.misuse ?? error;
    };
    const onResult = (result: unknown): unknown => {
      const endingStep = beginStep();
      try {
        if (isStream(result)) guardStream(result, begun);
        else call.endAll({ result });
        return result;
      } catch (error) {
        return onFailure(error);
      } finally {
        endStep(endingStep);
      }
    };
    return runFrom(begun, 0, call, onResult, onFailure);
  } catch (error) {
    return Promise.reject(error as Error);
  } finally {
    endStep(step);
  }
}

/**
 * Adds to the stack of an error of ours who called: between where it was made and there lie more frames of the
 * pipeline than a stack has room for. `here` was made where the caller awaits: below frames of the pipeline stand his.
 */
function showCaller(error: unknown, here: Error): void {
  if (!(error instanceof LLMError) || error.stack === undefined) return;
  const stack = error.stack.split('\n');
  const frames = (here.stack ?? '').split('\n');
  const first = frames.findIndex((frame) => frame.startsWith('    at async '));
  const missing = first < 0 ? [] : frames.slice(first).filter((frame) => !stack.includes(frame));
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
      new GuardedStream(
        () => ({
          call,
          mayBeAborted: begun.plan.mayAbort || call.mayBeAborted,
          open: async () => {
            forgetAbort();
            return new OpenedStream(iterate(), [], innermost);
          },
          mapError: (error) => mapStreamError(begun, error),
        }),
        () => {
          forgetAbort();
          call.endAll({ incomplete: true });
          closeStream(stream, iterate);
        },
      ),
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
function pipelineAround(outer: CallState, record: MethodRecord, self: object): Plan | undefined {
  for (let call: CallState | undefined = outer; call; call = call.parent) {
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
  innermost: Begun['innermost'],
): Begun {
  if ((typeof self !== 'object' && typeof self !== 'function') || self === null) {
    const name = String(record.name);
    throw new TypeError(
      `${name}() was called without its object: call it as object.${name}(…), or bind it with object.${name}.bind(object).`,
    );
  }
  const host = hostOf(self);
  host?.checkArguments?.(record.name, args);
  const { options: callOptions, at } = findCallOptions(host, record.name, args);
  const plan = planOf(record, self);
  const call = CallState.begin(record, self, host, args, callOptions, at, outer);
  try {
    const options = resolveOptions(plan, call, around);
    host?.onCall?.(call);
    return { call, plan, options, innermost };
  } catch (error) {
    call.end({}, { error });
    throw error;
  }
}

/**
 * Runs the stages from number `index` on, outer to inner, and then the method. What comes of it passes through `onResult` or
 * `onFailure`. Never throws.
 */
function runFrom(
  begun: Begun,
  index: number,
  call: CallState,
  onResult: OnResult | undefined,
  onFailure: OnFailure | undefined,
): Promise<unknown> {
  try {
    const { stages } = begun.plan;
    let at = index;
    let planned = stages[at];
    while (planned && !begun.options[planned.policy]) planned = stages[++at];
    if (!planned) return through(begun.innermost(call, begun.plan), onResult, onFailure);
    const options = begun.options[planned.policy] as object;
    const inward = inwardFrom(begun, at + 1, call);
    if (planned.direct) return planned.direct.drive(call, inward, options, onResult, onFailure);
    return through(planned.stage.run(call, nextOf(call, inward), options), onResult, onFailure);
  } catch (error) {
    return through(Promise.reject(error as Error), onResult, onFailure);
  }
}

// Functions of their own: what they close over would have to be kept apart by every call of `runFrom()`.
function inwardFrom(begun: Begun, index: number, call: CallState): Inward {
  return (inner, onResult, onFailure) =>
    inner === call
      ? runFrom(begun, index, call, onResult, onFailure)
      : runFork(begun, index, inner as CallState, onResult, onFailure);
}

function nextOf(call: CallState, inward: Inward): Next {
  return (inner = call) => inward(inner, undefined, undefined);
}

function through(
  promise: PromiseLike<unknown>,
  onResult: OnResult | undefined,
  onFailure: OnFailure | undefined,
): Promise<unknown> {
  const settled = Promise.resolve(promise);
  return onResult || onFailure ? settled.then(onResult, onFailure) : settled;
}

/** Ends a forked call with what came of it; one that opened a stream ends with the stream. */
function runFork(
  begun: Begun,
  index: number,
  forked: CallState,
  onResult: OnResult | undefined,
  onFailure: OnFailure | undefined,
): Promise<unknown> {
  const endFailed = (error: unknown): unknown => {
    forked.end({}, { error });
    return failWith(onFailure, error);
  };
  const endWith = (result: unknown): unknown => {
    const step = beginStep();
    try {
      try {
        if (isStream(result)) forked.opened(result);
        else forked.end({ result });
      } catch (error) {
        return endFailed(error);
      }
      return onResult ? onResult(result) : result;
    } finally {
      endStep(step);
    }
  };
  return runFrom(begun, index, forked, endWith, endFailed);
}

/** Runs the method itself. */
function enterMethod(call: CallState, plan: Plan): PromiseLike<unknown> {
  call.throwIfAborted();
  call.enter();
  const { original } = call.shared.record;
  const promise = callContext.run(call, applyMethod, original, call);
  return plan.mayAbort || call.mayBeAborted ? call.race(promise, closeLate) : promise;
}

/** A method that does not hear of its abortion may open a stream after it. */
function closeLate(result: unknown): void {
  if (isStream(result)) closeStream(result);
}

function applyMethod(original: MethodRecord['original'], call: CallState): PromiseLike<unknown> {
  const result = original.apply(call.self, call.argsForMethod() as unknown[]) as PromiseLike<unknown>;
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
