/**
 * Where a cache keeps what it knows: what Keyv and its like are. Each method may answer at once or by a promise. The values are
 * JSON in strings.
 */
export interface CacheStore {
  /** The value, or undefined or null when there is none, or it has expired. */
  get(key: string): unknown;
  /** Keeps `value` for `ttlMs` milliseconds. An answer of false says that it did not. */
  set(key: string, value: string, ttlMs: number): unknown;
  delete(key: string): unknown;
}
