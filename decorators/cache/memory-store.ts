import { currentTime } from '../pipeline/runtime.js';

interface Kept {
  readonly text: string;
  readonly expiresAt: number;
}

/** What an entry counts for: two bytes for each character, the most that JavaScript takes for one. */
export function sizeOf(key: string, text: string): number {
  return 2 * (key.length + text.length);
}

/** Entries in this process. When there are too many, those go that were used least recently. */
export class MemoryStore {
  bytes = 0;
  /** The one used last at the end. */
  private readonly kept = new Map<string, Kept>();

  get(key: string): string | undefined {
    const found = this.kept.get(key);
    if (!found) return undefined;
    this.delete(key);
    if (found.expiresAt <= currentTime()) return undefined;
    this.put(key, found);
    return found.text;
  }

  set(key: string, text: string, ttlMs: number): void {
    this.delete(key);
    this.put(key, { text, expiresAt: currentTime() + ttlMs });
  }

  delete(key: string): boolean {
    const found = this.kept.get(key);
    if (found) this.bytes -= sizeOf(key, found.text);
    return this.kept.delete(key);
  }

  /** Lets go of the entries used least recently until no more are left than fit. */
  shrink(maxEntries: number, maxBytes: number): void {
    for (const key of this.kept.keys()) {
      if (this.kept.size <= maxEntries && this.bytes <= maxBytes) return;
      this.delete(key);
    }
  }

  /** How many entries have not expired; those that have are let go of. */
  count(): number {
    const now = currentTime();
    for (const [key, { expiresAt }] of this.kept) if (expiresAt <= now) this.delete(key);
    return this.kept.size;
  }

  private put(key: string, entry: Kept): void {
    this.kept.set(key, entry);
    this.bytes += sizeOf(key, entry.text);
  }
}
