import { CircuitOpenError, type CircuitRefusal } from '../errors/index.js';
import type { Call } from '../pipeline/call.js';
import { tell, type PolicyEventBody } from '../pipeline/events.js';
import { hostOf } from '../pipeline/host.js';
import { checkOptions, rules, show } from '../pipeline/options.js';
import { currentTime } from '../pipeline/runtime.js';
import { Circuit, type CircuitSnapshot, type Refusal } from './circuit.js';
import {
  checkBreakerOptions,
  settingsOf,
  type BreakerOptions,
  type CircuitChange,
  type CircuitSettings,
  type CircuitStateName,
} from './options.js';
import { Permit } from './permit.js';

/** Below so many circuits none is forgotten. */
const FEW_CIRCUITS = 100;
/** A circuit that nobody has used for so long may be forgotten. */
const FORGET_AFTER_MS = 600_000;

/** From the least to the most grave. */
const GRAVITY: readonly CircuitStateName[] = ['closed', 'half_open', 'open', 'isolated'];

/** Which circuit is meant; all of them, and those to come, when `key` is left out. */
export interface CircuitChoice {
  readonly key?: string | undefined;
}

/**
 * Circuits that several methods or clients share, and the means to open and close them by hand. Each key has a circuit
 * of its own: by default each model at each host.
 *
 * @example
 * const breaker = new Breaker({ failureRate: 0.3, slowCallMs: 8_000 });
 * const client = new OpenAIClient({ policies: [CircuitBreaker(breaker)] });
 *
 * breaker.isolate(); // maintenance: every call is refused
 * breaker.close();
 *
 * @throws TypeError for an option that is unknown or out of range.
 */
export class Breaker {
  private readonly circuits = new Map<string, Circuit>();
  private readonly settings: CircuitSettings;
  private sweepAt = FEW_CIRCUITS;
  /** How a circuit begins: as all were put by hand. */
  private initial: { readonly state: 'open' | 'isolated'; readonly until: number } | undefined = undefined;
  /** Changes that no call has told yet. */
  private untold: PolicyEventBody[] = [];
  /** The circuit that a call was checked against, until its permit is taken. */
  private readonly checked = new WeakMap<Call, Circuit>();
  /** The same of the call checked last, which mostly goes on at once: a map that is written at each call has its price. */
  private latest: { readonly call: Call; readonly circuit: Circuit } | undefined = undefined;

  constructor(private readonly options: BreakerOptions = {}) {
    checkBreakerOptions(options, 'Breaker');
    this.settings = settingsOf(options);
  }

  /** The gravest state of any circuit: isolated, open, half_open, or closed when all are. */
  get state(): CircuitStateName {
    const now = currentTime();
    const states = [...this.circuits.values()].map((circuit) => circuit.stateAt(now));
    if (this.initial && now < this.initial.until) states.push(this.initial.state);
    return GRAVITY[Math.max(0, ...states.map((state) => GRAVITY.indexOf(state)))] ?? 'closed';
  }

  /** The state of every circuit by its key, as plain data. */
  snapshot(): Record<string, CircuitSnapshot> {
    const now = currentTime();
    return Object.fromEntries([...this.circuits].map(([key, circuit]) => [key, circuit.snapshot(now)]));
  }

  /** Refuses calls for `forMs`, by default `openMs`; then trial calls decide. What is isolated stays so. */
  open(choice: CircuitChoice & { readonly forMs?: number | undefined } = {}): void {
    checkOptions(choice, { key: isName, forMs: rules.positive }, 'Breaker.open()');
    const { key, forMs = this.settings.openMs } = choice;
    const now = currentTime();
    if (key === undefined && this.initial?.state !== 'isolated') {
      this.initial = { state: 'open', until: now + forMs };
    }
    for (const circuit of this.chosen(key)) circuit.open(now, forMs);
  }

  /** Lets calls through again, and forgets what was counted. */
  close(choice: CircuitChoice = {}): void {
    checkOptions(choice, { key: isName }, 'Breaker.close()');
    if (choice.key === undefined) this.initial = undefined;
    for (const circuit of this.chosen(choice.key)) circuit.close(currentTime());
  }

  /** Refuses every call until `close()`, also where `mode` is `observe`. */
  isolate(choice: CircuitChoice = {}): void {
    checkOptions(choice, { key: isName }, 'Breaker.isolate()');
    if (choice.key === undefined) this.initial = { state: 'isolated', until: Infinity };
    for (const circuit of this.chosen(choice.key)) circuit.isolate(currentTime());
  }

  /**
   * Lets `call` pass if its circuit would let it through; it takes nothing.
   *
   * @throws CircuitOpenError otherwise.
   */
  check(call: Call): void {
    const circuit = this.circuitOf(this.keyOf(call));
    this.refuse(call, circuit.refusal(currentTime()));
    if (this.latest) this.checked.set(this.latest.call, this.latest.circuit);
    this.latest = { call, circuit };
  }

