// @ts-nocheck
import { createHash } from 'node:crypto';
import { processWide } from '../../decorators/pipeline/shared.js';
import type { ApiKey } from './options.js';

/** Stands for all clients that use one key at one address: what one of them does to the provider, they all do. */
export interface Account {
  /** A name that tells it from others and from which the key cannot be had. */
  readonly id: string;
}

interface Accounts {
  /** Held weakly, so that keys of tenants who are gone take no room. */
  readonly byId: Map<string, WeakRef<Account>>;
  readonly forget: FinalizationRegistry<string>;
  readonly numbers: WeakMap<object, number>;
  last: number;
}

const accounts = processWide<Accounts>('accounts', () => {
  const byId = new Map<string, WeakRef<Account>>();
  const forget = new FinalizationRegistry<string>((id) => {
    if (byId.get(id)?.deref() === undefined) byId.delete(id);
  });
  return { byId, forget, numbers: new WeakMap(), last: 0 };
});

/** The account that `apiKey` opens at `baseURL`. A function is one account, whichever keys it gives. */
export function accountOf(baseURL: string, apiKey: ApiKey | undefined): Account {
  const hash = createHash('sha256').update(baseURL).update('\n');
  const id = hash
    .update(typeof apiKey === 'function' ? `function ${numberOf(apiKey)}` : `key ${apiKey ?? ''}`)
    .digest('hex');
  const known = accounts.byId.get(id)?.deref();
  if (known) return known;
  const account = { id };
  accounts.byId.set(id, new WeakRef(account));
  accounts.forget.register(account, id);
  return account;
}

function numberOf(fn: object): number {
  let number = accounts.numbers.get(fn);
  if (number === undefined) accounts.numbers.set(fn, (number = ++accounts.last));
  return number;
}
