import {
  Cached,
  currentCall,
  onPolicyEvent,
  snapshotOf,
  type CachedOptions,
  type CacheOptions,
  type CacheStore,
  type CallOptions,
  type PolicyEvent,
} from '../../decorators/index.js';
import { runtime } from '../../decorators/pipeline/runtime.js';

/** A library whose answers tell how often it was asked. */
export class Library {
  asked = 0;
  /** What the next calls wait for. */
  gate: Promise<unknown> = Promise.resolve();
  signals: (AbortSignal | undefined)[] = [];
  constructor(readonly options: CachedOptions | false = { ttlMs: 1000 }) {}

  @Cached((self) => self.options)
  async find(...args: unknown[]): Promise<any> {
    const asked = ++this.asked;
    this.signals.push(currentCall()?.signal);
    await this.gate;
    return { asked, args: args.length };
  }
  @Cached((self) => self.options)
  async give(make: () => unknown, _name = ''): Promise<any> {
    this.asked++;
    return make();
  }
  @Cached((self) => self.options)
  async *pages(title: string, _options?: CallOptions): AsyncGenerator<any, any, any> {
    this.asked++;
    for (let page = 1; page <= 3; page++) {
      await this.gate;
      yield { title, page, asked: this.asked };
    }
    return undefined;
  }
}

/** The same answer by whatever `make` gives: functions cannot be compared. */
export const giver = (options: Partial<CacheOptions> = {}) =>
  new Library({ ttlMs: 1000, key: ({ args }) => args[1] ?? '', ...options });

export function eventsOf(target: object, ...types: PolicyEvent['type'][]): PolicyEvent[] {
  const events: PolicyEvent[] = [];
  onPolicyEvent(target, (event) => types.includes(event.type) && events.push(event));
  return events;
}
export const states = (events: PolicyEvent[]) => events.map((event) => (event as { state?: string }).state);
export const counts = (target: object, method = 'find') => snapshotOf(target, method)[0]?.snapshot;

/** A store as Keyv is: its values go through JSON, its answers come later. */
export class JsonStore implements CacheStore {
  readonly kept = new Map<string, { json: string; expiresAt: number }>();
  calls: string[] = [];
  async get(key: string): Promise<unknown> {
    this.calls.push('get');
    const found = this.kept.get(key);
    return found && found.expiresAt > runtime().now() ? JSON.parse(found.json) : undefined;
  }
  async set(key: string, value: unknown, ttlMs: number): Promise<boolean> {
    this.calls.push('set');
    this.kept.set(key, { json: JSON.stringify(value), expiresAt: runtime().now() + ttlMs });
    return true;
  }
  async delete(key: string): Promise<boolean> {
    return this.kept.delete(key);
  }
}
