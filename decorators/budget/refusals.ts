import { BudgetExceededError, LLMError } from '../errors/index.js';
import type { Call } from '../pipeline/call.js';
import type { BudgetEvent } from '../pipeline/events.js';
import type { Cap } from './options.js';

/** What a call wants of one cap. */
export interface Claim {
  readonly cap: Cap;
  readonly key: string;
  /** In the cap's whole units. */
  readonly amount: number;
}

/** How far a cap is used up, in its whole units. */
export interface CapState {
  readonly used: number;
  readonly reserved: number;
  /** Milliseconds until the window is over; for one that rolls, until nothing spent so far counts. */
  readonly resetMs: number;
  readonly store?: 'up' | 'down';
}

/** A number of whole units as users give it: dollars or tokens. */
export function inUnits({ unit }: Cap, amount: number): number {
  return unit === 'usd' ? amount / 1e9 : amount;
}

function show(cap: Cap, amount: number): string {
  const shown = inUnits(cap, amount);
  return cap.unit === 'usd' ? `$${Number(shown.toPrecision(6))}` : `${shown} tokens`;
}

/** Tells that there is no room for `claim`, and gives the error that says so. `waitMs`: until there is; Infinity for never. */
export function exceeded(call: Call, claim: Claim, state: CapState, waitMs: number): BudgetExceededError {
  const { cap, key, amount } = claim;
  tellBudget(call, 'exceeded', claim, state);
  const whose = cap.key ? `'${cap.name}' of '${key}'` : `'${cap.name}'`;
  const taken = show(cap, state.used + state.reserved);
  const remedy =
    waitMs === Infinity
      ? `It can never be admitted: lower the bound of its output, shorten its input, or raise the budget.`
      : `There is room for it in ${Math.ceil(waitMs)} ms if nothing more is spent.`;
  return new BudgetExceededError(
    `${call.label}() was refused by its budget ${whose}: ${taken} of ${show(cap, cap.limit)} are used or reserved, ` +
      `and this call may use ${show(cap, amount)}. ${remedy}`,
    { origin: 'client', ...(waitMs !== Infinity && { retryAfterMs: Math.ceil(waitMs) }) },
  );
}

/** Whether so much of a cap is used or reserved that a warning is due. */
export function isNearlyUsed({ limit, warnAt }: Cap, { used, reserved }: CapState): boolean {
  return used + reserved >= warnAt * limit;
}

export function tellBudget(
  call: Call,
  state: BudgetEvent['state'],
  { cap, key }: Claim,
  { used, reserved, resetMs }: CapState,
): void {
  call.emit({
    type: 'budget',
    state,
    name: cap.name,
    ...(cap.key && { key }),
    unit: cap.unit,
    used: inUnits(cap, used + reserved),
    limit: inUnits(cap, cap.limit),
    resetMs: Math.ceil(resetMs),
  });
}

/** Nobody knows what the call will cost: for money that is no small matter. */
export function priceUnknown(call: Call, model: string | undefined): LLMError {
  const what =
    model === undefined
      ? 'its model is not known: give `model`, or what it costs by `cost`, among the options of the budget'
      : `the price of '${model}' is not known: give it by prices: { '${model}': { inputPerMillion: …, outputPerMillion: … } } ` +
        'among the options of the budget (0 for a model that costs nothing)';
  return new LLMError(`${call.label}() was refused by its budget: ${what}.`, {
    code: 'price_unknown',
    origin: 'client',
  });
}
