// @ts-nocheck
import { Readable } from 'node:stream';

import type { Dispatcher } from 'undici';

/** How many bytes may wait for their reader before the socket is paused. */
const HIGH_WATER_MARK = 64 * 1024;

/** The body of a response, read from its socket as fast as it is consumed. */
export class BodyStream extends Readable {
  readonly #controller: Dispatcher.DispatchController;
  readonly #onClose: () => void;
  #complete = false;

  constructor(controller: Dispatcher.DispatchController, onClose: () => void) {
    super({ highWaterMark: HIGH_WATER_MARK });
    this.#controller = controller;
    this.#onClose = onClose;
    // A reset before anybody reads must not end the process; the error stays on the stream for who reads it later.
    this.on('error', () => undefined);
  }

  receive(chunk: Buffer): void {
    if (!this.push(chunk)) this.#controller.pause();
  }

  complete(): void {
    this.#complete = true;
    this.push(null);
  }

  override _read(): void {
    this.#controller.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#onClose();
    if (!this.#complete) this.#controller.abort(error ?? new Error('The body is not wanted.'));
    callback(error);
  }
}
