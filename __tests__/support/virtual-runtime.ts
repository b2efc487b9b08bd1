import { replaceRuntime, type CancelTimer, type Runtime } from '../../decorators/pipeline/runtime';

interface VirtualTimer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Time that stands still until a test advances it, and chance that a test decides. */
export class VirtualRuntime implements Runtime {
  /** How many timers have been set so far. */
  timersSet = 0;
  /** What `random()` gives. */
  chance = 0;
  /** What is waited for before each timer: that everything else has gone on as far as it can. */
  settle: () => Promise<void> = settled;
  private time = 0;
  private readonly timers = new Set<VirtualTimer>();

  now(): number {
    return this.time;
  }

  wallClock(): number {
    return 1_700_000_000_000 + this.time;
  }

  random(): number {
    return this.chance;
  }

  setTimer(callback: () => void, delayMs: number): CancelTimer {
    if (!Number.isFinite(delayMs) || delayMs < 0) throw new Error(`a timer of ${delayMs} ms`);
    const timer = { at: this.time + delayMs, order: this.timersSet++, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Timers that have neither fired nor been cancelled. */
  get pendingTimers(): number {
    return this.timers.size;
  }

  /** Lets `ms` pass: fires what falls due, in order, and lets promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    await this.settle();
    for (let timer = this.nextDue(end); timer; timer = this.nextDue(end)) {
      this.timers.delete(timer);
      this.time = timer.at;
      timer.callback();
      await this.settle();
    }
    this.time = end;
  }

  /** Lets time pass as code does that blocks: nothing fires meanwhile. */
  block(ms: number): void {
    this.time += ms;
  }

  /** Lets time pass from timer to timer until none is left. */
  async runAll(): Promise<void> {
    await this.settle();
    for (let timer = this.nextDue(Infinity); timer; timer = this.nextDue(Infinity)) {
      await this.advance(timer.at - this.time);
    }
  }

  private nextDue(end: number): VirtualTimer | undefined {
    let next: VirtualTimer | undefined;
    for (const timer of this.timers) {
      if (timer.at > end) continue;
      if (!next || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
    }
    return next;
  }
}

/** Puts a virtual runtime in the place of the real one; call `restore` in the end. */
export function installVirtualRuntime(): { runtime: VirtualRuntime; restore: () => void } {
  const runtime = new VirtualRuntime();
  return { runtime, restore: replaceRuntime(runtime) };
}

/** Lets every promise that can settle do so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
