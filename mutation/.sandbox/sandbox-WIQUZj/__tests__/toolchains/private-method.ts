/** What only standard decorators can stand on. */
// @ts-nocheck

import { InternalServerError, RetryWithBackoff } from 'keelson/decorators';
import { useVirtualTime } from 'keelson/testing';

class Service {
  #calls = 0;

  @RetryWithBackoff({ maxRetries: 2 })
  async #hidden(): Promise<number> {
    if (++this.#calls < 3) throw new InternalServerError('busy', 503);
    return this.#calls;
  }

  @RetryWithBackoff({ maxRetries: 1 })
  static async *#events(): AsyncGenerator<string> {
    yield 'event';
  }

  async all(): Promise<unknown[]> {
    const events: string[] = [];
    for await (const event of Service.#events()) events.push(event);
    return [await this.#hidden(), events];
  }
}

export async function main(): Promise<unknown> {
  return useVirtualTime().settle(new Service().all());
}