  /**
   * Lets `call` through; the permit must be ended with the call.
   *
   * @throws CircuitOpenError when its circuit does not let it through.
   */
  enter(call: Call): Permit | undefined {
    const circuit = this.checkedFor(call);
    const now = currentTime();
    const refusal = circuit.refusal(now);
    this.refuse(call, refusal);
    if (refusal) return undefined;
    const { tripOn } = this.options;
    const { slowCallMs } = this.settings;
    const generation = circuit.take(now);
    const permit = new Permit(circuit, generation, call, tripOn, slowCallMs, now, this.tellThrough);
    call.onEnd((outcome) => permit.end(outcome));
    return permit;
  }

  private checkedFor(call: Call): Circuit {
    const { latest } = this;
    if (latest?.call !== call) {
      // A policy between may have forked the call.
      return this.checked.get(call) ?? this.circuitOf(this.keyOf(call));
    }
    this.latest = undefined;
    return latest.circuit;
  }

  private refuse(call: Call, refusal: Refusal | undefined): void {
    this.tellThrough(call);
    if (!refusal) return;
    if (this.options.mode === 'observe' && refusal.state !== 'isolated') return;
    throw refusalError(call, refusal);
  }

  private readonly tellThrough = (call: Call): void => {
    if (this.untold.length === 0) return;
    const { untold } = this;
    this.untold = [];
    for (const event of untold) call.emit(event);
  };

  private keyOf(call: Call): string {
    const key: unknown = this.options.key ? this.options.key(call) : defaultKey(call);
    if (typeof key !== 'string') {
      throw new TypeError(`CircuitBreaker: key(call) gave ${show(key)}: give a string.`);
    }
    return key;
  }

  private chosen(key: string | undefined): Iterable<Circuit> {
    return key === undefined ? this.circuits.values() : [this.circuitOf(key)];
  }

  private circuitOf(key: string): Circuit {
    let circuit = this.circuits.get(key);
    if (!circuit) {
      if (this.circuits.size >= this.sweepAt) this.forgetIdle(currentTime());
      this.circuits.set(key, (circuit = this.makeCircuit(key)));
    }
    return circuit;
  }

  private makeCircuit(key: string): Circuit {
    const circuit = new Circuit(key, this.settings, (change) => {
      this.untold.push({ type: 'circuit', ...change });
      const { onChange } = this.options;
      if (onChange) tell<CircuitChange>(onChange, change, '`onChange`');
    });
    const now = currentTime();
    const { initial } = this;
    if (initial?.state === 'isolated') circuit.isolate(now);
    else if (initial && initial.until > now) circuit.open(now, initial.until - now);
    return circuit;
  }

  private forgetIdle(now: number): void {
    const afterMs = Math.max(FORGET_AFTER_MS, this.settings.windowMs);
    for (const [key, circuit] of this.circuits) {
      if (circuit.isForgettable(now, afterMs)) this.circuits.delete(key);
    }
    this.sweepAt = Math.max(FEW_CIRCUITS, 2 * this.circuits.size);
  }
}

/** Whether `value` is a `Breaker`: by what it can do, not by its class, since it may come from another copy of the package. */
export function isBreaker(value: unknown): value is Breaker {
  return typeof (value as Partial<Breaker> | null | undefined)?.enter === 'function';
}

const isName = (value: unknown): string | undefined =>
  typeof value === 'string' ? undefined : 'give the name of a circuit, as `snapshot()` shows it';

/** What can be down: a model at a host. For a call that does not say what it asks for, its method. */
function defaultKey(call: Call): string {
  const { model, baseURL } = hostOf(call.self)?.describe?.(call) ?? {};
  const what = model ?? call.label;
  const host = baseURL === undefined ? undefined : hostNameOf(baseURL);
  return host === undefined ? what : `${host}/${what}`;
}

/** The host of the address asked about last: it is nearly always the same one. */
let latestHost: { readonly baseURL: string; readonly host: string | undefined } | undefined;

function hostNameOf(baseURL: string): string | undefined {
  if (latestHost?.baseURL !== baseURL) {
    latestHost = { baseURL, host: URL.canParse(baseURL) ? new URL(baseURL).host : undefined };
  }
  return latestHost.host;
}

function refusalError(call: Call, { retryAfterMs, ...circuit }: Refusal): CircuitOpenError {
  const message = `${call.label}() was not sent: ${explain(circuit, retryAfterMs)}`;
  return new CircuitOpenError(message, { retryAfterMs, circuit });
}

function explain({ key, state, forMs, reason }: CircuitRefusal, retryAfterMs: number | undefined): string {
  const which = `the circuit of ${key}`;
  switch (state) {
    case 'open':
      return `${which} has been open for ${forMs} ms because ${reason}. It lets a trial call through in ${retryAfterMs} ms.`;
    case 'half_open':
      return `${which} is half-open, and its trial calls are under way. It had opened because ${reason}. Try again when these have ended.`;
    case 'isolated':
      return `${which} has been isolated for ${forMs} ms because ${reason}. It lets nothing through until close() is called.`;
  }
}
