import { createHash, randomUUID } from 'node:crypto';
import { canonical } from '../../decorators/cache/canonical.js';
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
  /** Tells this process from others: a number says nothing there. */
  readonly process: string;
  last: number;
}

const accounts = processWide<Accounts>('accounts', () => {
  const byId = new Map<string, WeakRef<Account>>();
  const forget = new FinalizationRegistry<string>((id) => {
    if (byId.get(id)?.deref() === undefined) byId.delete(id);
  });
  return { byId, forget, numbers: new WeakMap(), process: randomUUID(), last: 0 };
});

/** The account that `apiKey` opens at `baseURL`. A function is one account, whichever keys it gives. */
export function accountOf(baseURL: string, apiKey: ApiKey | undefined): Account {
  const hash = createHash('sha256').update(baseURL).update('\n');
  const id = hash
    .update(
      typeof apiKey === 'function'
        ? `function ${accounts.process} ${numberOf(apiKey)}`
        : `key ${apiKey ?? ''}`,
    )
    .digest('hex');
  const known = accounts.byId.get(id)?.deref();
  if (known) return known;
  const account = { id };
  accounts.byId.set(id, new WeakRef(account));
  accounts.forget.register(account, id);
  return account;
}

/** What a client sends with every request, beside its key. */
export interface SenderParts {
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** Options of the client's own class. */
  readonly own: Readonly<Record<string, unknown>>;
  readonly http?:
    { readonly headers?: unknown; readonly params?: unknown; readonly auth?: unknown } | undefined;
}

/** A name that tells apart whose answers a client is given: by its account, organization, project and the like. */
export function senderId({ id }: Account, { headers, query, own, http }: SenderParts): string {
  // The version of this package changes no answer.
  const told = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'user-agent');
  const named = Object.fromEntries(told.map(([name, value]) => [name.toLowerCase(), value]));
  // Functions and objects cannot be compared; those of our own classes only bring keys.
  const simple = Object.entries(own).filter(
    ([, value]) => typeof value !== 'object' && typeof value !== 'function',
  );
  const parts = [id, named, query, Object.fromEntries(simple), http?.headers, http?.params, http?.auth];
  return createHash('sha256').update(canonical(parts)).digest('hex');
}

function numberOf(fn: object): number {
  let number = accounts.numbers.get(fn);
  if (number === undefined) accounts.numbers.set(fn, (number = ++accounts.last));
  return number;
}
