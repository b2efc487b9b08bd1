import { costOf, type Cost } from '../limits/cost.js';
import { Experience } from '../limits/experience.js';
import type { Call } from '../pipeline/call.js';
import { hostOf } from '../pipeline/host.js';
import { rules, show } from '../pipeline/options.js';
import { renewStep } from '../pipeline/runtime.js';
import { isPromise } from '../pipeline/values.js';
import type { Ledger } from './ledger.js';
import { MemoryLedger } from './memory-ledger.js';
import { capsOf, type BudgetCost, type BudgetFields, type BudgetOptions, type Cap } from './options.js';
import { nanoDollars, priceOf, wholeNanos } from './price-of.js';
import { inUnits, priceUnknown, type Claim } from './refusals.js';
import { SharedLedger } from './shared-ledger.js';
import { Spending } from './spending.js';

/** How far one key of one limit is used up: dollars or tokens. */
export interface BudgetSnapshot {
  readonly unit: 'usd' | 'tokens';
  /** Spent in the window. */
  readonly used: number;
  /** Reserved by calls that run; with a store, by those of this process. */
  readonly reserved: number;
  readonly limit: number;
  /** Milliseconds until the window is over; for one that rolls, until nothing spent so far counts any more. */
  readonly resetMs: number;
  /** Whether the shared store answers; left out where there is none. */
  readonly store?: 'up' | 'down';
}

/** What `SpendingBudget.update()` can change. */
export type BudgetChanges = Omit<BudgetFields, 'store'>;

/** The key of calls that nothing splits. */
const DEFAULT_KEY = 'default';

/**
 * Money or tokens that several methods, objects and clients spend together. A call is admitted when there is room for what it
 * may cost, and reserves that; when it ends, it is charged with what it used. Nobody waits for a budget.
 *
 * @example
 * const budget = new SpendingBudget({ usd: 10, per: 'day' });
 * const chat = new OpenAIClient({ policies: [Budget(budget)] });
 * const batch = new AnthropicClient({ policies: [Budget(budget)] });
 *
 * @throws TypeError for an option that is missing, unknown or out of range.
 */
export class SpendingBudget {
  private caps: readonly Cap[];
  private readonly ledger: Ledger;
  /** By the names of the models. */
  private readonly experiences = new Map<string, Experience>();

  constructor(private options: BudgetOptions) {
    this.caps = capsOf(options, 'SpendingBudget');
    this.ledger = options.store ? new SharedLedger(options.store) : new MemoryLedger();
  }

  /**
   * Finds out what `call` may cost; what comes of it reserves that and is settled in the end.
   *
   * @throws LLMError with code `price_unknown` when money is limited and nobody knows what the call costs.
   * @throws TypeError when a function among the options gives what it must not.
   */
  begin(call: Call): Spending | Promise<Spending> {
    const { caps, options } = this;
    const keys = caps.map((cap) => keyOf(cap, call));
    const { cost } = options;
    const given = cost?.(call);
    if (cost) renewStep();
    if (isPromise(given)) return given.then((known) => this.spendGiven(call, caps, keys, known));
    if (given !== undefined) return this.spendGiven(call, caps, keys, given);
    const model = this.modelOf(call);
    const experience = this.experienceOf(model);
    const estimated = costOf(call, undefined, Infinity, experience);
    const spend = (known: Cost): Spending => this.spend(call, caps, keys, known, model, experience);
    return isPromise(estimated) ? estimated.then(spend) : spend(estimated);
  }

  /**
   * Changes limits, prices or what else there is but the store. What was spent stays spent: of $10 a day with $4 spent, changed to
   * $20, $16 are left. Under another name, unit or window a limit begins anew.
   *
   * @throws TypeError as the constructor does; nothing is changed then.
   */
  update(changes: BudgetChanges): void {
    const options = { ...this.options, ...changes, store: this.options.store } as BudgetOptions;
    this.caps = capsOf(options, 'SpendingBudget.update()');
    this.options = options;
  }

