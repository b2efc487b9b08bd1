import type { LLMError, RateLimitInfo } from '../../decorators/errors/index.js';
import { isOwnRefusal } from '../../decorators/errors/table.js';
import { runtime } from '../../decorators/pipeline/runtime.js';
import type { BaseLLMClient } from '../client/base-client.js';
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

/** Statuses of failures that another call to the same place will meet again: the key, the account, the path or the model. */
const LASTING_STATUSES = new Set([401, 402, 403, 404]);

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
  private quota: { readonly left: number; readonly until: number } | undefined;

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
  costOf(operation: string, tokens: number, now: number): number {
    const waitMs = this.client.limiter?.expectedWaitMs({ requests: 1, tokens }) ?? 0;
    const latencyMs = this.latencies.get(operation)?.at(now) ?? 0;
    // What is nearly used up counts as ten times as slow, not as infinitely so: it can still answer.
    const quotaLeft = Math.max(0.1, this.quotaLeft(now) ?? 1);
    return waitMs + ((latencyMs + 1) * (this.inFlight + 1)) / (this.weight * quotaLeft);
  }

  begin(): void {
    this.calls++;
    this.inFlight++;
  }

  end(): void {
    this.inFlight--;
  }

  /** An answer, or the first content of a stream, has come after `latencyMs`. */
  succeeded(operation: string, latencyMs: number): void {
    this.inARow = 0;
    this.lastFailure = undefined;
    const known = this.latencies.get(operation) ?? new PeakEwma();
    known.add(latencyMs, runtime().now());
    this.latencies.set(operation, known);
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

  /** A call has failed here; gives for how long the route is left out, 0 when that was not the route's fault. */
  failed(error: LLMError, { coolDownMs, maxCoolDownMs }: CoolDown): number {
    if (!isFaultOfRoute(error)) return 0;
    this.failures++;
    this.lastFailure = error;
    this.observe(error.rateLimit);
    const grown = Math.min(maxCoolDownMs, coolDownMs * 2 ** Math.min(this.inARow++, 30));
    const lasting = error.statusCode !== undefined && LASTING_STATUSES.has(error.statusCode);
    const forMs = Math.max(isQuotaGone(error) || lasting ? maxCoolDownMs : grown, error.retryAfterMs ?? 0);
    this.coolUntil = Math.max(this.coolUntil, runtime().now() + forMs);
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

function isQuotaGone(error: LLMError): boolean {
  return error.code === 'quota_exceeded';
}

/** Whether a failure says something about the place that it came from, and not about the request or about us. */
export function isFaultOfRoute(error: LLMError): boolean {
  if (error.origin === 'client' || error.code === 'aborted' || error.code === 'timeout_total') return false;
  if (error.retryable || isQuotaGone(error)) return true;
  return error.statusCode !== undefined && LASTING_STATUSES.has(error.statusCode);
}

/** Whether the same call may succeed on another route. */
export function maySucceedElsewhere(error: LLMError): boolean {
  // A route that refuses by itself is not ill, but the call has to go elsewhere.
  return isFaultOfRoute(error) || isOwnRefusal(error.code) || error.code === 'client_closed';
}
