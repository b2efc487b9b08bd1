/** What a `WaitList` can hold. An entry stands in at most one list. */
export interface Linked<T> {
  previous: T | undefined;
  next: T | undefined;
}

/** A queue from whose middle entries leave as cheaply as from its head: a doubly linked list. */
export class WaitList<T extends Linked<T>> {
  head: T | undefined = undefined;
  size = 0;
  private tail: T | undefined = undefined;

  push(entry: T): void {
    entry.previous = this.tail;
    entry.next = undefined;
    if (this.tail) this.tail.next = entry;
    else this.head = entry;
    this.tail = entry;
    this.size++;
  }

  /** Takes out an entry that is in the list. */
  remove(entry: T): void {
    const { previous, next } = entry;
    if (previous) previous.next = next;
    else this.head = next;
    if (next) next.previous = previous;
    else this.tail = previous;
    entry.previous = entry.next = undefined;
    this.size--;
  }
}
