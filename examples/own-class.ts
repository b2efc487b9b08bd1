/**
 * The decorators on a class that has nothing to do with LLMs: a warehouse whose shelf robot jams now and then.
 * `keelson/decorators` knows no provider and loads no HTTP library.
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/own-class.ts
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  currentCall,
  HandleApiErrors,
  LLMError,
  RateLimited,
  RetryWithBackoff,
  Timeout,
} from 'keelson/decorators';

class Jam extends Error {}

class Warehouse {
  private trips = 0;
  private moving = 0;
  busiest = 0;

  /** Every third trip jams. Two robots; whatever takes longer than half a second is given up. */
  @RateLimited({ maxConcurrent: 2 })
  @RetryWithBackoff({ maxRetries: 2, baseDelayMs: 10, retryOn: (error) => error.cause instanceof Jam })
  @Timeout({ totalMs: 500 })
  @HandleApiErrors()
  async fetch(item: string): Promise<string> {
    this.busiest = Math.max(this.busiest, ++this.moving);
    try {
      await sleep(item === 'piano' ? 60_000 : 5, undefined, { signal: currentCall()?.signal });
      if (++this.trips % 3 === 0) throw new Jam('The robot is jammed.');
      return `one ${item}`;
    } finally {
      this.moving--;
    }
  }

  /** A stream is opened anew until its first event; then it is the reader's. */
  @RetryWithBackoff({ baseDelayMs: 10, retryOn: (error) => error.cause instanceof Jam })
  async *inventory() {
    if (++this.trips % 2 === 1) throw new Jam('The scanner is jammed.');
    yield* ['lamp', 'chair', 'piano'];
  }
}

const warehouse = new Warehouse();
const items = ['lamp', 'chair', 'table', 'clock', 'vase', 'rug'];
console.log((await Promise.all(items.map((item) => warehouse.fetch(item)))).join(', '));
console.log(`robots at work at the same time: ${warehouse.busiest}`);

for await (const item of warehouse.inventory()) console.log(`on the shelf: ${item}`);

await warehouse.fetch('piano').catch((error: unknown) => {
  if (!(error instanceof LLMError)) throw error;
  console.log(`${error.name} (${error.code}): ${error.message}`);
});
