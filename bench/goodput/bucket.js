/** The provider's own token bucket: begins full, refills steadily, knows nothing of those that wait. */
export class Bucket {
  #level;
  #at;

  constructor(perMinute, size, now) {
    this.perMinute = perMinute;
    this.size = size;
    this.#level = size;
    this.#at = now;
  }

  level(now) {
    this.#level = Math.min(this.size, this.#level + ((now - this.#at) * this.perMinute) / 60_000);
    this.#at = now;
    return this.#level;
  }

  /** Milliseconds until `amount` is there. */
  msUntil(amount, now) {
    return Math.max(0, ((amount - this.level(now)) * 60_000) / this.perMinute);
  }

  take(amount, now) {
    this.#level = Math.min(this.size, this.level(now) - amount);
  }
}
