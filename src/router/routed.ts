import { OverloadedError, type LLMError } from '../../decorators/errors/index.js';
import { isOwnRefusal } from '../../decorators/errors/table.js';
import { definePolicy, type Call, type Next, type Stage } from '../../decorators/pipeline/index.js';
import { hostOf } from '../../decorators/pipeline/host.js';
import { runtime } from '../../decorators/pipeline/runtime.js';
import { takeRetry } from '../../decorators/retry/budget.js';
import type { RetryOptions } from '../../decorators/retry-with-backoff.js';
import { chooseRoute, type Errand } from './choose.js';
import { maySucceedElsewhere, type CoolDown, type Route } from './route.js';

/** What the policy asks the router on whose methods it stands. */
export interface Routing extends CoolDown {
  /** The routes that can do what the call asks for. */
  routesFor(call: Call): readonly Route[];
}

/** Under this symbol a router has its `Routing`. */
export const routing = Symbol('routing');

/** Where the chosen route stands among the arguments of a method. */
const ROUTE_AT = 3;

/** The route that was chosen for a call of a router. */
export function routeOf(call: Call | undefined): Route {
  return call?.args[ROUTE_AT] as Route;
}

/**
 * Sends each attempt along one of the router's routes, and a failed one at once along another, until it succeeds, none is
 * left, or the failure would be the same everywhere. Stands inside the router's own limits and circuit, which are about
 * the router and not about a route, and inside `Hedged`: a hedge goes another way than the attempt that it is to overtake.
 */
export const Routed = definePolicy<object>({
  kind: 'Routed',
  place: { inside: 'CircuitBreaker(permit)' },
  neverAborts: true,
  create: ({ self }) => new RoutedStage((self as { [routing]: Routing })[routing]),
});

/** Which routes the attempts of a call are using now. All forks of a call up to here have the same array of arguments. */
const inUse = new WeakMap<readonly unknown[], Map<Route, number>>();

class RoutedStage implements Stage<object> {
  constructor(private readonly router: Routing) {}

  async run(call: Call, next: Next): Promise<unknown> {
    const routes = this.router.routesFor(call);
    const busy = inUse.get(call.args) ?? new Map<Route, number>();
    inUse.set(call.args, busy);
    const errand = await errandOf(call, routes);
    const failed = new Set<Route>();
    const failures: unknown[] = [];
    // What may pass decides whether the whole round is tried again.
    const thrown = (): unknown =>
      failures.find((failure) => call.view(failure).retryable) ?? failures[failures.length - 1];
    for (;;) {
      const left = routes.filter((route) => !failed.has(route));
      const unused = left.filter((route) => !busy.get(route));
      const route = chooseRoute(unused, errand) ?? chooseRoute(left, errand);
      if (!route) throw thrown() ?? allCoolingDown(call, routes);
      if (wasSent(call, failures) && !mayTry(route)) throw thrown();
      const attempt = this.begin(call, route, busy);
      const startedAt = runtime().now();
      try {
        const result = await next(attempt);
        route.answered(errand.operation, runtime().now() - startedAt);
        return result;
      } catch (failure) {
        if (call.aborted || !maySucceedElsewhere(call.view(failure), attempt.aborted)) throw failure;
        failed.add(route);
        failures.push(failure);
      }
    }
  }

  private begin(call: Call, route: Route, busy: Map<Route, number>): Call {
    const args = [...call.args];
    args[ROUTE_AT] = route;
    const attempt = call.fork({ args, attempt: Math.max(call.attempt, call.nextAttempt) });
    attempt.emit({ type: 'route', state: 'chosen', to: route.name });
    route.begin();
    busy.set(route, (busy.get(route) ?? 0) + 1);
    // For a stream this is its end: a failure in its midst counts too.
    attempt.onEnd(({ error }) => {
      route.end();
      busy.set(route, (busy.get(route) ?? 1) - 1);
      const coolDownMs = error ? route.failed(error, this.router, attempt.aborted) : route.succeeded();
      if (error && coolDownMs > 0) {
        attempt.emit({ type: 'route', state: 'cooling', to: route.name, coolDownMs, error });
      }
    });
    return attempt;
  }
}

async function errandOf(call: Call, routes: readonly Route[]): Promise<Errand> {
  const counts = routes.some(({ client }) => client.limiter);
  const estimate = counts ? await hostOf(call.self)?.estimate?.(call) : undefined;
  const { inputTokens = 0, maxOutputTokens = 0 } = estimate ?? {};
  const what = hostOf(call.self)?.describe?.(call)?.operation ?? 'request';
  return { operation: call.streaming ? `${what} stream` : what, tokens: inputTokens + maxOutputTokens };
}

/** Whether the last failure came back from a provider: what was refused here has cost nobody anything. */
function wasSent(call: Call, failures: readonly unknown[]): boolean {
  return failures.length > 0 && !isOwnRefusal(call.view(failures[failures.length - 1]).code);
}

/** A call that goes on elsewhere is one more there: it draws on the budget that the retries there draw on. */
function mayTry(route: Route): boolean {
  const own = hostOf(route.client)?.policyOptions?.('RetryWithBackoff') as RetryOptions | false | undefined;
  return takeRetry(route.client, (own || undefined)?.budget);
}

function allCoolingDown(call: Call, routes: readonly Route[]): LLMError {
  const now = runtime().now();
  const [soonest, ...others] = [...routes].sort((a, b) => a.coolingForMs(now) - b.coolingForMs(now));
  const waitMs = Math.ceil(soonest?.coolingForMs(now) ?? 0);
  const names = [soonest, ...others].map((route) => route?.name).join(', ');
  const cause = soonest?.lastFailure;
  return new OverloadedError(
    `${call.label}(): every route is cooling down after failures (${names}); the first is tried again in ${waitMs} ms. Its last failure: ${cause?.message ?? 'none'}`,
    undefined,
    undefined,
    { retryAfterMs: waitMs, retryable: routes.some(({ lastFailure }) => lastFailure?.retryable), cause },
  );
}
