import { policyHost } from '../../decorators/pipeline/host.js';
import { rules, show, unknownOption } from '../../decorators/pipeline/options.js';
import type { BaseLLMClient } from '../client/base-client.js';
import type { ClientOptions } from '../client/options.js';
import { Route, type RouteOptions } from './route.js';

/** Options of a router. Keys, addresses and headers are those of the clients of its routes. */
export interface RouterOptions extends Pick<
  ClientOptions,
  'rateLimit' | 'tokenizer' | 'retry' | 'timeouts' | 'policies' | 'logger'
> {
  /** Where calls may go: clients, or clients with a name, a model, a weight, an order. At least one. */
  routes: readonly (BaseLLMClient | RouteOptions)[];
  /** How long a route is left out after a failure, unless the provider names a longer time; it doubles with each further failure in a row. Default 1,000. */
  coolDownMs?: number | undefined;
  /** The longest cool-down; a refused key, an empty account or a missing model leads to it at once. Default 60,000. */
  maxCoolDownMs?: number | undefined;
}

/** The names of the options that a router adds to those of every client. */
export const ROUTER_OPTION_NAMES = ['routes', 'coolDownMs', 'maxCoolDownMs'] as const;

/** Options of other clients that mean nothing to a router. */
const OF_ROUTES = [
  'apiKey',
  'baseURL',
  'model',
  'embeddingModel',
  'headers',
  'query',
  'logBodies',
  'http',
] as const;

const ROUTE_RULES = {
  name: (value: unknown) => (typeof value === 'string' && value !== '' ? undefined : 'give a word'),
  embeddingModel: (value: unknown) =>
    typeof value === 'string' && value !== '' ? undefined : 'give the name of a model',
  weight: rules.positive,
  order: (value: unknown) => (Number.isFinite(value) ? undefined : 'give a number'),
  model: (value: unknown) =>
    (typeof value === 'string' && value !== '') || isNames(value)
      ? undefined
      : "give the name of a model, or an object such as { 'gpt-4o': 'my-deployment' }",
};

/**
 * Checks the options of a router and makes its routes.
 *
 * @throws TypeError naming option, value and remedy.
 */
export function routesOf(options: RouterOptions, className: string): Route[] {
  const where = `new ${className}()`;
  for (const name of OF_ROUTES) {
    if ((options as Partial<Record<(typeof OF_ROUTES)[number], unknown>> | undefined)?.[name] !== undefined) {
      throw new TypeError(
        `${where}: \`${name}\` belongs to the clients of the routes: give it to each of them.`,
      );
    }
  }
  const { routes, coolDownMs, maxCoolDownMs } = options ?? {};
  for (const [name, value] of Object.entries({ coolDownMs, maxCoolDownMs })) {
    const wrong = value === undefined ? undefined : rules.notNegative(value);
    if (wrong) throw new TypeError(`${where}: \`${name}\` is ${show(value)}: ${wrong}.`);
  }
  if (!Array.isArray(routes) || routes.length === 0) {
    const found = Array.isArray(routes) ? 'empty' : show(routes);
    throw new TypeError(
      `${where}: \`routes\` is ${found}: give an array of clients, or of { client, name, model, weight, order }.`,
    );
  }
  const given = routes.map((route, i) => checkRoute(route, `${where}, routes[${i}]`));
  const taken = new Set<string>();
  return given.map((route) => {
    const name = route.name ?? freeName(defaultName(route), taken);
    if (taken.has(name))
      throw new TypeError(`${where}: two routes are named '${name}': give each its own name.`);
    taken.add(name);
    return new Route(name, route);
  });
}

function checkRoute(route: unknown, where: string): RouteOptions {
  if (isClient(route)) return { client: route };
  const options = route as RouteOptions | null | undefined;
  if (!isClient(options?.client)) {
    const found = show((options as { client?: unknown } | null | undefined)?.client ?? route);
    throw new TypeError(`${where}: \`client\` is ${found}: give a client, such as new OpenAIClient().`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (name === 'client' || value === undefined) continue;
    const rule = (ROUTE_RULES as Record<string, (value: unknown) => string | undefined>)[name];
    if (!rule)
      throw new TypeError(`${where}: ${unknownOption(name, ['client', ...Object.keys(ROUTE_RULES)])}`);
    const wrong = rule(value);
    if (wrong) throw new TypeError(`${where}: \`${name}\` is ${show(value)}: ${wrong}.`);
  }
  return options;
}

/** By what it can do, not by its class: it may come from another copy of the package. */
function isClient(value: unknown): value is BaseLLMClient {
  const client = value as Partial<BaseLLMClient> | null | undefined;
  return (
    client?.[policyHost] !== undefined &&
    typeof client.chatCompletion === 'function' &&
    typeof client.streamChatCompletion === 'function'
  );
}

function isNames(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const names = Object.values(value);
  return names.length > 0 && names.every((name) => typeof name === 'string' && name !== '');
}

function defaultName({ client, model }: RouteOptions): string {
  const named = typeof model === 'string' ? model : client.model;
  return named === undefined ? providerOf(client) : `${providerOf(client)}/${named}`;
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${name} (${number})`;
  return free;
}

/** The name of the provider that a client calls. */
export function providerOf(client: BaseLLMClient): string {
  return (client.constructor as typeof BaseLLMClient).provider?.name ?? client.constructor.name;
}
