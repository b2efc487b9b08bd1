import { redact } from '../../decorators/errors/index.js';
import { tell } from '../../decorators/pipeline/events.js';
import type { PolicyEvent } from '../../decorators/pipeline/index.js';

/** Where a client writes its lines: pino, console, or anything with these four methods. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof LEVELS)[number];

/** One line for the console: the message, then the fields as JSON. */
const consoleLogger = Object.fromEntries(
  LEVELS.map((level) => [
    level,
    (fields: object, message: string) =>
      console[level](`keelson ${level}: ${message} ${JSON.stringify(fields)}`),
  ]),
) as unknown as Logger;

/**
 * The logger a client writes to: the one given, or the console when `KEELSON_LOG` names a level. The level, where set,
 * is the least that is written; otherwise a given logger decides by itself.
 */
export function resolveLogger(given: Logger | undefined): Logger | undefined {
  const wanted = globalThis.process?.env?.['KEELSON_LOG']?.trim().toLowerCase();
  const least = LEVELS.indexOf(wanted as Level);
  if (wanted === 'off') return undefined;
  if (least < 0) return given;
  const logger = given ?? consoleLogger;
  const silent = (): void => undefined;
  return Object.fromEntries(
    LEVELS.map((level, i) => [level, i < least ? silent : logger[level].bind(logger)]),
  ) as unknown as Logger;
}

const HEDGE_NEWS = {
  started: 'another attempt was begun',
  won: 'the further attempt has answered first',
  skipped: 'another attempt was due, but may not be made,',
};

/** How a line is written: its level and its message. */
function describe(event: PolicyEvent): [Level, string] {
  const what = `${event.className}.${event.method}()`;
  const ms = (value: number | undefined): string => `${Math.round(value ?? 0)} ms`;
  switch (event.type) {
    case 'attempt':
      return event.error
        ? [
            // Given up for another attempt, or by the caller: then the call's own end tells it.
            event.error.code === 'aborted' ? 'debug' : 'warn',
            `${what}: attempt ${event.attempt} failed after ${ms(event.durationMs)}: ${event.error.message}`,
          ]
        : ['debug', `${what}: attempt ${event.attempt} succeeded after ${ms(event.durationMs)}`];
    case 'retry':
      return [
        'info',
        `${what}: attempt ${event.attempt} will be followed by another in ${ms(event.delayMs)}`,
      ];
    case 'wait':
      return ['debug', `${what}: waits ${ms(event.waitMs)} (${event.reason})`];
    case 'success':
      return ['debug', `${what}: succeeded after ${ms(event.durationMs)}`];
    case 'failure':
      return ['error', `${what}: failed after ${ms(event.durationMs)}: ${event.error.message}`];
    case 'fallback':
      return ['warn', `${what}: failed, ${event.to} is tried in its place: ${event.error.message}`];
    case 'hedge':
      return ['info', `${what}: ${HEDGE_NEWS[event.state]} after ${ms(event.afterMs)}`];
    case 'throttled':
      return ['warn', `${what}: the provider asks everybody to wait ${ms(event.waitMs)}`];
    case 'rejected':
      return ['warn', `${what}: refused by the limiter, the wait would be ${ms(event.waitMs)}`];
    case 'budget': {
      const whose = event.key === undefined ? `'${event.name}'` : `'${event.name}' of '${event.key}'`;
      const taken = `${event.used} of ${event.limit} ${event.unit}`;
      return event.state === 'warning'
        ? ['warn', `${what}: the budget ${whose} is nearly used up: ${taken}`]
        : ['warn', `${what}: refused by the budget ${whose}: ${taken} are used or reserved`];
    }
    case 'route':
      return event.state === 'cooling'
        ? ['warn', `${what}: ${event.to} failed and is left out for ${ms(event.coolDownMs)}`]
        : ['debug', `${what}: goes to ${event.to}`];
    case 'circuit': {
      const circuit = `${what}: the circuit of ${event.key}`;
      if (event.state === 'open') return ['warn', `${circuit} is open for ${ms(event.openMs)}`];
      if (event.state === 'isolated') return ['warn', `${circuit} is isolated`];
      if (event.state === 'half_open') return ['info', `${circuit} is half-open: trial calls decide`];
      return ['info', `${circuit} is closed`];
    }
    case 'cache':
      return event.state === 'failed'
        ? ['warn', event.error?.message ?? `${what}: the store of the cache failed`]
        : ['debug', `${what}: cache ${event.state}`];
    case 'warning':
      return ['warn', event.message];
    default:
      return ['debug', `${what}: ${event.type}`];
  }
}

/** Writes an event as one structured line. `error` becomes plain fields, so that no logger has to know errors. */
export function logEvent(logger: Logger, event: PolicyEvent): void {
  const [level, message] = describe(event);
  const { error, ...fields } = event as PolicyEvent & { error?: { toJSON(): object } };
  logger[level](error ? { ...fields, error: error.toJSON() } : fields, message);
}

/** Writes the bodies of requests and answers, without secrets. A failure of the logger stays out of the call. */
export function bodyLog(logger: Logger, className: string, secrets: Iterable<string>) {
  return (what: string, body: unknown, more: Iterable<string>): void => {
    const write = (): void =>
      logger.debug({ body: redact(body, [...secrets, ...more]) }, `${className}: ${what}`);
    tell(write, undefined, 'The logger');
  };
}
