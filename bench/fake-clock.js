// A clock that jumps from timer to timer, in the place of the global one: for libraries that look the globals up at each use.
const real = { now: performance.now, date: Date.now, setTimeout, clearTimeout, setImmediate };

/** The time by the clock on the wall, in milliseconds, whichever clock is in force. */
export const realNow = () => real.now.call(performance);

/** Timers by the time they are due: a binary heap. */
class Timers {
  #heap = [];

  get size() {
    return this.#heap.length;
  }

  push(timer) {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent].dueAt <= timer.dueAt) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = timer;
  }

  pop() {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1].dueAt < heap[child].dueAt) child++;
      if (heap[child].dueAt >= last.dueAt) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

/** Installs the clock; `runUntil(done)` fires timer after timer, `restore()` puts the real one back. */
export function fakeClock() {
  const timers = new Timers();
  const start = Date.now();
  let now = 0;
  performance.now = () => now;
  Date.now = () => start + now;
  globalThis.setTimeout = (callback, delayMs = 0, ...args) => {
    const timer = {
      dueAt: now + Math.max(1, delayMs),
      callback: () => callback(...args),
      ref: () => timer,
      unref: () => timer,
    };
    timers.push(timer);
    return timer;
  };
  globalThis.clearTimeout = (timer) => {
    if (timer) timer.callback = undefined;
  };
  return {
    async runUntil(done) {
      while (!done()) {
        if (timers.size === 0) await new Promise(real.setImmediate);
        const timer = timers.size > 0 ? timers.pop() : undefined;
        if (!timer?.callback) continue;
        now = Math.max(now, timer.dueAt);
        timer.callback();
        await new Promise(real.setImmediate);
      }
    },
    restore() {
      performance.now = real.now;
      Date.now = real.date;
      Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
    },
  };
}
