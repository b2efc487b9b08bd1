import { LLMError } from '../../decorators/errors/index.js';
import { nearestName } from '../../decorators/pipeline/options.js';
import { packThrown } from './errors.js';
import type {
  AbortNotice,
  Answer,
  Order,
  PackedFailure,
  PackedValue,
  Question,
  Reply,
  Target,
  WorkerSetup,
} from './protocol.js';
import { packFailure, packResult } from './result.js';

type Client = Record<string, unknown> & { close?: (options: { abort: boolean }) => unknown };

type ImportModule = (url: string) => Promise<object>;

/** A stream that the other thread reads. */
interface OpenStream {
  readonly iterable: AsyncIterable<unknown> & {
    finalCompletion?: () => Promise<unknown>;
    abort?: (reason: unknown) => void;
  };
  iterator?: AsyncIterator<unknown>;
}

/** Answers the other thread, as long as it is there. */
export function serve({ target, port, answered }: WorkerSetup, importModule: ImportModule): void {
  const streams = new Map<number, OpenStream>();
  /** By the number of the call. Those of streams stay as long as these. */
  const controllers = new Map<number, AbortController>();
  const loading = load(target, importModule);
  loading.catch(() => undefined);

  const send = (reply: Reply): void => {
    port.postMessage(reply);
    Atomics.add(answered, 0, 1);
    Atomics.notify(answered, 0);
  };
  process.on('uncaughtExceptionMonitor', (error) => send({ dying: packThrown(error) }));

  const call = async (id: number, order: Order & { do: 'call' }, client: Client): Promise<Answer> => {
    const { method, args, signal } = order;
    if (signal) {
      const controller = new AbortController();
      controllers.set(id, controller);
      if (signal.aborted) controller.abort(signal.reason);
      Object.assign(args[signal.at] as object, { signal: controller.signal });
    }
    const result = await methodOf(client, method, target.label)(...args);
    if (!isAsyncIterable(result)) return packResult(result);
    streams.set(id, { iterable: result });
    return {
      stream: id,
      isCompletion: typeof (result as OpenStream['iterable']).finalCompletion === 'function',
    };
  };

  const use = async (order: Order & { stream: number }): Promise<Answer> => {
    const open = streams.get(order.stream) as OpenStream;
    const { iterable } = open;
    const iterator = (): AsyncIterator<unknown> => (open.iterator ??= iterable[Symbol.asyncIterator]());
    if (order.do === 'next') {
      const step = await iterator().next();
      if (!step.done) return packResult(step.value);
    } else if (order.do === 'leave') await iterator().return?.();
    else if (order.do === 'abortStream') iterable.abort?.(order.reason);
    return { ended: await finalResult(iterable) };
  };

  const perform = async ({ id, order }: Question): Promise<Answer> => {
    let client: Client;
    try {
      client = await loading;
    } catch (error) {
      return { ...packFailure(error), fatal: true };
    }
    try {
      if (order.do === 'call') return await call(id, order, client);
      if (order.do !== 'close') return await use(order);
      await client.close?.({ abort: true });
      return { value: undefined };
    } catch (error) {
      return packFailure(error);
    }
  };

  const answer = async (question: Question): Promise<void> => {
    const { id, order } = question;
    const found = await perform(question);
    if ('stream' in order) {
      if (!('value' in found)) {
        streams.delete(order.stream);
        controllers.delete(order.stream);
      }
    } else if (!('stream' in found)) controllers.delete(id);
    try {
      send({ id, answer: found });
    } catch (error) {
      const what = order.do === 'call' ? `${order.method}()` : 'A stream';
      const message = `${what} gave something that cannot leave the worker: ${(error as Error).message}`;
      send({ id, answer: packFailure(new TypeError(message)) });
    }
  };

  port.on('message', (message: Question | AbortNotice) => {
    if ('abort' in message) controllers.get(message.abort)?.abort(message.reason);
    else void answer(message);
  });
}

/** Makes the client, or finds it. */
async function load({ url, name, options, label }: Target, importModule: ImportModule): Promise<Client> {
  let module: Record<string, unknown>;
  try {
    module = (await importModule(url)) as Record<string, unknown>;
  } catch (cause) {
    throw new LLMError(`${label}: ${url} cannot be loaded: ${(cause as Error).message}`, { cause });
  }
  // Not every export of a CommonJS module is seen by import.
  const all = { ...(module['default'] as object | undefined), ...module };
  const exported: unknown = all[name as keyof typeof all];
  if (typeof exported === 'function') {
    const Class = exported as new (...args: unknown[]) => Client;
    return options === undefined ? new Class() : new Class(options);
  }
  if (typeof exported !== 'object' || exported === null) {
    const names = Object.keys(all).join(', ');
    throw new TypeError(`${label}: ${url} exports no class or client '${name}'. It exports: ${names}.`);
  }
  if (options !== undefined) {
    throw new TypeError(`${label}: '${name}' is a client that is ready: give the options where it is made.`);
  }
  return exported as Client;
}

function methodOf(client: Client, name: string, label: string): (...args: unknown[]) => unknown {
  const method = client[name];
  if (typeof method === 'function') return method.bind(client) as (...args: unknown[]) => unknown;
  const nearest = nearestName(name, methodNames(client));
  throw new TypeError(
    `${label} has no method '${name}'.${nearest === undefined ? '' : ` Did you mean '${nearest}'?`}`,
  );
}

function methodNames(client: Client): string[] {
  const names: string[] = [];
  for (let current: object = client; current !== Object.prototype && current !== null;) {
    names.push(...Object.getOwnPropertyNames(current));
    current = Object.getPrototypeOf(current) as object;
  }
  return names.filter((name) => typeof client[name] === 'function');
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** What a stream that has ended comes to; undefined for one that has no such result. */
async function finalResult(stream: OpenStream['iterable']): Promise<PackedValue | PackedFailure | undefined> {
  try {
    return stream.finalCompletion && packResult(await stream.finalCompletion());
  } catch (error) {
    return packFailure(error);
  }
}
