import { reportedRate } from '../../decorators/limits/rates';
import { runtime } from '../../decorators/pipeline/runtime';
import type {
  Amounts,
  LimiterStore,
  ProviderReport,
  Rate,
  Settlement,
  SharedLimits,
  SharedState,
  TakeAnswer,
  TakeRequest,
} from '../../decorators/limits/index';

interface Ticket extends Amounts {
  readonly place: number;
}

/** The state of one key, as plainly as it can be told. */
class Entry {
  readonly used = new Map<Rate['name'], number>();
  at = runtime().now();
  closedUntil = 0;
  drawn = { requests: 0, tokens: 0 };
  readonly running = new Map<object, number>();
  readonly tickets = new Map<object, Ticket>();
  places = 0;
}

/** What the processes that share a store have in common. Kept in this process: a model of one, and a stand-in for it. */
export class SharedTable {
  readonly entries = new Map<string, Entry>();
  readonly wakers = new Map<object, Map<string, () => void>>();
  /** Set, every operation fails with it; `'silent'` never answers. */
  failure: Error | 'silent' | undefined;
  operations = 0;

  entry(key: string, limits?: SharedLimits): Entry {
    const entry = this.entries.get(key) ?? new Entry();
    this.entries.set(key, entry);
    const now = runtime().now();
    for (const { name, limit, windowMs } of limits?.endsInMs === undefined ? (limits?.rates ?? []) : []) {
      const used = (entry.used.get(name) ?? 0) - ((now - entry.at) * limit) / windowMs;
      entry.used.set(name, Math.max(0, used));
    }
    entry.at = now;
    return entry;
  }
}

/** A store as one process sees it. */
export class ReferenceStore implements LimiterStore {
  readonly timeoutMs = 250;
  readonly keepAliveMs = 10_000;
  whenDown: LimiterStore['whenDown'] = 'local';
  localShare = 0.5;

  constructor(readonly table = new SharedTable()) {}

  async take(key: string, { limits, costs, running, place }: TakeRequest): Promise<TakeAnswer> {
    await this.reached();
    const entry = this.table.entry(key, limits);
    const own = entry.tickets.get(this);
    entry.tickets.delete(this);
    entry.running.set(this, running);
    const ahead = [...entry.tickets.values()].filter((t) => t.place < (place ?? own?.place ?? Infinity));
    let granted = 0;
    let waitMs = 0;
    for (const cost of costs) {
      waitMs = this.waitFor(entry, limits, [...ahead, cost]);
      if (waitMs === 0 && total(entry) >= (limits.maxConcurrent ?? Infinity)) waitMs = Infinity;
      if (ahead.length > 0) waitMs = Math.max(waitMs, 25);
      if (waitMs > 0) break;
      draw(entry, limits, cost, 1);
      entry.running.set(this, (entry.running.get(this) ?? 0) + 1);
      granted++;
    }
    const refused = limits.endsInMs === undefined ? costs[granted] : undefined;
    const kept = refused && (place ?? own?.place ?? ++entry.places);
    if (refused && kept !== undefined) entry.tickets.set(this, { ...refused, place: kept });
    if (own && !refused) this.wakeNext(key, entry, limits);
    return { ...this.state(entry, limits), granted, waitMs, place: kept };
  }

  async settle(key: string, { limits, calls = 1, reserved, used }: Settlement): Promise<SharedState> {
    await this.reached();
    const entry = this.table.entry(key, limits);
    draw(entry, limits, used, 1);
    draw(entry, limits, reserved, -1);
    entry.running.set(this, Math.max(0, (entry.running.get(this) ?? 0) - calls));
    this.wakeNext(key, entry, limits);
    return this.state(entry, limits);
  }

  async observe(key: string, { limits, since, ...report }: ProviderReport): Promise<SharedState> {
    await this.reached();
    const entry = this.table.entry(key, limits);
    for (const { name, unit, limit, windowMs, burst } of limits.rates) {
      if (name !== reportedRate(limits, unit, report[unit])) continue;
      const { remaining, resetMs, limit: told } = report[unit] ?? {};
      if (remaining === undefined || (resetMs !== undefined && resetMs <= 0)) continue;
      const elapsed = since ? Math.max(0, entry.at - since.at) : 0;
      const drawn = since ? entry.drawn[unit] - since.drawn[unit] : 0;
      const lowerTo = (level: number): void => {
        entry.used.set(name, Math.max(entry.used.get(name) ?? 0, burst - level));
      };
      lowerTo(remaining + (elapsed * limit) / windowMs - drawn);
      if (remaining === 0 && resetMs !== undefined) {
        lowerTo(1 - ((resetMs / Math.max(1, told ?? 1)) * limit) / windowMs);
      }
    }
    return this.state(entry, limits);
  }

  async pause(key: string, closedForMs: number): Promise<void> {
    await this.reached();
    const entry = this.table.entry(key);
    entry.closedUntil = Math.max(entry.closedUntil, entry.at + closedForMs);
  }

  onWake(key: string, listener: () => void): () => void {
    const own = this.table.wakers.get(this) ?? new Map<string, () => void>();
    this.table.wakers.set(this, own.set(key, listener));
    return () => own.delete(key);
  }

  private async reached(): Promise<void> {
    this.table.operations++;
    if (this.table.failure === 'silent') await new Promise(() => undefined);
    if (this.table.failure) throw this.table.failure;
  }

  private waitFor(entry: Entry, limits: SharedLimits, costs: readonly Amounts[]): number {
    const waits = limits.rates.map(({ name, unit, limit, windowMs, burst }) => {
      const needed = costs.reduce((sum, cost) => sum + cost[unit], 0);
      const missing = needed - (burst - (entry.used.get(name) ?? 0));
      return missing > 1e-9 ? (missing * windowMs) / limit : 0;
    });
    return Math.max(0, entry.closedUntil - entry.at, ...waits);
  }

  private wakeNext(key: string, entry: Entry, limits: SharedLimits): void {
    const [first] = [...entry.tickets].sort(([, a], [, b]) => a.place - b.place);
    if (!first || this.waitFor(entry, limits, [first[1]]) > 0) return;
    const waker = this.table.wakers.get(first[0])?.get(key);
    if (waker) void Promise.resolve().then(waker);
  }

  private state(entry: Entry, { rates }: SharedLimits): SharedState {
    return {
      at: entry.at,
      drawn: { ...entry.drawn },
      used: rates.map(({ name }) => entry.used.get(name) ?? 0),
      closedForMs: Math.max(0, entry.closedUntil - entry.at),
      running: total(entry),
    };
  }
}

function total(entry: Entry): number {
  return [...entry.running.values()].reduce((sum, count) => sum + count, 0);
}

function draw(entry: Entry, { rates }: SharedLimits, amounts: Amounts, sign: 1 | -1): void {
  for (const { name, unit } of rates) {
    entry.used.set(name, Math.max(0, (entry.used.get(name) ?? 0) + sign * amounts[unit]));
  }
  entry.drawn.requests += sign * amounts.requests;
  entry.drawn.tokens += sign * amounts.tokens;
}
