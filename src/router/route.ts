import type { LLMError, RateLimitInfo } from '../../decorators/errors/index.js';
import { isOwnRefusal } from '../../decorators/errors/table.js';
import { runtime } from '../../decorators/pipeline/runtime.js';
import type { BaseLLMClient } from '../client/base-client.js';
import type { Errand } from './choose.js';
import { PeakEwma } from './peak-ewma.js';

/** One destination of a router. */
export interface RouteOptions {
  /** The client that is called. It keeps its own limits, timeouts and policies; its retries are the router's. */
  client: BaseLLMClient;
  /** Its name in events, errors and the snapshot. Default: the provider and the model. */
  name?: string | undefined;
  /**
   * The model that is asked for here, whatever the call names: a deployment's, say. Or what each model that a call may
   * name is called here: then calls for other models go elsewhere. Default: what the call names, else the client's own.
   */
  model?: string | Readonly<Record<string, string>> | undefined;
  /** The embedding model here. Naming it says that its vectors and those of the other routes that name one can be mixed. */
  embeddingModel?: string | undefined;
  /** Its share of the calls compared to others that are as fast. Default 1. */
  weight?: number | undefined;
  /** Routes of a higher order are used only while all of a lower one are cooling down or have failed. Default 0. */
  order?: number | undefined;
}

/** How long a route that fails is left out. */
export interface CoolDown {
  /** After the first failure; it doubles with each further one in a row. */
  readonly coolDownMs: number;
  /** The longest, and what follows a failure that does not pass by itself. */
  readonly maxCoolDownMs: number;
}

/** What a router knows of one of its routes, as plain data. */
export interface RouteSnapshot {
  /** Calls that run. */
  readonly inFlight: number;
  /** Calls that were sent this way, and how many of them failed. */
  readonly calls: number;
  readonly failures: number;
  /** The estimated time to an answer, for a stream to its first content, by what is done; undefined where nothing was measured. */
  readonly latencyMs: Readonly<Record<string, number>>;
  /** How long it is still left out; 0 when it is not. */
  readonly coolingForMs: number;
  /** The part of the provider's limits that was left when it last told, from 0 to 1; undefined when it has not. */
  readonly quotaLeft: number | undefined;
}

const LASTING_STATUSES = new Set([401, 402, 403, 404]);
const LASTING_CODES = new Set(['authentication', 'quota_exceeded']);

/** A destination and how it has been doing. */
export class Route {
  inFlight = 0;
  lastFailure: LLMError | undefined;
  private calls = 0;
  private failures = 0;
  /** Failures since it last succeeded. */
  private inARow = 0;
  private coolUntil = -Infinity;
  private readonly latencies = new Map<string, PeakEwma>();
  private quota: { readonly left: number; readonly until: number } | undefined = undefined;

  constructor(
    readonly name: string,
    readonly options: RouteOptions,
  ) {}

  get client(): BaseLLMClient {
    return this.options.client;
  }

  get weight(): number {
    return this.options.weight ?? 1;
  }

  get order(): number {
    return this.options.order ?? 0;
  }

  /** The chat model to ask for when the call names `asked`; undefined leaves it to the client. */
  modelFor(asked: string | undefined): string | undefined {
    const { model } = this.options;
    if (typeof model !== 'object') return model ?? asked;
    return asked === undefined ? Object.values(model)[0] : model[asked];
  }

  /** Whether it can answer a chat that asks for `model`. */
  serves(model: string | undefined): boolean {
    const own = this.options.model;
    return typeof own !== 'object' || model === undefined || Object.hasOwn(own, model);
  }

  coolingForMs(now: number): number {
    return Math.max(0, this.coolUntil - now);
  }

  /**
   * What a call that is sent this way now has to expect, in milliseconds: the wait for its limiter, and the latency, more
   * of it the more calls run and the less is left of the provider's limits. A route that was never tried costs nothing.
   */
  costOf({ operation, tokens, model }: Errand, now: number): number {
    const latencyMs = this.latencies.get(operation)?.at(now) ?? 0;
    // What is nearly used up counts as ten times as slow, not as infinitely so: it can still answer.
    const quotaLeft = Math.max(0.1, this.quotaLeft(now) ?? 1);
    const waitMs = this.waitMs(tokens, this.modelFor(model) ?? this.client.model);
    return waitMs + ((latencyMs + 1) * (1 + this.inFlight / this.weight)) / quotaLeft;
  }

