/** What only the standard dialect can decorate. */
// @ts-nocheck

import { HandleApiErrors, RetryWithBackoff } from 'keelson/decorators';

export class Client {
  readonly #retry = { maxRetries: 2 };

  @RetryWithBackoff((self) => self.#retry)
  async fromPrivateName(): Promise<number> {
    return this.#hidden(1);
  }

  @RetryWithBackoff()
  @HandleApiErrors()
  async #hidden(by: number): Promise<number> {
    return by;
  }

  @RetryWithBackoff()
  async *#events(): AsyncGenerator<number> {
    yield 1;
  }

  events(): AsyncGenerator<number> {
    return this.#events();
  }
}
