/** What is made of options that a policy was given in place: by the numbers among these, and the hundred used last are kept. */
const MOST_KEPT = 100;

interface Made<O, T> {
  /** As they were given last: made anew for each call, they bring new functions, which may close over it. */
  options: O;
  readonly instance: T;
}

/** The limiters or breakers that a policy makes of its options. */
export class MadeOfOptions<O extends object, T> {
  /** The one used last at the end. */
  private readonly made = new Map<string, Made<O, T>>();
  private latest: Made<O, T> | undefined = undefined;

  /**
   * @param nameOf Tells options apart, by all but the functions among them.
   * @param make Makes one. Where functions are among the options, it is to ask those given last.
   */
  constructor(
    private readonly nameOf: (options: O) => string,
    private readonly make: (options: O, given: () => O) => T,
  ) {}

  get(options: O): T {
    if (this.latest?.options !== options) this.latest = this.find(options);
    return this.latest.instance;
  }

  /** All that are kept. */
  all(): T[] {
    return [...this.made.values()].map(({ instance }) => instance);
  }

  private find(options: O): Made<O, T> {
    const { made } = this;
    const name = this.nameOf(options);
    const found = made.get(name) ?? this.makeOne(options);
    found.options = options;
    made.delete(name);
    made.set(name, found);
    if (made.size > MOST_KEPT) made.delete(made.keys().next().value as string);
    return found;
  }

  private makeOne(options: O): Made<O, T> {
    const one: Made<O, T> = { options, instance: this.make(options, () => one.options) };
    return one;
  }
}
