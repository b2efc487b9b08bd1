import { currentTime } from '../pipeline/runtime.js';
import type { AdmissionQueue } from './admission-queue.js';
import type { Balance } from './balance.js';
import { queueFull } from './refusals.js';
import type { Waiter } from './waiter.js';

/** How many calls a shared balance is asked for at once. */
const MOST_ASKED = 64;

/** Whether what else has to agree to the admission of `waiter` does; it is refused otherwise. */
function agrees(waiter: Waiter): boolean {
  try {
    waiter.lease.check?.test();
    return true;
  } catch (error) {
    waiter.refuse(error);
    return false;
  }
}

/**
 * Asks a balance that cannot tell by itself (one that a store keeps) for the calls that wait first, together, and for nothing
 * else meanwhile.
 */
export class Asking {
  /** Whether it has refused the head when it was asked last. */
  isContended = false;
  /** Whether it is being asked. */
  isOn = false;
  /** Whether something may have become free meanwhile. */
  private woken = false;

  constructor(private readonly line: AdmissionQueue) {}

  /** Whether an answer is awaited: what would wake the line is remembered until it has come. */
  defersWake(): boolean {
    this.woken = true;
    return this.isOn;
  }

  /** Asks the balance for the first who wait, admits those it grants, and goes on from there. */
  async ask(): Promise<void> {
    const { line } = this;
    const { waiters, spread, balance } = line;
    line.stopTimer();
    this.isOn = true;
    this.woken = false;
    const asked: Waiter[] = [];
    const most = spread.isOn(currentTime()) ? 1 : MOST_ASKED;
    for (let { head } = waiters; head && asked.length < most; head = head.next) asked.push(head);
    // Only a balance that can be asked leaves it open what there is.
    const { granted, waitMs } = await (balance as Required<Balance>).ask(asked.map(({ lease }) => lease));
    this.isOn = false;
    const now = currentTime();
    asked.slice(0, granted).forEach((waiter) => {
      // It has left meanwhile, or may not go ahead any more: what it was granted is nobody's.
      if (waiter.gone || !agrees(waiter)) return line.settle(waiter.lease, 0, 0);
      waiter.lease.check?.commit();
      line.admit(waiter, now);
    });
    const { head } = waiters;
    if (!head) return line.rest();
    const closedForMs = balance.closedForMs(now);
    // Another process has been asked to wait.
    if (closedForMs > 0 && !spread.isOn(now)) spread.begin(closedForMs);
    this.isContended = waitMs > 0;
    if (head !== asked[granted] || waitMs <= 0 || this.woken) return line.wake();
    this.keepMaxQueue(waitMs);
    const { lease, arrivedAt, deadline, checked } = head;
    head.checked = true;
    const last = Math.min(deadline, lease.call.deadline ?? Infinity);
    if (!checked && waitMs < Infinity && now + waitMs > last) {
      head.refuse(line.refusal(lease, { waitMs, waitedMs: now - arrivedAt }));
      return line.wake();
    }
    if (!line.standsBy(head, waitMs, now)) line.wake();
  }

  /** Refuses those who came last, of more than may wait, now that it is known that they have to. */
  private keepMaxQueue(waitMs: number): void {
    const { line } = this;
    const { waiters } = line;
    const { maxQueue } = line.bounds();
    let place = 0;
    for (let waiter = waiters.size > maxQueue ? waiters.head : undefined, next; waiter; waiter = next) {
      ({ next } = waiter);
      if (++place <= maxQueue || waiter.checked) continue;
      line.tell(waiter.lease.call, 'rejected', waiter.lease.requests, waiter.lease.tokens, waitMs);
      waiter.refuse(queueFull(waiter.lease.call, maxQueue, waitMs));
    }
  }
}
