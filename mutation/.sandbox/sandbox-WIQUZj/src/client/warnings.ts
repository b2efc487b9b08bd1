// @ts-nocheck
import type { Call } from '../../decorators/pipeline/index.js';
import { processWide } from '../../decorators/pipeline/shared.js';

/** What the process has been told: a client is often made for each request. */
const toldProcess = processWide('warnings', () => new Set<string>());

/** Says what a client cannot do quite as it was asked to: each thing once. */
export class Warnings {
  readonly #told = new Set<string>();
  readonly #provider: string;
  readonly #hasLogger: boolean;

  constructor(provider: string, hasLogger: boolean) {
    this.#provider = provider;
    this.#hasLogger = hasLogger;
  }

  /**
   * Tells of a field that is not sent: by a `warning` event, which a logger writes down. A client without a logger tells
   * the process, once for all clients of the provider.
   */
  dropped(call: Call | undefined, field: string, why: string): void {
    if (this.#told.has(field)) return;
    this.#told.add(field);
    const message = `${this.#provider}: \`${field}\` was not sent: ${why}`;
    call?.emit({ type: 'warning', code: 'field_dropped', subject: field, message });
    const key = `${this.#provider} ${field}`;
    if ((this.#hasLogger && call) || toldProcess.has(key)) return;
    toldProcess.add(key);
    globalThis.process?.emitWarning?.(message, 'KeelsonWarning');
  }
}
