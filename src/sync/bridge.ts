import { existsSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { LLMError } from '../../decorators/errors/index.js';
import { unpackThrown } from './errors.js';
import { here } from './here.js';
import type { AbortNotice, Answer, Order, Question, Reply, Target, WorkerSetup } from './protocol.js';

/** How long the thread sleeps before it looks whether the worker is still there; an answer wakes it at once. */
const SLICE_MS = 100;

/** A file of this package that stands beside this one; `source` is its name where the package runs from its sources. */
export function siblingFile(name: string, source: string): string {
  const own = here ?? '';
  const file = extname(own) === '.ts' ? source : `${name}${extname(own)}`;
  return join(dirname(own), file);
}

/** One worker, and the thread that blocks on it. */
export class Bridge {
  readonly #target: Target;
  readonly #worker: Worker;
  readonly #answered = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  /** The port to the worker is sent through it, to this thread itself: that fails once the worker is gone. */
  readonly #loop = new MessageChannel();
  #port: MessagePort;
  #lastId = 0;
  /** What the worker said it dies of. */
  #dying: { readonly cause: unknown } | undefined;
  #whyEnded: (() => LLMError) | undefined;

  /** @throws LLMError when the worker's file is not there. */
  constructor(target: Target) {
    this.#target = target;
    const file = siblingFile('sync-worker', 'worker.ts');
    if (here === undefined || !existsSync(file)) {
      throw new LLMError(
        `${target.label}: the worker's file ${basename(file)} is not beside the code that starts it. ` +
          `Keep 'keelson' out of the bundle (external), so that it is loaded from node_modules.`,
      );
    }
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const setup: WorkerSetup = { target, port: port2, answered: this.#answered };
    this.#worker = new Worker(bootstrap(file), {
      eval: true,
      name: target.label,
      workerData: setup,
      transferList: [port2],
    });
    this.#worker.unref();
    this.#worker.on('error', (cause) => {
      this.#dying ??= { cause };
    });
    this.#worker.on('exit', () => this.#died());
  }

  /** Whether the worker is gone. */
  get ended(): boolean {
    return this.#whyEnded !== undefined;
  }

  /**
   * Blocks until the worker has answered.
   *
   * @throws LLMError with code `worker_ended` when the worker is gone, or goes instead of answering.
   */
  ask(order: Order, id = this.nextId()): Answer {
    if (this.ended) throw this.#endedError();
    this.#ask({ id, order });
    for (;;) {
      const seen = Atomics.load(this.#answered, 0);
      const answer = this.#receive(id);
      if (answer) return answer;
      if (Atomics.wait(this.#answered, 0, seen, SLICE_MS) !== 'timed-out' || this.#isAlive()) continue;
      // It may have answered as the last thing it did.
      const last = this.#receive(id);
      if (last) return last;
      this.#died();
      throw this.#endedError();
    }
  }

  /** The number of a question that is about to be asked. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** Tells the worker something that it does not answer. */
  tell(notice: AbortNotice): void {
    if (!this.ended) this.#port.postMessage(notice);
  }

  /** Ends the worker. What is asked from now on fails with `why`. */
  end(why: () => LLMError): void {
    this.#whyEnded ??= why;
    this.#port.close();
    this.#loop.port1.close();
    void this.#worker.terminate();
  }

  #died(): void {
    const { label } = this.#target;
    this.end(
      () =>
        new LLMError(
          `${label}: its worker has ended, and with it streams and what the limiter knew. The next call starts a new one.`,
          { code: 'worker_ended', cause: this.#dying?.cause },
        ),
    );
  }

  #endedError(): LLMError | undefined {
    return this.#whyEnded?.();
  }

  #ask(question: Question): void {
    try {
      this.#port.postMessage(question);
    } catch (cause) {
      const { order } = question;
      const what = `${this.#target.label}.${order.do === 'call' ? order.method : order.do}()`;
      throw new TypeError(`${what}: an argument cannot go into the worker: ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  #receive(id: number): Answer | undefined {
    for (;;) {
      const reply = receiveMessageOnPort(this.#port)?.message as Reply | undefined;
      if (reply === undefined) return undefined;
      if ('dying' in reply) this.#dying = { cause: unpackThrown(reply.dying) };
      // Another is the answer to a wait that was broken off: a REPL does so on Ctrl-C.
      else if (reply.id === id) return reply.answer;
    }
  }

  /** The thread that waits gets no event. But a port whose other side is gone can no longer be sent. */
  #isAlive(): boolean {
    try {
      this.#loop.port1.postMessage(this.#port, [this.#port]);
    } catch {
      return false;
    }
    this.#port = (receiveMessageOnPort(this.#loop.port2) as { message: MessagePort }).message;
    return true;
  }
}

/**
 * The code that the worker begins with. Code and no file, since a file is refused where the program came by
 * `--input-type=module`.
 */
function bootstrap(file: string): string {
  const url = JSON.stringify(pathToFileURL(file).href);
  const load = `import(${url}).then(({ start }) => start((url) => import(url)))`;
  // The hooks of tsx, which let it load TypeScript, do not reach workers by themselves on Node 20.
  return process.execArgv.some((flag) => /\btsx\b/.test(flag))
    ? `import('tsx/esm/api').then(({ register }) => register(), () => undefined).then(() => ${load})`
    : load;
}
