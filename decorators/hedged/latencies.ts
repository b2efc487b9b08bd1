/** How many times are remembered: the 95th percentile of so many is moved by no single one. */
export const REMEMBERED = 200;
const QUANTILE = 0.95;
/** How many models are told apart on one method; the one asked for longest ago is forgotten. */
const MAX_MODELS = 100;

/** The last times that attempts at one model took to answer, in milliseconds. */
export class Latencies {
  private readonly ring: number[] = [];
  private next = 0;
  /** The same, in ascending order. */
  private readonly sorted: number[] = [];

  get size(): number {
    return this.ring.length;
  }

  add(ms: number): void {
    const former = this.ring[this.next];
    if (former !== undefined) this.sorted.splice(positionOf(this.sorted, former), 1);
    this.ring[this.next] = ms;
    this.next = (this.next + 1) % REMEMBERED;
    this.sorted.splice(positionOf(this.sorted, ms), 0, ms);
  }

  /** The time within which 95 of 100 have answered (by the nearest rank); undefined while none is known. */
  get p95(): number | undefined {
    return this.sorted[Math.ceil(QUANTILE * this.sorted.length) - 1];
  }
}

/** Where `value` stands, or would, among `sorted`: before all that are not smaller. */
function positionOf(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The latencies of each model. */
export class LatencyBook {
  private readonly byModel = new Map<string, Latencies>();

  of(model: string): Latencies {
    const { byModel } = this;
    const found = byModel.get(model) ?? new Latencies();
    byModel.delete(model);
    byModel.set(model, found);
    if (byModel.size > MAX_MODELS) byModel.delete(byModel.keys().next().value as string);
    return found;
  }

  snapshot(): Record<string, { readonly samples: number; readonly p95Ms: number | undefined }> {
    const entries = [...this.byModel].map(([model, one]) => [model, { samples: one.size, p95Ms: one.p95 }]);
    return Object.fromEntries(entries) as ReturnType<LatencyBook['snapshot']>;
  }
}