  /** The wait for the limiter of its client, which may have a balance for each model. */
  private waitMs(tokens: number, model: string | undefined): number {
    const { limiter } = this.client;
    if (!limiter) return 0;
    const cost = { requests: 1, tokens };
    const ofAll = limiter.expectedWaitMs(cost);
    return model === undefined ? ofAll : Math.max(ofAll, limiter.expectedWaitMs(cost, model));
  }

  begin(): void {
    this.calls++;
    this.inFlight++;
  }

  end(): void {
    this.inFlight--;
  }

  /** An answer, or the first content of a stream, has come after `latencyMs`. */
  answered(operation: string, latencyMs: number): void {
    const known = this.latencies.get(operation) ?? new PeakEwma();
    known.add(latencyMs, runtime().now());
    this.latencies.set(operation, known);
  }

  /** A call has come to its end without a failure. It is left out for 0 ms. */
  succeeded(): 0 {
    this.inARow = 0;
    this.lastFailure = undefined;
    return 0;
  }

  /** Takes the provider's account of its limits. */
  observe(limits: RateLimitInfo | undefined): void {
    const windows = [limits?.requests, limits?.tokens].filter((window) => window !== undefined);
    const known = windows.filter(({ limit, remaining }) => limit && remaining !== undefined);
    if (known.length === 0) return;
    const shares = known.map(({ limit = 1, remaining = 0 }) => remaining / limit);
    const resets = known.map(({ resetMs }) => resetMs ?? 60_000);
    this.quota = { left: Math.min(...shares), until: runtime().now() + Math.max(...resets) };
  }

  /**
   * A call has failed here; gives for how long the route is left out, 0 when that was not the route's fault. Calls that
   * fail while it is left out already were sent before: they do not lengthen it.
   *
   * @param fromOutside Whether the call was ended by its caller, or by the router.
   */
  failed(error: LLMError, { coolDownMs, maxCoolDownMs }: CoolDown, fromOutside = false): number {
    if (!isFaultOfRoute(error, fromOutside)) return 0;
    const now = runtime().now();
    this.failures++;
    this.lastFailure = error;
    this.observe(error.rateLimit);
    if (this.coolingForMs(now) === 0) this.inARow++;
    const grown = Math.min(maxCoolDownMs, coolDownMs * 2 ** Math.min(this.inARow - 1, 30));
    const forMs = Math.max(isLasting(error) ? maxCoolDownMs : grown, error.retryAfterMs ?? 0);
    this.coolUntil = Math.max(this.coolUntil, now + forMs);
    return forMs;
  }

  snapshot(now: number): RouteSnapshot {
    const { inFlight, calls, failures } = this;
    const latencyMs = Object.fromEntries([...this.latencies].map(([name, mean]) => [name, mean.at(now)]));
    return {
      inFlight,
      calls,
      failures,
      latencyMs,
      coolingForMs: this.coolingForMs(now),
      quotaLeft: this.quotaLeft(now),
    };
  }

  private quotaLeft(now: number): number | undefined {
    return this.quota && this.quota.until > now ? this.quota.left : undefined;
  }
}

/** Whether another call to the same place will meet the failure again: the key, the account, the path or the model. */
function isLasting({ code, statusCode }: LLMError): boolean {
  return LASTING_CODES.has(code) || (statusCode !== undefined && LASTING_STATUSES.has(statusCode));
}

/** Whether a failure says something about the place that it came from, and not about the request or about us. */
export function isFaultOfRoute(error: LLMError, fromOutside = false): boolean {
  if (error.origin === 'client') return false;
  // What nobody around the route has ended, the route's client has: its deadline, or its end.
  if (error.code === 'aborted' || error.code === 'timeout_total') return !fromOutside;
  return error.retryable || isLasting(error);
}

/** Whether the same call may succeed on another route. */
export function maySucceedElsewhere(error: LLMError, fromOutside = false): boolean {
  // A route that refuses by itself is not ill, but the call has to go elsewhere.
  return isFaultOfRoute(error, fromOutside) || isOwnRefusal(error.code) || error.code === 'client_closed';
}
