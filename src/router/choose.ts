import { runtime } from '../../decorators/pipeline/runtime.js';
import type { Route } from './route.js';

/** What is to be sent, as far as the choice of a route depends on it. */
export interface Errand {
  readonly operation: string;
  /** The model that is asked for, where the call names one. */
  readonly model?: string | undefined;
  /** Tokens that it is expected to use. */
  readonly tokens: number;
}

/**
 * The better of two routes that chance has picked: of those that are not cooling down, the ones of the lowest order.
 * Two choices spread calls nearly as well as a full comparison, and keep callers from all running to the one that was
 * best a moment ago (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001).
 */
export function chooseRoute(routes: readonly Route[], errand: Errand): Route | undefined {
  const now = runtime().now();
  const healthy = routes.filter((route) => route.coolingForMs(now) === 0);
  const order = Math.min(...healthy.map((route) => route.order));
  const candidates = healthy.filter((route) => route.order === order);
  const first = pickByWeight(candidates);
  const second = pickByWeight(candidates.filter((route) => route !== first));
  if (!first || !second) return first;
  // Measurements differ by chance: only what is clearly better goes before the first, which is drawn by weight.
  return second.costOf(errand, now) < 0.9 * first.costOf(errand, now) ? second : first;
}

function pickByWeight(routes: readonly Route[]): Route | undefined {
  const total = routes.reduce((sum, { weight }) => sum + weight, 0);
  let left = runtime().random() * total;
  for (const route of routes) {
    left -= route.weight;
    if (left < 0) return route;
  }
  return routes[routes.length - 1];
}
