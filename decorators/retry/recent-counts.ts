import { currentTime } from '../pipeline/runtime.js';

/** Calls, and further attempts at them, of the last seconds: in a ring of seconds, with running sums. */
export class RecentCounts {
  private readonly callsBySecond: number[];
  private readonly extrasBySecond: number[];
  private second = Math.floor(currentTime() / 1000);
  private callSum = 0;
  private extraSum = 0;

  constructor(private readonly windowSeconds: number) {
    this.callsBySecond = new Array<number>(windowSeconds).fill(0);
    this.extrasBySecond = new Array<number>(windowSeconds).fill(0);
  }

  countCall(): void {
    const slot = this.advance();
    this.callsBySecond[slot] = (this.callsBySecond[slot] ?? 0) + 1;
    this.callSum++;
  }

  countExtra(): void {
    const slot = this.advance();
    this.extrasBySecond[slot] = (this.extrasBySecond[slot] ?? 0) + 1;
    this.extraSum++;
  }

  /** The sums over the window that ends now. */
  read(): { readonly calls: number; readonly extras: number } {
    this.advance();
    return { calls: this.callSum, extras: this.extraSum };
  }

  /** Empties the slots of the seconds that have passed; gives the present one. */
  private advance(): number {
    const { windowSeconds } = this;
    const now = Math.floor(currentTime() / 1000);
    const passed = Math.min(Math.max(now - this.second, 0), windowSeconds);
    for (let i = 1; i <= passed; i++) {
      const slot = (this.second + i) % windowSeconds;
      this.callSum -= this.callsBySecond[slot] ?? 0;
      this.extraSum -= this.extrasBySecond[slot] ?? 0;
      this.callsBySecond[slot] = this.extrasBySecond[slot] = 0;
    }
    this.second = Math.max(now, this.second);
    return ((this.second % windowSeconds) + windowSeconds) % windowSeconds;
  }
}
