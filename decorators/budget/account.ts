import type { Span, Window } from './window.js';

/** What was spent in one span, and what calls that began in it may still spend. Whole units. */
export interface Entry extends Span {
  used: number;
  reserved: number;
}

/** What one key has spent and reserved within a window. Takes no time into account but what the window's clock says. */
export class Account {
  /** Oldest first. */
  private readonly entries: Entry[] = [];
  private latest = -Infinity;
  /** Until when a warning that was given holds. */
  private warnedUntil = -Infinity;

  constructor(private readonly window: Window) {}

  /** Spent and reserved in the window as it is now. */
  get state(): { readonly used: number; readonly reserved: number } {
    this.moveOn();
    let [used, reserved] = [0, 0];
    for (const entry of this.entries) {
      used += entry.used;
      reserved += entry.reserved;
    }
    return { used, reserved };
  }

  /** Reserves `amount`; whether there is room for it is for the caller to see. */
  reserve(amount: number): Entry {
    const now = this.moveOn();
    const last = this.entries[this.entries.length - 1];
    const span = this.window.spanAt(now);
    const entry = last?.start === span.start ? last : { ...span, used: 0, reserved: 0 };
    if (entry !== last) this.entries.push(entry);
    entry.reserved += amount;
    return entry;
  }

  /** Ends a reservation; what was spent counts where it was reserved, in a window that may be over. */
  settle(entry: Entry, reserved: number, used: number): void {
    entry.reserved -= reserved;
    entry.used += used;
  }

  /** Milliseconds until the window has room for `amount` if nothing more is spent; Infinity when it never has. */
  msUntilRoom(amount: number, limit: number): number {
    const now = this.moveOn();
    const { used, reserved } = this.state;
    let total = used + reserved;
    if (total + amount <= limit) return 0;
    for (const { leavesAt, ...entry } of this.entries) {
      total -= entry.used + entry.reserved;
      if (total + amount <= limit) return leavesAt - now;
    }
    return Infinity;
  }

  /** Milliseconds until nothing that was spent so far counts any more; 0 when nothing does. */
  get resetMs(): number {
    const now = this.moveOn();
    const last = this.entries[this.entries.length - 1];
    return last ? last.leavesAt - now : 0;
  }

  /** True once a window. */
  mayWarn(): boolean {
    const now = this.moveOn();
    if (now < this.warnedUntil) return false;
    this.warnedUntil = this.window.spanAt(now).leavesAt;
    return true;
  }

  /** Whether nothing is lost by forgetting it. */
  get isIdle(): boolean {
    this.moveOn();
    return this.entries.length === 0;
  }

  /** Drops what has left the window. A clock that is set back does not bring anything back. */
  private moveOn(): number {
    this.latest = Math.max(this.latest, this.window.now());
    while (this.entries[0] && this.entries[0].leavesAt <= this.latest) this.entries.shift();
    return this.latest;
  }
}
