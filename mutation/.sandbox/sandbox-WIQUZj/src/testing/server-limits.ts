// @ts-nocheck
import { runtime } from '../../decorators/pipeline/runtime.js';
import { Refusal } from './wire.js';

const MINUTE_MS = 60_000;

/** The limits the test server enforces for each API key. */
export interface TestRateLimit {
  /** Requests per minute; a minute's worth may come at once. Default: no limit. */
  readonly requestsPerMinute?: number;
  /** Tokens per minute, input and output; a minute's worth may come at once. Default: no limit. */
  readonly tokensPerMinute?: number;
}

/** A bucket of one minute's worth that refills evenly. */
class Bucket {
  #level: number;
  #at = runtime().now();

  constructor(
    readonly kind: 'requests' | 'tokens',
    readonly size: number,
  ) {
    this.#level = size;
  }

  refill(): void {
    const now = runtime().now();
    this.#level = Math.min(this.size, this.#level + ((now - this.#at) * this.size) / MINUTE_MS);
    this.#at = now;
  }

  /** How long until `amount` is there; 0 when it is. */
  msUntil(amount: number): number {
    // Refilling adds up fractions: a shortfall of a millionth is none.
    return Math.max(0, Math.ceil(((amount - this.#level) * MINUTE_MS) / this.size - 1e-6));
  }

  take(amount: number): void {
    this.#level = Math.max(0, this.#level - amount);
  }

  get remaining(): number {
    return Math.floor(this.#level + 1e-6);
  }
}

/**
 * The limits of every key. A request takes one of the requests and its `usage.total_tokens`, all or nothing; a
 * refused one takes nothing.
 */
export class ServerLimits {
  readonly #limit: TestRateLimit;
  readonly #keys = new Map<string, Bucket[]>();

  constructor(limit: TestRateLimit) {
    this.#limit = limit;
  }

  reset(): void {
    this.#keys.clear();
  }

  /** Charges a request to `key`; returns the headers for its answer, or the refusal. */
  charge(key: string, tokens: number, model: string): readonly string[] | Refusal {
    const buckets = this.#bucketsOf(key);
    const amount = (bucket: Bucket): number => (bucket.kind === 'requests' ? 1 : tokens);
    for (const bucket of buckets) bucket.refill();
    for (const bucket of buckets) {
      if (amount(bucket) > bucket.size) return refusal(buckets, bucket, model, tokens);
    }
    let shortest: Bucket | undefined;
    for (const bucket of buckets) {
      const waitMs = bucket.msUntil(amount(bucket));
      if (waitMs > 0 && waitMs > (shortest?.msUntil(amount(shortest)) ?? 0)) shortest = bucket;
    }
    if (shortest !== undefined)
      return refusal(buckets, shortest, model, tokens, shortest.msUntil(amount(shortest)));
    for (const bucket of buckets) bucket.take(amount(bucket));
    return headersOf(buckets);
  }

  #bucketsOf(key: string): Bucket[] {
    let buckets = this.#keys.get(key);
    if (buckets === undefined) {
      const { requestsPerMinute, tokensPerMinute } = this.#limit;
      buckets = [];
      if (requestsPerMinute !== undefined) buckets.push(new Bucket('requests', requestsPerMinute));
      if (tokensPerMinute !== undefined) buckets.push(new Bucket('tokens', tokensPerMinute));
      this.#keys.set(key, buckets);
    }
    return buckets;
  }
}

function refusal(
  buckets: readonly Bucket[],
  bucket: Bucket,
  model: string,
  tokens: number,
  waitMs?: number,
): Refusal {
  const unit = bucket.kind === 'requests' ? 'requests per min (RPM)' : 'tokens per min (TPM)';
  const requested = bucket.kind === 'requests' ? 1 : tokens;
  const numbers = `Limit ${bucket.size}, Remaining ${bucket.remaining}, Requested ${requested}.`;
  const headers = headersOf(buckets);
  if (waitMs !== undefined) {
    headers.push('retry-after', String(Math.ceil(waitMs / 1000)), 'retry-after-ms', String(waitMs));
  }
  const message =
    waitMs === undefined
      ? `Request too large for ${model} on ${unit}: ${numbers} Waiting does not help: send a smaller one.`
      : `Rate limit reached for ${model} on ${unit}: ${numbers} Please try again in ${goDuration(waitMs)}.`;
  return new Refusal(429, { message, type: bucket.kind, param: null, code: 'rate_limit_exceeded' }, headers);
}

function headersOf(buckets: readonly Bucket[]): string[] {
  const headers: string[] = [];
  for (const bucket of buckets) {
    headers.push(`x-ratelimit-limit-${bucket.kind}`, String(bucket.size));
    headers.push(`x-ratelimit-remaining-${bucket.kind}`, String(bucket.remaining));
    headers.push(`x-ratelimit-reset-${bucket.kind}`, goDuration(bucket.msUntil(bucket.size)));
  }
  return headers;
}

/** Milliseconds as Go prints a duration: `0s`, `12ms`, `1.5s`, `6m0s`, `1h0m0.25s`. */
export function goDuration(ms: number): string {
  if (ms === 0) return '0s';
  if (ms < 1000) return `${ms}ms`;
  const minutes = Math.floor(ms / MINUTE_MS);
  const seconds = `${(ms % MINUTE_MS) / 1000}s`;
  if (minutes === 0) return seconds;
  return minutes < 60 ? `${minutes}m${seconds}` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}