  /** How far each limit is used up, by its name and then by key, as plain data; without `key` in the options there is one, `default`. */
  snapshot(): Record<string, Record<string, BudgetSnapshot>> {
    const byId = new Map(this.caps.map((cap) => [cap.id, cap]));
    const states = this.ledger.snapshot((id) => byId.get(id)?.name);
    return Object.fromEntries(
      this.caps.map((cap) => {
        const { unit } = cap;
        const keys = Object.entries(states[cap.name] ?? {}).map(([key, { used, reserved, ...state }]) => [
          key,
          {
            unit,
            used: inUnits(cap, used),
            reserved: inUnits(cap, reserved),
            limit: inUnits(cap, cap.limit),
            ...state,
          },
        ]);
        return [cap.name, Object.fromEntries(keys) as Record<string, BudgetSnapshot>];
      }),
    );
  }

  /** What the object's estimate says, at the price of the model. */
  private spend(
    call: Call,
    caps: readonly Cap[],
    keys: readonly string[],
    cost: Cost,
    model: string | undefined,
    experience: Experience,
  ): Spending {
    const price = model === undefined ? undefined : priceOf(model, this.options.prices);
    const input = cost.inputTokens ?? 0;
    const output = cost.tokens - input;
    const amountOf = ({ unit }: Cap): number => {
      if (unit === 'tokens') return cost.tokens;
      if (price) return nanoDollars({ input, output }, price);
      // What uses no tokens, such as a list of models, costs nothing.
      if (cost.tokens > 0) throw priceUnknown(call, model);
      return 0;
    };
    return new Spending(this.ledger, call, {
      claims: claimsOf(caps, keys, amountOf),
      cost,
      price,
      experience,
    });
  }

  /** What `cost(call)` says. */
  private spendGiven(call: Call, caps: readonly Cap[], keys: readonly string[], given: BudgetCost): Spending {
    const { usd, inputTokens = 0, outputTokens = 0 } = checkedCost(given);
    const model = this.modelOf(call);
    const price = model === undefined ? undefined : priceOf(model, this.options.prices);
    const tokens = inputTokens + outputTokens;
    const amountOf = ({ unit }: Cap): number => {
      if (unit === 'tokens') return tokens;
      if (usd !== undefined) return wholeNanos(usd);
      if (price) return nanoDollars({ input: inputTokens, output: outputTokens }, price);
      if (tokens > 0) throw priceUnknown(call, model);
      return 0;
    };
    return new Spending(this.ledger, call, {
      claims: claimsOf(caps, keys, amountOf),
      cost: { inputTokens, estimatedInput: undefined },
      price,
      experience: this.experienceOf(model),
    });
  }

  private modelOf(call: Call): string | undefined {
    const { model } = this.options;
    if (typeof model === 'string') return model;
    return model?.(call) ?? hostOf(call.self)?.describe?.(call)?.model;
  }

  private experienceOf(model = ''): Experience {
    let experience = this.experiences.get(model);
    if (!experience) this.experiences.set(model, (experience = new Experience()));
    return experience;
  }
}

/** Whether `value` is a `SpendingBudget`: by what it can do, since it may come from another copy of the package. */
export function isSpendingBudget(value: unknown): value is SpendingBudget {
  return typeof (value as Partial<SpendingBudget> | null | undefined)?.begin === 'function';
}

function claimsOf(caps: readonly Cap[], keys: readonly string[], amountOf: (cap: Cap) => number): Claim[] {
  return caps.map((cap, i) => ({ cap, key: keys[i] ?? DEFAULT_KEY, amount: amountOf(cap) }));
}

function keyOf({ key, name }: Cap, call: Call): string {
  if (!key) return DEFAULT_KEY;
  const found: unknown = key(call);
  if (typeof found === 'string') return found;
  throw new TypeError(`SpendingBudget: key(call) of '${name}' gave ${show(found)}: give a string.`);
}

function checkedCost(cost: BudgetCost): BudgetCost {
  if (typeof cost !== 'object' || (cost as unknown) === null) {
    throw new TypeError(
      `SpendingBudget: cost(call) gave ${show(cost)}: give an object such as { inputTokens: 500, outputTokens: 200 } or { usd: 0.01 }.`,
    );
  }
  for (const name of ['usd', 'inputTokens', 'outputTokens'] as const) {
    const wrong = cost[name] === undefined ? undefined : rules.notNegative(cost[name]);
    if (wrong)
      throw new TypeError(`SpendingBudget: cost(call) gave ${show(cost[name])} for \`${name}\`: ${wrong}.`);
  }
  return cost;
}
